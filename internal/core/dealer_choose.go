package core

import (
	"encoding/binary"
	"slices"

	"github.com/wampeter/wampeter/internal/msg"
)

// choose returns the callee that is to serve c (specification, advanced
// profile, sections "Shared Registration" and "Call Rerouting"), or the queue
// that c has to wait in while those who could are at their limit. It returns
// neither when all have said that they are unavailable.
func (r *Realm) choose(c *call) (*callee, *queue) {
	reg := c.reg
	if x := c.rare; x != nil && (x.partition || len(x.tried) > 0) {
		return r.chooseRare(reg, x)
	}
	n := len(reg.callees)
	first, step := 0, 1
	switch reg.invoke {
	case msg.RoundRobin, msg.Partition:
		first = reg.turn % n
	case msg.Random:
		first = int(r.cfg.Rand() % uint64(n))
	case msg.Last:
		first, step = n-1, n-1
	}
	for range n {
		if to := reg.callees[first]; !to.busy() {
			reg.turn = first + 1
			return to, nil
		}
		first = (first + step) % n
	}
	return nil, &reg.queue
}

// chooseRare is choose for calls that have been rerouted, or that depend on a
// key.
func (r *Realm) chooseRare(reg *registration, x *rare) (*callee, *queue) {
	left := make([]*callee, 0, len(reg.callees))
	for _, to := range reg.callees {
		if !slices.Contains(x.tried, to) {
			left = append(left, to)
		}
	}
	if len(left) == 0 || reg.invoke == msg.Single && len(x.tried) > 0 {
		return nil, nil
	}
	if x.partition {
		to := left[0]
		for _, other := range left[1:] {
			if weight(other.key, x.key) > weight(to.key, x.key) {
				to = other
			}
		}
		if to.busy() {
			return nil, &to.queue
		}
		return to, nil
	}
	free := slices.DeleteFunc(left, (*callee).busy)
	if len(free) == 0 {
		return nil, &reg.queue
	}
	switch reg.invoke {
	case msg.RoundRobin, msg.Partition:
		for i := range reg.callees {
			at := (reg.turn + i) % len(reg.callees)
			if to := reg.callees[at]; slices.Contains(free, to) {
				reg.turn = at + 1
				return to, nil
			}
		}
	case msg.Random:
		return free[r.cfg.Rand()%uint64(len(free))], nil
	case msg.Last:
		return free[len(free)-1], nil
	}
	return free[0], nil
}

// busy reports whether c has as many calls as it wants at a time.
func (c *callee) busy() bool { return c.limit > 0 && c.running >= c.limit }

// hashKey hashes nkey and rkey values. Integers and strings never hash alike
// but by chance.
func (r *Realm) hashKey(k msg.ShardKey) uint64 {
	data := make([]byte, 0, 64)
	if k.IsInt {
		data = binary.LittleEndian.AppendUint64(append(data, 'i'), uint64(k.Int))
	} else {
		data = append(append(data, 's'), k.Str...)
	}
	return siphash(&r.cfg.Key, data)
}

// weight is what members of a group are compared by for a key: the heaviest
// one serves it. As long as the members stay the same, so does the one that a
// key belongs to; when one leaves, only its keys move.
func weight(node, key uint64) uint64 {
	// The finalizer of MurmurHash3.
	h := node ^ key
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
