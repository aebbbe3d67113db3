package wamp_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamptest"
)

// insufficient is an error with a payload.
type insufficient struct {
	Who     string `wamp:"0"`
	Missing int    `wamp:"missing"`
}

func (e *insufficient) Error() string { return fmt.Sprintf("%s lacks %d", e.Who, e.Missing) }

// notFound is an error whose payload is itself.
type notFound string

func (e notFound) Error() string { return "no " + string(e) }

// plain is an error without payload.
type plain struct{ detail int }

func (e *plain) Error() string { return fmt.Sprint("plain ", e.detail) }

// socketed returns two sessions of a router over WebSocket, and what the
// handlers of the first one report.
func socketed(t *testing.T) (callee, caller *wamp.Session, reported chan *wamp.HandlerError) {
	t.Helper()
	rt := wamptest.NewRouter(t)
	reported = make(chan *wamp.HandlerError, 16)
	callee = rt.Dial(&wamp.Dialer{
		URLs:    []string{rt.URL()},
		OnError: func(_ context.Context, err *wamp.HandlerError) { reported <- err },
	})
	return callee, rt.Dial(&wamp.Dialer{URLs: []string{rt.URL()}}), reported
}

func failing(err error) wamp.Handler {
	return wamp.Func0(func(context.Context) (struct{}, error) { return struct{}{}, err })
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func register(t *testing.T, s *wamp.Session, procedure string, h wamp.Handler, opts ...wamp.RegisterOption) *wamp.Registration {
	t.Helper()
	r, err := s.Register(t.Context(), procedure, h, opts...)
	check(t, err)
	return r
}

// S000-16..19, S001-19, S001-42: an error type stands for a URI at both ends,
// and brings its payload; what is not mapped stays an *Error.
func TestDefineError(t *testing.T) {
	callee, caller, _ := socketed(t)
	for _, s := range []*wamp.Session{callee, caller} {
		check(t, wamp.DefineError[*insufficient](s, "com.error.insufficient"))
		check(t, wamp.DefineError[notFound](s, "com.error.not_found"))
		check(t, wamp.DefineError[*plain](s, "com.error.plain"))
	}
	register(t, callee, "com.poor", failing(fmt.Errorf("wrapped: %w", &insufficient{"joe", 12})))
	register(t, callee, "com.none", failing(errors.Join(errors.New("first"), notFound("such thing"))))
	register(t, callee, "com.plain", failing(&plain{7}))
	register(t, callee, "com.other", failing(wamp.NewError("com.error.other", wamp.Args{1}, wamp.KW{"a": 2})))
	register(t, callee, "com.misfit", failing(wamp.NewError("com.error.insufficient", wamp.Args{7})))

	_, err := wamp.Call[struct{}](t.Context(), caller, "com.poor")
	var poor *insufficient
	var e *wamp.Error
	if !errors.As(err, &poor) || *poor != (insufficient{"joe", 12}) || !errors.As(err, &e) || e.URI != "com.error.insufficient" {
		t.Errorf("%v: %+v", err, poor)
	}
	if diff := cmp.Diff(wamp.KW{"missing": int64(12)}, e.Kwargs); diff != "" {
		t.Error(diff)
	}
	_, err = wamp.Call[struct{}](t.Context(), caller, "com.none")
	var none notFound
	if !errors.As(err, &none) || none != "such thing" {
		t.Errorf("%v: %q", err, none)
	}
	_, err = wamp.Call[struct{}](t.Context(), caller, "com.plain")
	var bare *plain
	if !errors.As(err, &bare) || !strings.Contains(err.Error(), "plain 7") {
		t.Error(err)
	}
	_, err = wamp.Call[struct{}](t.Context(), caller, "com.other")
	if poor = nil; errors.As(err, &poor) || !errors.As(err, &e) || e.URI != "com.error.other" {
		t.Error(err)
	}
	_, err = wamp.Call[struct{}](t.Context(), caller, "com.misfit")
	if errors.As(err, &poor) || !errors.Is(err, wamp.URI("com.error.insufficient")) {
		t.Error("a payload that does not fit makes no value of the type:", err, poor)
	}
}

// S000-17: an error of an event handler has its URI when it is reported.
func TestDefineErrorOfEvents(t *testing.T) {
	subscriber, publisher, reported := socketed(t)
	check(t, wamp.DefineError[*insufficient](subscriber, "com.error.insufficient"))
	_, err := subscriber.Subscribe(t.Context(), "com.topic", wamp.Event(func(_ context.Context, n int) error {
		return &insufficient{"joe", n}
	}))
	check(t, err)
	_, err = publisher.Publish(t.Context(), "com.topic", wamp.Args{3})
	check(t, err)
	failed := <-reported
	var poor *insufficient
	if !failed.Event || !errors.Is(failed, wamp.URI("com.error.insufficient")) || !errors.As(failed, &poor) || poor.Missing != 3 {
		t.Errorf("%v", failed)
	}
}

// CallAll maps the error of each callee.
func TestDefineErrorCallAll(t *testing.T) {
	callee, caller, _ := socketed(t)
	check(t, wamp.DefineError[*insufficient](callee, "com.error.insufficient"))
	check(t, wamp.DefineError[*insufficient](caller, "com.error.insufficient"))
	register(t, callee, "com.poor", failing(&insufficient{"joe", 12}), wamp.Invoke(wamp.RoundRobin))
	n := 0
	for _, err := range wamp.CallAll[int](t.Context(), caller, "com.poor") {
		n++
		var poor *insufficient
		if !errors.As(err, &poor) || poor.Missing != 12 {
			t.Error(err)
		}
	}
	if n != 1 {
		t.Error(n, "answers")
	}
}

func TestDefineErrorMistakes(t *testing.T) {
	s, _, _ := socketed(t)
	type tagged struct {
		*plain
		A int `wamp:"a,nonsense"`
	}
	check(t, wamp.DefineError[*plain](s, "com.error.plain"))
	check(t, wamp.DefineError[*plain](s, "com.error.plain")) // the same again
	for name, err := range map[string]error{
		"interface":   wamp.DefineError[error](s, "com.error.x"),
		"*wamp.Error": wamp.DefineError[*wamp.Error](s, "com.error.x"),
		"URI":         wamp.DefineError[*insufficient](s, "not a uri"),
		"flag":        wamp.DefineError[tagged](s, "com.error.x"),
		"other type":  wamp.DefineError[notFound](s, "com.error.plain"),
		"other URI":   wamp.DefineError[*plain](s, "com.error.plain2"),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A panic is told to the caller, and its stack, when the application wants so.
func TestTracebackApp(t *testing.T) {
	rt := wamptest.NewRouter(t)
	for _, traces := range []bool{false, true} {
		var reports atomic.Int32
		callee := rt.Dial(&wamp.Dialer{
			URLs: []string{rt.URL()}, TracebackApp: traces,
			OnError: func(context.Context, *wamp.HandlerError) { reports.Add(1) },
		})
		r := register(t, callee, "com.panic", wamp.Func0(func(context.Context) (int, error) { panic("the secret") }))
		_, err := wamp.Call[int](t.Context(), rt.Session(), "com.panic")
		var e *wamp.Error
		if !errors.As(err, &e) || e.URI != wamp.ErrRuntimeError {
			t.Fatal(err)
		}
		trace, _ := e.Kwargs["traceback"].(string)
		if strings.Contains(err.Error(), "secret") != traces || strings.Contains(trace, "TestTracebackApp") != traces || reports.Load() != 1 {
			t.Errorf("traces %v: %v\n%s", traces, err, trace)
		}
		check(t, r.Unregister(t.Context()))
	}
}

// S002-26: a session can be refused when its WELCOME is seen.
func TestOnWelcome(t *testing.T) {
	rt := wamptest.NewRouter(t)
	refusal := errors.New("not my router")
	d := &wamp.Dialer{URLs: []string{rt.URL()}, OnWelcome: func(_ context.Context, s *wamp.Session) error {
		if s.ID() == 0 || s.Details()["roles"] == nil {
			t.Error(s.ID(), s.Details())
		}
		return refusal
	}}
	_, err := d.Dial(t.Context())
	if !errors.Is(err, refusal) {
		t.Error(err)
	}
	d.OnWelcome = func(context.Context, *wamp.Session) error { return nil }
	if s := rt.Dial(d); s.Err() != nil {
		t.Error(s.Err())
	}
}

// S003-2: request ids come from a generator that can be replaced.
func TestNextRequestID(t *testing.T) {
	rt := wamptest.NewRouter(t)
	fixed := uint64(0)
	s := rt.Dial(&wamp.Dialer{URLs: []string{rt.URL()}, NextRequestID: func(last uint64) uint64 {
		if fixed != 0 {
			return fixed
		}
		return last + 10
	}})
	register(t, s, "com.x", wamp.Func0(func(ctx context.Context) (int, error) {
		<-ctx.Done()
		return 0, ctx.Err()
	}))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p := wamp.Go[int](ctx, s, "com.x")
	if p.RequestID() != 20 {
		t.Error(p.RequestID())
	}
	for _, fixed = range []uint64{20, 1 << 60} {
		if _, err := wamp.Call[int](ctx, s, "com.x"); err == nil {
			t.Error("request id", fixed, "was used")
		}
	}
}
