package app_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wampeter/wampeter/internal/transport"
	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamp/app"
)

var errDown = errors.New("the router is down")

// moody is a router in this process that can be down, and notes when it is
// dialed.
type moody struct {
	*router.Router
	down atomic.Bool

	mu    sync.Mutex
	dials []time.Time
}

func (m *moody) DialWAMP(ctx context.Context) (transport.Conn, error) {
	m.mu.Lock()
	m.dials = append(m.dials, time.Now())
	m.mu.Unlock()
	if m.down.Load() {
		return nil, errDown
	}
	return m.Router.DialWAMP(ctx)
}

func newMoody(t *testing.T) *moody {
	m := &moody{Router: router.New(router.Config{Logger: slog.New(slog.DiscardHandler)})}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

func quiet() *app.App {
	a := app.New("")
	a.Logger = slog.New(slog.DiscardHandler)
	return a
}

// times returns when it was dialed, and forgets it.
func (m *moody) times() []time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	times := m.dials
	m.dials = nil
	return times
}

// waits returns what lies between the attempts.
func waits(times []time.Time) (list []time.Duration) {
	for i := 1; i < len(times); i++ {
		list = append(list, times[i].Sub(times[i-1]))
	}
	return list
}

// S002-19, S002-20, S002-22: with the defaults the first attempt comes at once, the
// first retry after 1.5 to 2.5 s, the longest wait is 60 to 61 s; also for a
// router that has never been there. The end of the context ends that.
func TestDefaultBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMoody(t)
		m.down.Store(true)
		a := quiet()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		began := time.Now()
		check(t, a.Run(ctx, &wamp.Dialer{Router: m}))
		times := m.times()
		if time.Since(began) != time.Hour || times[0] != began {
			t.Error(time.Since(began), times[0].Sub(began))
		}
		want := time.Second
		for i, wait := range waits(times) {
			want = min(want*3/2, time.Minute)
			if wait < want || wait >= want+time.Second {
				t.Errorf("retry %d after %v, want %v to %v", i+1, wait, want, want+time.Second)
			}
		}
		if n := len(times); n < 60 || n > 75 {
			t.Error(n, "attempts in an hour")
		}
	})
}

// The count of retries begins anew only after a session that lasted 10 s, so
// that a router that throws sessions out is not stormed.
func TestStable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMoody(t)
		a := quiet()
		lasting := []time.Duration{time.Second, 9 * time.Second, 11 * time.Second, time.Minute, 0}
		sessions := 0
		a.OnJoin(func(ctx context.Context, s *wamp.Session) error {
			d := lasting[sessions]
			if sessions++; sessions == len(lasting) {
				return a.Shutdown(ctx)
			}
			go func() {
				time.Sleep(d)
				_ = s.CloseWith(t.Context(), "wamp.error.thrown_out", "")
			}()
			return nil
		})
		check(t, a.Run(t.Context(), &wamp.Dialer{Router: m, Backoff: wamp.Backoff{Growth: 2, Jitter: -1}}))
		// 2 s after the first failure, 4 s after the second, 2 s from then on.
		want := []time.Duration{1 + 2, 9 + 4, 11 + 2, 60 + 2}
		times := m.times()
		for i, wait := range waits(times) {
			if wait != want[i]*time.Second {
				t.Errorf("attempt %d after %v, want %v", i+1, wait, want[i]*time.Second)
			}
		}
		if len(times) != len(lasting) {
			t.Error(times)
		}
	})
}

// MaxRetries counts the attempts after the first.
func TestMaxRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMoody(t)
		m.down.Store(true)
		err := quiet().Run(t.Context(), &wamp.Dialer{Router: m, Backoff: wamp.Backoff{MaxRetries: 4}})
		if !errors.Is(err, app.ErrGaveUp) || !errors.Is(err, errDown) || len(waits(m.times())) != 4 {
			t.Error(err)
		}
	})
}

// Several Dialers are tried in turn, each first at once, with settings of their
// own; one that has no retries left does not hold up the other. After a lost
// session the next one has its turn at once.
func TestDialersInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := newMoody(t), newMoody(t)
		one.down.Store(true)
		two.down.Store(true)
		a := quiet()
		began := time.Now()
		first := &wamp.Dialer{Router: one, Backoff: wamp.Backoff{Growth: 1, Jitter: -1, MaxRetries: 2}}
		second := &wamp.Dialer{Router: two, Backoff: wamp.Backoff{Initial: 10 * time.Second, Growth: 1, Jitter: -1}}
		stop := running(t, a, first, second)
		time.Sleep(59 * time.Second)
		synctest.Wait()
		for _, tt := range []struct {
			name string
			m    *moody
			want []time.Duration
		}{{"one", one, []time.Duration{0, 1, 12}}, {"two", two, []time.Duration{0, 11, 22, 32, 42, 52}}} {
			times := tt.m.times()
			if len(times) != len(tt.want) {
				t.Fatal(tt.name, times)
			}
			for i, at := range times {
				if at.Sub(began) != tt.want[i]*time.Second {
					t.Errorf("%s: attempt %d at %v, want %v s", tt.name, i, at.Sub(began), tt.want[i])
				}
			}
		}
		two.down.Store(false)
		time.Sleep(time.Hour)
		synctest.Wait()
		ready(t, a)
		check(t, stop())

		one.down.Store(false)
		one.times()
		two.times()
		stop = running(t, a, first, second)
		s := ready(t, a)
		time.Sleep(time.Minute)
		lost := time.Now()
		_ = s.CloseWith(t.Context(), "wamp.error.test", "")
		synctest.Wait()
		if times := two.times(); len(times) != 1 || times[0] != lost {
			t.Error(times, lost)
		}
		check(t, stop())
	})
}

// The graceful end waits for handlers and for Main as long as ShutdownTimeout
// says, then their contexts end.
func TestShutdownTimeout(t *testing.T) {
	for _, tt := range []struct{ timeout, want time.Duration }{{0, 15 * time.Second}, {time.Minute, time.Minute}, {-1, 0}} {
		synctest.Test(t, func(t *testing.T) {
			m := newMoody(t)
			a := quiet()
			a.ShutdownTimeout = tt.timeout
			ended := make(chan time.Time, 1)
			check(t, a.Register("com.slow", wamp.Func0(func(ctx context.Context) (int, error) {
				<-ctx.Done()
				ended <- time.Now()
				return 0, ctx.Err()
			})))
			check(t, a.Start(t.Context(), &wamp.Dialer{Router: m}))
			s, err := m.Session(t.Context(), "realm1")
			check(t, err)
			call := wamp.Go[int](t.Context(), s, "com.slow")
			synctest.Wait()
			began := time.Now()
			check(t, a.Shutdown(t.Context()))
			if d := (<-ended).Sub(began); d != tt.want {
				t.Errorf("the handler was disturbed after %v, want %v", d, tt.want)
			}
			if _, err := call.Result(); err == nil {
				t.Error("the call has a result")
			}
		})
	}
}

// The end of an App waits for handlers of a session that has been lost as well.
func TestHandlersOfLostSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMoody(t)
		a := quiet()
		var returned atomic.Bool
		check(t, a.Register("com.slow", wamp.Func0(func(ctx context.Context) (int, error) {
			<-ctx.Done()
			time.Sleep(time.Second) // it tidies up
			returned.Store(true)
			return 0, ctx.Err()
		})))
		check(t, a.Start(t.Context(), &wamp.Dialer{Router: m}))
		s, err := m.Session(t.Context(), "realm1")
		check(t, err)
		call := wamp.Go[int](t.Context(), s, "com.slow")
		synctest.Wait()
		check(t, m.Close())
		check(t, a.Shutdown(t.Context()))
		if !returned.Load() {
			t.Error("the handler still runs")
		}
		if _, err := call.Result(); err == nil {
			t.Error("the call has a result")
		}
	})
}

// Main that ignores the end of its context does not keep an App from ending,
// and Shutdown's own context cuts everything short.
func TestStubbornMain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMoody(t)
		a := quiet()
		release := make(chan struct{})
		a.Main = func(context.Context, *wamp.Session) error { <-release; return nil }
		check(t, a.Start(t.Context(), &wamp.Dialer{Router: m}))
		began := time.Now()
		check(t, a.Shutdown(t.Context()))
		if d := time.Since(began); d != app.DefaultShutdownTimeout {
			t.Error(d)
		}
		check(t, a.Start(t.Context(), &wamp.Dialer{Router: m}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began = time.Now()
		if err := a.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		check(t, a.Wait())
		if d := time.Since(began); d != time.Second {
			t.Error(d)
		}
		close(release)
	})
}
