package app_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamp/app"
)

// An App that serves a procedure until its Main returns. Without Main it would
// serve for ever, and come back whenever the router does.
func Example() {
	rt := router.New(router.Config{Logger: slog.New(slog.DiscardHandler)})
	defer func() { _ = rt.Close() }()

	a := app.New("com.example")
	a.Logger = slog.New(slog.DiscardHandler)
	_ = a.Register("add2", wamp.Func2(func(_ context.Context, a, b int) (int, error) { return a + b, nil }))
	a.OnJoin(func(_ context.Context, s *wamp.Session) error {
		fmt.Println("serving", s.Registrations("")[0].Procedure())
		return nil
	})
	a.Main = func(ctx context.Context, s *wamp.Session) error {
		sum, err := wamp.Call[int](ctx, s, "com.example.add2", wamp.Args{2, 5})
		fmt.Println(sum)
		return err
	}
	// In place of Router: URLs: []string{"ws://localhost:8080/ws"}.
	if err := a.Run(context.Background(), &wamp.Dialer{Router: rt}); err != nil {
		log.Fatal(err)
	}
	// Output:
	// serving com.example.add2
	// 7
}
