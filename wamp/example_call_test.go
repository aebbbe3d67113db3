package wamp_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"

	"github.com/wampeter/wampeter/wamp"
)

func Example() {
	ctx, s, done := join()
	defer done()

	_, err := s.Register(ctx, "com.example.add2", wamp.Func2(func(_ context.Context, a, b int) (int, error) {
		return a + b, nil
	}))
	if err != nil {
		log.Fatal(err)
	}
	sum, err := wamp.Call[int](ctx, s, "com.example.add2", wamp.Args{2, 5})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sum)
	// Output: 7
}

// A struct with tags takes positional and keyword results; KW and In send
// keyword arguments.
func ExampleCall() {
	ctx, s, done := join()
	defer done()

	type user struct {
		Nick  string `wamp:"nick"`
		Stars int    `wamp:"stars"`
	}
	_, err := s.Register(ctx, "com.example.get_user", wamp.Typed(func(_ context.Context, in user) (user, error) {
		in.Stars++
		return in, nil
	}))
	if err != nil {
		log.Fatal(err)
	}
	u, err := wamp.Call[user](ctx, s, "com.example.get_user", wamp.KW{"nick": "homer", "stars": 5})
	fmt.Println(u, err)
	u, err = wamp.Call[user](ctx, s, "com.example.get_user", wamp.In(u))
	fmt.Println(u, err)
	// Output:
	// {homer 6} <nil>
	// {homer 7} <nil>
}

// Result is all that a procedure returned.
func ExampleCall_raw() {
	ctx, s, done := join()
	defer done()

	_, err := s.Register(ctx, "com.example.split", wamp.Func1(func(_ context.Context, text string) (wamp.Result, error) {
		before, after, found := strings.Cut(text, " ")
		return wamp.Return(wamp.Args{before, after}, wamp.KW{"found": found}), nil
	}))
	if err != nil {
		log.Fatal(err)
	}
	r, err := wamp.Call[wamp.Result](ctx, s, "com.example.split", wamp.Args{"hello world"})
	if err != nil {
		log.Fatal(err)
	}
	var second string
	var found bool
	err = errors.Join(r.Arg(1, &second), r.Kwarg("found", &found))
	fmt.Println(r.Len(), second, found, err)
	// Output: 2 world true <nil>
}

// Errors have URIs, which are errors themselves.
func ExampleError() {
	ctx, s, done := join()
	defer done()

	const errPoor wamp.URI = "com.example.error.too_poor"
	_, err := s.Register(ctx, "com.example.buy", wamp.Func1(func(_ context.Context, money int) (struct{}, error) {
		if money < 100 {
			return struct{}{}, wamp.NewError(errPoor, wamp.Args{"not enough"}, wamp.KW{"missing": 100 - money})
		}
		return struct{}{}, nil
	}))
	if err != nil {
		log.Fatal(err)
	}

	_, err = wamp.Call[struct{}](ctx, s, "com.example.buy", wamp.Args{30})
	var e *wamp.Error
	if errors.As(err, &e) {
		fmt.Println(e.URI, e.Kwargs["missing"], errors.Is(err, errPoor))
	}
	_, err = wamp.Call[struct{}](ctx, s, "com.example.buy", wamp.Args{"thirty"})
	fmt.Println(err)
	_, err = wamp.Call[struct{}](ctx, s, "com.example.sell")
	fmt.Println(errors.Is(err, wamp.ErrNoSuchProcedure))
	// Output:
	// com.example.error.too_poor 70 true
	// call com.example.buy: wamp.error.invalid_argument: argument 0: got string "thirty", expected an integer
	// true
}

// Several calls under way at once.
func ExampleGo() {
	ctx, s, done := join()
	defer done()

	_, err := s.Register(ctx, "com.example.square", wamp.Func1(func(_ context.Context, n int) (int, error) {
		return n * n, nil
	}))
	if err != nil {
		log.Fatal(err)
	}
	var calls []*wamp.Pending[int]
	for n := range 3 {
		calls = append(calls, wamp.Go[int](ctx, s, "com.example.square", wamp.Args{n + 1}))
	}
	for _, c := range calls {
		fmt.Println(c.Result())
	}
	// Output:
	// 1 <nil>
	// 4 <nil>
	// 9 <nil>
}

// The end of a context cancels its call, and ends the handler's context.
func ExampleOnCancel() {
	ctx, s, done := join()
	defer done()

	started, stopped := make(chan struct{}), make(chan error, 1)
	_, err := s.Register(ctx, "com.example.wait", wamp.Func0(func(ctx context.Context) (struct{}, error) {
		close(started)
		<-ctx.Done()
		stopped <- ctx.Err()
		return struct{}{}, ctx.Err()
	}))
	if err != nil {
		log.Fatal(err)
	}
	short, cancel := context.WithCancel(ctx)
	go func() {
		<-started
		cancel()
	}()
	_, err = wamp.Call[struct{}](short, s, "com.example.wait", wamp.OnCancel(wamp.Kill))
	fmt.Println(errors.Is(err, context.Canceled), errors.Is(err, wamp.ErrCanceled))
	fmt.Println(<-stopped)
	// Output:
	// true true
	// context canceled
}

// Progressive results come one by one, and then the final one.
func ExampleCallStream() {
	ctx, s, done := join()
	defer done()

	_, err := s.Register(ctx, "com.example.copy", wamp.Streaming(
		func(_ context.Context, files int, send func(string) error) (int, error) {
			for i := range files {
				if err := send(fmt.Sprintf("file %d", i+1)); err != nil {
					return i, err
				}
			}
			return files, nil
		}))
	if err != nil {
		log.Fatal(err)
	}
	st := wamp.CallStream[string, int](ctx, s, "com.example.copy", wamp.Args{2})
	for text := range st.Progress() {
		fmt.Println(text)
	}
	fmt.Println(st.Result())
	// Output:
	// file 1
	// file 2
	// 2 <nil>
}
