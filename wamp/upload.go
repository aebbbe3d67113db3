package wamp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"
	"sync"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/session"
)

// CallUpload calls a procedure whose arguments are sent in parts, such as an
// [Upload], and waits for its result (specification, advanced profile,
// "Progressive Call Invocations"). I and R bind like the results of [Call]. The
// result may come before all parts are sent; then the rest is not asked for.
//
//	size, err := wamp.CallUpload[int](ctx, s, "com.example.store", slices.Chunk(data, 64<<10))
//
// Arguments among opts are the first part. A part is sent when the next one is
// known, since the last has to say that it is the last; [CallDuplex] is for
// parts that must not wait. While the router falls behind, no part is asked
// for. parts should end when ctx does, if it can block.
//
// Errors: those of Call; ErrFeatureNotSupported, from here when the router does
// not announce progressive_call_invocations, or from the router or the callee;
// ErrLimitExceeded from callees that are too slow, see [Upload].
func CallUpload[R, I any](ctx context.Context, s *Session, procedure string, parts iter.Seq[I], opts ...CallOption) (R, error) {
	p := newPending[R](s, opts)
	call := p.r
	call.kind, call.uri = msg.Call, procedure
	pl := planOf(reflect.TypeFor[I]())
	if err := errors.Join(pl.err, s.takesParts()); err != nil {
		var none R
		return none, fmt.Errorf("%s: %w", call.op(), err)
	}
	// Before the last part is sent, nothing but a panic in parts gets here.
	defer p.Cancel(KillNoWait)

	held, started := call.cfg.payload, false
	send := func(last bool) bool {
		var err error
		if started {
			err = s.sendPart(ctx, call, held, last)
		} else {
			started = true
			call.cfg.payload = held
			if !last {
				call.sending = new(sending)
			}
			err = p.start(ctx, procedure)
		}
		if err != nil && err != io.EOF {
			s.stopCall(call, call.cfg.mode, err)
		}
		return err == nil
	}
	holds := held.given()
	for part := range parts {
		if holds && !send(false) {
			return p.Result()
		}
		held, holds = resultOf(pl, part).Payload, true
	}
	send(true)
	return p.Result()
}

// CallDuplex calls a procedure, such as a [Duplex], to which parts of arguments
// are sent while its progressive results are taken. I binds like a result of
// [Call], P and R are those of [CallStream].
//
// The call begins at once. Arguments among opts are its first part; without
// any, it begins with a message that has none, which is no part to an Upload or
// Duplex.
//
//	st := wamp.CallDuplex[string, string, int](ctx, s, "com.example.chat")
//	go func() {
//		for line := range lines {
//			if st.Send(line) != nil {
//				return // Result tells why
//			}
//		}
//		st.CloseSend()
//	}()
//	for answer := range st.Progress() {
//		fmt.Println(answer)
//	}
//	n, err := st.Result()
//
// When ctx ends, so does the call. As long as parts may follow, a call that is
// given up is canceled with mode KillNoWait even where Skip or Detach is asked
// for, because its callee would wait for them. Errors are those of
// [CallUpload]; Result returns them.
func CallDuplex[I, P, R any](ctx context.Context, s *Session, procedure string, opts ...CallOption) *DuplexStream[I, P, R] {
	st := &DuplexStream[I, P, R]{Stream: newStream[P, R](ctx, s, opts), in: planOf(reflect.TypeFor[I]())}
	st.r.sending = new(sending)
	if st.err = s.startCall(ctx, procedure, st.r); st.err == nil {
		s.stopWith(ctx, st.r)
	}
	return st
}

// DuplexStream is a call that is a stream in both directions. Its methods that
// send may be called by any goroutine; Progress and Result are for one.
type DuplexStream[I, P, R any] struct {
	*Stream[P, R]
	in *plan
}

// Send sends a part. It waits while the router falls behind.
//
// Errors: io.EOF when the call has ended or is canceled, Result tells why; the
// context's as from [Call]; wamp.error.invalid_payload and
// wamp.error.payload_size_exceeded for a part that cannot be sent.
func (st *DuplexStream[I, P, R]) Send(part I) error { return st.send(part, false) }

// SendLast sends the last part. Errors are those of Send.
func (st *DuplexStream[I, P, R]) SendLast(part I) error { return st.send(part, true) }

// CloseSend says that all parts are sent, in a message that has no arguments.
// Errors are those of Send.
func (st *DuplexStream[I, P, R]) CloseSend() error {
	return st.s.sendPart(st.ctx, st.r, Payload{}, true)
}

func (st *DuplexStream[I, P, R]) send(part I, last bool) error {
	if st.in.err != nil {
		return st.in.err
	}
	return st.s.sendPart(st.ctx, st.r, resultOf(st.in, part).Payload, last)
}

// sending is the arguments of a call as they are sent in parts.
type sending struct {
	mu sync.Mutex // taken before Session.mu: parts are sealed in the order in which they are sent

	// Guarded by Session.mu.
	open     bool // parts may follow
	canceled bool // no part will follow
}

// given reports whether there are arguments to send, be there none in them.
func (p *Payload) given() bool {
	return p.args != nil || p.kwargs != nil || p.in != nil || p.single || p.raw != nil
}

// takesParts returns the error of a call in parts by way of a router that does
// not announce that.
func (s *Session) takesParts() error {
	if !s.roles.Has(msg.Dealer, msg.ProgressiveCallInvocations) {
		return Errorf(ErrFeatureNotSupported, "the router does not announce progressive_call_invocations")
	}
	return nil
}

// openInput makes r the first CALL of several, if it is.
func (s *Session) openInput(r *request) error {
	if r.sending == nil {
		return nil
	}
	if err := s.takesParts(); err != nil {
		return err
	}
	r.sending.open = true
	r.cfg.options.SetBool(msg.Progress, true)
	return nil
}

// errLastSent is the error of a part after the last.
var errLastSent = errors.New("the last part has been sent")

// sendPart sends a CALL that continues the call r. When the router falls
// behind, it waits.
func (s *Session) sendPart(ctx context.Context, r *request, p Payload, last bool) error {
	r.sending.mu.Lock()
	defer r.sending.mu.Unlock()
	buf := s.getRequest() // for its memory
	defer s.putRequest(buf)
	var options msg.Options
	if !last {
		options.SetBool(msg.Progress, true)
	}
	out := append(buf.out[:0], r.uri...)
	m := msg.Message{Type: msg.Call, URI: out, Options: options}
	if first := r.cfg.payload.ppt; p.ppt != nil && (first == nil || *first != *p.ppt) {
		return Errorf(ErrInvalidPayload, "scheme %q: the first part says in which scheme all are", p.ppt.Scheme)
	}
	var err error
	if buf.out, err = s.encodePayload(out, &m, &p, r.seal); err != nil {
		return fmt.Errorf("%s: %w", r.op(), err)
	}
	m.Options = options // the others hold since the first CALL
	for {
		if ctx.Err() != nil || s.peer.Room(ctx) != nil && ctx.Err() != nil {
			return fmt.Errorf("%s: %w", r.op(), contextError(ctx))
		}
		s.mu.Lock()
		err := s.sendPartLocked(r, &m, last)
		s.mu.Unlock()
		if err == nil {
			s.peer.Flush()
		}
		if !errors.Is(err, session.ErrOverflow) {
			return err
		}
	}
}

// sendPartLocked is sendPart for those who hold s.mu, and flush afterwards.
func (s *Session) sendPartLocked(r *request, m *msg.Message, last bool) error {
	switch {
	case s.requests[r.id] != r || r.sending.canceled:
		return io.EOF
	case !r.sending.open:
		return fmt.Errorf("%s: %w", r.op(), errLastSent)
	}
	m.Request = r.id
	if err := s.peer.Send(m, nil); err != nil {
		return fmt.Errorf("%s: %w", r.op(), s.sendError(err))
	}
	r.sending.open = !last
	if r.seal != nil {
		r.seal.part++
	}
	return nil
}
