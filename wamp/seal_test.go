package wamp_test

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamp/meta"
	"github.com/wampeter/wampeter/wamptest"
)

// recorder is a TCP proxy before a router, which keeps every byte of both
// directions.
type recorder struct {
	addr string
	wg   sync.WaitGroup

	mu    sync.Mutex
	bytes bytes.Buffer
	conns []net.Conn
}

func newRecorder(t *testing.T, router string) *recorder {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{addr: ln.Addr().String()}
	r.wg.Go(func() {
		for {
			from, err := ln.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", router)
			if err != nil {
				t.Error(err)
				_ = from.Close()
				return
			}
			r.mu.Lock()
			r.conns = append(r.conns, from, to)
			r.mu.Unlock()
			r.wg.Go(func() { r.copy(to, from) })
			r.wg.Go(func() { r.copy(from, to) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		r.mu.Lock()
		for _, c := range r.conns {
			_ = c.Close()
		}
		r.mu.Unlock()
		r.wg.Wait()
	})
	return r
}

func (r *recorder) copy(to, from net.Conn) {
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			r.mu.Lock()
			r.bytes.Write(buf[:n])
			r.mu.Unlock()
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				_ = to.(*net.TCPConn).CloseWrite()
			}
			return
		}
	}
}

// sees reports whether the text went over the wire in one of the forms in which
// it could: as it is, in UTF-16, in hex, or in base64 at any offset.
func (r *recorder) sees(text string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	forms := [][]byte{[]byte(text), []byte(hex.EncodeToString([]byte(text)))}
	var wide []byte
	for _, c := range []byte(text) {
		wide = append(wide, c, 0)
	}
	forms = append(forms, wide)
	for offset := range 3 {
		// What stands before and behind changes the digits at the ends.
		all := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x00", offset) + text))
		forms = append(forms, []byte(strings.TrimRight(all, "=")[4:len(all)-6]))
	}
	for _, f := range forms {
		if bytes.Contains(r.bytes.Bytes(), f) {
			return true
		}
	}
	return false
}

func privateKey(t *testing.T) *ecdh.PrivateKey {
	t.Helper()
	k, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func ringOf(t *testing.T, pattern string, keys ...wamp.SealKey) *wamp.KeyRing {
	t.Helper()
	ring := new(wamp.KeyRing)
	if err := ring.Set(pattern, keys...); err != nil {
		t.Fatal(err)
	}
	return ring
}

func sealKey(t *testing.T) func(wamp.SealKey, error) wamp.SealKey {
	return func(k wamp.SealKey, err error) wamp.SealKey {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
}

// rings returns the key rings of two ends for each cipher and kind of key.
func rings(t *testing.T) map[string][2]*wamp.KeyRing {
	secret := bytes.Repeat([]byte("0123456789abcdef"), 2)
	a, b := privateKey(t), privateKey(t)
	key := sealKey(t)
	all := make(map[string][2]*wamp.KeyRing)
	for _, c := range []wamp.Cipher{wamp.XSalsa20Poly1305, wamp.AES256GCM} {
		preset := ringOf(t, "com.test.{rest...}", key(wamp.PresetKey(c, "", secret)))
		all["preset "+string(c)] = [2]*wamp.KeyRing{preset, preset}
		all["x25519 "+string(c)] = [2]*wamp.KeyRing{
			ringOf(t, "com.test.{rest...}", key(wamp.AgreedKey(c, a, b.PublicKey()))),
			ringOf(t, "com.test.{rest...}", key(wamp.AgreedKey(c, b, a.PublicKey()))),
		}
	}
	return all
}

// clearText is what no router may see.
const clearText = "the quick brown fox jumps over the lazy dog"

// Calls with progress and errors, and events, between two clients: everything
// works as without keys, and the router sees nothing of it.
func TestSealedEndToEnd(t *testing.T) {
	for name, ring := range rings(t) {
		for _, serializer := range []wamp.Serializer{wamp.CBOR, wamp.MessagePack, wamp.JSON} {
			for _, scheme := range []string{"rs", "ws"} {
				t.Run(fmt.Sprint(name, " ", serializer, " ", scheme), func(t *testing.T) {
					rt := wamptest.NewRouter(t)
					rec := newRecorder(t, rt.Address())
					url := scheme + "://" + rec.addr
					if scheme == "ws" {
						url += "/ws"
					}
					// The other end speaks another serializer.
					a := rt.Dial(&wamp.Dialer{URLs: []string{url}, Serializers: []wamp.Serializer{serializer}, KeyRing: ring[0]})
					b := rt.Dial(&wamp.Dialer{URLs: []string{"rs://" + rec.addr}, KeyRing: ring[1]})
					exerciseSealed(t, a, b)
					// WebSocket masks what clients say; the router's side shows
					// all of it again.
					if rec.sees(clearText) {
						t.Error("the clear text went over the wire")
					}
					if !rec.sees("com.test.user.created") {
						t.Error("the recorder sees nothing at all")
					}
				})
			}
		}
	}
}

func exerciseSealed(t *testing.T, a, b *wamp.Session) {
	t.Helper()
	ctx := t.Context()
	_, err := b.Register(ctx, "com.test.echo", wamp.HandlerFunc(func(_ context.Context, inv *wamp.Invocation) (wamp.Result, error) {
		if ppt, ok := inv.PPT(); ok {
			t.Errorf("the handler sees %v", ppt)
		}
		for range 2 {
			if err := inv.Progress(inv.Payload); err != nil {
				return wamp.Result{}, err
			}
		}
		if args, err := inv.Args(); err != nil || len(args) == 0 {
			return wamp.Result{}, wamp.NewError("com.test.error", wamp.Args{clearText}, wamp.KW{"why": clearText})
		}
		return wamp.Return(inv.Payload), nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	in := wamp.Args{clearText, int64(1) << 53, []byte(clearText), nil, 1.5, map[string]any{"a": []any{clearText}}}
	var progress int
	r, err := wamp.Call[wamp.Result](ctx, a, "com.test.echo", in, wamp.KW{"k": clearText}, wamp.OnProgress(func(s string) {
		if s != clearText {
			t.Errorf("progress %q", s)
		}
		progress++
	}))
	if err != nil || progress != 2 {
		t.Fatal(err, progress)
	}
	args, _ := r.Args()
	kwargs, _ := r.Kwargs()
	if diff := cmp.Diff(in, args) + cmp.Diff(wamp.KW{"k": clearText}, kwargs); diff != "" {
		t.Error(diff)
	}
	_, err = wamp.Call[string](ctx, a, "com.test.echo")
	var e *wamp.Error
	if !errors.As(err, &e) || e.URI != "com.test.error" || e.Message() != clearText || e.Kwargs["why"] != clearText {
		t.Errorf("%v", err)
	}
	stream := wamp.CallStream[string, string](ctx, a, "com.test.echo", wamp.Args{clearText})
	for s := range stream.Progress() {
		if s != clearText {
			t.Errorf("progress %q", s)
		}
	}
	if s, err := stream.Result(); s != clearText || err != nil {
		t.Error(s, err)
	}
	if s, err := wamp.Go[string](ctx, a, "com.test.echo", wamp.Args{clearText}).Result(); s != clearText || err != nil {
		t.Error(s, err)
	}

	_, err = b.Register(ctx, "com.test.chat", wamp.Duplex(
		func(_ context.Context, parts iter.Seq2[string, error], send func(string) error) (int, error) {
			n := 0
			for text, err := range parts {
				if err = errors.Join(err, send(text)); err != nil {
					return 0, err
				}
				n++
			}
			return n, nil
		}))
	if err != nil {
		t.Fatal(err)
	}
	chat := wamp.CallDuplex[string, string, int](ctx, a, "com.test.chat")
	next, stop := iter.Pull(chat.Progress())
	defer stop()
	for range 3 {
		if err := chat.Send(clearText); err != nil {
			t.Fatal(err)
		}
		if text, _ := next(); text != clearText {
			t.Errorf("progress %q", text)
		}
	}
	if err := chat.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if n, err := chat.Result(); n != 3 || err != nil {
		t.Error(n, err)
	}
	n, err := wamp.CallUpload[int](ctx, a, "com.test.chat", slices.Values([]string{clearText, clearText}))
	if n != 2 || err != nil {
		t.Error(n, err)
	}

	events := make(chan string, 2)
	for _, topic := range []string{"com.test.topic", "com.test..created"} {
		_, err = b.Subscribe(ctx, topic, wamp.Event(func(_ context.Context, text string) error {
			events <- text
			return nil
		}))
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, topic := range []string{"com.test.topic", "com.test.user.created"} {
		if _, err := a.Publish(ctx, topic, wamp.Args{clearText}, wamp.Acknowledge()); err != nil {
			t.Fatal(err)
		}
		if text := <-events; text != clearText {
			t.Error(text)
		}
	}
}

// One callee, several callers with keys of their own; and nobody else.
func TestSealedCallers(t *testing.T) {
	key := sealKey(t)
	callee, alice, bob, eve := privateKey(t), privateKey(t), privateKey(t), privateKey(t)
	rt := wamptest.NewRouter(t)
	var reported errorLog
	server := rt.Dial(&wamp.Dialer{
		KeyRing: ringOf(t, "com.test.double", key(wamp.AgreedKey(wamp.XSalsa20Poly1305, callee, alice.PublicKey(), bob.PublicKey()))),
		OnError: reported.add,
	})
	_, err := server.Register(t.Context(), "com.test.double", wamp.Func1(func(_ context.Context, n int) (int, error) { return 2 * n, nil }))
	if err != nil {
		t.Fatal(err)
	}
	for _, caller := range []*ecdh.PrivateKey{alice, bob} {
		s := rt.Dial(&wamp.Dialer{KeyRing: ringOf(t, "com.test.double", key(wamp.AgreedKey(wamp.XSalsa20Poly1305, caller, callee.PublicKey())))})
		if n, err := wamp.Call[int](t.Context(), s, "com.test.double", wamp.Args{21}); n != 42 || err != nil {
			t.Error(n, err)
		}
	}
	s := rt.Dial(&wamp.Dialer{KeyRing: ringOf(t, "com.test.double", key(wamp.AgreedKey(wamp.XSalsa20Poly1305, eve, callee.PublicKey())))})
	_, err = wamp.Call[int](t.Context(), s, "com.test.double", wamp.Args{21})
	if !errors.Is(err, wamp.ErrInvalidPayload) {
		t.Error(err)
	}
	if got := reported.take(); len(got) != 1 || !errors.Is(got[0], wamp.ErrNoKey) {
		t.Error(got)
	}
	// In clear neither.
	_, err = wamp.Call[int](t.Context(), rt.Session(), "com.test.double", wamp.Args{21})
	if !errors.Is(err, wamp.ErrInvalidPayload) {
		t.Error(err)
	}
	if got := reported.take(); len(got) != 1 || !errors.Is(got[0], wamp.ErrNotSealed) {
		t.Error(got)
	}
}

// errorLog collects what OnError hears.
type errorLog struct {
	mu   sync.Mutex
	errs []*wamp.HandlerError
}

func (l *errorLog) add(_ context.Context, err *wamp.HandlerError) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errs = append(l.errs, err)
}

func (l *errorLog) take() []*wamp.HandlerError {
	l.mu.Lock()
	defer l.mu.Unlock()
	errs := l.errs
	l.errs = nil
	return errs
}

// Keys are exchanged without a gap: the second key opens, the first one seals.
func TestKeyRotation(t *testing.T) {
	key := sealKey(t)
	older := key(wamp.PresetKey(wamp.AES256GCM, "2025", bytes.Repeat([]byte{1}, 32)))
	newer := key(wamp.PresetKey(wamp.XSalsa20Poly1305, "2026", bytes.Repeat([]byte{2}, 32)))
	rt := wamptest.NewRouter(t)
	here, there := ringOf(t, "com.test.echo", older), ringOf(t, "com.test.echo", older)
	a, b := rt.Dial(&wamp.Dialer{KeyRing: here}), rt.Dial(&wamp.Dialer{KeyRing: there, OnError: func(context.Context, *wamp.HandlerError) {}})
	_, err := b.Register(t.Context(), "com.test.echo", wamp.Func1(func(_ context.Context, s string) (string, error) { return s, nil }))
	if err != nil {
		t.Fatal(err)
	}
	call := func() error {
		s, err := wamp.Call[string](t.Context(), a, "com.test.echo", wamp.Args{"x"})
		if err == nil && s != "x" {
			t.Error(s)
		}
		return err
	}
	for i, step := range []func() error{
		func() error { return nil },
		func() error { return there.Set("com.test.echo", older, newer) },
		func() error { return here.Set("com.test.echo", newer, older) },
		func() error { return there.Set("com.test.echo", newer) },
		func() error { return here.Set("com.test.echo", newer) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
		if err := call(); err != nil {
			t.Errorf("step %d: %v", i, err)
		}
	}
	if err := here.Set("com.test.echo", older); err != nil {
		t.Fatal(err)
	}
	if err := call(); !errors.Is(err, wamp.ErrInvalidPayload) {
		t.Errorf("the old key is still taken: %v", err)
	}
	if err := here.Remove("com.test.echo"); err != nil {
		t.Fatal(err)
	}
	if err := call(); !errors.Is(err, wamp.ErrInvalidPayload) {
		t.Errorf("clear text is taken: %v", err)
	}
}

// All callees of a shared registration answer sealed, the router makes the list.
func TestSealedCallAll(t *testing.T) {
	ring := ringOf(t, "com.test.{rest...}", sealKey(t)(wamp.PresetKey(wamp.AES256GCM, "k", bytes.Repeat([]byte{1}, 32))))
	rt := wamptest.NewRouter(t)
	rec := newRecorder(t, rt.Address())
	dial := func() *wamp.Session {
		return rt.Dial(&wamp.Dialer{URLs: []string{"rs://" + rec.addr}, KeyRing: ring})
	}
	for i := range 3 {
		_, err := dial().Register(t.Context(), "com.test.who", wamp.Func0(func(context.Context) (string, error) {
			if i == 2 {
				return "", wamp.Errorf("com.test.error", clearText)
			}
			return clearText, nil
		}), wamp.Invoke(wamp.RoundRobin))
		if err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for r, err := range wamp.CallAll[string](t.Context(), dial(), "com.test.who") {
		got = append(got, fmt.Sprint(r.Value, err))
	}
	want := []string{clearText + "<nil>", clearText + "<nil>", "call com.test.who: com.test.error: " + clearText}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if rec.sees(clearText) {
		t.Error("the clear text went over the wire")
	}
}

// An application that brings its own scheme gets what it sent, and its scheme.
func TestPassthruOfTheApplication(t *testing.T) {
	rt := wamptest.NewRouter(t)
	a := rt.Dial(&wamp.Dialer{URLs: []string{rt.URL()}, Serializers: []wamp.Serializer{wamp.JSON}, Passthru: true})
	b := rt.Dial(&wamp.Dialer{URLs: []string{rt.RawSocketURL()}, Passthru: true})
	ppt := wamp.PPT{Scheme: "x_test", Serializer: "raw", Cipher: "rot13", KeyID: "13"}
	packet := []byte{0, 1, 255}
	check := func(p wamp.Payload) {
		t.Helper()
		var got []byte
		if in, ok := p.PPT(); !ok || in != ppt || p.Arg(0, &got) != nil || !bytes.Equal(got, packet) {
			t.Errorf("%v %v", in, got)
		}
	}
	_, err := b.Register(t.Context(), "com.test.p", wamp.HandlerFunc(func(_ context.Context, inv *wamp.Invocation) (wamp.Result, error) {
		check(inv.Payload)
		if inv.WantsProgress() {
			return wamp.Result{}, errors.Join(inv.Progress(inv.Payload), wamp.NewError("com.test.error", ppt, wamp.Args{packet}))
		}
		return wamp.Return(ppt, wamp.Args{packet}), nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	r, err := wamp.Call[wamp.Result](t.Context(), a, "com.test.p", ppt, wamp.Args{packet})
	if err != nil {
		t.Fatal(err)
	}
	check(r.Payload)
	_, err = wamp.Call[wamp.Result](t.Context(), a, "com.test.p", wamp.Args{packet}, ppt, wamp.OnProgress(func(r wamp.Result) { check(r.Payload) }))
	var e *wamp.Error
	if !errors.As(err, &e) || e.URI != "com.test.error" {
		t.Fatal(err)
	}
	if in, ok := e.PPT(); !ok || in != ppt {
		t.Error(in)
	}
	done := make(chan struct{})
	_, err = b.Subscribe(t.Context(), "com.test.topic", wamp.EventFunc(func(_ context.Context, e *wamp.EventInfo) error {
		check(e.Payload)
		close(done)
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Publish(t.Context(), "com.test.topic", ppt, wamp.Args{packet}, wamp.Acknowledge()); err != nil {
		t.Fatal(err)
	}
	<-done

	for _, args := range []wamp.Args{nil, {"text"}, {packet, packet}} {
		if _, err := a.Publish(t.Context(), "com.test.topic", ppt, args); !errors.Is(err, wamp.ErrInvalidPayload) {
			t.Errorf("%v: %v", args, err)
		}
	}
	if _, err := rt.Session().Publish(t.Context(), "com.test.topic", ppt, wamp.Args{packet}); !errors.Is(err, wamp.ErrFeatureNotSupported) {
		t.Errorf("without Dialer.Passthru: %v", err)
	}
}

// A testament is sealed by the one who leaves it, and opened by who gets it;
// so is an event that the router keeps.
func TestSealedTestamentAndRetained(t *testing.T) {
	ring := ringOf(t, "com.test.{rest...}", sealKey(t)(wamp.PresetKey(wamp.AES256GCM, "", bytes.Repeat([]byte{1}, 32))))
	for _, serializer := range []wamp.Serializer{wamp.CBOR, wamp.MessagePack, wamp.JSON} {
		t.Run(string(serializer), func(t *testing.T) {
			rt := wamptest.NewRouter(t)
			rec := newRecorder(t, rt.Address())
			d := &wamp.Dialer{URLs: []string{"rs://" + rec.addr}, Serializers: []wamp.Serializer{serializer}, KeyRing: ring}
			gone, s := rt.Dial(d), rt.Dial(d)
			if err := meta.AddTestament(t.Context(), gone, meta.Destroyed, "com.test.will", wamp.Args{clearText}); err != nil {
				t.Fatal(err)
			}
			if _, err := gone.Publish(t.Context(), "com.test.last", wamp.Args{clearText}, wamp.Retain(), wamp.Acknowledge()); err != nil {
				t.Fatal(err)
			}
			events := make(chan string, 1)
			handler := wamp.Event(func(_ context.Context, text string) error {
				events <- text
				return nil
			})
			for _, topic := range []string{"com.test.last", "com.test.will"} {
				if _, err := s.Subscribe(t.Context(), topic, handler, wamp.GetRetained()); err != nil {
					t.Fatal(err)
				}
				if topic == "com.test.will" {
					_ = gone.Close(t.Context())
				}
				if text := <-events; text != clearText {
					t.Errorf("%s: %q", topic, text)
				}
			}
			if rec.sees(clearText) {
				t.Error("the clear text went over the wire")
			}
		})
	}
}
