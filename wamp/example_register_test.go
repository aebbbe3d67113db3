package wamp_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/wampeter/wampeter/wamp"
)

func ExampleTyped() {
	ctx, s, done := join()
	defer done()

	type move struct {
		Game int    `uri:"game"`
		From string `wamp:"0,required"`
		To   string `wamp:"1,required"`
		Fast bool   `wamp:"fast"`
	}
	_, err := s.Register(ctx, "com.chess.{game}.move", wamp.Typed(func(_ context.Context, m move) (string, error) {
		return fmt.Sprintf("game %d: %s to %s, fast %v", m.Game, m.From, m.To, m.Fast), nil
	}))
	if err != nil {
		log.Fatal(err)
	}
	text, err := wamp.Call[string](ctx, s, "com.chess.17.move", wamp.Args{"e2", "e4"}, wamp.KW{"fast": true})
	fmt.Println(text, err)
	_, err = wamp.Call[string](ctx, s, "com.chess.17.move", wamp.Args{"e2"})
	fmt.Println(err)
	// Output:
	// game 17: e2 to e4, fast true <nil>
	// call com.chess.17.move: wamp.error.invalid_argument: argument 1 is missing, expected a string
}

// HandlerFunc is for handlers that want all there is.
func ExampleHandlerFunc() {
	ctx, s, done := join()
	defer done()

	_, err := s.Register(ctx, "com.example.echo", wamp.HandlerFunc(
		func(_ context.Context, inv *wamp.Invocation) (wamp.Result, error) {
			return wamp.Return(inv.Payload), nil
		}))
	if err != nil {
		log.Fatal(err)
	}
	r, err := wamp.Call[wamp.Result](ctx, s, "com.example.echo", wamp.Args{1, "x"}, wamp.KW{"k": true})
	if err != nil {
		log.Fatal(err)
	}
	args, kwargs, err := r.JSON()
	fmt.Printf("%s %s %v\n", args, kwargs, err)
	// Output: [1,"x"] {"k":true} <nil>
}

// FromContext tells a handler who calls, and gives it the session.
func ExampleFromContext() {
	ctx, s, done := join()
	defer done()

	_, err := s.Register(ctx, "com.example.whoami", wamp.Func0(func(ctx context.Context) (bool, error) {
		inv := wamp.FromContext(ctx)
		return inv.Caller == inv.Session.ID(), nil
	}), wamp.DiscloseCaller())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(wamp.Call[bool](ctx, s, "com.example.whoami", wamp.DiscloseMe()))
	// Output: true <nil>
}

func ExampleRegistration_Unregister() {
	ctx, s, done := join()
	defer done()

	reg, err := s.Register(ctx, "com.example.now", wamp.Func0(func(context.Context) (int, error) { return 42, nil }))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(reg.Unregister(ctx))
	_, err = wamp.Call[int](ctx, s, "com.example.now")
	fmt.Println(errors.Is(err, wamp.ErrNoSuchProcedure))
	// Output:
	// <nil>
	// true
}
