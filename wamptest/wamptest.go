// Package wamptest is for tests of programs that use WAMP: a real router in
// memory, and sessions with it, all of which end with the test.
//
//	func TestAdd(t *testing.T) {
//		rt := wamptest.NewRouter(t)
//		s := rt.Session()
//		registerProcedures(s)
//		sum, err := wamp.Call[int](t.Context(), rt.Session(), "com.example.add2", wamp.Args{2, 5})
//		…
//	}
//
// [Router.SessionAs] opens sessions by role, [Events] awaits events, and a [Proxy] is a network that fails when it is told
// to.
//
// No port is opened until [Router.URL] is called. When the test is over no
// goroutine of the router or of its sessions is left.
package wamptest

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// Realm is the realm that a Router has, open to anonymous sessions.
const Realm = "realm1"

// patience bounds everything that would hang a test when something is broken.
const patience = 10 * time.Second

// Router is a router for one test. Its methods fail the test instead of
// returning errors.
type Router struct {
	*router.Router

	t   testing.TB
	ids identities

	listen   sync.Once
	address  string
	serving  sync.WaitGroup
	listener net.Listener
}

// NewRouter starts a router with [Realm] and no other. It is closed when the
// test and all its subtests are over. What it has to say at level Warn and
// above is part of the test's output. Functions may change its configuration:
//
//	rt := wamptest.NewRouter(t, func(c *router.Config) { c.MaxMessage = 1000 })
func NewRouter(t testing.TB, configure ...func(*router.Config)) *Router {
	t.Helper()
	cfg := router.Config{Realms: []string{Realm}, NoDefaultRealm: true, Logger: logger(t)}
	for _, f := range configure {
		f(&cfg)
	}
	r := &Router{Router: router.New(cfg), t: t}
	t.Cleanup(r.close)
	return r
}

func logger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

func (r *Router) close() {
	if err := r.Close(); err != nil {
		r.t.Errorf("close the router: %v", err)
	}
	r.serving.Wait()
}

// Session opens a session in process. It is closed when the test is over.
func (r *Router) Session() *wamp.Session {
	r.t.Helper()
	return r.Dial(&wamp.Dialer{})
}

// Dial opens a session by d: with d's URLs, in process when there are none. An
// empty Realm is [Realm]. It is closed when the test is over.
func (r *Router) Dial(d *wamp.Dialer) *wamp.Session {
	r.t.Helper()
	dialer := *d
	if len(dialer.URLs) == 0 {
		dialer.Router = r.Router
	}
	if dialer.Logger == nil {
		dialer.Logger = logger(r.t)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := dialer.Dial(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { r.leave(s) })
	return s
}

func (r *Router) leave(s *wamp.Session) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		r.t.Errorf("close session %d: %v", s.ID(), err)
	}
}

// URL returns the URL of the router for WebSocket on a port of the loopback
// interface, which is opened by the first use.
func (r *Router) URL() string {
	r.t.Helper()
	return "ws://" + r.Address() + "/ws"
}

// RawSocketURL returns the URL for RawSocket on the same port.
func (r *Router) RawSocketURL() string {
	r.t.Helper()
	return "rs://" + r.Address()
}

// Address returns the host and port of URL.
func (r *Router) Address() string {
	r.t.Helper()
	r.listen.Do(func() {
		var err error
		if r.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return
		}
		r.address = r.listener.Addr().String()
		r.serving.Go(func() { _ = r.Serve(r.listener) }) // returns when the router is closed
	})
	if r.address == "" {
		r.t.Fatal("no port of the loopback interface can be opened")
	}
	return r.address
}
