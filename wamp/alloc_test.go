//go:build !race

package wamp_test

import (
	"context"
	"testing"

	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamptest"
)

// What a typed call and an event allocate at both ends together, with the router
// between them in the same process, which allocates nothing.
func TestSessionAllocations(t *testing.T) {
	rt := wamptest.NewRouter(t, quiet)
	caller, callee := rt.Session(), rt.Session()
	add := wamp.Func2(func(_ context.Context, x, y int) (int, error) { return x + y, nil })
	if _, err := callee.Register(t.Context(), "com.example.add", add); err != nil {
		t.Fatal(err)
	}
	got := make(chan int)
	heard := wamp.Event(func(_ context.Context, n int) error { got <- n; return nil })
	if _, err := callee.Subscribe(t.Context(), "com.example.topic", heard); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		f    func()
		most float64
	}{
		"call": {func() {
			if sum, err := wamp.Call[int](t.Context(), caller, "com.example.add", wamp.Args{1000, 337}); sum != 1337 || err != nil {
				t.Fatal(sum, err)
			}
		}, 9},
		"event": {func() {
			if _, err := caller.Publish(t.Context(), "com.example.topic", wamp.Args{1337}); err != nil {
				t.Fatal(err)
			}
			<-got
		}, 8},
	} {
		tt.f()
		if n := testing.AllocsPerRun(200, tt.f); n > tt.most {
			t.Errorf("%s: %v allocations, at most %v", name, n, tt.most)
		} else {
			t.Logf("%s: %v allocations", name, n)
		}
	}
}
