package app_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamp/app"
	"github.com/wampeter/wampeter/wamptest"
)

// robust is an App whose completeness can be checked: five procedures and five
// subscriptions, one of them twice.
type robust struct {
	*app.App
	t      *testing.T
	events chan string
	joins  atomic.Int64
}

func newRobust(t *testing.T) *robust {
	r := &robust{App: app.New("com.robust"), t: t, events: make(chan string, 1000)}
	for i := range 5 {
		check(t, r.Register(fmt.Sprint("add", i), wamp.Func2(func(ctx context.Context, a, b int) (int, error) {
			return a + b + i, nil
		})))
		check(t, r.Subscribe(fmt.Sprintf("topic%d", min(i, 3)), wamp.EventFunc(func(_ context.Context, e *wamp.EventInfo) error {
			var text string
			err := e.Arg(0, &text)
			r.events <- fmt.Sprintf("%d %s", i, text)
			return err
		})))
	}
	r.OnError(func(_ context.Context, err error) {
		var handler *wamp.HandlerError
		if errors.As(err, &handler) {
			t.Error(err)
		}
	})
	r.OnJoin(func(ctx context.Context, s *wamp.Session) error { r.joins.Add(1); return nil })
	return r
}

// complete checks that everything is there, once.
func (r *robust) complete(rt *router.Router, mark string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	mine, err := r.Ready(ctx)
	check(r.t, err)
	if n, m := len(mine.Registrations("")), len(mine.Subscriptions("")); n != 5 || m != 5 {
		r.t.Fatal(mark, n, m)
	}
	other, err := rt.Session(ctx, wamptest.Realm)
	check(r.t, err)
	defer func() { check(r.t, other.Close(ctx)) }()
	for i := range 5 {
		if sum, err := wamp.Call[int](ctx, other, fmt.Sprint("com.robust.add", i), wamp.Args{40, 2}); err != nil || sum != 42+i {
			r.t.Fatal(mark, i, sum, err)
		}
	}
	for i := range 4 {
		if _, err := other.Publish(ctx, fmt.Sprint("com.robust.topic", i), wamp.Args{mark}, wamp.Acknowledge()); err != nil {
			r.t.Fatal(mark, err)
		}
	}
	// The events come before the invocation that follows them, and their
	// handlers end with the session at the latest.
	got := make(map[string]int)
	for range 5 {
		select {
		case e := <-r.events:
			got[e]++
		case <-ctx.Done():
			r.t.Fatal(mark, "events are missing: ", got)
		}
	}
	for i := range 5 {
		if got[fmt.Sprint(i, " ", mark)] != 1 {
			r.t.Fatal(mark, got)
		}
	}
	if _, err := wamp.Call[int](ctx, other, "com.robust.add0", wamp.Args{1, 2}); err != nil {
		r.t.Fatal(mark, err)
	}
	if len(r.events) != 0 {
		r.t.Fatal(mark, "one event too many: ", <-r.events)
	}
}

// load calls the App's procedures until stop is called, and reports results
// that are wrong, and errors other than those of a lost session.
func (r *robust) load() (stop func() int64) {
	ctx, cancel := context.WithCancel(r.t.Context())
	var done sync.WaitGroup
	var calls atomic.Int64
	for range 4 {
		done.Go(func() {
			for ctx.Err() == nil {
				sum, err := app.Call[int](ctx, r.App, "com.robust.add1", wamp.Args{1, 2}, wamp.WaitForReady())
				switch {
				case err == nil && sum == 4:
					calls.Add(1)
				case err == nil:
					r.t.Error("wrong sum", sum)
				case errors.Is(err, wamp.ErrClosed), errors.Is(err, wamp.ErrCanceled), errors.Is(err, context.Canceled):
				default:
					r.t.Error(err)
				}
			}
		})
	}
	return func() int64 {
		cancel()
		done.Wait()
		return calls.Load()
	}
}

// A router that restarts again and again, under load: the App comes back each
// time with nothing missing and nothing double.
func TestRouterRestarts(t *testing.T) {
	restarts := 100
	if testing.Short() {
		restarts = 20
	}
	rt, address := listen(t, "127.0.0.1:0")
	r := newRobust(t)
	stop := running(t, r.App, &wamp.Dialer{URLs: []string{"rs://" + address}, Backoff: quick})
	unload := r.load()
	for i := range restarts {
		r.complete(rt.Router, fmt.Sprint("restart ", i))
		s := ready(t, r.App)
		check(t, rt.Close())
		rt, _ = listen(t, address)
		<-s.Done()
	}
	r.complete(rt.Router, "the end")
	calls := unload()
	check(t, stop())
	if joins := r.joins.Load(); joins != int64(restarts)+1 || calls == 0 {
		t.Error(joins, "sessions,", calls, "calls")
	}
}

// A network that drops, resets, stalls and half-opens connections: likewise.
// What lasts no longer than the probes of the connection disturbs nobody.
func TestFaults(t *testing.T) {
	for _, scheme := range []string{"ws", "rs"} {
		t.Run(scheme, func(t *testing.T) {
			rt := wamptest.NewRouter(t)
			p := wamptest.NewProxy(t, rt.Address())
			url := p.URL()
			if scheme == "rs" {
				url = p.RawSocketURL()
			}
			r := newRobust(t)
			stop := running(t, r.App, &wamp.Dialer{
				URLs: []string{url}, Backoff: quick, Timeout: 500 * time.Millisecond,
				KeepAlive: 200 * time.Millisecond, KeepAliveTimeout: 200 * time.Millisecond, RawSocketPing: true,
			})
			unload := r.load()
			r.complete(rt.Router, "the beginning")
			for round := range 3 {
				for _, fault := range []struct {
					name   string
					inject func()
				}{
					{"cut", p.Cut},
					{"cut within a message", func() { p.CutAfter(1001) }},
					{"reset", p.Reset},
					{"half-open", p.HalfOpen},
					{"stall", p.Stall},
				} {
					mark := fmt.Sprint(fault.name, " ", round)
					s := ready(t, r.App)
					fault.inject()
					select {
					case <-s.Done():
					case <-time.After(patience):
						t.Fatal(mark, "is not noticed")
					}
					p.Resume()
					r.complete(rt.Router, mark)
				}
				s := ready(t, r.App)
				p.Stall()
				time.Sleep(20 * time.Millisecond) // a hiccup, as long as it may be
				p.Resume()
				r.complete(rt.Router, fmt.Sprint("hiccup ", round))
				if s.Err() != nil {
					t.Error("the hiccup ended the session:", s.Err())
				}
			}
			calls := unload()
			check(t, stop())
			if calls == 0 {
				t.Error("no call got through")
			}
		})
	}
}

// autobahn-js #191, #352: when one router goes away for good, the next of the
// list takes over.
func TestFailOver(t *testing.T) {
	one, two := wamptest.NewRouter(t), wamptest.NewRouter(t)
	r := newRobust(t)
	stop := running(t, r.App,
		&wamp.Dialer{URLs: []string{one.RawSocketURL()}, Backoff: quick},
		&wamp.Dialer{URLs: []string{two.URL()}, Backoff: quick, Serializers: []wamp.Serializer{wamp.JSON}},
	)
	r.complete(one.Router, "one")
	s := ready(t, r.App)
	check(t, one.Close())
	<-s.Done()
	r.complete(two.Router, "two")
	if s = ready(t, r.App); s.URL() != two.URL() || s.Serializer() != wamp.JSON {
		t.Error(s.URL(), s.Serializer())
	}
	check(t, stop())
}
