package wamp

import (
	"context"
	"time"
)

// Handler serves the calls of a procedure.
type Handler interface {
	Invoke(ctx context.Context, inv *Invocation) (Result, error)
}

// HandlerFunc is a raw handler.
type HandlerFunc func(ctx context.Context, inv *Invocation) (Result, error)

// Invoke calls f.
func (f HandlerFunc) Invoke(ctx context.Context, inv *Invocation) (Result, error) { return f(ctx, inv) }

// Invocation is one call of a registered procedure.
type Invocation struct {
	Payload

	Session      *Session
	Registration *Registration
	RequestID    uint64
	Procedure    string // the concrete URI that was called

	// Who calls, when the router tells.
	Caller         uint64
	CallerAuthID   string
	CallerAuthRole string

	TrustLevel uint64
	Timeout    time.Duration // that the caller gave, when the router forwards it; the context ends with it
}

// WantsProgress reports whether the caller asked for progressive results.
func (inv *Invocation) WantsProgress() bool { panic("not yet") }

// Progress sends a progressive result. It does nothing when the caller did not
// ask for any.
func (inv *Invocation) Progress(opts ...PayloadOption) error { panic("not yet") }

// Component returns what stands in the called URI in place of {name} in the
// registration's pattern, or of its number among the free components; "" when
// there is no such component.
func (inv *Invocation) Component(name string) string { panic("not yet") }

// FromContext returns the invocation that the handler running under ctx
// serves, nil outside one.
func FromContext(ctx context.Context) *Invocation { panic("not yet") }

// Registration is a procedure that this session serves.
type Registration struct{}

// ID returns the router's id of the registration.
func (r *Registration) ID() uint64 { panic("not yet") }

// Procedure returns the URI or pattern as it was given to Register.
func (r *Registration) Procedure() string { panic("not yet") }

// Done returns a channel that is closed when the procedure is no longer served:
// it was unregistered, by whichever end, or the session has ended.
func (r *Registration) Done() <-chan struct{} { panic("not yet") }

// Unregister ends the registration. Running invocations finish.
func (r *Registration) Unregister(ctx context.Context) error { panic("not yet") }

// Register makes h serve a procedure, or all procedures of a pattern. Each call
// runs in a goroutine of its own, see [Concurrency].
func (s *Session) Register(ctx context.Context, procedure string, h Handler, opts ...RegisterOption) (*Registration, error) {
	panic("not yet")
}
