package main

import (
	"context"
	"sync/atomic"

	"github.com/wampeter/wampeter/wamp"
)

// order is the arguments of a call, by keyword.
type order struct {
	Article string `wamp:"article,required"`
	Count   int    `wamp:"count"`
	Express bool   `wamp:"express"`
}

// receipt is its results, by keyword as well.
type receipt struct {
	Number  int64  `wamp:"number"`
	Article string `wamp:"article"`
	Count   int    `wamp:"count"`
	Express bool   `wamp:"express,omitzero"`
}

// orders returns the registry of orders, which may be served by several
// processes that take turns.
func orders(stock *Stock) *wamp.Registry {
	var last atomic.Int64
	place := func(ctx context.Context, o order) (receipt, error) {
		if o.Count == 0 {
			o.Count = 1
		}
		if _, err := stock.Take(ctx, o.Article, o.Count); err != nil {
			return receipt{}, err // stock's error, by its URI there
		}
		r := receipt{last.Add(1), o.Article, o.Count, o.Express}
		_, err := wamp.FromContext(ctx).Session.Publish(ctx, "com.example.shop.orders.placed", wamp.In(r))
		return r, err
	}
	reg := wamp.NewRegistry("orders", wamp.ProcedureDefaults(wamp.Invoke(wamp.RoundRobin)))
	_ = reg.Register("place", wamp.Typed(place))
	return reg
}
