package main

import (
	"context"
	"errors"
	"testing"

	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamptest"
)

func TestShop(t *testing.T) {
	rt := wamptest.NewRouter(t)
	a := shop()
	if err := a.Start(t.Context(), &wamp.Dialer{URLs: []string{rt.URL()}}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Shutdown(context.Background()) }()
	s := rt.Session()
	placed := wamptest.Events[receipt](t, s, "com.example.shop.orders.placed")
	if err := wamp.DefineError[*SoldOut](s, "com.example.shop.stock.error.sold_out"); err != nil {
		t.Fatal(err)
	}

	r, err := wamp.Call[receipt](t.Context(), s, "com.example.shop.orders.place", wamp.In(order{Article: "chair", Count: 3}))
	if want := (receipt{Number: 1, Article: "chair", Count: 3}); r != want || err != nil {
		t.Error(r, err)
	}
	placed.Expect(r)
	// What stock refuses reaches whoever placed the order as stock's error.
	var sold *SoldOut
	for _, procedure := range []string{"orders.place", "stock.take"} {
		_, err = wamp.Call[any](t.Context(), s, "com.example.shop."+procedure, wamp.Args{"chair", 2}, wamp.KW{"article": "chair", "count": 2})
		if !errors.As(err, &sold) || *sold != (SoldOut{"chair", 1}) {
			t.Error(procedure, err)
		}
	}
	placed.None()
	if _, err := rt.Session().Publish(t.Context(), "com.example.shop.stock.delivered.chair", wamp.Args{10}, wamp.Acknowledge()); err != nil {
		t.Error(err)
	}
	mine, err := a.Ready(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, sub := range mine.Subscriptions("") {
		if err := sub.Sync(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if n, err := wamp.Call[int](t.Context(), s, "com.example.shop.stock.count", wamp.Args{"chair"}); n != 11 || err != nil {
		t.Error(n, err)
	}
	if _, err := wamp.Call[int](t.Context(), s, "com.example.shop.stock.take", wamp.Args{"chair", -1}); !errors.Is(err, wamp.ErrInvalidArgument) {
		t.Error(err)
	}
}
