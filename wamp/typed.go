package wamp

import "context"

// Func0 to Func5 make handlers of functions with that many positional
// arguments. The type of the result follows the rules of [Call].

// Func0 makes a handler of a function without arguments.
func Func0[R any](f func(context.Context) (R, error)) Handler { panic("not yet") }

// Func1 makes a handler of a function with one positional argument.
func Func1[A, R any](f func(context.Context, A) (R, error)) Handler { panic("not yet") }

// Func2 makes a handler of a function with two positional arguments.
func Func2[A, B, R any](f func(context.Context, A, B) (R, error)) Handler { panic("not yet") }

// Func3 makes a handler of a function with three positional arguments.
func Func3[A, B, C, R any](f func(context.Context, A, B, C) (R, error)) Handler { panic("not yet") }

// Func4 makes a handler of a function with four positional arguments.
func Func4[A, B, C, D, R any](f func(context.Context, A, B, C, D) (R, error)) Handler {
	panic("not yet")
}

// Func5 makes a handler of a function with five positional arguments.
func Func5[A, B, C, D, E, R any](f func(context.Context, A, B, C, D, E) (R, error)) Handler {
	panic("not yet")
}

// Typed makes a handler of a function that takes its arguments as one struct
// with wamp and uri tags.
func Typed[I, R any](f func(context.Context, I) (R, error)) Handler { panic("not yet") }

// Streaming makes a handler of a function that sends progressive results of
// type P before its final one.
func Streaming[I, P, R any](f func(ctx context.Context, in I, send func(P) error) (R, error)) Handler {
	panic("not yet")
}

// Event makes an event handler of a function that takes the event as a struct
// with wamp and uri tags, or as its first positional argument.
func Event[E any](f func(context.Context, E) error) EventHandler { panic("not yet") }
