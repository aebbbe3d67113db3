package router_test

import (
	"context"
	"fmt"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// A function of the application may serve all calls of a realm by itself.
func ExampleRealm_HandleCalls() {
	ctx, rt, end := exampleRouter(router.Config{})
	defer end()

	err := rt.Realm("realm1").HandleCalls(func(_ context.Context, c *router.Call) error {
		if c.Procedure != "add_stuff" {
			return wamp.ErrNoSuchProcedure
		}
		args, err := c.Args()
		if err != nil {
			return err
		}
		sum := int64(0)
		for _, arg := range args {
			n, ok := arg.(int64)
			if !ok {
				return wamp.Errorf("", "Numbers only!")
			}
			sum += n
			if err := c.Progress(wamp.Args{sum}); err != nil {
				return err
			}
		}
		return c.Return(wamp.Args{sum})
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	s := dial(ctx, rt, "realm1")
	for _, args := range []wamp.Args{{1, 2}, {1, "x"}} {
		fmt.Println(wamp.Call[int](ctx, s, "add_stuff", args, wamp.OnProgress(func(sum int) { fmt.Println("so far", sum) })))
	}
	// Output:
	// so far 1
	// so far 3
	// 3 <nil>
	// so far 1
	// 0 call add_stuff: wamp.error.runtime_error: Numbers only!
}
