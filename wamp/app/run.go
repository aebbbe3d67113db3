package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/signal"
	"sync"
	"time"

	"github.com/wampeter/wampeter/wamp"
)

// run is one run of an App, from Run or Start to its end.
type run struct {
	a      *App
	cycle  *cycle
	stop   context.CancelCauseFunc // ends it gracefully
	kill   context.CancelFunc      // ends it at once
	killed context.Context
	ended  sync.WaitGroup // sessions that have ended, whose handlers have not
	ready  chan struct{}  // closed when a session has been ready
	done   chan struct{}
	err    error // after done
}

// Run joins a router and serves, reconnecting whenever that is needed, until
// the App ends; see the package documentation for why it may. The end of ctx is
// a graceful one. The Dialers are tried in turn, each with its own settings and
// Backoff; without any, the zero Dialer is used.
//
// Mistakes of definitions and of Dialers are returned before anything is tried.
func (a *App) Run(ctx context.Context, dialers ...*wamp.Dialer) error {
	if len(a.Signals) > 0 {
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, a.Signals...)
		defer stop()
		context.AfterFunc(ctx, stop) // the next signal is the system's again
	}
	r, ctx, err := a.begin(ctx, dialers)
	if err != nil {
		return err
	}
	r.run(ctx)
	return r.err
}

// Start starts the App beside the program, and returns when it is ready for the
// first time, or has ended before. ctx bounds the waiting alone, but when it
// ends before the App is ready, the App is shut down, and the error is ctx's
// together with that of the last attempt. See Run for the rest,
// Shutdown and Done for the end.
func (a *App) Start(ctx context.Context, dialers ...*wamp.Dialer) error {
	r, running, err := a.begin(context.WithoutCancel(ctx), dialers)
	if err != nil {
		return err
	}
	go r.run(running)
	select {
	case <-r.ready:
		return nil
	case <-r.done:
		select {
		case <-r.ready:
			return r.err
		default:
		}
		return cmp.Or(r.err, ErrNotConnected)
	case <-ctx.Done():
		now, _ := a.look()
		a.Close()
		<-r.done
		return now.notReady(ctx)
	}
}

// begin checks everything, and makes the run the App's current one.
func (a *App) begin(ctx context.Context, dialers []*wamp.Dialer) (*run, context.Context, error) {
	if err := a.Err(); err != nil {
		return nil, nil, err
	}
	if len(dialers) == 0 {
		dialers = []*wamp.Dialer{{}}
	}
	for i, d := range dialers {
		if d == nil {
			return nil, nil, fmt.Errorf("dialer %d is nil", i+1)
		}
		if err := d.Validate(); err != nil {
			return nil, nil, err
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.current != nil && !a.state.ended {
		return nil, nil, ErrRunning
	}
	r := &run{a: a, cycle: newCycle(dialers), ready: make(chan struct{}), done: make(chan struct{})}
	ctx = context.WithValue(ctx, appKey{}, a)
	r.killed, r.kill = context.WithCancel(context.WithoutCancel(ctx))
	ctx, r.stop = context.WithCancelCause(ctx)
	a.current, a.state = r, state{}
	return r, ctx, nil
}

// Shutdown ends the App gracefully, and waits for that. When ctx ends first, the
// App is closed, and ctx's error returned. An App that does not run is left
// alone. Called with the context of a handler, of a hook or of Main, it does
// not wait.
func (a *App) Shutdown(ctx context.Context) error {
	a.mu.Lock()
	r := a.current
	a.mu.Unlock()
	if r == nil {
		return nil
	}
	r.stop(ErrStopped)
	if FromContext(ctx) == a || wamp.FromContext(ctx) != nil || wamp.EventFromContext(ctx) != nil {
		return nil
	}
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		a.Close()
		return ctx.Err()
	}
}

// Close ends the App at once: its connection is cut, and nothing is waited for.
// Done tells when that has happened.
func (a *App) Close() {
	a.mu.Lock()
	r := a.current
	a.mu.Unlock()
	if r != nil {
		r.stop(ErrStopped)
		r.kill()
	}
}

// Done returns a channel that is closed when the App, having been started, has
// ended; nil before.
func (a *App) Done() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.current == nil {
		return nil
	}
	return a.current.done
}

// Wait waits for the end of an App that has been started, and returns what Run
// would.
func (a *App) Wait() error {
	a.mu.Lock()
	r := a.current
	a.mu.Unlock()
	if r == nil {
		return nil
	}
	<-r.done
	return r.err
}

// run tries one session after the other.
func (r *run) run(ctx context.Context) {
	// Also when a hook calls runtime.Goexit, as t.Fatal does.
	defer func() {
		r.stop(ErrStopped)
		r.ended.Wait()
		r.kill()
		r.a.set(func(s *state) { *s = state{ended: true} })
		close(r.done)
	}()
	r.err = errors.New("a hook has ended the app's goroutine")
	r.err = r.attempts(ctx)
}

func (r *run) attempts(ctx context.Context) error {
	for {
		t, wait := r.cycle.next()
		if t == nil {
			err := r.cycle.err()
			r.a.report(ctx, err)
			return err
		}
		if wait > 0 {
			r.a.logger().InfoContext(ctx, "waiting for the next attempt to connect", "wait", wait)
		}
		if !sleep(ctx, wait) {
			return nil
		}
		err := r.attempt(ctx, t)
		var end *ending
		switch {
		case errors.As(err, &end):
			return end.err
		case ctx.Err() != nil:
			return nil
		}
		retry := ShouldRetry
		if r.a.ShouldRetry != nil {
			retry = r.a.ShouldRetry
		}
		r.a.set(func(now *state) { now.failed = err })
		r.a.report(ctx, err)
		r.cycle.failed(t, err, retry(err))
	}
}

// sleep waits; false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
