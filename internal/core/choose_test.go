package core

import (
	"fmt"
	"testing"

	"github.com/wampeter/wampeter/internal/msg"
)

// Keys spread evenly over the callees, and stay where they are when others
// come and go (the definition of runmode "partition").
func TestPartitionSpread(t *testing.T) {
	const n, keys = 5, 5000
	p := newRPC(t, msg.Options{Invoke: msg.Partition}, n)
	where := func(key int) *Session {
		p.call.Options = msg.Options{Set: msg.KeyRKey, X: &msg.Extra{RKey: msg.ShardKey{Str: fmt.Sprint(key)}}}
		s, id := p.begin()
		p.answer(s, id)
		return s
	}
	before := make([]*Session, keys)
	count := make(map[*Session]int)
	for key := range before {
		before[key] = where(key)
		count[before[key]]++
	}
	for s, c := range count {
		if c < keys/n*8/10 || c > keys/n*12/10 {
			t.Errorf("session %d has %d of %d keys", s.ID, c, keys)
		}
	}
	gone := p.callees[2]
	p.realm.Leave(gone, &p.out)
	p.out.Reset()
	for key, s := range before {
		if now := where(key); s != gone && now != s || now == gone {
			t.Fatalf("key %d moved from session %d to %d", key, s.ID, now.ID)
		}
	}
}

// Strings and integers are different keys.
func TestKeyTypes(t *testing.T) {
	r := testRealm(Config{})
	if r.hashKey(msg.ShardKey{Str: "1"}) == r.hashKey(msg.ShardKey{IsInt: true, Int: 1}) ||
		r.hashKey(msg.ShardKey{Str: "a"}) == r.hashKey(msg.ShardKey{Str: "b"}) ||
		r.hashKey(msg.ShardKey{IsInt: true, Int: 1}) == r.hashKey(msg.ShardKey{IsInt: true, Int: -1}) {
		t.Error("different keys hash alike")
	}
}

// Random choice reaches every callee about as often, also of those who are
// left after rerouting.
func TestRandomSpread(t *testing.T) {
	p := newRPC(t, msg.Options{Invoke: msg.Random}, 4)
	const n = 4000
	count := make(map[*Session]int)
	for range n {
		s, id := p.begin()
		count[s]++
		p.answer(s, id)
	}
	second := make(map[*Session]int)
	for range n {
		s, id := p.begin()
		must(t, p.realm.Error(s, &msg.Message{Type: msg.Error, ErrType: msg.Invocation, Request: id, URI: errUnavailable}, &p.out))
		again := p.out.Effects[0]
		p.out.Reset()
		if again.To == s {
			t.Fatal("the same callee is asked again")
		}
		second[again.To]++
		p.answer(again.To, again.Msg.Request)
	}
	for _, s := range p.callees {
		if count[s] < n/4*8/10 || second[s] < n/4*8/10 {
			t.Errorf("session %d: %d of %d, rerouted %d", s.ID, count[s], n, second[s])
		}
	}
}

// The history of a topic is bounded in bytes as well as in events.
func TestEventLogBounds(t *testing.T) {
	l := memoryLog{limit: 10, most: 1000}
	for i := range 100 {
		l.Append(&Event{Publication: uint64(i + 1), size: 100 + i%3*100})
		sum := 0
		for j := range l.count {
			sum += l.At(j).size
			if l.At(j).Publication != uint64(i+2-l.count+j) {
				t.Fatalf("event %d is %d", j, l.At(j).Publication)
			}
		}
		if sum != l.bytes || sum > l.most || l.count > l.limit || len(l.ring) > l.limit {
			t.Fatalf("%d events with %d bytes, counted as %d", l.count, sum, l.bytes)
		}
	}
	if l.Append(&Event{Publication: 1000, size: 1001}); l.At(l.count-1).Publication == 1000 {
		t.Error("an event larger than all that may be kept is kept")
	}
}
