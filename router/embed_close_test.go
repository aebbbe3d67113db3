package router_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// Whichever way a router ends, it waits for what it has called: mounted
// handlers, the functions for all calls, those for ends of sessions and of
// subscriptions.
func TestEndsWaitForTheApplication(t *testing.T) {
	for name, end := range map[string]func(*router.Router) error{
		"Close":    (*router.Router).Close,
		"Shutdown": func(rt *router.Router) error { return rt.Shutdown(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			rt, addr := newRouter(t, router.Config{})
			var running atomic.Int32
			begun := make(chan struct{}, 2)
			busy := func(ctx context.Context) {
				running.Add(1)
				begun <- struct{}{}
				<-ctx.Done()
				running.Add(-1)
			}
			api := wamp.NewRegistry("")
			must(t, api.Register("com.busy", wamp.Func0(func(ctx context.Context) (struct{}, error) {
				busy(ctx)
				return struct{}{}, nil
			})))
			must(t, rt.Realm("realm1").Mount("", api))
			must(t, rt.Realm("realm2").HandleCalls(func(ctx context.Context, _ *router.Call) error {
				busy(ctx)
				return nil
			}))
			var opened, ended atomic.Int32
			rt.OnSession(func(context.Context, *router.Session) (func(), error) {
				opened.Add(1)
				return func() { ended.Add(1) }, nil
			})
			must(t, rt.OnSubscribe("com.", func(context.Context, *router.Session) (func(), error) {
				opened.Add(1)
				return func() { ended.Add(1) }, nil
			}))
			for _, realm := range []string{"realm1", "realm2"} {
				w := dialWire(t, addr, 15)
				w.hello(realm)
				w.send(`[32,1,{},"com.t"]`)
				w.expect(`[33,1,"*"]`)
				w.send(`[48,2,{},"com.busy"]`)
				<-begun
				go w.answerGoodbye()
			}
			must(t, end(rt))
			if n := running.Load(); n != 0 {
				t.Errorf("%d handlers run", n)
			}
			if opened.Load() != 4 || ended.Load() != 4 {
				t.Errorf("%d begun, %d ended", opened.Load(), ended.Load())
			}
		})
	}
}

// answerGoodbye reads until GOODBYE comes, answers it, and closes.
func (w *wire) answerGoodbye() {
	defer func() { _ = w.nc.Close() }()
	for {
		body, err := w.read(w.nc)
		if err != nil {
			return
		}
		if bytes.HasPrefix(body, []byte("[6,")) {
			_, _ = w.nc.Write(w.frame([]byte(`[6,{},"wamp.close.goodbye_and_out"]`)))
			return
		}
	}
}

// A realm that a template could not make leaves nothing behind, also what it has
// mounted before.
func TestTemplateFailsLate(t *testing.T) {
	rt, addr := newRouter(t, router.Config{})
	local := make(chan *wamp.Session, 1)
	rt.DefaultRealm(func(realm *router.Realm) error {
		s, err := realm.Local()
		if err != nil {
			return err
		}
		local <- s
		return errors.New("too late")
	})
	w := dialWire(t, addr, 15)
	w.send(`[1,"anything",` + allRoles + `]`)
	w.expect(`[3,"*","wamp.error.no_such_realm"]`)
	<-(<-local).Done()
}

// Somebody who closes the realm's own session is told of it.
func TestOwnSessionEnds(t *testing.T) {
	log := make(logLines, 16)
	rt := router.New(router.Config{Logger: slog.New(slog.NewTextHandler(log, nil))})
	s, err := rt.Realm("realm1").Local()
	must(t, err)
	must(t, s.Close(t.Context()))
	for line := range log {
		if strings.Contains(line, "what is mounted is not served any more") {
			break
		}
	}
	must(t, rt.Close())
}

// logLines gets each line of a log.
type logLines chan string

func (l logLines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// Sessions, realms, subscriptions and calls come and go at the same time, and
// the application is told of each end as often as of each beginning.
func TestApplicationUnderChurn(t *testing.T) {
	rt, addr := newRouter(t, router.Config{MaxRealms: 8})
	var sessions, subscriptions atomic.Int32
	api := wamp.NewRegistry("")
	must(t, api.Register("com.who", wamp.Func0(func(ctx context.Context) (uint64, error) { return router.From(ctx).ID(), nil })))
	must(t, api.Subscribe("com.said", wamp.Event(func(ctx context.Context, id uint64) error {
		if from := router.From(ctx); from.ID() != id {
			t.Errorf("an event of %d is said to be of %d", id, from.ID())
		}
		return nil
	})))
	rt.DefaultRealm(func(realm *router.Realm) error { return realm.Mount("", api) })
	rt.OnSession(func(context.Context, *router.Session) (func(), error) {
		sessions.Add(1)
		return func() { sessions.Add(-1) }, nil
	})
	must(t, rt.OnSubscribe("com.{x}", func(ctx context.Context, s *router.Session) (func(), error) {
		subscriptions.Add(1)
		return func() { subscriptions.Add(-1) }, s.Event(router.MessageFrom(ctx).URI)
	}))
	rt.Intercept(func(context.Context, *router.Session, *router.Message) error { return nil })

	var clients sync.WaitGroup
	for i := range 8 {
		clients.Go(func() {
			for j := range 10 {
				d := &wamp.Dialer{URLs: []string{"tcp://" + addr}, Realm: fmt.Sprint("realm", (i+j)%4)}
				s, err := d.Dial(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				if id, err := wamp.Call[uint64](t.Context(), s, "com.who"); err != nil || id != s.ID() {
					t.Errorf("%d is taken for %d: %v", s.ID(), id, err)
				}
				early := make(chan struct{}, 1)
				sub, err := s.Subscribe(t.Context(), "com.said", wamp.Event(func(_ context.Context, _ struct{}) error {
					select {
					case early <- struct{}{}:
					default:
					}
					return nil
				}))
				if err != nil {
					t.Error(err)
					return
				}
				<-early
				if _, err := s.Publish(t.Context(), "com.said", wamp.Args{s.ID()}); err != nil {
					t.Error(err)
				}
				switch j % 3 {
				case 0:
					if err := sub.Unsubscribe(t.Context()); err != nil {
						t.Error(err)
					}
					fallthrough
				case 1:
					if err := s.Close(t.Context()); err != nil {
						t.Error(err)
					}
				default: // somebody else ends it
					for _, other := range rt.Sessions() {
						if other.ID() == s.ID() {
							_ = other.Close("", "")
						}
					}
					<-s.Done()
				}
			}
		})
	}
	clients.Wait()
	must(t, rt.Close())
	if sessions.Load() != 0 || subscriptions.Load() != 0 {
		t.Errorf("%d sessions and %d subscriptions have not ended", sessions.Load(), subscriptions.Load())
	}
}
