package app

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/wampeter/wampeter/wamp"
)

// hooks are the functions that hear of the App's life.
type hooks struct {
	connect    []func(context.Context, *wamp.Dialer) error
	join       []func(context.Context, *wamp.Session) error
	ready      []func(context.Context, *wamp.Session) error
	leave      []func(context.Context, *wamp.Session, error) error
	disconnect []func(context.Context, error) error
	errors     []func(context.Context, error)
}

// OnConnect has f called before each attempt to connect, with a copy of the
// Dialer that is used for this attempt alone: a place for fresh credentials. An
// error makes the attempt fail.
func (a *App) OnConnect(f func(ctx context.Context, d *wamp.Dialer) error) {
	add(a, &a.hooks.connect, f)
}

// OnJoin has f called in each session, after everything has been registered and
// subscribed. An error ends the session, as a failed attempt. ctx ends with the
// session.
func (a *App) OnJoin(f func(ctx context.Context, s *wamp.Session) error) {
	add(a, &a.hooks.join, f)
}

// OnReady has f called in each session after all OnJoin hooks have returned,
// when calls that waited for the session go on. An error is reported. ctx ends
// with the session.
func (a *App) OnReady(f func(ctx context.Context, s *wamp.Session) error) {
	add(a, &a.hooks.ready, f)
}

// OnLeave has f called after the end of each session that was joined, with a
// *wamp.ClosedError that says why it ended. An error is reported.
func (a *App) OnLeave(f func(ctx context.Context, s *wamp.Session, reason error) error) {
	add(a, &a.hooks.leave, f)
}

// OnDisconnect has f called once for each OnConnect, after OnLeave: when the
// session has ended, or was never opened. reason is a *wamp.ClosedError or why
// the attempt has failed. An error is reported.
func (a *App) OnDisconnect(f func(ctx context.Context, reason error) error) {
	add(a, &a.hooks.disconnect, f)
}

// OnError has f called for everything that goes wrong: a *wamp.HandlerError for
// each failure of a handler, failed attempts to connect, lost sessions, and
// errors of hooks. It must not block. Without any such hook they are logged.
// Failures of handlers go to the OnError of the Dialer instead, if it has one.
func (a *App) OnError(f func(ctx context.Context, err error)) {
	add(a, &a.hooks.errors, f)
}

func add[F any](a *App, list *[]F, f F) {
	a.mu.Lock()
	defer a.mu.Unlock()
	*list = append(*list, f)
}

func snapshot[F any](a *App, list *[]F) []F {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(*list)
}

// PanicError is the error for a panic of a hook or of Main.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// protect calls f, and makes its panic an error.
func protect(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return f()
}

// report tells of an error; never nobody.
func (a *App) report(ctx context.Context, err error) {
	list := snapshot(a, &a.hooks.errors)
	for _, f := range list {
		if p := protect(func() error { f(ctx, err); return nil }); p != nil {
			a.log(ctx, fmt.Errorf("OnError hook: %w", p))
		}
	}
	if len(list) == 0 {
		a.log(ctx, err)
	}
}

func (a *App) log(ctx context.Context, err error) {
	args := []any{"error", err}
	var handler *wamp.HandlerError
	var panicked *PanicError
	switch {
	case errors.As(err, &handler) && handler.Stack != nil:
		args = append(args, "stack", string(handler.Stack))
	case errors.As(err, &panicked):
		args = append(args, "stack", string(panicked.Stack))
	}
	a.logger().ErrorContext(ctx, "app", args...)
}

// On has f called when the program fires the signal of that name: a way for its
// parts to tell each other. Several functions may wait for one signal.
func (a *App) On(name string, f func(ctx context.Context, args ...any) error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.signals == nil {
		a.signals = make(map[string][]func(context.Context, ...any) error)
	}
	a.signals[name] = append(a.signals[name], f)
}

// Fire calls what On was given for the name, in order, and returns all of their
// errors.
func (a *App) Fire(ctx context.Context, name string, args ...any) error {
	a.mu.Lock()
	list := slices.Clone(a.signals[name])
	a.mu.Unlock()
	var errs []error
	for _, f := range list {
		if err := protect(func() error { return f(ctx, args...) }); err != nil {
			errs = append(errs, fmt.Errorf("signal %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}
