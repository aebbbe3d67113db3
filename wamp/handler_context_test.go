package wamp_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamptest"
)

type traceKey struct{}

// A program makes the contexts of handlers: here, with what is handled.
func TestHandlerContext(t *testing.T) {
	rt := wamptest.NewRouter(t)
	s := rt.Dial(&wamp.Dialer{HandlerContext: func(ctx context.Context, inv *wamp.Invocation, e *wamp.EventInfo) context.Context {
		if inv != nil {
			return context.WithValue(ctx, traceKey{}, "call of "+inv.Procedure)
		}
		return context.WithValue(ctx, traceKey{}, fmt.Sprint("event of ", e.Topic, " ", e.Publication != 0))
	}})
	_, err := s.Register(t.Context(), "com.traced", wamp.Func0(func(ctx context.Context) (string, error) {
		return ctx.Value(traceKey{}).(string), nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	events := make(chan string)
	_, err = s.Subscribe(t.Context(), "com.traced", wamp.Event(func(ctx context.Context, _ struct{}) error {
		events <- ctx.Value(traceKey{}).(string)
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	other := rt.Session()
	if got, err := wamp.Call[string](t.Context(), other, "com.traced"); got != "call of com.traced" || err != nil {
		t.Error(got, err)
	}
	if _, err := other.Publish(t.Context(), "com.traced"); err != nil {
		t.Error(err)
	}
	if got := <-events; got != "event of com.traced true" {
		t.Error(got)
	}
}

// A session can outlive event handlers that are slow, and say so for all of
// them at once.
func TestDialerOverflow(t *testing.T) {
	rt := wamptest.NewRouter(t)
	s := rt.Dial(&wamp.Dialer{Overflow: wamp.DropNewest})
	begun, release, got := make(chan struct{}, 10), make(chan struct{}), make(chan int, 10)
	sub, err := s.Subscribe(t.Context(), "com.slow", wamp.Event(func(_ context.Context, n int) error {
		begun <- struct{}{}
		<-release
		got <- n
		return nil
	}), wamp.Queue(1))
	if err != nil {
		t.Fatal(err)
	}
	for n := range 4 {
		if _, err := s.Publish(t.Context(), "com.slow", wamp.Args{n}, wamp.ExcludeMe(false), wamp.Acknowledge()); err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			<-begun
		}
	}
	close(release)
	if a, b := <-got, <-got; a != 0 || b != 1 || sub.Dropped() != 2 || s.Err() != nil {
		t.Error(a, b, sub.Dropped(), s.Err())
	}
}

// One registry can be on a session several times, under several prefixes.
func TestUseUnder(t *testing.T) {
	rt := wamptest.NewRouter(t)
	s := rt.Session()
	reg := wamp.NewRegistry("api")
	failure := errors.New("no")
	if err := errors.Join(
		wamp.DefineError[*shortOf](reg, "error.poor"),
		reg.Register("fail", wamp.Func0(func(context.Context) (int, error) { return 0, fmt.Errorf("%w: %w", failure, &shortOf{3}) })),
	); err != nil {
		t.Fatal(err)
	}
	for _, prefix := range []string{"v1", "v2."} {
		in, err := s.UseUnder(t.Context(), prefix, reg)
		if err != nil || len(in.Registrations) != 1 {
			t.Fatal(in, err)
		}
	}
	for _, v := range []string{"v1", "v2"} {
		_, err := wamp.Call[int](t.Context(), s, v+".api.fail")
		var poor *shortOf
		if !errors.Is(err, wamp.URI(v+".api.error.poor")) || !errors.As(err, &poor) || poor.Missing != 3 {
			t.Error(err)
		}
	}
	if _, err := s.UseUnder(t.Context(), "not ok", reg); err == nil || !strings.Contains(err.Error(), "prefix") {
		t.Error(err)
	}
	if in, err := s.UseUnder(t.Context(), "v1", reg); !errors.Is(err, wamp.ErrProcedureAlreadyExists) || len(in.Registrations) != 0 {
		t.Error(in, err)
	}
}

type shortOf struct {
	Missing int `wamp:"missing"`
}

func (e *shortOf) Error() string { return fmt.Sprint("missing ", e.Missing) }

// The arguments of an error can be passed on.
func TestErrorPayload(t *testing.T) {
	for _, e := range []*wamp.Error{
		wamp.NewError("com.error", wamp.Args{int64(1)}, wamp.KW{"a": "b"}),
		{URI: "com.error", Args: wamp.Args{int64(1)}, Kwargs: wamp.KW{"a": "b"}},
		wamp.NewError("com.error", wamp.In(struct {
			N int    `wamp:"0"`
			A string `wamp:"a"`
		}{1, "b"})),
	} {
		args, err := e.Payload().Args()
		kwargs, err2 := e.Payload().Kwargs()
		if len(args) != 1 || args[0] != int64(1) || kwargs["a"] != "b" || err != nil || err2 != nil {
			t.Error(args, kwargs, err, err2)
		}
	}
}
