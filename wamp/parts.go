package wamp

import (
	"context"
	"io"
	"iter"
	"reflect"

	"github.com/wampeter/wampeter/internal/codec"
	"github.com/wampeter/wampeter/internal/msg"
)

// Upload makes a handler of a function that takes the arguments of a call in
// parts, as they come (specification, advanced profile, "Progressive Call
// Invocations"). I binds each part by the rules of [Typed].
//
//	wamp.Upload(func(ctx context.Context, parts iter.Seq2[[]byte, error]) (int, error) {
//		size := 0
//		for part, err := range parts {
//			if err != nil {
//				return 0, err
//			}
//			size += len(part)
//		}
//		return size, nil
//	})
//
// The parts come in order, and the loop ends after the last, or with an error:
// the context's when the call is canceled or the session ends, and
// wamp.error.invalid_argument for a part that does not fit. A call whose
// arguments came at once is one of a single part. A message without any
// arguments is no part: some callers begin or end with one.
//
// A handler may return before it has taken all parts; what else comes is
// dropped. Up to 1024 parts or 16 MiB of one call, and 64 MiB of all calls of a
// session, wait for their handlers. When there are more the call fails with
// wamp.error.limit_exceeded, for a router has no means to make a caller wait.
// One that may be faster than this end should be told by progressive results
// how far it is, see [Duplex].
func Upload[I, R any](f func(ctx context.Context, parts iter.Seq2[I, error]) (R, error)) Handler {
	return newPartsHandler(f, func(ctx context.Context, parts iter.Seq2[I, error], _ *Invocation) (R, error) {
		return f(ctx, parts)
	})
}

// Duplex is [Upload] with progressive results of type P, which may be sent at
// any time: before, between and after the parts. send is that of [Streaming].
func Duplex[I, P, R any](f func(ctx context.Context, parts iter.Seq2[I, error], send func(P) error) (R, error)) Handler {
	progress := planOf(reflect.TypeFor[P]())
	h := newPartsHandler(f, func(ctx context.Context, parts iter.Seq2[I, error], inv *Invocation) (R, error) {
		return f(ctx, parts, func(p P) error { return inv.sendProgress(resultOf(progress, p).Payload) })
	})
	if h.err == nil {
		h.err = progress.err
	}
	return h
}

// partsHandler is a function whose argument comes in parts.
type partsHandler[I, R any] struct {
	typedFunc[I, R]
	f func(context.Context, iter.Seq2[I, error], *Invocation) (R, error)
}

func newPartsHandler[I, R any](fn any, f func(context.Context, iter.Seq2[I, error], *Invocation) (R, error)) *partsHandler[I, R] {
	return &partsHandler[I, R]{newTypedFunc[I, R](fn), f}
}

func (h *partsHandler[I, R]) Invoke(ctx context.Context, inv *Invocation) (Result, error) {
	all := inv.Parts()
	parts := func(yield func(I, error) bool) {
		for p, err := range all {
			var in I
			if err == nil {
				in, err = bindInput[I](h.in, p, inv.component)
			}
			if !yield(in, err) || err != nil {
				return
			}
		}
	}
	r, err := h.f(ctx, parts, inv)
	if err != nil {
		return Result{}, err
	}
	return resultOf(h.result, r), nil
}

// Progressive reports whether the arguments come in parts, of which the
// invocation's Payload is the first: the handler has to take the others from
// Parts. Of a handler that does not, the caller gets
// wamp.error.feature_not_supported, whatever it returns. Handlers made of
// functions are only called when they are an [Upload] or a [Duplex].
func (inv *Invocation) Progressive() bool { return inv.input != nil }

// Parts returns the parts of the arguments, the first one included; see
// [Upload] for what they are, how they end, and how many may wait. A second
// loop goes on where the first was left. It is for one goroutine at a time.
func (inv *Invocation) Parts() iter.Seq2[Payload, error] {
	inv.asked = true
	return func(yield func(Payload, error) bool) {
		for {
			p, err := inv.nextPart()
			switch {
			case err == io.EOF:
				return
			case err == nil && p.blank():
				continue
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// blank reports whether p came without any argument.
func (p Payload) blank() bool {
	if p.raw == nil {
		return false // the handler's own
	}
	if p.raw.Args != nil && (!isList(p.raw) || len(codec.Elements(nil, p.raw.Format, p.raw.Args)) > 0) {
		return false
	}
	blank := true
	if p.raw.Kwargs != nil {
		codec.Entries(p.raw.Format, p.raw.Kwargs, func(_, _ []byte) bool {
			blank = false
			return false
		})
	}
	return blank
}

// refuseParts is for handlers that take all arguments at once: it returns an
// error unless they have come.
func (inv *Invocation) refuseParts() error {
	if inv.input != nil {
		return Errorf(ErrFeatureNotSupported, "the procedure does not take its arguments in parts")
	}
	return nil
}

// input is what comes of arguments in parts, after the first.
type input struct {
	ready chan struct{} // capacity 1: there is a part, or the last one has come
	ppt   *PPT          // of the first part: options hold for all

	// Guarded by Session.mu.
	backlog
	complete bool   // the last part has come
	refused  *Error // what the caller was told, from when on the answer is no longer the handler's
}

// nextPart waits for the next part; io.EOF after the last.
func (inv *Invocation) nextPart() (Payload, error) {
	for {
		p, ok, err := inv.takePart()
		if ok || err != nil {
			return p, err
		}
		select {
		case <-inv.input.ready:
		case <-inv.ctx.Done():
		}
	}
}

// takePart takes a part if there is one.
func (inv *Invocation) takePart() (p Payload, ok bool, err error) {
	s, in := inv.Session, inv.input
	if in == nil || !inv.began {
		switch {
		case inv.ctx.Err() != nil:
			return p, false, inv.ctx.Err()
		case inv.began:
			return p, false, io.EOF
		}
		inv.began = true
		return inv.Payload, true, nil
	}
	s.mu.Lock()
	part, ok := in.pop()
	s.waitingInput -= part.Size()
	complete, refused := in.complete, in.refused
	last := complete && len(in.list) == 0
	s.mu.Unlock()
	switch {
	case refused != nil:
		return p, false, refused
	case inv.ctx.Err() != nil:
		return p, false, inv.ctx.Err()
	case ok:
		p, err = s.openPart(inv, &part, last)
		return p, true, err
	case complete:
		return p, false, io.EOF
	}
	return p, false, nil
}

// furtherPart handles an INVOCATION that belongs to one before: it goes to the
// handler that is running, or that waits for its turn, without counting as
// another invocation. What comes for one that has ended is dropped
// (specification, advanced profile, "Continuations on Completed Calls"). false
// is for those that are new. s.mu is held.
func (s *Session) furtherPart(m *msg.Message, owned bool) bool {
	last := !m.Options.Is(msg.Progress)
	inv := s.running[m.Request]
	if inv == nil {
		return s.late.has(m.Request, last)
	}
	in := inv.input
	if in == nil || in.complete {
		return true // the router repeats itself
	}
	in.complete = last
	if in.refused != nil {
		return true
	}
	part := incoming{m.Payload, in.ppt}
	if !owned {
		part.Payload, _ = keep(&m.Payload, nil)
	}
	if s.waitingInput > 0 && s.waitingInput+part.Size() > maxInput || !in.push(part) {
		s.dropInput(in)
		in.refused = Errorf(ErrLimitExceeded, "the procedure is slower than the caller: too many parts of the arguments wait")
		s.refuse(m.Request, in.refused)
		inv.cancel()
		return true
	}
	s.waitingInput += part.Size()
	select {
	case in.ready <- struct{}{}:
	default:
	}
	return true
}

// maxInput is how many bytes of parts may wait for the handlers of a session.
const maxInput = 64 << 20

// dropInput drops the parts that nobody will take. s.mu is held.
func (s *Session) dropInput(in *input) {
	s.waitingInput -= in.size
	in.backlog = backlog{}
}

// endInput ends the input of an invocation whose handler has returned, and
// reports whether the caller has been answered before. s.mu is held.
func (s *Session) endInput(inv *Invocation) (refused bool) {
	in := inv.input
	if in == nil {
		return false
	}
	s.dropInput(in)
	if !in.complete {
		s.late.add(inv.RequestID)
	}
	return in.refused != nil
}

// lateParts remembers the latest of the invocations that ended before the last
// part of their arguments came.
type lateParts struct {
	ids   map[uint64]struct{}
	order []uint64 // oldest first; has those too whose last part has come
}

// maxLate is how many are remembered: more streams than end in the time that
// a message is under way.
const maxLate = 1024

func (l *lateParts) add(invocation uint64) {
	if l.ids == nil {
		l.ids = make(map[uint64]struct{})
	}
	if len(l.order) == maxLate {
		delete(l.ids, l.order[0])
		l.order = l.order[1:]
	}
	l.ids[invocation] = struct{}{}
	l.order = append(l.order, invocation)
}

// has reports whether the invocation is one of those. last says that it is
// not needed any more.
func (l *lateParts) has(invocation uint64, last bool) bool {
	_, ok := l.ids[invocation]
	if ok && last {
		delete(l.ids, invocation)
	}
	return ok
}
