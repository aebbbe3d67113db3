package wamp

import (
	"context"
	"errors"
	"fmt"
)

// handlerContext is the context of a running handler. It knows what is being
// handled.
type handlerContext struct {
	context.Context
	invocation *Invocation
	event      *EventInfo
}

type handlerKey struct{}

func (c *handlerContext) Value(key any) any {
	if key == (handlerKey{}) {
		return c
	}
	return c.Context.Value(key)
}

func handlerOf(ctx context.Context) *handlerContext {
	c, _ := ctx.Value(handlerKey{}).(*handlerContext)
	return c
}

// FromContext returns the invocation that the handler running under ctx
// serves, nil outside one.
func FromContext(ctx context.Context) *Invocation {
	if c := handlerOf(ctx); c != nil {
		return c.invocation
	}
	return nil
}

// EventFromContext returns the event that the handler running under ctx
// handles, nil outside one.
func EventFromContext(ctx context.Context) *EventInfo {
	if c := handlerOf(ctx); c != nil {
		return c.event
	}
	return nil
}

// binder is a handler that has to know the pattern it is registered with.
type binder interface{ bind(*pattern) error }

func bind(h any, p *pattern) error {
	if b, ok := h.(binder); ok {
		return b.bind(p)
	}
	return nil
}

// panicError is the error for a panic with v.
func panicError(v any) error {
	if err, ok := v.(error); ok {
		return fmt.Errorf("panic: %w", err)
	}
	return fmt.Errorf("panic: %v", v)
}

// report tells the application that a handler has failed.
func (s *Session) report(ctx context.Context, e *HandlerError) {
	if s.onError != nil {
		s.onError(ctx, e)
		return
	}
	args := []any{"uri", e.URI, "session", s.id, "error", e.Err}
	if e.Stack != nil {
		args = append(args, "stack", string(e.Stack))
	}
	text := "procedure failed"
	if e.Event {
		text = "event handler failed"
	}
	s.logger.ErrorContext(ctx, text, args...)
}

// ending reports whether err is no more than the end of the session, as a
// handler sees it.
func (s *Session) ending(ctx context.Context, err error) bool {
	return ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, ErrClosed))
}
