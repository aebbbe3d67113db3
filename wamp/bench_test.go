package wamp_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamptest"
)

func quiet(c *router.Config) { c.Logger = slog.New(slog.DiscardHandler) }

// BenchmarkCall is a typed call there and back, router and callee included.
func BenchmarkCall(b *testing.B) {
	rt := wamptest.NewRouter(b, quiet)
	type point struct {
		X int `wamp:"0"`
		Y int `wamp:"1"`
	}
	for _, road := range []struct {
		name string
		d    *wamp.Dialer
	}{
		{"process", &wamp.Dialer{}},
		{"websocket", &wamp.Dialer{URLs: []string{rt.URL()}}},
		{"rawsocket", &wamp.Dialer{URLs: []string{rt.RawSocketURL()}}},
	} {
		b.Run(road.name, func(b *testing.B) {
			callee, caller := rt.Dial(road.d), rt.Dial(road.d)
			ctx := b.Context()
			for procedure, h := range map[string]wamp.Handler{
				"com.bench.add": wamp.Func2(func(_ context.Context, x, y int) (int, error) { return x + y, nil }),
				"com.bench.sum": wamp.Typed(func(_ context.Context, p point) (int, error) { return p.X + p.Y, nil }),
			} {
				if _, err := callee.Register(ctx, procedure, h, wamp.ForceReregister()); err != nil {
					b.Fatal(err)
				}
			}
			call := func(procedure string) {
				if sum, err := wamp.Call[int](ctx, caller, procedure, wamp.Args{1000, 337}); sum != 1337 || err != nil {
					b.Fatal(sum, err)
				}
			}
			b.Run("one", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					call("com.bench.add")
				}
			})
			b.Run("struct", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					call("com.bench.sum")
				}
			})
			b.Run("many", func(b *testing.B) {
				b.ReportAllocs()
				b.SetParallelism(64)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						call("com.bench.add")
					}
				})
			})
			if err := callee.Close(ctx); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkEvent is an event from one session to another.
func BenchmarkEvent(b *testing.B) {
	rt := wamptest.NewRouter(b, quiet)
	for _, road := range []struct {
		name string
		d    *wamp.Dialer
	}{
		{"process", &wamp.Dialer{}},
		{"websocket", &wamp.Dialer{URLs: []string{rt.URL()}}},
	} {
		b.Run(road.name, func(b *testing.B) {
			subscriber, publisher := rt.Dial(road.d), rt.Dial(road.d)
			ctx := b.Context()
			window := make(chan struct{}, 512) // smaller than the queue
			sub, err := subscriber.Subscribe(ctx, "com.bench.topic", wamp.Event(func(_ context.Context, n int) error {
				<-window
				return nil
			}))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				window <- struct{}{}
				if _, err := publisher.Publish(ctx, "com.bench.topic", wamp.Args{1000}); err != nil {
					b.Fatal(err)
				}
			}
			for range cap(window) {
				window <- struct{}{}
			}
			if err := sub.Unsubscribe(ctx); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkJoin is a session from the first packet to the last.
func BenchmarkJoin(b *testing.B) {
	rt := wamptest.NewRouter(b, quiet)
	for _, d := range []*wamp.Dialer{{Router: rt}, {URLs: []string{rt.URL()}}, {URLs: []string{rt.RawSocketURL()}}} {
		name, _, _ := strings.Cut(append(d.URLs, "process")[0], ":")
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s, err := d.Dial(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				if err := s.Close(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
