package wamp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"
)

// Each part is one CALL with the same id, and the last says so. Options go with
// the first alone (advanced profile, "Progressive Call Invocations").
func TestCallUpload(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	upload := func(parts iter.Seq[string], opts ...CallOption) func() (int, error) {
		return async(t, func() (int, error) { return CallUpload[int](t.Context(), s, "com.put", parts, opts...) })
	}

	wait := upload(slices.Values([]string{"a", "b", "c"}), DiscloseMe(), Option("x_y", 1))
	sc.expect(`[48, 1, {"progress": true, "disclose_me": true, "x_y": 1}, "com.put", ["a"]]`)
	sc.expect(`[48, 1, {"progress": true}, "com.put", ["b"]]`)
	sc.expect(`[48, 1, {}, "com.put", ["c"]]`)
	sc.send(`[50, 1, {}, [3]]`)
	if n, err := wait(); n != 3 || err != nil {
		t.Error(n, err)
	}

	wait = upload(slices.Values([]string{"a"}))
	sc.expect(`[48, 2, {}, "com.put", ["a"]]`)
	sc.send(`[50, 2, {}, [1]]`)
	if n, err := wait(); n != 1 || err != nil {
		t.Error(n, err)
	}

	wait = upload(slices.Values([]string(nil)))
	sc.expect(`[48, 3, {}, "com.put"]`)
	sc.send(`[50, 3, {}, [0]]`)
	if n, err := wait(); n != 0 || err != nil {
		t.Error(n, err)
	}

	wait = upload(slices.Values([]string{"a"}), KW{"name": "x"})
	sc.expect(`[48, 4, {"progress": true}, "com.put", [], {"name": "x"}]`)
	sc.expect(`[48, 4, {}, "com.put", ["a"]]`)
	sc.send(`[8, 48, 4, {}, "com.error.full"]`)
	_, err := wait()
	wantError(t, err, URI("com.error.full"))
	wantText(t, err, "call com.put")
}

// A result or an error that comes before the last part ends the upload: nothing
// more is asked for.
func TestCallUploadEndsEarly(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	for i, answer := range []string{`[50, 1, {}, [7]]`, `[8, 48, 3, {}, "com.error.full"]`} {
		asked := make(chan int)
		wait := async(t, func() (int, error) {
			return CallUpload[int](t.Context(), s, "com.put", func(yield func(int) bool) {
				for n := 0; yield(n); n++ {
					asked <- n
				}
				close(asked)
			})
		})
		<-asked // 0 is held back
		<-asked // and sent, as 1 is there
		sc.expect(fmt.Sprintf(`[48, %d, {"progress": true}, "com.put", [0]]`, 2*i+1))
		sc.send(answer)
		for range asked { // until the iterator is told to stop
		}
		if n, err := wait(); i == 0 && (n != 7 || err != nil) || i == 1 && !errors.Is(err, URI("com.error.full")) {
			t.Error(n, err)
		}
		// Parts that were under way come before the next call.
		sync := async(t, func() (int, error) { return Call[int](t.Context(), s, "com.sync") })
		for m := sc.read(); !strings.Contains(m, "com.sync"); m = sc.read() {
			if !strings.Contains(m, "com.put") {
				t.Fatal(m)
			}
		}
		sc.send(fmt.Sprintf(`[50, %d, {}, [0]]`, 2*i+2))
		if _, err := sync(); err != nil {
			t.Error(err)
		}
	}
}

// A part that has no serialized form, and a function that panics, end the call.
func TestCallUploadGivenUp(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	wait := async(t, func() (int, error) {
		return CallUpload[int](t.Context(), s, "com.put", slices.Values([]any{1, func() {}, 3}), OnCancel(Detach))
	})
	sc.expect(`[48, 1, {"progress": true}, "com.put", [1]]`)
	sc.expect(`[49, 1, {"mode": "killnowait"}]`)
	_, err := wait()
	wantError(t, err, ErrInvalidPayload)

	wait = async(t, func() (_ int, err error) {
		defer func() {
			if v := recover(); v != nil {
				err = panicError(v)
			}
		}()
		return CallUpload[int](t.Context(), s, "com.put", func(yield func(int) bool) {
			yield(1)
			yield(2)
			panic("no more")
		})
	})
	sc.expect(`[48, 2, {"progress": true}, "com.put", [1]]`)
	sc.expect(`[49, 2, {"mode": "killnowait"}]`)
	_, err = wait()
	wantText(t, err, "no more")
	sc.send(`[8, 48, 2, {}, "wamp.error.canceled"]`)
}

// Without the feature at the router, which takes such a CALL for a violation,
// nothing is sent.
func TestCallInPartsUnsupported(t *testing.T) {
	rt := &silent{t: t}
	s := must[*Session](t)((&Dialer{Router: rt}).Dial(t.Context()))
	_, err := CallUpload[int](t.Context(), s, "com.put", slices.Values([]int{1}))
	wantError(t, err, ErrFeatureNotSupported)
	wantText(t, err, "call com.put", "progressive_call_invocations")
	st := CallDuplex[int, int, int](t.Context(), s, "com.echo")
	if err := st.Send(1); err != io.EOF {
		t.Error(err)
	}
	for n := range st.Progress() {
		t.Error(n)
	}
	_, err = st.Result()
	wantError(t, err, ErrFeatureNotSupported)
	s.mu.Lock()
	if s.lastID != 0 {
		t.Error("a request was made")
	}
	s.mu.Unlock()
	s.peer.Close(nil)
	<-s.Done()
	rt.served.Wait()
}

func TestCallDuplex(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	st := CallDuplex[string, string, int](t.Context(), s, "com.chat")
	sc.expect(`[48, 1, {"progress": true, "receive_progress": true}, "com.chat"]`)
	next, stop := iter.Pull(st.Progress())
	defer stop()
	for _, text := range []string{"a", "b"} {
		if err := st.Send(text); err != nil {
			t.Fatal(err)
		}
		sc.expect(`[48, 1, {"progress": true}, "com.chat", ["` + text + `"]]`)
		sc.send(`[50, 1, {"progress": true}, ["` + text + `!"]]`)
		if got, ok := next(); got != text+"!" || !ok {
			t.Error(got, ok)
		}
	}
	if err := st.SendLast("c"); err != nil {
		t.Fatal(err)
	}
	sc.expect(`[48, 1, {}, "com.chat", ["c"]]`)
	wantError(t, st.Send("d"), errLastSent)
	wantError(t, st.CloseSend(), errLastSent)
	sc.send(`[50, 1, {}, [3]]`)
	if _, ok := next(); ok {
		t.Error("more progress")
	}
	if n, err := st.Result(); n != 3 || err != nil {
		t.Error(n, err)
	}
	if err := st.Send("e"); err != io.EOF {
		t.Error(err)
	}

	// Arguments among the options are the first part.
	st = CallDuplex[string, string, int](t.Context(), s, "com.chat", Args{"first"}, KW{"room": 7})
	sc.expect(`[48, 2, {"progress": true, "receive_progress": true}, "com.chat", ["first"], {"room": 7}]`)
	if err := st.CloseSend(); err != nil {
		t.Fatal(err)
	}
	sc.expect(`[48, 2, {}, "com.chat"]`)
	sc.send(`[8, 48, 2, {}, "com.error.full"]`)
	_, err := st.Result()
	wantError(t, err, URI("com.error.full"))
}

// The end of the context sends CANCEL though nobody waits for the call. While
// parts may follow, the callee is always interrupted.
func TestCallDuplexCancel(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	id := 0
	open := func(ctx context.Context, mode CancelMode) *DuplexStream[int, int, int] {
		id++
		st := CallDuplex[int, int, int](ctx, s, "com.x", OnCancel(mode))
		sc.expect(fmt.Sprintf(`[48, %d, {"progress": true, "receive_progress": true}, "com.x"]`, id))
		return st
	}
	for mode, want := range map[CancelMode]string{KillNoWait: "killnowait", Kill: "kill", Skip: "killnowait", Detach: "killnowait"} {
		ctx, cancel := context.WithCancel(t.Context())
		st := open(ctx, mode)
		cancel()
		sc.expect(fmt.Sprintf(`[49, %d, {"mode": %q}]`, id, want))
		wantError(t, st.Send(1), ErrCanceled, context.Canceled)
		_, err := st.Result()
		wantError(t, err, ErrCanceled, context.Canceled)

		st = open(t.Context(), mode)
		st.Cancel(mode)
		sc.expect(fmt.Sprintf(`[49, %d, {"mode": %q}]`, id, want))
		if err := st.Send(1); err != io.EOF {
			t.Error(err)
		}
		sc.send(fmt.Sprintf(`[8, 48, %d, {}, "wamp.error.canceled"]`, id))
		_, err = st.Result()
		wantError(t, err, ErrCanceled)
	}

	// Afterwards the mode counts.
	st := open(t.Context(), Skip)
	if err := st.SendLast(1); err != nil {
		t.Fatal(err)
	}
	sc.expect(fmt.Sprintf(`[48, %d, {}, "com.x", [1]]`, id))
	st.Cancel(Skip)
	sc.expect(fmt.Sprintf(`[49, %d, {"mode": "skip"}]`, id))
	sc.send(fmt.Sprintf(`[8, 48, %d, {}, "wamp.error.canceled"]`, id))
	_, err := st.Result()
	wantError(t, err, ErrCanceled)

	// So does leaving the loop.
	st = open(t.Context(), KillNoWait)
	sc.send(fmt.Sprintf(`[50, %d, {"progress": true}, [1]]`, id))
	for range st.Progress() {
		break
	}
	sc.expect(fmt.Sprintf(`[49, %d, {"mode": "killnowait"}]`, id))
	sc.send(fmt.Sprintf(`[8, 48, %d, {}, "wamp.error.canceled"]`, id))
	_, err = st.Result()
	wantError(t, err, ErrCanceled)

	// And the end of the session.
	st = open(t.Context(), KillNoWait)
	sc.hangUp(s)
	if err := st.Send(1); err != io.EOF {
		t.Error(err)
	}
	_, err = st.Result()
	wantError(t, err, ErrClosed)
}

// A sender is as fast as its router.
func TestCallUploadSlowRouter(t *testing.T) {
	sc := newScript(t)
	d := sc.dialer()
	d.MaxQueue = 64 << 10
	s := sc.join(d)
	const n = 200
	sent := 0
	wait := async(t, func() (int, error) {
		return CallUpload[int](t.Context(), s, "com.put", func(yield func([]byte) bool) {
			for range n {
				if !yield(make([]byte, 64<<10)) {
					return
				}
				sent++
				if q := s.peer.Queued(); q > 256<<10 {
					t.Errorf("%d bytes wait", q)
				}
			}
		})
	})
	for range n {
		_ = sc.read()
	}
	sc.send(`[50, 1, {}, [5]]`)
	if got, err := wait(); got != 5 || err != nil || sent != n {
		t.Error(got, err, sent)
	}
}
