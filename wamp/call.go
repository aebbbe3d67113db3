package wamp

import (
	"context"
	"iter"
)

// Call calls a procedure and waits for its result.
//
// R says what to make of it: a struct with wamp tags binds positional and
// keyword results to its fields, [Result] is both of them raw, struct{} ignores
// the result, and any other type is the first positional result.
//
// Errors: *Error with the URI that the callee or the router sent; when ctx ends
// first, an *Error that is both ctx's error and ErrCanceled or ErrTimeout (the
// router has been told, see [OnCancel]); *ClosedError when the session ends.
func Call[R any](ctx context.Context, s *Session, procedure string, opts ...CallOption) (R, error) {
	panic("not yet")
}

// Go calls a procedure without waiting for the result. ctx bounds the call
// until its result is there.
func Go[R any](ctx context.Context, s *Session, procedure string, opts ...CallOption) *Pending[R] {
	panic("not yet")
}

// Pending is a call under way.
type Pending[R any] struct{}

// Done returns a channel that is closed when the call has ended.
func (p *Pending[R]) Done() <-chan struct{} { panic("not yet") }

// Result waits for the call to end and returns what Call would.
func (p *Pending[R]) Result() (R, error) { panic("not yet") }

// RequestID returns the id of the CALL; 0 when it could not be sent.
func (p *Pending[R]) RequestID() uint64 { panic("not yet") }

// Cancel asks the router to cancel the call. The call goes on until the answer
// is there; with Detach it ends at once.
func (p *Pending[R]) Cancel(mode CancelMode) { panic("not yet") }

// CallStream calls a procedure whose progressive results are wanted one by one.
//
//	st := wamp.CallStream[int, string](ctx, s, "com.example.copy")
//	for percent := range st.Progress() {
//		fmt.Println(percent)
//	}
//	text, err := st.Result()
func CallStream[P, R any](ctx context.Context, s *Session, procedure string, opts ...CallOption) *Stream[P, R] {
	panic("not yet")
}

// Stream is a call with progressive results.
type Stream[P, R any] struct{}

// Progress returns the progressive results in order, until the call ends.
// Leaving the loop early cancels the call.
func (st *Stream[P, R]) Progress() iter.Seq[P] { panic("not yet") }

// Result waits for the end of the call and returns its final result. Progress
// that nobody has taken is dropped.
func (st *Stream[P, R]) Result() (R, error) { panic("not yet") }
