package router

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/wampeter/wampeter/internal/core"
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/wamp"
)

// Call is a call that the function of HandleCalls is to serve. Its methods may
// be called by any goroutine, until that function has returned.
type Call struct {
	wamp.Payload // the arguments

	// Session is the caller's, Procedure what it calls.
	Session   *Session
	Procedure string

	// RequestID is that of the CALL.
	RequestID uint64

	// Timeout is how long the caller wants to wait; 0: it has not said. The
	// router sees to it: the function's context ends.
	Timeout time.Duration

	// DiscloseMe says that the caller wants the callee to know who it is. The
	// function knows it in any case.
	DiscloseMe bool

	// Invocation is the call as package wamp has it, for all that is not here,
	// such as arguments that come in parts.
	Invocation *wamp.Invocation

	format msg.Format
	dict   []byte

	mu       sync.Mutex
	returned bool
	result   wamp.Result
}

// WantsProgress reports whether the caller asked for progressive results.
func (c *Call) WantsProgress() bool { return c.Invocation.WantsProgress() }

// Progress sends a progressive result. It does nothing when the caller did not
// ask for any, waits while the caller falls behind, and fails with the context's
// error when the call has been canceled.
func (c *Call) Progress(opts ...wamp.PayloadOption) error { return c.Invocation.Progress(opts...) }

// Return says what the result of the call is, once the function has returned
// nil. It fails when it was said before; else it returns nil, so that
//
//	return c.Return(wamp.Args{sum})
//
// may end the function.
func (c *Call) Return(opts ...wamp.PayloadOption) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.returned {
		return fmt.Errorf("call %s: Return was called before", c.Procedure)
	}
	c.returned = true
	c.result = wamp.Return(opts...)
	return nil
}

// Options returns the options of the CALL by their names in the protocol, such
// as runmode and rkey (specification, advanced profile, section "Sharded
// Registration"), also those that the router does not know.
func (c *Call) Options() map[string]any { return dictionary(c.format, c.dict) }

// HandleCalls gives all calls of the realm to f, instead of routing them: what
// is mounted, or registered by clients, is not called any more. The router's own
// procedures, "wamp.", stay as they are. When HandleCalls is called again the
// new function takes over.
//
// f runs in a goroutine per call, 1024 at a time; ctx ends when the call is
// canceled, at its timeout, and when the caller leaves. Before it returns it may
// send any number of progressive results. When it returns nil the caller gets
// the result that [Call.Return] was given, an empty one if that was not called;
// when it returns an error, ERROR with the URI and payload of a *wamp.Error or a
// wamp.URI. A *wamp.Error without a URI, wamp.Errorf("", "Numbers only!"), is
// told as wamp.error.runtime_error. Any other error is logged, and the caller
// gets wamp.error.runtime_error without its text.
//
// HandleCalls fails when f is nil, and with ErrClosed when the realm is closed.
func (r *Realm) HandleCalls(f func(ctx context.Context, c *Call) error) error {
	s, err := r.Local()
	if err != nil {
		return fmt.Errorf("handle calls: %w", err)
	}
	if f == nil {
		return errors.New("handle calls: there is no function")
	}
	r.change(func(set *settings) { set.calls = f })
	_, err = s.Register(context.Background(), core.AllCalls, wamp.HandlerFunc(r.serveCall))
	if err != nil && !errors.Is(err, wamp.ErrProcedureAlreadyExists) {
		return fmt.Errorf("handle calls: %w", err)
	}
	return nil
}

// serveCall has the application serve a call.
func (r *Realm) serveCall(ctx context.Context, inv *wamp.Invocation) (wamp.Result, error) {
	c := &Call{Payload: inv.Payload, Session: From(ctx), Procedure: inv.Procedure, Invocation: inv}
	if o, _ := ctx.Value(callKey{}).(*callOptions); o != nil {
		c.RequestID, c.Timeout, c.DiscloseMe = o.request, o.timeout, o.discloseMe
		c.format, c.dict = o.format, o.dict
	}
	if err := r.settings().calls(ctx, c); err != nil {
		return wamp.Result{}, r.callError(ctx, c, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.result, nil
}

// callError is what the caller is told of an error.
func (r *Realm) callError(ctx context.Context, c *Call, err error) error {
	var told *wamp.Error
	var u wamp.URI
	switch {
	case ctx.Err() != nil:
		return err // nobody waits
	case errors.As(err, &told) && told.URI != "":
		return told
	case told != nil:
		e := *told
		e.URI = wamp.ErrRuntimeError
		return &e
	case errors.As(err, &u) && u != "":
		return u
	}
	r.router.log.LogAttrs(ctx, slog.LevelError, "call failed",
		slog.String("realm", r.name), slog.String("procedure", c.Procedure),
		slog.Uint64("session", c.Session.ID()), slog.Any("reason", err))
	return wamp.Errorf(wamp.ErrRuntimeError, "the call could not be served")
}

// callOptions are what a CALL says that its INVOCATION does not.
type callOptions struct {
	request    uint64
	timeout    time.Duration
	discloseMe bool
	format     msg.Format
	dict       []byte
}

type callKey struct{}

// optionsOf returns the options of m, the CALL that e has come of, when all
// calls are for the application; else nil. r.mu is held.
func (r *Realm) optionsOf(e *core.Effect, m *msg.Message) *callOptions {
	if m == nil || m.Type != msg.Call || !r.core.Overrides(e.Msg.ID) {
		return nil
	}
	o := &callOptions{request: m.Request, discloseMe: m.Options.Is(msg.DiscloseMe)}
	o.timeout = r.core.Timeout(m.Options.Timeout)
	o.format, o.dict = e.From.Owner.(*link).peer.Format(), slices.Clone(m.Dict)
	return o
}
