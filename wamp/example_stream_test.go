package wamp_test

import (
	"context"
	"fmt"
	"iter"
	"log"
	"slices"
	"strings"

	"github.com/wampeter/wampeter/wamp"
)

// The data of an upload is handled as it comes.
func ExampleUpload() {
	ctx, s, done := join()
	defer done()

	_, err := s.Register(ctx, "com.example.store", wamp.Upload(
		func(_ context.Context, parts iter.Seq2[[]byte, error]) (int, error) {
			size := 0
			for part, err := range parts {
				if err != nil {
					return 0, err
				}
				size += len(part)
			}
			return size, nil
		}))
	if err != nil {
		log.Fatal(err)
	}
	data := make([]byte, 200_000)
	fmt.Println(wamp.CallUpload[int](ctx, s, "com.example.store", slices.Chunk(data, 64<<10)))
	// Output: 200000 <nil>
}

// Both ends talk at any time.
func ExampleCallDuplex() {
	ctx, s, done := join()
	defer done()

	_, err := s.Register(ctx, "com.example.shout", wamp.Duplex(
		func(_ context.Context, parts iter.Seq2[string, error], send func(string) error) (int, error) {
			n := 0
			for text, err := range parts {
				if err != nil {
					return n, err
				}
				if err := send(strings.ToUpper(text)); err != nil {
					return n, err
				}
				n++
			}
			return n, nil
		}))
	if err != nil {
		log.Fatal(err)
	}
	st := wamp.CallDuplex[string, string, int](ctx, s, "com.example.shout")
	go func() {
		for _, text := range []string{"hello", "world"} {
			if st.Send(text) != nil {
				return // Result tells why
			}
		}
		_ = st.CloseSend()
	}()
	for text := range st.Progress() {
		fmt.Println(text)
	}
	fmt.Println(st.Result())
	// Output:
	// HELLO
	// WORLD
	// 2 <nil>
}

// A callee tells by progressive results how many parts it has handled, so that
// a caller that is faster keeps no more than a few under way.
func ExampleDuplex_flowControl() {
	ctx, s, done := join()
	defer done()

	_, err := s.Register(ctx, "com.example.add", wamp.Duplex(
		func(_ context.Context, parts iter.Seq2[int, error], handled func(int) error) (int, error) {
			n, sum := 0, 0
			for part, err := range parts {
				if err != nil {
					return 0, err
				}
				sum += part
				n++
				if err := handled(n); err != nil {
					return 0, err
				}
			}
			return sum, nil
		}))
	if err != nil {
		log.Fatal(err)
	}

	const total, window = 10_000, 100
	st := wamp.CallDuplex[int, int, int](ctx, s, "com.example.add")
	sent := 0
	send := func(upTo int) {
		for ; sent < min(upTo, total); sent++ {
			if st.Send(sent+1) != nil {
				return
			}
		}
		if sent == total {
			sent++
			_ = st.CloseSend()
		}
	}
	send(window)
	for handled := range st.Progress() {
		send(handled + window)
	}
	fmt.Println(st.Result())
	// Output: 50005000 <nil>
}

// A raw handler takes the parts as they are.
func ExampleInvocation_Parts() {
	ctx, s, done := join()
	defer done()

	_, err := s.Register(ctx, "com.example.join", wamp.HandlerFunc(
		func(_ context.Context, inv *wamp.Invocation) (wamp.Result, error) {
			var all wamp.Args
			for part, err := range inv.Parts() {
				if err != nil {
					return wamp.Result{}, err
				}
				args, err := part.Args()
				if err != nil {
					return wamp.Result{}, err
				}
				all = append(all, args...)
			}
			return wamp.Return(wamp.Args{fmt.Sprint(all...)}), nil
		}))
	if err != nil {
		log.Fatal(err)
	}
	parts := []wamp.Result{wamp.Return(wamp.Args{1, 2}), wamp.Return(wamp.Args{3})}
	fmt.Println(wamp.CallUpload[string](ctx, s, "com.example.join", slices.Values(parts)))
	// Output: 1 2 3 <nil>
}
