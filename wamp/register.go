package wamp

import (
	"context"
	"fmt"
	"sync"

	"github.com/wampeter/wampeter/internal/msg"
)

// Handler serves the calls of a procedure. [Func0] to [Func5], [Typed],
// [Streaming], [Upload] and [Duplex] make one of a function with typed
// arguments, [HandlerFunc] of a raw one.
//
// An *Error that Invoke returns goes to the caller as it is, without a URI as
// wamp.error.runtime_error, and so does a [URI]. Any other error, also one whose
// URI is not valid, reaches the caller as wamp.error.runtime_error with its text,
// a panic as one without, and [Dialer.OnError] in both cases.
//
// ctx ends when the caller cancels the call, at its deadline, and when the
// session ends; [FromContext] finds the invocation in it.
type Handler interface {
	Invoke(ctx context.Context, inv *Invocation) (Result, error)
}

// HandlerFunc is a raw handler.
type HandlerFunc func(ctx context.Context, inv *Invocation) (Result, error)

// Invoke calls f.
func (f HandlerFunc) Invoke(ctx context.Context, inv *Invocation) (Result, error) { return f(ctx, inv) }

// Registration is a procedure that this session serves.
type Registration struct {
	s       *Session
	id      uint64
	given   string // as given to Register
	pattern *pattern
	handler Handler
	cfg     *handlerConfig
	done    chan struct{}

	mu      sync.Mutex // taken after Session.mu
	queue   []*Invocation
	workers int
	refused uint64
}

// ID returns the router's id of the registration.
func (r *Registration) ID() uint64 { return r.id }

// String names the registration, for logs.
func (r *Registration) String() string { return fmt.Sprintf("registration %d of %s", r.id, r.given) }

// Procedure returns the URI or pattern as it was given to Register.
func (r *Registration) Procedure() string { return r.given }

// Refused returns how many calls were answered with wamp.error.unavailable since
// too many of them waited, see [Queue].
func (r *Registration) Refused() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refused
}

// Done returns a channel that is closed when the procedure is no longer served:
// it was unregistered, by whichever end, or the session has ended.
func (r *Registration) Done() <-chan struct{} { return r.done }

// Register makes h serve a procedure, or all procedures of a pattern. Calls
// run in goroutines of their own, see [Concurrency]. A handler whose types do
// not fit the pattern is refused here.
//
// Errors: ErrProcedureAlreadyExists, ErrNotAuthorized, ErrInvalidURI and what
// else the router says.
func (s *Session) Register(ctx context.Context, procedure string, h Handler, opts ...RegisterOption) (*Registration, error) {
	reg, r, err := s.startRegister(ctx, procedure, h, opts)
	if err == nil {
		err = s.wait(ctx, r)
	}
	if err != nil {
		return nil, err
	}
	return reg, nil
}

// startRegister sends REGISTER.
func (s *Session) startRegister(ctx context.Context, procedure string, h Handler, opts []RegisterOption) (*Registration, *request, error) {
	var cfg registerConfig
	for _, o := range opts {
		o.applyRegister(&cfg)
	}
	if cfg.concurrency > 0 {
		cfg.options.Set |= msg.KeyConcurrency
		cfg.options.Concurrency = uint32(cfg.concurrency)
	}
	reg := &Registration{s: s, given: procedure, handler: h, cfg: &cfg.handlerConfig, done: make(chan struct{})}
	r := &request{kind: msg.Register, uri: procedure, ready: make(chan struct{}, 1)}
	r.install = &handlerRequest{registration: reg}
	m := msg.Message{Type: msg.Register}
	var err error
	if reg.pattern, err = s.encodeHandler(ctx, procedure, h, reg.cfg, defaultConcurrency, &m); err == nil {
		err = s.start(ctx, r, &m, true)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("register %s: %w", procedure, err)
	}
	return reg, r, nil
}

// registered handles REGISTERED: the handler is in place before the next
// message is looked at.
func (s *Session) registered(m *msg.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.requests[m.Request]
	if r == nil || r.kind != msg.Register {
		return
	}
	delete(s.requests, m.Request)
	if r.install.abandoned {
		undo := msg.Message{Type: msg.Unregister, Request: s.nextID(), ID: m.ID}
		// When it cannot be sent, the session is about to end, or calls are
		// answered by wamp.error.no_such_registration.
		_ = s.peer.Send(&undo, nil)
		return
	}
	reg := r.install.registration
	reg.id = m.ID
	s.registrations[m.ID] = reg
	r.finish()
}

// unregistered handles UNREGISTERED.
func (s *Session) unregistered(m *msg.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.requests[m.Request]
	if r == nil || r.kind != msg.Unregister {
		return
	}
	delete(s.requests, m.Request)
	s.dropRegistration(r.install.registration.id)
	r.finish()
}

// dropRegistration forgets a registration that has ended. Its invocations
// finish. s.mu is held.
func (s *Session) dropRegistration(id uint64) {
	if reg := s.registrations[id]; reg != nil {
		delete(s.registrations, id)
		close(reg.done)
	}
}

// Unregister ends the registration. Running invocations finish. A procedure
// that is not registered any more is ErrNotRegistered.
func (r *Registration) Unregister(ctx context.Context) error {
	req, err := r.startUnregister()
	if err != nil {
		return err
	}
	return r.s.wait(ctx, req)
}

// startUnregister sends UNREGISTER.
func (r *Registration) startUnregister() (*request, error) {
	s := r.s
	req := &request{kind: msg.Unregister, uri: r.given, ready: make(chan struct{}, 1)}
	req.install = &handlerRequest{registration: r}
	s.mu.Lock()
	err := error(ErrNotRegistered)
	if s.closed != nil {
		err = s.closed
	} else if s.registrations[r.id] == r {
		err = s.startLocked(req, &msg.Message{Type: msg.Unregister, ID: r.id}, true)
	}
	s.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", req.op(), err)
	}
	s.peer.Flush()
	return req, nil
}
