package wamp_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/wampeter/wampeter/wamp"
)

// tooPoor is an error that callers get as it is.
type tooPoor struct {
	Missing int `wamp:"missing"`
}

func (e *tooPoor) Error() string { return fmt.Sprint("missing ", e.Missing) }

// withdraw is an ordinary function; its name is that of the procedure.
func withdraw(_ context.Context, amount int) (int, error) {
	if amount > 100 {
		return 0, &tooPoor{Missing: amount - 100}
	}
	return 100 - amount, nil
}

// A registry is defined apart from any session, and may be mounted in another.
func ExampleRegistry() {
	accounting := wamp.NewRegistry("acc", wamp.ProcedureDefaults(wamp.Invoke(wamp.RoundRobin)))
	_ = accounting.Register("", wamp.Func1(withdraw))
	_ = wamp.DefineError[*tooPoor](accounting, "error.too_poor")
	root := wamp.NewRegistry("app")
	_ = root.Mount("accounting", accounting)

	ctx, s, done := join()
	defer done()
	if _, err := s.Use(ctx, root); err != nil { // or what is wrong with a definition
		fmt.Println(err)
		return
	}
	fmt.Println(wamp.Call[int](ctx, s, "app.accounting.acc.withdraw", wamp.Args{30}))
	_, err := wamp.Call[int](ctx, s, "app.accounting.acc.withdraw", wamp.Args{130})
	var poor *tooPoor
	fmt.Println(errors.As(err, &poor), err)
	// Output:
	// 70 <nil>
	// true call app.accounting.acc.withdraw: app.accounting.acc.error.too_poor: missing 30
}
