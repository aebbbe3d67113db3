package wamp

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/wampeter/wampeter/internal/msg"
)

// Call calls a procedure and waits for its result.
//
// R says what to make of it: a struct with wamp tags binds positional and
// keyword results to its fields (see [In]), [Result] is both of them raw,
// struct{} ignores the result, and any other type is the first positional
// result. A result that does not fit is wamp.error.invalid_payload; integers
// never pass through floating point.
//
// Errors: *Error with the URI that the callee or the router sent; when ctx ends
// first, an *Error that is both ctx's error and ErrCanceled or ErrTimeout (the
// router has been told, see [OnCancel]); *ClosedError when the session ends.
func Call[R any](ctx context.Context, s *Session, procedure string, opts ...CallOption) (R, error) {
	req := s.getRequest()
	defer s.putRequest(req)
	for _, o := range opts {
		o.applyCall(&req.cfg)
	}
	if err := s.call(ctx, procedure, req); err != nil {
		var none R
		return none, err
	}
	return resultOfCall[R](req)
}

// resultOfCall makes an R of the answer to a call that succeeded. The request is
// used again.
func resultOfCall[R any](req *request) (R, error) {
	p := &req.payload
	if planOf(reflect.TypeFor[R]()).shape == shapeRaw {
		kept := req.payload
		p, req.buf = &kept, nil
	}
	r, err := decodeResult[R](p, req.callee)
	if err != nil {
		return r, req.resultError(err)
	}
	return r, nil
}

// outcomeOf returns what came of a call that has ended, and whose request is not
// used again.
func outcomeOf[R any](req *request) (r R, err error) {
	if err = req.outcome(); err != nil {
		return r, err
	}
	if r, err = decodeResult[R](&req.payload, req.callee); err != nil {
		return r, req.resultError(err)
	}
	return r, nil
}

// resultError is the error for a result that does not fit its type.
func (r *request) resultError(err error) error {
	var e *Error
	if errors.As(err, &e) {
		err = Errorf(ErrInvalidPayload, "result: %s", e.Message())
	}
	return fmt.Errorf("%s: %w", r.op(), err)
}

// call calls and waits.
func (s *Session) call(ctx context.Context, procedure string, r *request) error {
	if err := s.startCall(ctx, procedure, r); err != nil {
		return err
	}
	if r.cfg.progress == nil {
		return s.wait(ctx, r)
	}
	return s.follow(ctx, r)
}

// follow gives the progress of a call to its function until the call ends.
func (s *Session) follow(ctx context.Context, r *request) error {
	for {
		p, ok := s.next(ctx, r)
		if !ok {
			return r.outcome()
		}
		if err := r.cfg.progress(&p); err != nil {
			s.stopCall(r, r.cfg.mode, err)
			return r.resultError(err)
		}
	}
}

// startCall sends CALL.
func (s *Session) startCall(ctx context.Context, procedure string, r *request) error {
	r.kind, r.uri = msg.Call, procedure
	if ctx.Err() != nil {
		r.err = contextError(ctx)
		return r.outcome()
	}
	c := &r.cfg
	if c.progress != nil {
		c.options.SetBool(msg.ReceiveProgress, true)
	}
	if c.partition && !c.options.Has(msg.KeyRunMode) {
		c.options.Set |= msg.KeyRunMode
		c.options.RunMode = msg.RunPartition
	}
	if ms := s.callTimeout(ctx, c); ms > 0 {
		c.options.Set |= msg.KeyTimeout
		c.options.Timeout = ms
	}
	m := msg.Message{Type: msg.Call}
	err := s.openInput(r)
	if err == nil {
		err = s.encode(r, &m)
	}
	if err == nil {
		err = s.start(ctx, r, &m, true)
	}
	if err != nil {
		r.err = err
		return r.outcome()
	}
	if r.sending != nil && r.seal != nil {
		r.seal.part++
	}
	return nil
}

// encode makes r the URI, options and payload of m.
func (s *Session) encode(r *request, m *msg.Message) error {
	out := append(r.out[:0], r.uri...)
	m.URI = out
	var err error
	if m.Options, err = r.cfg.finish(s.format); err != nil {
		return err
	}
	r.seal = s.sealFor(r)
	r.out, err = s.encodePayload(out, m, &r.cfg.payload, r.seal)
	return err
}

// callTimeout is the timeout to tell the router, in milliseconds; 0 for none.
func (s *Session) callTimeout(ctx context.Context, c *callConfig) uint64 {
	d := c.timeout
	if !c.timeoutSet {
		deadline, ok := ctx.Deadline()
		if !ok || c.mode == Detach || !s.roles.Has(msg.Dealer, msg.CallTimeout) {
			return 0
		}
		d = max(time.Until(deadline), 1)
	}
	if d <= 0 {
		return 0
	}
	return uint64(math.Ceil(d.Seconds() * 1000))
}

// next waits for the next progressive result; false when the call has ended.
func (s *Session) next(ctx context.Context, r *request) (incoming, bool) {
	for {
		s.mu.Lock()
		p, ok := r.progress.pop()
		finished := r.finished
		s.mu.Unlock()
		if ok || finished {
			return p, ok
		}
		select {
		case <-r.ready:
		case <-ctx.Done():
			if !s.stopCall(r, r.cfg.mode, contextError(ctx)) {
				<-r.ready // somebody else is about to finish it
			}
		}
	}
}

// stopCall gives up a call with an error; false when it has ended, or is about
// to.
func (s *Session) stopCall(r *request, mode CancelMode, err error) bool {
	if !s.abandon(r, mode) {
		return false
	}
	s.mu.Lock()
	r.fail(err)
	s.mu.Unlock()
	return true
}

// Go calls a procedure without waiting for the result. ctx bounds the call
// until its result is there.
func Go[R any](ctx context.Context, s *Session, procedure string, opts ...CallOption) *Pending[R] {
	p := newPending[R](s, opts)
	_ = p.start(ctx, procedure) // Result returns it
	return p
}

func newPending[R any](s *Session, opts []CallOption) *Pending[R] {
	r := &request{ready: make(chan struct{}, 1)}
	p := &Pending[R]{s: s, r: r, done: make(chan struct{})}
	for _, o := range opts {
		o.applyCall(&r.cfg)
	}
	return p
}

// start sends CALL.
func (p *Pending[R]) start(ctx context.Context, procedure string) error {
	if p.r.cfg.progress == nil {
		p.r.done = p.done
	}
	if err := p.s.startCall(ctx, procedure, p.r); err != nil {
		close(p.done)
		return err
	}
	p.s.watch(ctx, p.r, p.done)
	return nil
}

// watch sees to it that ctx ends the call, and that its progress is handled.
// done is closed when both is over.
func (s *Session) watch(ctx context.Context, r *request, done chan struct{}) {
	if r.cfg.progress != nil {
		s.mu.Lock()
		started := s.startHandlers()
		s.mu.Unlock()
		if !started {
			close(done) // the session has ended, and the call with it
			return
		}
		go func() {
			defer s.endHandlers()
			defer close(done)
			_ = s.follow(ctx, r) // Result returns it
		}()
		return
	}
	s.stopWith(ctx, r)
}

// stopWith gives up a call when ctx ends.
func (s *Session) stopWith(ctx context.Context, r *request) {
	stop := context.AfterFunc(ctx, func() { s.stopCall(r, r.cfg.mode, contextError(ctx)) })
	s.mu.Lock()
	waiting := s.requests[r.id] == r
	if waiting {
		r.stop = stop
	}
	s.mu.Unlock()
	if !waiting {
		stop()
	}
}

// Pending is a call under way. Its methods may be called concurrently.
type Pending[R any] struct {
	s    *Session
	r    *request
	done chan struct{}
}

// Done returns a channel that is closed when the call has ended.
func (p *Pending[R]) Done() <-chan struct{} { return p.done }

// Result waits for the call to end and returns what Call would.
func (p *Pending[R]) Result() (R, error) {
	<-p.done
	return outcomeOf[R](p.r)
}

// RequestID returns the id of the CALL; 0 when it could not be sent.
func (p *Pending[R]) RequestID() uint64 { return p.r.id }

// Cancel asks the router to cancel the call, which then ends with the answer to
// that: ErrCanceled, or with Kill whatever the callee makes of it. With Detach
// the call ends at once, and nothing is sent. A router that does not announce
// call_canceling is asked for nothing, and the call goes on.
func (p *Pending[R]) Cancel(mode CancelMode) { p.s.cancelCall(p.r, mode) }

func (s *Session) cancelCall(r *request, mode CancelMode) {
	if mode == Detach {
		s.stopCall(r, Detach, &Error{URI: ErrCanceled, cause: context.Canceled})
		return
	}
	s.mu.Lock()
	if s.requests[r.id] == r {
		s.sendCancel(r, mode)
	}
	s.mu.Unlock()
	s.peer.Flush()
}
