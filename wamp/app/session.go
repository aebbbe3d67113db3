package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/wampeter/wampeter/wamp"
)

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
	base := d.BaseContext
	d.BaseContext = func() context.Context {
		values := context.Background()
		if base != nil {
			values = base()
		}
		return context.WithValue(values, appKey{}, a)
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
	defer func() { // for runtime.Goexit in a hook
		cancel(ErrStopped)
		if s.Err() == nil {
			_ = s.Close(r.killed)
		}
	}()
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
