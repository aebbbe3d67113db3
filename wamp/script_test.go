package wamp

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// script is a router that does what the test says, message by message, in JSON
// over RawSocket.
type script struct {
	t      *testing.T
	ln     net.Listener
	conn   net.Conn
	length byte // of the handshake: the messages that the router takes
}

// features is what the scripted router announces.
const welcome = `[2, 77, {"realm": "realm1", "authid": "joe", "authrole": "user", "authmethod": "anonymous",
	"roles": {"broker": {"features": {}}, "dealer": {"features": {"call_canceling": true, "call_timeout": true,
		"progressive_call_invocations": true}}}}]`

// patience is how long a test waits before it fails.
const patience = 10 * time.Second

func newScript(t *testing.T) *script {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	sc := &script{t: t, ln: ln, length: 0xf0}
	t.Cleanup(func() {
		_ = ln.Close()
		if sc.conn != nil {
			_ = sc.conn.Close()
		}
	})
	return sc
}

func (sc *script) url() string { return "rs://" + sc.ln.Addr().String() }

// dialer returns a Dialer for the script.
func (sc *script) dialer() *Dialer {
	return &Dialer{
		URLs:        []string{sc.url()},
		Serializers: []Serializer{JSON},
		OnError:     func(_ context.Context, err *HandlerError) { sc.t.Errorf("unexpected: %v", err) },
	}
}

// accept takes a connection and answers its RawSocket handshake.
func (sc *script) accept() {
	sc.t.Helper()
	conn, err := sc.ln.Accept()
	if err != nil {
		sc.t.Fatal(err)
	}
	sc.conn = conn
	_ = conn.SetDeadline(time.Now().Add(patience))
	var hello [4]byte
	if _, err := io.ReadFull(conn, hello[:]); err != nil {
		sc.t.Fatal(err)
	}
	if _, err := conn.Write([]byte{0x7f, sc.length | hello[1]&0xf, 0, 0}); err != nil {
		sc.t.Fatal(err)
	}
}

// join lets d join, and returns the session. It is closed when the test ends.
func (sc *script) join(d *Dialer) *Session {
	sc.t.Helper()
	type result struct {
		s   *Session
		err error
	}
	dialed := make(chan result, 1)
	go func() {
		s, err := d.Dial(sc.t.Context())
		dialed <- result{s, err}
	}()
	sc.accept()
	if hello := sc.read(); !strings.HasPrefix(hello, "[1,") {
		sc.t.Fatalf("got %s, want HELLO", hello)
	}
	sc.send(welcome)
	r := <-dialed
	if r.err != nil {
		sc.t.Fatal(r.err)
	}
	sc.t.Cleanup(func() { sc.hangUp(r.s) })
	return r.s
}

// hangUp ends the session without ceremony.
func (sc *script) hangUp(s *Session) {
	_ = sc.conn.Close()
	<-s.Done()
	<-s.idle
}

// send sends a message.
func (sc *script) send(text string) {
	sc.t.Helper()
	frame := binary.BigEndian.AppendUint32(nil, uint32(len(text)))
	if _, err := sc.conn.Write(append(frame, text...)); err != nil {
		sc.t.Fatal(err)
	}
}

// sendTogether sends messages in one write.
func (sc *script) sendTogether(texts ...string) {
	sc.t.Helper()
	var all []byte
	for _, text := range texts {
		all = append(binary.BigEndian.AppendUint32(all, uint32(len(text))), text...)
	}
	if _, err := sc.conn.Write(all); err != nil {
		sc.t.Fatal(err)
	}
}

// read returns the next message.
func (sc *script) read() string {
	sc.t.Helper()
	text, err := sc.tryRead()
	if err != nil {
		sc.t.Fatalf("waiting for a message: %v", err)
	}
	return text
}

func (sc *script) tryRead() (string, error) {
	var head [4]byte
	if _, err := io.ReadFull(sc.conn, head[:]); err != nil {
		return "", err
	}
	body := make([]byte, binary.BigEndian.Uint32(head[:])&0xffffff)
	_, err := io.ReadFull(sc.conn, body)
	return string(body), err
}

// expect reads a message and compares it.
func (sc *script) expect(want string) {
	sc.t.Helper()
	got := sc.read()
	if diff := cmp.Diff(parsed(sc.t, want), parsed(sc.t, got)); diff != "" {
		sc.t.Fatalf("got %s\nwant %s", got, want)
	}
}

// expectEnd reads until the connection ends, and fails on a message.
func (sc *script) expectEnd() {
	sc.t.Helper()
	text, err := sc.tryRead()
	if err == nil {
		sc.t.Fatalf("got %s, want the end", text)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		sc.t.Fatal("the client did not close")
	}
}

func parsed(t *testing.T, text string) any {
	t.Helper()
	var v any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// async runs f beside the test, and returns a function that waits for it.
func async[T any](t *testing.T, f func() (T, error)) func() (T, error) {
	t.Helper()
	var v T
	var err error
	var wg sync.WaitGroup
	wg.Go(func() { v, err = f() })
	t.Cleanup(wg.Wait)
	return func() (T, error) {
		wg.Wait()
		return v, err
	}
}

func wantError(t *testing.T, err error, targets ...error) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %v", targets)
	}
	for _, target := range targets {
		if !errors.Is(err, target) {
			t.Errorf("error %q is not %v", err, target)
		}
	}
}

func wantText(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil || slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(err.Error(), p) }) {
		t.Errorf("error %v, want one with %q", err, parts)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
