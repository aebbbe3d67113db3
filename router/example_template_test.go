package router_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// Realms come into being when the first client asks for one, as a template for
// their names says.
func ExampleRouter_Template() {
	ctx, rt, end := exampleRouter(router.Config{NoDefaultRealm: true})
	defer end()

	customers := map[string]string{"acme": "Acme Corporation"}
	err := rt.Template("customer.", wamp.Prefix, func(realm *router.Realm) error {
		name, ok := customers[strings.TrimPrefix(realm.Name(), "customer.")]
		if !ok {
			return wamp.ErrNoSuchRealm
		}
		api := wamp.NewRegistry("")
		_ = api.Register("whose", wamp.Func0(func(context.Context) (string, error) { return name, nil }))
		return realm.Mount("", api)
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	fmt.Println(wamp.Call[string](ctx, dial(ctx, rt, "customer.acme"), "whose"))
	_, err = rt.Session(ctx, "customer.emca")
	fmt.Println(err)
	_, err = rt.Session(ctx, "elsewhere")
	fmt.Println(err)
	// Output:
	// Acme Corporation <nil>
	// dial the router in this process: wamp.error.no_such_realm: the session is refused
	// dial the router in this process: wamp.error.no_such_realm: there is no realm "elsewhere"
}
