package wamp

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCall(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	type user struct {
		Nick  string `wamp:"nick"`
		Stars int    `wamp:"stars,omitzero"`
		First int64  `wamp:"0"`
	}
	for _, tt := range []struct {
		name   string
		call   func(context.Context) (any, error)
		want   string
		answer string
		result any
	}{
		{
			name:   "positional",
			call:   func(ctx context.Context) (any, error) { return Call[int](ctx, s, "com.add2", Args{2, 5}) },
			want:   `[48, 1, {}, "com.add2", [2, 5]]`,
			answer: `[50, 1, {}, [7]]`,
			result: 7,
		}, {
			name:   "large integer",
			call:   func(ctx context.Context) (any, error) { return Call[int64](ctx, s, "com.big") },
			want:   `[48, 2, {}, "com.big"]`,
			answer: `[50, 2, {}, [9007199254740993]]`,
			result: int64(9007199254740993),
		}, {
			name: "keywords to struct",
			call: func(ctx context.Context) (any, error) {
				return Call[user](ctx, s, "com.user", KW{"nick": "homer"}, In(user{Nick: "x"}), KW{"stars": 5})
			},
			want:   `[48, 3, {}, "com.user", [], {"stars": 5}]`,
			answer: `[50, 3, {}, [3], {"nick": "homer", "stars": 5, "more": null}]`,
			result: user{Nick: "homer", Stars: 5, First: 3},
		}, {
			name: "struct to arguments",
			call: func(ctx context.Context) (any, error) {
				return Call[string](ctx, s, "com.put", In(user{Nick: "a", First: 9}))
			},
			want:   `[48, 4, {}, "com.put", [9], {"nick": "a"}]`,
			answer: `[50, 4, {}, ["done", 1]]`,
			result: "done",
		}, {
			name: "nothing",
			call: func(ctx context.Context) (any, error) {
				return Call[struct{}](ctx, s, "com.x", DiscloseMe(), Option("x_y", 1))
			},
			want:   `[48, 5, {"disclose_me": true, "x_y": 1}, "com.x"]`,
			answer: `[50, 5, {}]`,
			result: struct{}{},
		}, {
			name:   "nothing as any",
			call:   func(ctx context.Context) (any, error) { return Call[any](ctx, s, "com.x", Partition("key")) },
			want:   `[48, 6, {"rkey": "key", "runmode": "partition"}, "com.x"]`,
			answer: `[50, 6, {}]`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wait := async(t, func() (any, error) { return tt.call(t.Context()) })
			sc.expect(tt.want)
			sc.send(tt.answer)
			got, err := wait()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.result, got); diff != "" {
				t.Errorf("result: %s", diff)
			}
		})
	}
}

func TestCallRaw(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	wait := async(t, func() (Result, error) { return Call[Result](t.Context(), s, "com.complex") })
	sc.expect(`[48, 1, {}, "com.complex"]`)
	sc.send(`[50, 1, {}, [5, "x"], {"re": 2.5}]`)
	r, err := wait()
	if err != nil {
		t.Fatal(err)
	}
	if n := r.Len(); n != 2 {
		t.Errorf("%d arguments", n)
	}
	var text string
	var re float64
	if err := errors.Join(r.Arg(1, &text), r.Kwarg("re", &re)); err != nil || text != "x" || re != 2.5 {
		t.Errorf("%q %v %v", text, re, err)
	}
	args, err1 := r.Args()
	kwargs, err2 := r.Kwargs()
	if diff := cmp.Diff(Args{int64(5), "x"}, args); diff != "" || err1 != nil {
		t.Error(diff, err1)
	}
	if diff := cmp.Diff(KW{"re": 2.5}, kwargs); diff != "" || err2 != nil {
		t.Error(diff, err2)
	}
	wantError(t, r.Arg(2, &text), ErrInvalidArgument)
	wantText(t, r.Arg(1, &re), "argument 1", `"x"`, "a number")
	wantText(t, r.Kwarg("im", &re), `"im" is missing`)

	// Passed on as it is.
	wait = async(t, func() (Result, error) { return Call[Result](t.Context(), s, "com.again", r.Payload) })
	sc.expect(`[48, 2, {}, "com.again", [5, "x"], {"re": 2.5}]`)
	sc.send(`[50, 2, {}]`)
	if _, err := wait(); err != nil {
		t.Error(err)
	}
}

func TestCallErrors(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	call := func() func() (int, error) {
		return async(t, func() (int, error) { return Call[int](t.Context(), s, "com.x") })
	}

	wait := call()
	sc.expect(`[48, 1, {}, "com.x"]`)
	sc.send(`[8, 48, 1, {}, "wamp.error.no_such_procedure", ["no such thing"], {"near": 12345678901234567}]`)
	_, err := wait()
	wantError(t, err, ErrNoSuchProcedure)
	wantText(t, err, "call com.x: wamp.error.no_such_procedure: no such thing")
	var e *Error
	if !errors.As(err, &e) || e.Origin != OriginRemote || e.Kwargs["near"] != int64(12345678901234567) {
		t.Errorf("%#v", e)
	}
	var payload struct {
		Text string `wamp:"0"`
		Near int64  `wamp:"near"`
	}
	if err := e.Decode(&payload); err != nil || payload.Text != "no such thing" || payload.Near != 12345678901234567 {
		t.Errorf("%v %v", payload, err)
	}

	wait = call()
	sc.expect(`[48, 2, {}, "com.x"]`)
	sc.send(`[8, 48, 2, {}, "wamp.error.cancelled"]`)
	_, err = wait()
	wantError(t, err, ErrCanceled)

	wait = call()
	sc.expect(`[48, 3, {}, "com.x"]`)
	sc.send(`[50, 3, {}, ["seven"]]`)
	_, err = wait()
	wantError(t, err, ErrInvalidPayload)
	wantText(t, err, "call com.x", `string "seven"`, "an integer")

	wait = call()
	sc.expect(`[48, 4, {}, "com.x"]`)
	sc.send(`[50, 4, {}]`)
	_, err = wait()
	wantError(t, err, ErrInvalidPayload)

	wait = call()
	sc.expect(`[48, 5, {}, "com.x"]`)
	sc.send(`[50, 5, {}, [1.5]]`)
	_, err = wait()
	wantError(t, err, ErrInvalidPayload)

	_, err = Call[int](t.Context(), s, "com.x", Args{func() {}})
	wantError(t, err, ErrInvalidPayload)

	// Refused at this end: no id is used up. Answers to nobody are ignored.
	sc.send(`[50, 99, {}, [1]]`)
	sc.send(`[8, 48, 99, {}, "a.b"]`)
	sc.send(`[17, 98, 5]`)
	wait = call()
	sc.expect(`[48, 6, {}, "com.x"]`)
	sc.send(`[50, 6, {"callee": 5, "x_unknown": {"a": []}}, [1]]`)
	if n, err := wait(); n != 1 || err != nil {
		t.Error(n, err)
	}
}

func TestCallCancel(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	for i, tt := range []struct {
		opts   []CallOption
		cancel string
	}{
		{nil, "killnowait"},
		{[]CallOption{OnCancel(Kill)}, "kill"},
		{[]CallOption{OnCancel(Skip)}, "skip"},
		{[]CallOption{OnCancel(Detach)}, ""},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		id := string(rune('1' + i))
		wait := async(t, func() (int, error) { return Call[int](ctx, s, "com.x", tt.opts...) })
		sc.expect(`[48, ` + id + `, {}, "com.x"]`)
		cancel()
		_, err := wait()
		wantError(t, err, context.Canceled, ErrCanceled)
		if tt.cancel != "" {
			sc.expect(`[49, ` + id + `, {"mode": "` + tt.cancel + `"}]`)
		}
		sc.send(`[50, ` + id + `, {}, [1]]`) // too late
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Call[int](ctx, s, "com.x")
	wantError(t, err, context.Canceled, ErrCanceled)
}

func TestCallDeadline(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := Call[int](ctx, s, "com.x", OnCancel(Detach))
	wantError(t, err, context.DeadlineExceeded, ErrTimeout)
	sc.expect(`[48, 1, {}, "com.x"]`)

	wait := async(t, func() (int, error) { return Call[int](t.Context(), s, "com.x", Timeout(1500*time.Microsecond)) })
	sc.expect(`[48, 2, {"timeout": 2}, "com.x"]`)
	sc.send(`[8, 48, 2, {}, "wamp.error.timeout"]`)
	_, err = wait()
	wantError(t, err, context.DeadlineExceeded, ErrTimeout)

	ctx, cancel = context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	wait = async(t, func() (int, error) { return Call[int](ctx, s, "com.x") })
	m := parsed(t, sc.read()).([]any)
	if _, ok := m[2].(map[string]any)["timeout"]; !ok {
		t.Errorf("the deadline is not forwarded: %v", m)
	}
	sc.send(`[50, 3, {}, [1]]`)
	if _, err := wait(); err != nil {
		t.Error(err)
	}
	wait = async(t, func() (int, error) { return Call[int](ctx, s, "com.x", Timeout(0)) })
	sc.expect(`[48, 4, {}, "com.x"]`)
	sc.send(`[50, 4, {}, [1]]`)
	if _, err := wait(); err != nil {
		t.Error(err)
	}
}

func TestGo(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	first := Go[int](t.Context(), s, "com.a")
	second := Go[string](t.Context(), s, "com.b")
	sc.expect(`[48, 1, {}, "com.a"]`)
	sc.expect(`[48, 2, {}, "com.b"]`)
	if first.RequestID() != 1 || second.RequestID() != 2 {
		t.Error(first.RequestID(), second.RequestID())
	}
	sc.send(`[50, 2, {}, ["x"]]`)
	<-second.Done()
	if v, err := second.Result(); v != "x" || err != nil {
		t.Error(v, err)
	}
	first.Cancel(Kill)
	sc.expect(`[49, 1, {"mode": "kill"}]`)
	sc.send(`[50, 1, {}, [5]]`) // the callee was faster
	if v, err := first.Result(); v != 5 || err != nil {
		t.Error(v, err)
	}

	third := Go[int](t.Context(), s, "com.c")
	sc.expect(`[48, 3, {}, "com.c"]`)
	third.Cancel(Detach)
	_, err := third.Result()
	wantError(t, err, ErrCanceled)

	ctx, cancel := context.WithCancel(t.Context())
	fourth := Go[int](ctx, s, "com.d")
	sc.expect(`[48, 4, {}, "com.d"]`)
	cancel()
	_, err = fourth.Result()
	wantError(t, err, ErrCanceled, context.Canceled)
	sc.expect(`[49, 4, {"mode": "killnowait"}]`)

	var got []int
	fifth := Go[int](t.Context(), s, "com.e", OnProgress(func(n int) { got = append(got, n) }))
	sc.expect(`[48, 5, {"receive_progress": true}, "com.e"]`)
	sc.send(`[50, 5, {"progress": true}, [1]]`)
	sc.send(`[50, 5, {"progress": true}, [2]]`)
	sc.send(`[50, 5, {}, [3]]`)
	if v, err := fifth.Result(); v != 3 || err != nil || !cmp.Equal(got, []int{1, 2}) {
		t.Error(v, err, got)
	}
}

func TestStream(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	st := CallStream[int, string](t.Context(), s, "com.copy")
	sc.expect(`[48, 1, {"receive_progress": true}, "com.copy"]`)
	sc.send(`[50, 1, {"progress": true}, [50]]`)
	sc.send(`[50, 1, {"progress": true}, [100]]`)
	sc.send(`[50, 1, {}, ["done"]]`)
	var got []int
	for n := range st.Progress() {
		got = append(got, n)
	}
	text, err := st.Result()
	if !cmp.Equal(got, []int{50, 100}) || text != "done" || err != nil {
		t.Error(got, text, err)
	}

	st = CallStream[int, string](t.Context(), s, "com.copy", OnCancel(Skip))
	sc.expect(`[48, 2, {"receive_progress": true}, "com.copy"]`)
	sc.send(`[50, 2, {"progress": true}, [1]]`)
	for range st.Progress() {
		break
	}
	sc.expect(`[49, 2, {"mode": "skip"}]`)
	sc.send(`[8, 48, 2, {}, "wamp.error.canceled"]`)
	_, err = st.Result()
	wantError(t, err, ErrCanceled)

	st = CallStream[int, string](t.Context(), s, "com.copy")
	sc.expect(`[48, 3, {"receive_progress": true}, "com.copy"]`)
	sc.send(`[50, 3, {"progress": true}, ["one"]]`)
	for n := range st.Progress() {
		t.Error(n)
	}
	sc.expect(`[49, 3, {"mode": "killnowait"}]`)
	_, err = st.Result()
	wantError(t, err, ErrInvalidPayload)
}

// A caller that does not take its progress does not make the session grow.
func TestProgressOverflow(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	st := CallStream[int, int](t.Context(), s, "com.x")
	sc.expect(`[48, 1, {"receive_progress": true}, "com.x"]`)
	for range maxBacklog + 1 {
		sc.send(`[50, 1, {"progress": true}, [1]]`)
	}
	sc.expect(`[49, 1, {"mode": "killnowait"}]`)
	_, err := st.Result()
	wantError(t, err, ErrSlowHandler)
}
