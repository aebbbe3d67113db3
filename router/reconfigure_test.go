package router_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// Bounds of a router that runs are changed beneath sessions that stay.
func TestReconfigure(t *testing.T) {
	rt, addr := newRouter(t, router.Config{MaxRealms: 1, DecisionTimeout: time.Hour, HandshakeTimeout: time.Hour, MaxMessage: 8 << 20})
	slow := join(t, addr)
	full := dialWire(t, addr, 15)
	full.send(`[1,"realm2",` + allRoles + `]`)
	full.expect(`[3,"*","wamp.error.no_such_realm"]`)
	decideBy(rt.Realm("realm1"), func(ctx context.Context, _ *router.Session, uri string) error {
		if uri == "com.slow" {
			<-ctx.Done()
		}
		return ctx.Err()
	})

	rt.Reconfigure(router.Bounds{
		MaxRealms: 2, DecisionTimeout: 200 * time.Millisecond, HandshakeTimeout: 50 * time.Millisecond, MaxQueue: 1 << 10, GoodbyeTimeout: 50 * time.Millisecond,
		MaxMessage: 8 << 20,
	})
	slow.send(`[48,1,{},"com.slow"]`)
	slow.expect(`[8,48,1,{},"wamp.error.authorization_failed",["*"]]`)
	other := dialWire(t, addr, 15)
	other.hello("realm2")
	late := dialWire(t, addr, 15)
	late.expect(`[3,"*","wamp.error.protocol_violation"]`)
	late.expectEnd()
	if _, err := open(t, addr).Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("a connection that says nothing ends with %v", err)
	}

	// A client that does not read has the new queue, whatever others have.
	reader, writer := join(t, addr), join(t, addr)
	slow.subscribe(`{}`, "com.t")
	reader.subscribe(`{}`, "com.t")
	large := `["` + strings.Repeat("x", 1<<20) + `"]`
	sessions := len(rt.Realm("realm1").Sessions())
	for n := 0; len(rt.Realm("realm1").Sessions()) == sessions; n++ {
		if n == 200 {
			t.Fatal("200 MiB wait for a client that does not read")
		}
		writer.publish("", "com.t", large)
		slow.expect(`[36,"$sub","*",{},"*"]`)
	}
	reader.gone()
}

// Connections keep the limit of messages that they were opened with, on every
// transport, and those that come have the new one.
func TestReconfigureConnections(t *testing.T) {
	rt, addr := newRouter(t, router.Config{MaxMessage: 1 << 20})
	local := func() *wamp.Session {
		s, err := rt.Session(t.Context(), "realm1")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close(context.Background()) })
		return s
	}
	by := func(url string) func() *wamp.Session {
		return func() *wamp.Session {
			s, err := (&wamp.Dialer{URLs: []string{url}, Realm: "realm1", Logger: slog.New(slog.DiscardHandler)}).Dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close(context.Background()) })
			return s
		}
	}
	kinds := map[string]func() *wamp.Session{
		"WebSocket": by("ws://" + addr + "/ws"), "RawSocket": by("tcp://" + addr), "long-poll": by("http://" + addr + "/lp"), "in process": local,
	}
	old := make(map[string]*wamp.Session)
	for name, join := range kinds {
		old[name] = join()
	}
	rt.Reconfigure(router.Bounds{MaxMessage: 4 << 10})
	large := wamp.Args{strings.Repeat("x", 100<<10)}
	for name, join := range kinds {
		if _, err := old[name].Publish(t.Context(), "com.t", large, wamp.Acknowledge()); err != nil {
			t.Errorf("%s, opened before: %v", name, err)
		}
		s := join()
		if _, err := s.Publish(t.Context(), "com.t", wamp.Args{"x"}, wamp.Acknowledge()); err != nil {
			t.Errorf("%s, a small message: %v", name, err)
		}
		if _, err := s.Publish(t.Context(), "com.t", large, wamp.Acknowledge()); err == nil {
			t.Errorf("%s, opened since: a message of 100 KiB is taken where 4 KiB are the most", name)
		}
	}
}

// Who takes no output is disconnected after the time of when it came.
func TestReconfigureWriteTimeout(t *testing.T) {
	rt, addr := newRouter(t, router.Config{MaxMessage: 8 << 20, MaxQueue: 1 << 30, WriteTimeout: time.Hour})
	before, writer := join(t, addr), join(t, addr)
	ended := make(chan struct{}, 1)
	rt.OnSession(func(context.Context, *router.Session) (func(), error) {
		return func() { ended <- struct{}{} }, nil
	})
	rt.Reconfigure(router.Bounds{MaxMessage: 8 << 20, MaxQueue: 1 << 30, WriteTimeout: 20 * time.Millisecond})
	since := join(t, addr)
	before.subscribe(`{}`, "com.t")
	since.subscribe(`{}`, "com.t")
	large := `["` + strings.Repeat("x", 1<<20) + `"]`
	for range 24 { // more than sockets hold
		writer.publish("", "com.t", large)
	}
	<-ended // of the one that there is a function for
	if n := len(rt.Realm("realm1").Sessions()); n != 2 {
		t.Errorf("there are %d sessions, want the two of before", n)
	}
}

// The limits against guessing change for addresses that have failed before.
func TestReconfigureGuessing(t *testing.T) {
	rt, addr, _ := closed(t, router.Config{AuthLimits: router.AuthLimits{Failures: 2, Delay: -1}})
	tcp := wamp.Dialer{URLs: []string{"tcp://" + addr}}
	guess := func(want error) {
		t.Helper()
		if _, err := login(t, tcp, "alice", wamp.Ticket("wrong")); !errors.Is(err, want) {
			t.Errorf("error %v, want %v", err, want)
		}
	}
	guess(wamp.ErrAuthenticationDenied)
	guess(wamp.ErrAuthenticationDenied)
	guess(wamp.ErrLimitExceeded)
	rt.Reconfigure(router.Bounds{AuthLimits: router.AuthLimits{Failures: 3, Delay: -1}})
	guess(wamp.ErrAuthenticationDenied)
	guess(wamp.ErrLimitExceeded)
	rt.Reconfigure(router.Bounds{AuthLimits: unlimited})
	guess(wamp.ErrAuthenticationDenied)
}

// Cookies change beneath those that were given: what they stand for stays.
func TestSetCookies(t *testing.T) {
	rt, addr := newCookieRouter(t, router.Cookies{})
	value := logged(t, addr)
	rt.SetCookies(&router.Cookies{Path: "/ws"})
	w, again := browse(t, addr, value)
	if again != nil {
		t.Errorf("another cookie is set: %v", again)
	}
	w.send(helloCookie)
	w.expect(byCookie)
	if _, fresh := browse(t, addr, ""); fresh == nil || fresh.Path != "/ws" {
		t.Errorf("the new cookie is %v, want the path /ws", fresh)
	}
	rt.SetCookies(nil)
	w, none := browse(t, addr, value)
	if none != nil {
		t.Errorf("the cookie %v is set", none)
	}
	w.send(helloCookie)
	w.expect(`[4,"ticket",{}]`)
	rt.SetCookies(&router.Cookies{})
	if _, fresh := browse(t, addr, ""); fresh == nil || fresh.Path != "/" {
		t.Errorf("the new cookie is %v, want the path /", fresh)
	}
}
