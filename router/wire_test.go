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
	"strconv"
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

// wire is a client that speaks WAMP by hand: nothing of the code under test is
// in it. What it sends and expects is written as JSON, whatever its serializer
// is.
type wire struct {
	t      *testing.T
	nc     net.Conn
	vars   map[string]any
	format format
	framer

	requests int // the last request id that next returned
}

// framer makes messages of the bytes on a connection, and the other way round.
type framer interface {
	frame(message []byte) []byte
	read(nc net.Conn) ([]byte, error) // io.EOF: an orderly end
}

// open connects to addr.
func open(t *testing.T, addr string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(patience))
	return nc
}

// dialWire opens a RawSocket connection with JSON whose client takes messages
// of 2^(9+length) bytes.
func dialWire(t *testing.T, addr string, length byte) *wire {
	t.Helper()
	return dialRawSocket(t, addr, asJSON, length)
}

func dialRawSocket(t *testing.T, addr string, f format, length byte) *wire {
	t.Helper()
	nc := open(t, addr)
	w := &wire{t: t, nc: nc, vars: make(map[string]any), format: f, framer: rawSocket{}}
	if _, err := nc.Write([]byte{0x7f, length<<4 | byte(f), 0, 0}); err != nil {
		t.Fatal(err)
	}
	var answer [4]byte
	if _, err := io.ReadFull(nc, answer[:]); err != nil {
		t.Fatal(err)
	}
	if answer[0] != 0x7f || answer[1]&0xf != byte(f) || answer[2] != 0 || answer[3] != 0 {
		t.Fatalf("handshake was answered with % x", answer)
	}
	return w
}

// rawSocket is the framing of RawSocket.
type rawSocket struct{}

func (rawSocket) frame(message []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(message))), message...)
}

func (rawSocket) read(nc net.Conn) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(nc, head[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size == 8<<24 {
		size = 1 << 24 // which has a form of its own
	} else if head[0] != 0 {
		return nil, fmt.Errorf("frame header % x", head)
	}
	body := make([]byte, size)
	_, err := io.ReadFull(nc, body)
	return body, err
}

const allRoles = `{"roles":{"caller":{"features":{"call_canceling":true,"progressive_call_results":true}},` +
	`"callee":{"features":{"call_canceling":true,"progressive_call_results":true}},"publisher":{},"subscriber":{}}}`

// join opens a RawSocket connection with JSON and a session on it.
func join(t *testing.T, addr string) *wire {
	t.Helper()
	return via{}.join(t, addr)
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
	w.sendBytes(w.format.encode(w.t, text))
}

// sendBytes sends a message as it is.
func (w *wire) sendBytes(body []byte) {
	w.t.Helper()
	w.write(w.frame(body))
}

// write sends bytes without a frame around them.
func (w *wire) write(b []byte) {
	w.t.Helper()
	w.deadline()
	if _, err := w.nc.Write(b); err != nil {
		w.t.Fatalf("sending %.100q: %v", b, err)
	}
}

// receive returns the next message, as JSON.
func (w *wire) receive() []byte {
	w.t.Helper()
	w.deadline()
	body, err := w.read(w.nc)
	if err != nil {
		w.t.Fatalf("waiting for a message: %v", err)
	}
	return w.format.decode(w.t, body)
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
	if a, ok := pattern.(json.Number); ok {
		b, ok := v.(json.Number)
		return ok && canonical(a) == canonical(b)
	}
	return reflect.DeepEqual(pattern, v)
}

// canonical returns a number as serializers other than JSON can give it back.
func canonical(n json.Number) any {
	if i, err := strconv.ParseInt(string(n), 10, 64); err == nil {
		return i
	}
	f, _ := n.Float64()
	return f
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
	rest, err := w.read(w.nc)
	_ = w.nc.(*net.TCPConn).CloseWrite()
	switch {
	case err == nil:
		w.t.Fatalf("the router went on with %.300q", rest)
	case errors.Is(err, os.ErrDeadlineExceeded):
		w.t.Fatal("the connection was not closed")
	case err != io.EOF && !errors.Is(err, syscall.ECONNRESET):
		w.t.Fatal(err)
	}
}

// sync makes a round trip: all that the router had to say before has arrived.
func (w *wire) sync() {
	w.t.Helper()
	w.send(`[34,9007199254740992,1]`)
	w.expect(`[8,34,9007199254740992,{},"wamp.error.no_such_subscription"]`)
}
