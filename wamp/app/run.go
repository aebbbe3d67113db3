package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/signal"
	"strings"
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
// ends before the App is ready, the App is shut down. See Run for the rest,
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
		a.Close()
		<-r.done
		return fmt.Errorf("waiting for the app to be ready: %w", ctx.Err())
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
	for _, d := range dialers {
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
	r.err = r.attempts(ctx)
	r.stop(ErrStopped)
	r.ended.Wait()
	r.kill()
	r.a.set(func(s *state) { *s = state{ended: true} })
	close(r.done)
}

func (r *run) attempts(ctx context.Context) error {
	for {
		t, wait := r.cycle.next()
		if t == nil {
			err := r.cycle.err()
			r.a.report(ctx, err)
			return err
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

// ending is the error of an attempt after which there is to be no other.
type ending struct{ err error }

func (e *ending) Error() string { return fmt.Sprint("the app ends: ", e.err) }

// attempt connects once, and serves until the session ends. The error says why
// it is over.
func (r *run) attempt(ctx context.Context, t *candidate) error {
	a := r.a
	d := *t.dialer
	if d.Logger == nil {
		d.Logger = a.Logger
	}
	own := d.OnError
	d.OnError = func(ctx context.Context, err *wamp.HandlerError) {
		if own != nil {
			own(ctx, err)
			return
		}
		a.report(ctx, err)
	}
	// Hooks of the end run even though ctx has ended.
	after := context.WithoutCancel(ctx)
	var err error
	for _, f := range snapshot(a, &a.hooks.connect) {
		if err = protect(func() error { return f(ctx, &d) }); err != nil {
			err = fmt.Errorf("OnConnect hook: %w", err)
			break
		}
	}
	reason := err
	if err == nil {
		var s *wamp.Session
		if s, err = d.Dial(ctx); err == nil {
			err = r.session(ctx, after, s)
			reason = s.Err()
		} else {
			reason = err
		}
	}
	for _, f := range snapshot(a, &a.hooks.disconnect) {
		if err := protect(func() error { return f(after, reason) }); err != nil {
			a.report(after, fmt.Errorf("OnDisconnect hook: %w", err))
		}
	}
	return err
}

// session lives one session, from WELCOME to its end.
func (r *run) session(ctx, after context.Context, s *wamp.Session) error {
	a := r.a
	began := time.Now()
	live, cancel := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-s.Done():
			cancel(s.Err())
		case <-live.Done():
		}
	})
	err := r.serve(live, s)
	a.set(func(now *state) { *now = state{} })
	cancel(ErrStopped)
	watch.Wait()
	joined := !errors.As(err, new(*notJoined))
	lost := s.Err() // nil when it is this end that wants to end it
	if lost == nil {
		r.leave(s)
	}
	<-s.Done()
	r.ended.Go(func() { _ = s.Close(r.killed) }) // waits for handlers, for 5 s at most
	if joined {
		a.logger().InfoContext(after, "left the router", "session", s.ID(), "reason", s.Err())
		for _, f := range snapshot(a, &a.hooks.leave) {
			if err := protect(func() error { return f(after, s, s.Err()) }); err != nil {
				a.report(after, fmt.Errorf("OnLeave hook: %w", err))
			}
		}
	}
	if time.Since(began) >= Stable {
		r.cycle.stable()
	}
	var closed *wamp.ClosedError
	if errors.As(err, new(*ending)) || !errors.As(lost, &closed) {
		return err
	}
	if closed.Origin == wamp.OriginLocal && closed.Err == nil && !strings.HasPrefix(string(closed.Reason), "wamp.error.") {
		return &ending{} // the program has closed it
	}
	return fmt.Errorf("session %d is lost: %w", s.ID(), lost)
}

// notJoined is the error of a session in which not everything could be
// registered.
type notJoined struct{ error }

func (e *notJoined) Unwrap() error { return e.error }

// serve does all that is to be done in a session, until it ends, or is to be
// ended.
func (r *run) serve(ctx context.Context, s *wamp.Session) error {
	a := r.a
	if _, err := s.Use(ctx, a.Registry); err != nil {
		return &notJoined{err}
	}
	a.logger().InfoContext(ctx, "joined the router", "session", s.ID(), "realm", s.Realm(), "url", s.URL())
	a.set(func(now *state) { now.session = s })
	for _, f := range snapshot(a, &a.hooks.join) {
		if err := protect(func() error { return f(ctx, s) }); err != nil {
			return fmt.Errorf("OnJoin hook: %w", err)
		}
	}
	a.set(func(now *state) { now.ready = true })
	select {
	case <-r.ready:
	default:
		close(r.ready)
	}
	finished := make(chan error, 1)
	if a.Main != nil {
		go func() {
			err := errors.New("the function Main has ended its goroutine")
			defer func() { finished <- err }()
			err = protect(func() error { return a.Main(ctx, s) })
		}()
	}
	for _, f := range snapshot(a, &a.hooks.ready) {
		if err := protect(func() error { return f(ctx, s) }); err != nil {
			a.report(ctx, fmt.Errorf("OnReady hook: %w", err))
		}
	}
	select {
	case err := <-finished:
		return r.mainEnded(ctx, err)
	case <-ctx.Done():
	}
	if a.Main == nil {
		return ctx.Err()
	}
	// Main never runs twice at the same time: after a lost session it is
	// waited for without limit.
	patience := r.killed
	if !errors.Is(context.Cause(ctx), wamp.ErrClosed) {
		var cancel context.CancelFunc
		patience, cancel = context.WithTimeout(r.killed, a.shutdownTimeout())
		defer cancel()
	}
	select {
	case err := <-finished:
		return r.mainEnded(ctx, err)
	case <-patience.Done():
		a.report(ctx, errors.New("the function Main goes on though its context has ended"))
		return ctx.Err()
	}
}

// mainEnded says what the end of Main means: that of the App, unless it is just
// that of the session.
func (r *run) mainEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil && (errors.Is(err, wamp.ErrClosed) || errors.Is(err, context.Canceled)) {
		return err
	}
	return &ending{err}
}

func (a *App) shutdownTimeout() time.Duration {
	if a.ShutdownTimeout == 0 {
		return DefaultShutdownTimeout
	}
	return a.ShutdownTimeout
}

// leave ends a session from this end.
func (r *run) leave(s *wamp.Session) {
	if timeout := r.a.shutdownTimeout(); timeout > 0 {
		drain, cancel := context.WithTimeout(r.killed, timeout)
		defer cancel()
		if err := s.Drain(drain); err != nil && s.Err() == nil && r.killed.Err() == nil {
			r.a.report(r.killed, fmt.Errorf("ending the work of session %d: %w", s.ID(), err))
		}
	}
	_ = s.Close(r.killed) // what goes wrong with it is s.Err
}
