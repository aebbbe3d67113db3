package wamp_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamptest"
)

// These tests follow the guide "Programming with WAMP", line by line, in the
// words of its users.

type none = struct{}

func call[R any](t *testing.T, s *wamp.Session, procedure string, opts ...wamp.CallOption) R {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r, err := wamp.Call[R](ctx, s, procedure, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func want(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// echoArgs answers with how many arguments it got, and the keywords.
type echoArgs struct {
	Args   []any          `wamp:",rest"`
	Kwargs map[string]any `wamp:",extra"`
}

// S001-1..6, S001-18, S000-1, S000-5: arguments by position, by keyword, both,
// none; options are values.
func TestGuideArguments(t *testing.T) {
	callee, caller, _ := socketed(t)
	register(t, callee, "com.now", wamp.Func0(func(context.Context) (string, error) { return "noon", nil }))
	register(t, callee, "com.log", wamp.Func1(func(_ context.Context, text string) (none, error) { return none{}, nil }))
	register(t, callee, "com.ping", wamp.Func0(func(context.Context) (none, error) { return none{}, nil }))
	register(t, callee, "com.echo", wamp.Typed(func(_ context.Context, in echoArgs) (echoArgs, error) { return in, nil }))

	want(t, call[string](t, caller, "com.now"), "noon")              // S001-1
	want(t, call[any](t, caller, "com.log", wamp.Args{"hi"}), nil)   // S001-2
	want(t, call[none](t, caller, "com.ping"), none{})               // S001-3
	got := call[echoArgs](t, caller, "com.echo", wamp.Args{2, 3, 5}) // S001-4
	want(t, got.Args, []any{int64(2), int64(3), int64(5)})
	got = call[echoArgs](t, caller, "com.echo", wamp.KW{"nick": "homer", "stars": 5}) // S001-5
	want(t, got, echoArgs{Kwargs: map[string]any{"nick": "homer", "stars": int64(5)}})
	got = call[echoArgs](t, caller, "com.echo", wamp.Args{"beer"}, wamp.KW{"limit": 10, "range": []any{1, []any{2, "x"}}}) // S001-6, S001-18
	want(t, got, echoArgs{Args: []any{"beer"}, Kwargs: map[string]any{"limit": int64(10), "range": []any{int64(1), []any{int64(2), "x"}}}})
	options := []wamp.CallOption{wamp.Args{1}, wamp.DiscloseMe()}
	want(t, call[echoArgs](t, caller, "com.echo", options...).Args, []any{int64(1)})
}

// S001-7..14: calls under way together, one after the other, in a loop; their
// results in order of issue or as they come.
func TestGuideConcurrentCalls(t *testing.T) {
	callee, caller, _ := socketed(t)
	gates := make([]chan none, 4)
	for i := range gates {
		gates[i] = make(chan none)
	}
	register(t, callee, "com.sales", wamp.Func1(func(ctx context.Context, i int) (int, error) {
		if i < 0 {
			return 0, wamp.URI("com.error.no_such_product")
		}
		select {
		case <-gates[i]:
		case <-ctx.Done():
		}
		return 100 * i, nil
	}))
	// S001-7, S001-10: a call is a value at once, and waited for in order.
	var pending []*wamp.Pending[int]
	for i := range gates {
		pending = append(pending, wamp.Go[int](t.Context(), caller, "com.sales", wamp.Args{i}))
	}
	// S001-11, S001-14: results as they come, with the product they belong to.
	type result struct{ product, sales int }
	results := make(chan result, len(pending))
	var helpers sync.WaitGroup
	for i, p := range pending {
		helpers.Go(func() {
			n, err := p.Result()
			if err != nil {
				t.Error(err)
			}
			results <- result{i, n}
		})
	}
	for _, i := range []int{2, 0, 3, 1} {
		close(gates[i])
		want(t, <-results == result{i, 100 * i}, true)
	}
	helpers.Wait()
	// S001-8, S001-9, S001-12: one after the other, each result used by the next.
	sum := 0
	for i := range gates {
		sum += call[int](t, caller, "com.sales", wamp.Args{i})
	}
	want(t, sum, 600)
	// S001-13: together, results in order of issue, the first failure counts.
	pending = pending[:0]
	for _, i := range []int{3, -1, 2} {
		pending = append(pending, wamp.Go[int](t.Context(), caller, "com.sales", wamp.Args{i}))
	}
	var got []string
	for _, p := range pending {
		n, err := p.Result()
		got = append(got, fmt.Sprint(n, " ", errors.Is(err, wamp.URI("com.error.no_such_product"))))
	}
	want(t, got, []string{"300 false", "0 true", "200 false"})
}

// S001-15..17: several results, results by keyword, one, and none.
func TestGuideResults(t *testing.T) {
	callee, caller, _ := socketed(t)
	register(t, callee, "com.complex.add", wamp.Func4(func(_ context.Context, a, ai, b, bi int) (wamp.Result, error) {
		return wamp.Return(wamp.Args{a + b, ai + bi}), nil
	}))
	register(t, callee, "com.divide", wamp.Func2(func(_ context.Context, a, b int) (wamp.Result, error) {
		return wamp.Return(wamp.KW{"quotient": a / b, "rest": a % b}), nil
	}))
	var re, im int
	r := call[wamp.Result](t, caller, "com.complex.add", wamp.Args{5, 8, 2, 3})
	check(t, errors.Join(r.Arg(0, &re), r.Arg(1, &im)))
	want(t, []int{re, im}, []int{7, 11})
	typed := call[struct {
		Quotient int `wamp:"quotient"`
		Rest     int `wamp:"rest"`
	}](t, caller, "com.divide", wamp.Args{17, 5})
	want(t, []int{typed.Quotient, typed.Rest}, []int{3, 2})
	want(t, call[int](t, caller, "com.complex.add", wamp.Args{1, 2, 3, 4}), 4) // the first of several
	want(t, call[none](t, caller, "com.divide", wamp.Args{1, 1}), none{})
}

// S001-20, S001-21, S000-3, S003-5, S003-6: a call that is canceled, and one
// that times out, at this end or at the router's, are told apart from others
// and from each other.
func TestGuideCancelAndTimeout(t *testing.T) {
	callee, caller, _ := socketed(t)
	interrupted := make(chan error, 10)
	started := make(chan none, 10)
	register(t, callee, "com.longop", wamp.Func0(func(ctx context.Context) (none, error) {
		started <- none{}
		<-ctx.Done()
		interrupted <- ctx.Err()
		return none{}, ctx.Err()
	}))
	for _, mode := range []wamp.CancelMode{wamp.KillNoWait, wamp.Kill} {
		ctx, cancel := context.WithCancel(t.Context())
		p := wamp.Go[none](ctx, caller, "com.longop", wamp.OnCancel(mode))
		<-started
		cancel()
		_, err := p.Result()
		if !errors.Is(err, wamp.ErrCanceled) || !errors.Is(err, context.Canceled) || errors.Is(err, wamp.ErrTimeout) {
			t.Error(err)
		}
		if err := <-interrupted; err != context.Canceled {
			t.Error(err)
		}
		p = wamp.Go[none](t.Context(), caller, "com.longop")
		<-started
		p.Cancel(mode)
		if _, err := p.Result(); !errors.Is(err, wamp.ErrCanceled) {
			t.Error(err)
		}
		<-interrupted
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	for _, opt := range []wamp.CallOption{wamp.OnCancel(wamp.KillNoWait), wamp.Timeout(20 * time.Millisecond)} {
		_, err := wamp.Call[none](ctx, caller, "com.longop", opt)
		if !errors.Is(err, wamp.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, wamp.ErrCanceled) {
			t.Error(err)
		}
		ctx = t.Context()
	}
}

// S000-4: a time limit that ends the waiting and nothing else: the handler
// finishes, its late result is dropped, and the session goes on.
func TestGuideDetach(t *testing.T) {
	callee, caller, _ := socketed(t)
	release, finished := make(chan none), make(chan error, 1)
	register(t, callee, "com.longop", wamp.Func0(func(ctx context.Context) (string, error) {
		<-release
		finished <- ctx.Err()
		return "late", nil
	}))
	register(t, callee, "com.ping", wamp.Func0(func(context.Context) (none, error) { return none{}, nil }))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := wamp.Call[string](ctx, caller, "com.longop", wamp.OnCancel(wamp.Detach))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	close(release)
	if err := <-finished; err != nil {
		t.Error("the handler was disturbed:", err)
	}
	call[none](t, caller, "com.ping")
}

// S001-22, S001-35, S000-2, S000-8, S000-9, S003-3, S003-4: progress, with a
// function, as an iterator, and as seen by the procedure.
func TestGuideProgress(t *testing.T) {
	callee, caller, _ := socketed(t)
	wanted := make(chan bool, 10)
	register(t, callee, "com.delete", wamp.Streaming(func(ctx context.Context, n int, send func(int) error) (int, error) {
		wanted <- wamp.FromContext(ctx).WantsProgress()
		for i := range n {
			if err := send(i); err != nil {
				return 0, err
			}
		}
		return n, nil
	}))
	var seen []int
	want(t, call[int](t, caller, "com.delete", wamp.Args{3}, wamp.OnProgress(func(i int) { seen = append(seen, i) })), 3)
	want(t, seen, []int{0, 1, 2})
	want(t, <-wanted, true)
	st := wamp.CallStream[int, int](t.Context(), caller, "com.delete", wamp.Args{3})
	want(t, slices.Collect(st.Progress()), []int{0, 1, 2})
	total, err := st.Result()
	check(t, err)
	want(t, total, 3)
	want(t, <-wanted, true)
	want(t, call[int](t, caller, "com.delete", wamp.Args{3}), 3)
	want(t, <-wanted, false)
	p := wamp.Go[int](t.Context(), caller, "com.delete", wamp.Args{0})
	<-p.Done()
	if p.RequestID() == 0 {
		t.Error("no request id")
	}
}

// S001-23..25, S001-44, S003-8, S003-13, S003-16, S003-19: calls to all, any,
// and the one that owns a key; callees and subscribers with shares of the keys.
func TestGuideDistributed(t *testing.T) {
	rt := wamptest.NewRouter(t)
	dial := func() *wamp.Session { return rt.Dial(&wamp.Dialer{URLs: []string{rt.URL()}}) }
	caller := dial()
	events := make(chan int, 100)
	for i := range 3 {
		s := dial()
		register(t, s, "com.customer.count", wamp.Func0(func(context.Context) (int, error) {
			if i == 1 {
				return 0, wamp.URI("com.error.broken")
			}
			return i, nil
		}), wamp.Invoke(wamp.Partitioned), wamp.Shard(i))
		register(t, s, "com.order.place", wamp.Func1(func(_ context.Context, order map[string]any) (int, error) { return i, nil }),
			wamp.Invoke(wamp.Partitioned), wamp.Shard(i))
		_, err := s.Subscribe(t.Context(), "com.orders", wamp.Event(func(context.Context, int) error {
			events <- i
			return nil
		}), wamp.Shard(i))
		check(t, err)
	}
	sum, failures := 0, 0
	for r, err := range wamp.CallAll[int](t.Context(), caller, "com.customer.count") {
		if err != nil {
			failures++
			continue
		}
		sum += r.Value
	}
	want(t, []int{sum, failures}, []int{2, 1})
	call[int](t, caller, "com.order.place", wamp.Args{map[string]any{"n": 1}}, wamp.RunOn(wamp.RunAny))
	owner := call[int](t, caller, "com.order.place", wamp.Args{map[string]any{"n": 1}}, wamp.Partition(2391))
	for range 100 {
		want(t, call[int](t, caller, "com.order.place", wamp.Args{map[string]any{"n": 1}}, wamp.Partition(2391)), owner)
	}
	for i := range 10 {
		_, err := caller.Publish(t.Context(), "com.orders", wamp.Args{i}, wamp.Partition("customer 7"), wamp.Acknowledge())
		check(t, err)
	}
	first := <-events
	for range 9 {
		want(t, <-events, first)
	}
	for _, policy := range []wamp.InvokePolicy{wamp.Single, wamp.RoundRobin, wamp.Random, wamp.First, wamp.Last} {
		name := "com.shared." + policy.String()
		for i := range 2 {
			h := wamp.Func0(func(context.Context) (int, error) { return i, nil })
			if _, err := dial().Register(t.Context(), name, h, wamp.Invoke(policy)); (err != nil) != (policy == wamp.Single && i == 1) {
				t.Error(policy, err)
			}
		}
		got := []int{call[int](t, caller, name), call[int](t, caller, name)}
		if expect := map[wamp.InvokePolicy][]int{wamp.Single: {0, 0}, wamp.RoundRobin: {0, 1}, wamp.First: {0, 0}, wamp.Last: {1, 1}}[policy]; expect != nil {
			want(t, got, expect)
		}
	}
}
