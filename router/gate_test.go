package router_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// decideBy has f decide on all messages of a realm that carry a URI.
func decideBy(realm *router.Realm, f func(ctx context.Context, s *router.Session, uri string) error) {
	realm.Intercept(func(ctx context.Context, s *router.Session, m *router.Message) error {
		if m.URI == "" {
			return nil
		}
		return f(ctx, s, m.URI)
	})
}

// decider decides on messages when the test says so.
type decider struct {
	t       *testing.T
	asked   chan string // the URI of each message that has to be decided
	answers chan error
}

// newDecider returns the address of a router whose realm1 asks about messages
// with "t.slow" in front of their URI.
func newDecider(t *testing.T, cfg router.Config) (*decider, *router.Realm, string) {
	rt, addr := newRouter(t, cfg)
	d := &decider{t: t, asked: make(chan string, 1), answers: make(chan error)}
	realm := rt.Realm("realm1")
	decideBy(realm, func(ctx context.Context, _ *router.Session, uri string) error {
		if !strings.HasPrefix(uri, "t.slow") {
			return nil
		}
		select {
		case d.asked <- uri:
		case <-ctx.Done():
			return ctx.Err()
		}
		select {
		case err := <-d.answers:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	return d, realm, addr
}

func (d *decider) awaits(uri string) {
	d.t.Helper()
	select {
	case got := <-d.asked:
		if got != uri {
			d.t.Fatalf("asked about %s, want %s", got, uri)
		}
	case <-time.After(patience):
		d.t.Fatalf("nobody was asked about %s", uri)
	}
}

func (d *decider) decides(err error) {
	d.t.Helper()
	select {
	case d.answers <- err:
	case <-time.After(patience):
		d.t.Fatal("nobody wants the answer")
	}
}

// pings makes a round trip of the transport's own.
func (w *wire) pings() {
	w.t.Helper()
	w.write([]byte{1, 0, 0, 2, 'h', 'i'})
	var pong [6]byte
	if _, err := io.ReadFull(w.nc, pong[:]); err != nil || string(pong[4:]) != "hi" || pong[0] != 2 {
		w.t.Fatalf("PING was answered with % x, %v", pong, err)
	}
}

// What follows an undecided message waits for it, in order and with its
// request ids checked in order; others go on, and so does the transport.
func TestDecisionKeepsOrder(t *testing.T) {
	d, _, addr := newDecider(t, router.Config{StrictIDs: true})
	a, b := join(t, addr), join(t, addr)
	b.subscribe(`{"match":"prefix"}`, "t.")
	a.send(`[16,1,{},"t.slow.one",[1],{"k":"v"}]`)
	a.send(`[16,2,{},"t.fast",[2]]`)
	a.send(`[32,3,{},"t.slow.two"]`)
	a.send(`[16,4,{"acknowledge":true},"t.slow.three",[3]]`)
	a.send(`[48,5,{},"t.slow.four"]`)
	a.send(`[16,6,{"acknowledge":true},"t.fast",[4]]`)
	d.awaits("t.slow.one")
	a.pings()
	b.publishOnly(`"exclude_me":false`, "t.fast", "[0]")
	b.expect(`[36,"$sub","*",{"topic":"t.fast"},[0]]`)
	b.published()
	d.decides(nil)
	b.expect(`[36,"$sub","*",{"topic":"t.slow.one"},[1],{"k":"v"}]`)
	b.expect(`[36,"$sub","*",{"topic":"t.fast"},[2]]`)
	d.awaits("t.slow.two")
	a.pings()
	d.decides(nil)
	a.expect(`[33,3,"*"]`)
	d.awaits("t.slow.three")
	d.decides(wamp.NewError("com.example.no", wamp.Args{"because", 7}, wamp.KW{"k": "v"}))
	a.expect(`[8,16,4,{},"com.example.no",["because",7],{"k":"v"}]`)
	d.awaits("t.slow.four")
	d.decides(wamp.URI("com.example.never"))
	a.expect(`[8,48,5,{},"com.example.never"]`)
	a.expect(`[17,6,"*"]`)
	b.expect(`[36,"$sub","*",{"topic":"t.fast"},[4]]`)
	a.send(`[16,8,{},"t.fast"]`)
	a.expect(`[3,"*","wamp.error.protocol_violation"]`)
}

// A check that has an error, a panic or no time left refuses.
func TestDecisionFailsClosed(t *testing.T) {
	rt, addr := newRouter(t, router.Config{DecisionTimeout: 200 * time.Millisecond})
	decideBy(rt.Realm("realm1"), func(ctx context.Context, _ *router.Session, uri string) error {
		switch uri {
		case "error":
			return errors.New("secret")
		case "panic":
			panic("secret")
		case "late":
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	})
	w := join(t, addr)
	for i, uri := range []string{"error", "panic", "late"} {
		w.send(fmt.Sprintf(`[48,%d,{},%q]`, i+1, uri))
		w.expect(fmt.Sprintf(`[8,48,%d,{},"wamp.error.authorization_failed",["*"]]`, i+1))
	}
	w.send(`[48,4,{},"other"]`)
	w.expect(`[8,48,4,{},"wamp.error.no_such_procedure"]`)
}

// GOODBYE waits for what was sent before it, and another session may follow.
func TestGoodbyeBehindDecision(t *testing.T) {
	d, _, addr := newDecider(t, router.Config{})
	a, b := join(t, addr), join(t, addr)
	b.send(`[32,1,{},"t.slow.t"]`)
	d.awaits("t.slow.t")
	d.decides(nil)
	b.expect(`[33,1,"$sub"]`)
	a.send(`[16,1,{},"t.slow.t",[1]]`)
	a.send(`[6,{},"wamp.close.normal"]`)
	a.send(`[1,"realm1",` + allRoles + `]`)
	d.awaits("t.slow.t")
	d.decides(nil)
	b.expect(`[36,"$sub","*",{},[1]]`)
	a.expect(`[6,{},"wamp.close.goodbye_and_out"]`)
	a.expect(`[2,"*","*"]`)
	a.sync()
}

// A client that wants to leave is let go when the time of one decision is over,
// however many there are to make.
func TestGoodbyeEndsDecisions(t *testing.T) {
	rt, addr := newRouter(t, router.Config{DecisionTimeout: 500 * time.Millisecond})
	decideBy(rt.Realm("realm1"), func(ctx context.Context, _ *router.Session, uri string) error {
		<-ctx.Done()
		return ctx.Err()
	})
	w := join(t, addr)
	for i := range 200 {
		w.send(fmt.Sprintf(`[16,%d,{},"late"]`, i+1))
	}
	w.send(`[6,{},"wamp.close.normal"]`)
	w.expect(`[6,{},"wamp.close.goodbye_and_out"]`) // in less than 100 seconds
}

// Whoever decides learns that the session has ended, however that came about,
// and nothing is routed any more.
func TestSessionEndsBeforeDecision(t *testing.T) {
	d, realm, addr := newDecider(t, router.Config{})
	witness := join(t, addr)
	witness.subscribe(`{"match":"prefix"}`, "t.")
	ended := make(chan error, 1)
	decideBy(realm, func(ctx context.Context, _ *router.Session, uri string) error {
		if uri == "t.hang" {
			d.asked <- uri
			<-ctx.Done()
			ended <- context.Cause(ctx)
		}
		return nil // even so
	})
	ends := map[string]func(w *wire, session uint64){
		"killed": func(w *wire, session uint64) {
			witness.send(fmt.Sprintf(`[48,%d,{},"wamp.session.kill",[%d]]`, witness.next(), session))
			witness.expect(fmt.Sprintf(`[50,%d,{}]`, witness.requests))
			w.expect(`[6,{},"wamp.close.killed"]`)
			w.send(`[6,{},"wamp.close.goodbye_and_out"]`)
			w.expectEnd()
		},
		"broken": func(w *wire, _ uint64) {
			w.send(`[33,1`)
			w.expect(`[3,"*","wamp.error.protocol_violation"]`)
			w.expectEnd()
		},
		"aborted": func(w *wire, _ uint64) {
			w.send(`[3,{},"wamp.close.normal"]`)
			w.expectEnd()
		},
		"cut": func(w *wire, _ uint64) { _ = w.nc.Close() },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			w := join(t, addr)
			session := uint64(number(w.vars["session"]))
			w.send(`[16,1,{},"t.hang",[1]]`)
			d.awaits("t.hang")
			w.send(`[16,2,{},"t.fast",[1]]`)
			end(w, session)
			select {
			case <-ended:
			case <-time.After(patience):
				t.Fatal("the decision goes on")
			}
			witness.sync() // no EVENT
		})
	}
}

// A violation among what waits ends the session when its turn comes.
func TestViolationBehindDecision(t *testing.T) {
	d, _, addr := newDecider(t, router.Config{})
	a, b := join(t, addr), join(t, addr)
	b.subscribe(`{"match":"prefix"}`, "t.")
	a.send(`[16,1,{},"t.slow.t",[1]]`)
	a.send(`[33,1,1]`)
	a.send(`[16,2,{},"t.fast",[1]]`)
	d.awaits("t.slow.t")
	d.decides(nil)
	a.expect(`[3,"*","wamp.error.protocol_violation"]`)
	a.expectEnd()
	b.expect(`[36,"$sub","*",{"topic":"t.slow.t"},[1]]`)
	b.sync()
}

// A caller that cancels need not wait for the decision.
func TestCancelBeforeDecision(t *testing.T) {
	d, _, addr := newDecider(t, router.Config{})
	a, b := join(t, addr), join(t, addr)
	b.send(`[64,1,{},"t.slow.p"]`)
	d.awaits("t.slow.p")
	d.decides(nil)
	b.expect(`[65,1,"*"]`)
	a.send(`[48,1,{},"t.slow.p"]`)
	d.awaits("t.slow.p")
	a.send(`[49,1,{}]`)
	a.expect(`[8,48,1,{},"wamp.error.canceled"]`)
	a.sync() // no second answer
	// The CANCEL of one that waits for its turn comes after it.
	a.send(`[16,2,{},"t.slow.t"]`)
	a.send(`[48,3,{},"t.slow.p"]`)
	a.send(`[49,3,{}]`)
	d.awaits("t.slow.t")
	d.decides(nil)
	d.awaits("t.slow.p")
	d.decides(nil)
	b.expect(`[68,1,"*",{}]`)
	b.expect(`[69,1,{"mode":"killnowait"}]`)
	a.expect(`[8,48,3,{},"wamp.error.canceled"]`)
	// A decision that has been made holds.
	a.send(`[48,4,{},"t.slow.p"]`)
	d.awaits("t.slow.p")
	d.decides(nil)
	b.expect(`[68,2,"*",{}]`)
	a.send(`[49,4,{"mode":"skip"}]`)
	a.expect(`[8,48,4,{},"wamp.error.canceled"]`)
}

// More input than may wait stays with the client, and all of it arrives.
func TestDecisionBackpressure(t *testing.T) {
	d, _, addr := newDecider(t, router.Config{})
	a, b := join(t, addr), join(t, addr)
	b.subscribe(`{"match":"prefix"}`, "t.")
	a.send(`[16,1,{},"t.slow.t"]`)
	d.awaits("t.slow.t")
	const messages = 2000
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for i := range messages {
			body := []byte(fmt.Sprintf(`[16,%d,{},"t.t",[%d,"%01000d"]]`, i+2, i, 0))
			frame := append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
			if _, err := a.nc.Write(frame); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	d.decides(nil)
	b.expect(`[36,"$sub","*",{"topic":"t.slow.t"}]`)
	for i := range messages {
		b.expect(fmt.Sprintf(`[36,"$sub","*",{"topic":"t.t"},[%d,"*"]]`, i))
	}
	<-sent
}

// Closing the router does not wait for a client whose input waits.
func TestCloseBeforeDecision(t *testing.T) {
	rt, addr := newRouter(t, router.Config{DecisionTimeout: time.Hour})
	asked := make(chan struct{})
	decideBy(rt.Realm("realm1"), func(ctx context.Context, _ *router.Session, uri string) error {
		close(asked)
		<-ctx.Done()
		return ctx.Err()
	})
	w := join(t, addr)
	for i := range 400 {
		w.send(fmt.Sprintf(`[16,%d,{},"t",["%010000d"]]`, i+1, 0))
	}
	<-asked
	_ = rt.Close()
}

// A client that is not read from, since too much waits for a decision, is not
// taken for one that is silent.
func TestBackpressureIsNoSilence(t *testing.T) {
	d, _, addr := newDecider(t, router.Config{RawSocketPing: true, KeepAlive: 50 * time.Millisecond, PongTimeout: 50 * time.Millisecond})
	s, err := (&wamp.Dialer{URLs: []string{"rs://" + addr}}).Dial(t.Context())
	must(t, err)
	defer func() { must(t, s.Close(t.Context())) }()
	publish := func(topic string) {
		_, err := s.Publish(t.Context(), topic)
		must(t, err)
	}
	publish("t.slow.t")
	d.awaits("t.slow.t")
	for range 1000 {
		publish("t.fast")
	}
	for range 3 { // as long as those who are silent may live
		silent := join(t, addr)
		_, err := io.Copy(io.Discard, silent.nc)
		must(t, err)
	}
	d.decides(nil)
	_, err = s.Publish(t.Context(), "t.fast", wamp.Acknowledge())
	must(t, err)
}
