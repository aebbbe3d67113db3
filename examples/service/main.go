// Service is a shop: its parts are registries of their own, which know nothing
// of connections and are put together in main.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamp/app"
)

func main() {
	url := flag.String("url", wamp.DefaultURL, "URL of the router")
	flag.Parse()
	if err := run(context.Background(), &wamp.Dialer{URLs: []string{*url}}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, d *wamp.Dialer) error {
	a := shop()
	a.Signals = []os.Signal{os.Interrupt}
	a.OnReady(func(_ context.Context, s *wamp.Session) error {
		var names []string
		for _, r := range s.Registrations("") {
			names = append(names, r.Procedure())
		}
		slices.Sort(names)
		fmt.Println("serving", strings.Join(names, ", "))
		return nil
	})
	return a.Run(ctx, d) // with everything that was wrong with definitions
}

// shop puts the parts together: com.example.shop.stock.take and so on.
func shop() *app.App {
	stock := newStock(map[string]int{"chair": 4, "table": 1})
	a := app.New("com.example.shop")
	_ = a.Mount("", stock.registry())
	_ = a.Mount("", orders(stock))
	return a
}
