package router_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// stubborn are functions that do not return when their context ends, but when
// the test says so.
type stubborn struct {
	begun   chan struct{}
	release chan struct{}
}

func newStubborn(t *testing.T) *stubborn {
	s := &stubborn{make(chan struct{}, 100), make(chan struct{})}
	t.Cleanup(func() { // before the router is closed
		select {
		case <-s.release:
		default:
			close(s.release)
		}
	})
	return s
}

func (s *stubborn) run() {
	s.begun <- struct{}{}
	<-s.release
}

// Whoever decides and does not return in time refuses, and keeps nobody: the
// session goes on, may leave, and be ended.
func TestDecisionNeverEnds(t *testing.T) {
	rt, addr := newRouter(t, router.Config{DecisionTimeout: 200 * time.Millisecond})
	realm, stuck := rt.Realm("realm1"), newStubborn(t)
	realm.Authenticate(believing())
	must(t, realm.Permit("guest",
		router.Rule{URI: "com.", Match: wamp.Prefix, Allow: router.AllActions},
		router.Rule{URI: "com.ask", Allow: router.AllActions, Ask: router.AuthorizerFunc(
			func(_ context.Context, q *router.Request) (router.Decision, error) {
				stuck.run()
				if q.Options()["acknowledge"] != true {
					t.Error(q.Options())
				}
				return router.Decision{Allow: true, TTL: time.Hour}, nil
			})}))
	realm.Intercept(func(_ context.Context, _ *router.Session, m *router.Message) error {
		if m.URI == "com.intercept" {
			stuck.run()
			if len(m.Options()) != 0 { // it is over
				t.Error(m.Options())
			}
		}
		return nil
	})
	undone := make(chan struct{}, 1)
	must(t, realm.OnSubscribe("com.subscribe", func(context.Context, *router.Session) (func(), error) {
		stuck.run()
		return func() { undone <- struct{}{} }, nil
	}))
	w, other := joinAs(t, addr, "joe", "guest"), joinAs(t, addr, "jim", "guest")
	other.subscribe(`{"match":"prefix"}`, "com.x")
	w.send(`[16,1,{"acknowledge":true},"com.ask"]`)
	w.send(`[16,2,{"acknowledge":true},"com.intercept"]`)
	w.send(`[32,3,{},"com.subscribe"]`)
	w.send(`[16,4,{},"com.x",[4]]`)
	for _, request := range []string{"16,1", "16,2", "32,3"} {
		w.expect(`[8,` + request + `,{},"wamp.error.authorization_failed",["it was not decided in time whether this is allowed"]]`)
		<-stuck.begun
	}
	other.expect(`[36,"*","*",{"topic":"com.x"},[4]]`)
	w.send(`[16,5,{"acknowledge":true},"com.intercept"]`)
	<-stuck.begun
	w.send(`[6,{},"wamp.close.normal"]`)
	w.expect(`[8,16,5,{},"wamp.error.authorization_failed","*"]`)
	w.expect(`[6,{},"wamp.close.goodbye_and_out"]`)
	w.helloAs("joe", "guest")
	w.send(`[16,1,{"acknowledge":true},"com.ask"]`)
	<-stuck.begun
	must1(realm.CloseSessions(func(s *router.Session) bool { return s.AuthID() == "joe" }, "", ""))
	w.expect(`[6,{},"wamp.close.killed"]`)
	w.send(`[6,{},"wamp.close.goodbye_and_out"]`)
	w.expectEnd()
	// Of the end of the session and the answer, the one that is first holds.
	await(t, func() bool { return rt.AuthorizationStats().Failed == 2 })
	close(stuck.release)
	<-undone
	// What was said too late does not hold.
	again := joinAs(t, addr, "joe", "guest")
	again.send(`[16,1,{"acknowledge":true},"com.ask"]`)
	again.expect(`[17,1,"*"]`)
	if s := rt.AuthorizationStats(); s.Asked != 3 || s.Failed != 2 {
		t.Errorf("%+v", s)
	}
}

// Shutdown does not wait longer for the application than it was told to, Close
// does; connections are closed by either.
func TestFunctionsNeverReturn(t *testing.T) {
	rt, addr := newRouter(t, router.Config{GoodbyeTimeout: 10 * time.Millisecond, HandshakeTimeout: 50 * time.Millisecond})
	stuck := newStubborn(t)
	rt.Intercept(func(context.Context, *router.Session, *router.Message) error {
		stuck.run()
		return nil
	})
	rt.OnSession(func(context.Context, *router.Session) (func(), error) { return stuck.run, nil })
	rt.Realm("closed").Authenticate(router.TransportAuthenticator(func(context.Context, *router.Handshake) (*router.Identity, error) {
		stuck.run()
		return &router.Identity{}, nil
	}))
	ended := join(t, addr)
	ended.send(`[6,{},"wamp.close.normal"]`)
	ended.expect(`[6,{},"wamp.close.goodbye_and_out"]`)
	<-stuck.begun
	late := dialWire(t, addr, 15)
	late.send(`[1,"closed",` + allRoles + `]`)
	<-stuck.begun
	late.expect(`[3,"*","*"]`)
	late.expectEnd()
	asked := join(t, addr)
	asked.send(`[16,1,{},"com.t"]`)
	<-stuck.begun
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := rt.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	asked.expect(`[6,"*","wamp.close.system_shutdown"]`)
	asked.expectEnd()
	closed := make(chan error)
	go func() { closed <- rt.Close() }()
	select {
	case <-closed:
		t.Error("Close has not waited")
	default:
	}
	close(stuck.release)
	must(t, <-closed)
}

// A caller waits for a decision no longer than it waits for the call, and what
// is left of its time is for the callee.
func TestCallTimeoutBeforeDecision(t *testing.T) {
	d, _, addr := newDecider(t, router.Config{})
	a, b, c := join(t, addr), full(t, addr), join(t, addr)
	b.send(`[64,1,{"forward_timeout":true},"t.slow.p"]`)
	d.awaits("t.slow.p")
	d.decides(nil)
	b.expect(`[65,1,"*"]`)
	a.send(`[48,1,{"timeout":300},"t.slow.p"]`)
	a.send(`[48,2,{"timeout":1},"t.slow.other"]`) // nobody is asked any more
	d.awaits("t.slow.p")
	a.expect(`[8,48,1,{},"wamp.error.timeout"]`)
	a.expect(`[8,48,2,{},"wamp.error.timeout"]`)
	a.send(`[16,3,{},"t.slow.t"]`)
	a.send(`[48,4,{"timeout":60000},"t.slow.p"]`)
	d.awaits("t.slow.t")
	a.pings() // it has been read
	c.send(`[48,1,{"timeout":300},"t.slow.p"]`)
	d.awaits("t.slow.p")
	c.expect(`[8,48,1,{},"wamp.error.timeout"]`)
	d.decides(nil)
	d.awaits("t.slow.p")
	d.decides(nil)
	b.expect(`[68,1,"*",{"timeout":"$left"}]`)
	if left := number(b.vars["left"]); left > 59700 || left < 1 {
		t.Errorf("%v ms are left", left)
	}
	b.send(`[70,1,{}]`)
	a.expect(`[50,4,{}]`)
}

// The time that a call waits for its turn counts as well, when nobody has to be
// asked about it.
func TestCallTimeoutBehindDecision(t *testing.T) {
	rt, addr := newRouter(t, router.Config{})
	realm, asked, answer := rt.Realm("realm1"), make(chan struct{}, 1), make(chan struct{})
	realm.Authenticate(believing())
	must(t, realm.Permit("guest",
		router.Rule{URI: "com.", Match: wamp.Prefix, Allow: router.AllActions},
		router.Rule{URI: "com.ask", Allow: router.AllActions, Ask: router.AuthorizerFunc(
			func(ctx context.Context, q *router.Request) (router.Decision, error) {
				asked <- struct{}{}
				select {
				case <-answer:
				case <-ctx.Done():
				}
				return router.Decision{Allow: true}, nil
			})}))
	caller, callee, clock := joinAs(t, addr, "joe", "guest"), joinAs(t, addr, "jim", "guest"), joinAs(t, addr, "tom", "guest")
	callee.send(`[64,1,{"forward_timeout":true},"com.p"]`)
	callee.expect(`[65,1,"*"]`)
	caller.send(`[16,1,{"acknowledge":true},"com.ask"]`)
	caller.send(`[48,2,{"timeout":300},"com.p"]`)
	caller.send(`[48,3,{"timeout":60000},"com.p"]`)
	<-asked
	caller.pings() // all of it has been read
	clock.send(`[48,1,{"timeout":300},"com.ask"]`)
	<-asked
	clock.expect(`[8,48,1,{},"wamp.error.timeout"]`)
	close(answer)
	caller.expect(`[17,1,"*"]`)
	caller.expect(`[8,48,2,{},"wamp.error.timeout"]`)
	callee.expect(`[68,1,"*",{"timeout":"$left"}]`)
	if left := number(callee.vars["left"]); left > 59700 || left < 1 {
		t.Errorf("%v ms are left", left)
	}
}

// Nobody has to decide on what ends with the session, for a client that leaves.
func TestGoodbyeBeforeDecision(t *testing.T) {
	d, _, addr := newDecider(t, router.Config{DecisionTimeout: time.Hour})
	for _, request := range []string{`[48,1,{},"t.slow.p"]`, `[32,1,{},"t.slow.p"]`, `[64,1,{},"t.slow.p"]`} {
		w := join(t, addr)
		w.send(request)
		d.awaits("t.slow.p")
		w.send(`[64,2,{},"t.slow.q"]`)
		w.send(`[6,{},"wamp.close.normal"]`)
		w.expect(`[8,` + request[1:3] + `,1,{},"wamp.error.canceled"]`)
		w.expect(`[8,64,2,{},"wamp.error.canceled"]`)
		w.expect(`[6,{},"wamp.close.goodbye_and_out"]`)
	}
}
