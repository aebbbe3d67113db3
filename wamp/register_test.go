package wamp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// register registers h and answers REGISTER with id. want is the message.
func (sc *script) register(s *Session, want, answer, procedure string, h Handler, opts ...RegisterOption) *Registration {
	sc.t.Helper()
	wait := async(sc.t, func() (*Registration, error) { return s.Register(sc.t.Context(), procedure, h, opts...) })
	sc.expect(want)
	sc.send(answer)
	r, err := wait()
	if err != nil {
		sc.t.Fatal(err)
	}
	return r
}

func TestRegister(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	type move struct {
		Game int            `uri:"game"`
		From string         `wamp:"0,required"`
		To   *string        `wamp:"1"`
		Rest []int          `wamp:",rest"`
		Fast bool           `wamp:"fast"`
		More map[string]any `wamp:",extra"`
	}
	sc.register(s, `[64, 1, {}, "com.add2"]`, `[65, 1, 11]`, "com.add2",
		Func2(func(_ context.Context, a, b int) (int, error) { return a + b, nil }))
	sc.register(s, `[64, 2, {"match": "wildcard", "invoke": "roundrobin", "concurrency": 5}, "chess..move"]`, `[65, 2, 12]`, "chess.{game}.move",
		Typed(func(_ context.Context, m move) (Result, error) {
			return Return(Args{m.Game, m.From, m.To, m.Rest}, KW{"fast": m.Fast, "more": m.More}), nil
		}), Invoke(RoundRobin), Concurrency(5))
	sc.register(s, `[64, 3, {"match": "prefix"}, "raw."]`, `[65, 3, 13]`, "raw.",
		HandlerFunc(func(ctx context.Context, inv *Invocation) (Result, error) {
			if FromContext(ctx) != inv {
				return Result{}, errors.New("no invocation in the context")
			}
			return Return(Args{inv.Component("0"), inv.Caller, inv.CallerAuthID, inv.Procedure}), nil
		}))
	for _, tt := range []struct{ invocation, answer string }{
		{`[68, 1, 11, {}, [2, 5]]`, `[70, 1, {}, [7]]`},
		{`[68, 2, 11, {}, [2]]`, `[8, 68, 2, {}, "wamp.error.invalid_argument", ["argument 1 is missing, expected an integer"]]`},
		{`[68, 3, 11, {}, [2, 3, 4]]`, `[8, 68, 3, {}, "wamp.error.invalid_argument", ["argument 2 is too many: got 3, expected 2"]]`},
		{`[68, 4, 11, {}, ["a", 3]]`, `[8, 68, 4, {}, "wamp.error.invalid_argument", ["argument 0: got string \"a\", expected an integer"]]`},
		{`[68, 5, 12, {"procedure": "chess.17.move"}, ["e2", "e4", 7, 8], {"fast": true, "x": 1}]`,
			`[70, 5, {}, [17, "e2", "e4", [7, 8]], {"fast": true, "more": {"x": 1}}]`},
		{`[68, 6, 12, {"procedure": "chess.17.move"}, ["e2"]]`, `[70, 6, {}, [17, "e2", null, null], {"fast": false, "more": null}]`},
		{`[68, 7, 12, {"procedure": "chess.x.move"}, ["e2"]]`,
			`[8, 68, 7, {}, "wamp.error.invalid_argument", ["URI component \"game\": got \"x\", expected an integer"]]`},
		{`[68, 8, 12, {"procedure": "chess.1.move"}]`,
			`[8, 68, 8, {}, "wamp.error.invalid_argument", ["argument 0 is missing, expected a string"]]`},
		{`[68, 9, 12, {"procedure": "chess.1.move"}, ["e2"], {"fast": 1}]`,
			`[8, 68, 9, {}, "wamp.error.invalid_argument", ["keyword argument \"fast\": got number 1, expected true or false"]]`},
		{`[68, 10, 13, {"procedure": "raw.a.b", "caller": 5, "caller_authid": "joe", "x_new": {}}]`, `[70, 10, {}, ["a.b", 5, "joe", "raw.a.b"]]`},
		{`[68, 11, 99, {}]`, `[8, 68, 11, {}, "wamp.error.no_such_procedure"]`},
	} {
		sc.send(tt.invocation)
		sc.expect(tt.answer)
	}
}

func TestHandlerErrors(t *testing.T) {
	sc := newScript(t)
	d := sc.dialer()
	reported := make(chan *HandlerError, 10)
	d.OnError = func(ctx context.Context, err *HandlerError) {
		if FromContext(ctx) == nil {
			t.Error("no invocation in the hook's context")
		}
		reported <- err
	}
	s := sc.join(d)
	for i, f := range []func() (int, error){
		func() (int, error) { return 0, NewError("com.poor", Args{"too poor"}, KW{"missing": 12}) },
		func() (int, error) { return 0, URI("com.no") },
		func() (int, error) { return 0, &Error{URI: "com.plain"} },
		func() (int, error) { return 0, errors.New("the disk is full") },
		func() (int, error) { panic("secret") },
		func() (int, error) { return 0, URI("not a URI") },
		func() (int, error) { return 0, Errorf("", "numbers only") },
	} {
		id := string(rune('1' + i))
		sc.register(s, `[64, `+id+`, {}, "com.f`+id+`"]`, `[65, `+id+`, 1`+id+`]`, "com.f"+id,
			Func0(func(context.Context) (int, error) { return f() }))
	}
	for _, tt := range []struct{ invocation, answer, reported string }{
		{`[68, 1, 11, {}]`, `[8, 68, 1, {}, "com.poor", ["too poor"], {"missing": 12}]`, ""},
		{`[68, 2, 12, {}]`, `[8, 68, 2, {}, "com.no"]`, ""},
		{`[68, 3, 13, {}]`, `[8, 68, 3, {}, "com.plain"]`, ""},
		{`[68, 4, 14, {}]`, `[8, 68, 4, {}, "wamp.error.runtime_error", ["the disk is full"]]`, "procedure com.f4: the disk is full"},
		{`[68, 5, 15, {}]`, `[8, 68, 5, {}, "wamp.error.runtime_error", ["the procedure failed unexpectedly"]]`, "procedure com.f5: panic: secret"},
		{`[68, 6, 16, {}]`, `[8, 68, 6, {}, "wamp.error.runtime_error", ["not a URI (\"not a URI\" is no URI)"]]`, `procedure com.f6: not a URI ("not a URI" is no URI)`},
		{`[68, 7, 17, {}]`, `[8, 68, 7, {}, "wamp.error.runtime_error", ["numbers only"]]`, ""},
	} {
		sc.send(tt.invocation)
		sc.expect(tt.answer)
		if tt.reported != "" {
			err := <-reported
			if err.Error() != tt.reported || (err.Stack != nil) != strings.Contains(tt.reported, "panic") {
				t.Errorf("reported %v, want %s", err, tt.reported)
			}
		}
	}
	if len(reported) > 0 {
		t.Error(<-reported)
	}
}

func TestRegisterRefused(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	h := Func0(func(context.Context) (int, error) { return 0, nil })
	wait := async(t, func() (*Registration, error) { return s.Register(t.Context(), "com.x", h) })
	sc.expect(`[64, 1, {}, "com.x"]`)
	sc.send(`[8, 64, 1, {}, "wamp.error.procedure_already_exists"]`)
	_, err := wait()
	wantError(t, err, ErrProcedureAlreadyExists)
	wantText(t, err, "register com.x")

	type in struct {
		ID string `uri:"id"`
	}
	type bad struct {
		A int `wamp:"0"`
		B int `wamp:"0"`
	}
	type unsendable struct {
		C chan int `wamp:"c"`
	}
	for _, tt := range []struct {
		procedure string
		h         Handler
		opts      []RegisterOption
		text      string
	}{
		{"com.{x}.y", Typed(func(context.Context, in) (int, error) { return 0, nil }), nil, `no component "id"`},
		{"com.x", Typed(func(context.Context, bad) (int, error) { return 0, nil }), nil, `"0" occurs twice`},
		{"com.x", Func0(func(context.Context) (bad, error) { return bad{}, nil }), nil, `"0" occurs twice`},
		{"com.x", Func1(func(context.Context, in) (int, error) { return 0, nil }), nil, `use Typed`},
		{"com.{x}", h, []RegisterOption{Match(Exact)}, "wildcard"},
		{"com.{x", h, nil, "{x"},
		{"com.x", h, []RegisterOption{Concurrency(-1)}, "concurrency"},
		{"com.x", nil, nil, "no handler"},
		{"com.x", Func1(func(context.Context, chan int) (int, error) { return 0, nil }), nil, "argument 0: no message can hold a chan int"},
		{"com.x", Func0(func(context.Context) (func(), error) { return nil, nil }), nil, "no message can hold a func()"},
		{"com.x", Typed(func(context.Context, unsendable) (int, error) { return 0, nil }), nil, "field C: no message can hold a chan int"},
		{"com.x", HandlerFunc(nil), nil, "no function"},
	} {
		_, err := s.Register(t.Context(), tt.procedure, tt.h, tt.opts...)
		wantText(t, err, "register "+tt.procedure, tt.text)
	}
}

func TestInterrupt(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	sc.register(s, `[64, 1, {}, "com.wait"]`, `[65, 1, 11]`, "com.wait",
		Func0(func(ctx context.Context) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		}))
	started := make(chan struct{})
	sc.register(s, `[64, 2, {}, "com.stubborn"]`, `[65, 2, 12]`, "com.stubborn",
		Func0(func(ctx context.Context) (int, error) {
			close(started)
			<-ctx.Done()
			return 42, nil
		}))
	sc.send(`[68, 1, 11, {}]`)
	sc.send(`[69, 1, {"mode": "kill"}]`)
	sc.expect(`[8, 68, 1, {}, "wamp.error.canceled"]`)
	sc.send(`[68, 2, 12, {}]`)
	<-started
	sc.send(`[69, 2, {"mode": "kill"}]`)
	sc.expect(`[70, 2, {}, [42]]`)
	sc.send(`[69, 2, {"mode": "kill"}]`) // it is over
	sc.send(`[68, 3, 11, {"timeout": 5}]`)
	sc.expect(`[8, 68, 3, {}, "wamp.error.timeout"]`)
}

func TestStreaming(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	sc.register(s, `[64, 1, {}, "com.count"]`, `[65, 1, 11]`, "com.count",
		Streaming(func(ctx context.Context, n int, send func(int) error) (string, error) {
			for i := range n {
				if err := send(i); err != nil {
					return "", err
				}
			}
			return map[bool]string{true: "asked", false: "not asked"}[FromContext(ctx).WantsProgress()], nil
		}))
	sc.send(`[68, 1, 11, {"receive_progress": true}, [2]]`)
	sc.expect(`[70, 1, {"progress": true}, [0]]`)
	sc.expect(`[70, 1, {"progress": true}, [1]]`)
	sc.expect(`[70, 1, {}, ["asked"]]`)
	sc.send(`[68, 2, 11, {}, [2]]`)
	sc.expect(`[70, 2, {}, ["not asked"]]`)
}

// Two invocations run, one waits, and the next is refused.
func TestConcurrency(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	var running, most atomic.Int32
	release := make(chan struct{})
	started := make(chan struct{}, 10)
	reg := sc.register(s, `[64, 1, {"concurrency": 2}, "com.x"]`, `[65, 1, 11]`, "com.x",
		Func0(func(context.Context) (int, error) {
			most.Store(max(most.Load(), running.Add(1)))
			started <- struct{}{}
			<-release
			running.Add(-1)
			return 0, nil
		}), Concurrency(2), Queue(1))
	for i := range 4 {
		sc.send(`[68, ` + string(rune('1'+i)) + `, 11, {}]`)
	}
	sc.expect(`[8, 68, 4, {}, "wamp.error.unavailable", ["too many calls wait for the procedure"]]`)
	if n := reg.Refused(); n != 1 {
		t.Error(n)
	}
	<-started
	<-started
	close(release)
	answers := map[string]bool{}
	for range 3 {
		answers[sc.read()] = true
	}
	if len(answers) != 3 || most.Load() != 2 {
		t.Error(answers, most.Load())
	}
}

func TestUnregister(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	h := Func0(func(context.Context) (int, error) { return 1, nil })
	r := sc.register(s, `[64, 1, {}, "com.x"]`, `[65, 1, 11]`, "com.x", h)
	if r.ID() != 11 || r.Procedure() != "com.x" {
		t.Error(r.ID(), r.Procedure())
	}
	wait := async(t, func() (int, error) { return 0, r.Unregister(t.Context()) })
	sc.expect(`[66, 2, 11]`)
	sc.send(`[68, 1, 11, {}]`) // on its way when the router handled UNREGISTER
	sc.expect(`[70, 1, {}, [1]]`)
	sc.send(`[67, 2]`)
	if _, err := wait(); err != nil {
		t.Error(err)
	}
	<-r.Done()
	wantError(t, r.Unregister(t.Context()), ErrNotRegistered)

	// Revoked by the router.
	r = sc.register(s, `[64, 3, {}, "com.x"]`, `[65, 3, 12]`, "com.x", h)
	sc.send(`[67, 0, {"registration": 12, "reason": "wamp.x"}]`)
	<-r.Done()
	wantError(t, r.Unregister(t.Context()), ErrNotRegistered)

	// Given up while REGISTER is under way: it is undone.
	ctx, cancel := context.WithCancel(t.Context())
	wait2 := async(t, func() (*Registration, error) { return s.Register(ctx, "com.y", h) })
	sc.expect(`[64, 4, {}, "com.y"]`)
	cancel()
	_, err := wait2()
	wantError(t, err, context.Canceled, ErrCanceled)
	sc.send(`[65, 4, 13]`)
	sc.expect(`[66, 5, 13]`)
	sc.send(`[67, 5]`)
	sc.send(`[68, 2, 13, {}]`)
	sc.expect(`[8, 68, 2, {}, "wamp.error.no_such_procedure"]`)
}

// A result that the router would not take, or that has no serialized form,
// becomes an error for the caller.
func TestResultTooBig(t *testing.T) {
	sc := newScript(t)
	sc.length = 0x40 // 8 KiB
	d := sc.dialer()
	d.OnError, d.Logger = nil, slog.New(slog.DiscardHandler)
	s := sc.join(d)
	sc.register(s, `[64, 1, {}, "com.big"]`, `[65, 1, 11]`, "com.big",
		Func0(func(context.Context) (string, error) { return strings.Repeat("x", 9<<10), nil }))
	sc.register(s, `[64, 2, {}, "com.func"]`, `[65, 2, 12]`, "com.func",
		Func0(func(context.Context) (any, error) { return func() {}, nil }))
	sc.send(`[68, 1, 11, {}]`)
	sc.expect(`[8, 68, 1, {}, "wamp.error.payload_size_exceeded"]`)
	sc.send(`[68, 2, 12, {}]`)
	sc.expect(`[8, 68, 2, {}, "wamp.error.invalid_payload", ["the result cannot be serialized"]]`)
	_, err := Call[int](t.Context(), s, "com.x", Args{strings.Repeat("x", 9<<10)})
	wantError(t, err, ErrPayloadSizeExceeded)
}

// A handler may use its session, and a call that it makes is answered while it
// runs.
func TestHandlerCalls(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	sc.register(s, `[64, 1, {}, "com.outer"]`, `[65, 1, 11]`, "com.outer",
		Func0(func(ctx context.Context) (int, error) {
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			return Call[int](ctx, FromContext(ctx).Session, "com.inner", Timeout(0))
		}))
	sc.send(`[68, 1, 11, {}]`)
	sc.expect(`[48, 2, {}, "com.inner"]`)
	sc.send(`[50, 2, {}, [5]]`)
	sc.expect(`[70, 1, {}, [5]]`)
	sc.send(`[68, 2, 11, {}]`)
	sc.expect(`[48, 3, {}, "com.inner"]`)
	sc.send(`[8, 48, 3, {}, "com.inner.error", [1, 2], {"a": 3}]`)
	sc.expect(`[8, 68, 2, {}, "com.inner.error", [1, 2], {"a": 3}]`)
}

func TestErrorTexts(t *testing.T) {
	e := NewError("com.x", Args{"text"}, KW{"a": 1})
	if e.Error() != "com.x: text" || !errors.Is(e, URI("com.x")) || errors.Is(e, URI("com.y")) || e.Origin.String() != "local" {
		t.Error(e)
	}
	var got struct {
		Text string `wamp:"0"`
		A    int    `wamp:"a"`
	}
	if err := e.Decode(&got); err != nil || got.Text != "text" || got.A != 1 {
		t.Error(got, err)
	}
	if diff := cmp.Diff(Args{"n is 5"}, Errorf("com.x", "n is %d", 5).Args); diff != "" {
		t.Error(diff)
	}
}

// S003-14..16, S003-19: what options of handlers are on the wire.
func TestHandlerOptions(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	h := Func0(func(context.Context) (int, error) { return 0, nil })
	sc.register(s, `[64, 1, {"invoke": "partition", "nkey": "a", "disclose_caller": true, "forward_timeout": true,
		"force_reregister": true, "concurrency": 2, "x_y": 1}, "com.x"]`, `[65, 1, 11]`, "com.x", h,
		Invoke(Partitioned), Shard("a"), DiscloseCaller(), ForwardTimeout(), ForceReregister(), Concurrency(2), Option("x_y", 1))
	sc.register(s, `[64, 2, {"match": "prefix", "invoke": "last", "nkey": 7}, "com.y"]`, `[65, 2, 12]`, "com.y", h,
		Match(Prefix), Invoke(Last), Shard(7))
	e := EventFunc(func(context.Context, *EventInfo) error { return nil })
	sc.subscribe(s, `[32, 3, {"match": "wildcard", "nkey": "b", "get_retained": true, "x_y": 1}, "com..z"]`, `[33, 3, 21]`, "com..z", e,
		Shard("b"), GetRetained(), Option("x_y", 1), Queue(5), Concurrency(2))
}

// S003-3..8: what options of calls are on the wire.
func TestCallOptions(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	for _, tt := range []struct {
		opts []CallOption
		wire string
	}{
		{[]CallOption{Partition(2391)}, `{"runmode": "partition", "rkey": 2391}`},
		{[]CallOption{Partition("a"), RunOn(RunAny)}, `{"runmode": "any", "rkey": "a"}`},
		{[]CallOption{Timeout(1500 * time.Microsecond)}, `{"timeout": 2}`},
		{[]CallOption{DiscloseMe(), Option("x_y", "z")}, `{"disclose_me": true, "x_y": "z"}`},
		{[]CallOption{OnProgress(func(int) {})}, `{"receive_progress": true}`},
	} {
		p := Go[int](t.Context(), s, "com.x", tt.opts...)
		sc.expect(fmt.Sprintf(`[48, %d, %s, "com.x"]`, p.RequestID(), tt.wire))
		sc.send(fmt.Sprintf(`[50, %d, {}, [1]]`, p.RequestID()))
		must[int](t)(p.Result())
	}
}
