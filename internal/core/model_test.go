package core

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/wampeter/wampeter/internal/msg"
)

// Random sessions against models that know no index: lists that are searched
// from end to end.

var (
	modelPatterns = []string{"a", "a.b", "a.c", "b.c", "a.b.c", "", "a.", ".b", "a..c", "..", "."}
	modelURIs     = []string{"a", "a.b", "a.c", "b.c", "a.b.c", "b.b.c", "a.bb"}
	modelPolicies = []msg.Match{msg.Exact, msg.Prefix, msg.Wildcard}
)

func modelMatches(policy msg.Match, pattern, uri string) bool {
	switch policy {
	case msg.Prefix:
		return strings.HasPrefix(uri, pattern)
	case msg.Wildcard:
		p, u := strings.Split(pattern, "."), strings.Split(uri, ".")
		if len(p) != len(u) {
			return false
		}
		for i := range p {
			if p[i] != "" && p[i] != u[i] {
				return false
			}
		}
		return true
	}
	return pattern == uri
}

// world is a realm with its sessions, and what they have to do with it.
type world struct {
	t        *rapid.T
	realm    *Realm
	now      time.Time
	out      Out
	sessions []*Session
	requests uint64
}

func newWorld(t *rapid.T) *world {
	w := &world{t: t, now: time.Unix(0, 0)}
	var random uint64
	w.realm = New(Config{
		Now:  func() time.Time { return w.now },
		Rand: func() uint64 { random += 0x9e3779b97f4a7c15; return random },
	})
	return w
}

func (w *world) join() *Session {
	w.requests++
	s := &Session{ID: w.requests, AuthID: fmt.Sprint("id", w.requests%3), AuthRole: fmt.Sprint("role", w.requests%2)}
	if rapid.Bool().Draw(w.t, "features") {
		for i := range s.Roles.Features {
			s.Roles.Features[i] = ^(msg.CallReroute | msg.CallTimeout)
		}
	}
	w.realm.Join(s, &w.out)
	w.sessions = append(w.sessions, s)
	return s
}

func (w *world) any() *Session {
	return w.sessions[rapid.IntRange(0, len(w.sessions)-1).Draw(w.t, "session")]
}

func (w *world) forget(s *Session) {
	w.sessions = slices.DeleteFunc(w.sessions, func(other *Session) bool { return other == s })
}

func (w *world) request() uint64 {
	w.requests++
	return w.requests
}

func (w *world) ok(err error) {
	if err != nil {
		w.t.Fatal(err)
	}
}

// empty checks that nothing is left of a realm whose sessions have left.
func (w *world) empty() {
	for _, s := range w.sessions {
		w.realm.Leave(s, &w.out)
		w.out.Reset()
	}
	r := w.realm
	stats := r.Stats()
	if stats.Sessions+stats.Subscriptions+stats.Registrations+stats.PendingCalls+stats.KeptBytes != 0 ||
		r.topics.Len()+r.procedures.Len()+len(r.timers) != 0 || r.first != nil || r.last != nil {
		w.t.Fatalf("something is left: %+v, %d timers", stats, len(r.timers))
	}
}

// modelSub is one session's subscription.
type modelSub struct {
	session *Session
	policy  msg.Match
	uri     string
	id      uint64
}

func TestBrokerModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		var subs []modelSub
		for range 3 {
			w.join()
		}
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			w.out.Reset()
			switch rapid.SampledFrom([]string{"join", "leave", "subscribe", "subscribe", "subscribe", "unsubscribe", "publish", "publish", "publish"}).Draw(t, "action") {
			case "join":
				w.join()
			case "leave":
				if len(w.sessions) < 2 {
					continue
				}
				s := w.any()
				w.realm.Leave(s, &w.out)
				w.forget(s)
				subs = slices.DeleteFunc(subs, func(sub modelSub) bool { return sub.session == s })
			case "subscribe":
				s := w.any()
				sub := modelSub{session: s, policy: rapid.SampledFrom(modelPolicies).Draw(t, "policy"), uri: rapid.SampledFrom(modelPatterns).Draw(t, "uri")}
				w.ok(w.realm.Subscribe(s, &msg.Message{Type: msg.Subscribe, Request: w.request(), URI: []byte(sub.uri), Options: msg.Options{Match: sub.policy}}, &w.out))
				answer := w.out.Effects[0].Msg
				if answer.Type != msg.Subscribed {
					if w.realm.validPattern(sub.policy, []byte(sub.uri)) {
						t.Fatalf("%v %q is refused: %s", sub.policy, sub.uri, answer.URI)
					}
					continue
				}
				sub.id = answer.ID
				for _, other := range subs {
					if same := other.policy == sub.policy && other.uri == sub.uri; same != (other.id == sub.id) {
						t.Fatalf("%+v and %+v", other, sub)
					}
				}
				if !slices.Contains(subs, sub) {
					subs = append(subs, sub)
				}
			case "unsubscribe":
				if len(subs) == 0 {
					continue
				}
				at := rapid.IntRange(0, len(subs)-1).Draw(t, "at")
				s := w.any()
				w.ok(w.realm.Unsubscribe(s, &msg.Message{Type: msg.Unsubscribe, Request: w.request(), ID: subs[at].id}, &w.out))
				had := slices.IndexFunc(subs, func(sub modelSub) bool { return sub.session == s && sub.id == subs[at].id })
				if got := w.out.Effects[0].Msg.Type; (got == msg.Unsubscribed) != (had >= 0) {
					t.Fatalf("UNSUBSCRIBE was answered with %v", got)
				}
				if had >= 0 {
					subs = slices.Delete(subs, had, had+1)
				}
			case "publish":
				w.checkPublish(subs)
			}
		}
		w.out.Reset()
		w.empty()
	})
}

// checkPublish publishes something and compares who gets it.
func (w *world) checkPublish(subs []modelSub) {
	t := w.t
	s := w.any()
	uri := rapid.SampledFrom(modelURIs).Draw(t, "uri")
	m := &msg.Message{Type: msg.Publish, Request: w.request(), URI: []byte(uri)}
	excludeMe := rapid.Bool().Draw(t, "exclude_me")
	if !excludeMe {
		m.Options.SetBool(msg.ExcludeMe, false)
	}
	var eligible []uint64
	var excludedRoles []string
	filtered := rapid.Bool().Draw(t, "filtered")
	if filtered {
		eligible = rapid.SliceOfN(rapid.Uint64Range(1, 10), 0, 6).Draw(t, "eligible")
		excludedRoles = rapid.SliceOfN(rapid.SampledFrom([]string{"role0", "role1"}), 0, 1).Draw(t, "roles")
		m.Options.Set |= msg.KeyEligible | msg.KeyExcludeAuthRole
		m.Options.X = &msg.Extra{Eligible: eligible, ExcludeAuthRole: excludedRoles}
	}
	w.ok(w.realm.Publish(s, m, &w.out))

	type delivery struct{ sub, session uint64 }
	var got, want []delivery
	for _, e := range w.out.Effects {
		if e.Msg.Publication != w.out.Effects[0].Msg.Publication {
			t.Fatal("one publication has two IDs")
		}
		for _, to := range e.Receivers {
			got = append(got, delivery{e.Msg.ID, to.ID})
		}
	}
	for _, sub := range subs {
		if !modelMatches(sub.policy, sub.uri, uri) || excludeMe && sub.session == s {
			continue
		}
		if filtered && (!slices.Contains(eligible, sub.session.ID) || slices.Contains(excludedRoles, sub.session.AuthRole)) {
			continue
		}
		want = append(want, delivery{sub.id, sub.session.ID})
	}
	order := func(a, b delivery) int {
		return cmp.Or(cmp.Compare(a.sub, b.sub), cmp.Compare(a.session, b.session))
	}
	slices.SortFunc(got, order)
	slices.SortFunc(want, order)
	if !slices.Equal(got, want) {
		t.Fatalf("%q went to\n%v, should have gone to\n%v", uri, got, want)
	}
}

// modelReg is a registration as the specification describes it.
type modelReg struct {
	id      uint64
	policy  msg.Match
	uri     string
	invoke  msg.Invoke
	callees []*Session
	turn    int // of roundrobin
}

// modelCall is a call that is pending.
type modelCall struct {
	caller, callee      *Session
	request, invocation uint64
	killed              bool
}

type dealerModel struct {
	*world
	regs    []*modelReg
	calls   []*modelCall
	issued  map[*Session]uint64
	answers []string // expected messages, in order
}

func TestDealerModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &dealerModel{world: newWorld(t), issued: make(map[*Session]uint64)}
		for range 3 {
			w.join()
		}
		actions := map[string]func(){
			"join": func() { w.join() }, "leave": w.leave, "register": w.register, "unregister": w.unregister,
			"call": w.call, "yield": w.yield, "cancel": w.cancel,
		}
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			w.out.Reset()
			w.answers = nil
			action := rapid.SampledFrom([]string{"join", "leave", "register", "register", "unregister", "call", "call", "call", "yield", "yield", "cancel"}).Draw(t, "action")
			actions[action]()
			var got []string
			for _, e := range w.out.Effects {
				got = append(got, describe(e.To, &e.Msg))
			}
			slices.Sort(got) // of what one message brings, the model knows no order
			slices.Sort(w.answers)
			if diff := gocmp.Diff(w.answers, got); diff != "" {
				t.Fatalf("%s (-want +got):\n%s", action, diff)
			}
			if n := w.realm.Stats().PendingCalls; n != len(w.calls) {
				t.Fatalf("%d calls are pending, want %d", n, len(w.calls))
			}
		}
		w.out.Reset()
		w.empty()
	})
}

// describe tells a message in a line.
func describe(to *Session, m *msg.Message) string {
	line := fmt.Sprintf("%d < %v %d %d", to.ID, m.Type, m.Request, m.ID)
	switch m.Type {
	case msg.Error:
		return line + fmt.Sprintf(" %v %s", m.ErrType, m.URI)
	case msg.Interrupt:
		return line + " " + m.Options.Mode.String()
	}
	return line
}

func (w *dealerModel) expect(to *Session, m msg.Message) {
	w.answers = append(w.answers, describe(to, &m))
}

func (w *dealerModel) fail(to *Session, t msg.Type, request uint64, uri string) {
	w.expect(to, msg.Message{Type: msg.Error, ErrType: t, Request: request, URI: []byte(uri)})
}

func (w *dealerModel) register() {
	s := w.any()
	policy := rapid.SampledFrom(modelPolicies).Draw(w.t, "policy")
	uri := rapid.SampledFrom(modelPatterns).Draw(w.t, "uri")
	invoke := rapid.SampledFrom([]msg.Invoke{msg.Single, msg.First, msg.Last, msg.RoundRobin, msg.RoundRobin}).Draw(w.t, "invoke")
	request := w.request()
	w.ok(w.realm.Register(s, &msg.Message{Type: msg.Register, Request: request, URI: []byte(uri), Options: msg.Options{Match: policy, Invoke: invoke}}, &w.out))
	if !w.realm.validPattern(policy, []byte(uri)) {
		w.fail(s, msg.Register, request, msg.ErrInvalidURI)
		return
	}
	at := slices.IndexFunc(w.regs, func(reg *modelReg) bool { return reg.policy == policy && reg.uri == uri })
	if at < 0 {
		id := w.out.Effects[0].Msg.ID
		if id == 0 || slices.ContainsFunc(w.regs, func(reg *modelReg) bool { return reg.id == id }) {
			w.t.Fatalf("registration ID %d", id)
		}
		w.regs = append(w.regs, &modelReg{id: id, policy: policy, uri: uri, invoke: invoke})
		at = len(w.regs) - 1
	}
	reg := w.regs[at]
	if len(reg.callees) > 0 && (reg.invoke == msg.Single || reg.invoke != invoke) {
		w.fail(s, msg.Register, request, msg.ErrProcedureAlreadyExists)
		return
	}
	if !slices.Contains(reg.callees, s) {
		reg.callees = append(reg.callees, s)
	}
	w.expect(s, msg.Message{Type: msg.Registered, Request: request, ID: reg.id})
}

func (w *dealerModel) unregister() {
	if len(w.regs) == 0 {
		return
	}
	s, reg := w.any(), w.regs[rapid.IntRange(0, len(w.regs)-1).Draw(w.t, "registration")]
	request := w.request()
	w.ok(w.realm.Unregister(s, &msg.Message{Type: msg.Unregister, Request: request, ID: reg.id}, &w.out))
	if !slices.Contains(reg.callees, s) {
		w.fail(s, msg.Unregister, request, msg.ErrNoSuchRegistration)
		return
	}
	w.remove(reg, s)
	w.expect(s, msg.Message{Type: msg.Unregistered, Request: request})
}

func (w *dealerModel) remove(reg *modelReg, s *Session) {
	at := slices.Index(reg.callees, s)
	if at < 0 {
		return
	}
	if reg.turn > at {
		reg.turn--
	}
	reg.callees = slices.Delete(reg.callees, at, at+1)
	if len(reg.callees) == 0 {
		w.regs = slices.DeleteFunc(w.regs, func(other *modelReg) bool { return other == reg })
	}
}

// best compares two registrations that match the same URI.
func best(a, b *modelReg) *modelReg {
	if a.policy != b.policy {
		if a.policy < b.policy {
			return a
		}
		return b
	}
	if a.policy == msg.Prefix {
		if len(a.uri) > len(b.uri) {
			return a
		}
		return b
	}
	x, y := strings.Split(a.uri, "."), strings.Split(b.uri, ".")
	for i := range x {
		if x[i] != y[i] {
			if x[i] != "" {
				return a
			}
			return b
		}
	}
	return a
}

func (w *dealerModel) call() {
	s := w.any()
	uri := rapid.SampledFrom(modelURIs).Draw(w.t, "uri")
	request := w.request()
	w.ok(w.realm.Call(s, &msg.Message{Type: msg.Call, Request: request, URI: []byte(uri)}, &w.out))
	var reg *modelReg
	for _, other := range w.regs {
		if modelMatches(other.policy, other.uri, uri) {
			if reg == nil {
				reg = other
			}
			reg = best(reg, other)
		}
	}
	if reg == nil {
		w.fail(s, msg.Call, request, msg.ErrNoSuchProcedure)
		return
	}
	to := reg.callees[0]
	switch reg.invoke {
	case msg.Last:
		to = reg.callees[len(reg.callees)-1]
	case msg.RoundRobin:
		at := reg.turn % len(reg.callees)
		to = reg.callees[at]
		reg.turn = at + 1
	}
	w.issued[to]++
	w.calls = append(w.calls, &modelCall{caller: s, callee: to, request: request, invocation: w.issued[to]})
	w.expect(to, msg.Message{Type: msg.Invocation, Request: w.issued[to], ID: reg.id})
}

func (w *dealerModel) end(c *modelCall) {
	w.calls = slices.DeleteFunc(w.calls, func(other *modelCall) bool { return other == c })
}

func (w *dealerModel) yield() {
	s := w.any()
	if w.issued[s] == 0 {
		return
	}
	id := rapid.Uint64Range(1, w.issued[s]).Draw(w.t, "invocation")
	isError := rapid.Bool().Draw(w.t, "error")
	if isError {
		w.ok(w.realm.Error(s, &msg.Message{Type: msg.Error, ErrType: msg.Invocation, Request: id, URI: []byte("com.error")}, &w.out))
	} else {
		w.ok(w.realm.Yield(s, &msg.Message{Type: msg.Yield, Request: id}, &w.out))
	}
	for _, c := range w.calls {
		if c.callee == s && c.invocation == id {
			if isError {
				w.fail(c.caller, msg.Call, c.request, "com.error")
			} else {
				w.expect(c.caller, msg.Message{Type: msg.Result, Request: c.request})
			}
			w.end(c)
			return
		}
	}
}

func (w *dealerModel) cancel() {
	if len(w.calls) == 0 {
		return
	}
	c := w.calls[rapid.IntRange(0, len(w.calls)-1).Draw(w.t, "call")]
	mode := rapid.SampledFrom([]msg.CancelMode{msg.ModeUnset, msg.Skip, msg.Kill, msg.KillNoWait}).Draw(w.t, "mode")
	w.ok(w.realm.Cancel(c.caller, &msg.Message{Type: msg.Cancel, Request: c.request, Options: msg.Options{Mode: mode}}, &w.out))
	can := c.callee.Roles.Features[1]&msg.CallCanceling != 0
	if can && !c.killed && mode != msg.Skip {
		if mode == msg.ModeUnset {
			mode = msg.KillNoWait
		}
		w.expect(c.callee, msg.Message{Type: msg.Interrupt, Request: c.invocation, Options: msg.Options{Mode: mode}})
	}
	if can && mode == msg.Kill {
		c.killed = true
		return
	}
	w.fail(c.caller, msg.Call, c.request, msg.ErrCanceled)
	w.end(c)
}

func (w *dealerModel) leave() {
	if len(w.sessions) < 2 {
		return
	}
	s := w.any()
	w.realm.Leave(s, &w.out)
	w.forget(s)
	for _, reg := range slices.Clone(w.regs) {
		w.remove(reg, s)
	}
	for _, c := range slices.Clone(w.calls) {
		switch s {
		case c.caller:
			if c.callee != s && c.callee.Roles.Features[1]&msg.CallCanceling != 0 {
				w.expect(c.callee, msg.Message{Type: msg.Interrupt, Request: c.invocation, Options: msg.Options{Mode: msg.KillNoWait}})
			}
		case c.callee:
			w.fail(c.caller, msg.Call, c.request, msg.ErrCanceled)
		default:
			continue
		}
		w.end(c)
	}
}
