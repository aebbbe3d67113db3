package wamp

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/session"
	"github.com/wampeter/wampeter/internal/uri"
)

// Invocation is one call of a registered procedure. Its exported fields belong
// to the handler.
type Invocation struct {
	Payload

	Session      *Session
	Registration *Registration
	RequestID    uint64 // of the INVOCATION
	Procedure    string // the concrete URI that was called

	// Who calls, when the router tells.
	Caller         uint64
	CallerAuthID   string
	CallerAuthRole string

	TrustLevel uint64
	Timeout    time.Duration // that the caller gave, when the router forwards it; the handler's context ends with it

	wantsProgress bool
	ctx           handlerContext
	end           ending             // of ctx
	stopTimer     context.CancelFunc // nil without Timeout
	raw           msg.Payload
	seal          *seal // how the answers are encrypted, nil for not at all

	input *input // nil when all arguments came at once
	asked bool   // for Parts
	began bool   // the first of them has been taken

	interrupted bool // guarded by Session.mu
}

// WantsProgress reports whether the caller asked for progressive results.
func (inv *Invocation) WantsProgress() bool { return inv.wantsProgress }

// Progress sends a progressive result. It does nothing when the caller did not
// ask for any, and fails with the context's error when the call is canceled.
func (inv *Invocation) Progress(opts ...PayloadOption) error {
	return inv.sendProgress(newPayload(opts))
}

func (inv *Invocation) sendProgress(p Payload) error {
	if err := inv.ctx.Err(); err != nil {
		return err
	}
	if !inv.wantsProgress {
		return nil
	}
	return inv.Session.sendYield(inv, p, true, false)
}

// Component returns what stands in the called URI in place of {name} in the
// registration's pattern, or of its number among the free components; "" when
// there is no such component.
func (inv *Invocation) Component(name string) string {
	c, _ := inv.component(name)
	return c
}

func (inv *Invocation) component(name string) (string, bool) {
	return inv.Registration.pattern.component(inv.Procedure, name)
}

// invocation hands an INVOCATION to its registration.
func (s *Session) invocation(m *msg.Message, owned bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed != nil || s.furtherPart(m, owned) {
		return
	}
	var refusal *Error
	if reg := s.registrations[m.ID]; reg != nil {
		inv := s.newInvocation(reg, m, owned)
		if reg.push(inv) {
			s.running[m.Request] = inv
			return
		}
		inv.cancel()
		refusal = Errorf(ErrUnavailable, "too many calls wait for the procedure")
	} else {
		refusal = &Error{URI: ErrNoSuchProcedure}
	}
	if m.Options.Is(msg.Progress) {
		s.late.add(m.Request)
	}
	s.refuse(m.Request, refusal)
}

func (s *Session) newInvocation(reg *Registration, m *msg.Message, owned bool) *Invocation {
	o := &m.Options
	inv := &Invocation{
		Session:       s,
		Registration:  reg,
		RequestID:     m.Request,
		Procedure:     reg.pattern.uri,
		Caller:        o.Session,
		TrustLevel:    o.TrustLevel,
		wantsProgress: o.Is(msg.ReceiveProgress),
		raw:           m.Payload,
	}
	if !owned {
		inv.raw, _ = keep(&m.Payload, nil)
	}
	inv.Payload = Payload{raw: &inv.raw, ppt: pptOf(o)}
	if len(m.URI) > 0 && string(m.URI) != inv.Procedure {
		inv.Procedure = string(m.URI)
	}
	if o.X != nil {
		inv.CallerAuthID, inv.CallerAuthRole = o.X.AuthID, o.X.AuthRole
	}
	if o.Is(msg.Progress) {
		inv.input = &input{ready: make(chan struct{}, 1), ppt: inv.Payload.ppt}
	}
	if o.Timeout > 0 {
		inv.Timeout = time.Duration(min(o.Timeout, maxTimeout)) * time.Millisecond
	}
	inv.ctx = handlerContext{Context: &inv.end, invocation: inv}
	inv.end.Context = s.handlerContext(inv, nil)
	if inv.Timeout > 0 {
		inv.end.Context, inv.stopTimer = context.WithTimeout(inv.end.Context, inv.Timeout)
	}
	return inv
}

// cancel ends the handler's context.
func (inv *Invocation) cancel() {
	inv.end.cancel()
	if inv.stopTimer != nil {
		inv.stopTimer()
	}
}

// handlerContext returns what the context of a handler is made of. s.mu is held.
func (s *Session) handlerContext(inv *Invocation, e *EventInfo) context.Context {
	if s.context == nil {
		return s.ctx
	}
	return s.context(s.ctx, inv, e)
}

// maxTimeout is the longest time that a time.Duration holds, in milliseconds.
const maxTimeout = (1<<63 - 1) / 1_000_000

// push has a worker handle inv, or queues it; false when the queue is full.
// Session.mu is held.
func (r *Registration) push(inv *Invocation) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.workers < r.cfg.concurrency && r.s.do(inv) {
		// Workers leave when they find the queue empty, so it is empty now.
		r.workers++
		return true
	}
	if len(r.queue) >= r.cfg.queue {
		r.refused++
		return false
	}
	r.queue = append(r.queue, inv)
	return true
}

// work serves invocations of a registration as long as there are any.
func (inv *Invocation) work() {
	for r := inv.Registration; inv != nil; {
		r.serve(inv)
		r.mu.Lock()
		if inv = nil; len(r.queue) > 0 {
			inv = r.queue[0]
			r.queue[0] = nil
			r.queue = r.queue[1:]
		} else {
			r.queue = nil
			r.workers--
		}
		r.mu.Unlock()
	}
}

// serve runs the handler and sends its answer.
func (r *Registration) serve(inv *Invocation) {
	defer inv.cancel()
	var res Result
	err := inv.ctx.Err() // canceled while it waited
	if err == nil {
		res, err = r.run(inv)
	}
	s := r.s
	s.mu.Lock()
	delete(s.running, inv.RequestID)
	refused := s.endInput(inv)
	interrupted, ended, others := inv.interrupted, s.closed != nil, len(s.running) > 0
	s.mu.Unlock()
	if ended || refused {
		return
	}
	if err == nil {
		err = s.sendYield(inv, res.Payload, false, others)
		if err == nil || errors.Is(err, ErrClosed) {
			return
		}
	}
	e := inv.answerFor(err, interrupted)
	m := s.errorMessage(inv.RequestID, e, inv.seal)
	if errors.Is(s.send(m), session.ErrTooBig) {
		_ = s.send(tooBig(m)) // fails when the session ends
	}
}

// run runs the handler. Panics become errors.
func (r *Registration) run(inv *Invocation) (res Result, err error) {
	defer func() {
		if v := recover(); v != nil {
			trace := debug.Stack()
			r.s.report(&inv.ctx, &HandlerError{URI: inv.Procedure, Err: panicError(v), Stack: trace})
			err = Errorf(ErrRuntimeError, "the procedure failed unexpectedly")
			if r.s.traces {
				err = NewError(ErrRuntimeError, Args{panicError(v).Error()}, KW{"traceback": string(trace)})
			}
		}
	}()
	if inv.seal, err = r.s.openFirst(invocationOf(inv.input == nil), inv.Procedure, &inv.Payload); err != nil {
		r.s.report(&inv.ctx, &HandlerError{URI: inv.Procedure, Err: err})
		return res, err
	}
	if res, err = r.handler.Invoke(&inv.ctx, inv); err == nil && !inv.asked {
		err = inv.refuseParts()
	}
	return res, err
}

// answerFor is the ERROR for a handler's error. An error that is not meant for
// the caller is reported here.
func (inv *Invocation) answerFor(err error, interrupted bool) *Error {
	switch {
	case interrupted && inv.ctx.Err() != nil:
		return &Error{URI: ErrCanceled}
	case errors.Is(err, context.DeadlineExceeded) && errors.Is(inv.ctx.Err(), context.DeadlineExceeded):
		return &Error{URI: ErrTimeout}
	}
	if e := raised(err, inv.Registration.cfg.errors, inv.Session.errors.Load()); e != nil {
		switch {
		case uri.Valid([]byte(e.URI), false):
			return e
		case e.URI == "":
			unnamed := *e
			unnamed.URI = ErrRuntimeError
			return &unnamed
		}
		err = fmt.Errorf("%w (%q is no URI)", err, e.URI) // routers end sessions for that
	}
	inv.Session.report(&inv.ctx, &HandlerError{URI: inv.Procedure, Err: err})
	return Errorf(ErrRuntimeError, "%v", err)
}

// interrupt handles INTERRUPT: the handler's context ends. What it answers is
// sent all the same, since the router knows whether the caller still waits.
func (s *Session) interrupt(m *msg.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if inv := s.running[m.Request]; inv != nil {
		inv.interrupted = true
		inv.cancel()
	}
}

// sendYield sends a result, final or progressive. When the router falls
// behind, so does the handler. others says that other invocations are under way.
func (s *Session) sendYield(inv *Invocation, p Payload, progress, others bool) error {
	r := s.getRequest() // for its memory
	defer s.putRequest(r)
	m := msg.Message{Type: msg.Yield, Request: inv.RequestID}
	if progress {
		m.Options.SetBool(msg.Progress, true)
	}
	var err error
	if r.out, err = s.encodePayload(r.out[:0], &m, &p, inv.seal); err != nil {
		inv.Session.report(&inv.ctx, &HandlerError{URI: inv.Procedure, Err: err})
		return Errorf(ErrInvalidPayload, "the result cannot be serialized")
	}
	if err := s.sendWith(&m, others); err != nil {
		return s.sendError(err)
	}
	return nil
}

// errorMessage returns the ERROR that answers an invocation whose answers are
// encrypted by sl, nil for not at all.
func (s *Session) errorMessage(invocation uint64, e *Error, sl *seal) *msg.Message {
	p := e.payload()
	m := &msg.Message{Type: msg.Error, ErrType: msg.Invocation, Request: invocation, URI: []byte(e.URI)}
	if _, err := s.encodePayload(nil, m, &p, sl); err != nil {
		m.Payload, m.Options = msg.Payload{}, msg.Options{} // the URI has to do
	}
	return m
}

// tooBig makes m, an ERROR, one that the router takes.
func tooBig(m *msg.Message) *msg.Message {
	m.URI, m.Payload, m.Options = []byte(msg.ErrPayloadSizeExceeded), msg.Payload{}, msg.Options{}
	return m
}

// refuse answers an invocation from the reader, which must not wait. When
// that is not possible the session ends, since the caller would wait for ever.
func (s *Session) refuse(invocation uint64, e *Error) {
	if err := s.peer.Send(s.errorMessage(invocation, e, nil), nil); errors.Is(err, session.ErrOverflow) {
		s.peer.Close(err)
	}
}
