package wamp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamptest"
)

// ends are two sessions with a router, over sockets.
func ends(t *testing.T, configure ...func(*router.Config)) (caller, callee *wamp.Session) {
	t.Helper()
	rt := wamptest.NewRouter(t, configure...)
	caller = rt.Dial(&wamp.Dialer{URLs: []string{rt.URL()}, Serializers: []wamp.Serializer{wamp.JSON}})
	callee = rt.Dial(&wamp.Dialer{URLs: []string{rt.RawSocketURL()}, Serializers: []wamp.Serializer{wamp.CBOR}})
	return caller, callee
}

func serve(t *testing.T, s *wamp.Session, procedure string, h wamp.Handler, opts ...wamp.RegisterOption) {
	t.Helper()
	if _, err := s.Register(t.Context(), procedure, h, opts...); err != nil {
		t.Fatal(err)
	}
}

func echo(_ context.Context, parts iter.Seq2[int, error], send func(int) error) (int, error) {
	n := 0
	for part, err := range parts {
		if err = errors.Join(err, send(part)); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// Every transport and serializer, at both ends.
func TestUploadTransports(t *testing.T) {
	rt := wamptest.NewRouter(t)
	data := make([]byte, 100_000)
	for i := range data {
		data[i] = byte(i * i >> 8)
	}
	for _, url := range []string{rt.URL(), rt.RawSocketURL()} {
		for _, serializer := range []wamp.Serializer{wamp.CBOR, wamp.MessagePack, wamp.JSON} {
			s := rt.Dial(&wamp.Dialer{URLs: []string{url}, Serializers: []wamp.Serializer{serializer}})
			serve(t, s, "com.test.store", wamp.Upload(func(_ context.Context, parts iter.Seq2[[]byte, error]) ([]byte, error) {
				var all []byte
				for part, err := range parts {
					if err != nil {
						return nil, err
					}
					all = append(all, part...)
				}
				return all, nil
			}), wamp.Invoke(wamp.RoundRobin))
		}
	}
	// Each call is served by another callee, and all of its parts by the same.
	for _, url := range []string{rt.URL(), rt.RawSocketURL()} {
		for _, serializer := range []wamp.Serializer{wamp.CBOR, wamp.MessagePack, wamp.JSON} {
			s := rt.Dial(&wamp.Dialer{URLs: []string{url}, Serializers: []wamp.Serializer{serializer}})
			for range 6 {
				got, err := wamp.CallUpload[[]byte](t.Context(), s, "com.test.store", slices.Chunk(data, 10_000))
				if err != nil || !slices.Equal(got, data) {
					t.Errorf("%s %s: %d bytes, %v", url, serializer, len(got), err)
				}
			}
		}
	}
}

// Many streams in both directions at once, over one connection at each end.
func TestManyStreams(t *testing.T) {
	caller, callee := ends(t)
	serve(t, callee, "com.test.echo", wamp.Duplex(echo))
	const streams, parts = 32, 200
	var wg sync.WaitGroup
	for i := range streams {
		st := wamp.CallDuplex[int, int, int](t.Context(), caller, "com.test.echo", wamp.Args{i})
		wg.Go(func() {
			for n := range parts {
				if err := st.Send(i + n + 1); err != nil {
					t.Error(err)
				}
			}
			if err := st.CloseSend(); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			next := i
			for n := range st.Progress() {
				if n != next {
					t.Errorf("stream %d: got %d, want %d", i, n, next)
				}
				next++
			}
			if n, err := st.Result(); n != parts+1 || err != nil {
				t.Error(n, err)
			}
		})
	}
	wg.Wait()
}

// Many goroutines send into one stream: no part is lost.
func TestManySenders(t *testing.T) {
	caller, callee := ends(t)
	serve(t, callee, "com.test.echo", wamp.Duplex(echo))
	st := wamp.CallDuplex[int, int, int](t.Context(), caller, "com.test.echo")
	const senders, parts = 8, 50
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			for n := range parts {
				if err := st.Send(i*parts + n); err != nil {
					t.Error(err)
				}
			}
		})
	}
	go func() {
		wg.Wait()
		_ = st.CloseSend()
	}()
	var got, want []int
	for n := range st.Progress() {
		got = append(got, n)
	}
	for n := range senders * parts {
		want = append(want, n)
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n, err := st.Result(); n != len(want) || err != nil {
		t.Error(n, err)
	}
}

// Canceled in the middle, by the caller's context: the handler is told, in every
// mode, since it waits for parts.
func TestDuplexCanceled(t *testing.T) {
	caller, callee := ends(t)
	ended := make(chan error, 1)
	serve(t, callee, "com.test.echo", wamp.Duplex(
		func(ctx context.Context, parts iter.Seq2[int, error], send func(int) error) (int, error) {
			n, err := echo(ctx, parts, send)
			ended <- err
			return n, err
		}))
	for _, mode := range []wamp.CancelMode{wamp.KillNoWait, wamp.Kill, wamp.Skip, wamp.Detach} {
		ctx, cancel := context.WithCancel(t.Context())
		st := wamp.CallDuplex[int, int, int](ctx, caller, "com.test.echo", wamp.OnCancel(mode), wamp.Args{1})
		next, stop := iter.Pull(st.Progress())
		if n, ok := next(); n != 1 || !ok {
			t.Error(n, ok)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(mode, err)
		}
		if _, err := st.Result(); !errors.Is(err, wamp.ErrCanceled) || !errors.Is(err, context.Canceled) {
			t.Error(mode, err)
		}
		stop()
	}
}

// An error in the middle reaches a caller that is still sending; what it sends
// meanwhile disturbs nobody.
func TestUploadFails(t *testing.T) {
	caller, callee := ends(t)
	serve(t, callee, "com.test.store", wamp.Upload(func(_ context.Context, parts iter.Seq2[int, error]) (int, error) {
		for part, err := range parts {
			if err != nil || part == 5 {
				return 0, errors.Join(err, wamp.NewError("com.test.full", wamp.Args{"at", part}))
			}
		}
		return 0, nil
	}))
	for range 20 {
		_, err := wamp.CallUpload[int](t.Context(), caller, "com.test.store", func(yield func(int) bool) {
			for n := 0; n < 500 && yield(n); n++ {
			}
		})
		if !errors.Is(err, wamp.URI("com.test.full")) {
			t.Error(err)
		}
	}
	if _, err := wamp.CallUpload[int](t.Context(), caller, "com.test.store", slices.Values([]int{1, 2, 3})); err != nil {
		t.Error(err)
	}
	// The same, of a procedure that takes no parts, and of one that is not there.
	serve(t, callee, "com.test.plain", wamp.Func1(func(_ context.Context, n int) (int, error) { return n, nil }))
	for procedure, want := range map[string]error{"com.test.plain": wamp.ErrFeatureNotSupported, "com.test.none": wamp.ErrNoSuchProcedure} {
		st := wamp.CallDuplex[int, int, int](t.Context(), caller, procedure)
		for range 500 {
			if err := st.Send(1); err != nil && err != io.EOF {
				t.Error(err)
			}
		}
		if _, err := st.Result(); !errors.Is(err, want) {
			t.Error(err)
		}
		if err := st.Send(1); err != io.EOF {
			t.Error(err)
		}
	}
}

// When either end vanishes in the middle, the other is told.
func TestStreamVanishes(t *testing.T) {
	rt := wamptest.NewRouter(t)
	callee := rt.Dial(&wamp.Dialer{URLs: []string{rt.RawSocketURL()}})
	began, ended := make(chan struct{}), make(chan error, 1)
	h := wamp.Upload(func(_ context.Context, parts iter.Seq2[int, error]) (int, error) {
		for _, err := range parts {
			if err != nil {
				ended <- err
				return 0, err
			}
			began <- struct{}{}
		}
		return 0, nil
	})
	serve(t, callee, "com.test.store", h)
	caller := rt.Dial(&wamp.Dialer{URLs: []string{rt.RawSocketURL()}})
	st := wamp.CallDuplex[int, int, int](t.Context(), caller, "com.test.store", wamp.Args{1})
	<-began
	if err := caller.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := st.Send(2); err != io.EOF {
		t.Error(err)
	}
	if _, err := st.Result(); !errors.Is(err, wamp.ErrClosed) {
		t.Error(err)
	}

	caller = rt.Dial(&wamp.Dialer{URLs: []string{rt.URL()}})
	st = wamp.CallDuplex[int, int, int](t.Context(), caller, "com.test.store", wamp.Args{1})
	<-began
	if err := callee.Close(t.Context()); err != nil {
		t.Error(err)
	}
	<-ended
	if _, err := st.Result(); !errors.Is(err, wamp.ErrCanceled) {
		t.Error(err)
	}
	var err error
	for err == nil {
		err = st.Send(2)
	}
	if err != io.EOF {
		t.Error(err)
	}
}

// A callee that does not take its parts fails that call alone; its session, the
// caller's, and other calls between them go on.
func TestUploadSlowCallee(t *testing.T) {
	caller, callee := ends(t)
	serve(t, callee, "com.test.slow", wamp.Upload(func(ctx context.Context, _ iter.Seq2[[]byte, error]) (int, error) {
		<-ctx.Done()
		return 0, ctx.Err()
	}))
	serve(t, callee, "com.test.echo", wamp.Duplex(echo))
	part := make([]byte, 1000)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			_, err := wamp.CallUpload[int](t.Context(), caller, "com.test.slow", func(yield func([]byte) bool) {
				for yield(part) { // for ever, but for the error
				}
			})
			if !errors.Is(err, wamp.ErrLimitExceeded) && !errors.Is(err, wamp.ErrUnavailable) {
				t.Error(err)
			}
		})
	}
	for i := range 5 {
		n, err := wamp.CallUpload[int](t.Context(), caller, "com.test.echo", slices.Values(make([]int, 10)))
		if n != 10 || err != nil {
			t.Error(fmt.Sprint("call ", i), n, err)
		}
	}
	wg.Wait()
}
