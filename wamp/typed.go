package wamp

import (
	"context"
	"fmt"
	"reflect"
	"sync"

	"github.com/wampeter/wampeter/internal/msg"
)

// Func0 makes a handler of a function without arguments. The type of the
// result of this and of all the following follows the rules of [Call]: a
// struct with wamp tags is positional and keyword results, [Result] is raw,
// struct{} is none, and any other type is the one positional result.
//
// Func0 to Func5 take exactly that many positional arguments; one that is
// missing, does not fit or is too many makes wamp.error.invalid_argument, with a
// text that names it. Missing arguments at the end are nil for pointers and
// interfaces. Keyword arguments are ignored; see [Typed] for them.
func Func0[R any](f func(context.Context) (R, error)) Handler {
	return newFunc[R](f, func(ctx context.Context, _ *positional) (R, error) { return f(ctx) })
}

// Func1 makes a handler of a function with one positional argument.
func Func1[A, R any](f func(context.Context, A) (R, error)) Handler {
	return newFunc(f, func(ctx context.Context, p *positional) (r R, err error) {
		a := argument[A](p, 0)
		if p.err != nil {
			return r, p.err
		}
		return f(ctx, a)
	}, reflect.TypeFor[A]())
}

// Func2 makes a handler of a function with two positional arguments.
func Func2[A, B, R any](f func(context.Context, A, B) (R, error)) Handler {
	return newFunc(f, func(ctx context.Context, p *positional) (r R, err error) {
		a, b := argument[A](p, 0), argument[B](p, 1)
		if p.err != nil {
			return r, p.err
		}
		return f(ctx, a, b)
	}, reflect.TypeFor[A](), reflect.TypeFor[B]())
}

// Func3 makes a handler of a function with three positional arguments.
func Func3[A, B, C, R any](f func(context.Context, A, B, C) (R, error)) Handler {
	return newFunc(f, func(ctx context.Context, p *positional) (r R, err error) {
		a, b, c := argument[A](p, 0), argument[B](p, 1), argument[C](p, 2)
		if p.err != nil {
			return r, p.err
		}
		return f(ctx, a, b, c)
	}, reflect.TypeFor[A](), reflect.TypeFor[B](), reflect.TypeFor[C]())
}

// Func4 makes a handler of a function with four positional arguments.
func Func4[A, B, C, D, R any](f func(context.Context, A, B, C, D) (R, error)) Handler {
	return newFunc(f, func(ctx context.Context, p *positional) (r R, err error) {
		a, b, c, d := argument[A](p, 0), argument[B](p, 1), argument[C](p, 2), argument[D](p, 3)
		if p.err != nil {
			return r, p.err
		}
		return f(ctx, a, b, c, d)
	}, reflect.TypeFor[A](), reflect.TypeFor[B](), reflect.TypeFor[C](), reflect.TypeFor[D]())
}

// Func5 makes a handler of a function with five positional arguments.
func Func5[A, B, C, D, E, R any](f func(context.Context, A, B, C, D, E) (R, error)) Handler {
	return newFunc(f, func(ctx context.Context, p *positional) (r R, err error) {
		a, b, c, d, e := argument[A](p, 0), argument[B](p, 1), argument[C](p, 2), argument[D](p, 3), argument[E](p, 4)
		if p.err != nil {
			return r, p.err
		}
		return f(ctx, a, b, c, d, e)
	}, reflect.TypeFor[A](), reflect.TypeFor[B](), reflect.TypeFor[C](), reflect.TypeFor[D](), reflect.TypeFor[E]())
}

// funcHandler is a function with positional arguments.
type funcHandler[R any] struct {
	fn     any // of the application
	f      func(context.Context, *positional) (R, error)
	n      int
	result *plan
	err    error
}

func newFunc[R any](fn any, f func(context.Context, *positional) (R, error), args ...reflect.Type) Handler {
	h := &funcHandler[R]{fn: fn, f: f, n: len(args), result: planOf(reflect.TypeFor[R]())}
	if h.err = noFunction(fn); h.err == nil {
		h.err = h.result.err
	}
	for i, t := range args {
		switch p := planOf(t); {
		case p.shape == shapeStruct || p.shape == shapeRaw:
			h.err = fmt.Errorf("argument %d is a %v, which stands for all arguments: use Typed", i, t)
		case p.err != nil:
			h.err = fmt.Errorf("argument %d: %w", i, p.err)
		}
	}
	return h
}

func (h *funcHandler[R]) bind(*pattern) error { return h.err }

func (h *funcHandler[R]) Invoke(ctx context.Context, inv *Invocation) (Result, error) {
	if err := inv.refuseParts(); err != nil {
		return Result{}, err
	}
	raw, err := inv.serialized()
	if err != nil {
		return Result{}, err
	}
	p := positionals.Get().(*positional)
	defer p.release()
	p.format = raw.Format
	if p.list, err = elements(p.few[:0], raw); err != nil {
		return Result{}, invalidArgument("%v", err)
	}
	if len(p.list) > h.n {
		return Result{}, invalidArgument("argument %d is too many: got %d, expected %d", h.n, len(p.list), h.n)
	}
	r, err := h.f(ctx, p)
	if err != nil {
		return Result{}, err
	}
	return resultOf(h.result, r), nil
}

// positional is the positional arguments of one invocation, and the first error
// among them.
type positional struct {
	format msg.Format
	list   [][]byte
	few    [8][]byte
	err    error
	scalars
}

var positionals = sync.Pool{New: func() any { return new(positional) }}

func (p *positional) release() {
	*p = positional{}
	positionals.Put(p)
}

func argument[A any](p *positional, i int) (a A) {
	switch {
	case p.err != nil:
	case i >= len(p.list):
		p.err = missing(reflect.TypeFor[A](), i)
	default:
		a, p.err = decodePositional[A](&p.scalars, p.format, p.list[i], i)
	}
	return a
}

// Typed makes a handler of a function that takes its arguments as one value:
// usually a struct whose tags bind positional arguments, keyword arguments and
// components of the URI:
//
//	type Move struct {
//		Game string `uri:"game"`        // "chess.{game}.move"
//		From string `wamp:"0,required"`
//		To   string `wamp:"1,required"`
//		Fast bool   `wamp:"fast"`       // keyword
//	}
//
// The tags are those of [In]; an argument that is missing leaves its field as
// it is, unless it is required, and those that no field takes are ignored.
// [Result] takes them raw, struct{} ignores them, and any other type is the
// first positional argument.
func Typed[I, R any](f func(context.Context, I) (R, error)) Handler {
	return newTyped(f, func(ctx context.Context, in I, _ *Invocation) (R, error) { return f(ctx, in) })
}

// Streaming makes a handler of a function that sends progressive results of
// type P before its final one. send does nothing when the caller did not ask
// for them, and returns the context's error once the call is canceled.
func Streaming[I, P, R any](f func(ctx context.Context, in I, send func(P) error) (R, error)) Handler {
	progress := planOf(reflect.TypeFor[P]())
	h := newTyped(f, func(ctx context.Context, in I, inv *Invocation) (R, error) {
		return f(ctx, in, func(p P) error { return inv.sendProgress(resultOf(progress, p).Payload) })
	})
	if h.err == nil {
		h.err = progress.err
	}
	return h
}

// typedFunc is what a function with one argument of type I and a result of type
// R binds by.
type typedFunc[I, R any] struct {
	fn     any // of the application
	in     *plan
	result *plan
	err    error
}

func newTypedFunc[I, R any](fn any) typedFunc[I, R] {
	h := typedFunc[I, R]{fn: fn, in: planOf(reflect.TypeFor[I]()), result: planOf(reflect.TypeFor[R]())}
	if h.err = noFunction(fn); h.err == nil {
		h.err = h.result.err
	}
	return h
}

func (h *typedFunc[I, R]) bind(p *pattern) error {
	if h.err != nil {
		return h.err
	}
	return h.in.checkURIs(p)
}

// typedHandler is such a function that gets its argument at once.
type typedHandler[I, R any] struct {
	typedFunc[I, R]
	f func(context.Context, I, *Invocation) (R, error)
}

func newTyped[I, R any](fn any, f func(context.Context, I, *Invocation) (R, error)) *typedHandler[I, R] {
	return &typedHandler[I, R]{newTypedFunc[I, R](fn), f}
}

func (h *typedHandler[I, R]) Invoke(ctx context.Context, inv *Invocation) (Result, error) {
	if err := inv.refuseParts(); err != nil {
		return Result{}, err
	}
	in, err := bindInput[I](h.in, inv.Payload, inv.component)
	if err != nil {
		return Result{}, err
	}
	r, err := h.f(ctx, in, inv)
	if err != nil {
		return Result{}, err
	}
	return resultOf(h.result, r), nil
}

// bindInput makes the one argument of a typed handler.
func bindInput[I any](pl *plan, p Payload, component func(string) (string, bool)) (I, error) {
	var none I
	switch pl.shape {
	case shapeNone:
		return none, nil
	case shapeRaw:
		return any(Result{Payload: p}).(I), nil
	}
	raw, err := p.serialized()
	switch {
	case err != nil:
		return none, err
	case pl.shape == shapeStruct:
		return decodeStruct[I](pl, raw, component)
	}
	return decodeFirst[I](raw)
}

// Event makes an event handler of a function that takes the event as one
// value, by the rules of [Typed]. An event that does not fit is reported to
// [Dialer.OnError] and else ignored.
func Event[E any](f func(context.Context, E) error) EventHandler {
	return &typedEvent[E]{newTypedFunc[E, struct{}](f), f}
}

type typedEvent[E any] struct {
	typedFunc[E, struct{}]
	f func(context.Context, E) error
}

func (h *typedEvent[E]) HandleEvent(ctx context.Context, e *EventInfo) error {
	in, err := bindInput[E](h.in, e.Payload, e.component)
	if err != nil {
		return err
	}
	return h.f(ctx, in)
}
