package router_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wampeter/wampeter/router"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what has to come.
const patience = 10 * time.Second

// newRouter starts a router on a loopback port and returns its address.
func newRouter(t *testing.T, cfg router.Config) (*router.Router, string) {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	rt := router.New(cfg)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- rt.Serve(ln) }()
	t.Cleanup(func() {
		_ = rt.Close()
		if err := <-served; !errors.Is(err, router.ErrClosed) {
			t.Errorf("Serve ended with %v", err)
		}
	})
	return rt, ln.Addr().String()
}

// wire is a client that speaks JSON over RawSocket by hand: nothing of the code
// under test is in it.
type wire struct {
	t    *testing.T
	nc   net.Conn
	vars map[string]any

	requests int // the last request id that next returned
}

// dialWire opens a connection whose client takes messages of 2^(9+length)
// bytes.
func dialWire(t *testing.T, addr string, length byte) *wire {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	w := &wire{t: t, nc: nc, vars: make(map[string]any)}
	w.deadline()
	if _, err := nc.Write([]byte{0x7f, length<<4 | 1, 0, 0}); err != nil {
		t.Fatal(err)
	}
	var answer [4]byte
	if _, err := io.ReadFull(nc, answer[:]); err != nil {
		t.Fatal(err)
	}
	if answer[0] != 0x7f || answer[1]&0xf != 1 || answer[2] != 0 || answer[3] != 0 {
		t.Fatalf("handshake was answered with % x", answer)
	}
	return w
}

const allRoles = `{"roles":{"caller":{"features":{"call_canceling":true,"progressive_call_results":true}},` +
	`"callee":{"features":{"call_canceling":true,"progressive_call_results":true}},"publisher":{},"subscriber":{}}}`

// join opens a connection and a session on it.
func join(t *testing.T, addr string) *wire {
	t.Helper()
	w := dialWire(t, addr, 15)
	w.hello("realm1")
	return w
}

func (w *wire) hello(realm string) {
	w.t.Helper()
	w.send(fmt.Sprintf(`[1,%q,%s]`, realm, allRoles))
	w.expect(`[2,"$session","*"]`)
}

func (w *wire) deadline() { _ = w.nc.SetDeadline(time.Now().Add(patience)) }

// send sends a message; $name stands for what expect has noted.
func (w *wire) send(text string) {
	w.t.Helper()
	for name, v := range w.vars {
		b, _ := json.Marshal(v)
		text = strings.ReplaceAll(text, `"$`+name+`"`, string(b))
	}
	w.sendBytes([]byte(text))
}

func (w *wire) sendBytes(body []byte) {
	w.t.Helper()
	w.deadline()
	frame := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	if _, err := w.nc.Write(append(frame, body...)); err != nil {
		w.t.Fatalf("sending %.100s: %v", body, err)
	}
}

// receive returns the next message, answering nothing.
func (w *wire) receive() []byte {
	w.t.Helper()
	w.deadline()
	var head [4]byte
	if _, err := io.ReadFull(w.nc, head[:]); err != nil {
		w.t.Fatalf("waiting for a message: %v", err)
	}
	if head[0] != 0 {
		w.t.Fatalf("frame header % x", head)
	}
	body := make([]byte, binary.BigEndian.Uint32(head[:]))
	if _, err := io.ReadFull(w.nc, body); err != nil {
		w.t.Fatalf("reading a message: %v", err)
	}
	return body
}

// expect compares the next message with a pattern: "*" stands for anything,
// "$name" too and notes it, or compares with what was noted before.
func (w *wire) expect(pattern string) {
	w.t.Helper()
	body := w.receive()
	if !w.match(decode(w.t, []byte(pattern)), decode(w.t, body)) {
		w.t.Fatalf("got  %.500s\nwant %s", body, pattern)
	}
}

func (w *wire) match(pattern, v any) bool {
	switch p := pattern.(type) {
	case string:
		if name, ok := strings.CutPrefix(p, "$"); ok {
			if old, ok := w.vars[name]; ok {
				return reflect.DeepEqual(old, v)
			}
			w.vars[name] = v
			return true
		}
		return p == "*" || reflect.DeepEqual(pattern, v)
	case map[string]any:
		dict, ok := v.(map[string]any)
		if !ok || len(dict) != len(p) {
			return false
		}
		for k := range p {
			if !w.match(p[k], dict[k]) {
				return false
			}
		}
		return true
	case []any:
		list, ok := v.([]any)
		if !ok || len(list) != len(p) {
			return false
		}
		for i := range p {
			if !w.match(p[i], list[i]) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(pattern, v)
}

func decode(t *testing.T, b []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%.200s: %v", b, err)
	}
	return v
}

// expectEnd checks that the router ends the connection without another
// message.
func (w *wire) expectEnd() {
	w.t.Helper()
	w.deadline()
	if tc, ok := w.nc.(*net.TCPConn); ok {
		_ = tc.CloseWrite()
	}
	rest, err := io.ReadAll(w.nc)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		w.t.Fatal("the connection was not closed")
	}
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		w.t.Fatal(err)
	}
	if len(rest) > 0 {
		w.t.Fatalf("the router went on with %.300q", rest)
	}
}

// sync makes a round trip: all that the router had to say before has arrived.
func (w *wire) sync() {
	w.t.Helper()
	w.send(`[34,9007199254740992,1]`)
	w.expect(`[8,34,9007199254740992,{},"wamp.error.no_such_subscription"]`)
}
