package core

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/wampeter/wampeter/internal/msg"
)

// The vectors of the SipHash paper and its reference implementation.
func TestSipHash(t *testing.T) {
	var key [16]byte
	var data []byte
	for i := range key {
		key[i] = byte(i)
	}
	want := map[int]uint64{
		0: 0x726fdb47dd0e0e31, 1: 0x74f839c593dc67fd, 7: 0xab0200f58b01d137,
		8: 0x93f5f5799a932462, 15: 0xa129ca6149be45e5,
	}
	for n := range 16 {
		if w, ok := want[n]; ok {
			if got := siphash(&key, data); got != w {
				t.Errorf("%d bytes: %#x, want %#x", n, got, w)
			}
		}
		data = append(data, byte(n))
	}
}

func TestIDs(t *testing.T) {
	for random, want := range map[uint64]uint64{0: 1, ^uint64(0): msg.MaxID, 1 << 11: 2} {
		if got := toID(random); got != want {
			t.Errorf("toID(%#x) = %d", random, got)
		}
	}
	key := [16]byte{7}
	free := func(uint64) bool { return false }
	id := objectID(&key, kindSubscription, msg.Exact, "com.x", free)
	if id != objectID(&key, kindSubscription, msg.Exact, "com.x", free) {
		t.Error("the same object has two IDs")
	}
	for _, other := range []uint64{
		objectID(&key, kindRegistration, msg.Exact, "com.x", free),
		objectID(&key, kindSubscription, msg.Prefix, "com.x", free),
		objectID(&key, kindSubscription, msg.Exact, "com.y", free),
		objectID(&[16]byte{8}, kindSubscription, msg.Exact, "com.x", free),
	} {
		if other == id {
			t.Error("different objects have one ID")
		}
	}
	// Collisions take the next number, around the end.
	taken := map[uint64]bool{id: true, id%msg.MaxID + 1: true}
	if got := objectID(&key, kindSubscription, msg.Exact, "com.x", func(id uint64) bool { return taken[id] }); got != (id+1)%msg.MaxID+1 {
		t.Errorf("probed %d after %d", got, id)
	}
}

func TestIDTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := idTable[uint64]{mul: rapid.Uint64().Draw(t, "mul") | 1}
		model := make(map[uint64]*uint64)
		ids := rapid.OneOf(rapid.Uint64Range(1, 40), rapid.Uint64Range(1, msg.MaxID))
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			id := ids.Draw(t, "id")
			if got := table.get(id); got != model[id] {
				t.Fatalf("get(%d) = %v, want %v", id, got, model[id])
			}
			if model[id] == nil {
				v := &id
				table.put(id, v)
				model[id] = v
			} else if rapid.Bool().Draw(t, "remove") {
				table.remove(id)
				delete(model, id)
			}
			if table.n != len(model) {
				t.Fatalf("%d records of %d", table.n, len(model))
			}
		}
		all := table.appendAll(nil)
		if len(all) != len(model) || slices.ContainsFunc(all, func(v *uint64) bool { return model[*v] != v }) {
			t.Fatal("appendAll misses records")
		}
		table.remove(0)
		if table.get(0) != nil {
			t.Fatal("there is a record 0")
		}
		for id := range model {
			table.remove(id)
		}
		if table.n != 0 || slices.ContainsFunc(table.slots, func(s idSlot[uint64]) bool { return s.id != 0 }) {
			t.Fatal("removing leaves something behind")
		}
	})
}

// An empty table that was large gives its memory back.
func TestIDTableShrinks(t *testing.T) {
	table := idTable[int]{mul: 1}
	for id := range uint64(5000) {
		table.put(id+1, new(int))
	}
	for id := range uint64(5000) {
		table.remove(id + 1)
	}
	if len(table.slots) != 0 {
		t.Errorf("%d slots are left", len(table.slots))
	}
}

// Basic profile, section "IDs": after 2^53 comes 1.
func TestStrictIDsWrap(t *testing.T) {
	r := testRealm(Config{StrictIDs: true})
	s := testSession(r, 1, new(Out))
	s.state.lastRequest = msg.MaxID - 1
	for _, id := range []uint64{msg.MaxID, 1, 2} {
		must(t, r.newRequest(s, id))
	}
	if r.newRequest(s, 2) == nil || r.newRequest(s, 4) == nil {
		t.Error("ids that do not follow pass")
	}
}

// Timers fire in the order of their deadlines, whatever starts and stops
// between.
func TestTimers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(0, 0)
		r := New(Config{Now: func() time.Time { return now }, Rand: func() uint64 { return 1 }})
		calls := make([]call, 20)
		model := make(map[*call]time.Time)
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			c := &calls[rapid.IntRange(0, len(calls)-1).Draw(t, "call")]
			switch rapid.SampledFrom([]string{"start", "start", "stop", "restart"}).Draw(t, "action") {
			case "start":
				c.timeout = time.Duration(rapid.IntRange(0, 50).Draw(t, "timeout"))
				r.startTimer(c)
				if c.timeout > 0 {
					model[c] = now.Add(c.timeout)
				}
			case "stop":
				r.stopTimer(c)
				delete(model, c)
			case "restart":
				r.restartTimer(c)
				if _, ok := model[c]; ok && c.timeout > 0 {
					model[c] = now.Add(c.timeout)
				}
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "pass")))
			var first time.Time
			for _, at := range model {
				if first.IsZero() || at.Before(first) {
					first = at
				}
			}
			if len(r.timers) != len(model) || !r.NextDeadline().Equal(first) {
				t.Fatalf("%d timers, next at %v; want %d, %v", len(r.timers), r.NextDeadline(), len(model), first)
			}
		}
		var last time.Time
		for len(r.timers) > 0 {
			c := r.timers[0]
			if c.deadline.Before(last) || !c.deadline.Equal(model[c]) {
				t.Fatal("timers fire out of order")
			}
			last = c.deadline
			r.stopTimer(c)
		}
	})
}
