package wamp

import (
	"context"
	"iter"
)

// CallStream calls a procedure whose progressive results are wanted one by one
// (specification, advanced profile, "Progressive Call Results"). P and R bind
// like the result of [Call].
//
//	st := wamp.CallStream[int, string](ctx, s, "com.example.copy")
//	for percent := range st.Progress() {
//		fmt.Println(percent)
//	}
//	text, err := st.Result()
func CallStream[P, R any](ctx context.Context, s *Session, procedure string, opts ...CallOption) *Stream[P, R] {
	st := newStream[P, R](ctx, s, opts)
	st.err = s.startCall(ctx, procedure, st.r)
	return st
}

func newStream[P, R any](ctx context.Context, s *Session, opts []CallOption) *Stream[P, R] {
	st := &Stream[P, R]{ctx: ctx, s: s, r: &request{ready: make(chan struct{}, 1)}}
	for _, o := range opts {
		o.applyCall(&st.r.cfg)
	}
	st.r.cfg.progress = func(*incoming) error { return nil }
	return st
}

// Stream is a call with progressive results. It is used by one goroutine, and
// its Result is to be called in the end. Up to 1024 progressive results wait to
// be taken; more end the call with ErrSlowHandler.
type Stream[P, R any] struct {
	ctx context.Context
	s   *Session
	r   *request
	err error // of the start, or of a progressive result
}

// Progress returns the progressive results in order, until the call ends.
// Leaving the loop early cancels the call. A result that is no P ends the call
// too; Result says so.
func (st *Stream[P, R]) Progress() iter.Seq[P] {
	return func(yield func(P) bool) {
		for st.err == nil {
			p, ok := st.s.next(st.ctx, st.r)
			if !ok {
				return
			}
			v, err := decodeResult[P](&p, 0)
			if err != nil {
				st.err = st.r.resultError(err)
				st.s.stopCall(st.r, st.r.cfg.mode, err)
				return
			}
			if !yield(v) {
				st.Cancel(st.r.cfg.mode)
				return
			}
		}
	}
}

// Cancel asks the router to cancel the call; see [Pending.Cancel].
func (st *Stream[P, R]) Cancel(mode CancelMode) { st.s.cancelCall(st.r, mode) }

// Result waits for the end of the call and returns its final result. Progress
// that nobody has taken is dropped.
func (st *Stream[P, R]) Result() (R, error) {
	for ok := st.err == nil; ok; {
		_, ok = st.s.next(st.ctx, st.r)
	}
	if st.err != nil {
		var none R
		return none, st.err
	}
	return outcomeOf[R](st.r)
}
