package app_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamp/app"
	"github.com/wampeter/wampeter/wamptest"
)

// An App can be served in process, by the router that the program embeds, and
// its registry by a plain session, and by a realm without any session.
func TestRegistryEverywhere(t *testing.T) {
	a := app.New("com")
	check(t, a.Register("add", wamp.Func2(add)))
	heard := make(chan string, 1)
	check(t, a.Subscribe("topic", wamp.Event(func(_ context.Context, text string) error { heard <- text; return nil })))
	check(t, wamp.DefineError[*overdrawn](a, "error.overdrawn"))
	check(t, a.Register("withdraw", wamp.Func1(func(_ context.Context, n int) (int, error) { return 0, &overdrawn{n} })))
	for name, serve := range map[string]func(rt *router.Router){
		"app":     func(rt *router.Router) { check(t, a.Start(t.Context(), &wamp.Dialer{Router: rt})) },
		"session": func(rt *router.Router) { _, err := session(t, rt).Use(t.Context(), a.Registry); check(t, err) },
		"realm":   func(rt *router.Router) { check(t, rt.Realm("realm1").Mount("", a.Registry)) },
	} {
		rt := router.New(router.Config{})
		serve(rt)
		s := session(t, rt)
		if sum, err := wamp.Call[int](t.Context(), s, "com.add", wamp.Args{2, 3}); err != nil || sum != 5 {
			t.Error(name, sum, err)
		}
		if _, err := wamp.Call[int](t.Context(), s, "com.withdraw", wamp.Args{2}); !errors.Is(err, wamp.URI("com.error.overdrawn")) {
			t.Error(name, err)
		}
		_, err := s.Publish(t.Context(), "com.topic", wamp.Args{name})
		check(t, err)
		if text := <-heard; text != name {
			t.Error(name, text)
		}
		check(t, a.Shutdown(t.Context()))
		check(t, rt.Close())
	}
}

func session(t *testing.T, rt *router.Router) *wamp.Session {
	t.Helper()
	s, err := rt.Session(t.Context(), "realm1")
	check(t, err)
	return s
}

// S002-13: what the program has in Extra is found by hooks, procedures and event
// handlers.
func TestExtra(t *testing.T) {
	rt := wamptest.NewRouter(t)
	a := app.New("com")
	a.Extra = "mine"
	found := make(chan any, 2)
	extra := func(ctx context.Context) any {
		if a := app.FromContext(ctx); a != nil {
			return a.Extra
		}
		return nil
	}
	check(t, a.Register("extra", wamp.Func0(func(ctx context.Context) (any, error) { return extra(ctx), nil })))
	check(t, a.Subscribe("topic", wamp.Event(func(ctx context.Context, _ struct{}) error {
		found <- extra(ctx)
		return nil
	})))
	a.OnJoin(func(ctx context.Context, _ *wamp.Session) error { found <- extra(ctx); return nil })
	type key struct{}
	base := context.WithValue(t.Context(), key{}, "base")
	check(t, a.Register("base", wamp.Func0(func(ctx context.Context) (any, error) { return ctx.Value(key{}), nil })))
	check(t, a.Start(t.Context(), &wamp.Dialer{URLs: []string{rt.URL()}, BaseContext: func() context.Context { return base }}))
	_, err := rt.Session().Publish(t.Context(), "com.topic")
	check(t, err)
	for procedure, want := range map[string]string{"com.extra": "mine", "com.base": "base"} {
		if got, err := app.Call[any](t.Context(), a, procedure); got != want || err != nil {
			t.Error(procedure, got, err)
		}
	}
	if x, y := <-found, <-found; x != "mine" || y != "mine" {
		t.Error(x, y)
	}
	check(t, a.Shutdown(t.Context()))
}

// S002-7, S002-21: what an App has to say goes to its Logger, at the level that
// the Logger's handler has; without OnError a failure is never silent.
func TestLogger(t *testing.T) {
	rt := wamptest.NewRouter(t)
	for level, joined := range map[slog.Level]bool{slog.LevelInfo: true, slog.LevelWarn: false} {
		var logged strings.Builder
		a := app.New("com")
		a.Logger = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: level}))
		check(t, a.Register("fail", wamp.Func0(func(context.Context) (int, error) { panic("the reason") })))
		check(t, a.Start(t.Context(), &wamp.Dialer{URLs: []string{rt.URL()}}))
		if _, err := app.Call[int](t.Context(), a, "com.fail"); !errors.Is(err, wamp.ErrRuntimeError) || strings.Contains(err.Error(), "reason") {
			t.Error(err)
		}
		check(t, a.Shutdown(t.Context()))
		text := logged.String()
		if strings.Contains(text, "joined the router") != joined || !strings.Contains(text, "com.fail: panic: the reason") || !strings.Contains(text, "registry_test.go") {
			t.Error(level, text)
		}
	}
}
