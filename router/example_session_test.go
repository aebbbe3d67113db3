package router_test

import (
	"context"
	"fmt"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// A function runs for each session when it opens, and another one when it ends,
// however it does.
func ExampleRouter_OnSession() {
	ctx, rt, end := exampleRouter(router.Config{})
	defer end()

	left := make(chan struct{})
	rt.OnSession(func(_ context.Context, s *router.Session) (done func(), err error) {
		fmt.Println("hello,", s.Role())
		return func() {
			fmt.Println("good-bye")
			close(left)
		}, nil
	})
	rt.Realm("closed").OnSession(func(context.Context, *router.Session) (func(), error) {
		return nil, wamp.Errorf("com.example.error.closed", "come back tomorrow")
	})

	s := dial(ctx, rt, "realm1")
	_ = s.Close(ctx)
	<-left
	left = make(chan struct{})
	_, err := rt.Session(ctx, "closed")
	<-left
	fmt.Println(err)
	// Output:
	// hello, anonymous
	// good-bye
	// hello, anonymous
	// good-bye
	// dial the router in this process: com.example.error.closed: come back tomorrow
}

// A key keeps typed data with a session.
func ExampleKey() {
	ctx, rt, end := exampleRouter(router.Config{})
	defer end()

	name := router.NewKey[string]("name")
	api := wamp.NewRegistry("")
	_ = api.Register("set_my_name", wamp.Func1(func(ctx context.Context, v string) (struct{}, error) {
		name.Set(router.From(ctx), v)
		return struct{}{}, nil
	}))
	_ = api.Register("what_is_my_name", wamp.Func0(func(ctx context.Context) (string, error) {
		v, ok := name.Get(router.From(ctx))
		if !ok {
			return "", wamp.Errorf("com.example.error.nameless", "you have not told me")
		}
		return v, nil
	}))
	if err := rt.Realm("realm1").Mount("", api); err != nil {
		fmt.Println(err)
		return
	}

	s := dial(ctx, rt, "realm1")
	_, err := wamp.Call[string](ctx, s, "what_is_my_name")
	fmt.Println(err)
	_, _ = wamp.Call[struct{}](ctx, s, "set_my_name", wamp.Args{"Joe"})
	fmt.Println(wamp.Call[string](ctx, s, "what_is_my_name"))
	// Output:
	// call what_is_my_name: com.example.error.nameless: you have not told me
	// Joe <nil>
}

type database struct{ name string }

// Handlers get what the realm of their session provides.
func ExampleProvide() {
	ctx, rt, end := exampleRouter(router.Config{})
	defer end()

	router.Provide(rt, func(*router.Session) *database { return &database{"main"} })
	router.Provide(rt.Realm("admins"), func(*router.Session) *database { return &database{"audit"} })
	api := wamp.NewRegistry("")
	_ = api.Register("which_database", wamp.Func0(func(ctx context.Context) (string, error) {
		return router.Use[*database](ctx).name, nil
	}))
	for _, realm := range []string{"users", "admins"} {
		if err := rt.Realm(realm).Mount("", api); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(wamp.Call[string](ctx, dial(ctx, rt, realm), "which_database"))
	}
	// Output:
	// main <nil>
	// audit <nil>
}

// One event goes to one session, and sessions can be ended.
func ExampleSession_Event() {
	ctx, rt, end := exampleRouter(router.Config{})
	defer end()

	client := dial(ctx, rt, "realm1")
	warning := make(chan string)
	_, err := client.Subscribe(ctx, "com.example.warning", wamp.Event(func(_ context.Context, text string) error {
		warning <- text
		return nil
	}))
	if err != nil {
		fmt.Println(err)
		return
	}

	for _, s := range rt.Realm("realm1").Sessions() {
		if err := s.Event("com.example.warning", wamp.Args{"one minute left"}); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(<-warning)
	n, _ := rt.CloseSessions(nil, "com.example.time_is_up", "")
	<-client.Done()
	fmt.Println(n, client.Err())
	// Output:
	// one minute left
	// 1 session is closed: com.example.time_is_up
}
