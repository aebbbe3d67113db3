package router_test

import (
	"context"
	"fmt"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// Procedures and event handlers are defined in a registry, and served by the
// router itself in any number of realms.
func ExampleRealm_Mount() {
	ctx, rt, end := exampleRouter(router.Config{NoDefaultRealm: true})
	defer end()

	api := wamp.NewRegistry("com.example")
	_ = api.Register("add2", wamp.Func2(func(_ context.Context, a, b int) (int, error) { return a + b, nil }))
	_ = api.Register("whoami", wamp.Func0(func(ctx context.Context) (string, error) {
		s := router.From(ctx) // the caller's session
		return s.Role() + " in " + s.Realm().Name(), nil
	}))
	for _, name := range []string{"users", "admins"} {
		if err := rt.Realm(name).Mount("v1", api); err != nil {
			fmt.Println(err)
			return
		}
	}

	s := dial(ctx, rt, "admins")
	fmt.Println(wamp.Call[int](ctx, s, "v1.com.example.add2", wamp.Args{2, 3}))
	fmt.Println(wamp.Call[string](ctx, s, "v1.com.example.whoami"))
	// Output:
	// 5 <nil>
	// anonymous in admins <nil>
}

// The realm's own session is for code beside the router.
func ExampleRealm_Local() {
	ctx, rt, end := exampleRouter(router.Config{})
	defer end()

	client := dial(ctx, rt, "realm1")
	rain := make(chan string)
	_, err := client.Subscribe(ctx, "com.example.weather", wamp.Event(func(_ context.Context, text string) error {
		rain <- text
		return nil
	}))
	if err != nil {
		fmt.Println(err)
		return
	}

	local, err := rt.Realm("realm1").Local()
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := local.Publish(ctx, "com.example.weather", wamp.Args{"it rains"}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(<-rain)
	// Output: it rains
}
