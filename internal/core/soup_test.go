package core

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/wampeter/wampeter/internal/msg"
)

// TestSoup mixes everything that sessions can do, in any order and with any
// options, and checks what has to hold whatever happens:
//
//   - a call has at most one final answer, and progress only before it;
//   - an INVOCATION has the next id of its callee, or continues a stream;
//   - nothing is sent to a session that has left;
//   - a limit of concurrency is never exceeded;
//   - when everybody has left, nothing is left.
func TestSoup(t *testing.T) { rapid.Check(t, checkSoup) }

// FuzzSoup looks for what TestSoup does not come upon.
func FuzzSoup(f *testing.F) { f.Fuzz(rapid.MakeFuzz(checkSoup)) }

func checkSoup(t *rapid.T) {
	w := newWorld(t)
	w.realm.cfg.Encode = func(args []any, _ map[string]any) msg.Payload {
		return msg.Payload{Format: msg.JSON, Args: make([]byte, len(args))}
	}
	w.realm.cfg.Raw = func(msg.Format, []byte) any { return nil }
	w.realm.cfg.Decode = func(*msg.Payload) ([]any, map[string]any, error) {
		if rapid.Bool().Draw(t, "role") {
			return []any{"role0"}, nil, nil
		}
		return []any{w.any().ID, w.any().ID}, nil, nil
	}
	w.realm.cfg.MaxWaiting = 3
	w.realm.cfg.MaxAggregate = 300
	w.realm.cfg.MaxWaitingBytes = 60
	s := &soup{world: w, pending: make(map[callKey]bool), issued: make(map[*Session]uint64)}
	for range 4 {
		w.join()
	}
	s.taste()
	for range rapid.IntRange(1, 150).Draw(t, "steps") {
		s.stir()
		s.taste()
	}
	w.empty()
}

type callKey struct {
	caller  *Session
	request uint64
}

type soup struct {
	*world
	pending map[callKey]bool // true: wants progress
	issued  map[*Session]uint64
}

func (s *soup) flag(o *msg.Options, k msg.Key, name string) {
	if rapid.IntRange(0, 3).Draw(s.t, name) == 0 {
		o.SetBool(k, true)
	}
}

func (s *soup) options() (o msg.Options) {
	s.flag(&o, msg.Progress, "progress")
	s.flag(&o, msg.ReceiveProgress, "receive_progress")
	s.flag(&o, msg.DiscloseMe, "disclose_me")
	s.flag(&o, msg.Retain, "retain")
	s.flag(&o, msg.GetRetained, "get_retained")
	s.flag(&o, msg.ForceReregister, "force_reregister")
	if rapid.IntRange(0, 3).Draw(s.t, "keys") == 0 {
		o.Set |= msg.KeyRKey | msg.KeyNKey
		o.X = &msg.Extra{RKey: msg.ShardKey{IsInt: true, Int: rapid.Int64Range(0, 5).Draw(s.t, "rkey")}}
	}
	o.Invoke = rapid.SampledFrom([]msg.Invoke{msg.RoundRobin, msg.RoundRobin, msg.Single, msg.Random, msg.Partition, msg.Partition}).Draw(s.t, "invoke")
	o.RunMode = rapid.SampledFrom([]msg.RunMode{msg.RunUnset, msg.RunUnset, msg.RunAll, msg.RunAny, msg.RunPartition}).Draw(s.t, "runmode")
	o.Concurrency = uint32(rapid.IntRange(0, 2).Draw(s.t, "concurrency"))
	o.Timeout = uint64(rapid.IntRange(0, 2).Draw(s.t, "timeout"))
	o.Mode = rapid.SampledFrom([]msg.CancelMode{msg.ModeUnset, msg.Skip, msg.Kill, msg.KillNoWait, msg.ModeUnknown}).Draw(s.t, "mode")
	return o
}

// stir does something.
func (s *soup) stir() {
	t, r := s.t, s.realm
	uri := rapid.SampledFrom([]string{"a", "a.b", "a.c"})
	payload := msg.Payload{Format: msg.JSON, Args: []byte(`["some payload"]`)}
	from := s.any()
	m := &msg.Message{Request: s.request(), Options: s.options(), Payload: payload}
	var handle func(*Session, *msg.Message, *Out) error
	switch action := rapid.SampledFrom([]string{
		"join", "leave", "kill", "tick", "refuse", "subscribe", "unsubscribe", "publish", "register", "register", "unregister",
		"call", "call", "call", "continue", "yield", "yield", "yield", "error", "cancel", "meta",
	}).Draw(t, "action"); action {
	case "join":
		s.join()
		return
	case "leave", "kill":
		if len(s.sessions) < 2 {
			return
		}
		s.forget(from)
		if action == "leave" {
			r.Leave(from, &s.out)
		} else {
			r.Kill(from, msg.CloseKilled, "", &s.out)
		}
		for key := range s.pending {
			if key.caller == from {
				delete(s.pending, key)
			}
		}
		return
	case "tick":
		s.now = s.now.Add(time.Millisecond)
		r.Tick(&s.out)
		if at := r.NextDeadline(); !at.IsZero() && !at.After(s.now) {
			t.Fatal("something is due after Tick")
		}
		return
	case "refuse":
		lost := from.state.invocations.appendAll(nil)
		if len(lost) == 0 {
			return
		}
		r.Undeliverable(from, &msg.Message{Type: msg.Invocation, Request: lost[0].id}, msg.ErrUnavailable, &s.out)
		return
	case "subscribe":
		m.URI, handle = []byte(rapid.SampledFrom([]string{"a", "a.b", "wamp.", "wamp.session.on_leave"}).Draw(t, "uri")), r.Subscribe
		m.Options.Match = rapid.SampledFrom([]msg.Match{msg.Exact, msg.Prefix}).Draw(t, "match")
	case "unsubscribe":
		for sub := range from.state.subscriptions {
			m.ID = max(m.ID, sub.id)
		}
		handle = r.Unsubscribe
	case "publish":
		m.URI, handle = []byte(uri.Draw(t, "uri")), r.Publish
	case "register":
		m.URI, handle = []byte(uri.Draw(t, "uri")), r.Register
	case "unregister":
		for reg := range from.state.registrations {
			m.ID = max(m.ID, reg.id)
		}
		handle = r.Unregister
	case "call", "meta":
		m.URI, handle = []byte(uri.Draw(t, "uri")), r.Call
		if action == "meta" {
			m.URI = []byte(rapid.SampledFrom([]string{
				"wamp.session.kill", "wamp.session.kill_by_authrole", "wamp.session.list", "wamp.session.kill_all", "wamp.registration.list", "wamp.subscription.list",
			}).Draw(t, "procedure"))
			m.Options = msg.Options{}
		}
		s.pending[callKey{from, m.Request}] = m.Options.Is(msg.ReceiveProgress)
	case "continue":
		for _, c := range from.state.calls.appendAll(nil) {
			if c.input && (handle == nil || c.request < m.Request) {
				m.Request, m.URI, handle = c.request, c.rare.procedure, r.Call
			}
		}
		if handle == nil {
			return
		}
		m.URI = slices.Clone(m.URI)
	case "yield", "error":
		if from.state.lastInvocation == 0 {
			return
		}
		m.Request = rapid.Uint64Range(1, from.state.lastInvocation).Draw(t, "invocation")
		handle = r.Yield
		if action == "error" {
			m.ErrType, m.URI, handle = msg.Invocation, []byte(rapid.SampledFrom([]string{"com.error", msg.ErrUnavailable}).Draw(t, "error")), r.Error
		}
	case "cancel":
		calls := from.state.calls.appendAll(nil)
		if len(calls) == 0 {
			return
		}
		m.Request, handle = calls[0].request, r.Cancel
	}
	s.ok(handle(from, m, &s.out))
}

// taste checks what the realm has sent.
func (s *soup) taste() {
	t := s.t
	for i := range s.out.Effects {
		e := &s.out.Effects[i]
		to := e.Receivers
		if e.To != nil {
			to = []*Session{e.To}
		}
		for _, other := range to {
			if other == nil {
				t.Fatalf("%v to nobody", e.Msg.Type)
			}
			if !other.state.joined && !s.leavesWith(i, other) {
				t.Fatalf("%v to a session that has left", e.Msg.Type)
			}
		}
		m := &e.Msg
		key := callKey{e.To, m.Request}
		switch m.Type {
		case msg.Invocation:
			if m.Request == s.issued[e.To]+1 {
				s.issued[e.To]++
			} else if m.Request > s.issued[e.To] {
				t.Fatalf("INVOCATION %d after %d", m.Request, s.issued[e.To])
			}
		case msg.Result:
			progress, ok := s.pending[key]
			if !ok {
				t.Fatalf("RESULT for call %d, which is not pending", m.Request)
			}
			if m.Options.Is(msg.Progress) {
				if !progress {
					t.Fatal("progress that nobody asked for")
				}
				continue
			}
			delete(s.pending, key)
		case msg.Error:
			if m.ErrType == msg.Call {
				if _, ok := s.pending[key]; !ok {
					t.Fatalf("ERROR for call %d, which is not pending", m.Request)
				}
				delete(s.pending, key)
			}
		}
	}
	s.sessions = slices.DeleteFunc(s.sessions, func(other *Session) bool {
		if !other.state.joined {
			for key := range s.pending {
				if key.caller == other {
					delete(s.pending, key)
				}
			}
		}
		return !other.state.joined
	})
	if len(s.sessions) == 0 {
		s.join()
	}
	if n := s.realm.Stats().PendingCalls; n != len(s.pending) {
		t.Fatalf("%d calls are pending, want %d", n, len(s.pending))
	}
	for _, reg := range s.realm.registrations {
		for _, c := range reg.callees {
			if c.limit > 0 && c.running > c.limit {
				t.Fatalf("a callee has %d calls, and wants %d at most", c.running, c.limit)
			}
			if !c.busy() && reg.queue.n > 0 && !slices.ContainsFunc(s.waiting(reg), func(inv *invocation) bool { return inv.call.hasTried(c) }) {
				t.Fatalf("%d calls wait for a callee that is free", reg.queue.n)
			}
		}
	}
	s.out.Reset()
}

func (s *soup) waiting(reg *registration) (list []*invocation) {
	for inv := reg.queue.first; inv != nil; inv = inv.next {
		list = append(list, inv)
	}
	return list
}

// leavesWith reports whether effect i belongs to the leaving of a session:
// GOODBYE and what was sent before it.
func (s *soup) leavesWith(i int, other *Session) bool {
	for j := i; j < len(s.out.Effects); j++ {
		if e := &s.out.Effects[j]; e.To == other && e.Msg.Type == msg.Goodbye {
			return true
		}
	}
	return false
}
