package wamptest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamp/app"
	"github.com/wampeter/wampeter/wamptest"
)

// A test of a procedure: a router of its own, in one line.
func ExampleNewRouter() {
	_ = func(t *testing.T) {
		rt := wamptest.NewRouter(t)
		greet := wamp.Func1(func(_ context.Context, name string) (string, error) { return "hello " + name, nil })
		if _, err := rt.Session().Register(t.Context(), "com.example.greet", greet); err != nil {
			t.Fatal(err)
		}
		text, err := wamp.Call[string](t.Context(), rt.Session(), "com.example.greet", wamp.Args{"joe"})
		if text != "hello joe" || err != nil {
			t.Error(text, err)
		}
	}
}

// A test of what a program publishes.
func ExampleEvents() {
	_ = func(t *testing.T) {
		rt := wamptest.NewRouter(t)
		orders := wamptest.Events[int](t, rt.Session(), "com.example.orders")
		publisher := rt.Session()
		for i := range 2 {
			if _, err := publisher.Publish(t.Context(), "com.example.orders", wamp.Args{i}, wamp.Acknowledge()); err != nil {
				t.Fatal(err)
			}
		}
		orders.Expect(0, 1)
		orders.None() // and no third one
	}
}

// A test that a program survives a lost connection.
func ExampleProxy() {
	_ = func(t *testing.T) {
		rt := wamptest.NewRouter(t)
		network := wamptest.NewProxy(t, rt.Address())
		joined := make(chan uint64, 2)
		a := app.New("com.example")
		a.OnReady(func(_ context.Context, s *wamp.Session) error { joined <- s.ID(); return nil })
		d := &wamp.Dialer{URLs: []string{network.URL()}, Backoff: wamp.Backoff{Initial: time.Millisecond, Jitter: -1}}
		if err := a.Start(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		first := <-joined
		network.Cut()
		fmt.Println(first != <-joined)
		if err := a.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
