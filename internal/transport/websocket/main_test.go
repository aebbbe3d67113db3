package websocket

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wampeter/wampeter/internal/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder keeps what a connection reads.
type recorder struct {
	messages [][]byte
	owned    []bool
	controls [][]byte
	err      error // returned by Message
}

func (r *recorder) Message(data []byte, block *transport.Block) error {
	r.messages = append(r.messages, bytes.Clone(data))
	r.owned = append(r.owned, block != nil)
	return r.err
}
func (r *recorder) Idle(bool)            {}
func (r *recorder) Control(frame []byte) { r.controls = append(r.controls, bytes.Clone(frame)) }
func (r *recorder) Alive()               {}

// tcp returns the two ends of a connection over loopback.
func tcp(t testing.TB) (server, client net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	client, err = net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err = ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close(); client.Close() })
	return server, client
}

// side returns a connection that has shaken hands, at a server or a client, and
// the socket of its peer.
func side(t testing.TB, client bool, p transport.Subprotocol, deflate bool, limits transport.Limits) (*Conn, net.Conn) {
	t.Helper()
	nc, peer := tcp(t)
	c := &Conn{protocol: p, client: client, deflate: deflate}
	c.init(nc, nil, &limits)
	return c, peer
}

// serve runs Serve in a goroutine, for which the test waits.
func serve(t testing.TB, c *Conn, h transport.Handler) <-chan error {
	done := make(chan error, 1)
	var wg sync.WaitGroup
	wg.Go(func() { done <- c.Serve(h) })
	t.Cleanup(func() { c.Close(); wg.Wait() })
	return done
}

// await waits for the result of Serve. The time limit only ends a test that
// hangs.
func await(t testing.TB, done <-chan error) error {
	t.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("Serve does not return")
		return nil
	}
}

// feed serves c with the bytes in, followed by the end of the stream.
func feed(t testing.TB, c *Conn, peer net.Conn, in []byte) (*recorder, error) {
	t.Helper()
	rec := &recorder{}
	done := serve(t, c, rec)
	var wg sync.WaitGroup
	wg.Go(func() {
		peer.Write(in)
		peer.(*net.TCPConn).CloseWrite()
	})
	defer wg.Wait()
	return rec, await(t, done)
}

// raw returns a frame with the given first octet, masked with key if that is
// not nil.
func raw(first byte, payload []byte, key []byte) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n > 0xffff:
		b = append(b, 127, 0, 0, 0, 0, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	case n > 125:
		b = append(b, 126, byte(n>>8), byte(n))
	default:
		b = append(b, byte(n))
	}
	if key != nil {
		b[1] |= 0x80
		b = append(b, key...)
	}
	start := len(b)
	b = append(b, payload...)
	for i := range payload {
		if key != nil {
			b[start+i] ^= key[i%4]
		}
	}
	return b
}

var key = []byte{0x12, 0xa4, 0x56, 0xf8}

// masked returns a frame of a client.
func masked(first byte, payload string) []byte { return raw(first, []byte(payload), key) }

// request returns a proper opening handshake, changed by the given pairs of
// name and value; an empty value removes the field.
func request(changes ...string) *http.Request {
	r := &http.Request{
		Method: http.MethodGet, URL: &url.URL{Path: "/ws"}, Host: "example.com",
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{
			"Connection":             {"keep-alive, Upgrade"},
			"Upgrade":                {"websocket"},
			"Sec-Websocket-Version":  {"13"},
			"Sec-Websocket-Key":      {"dGhlIHNhbXBsZSBub25jZQ=="},
			"Sec-Websocket-Protocol": {"wamp.2.cbor"},
		},
	}
	for i := 0; i < len(changes); i += 2 {
		if changes[i+1] == "" {
			r.Header.Del(changes[i])
		} else {
			r.Header.Set(changes[i], changes[i+1])
		}
	}
	return r
}

// pair returns the two ends of a connection that have shaken hands.
func pair(t testing.TB, so Options, co ClientOptions) (server, client *Conn) {
	t.Helper()
	sc, cc := tcp(t)
	var wg sync.WaitGroup
	wg.Go(func() {
		r, rest, err := readRequest(sc)
		if err != nil {
			t.Error(err)
			return
		}
		if server, err = Accept(context.Background(), sc, r, rest, &so); err != nil {
			t.Error(err)
		}
	})
	if co.URL == nil {
		co.URL = &url.URL{Scheme: "ws", Host: "example.com", Path: "/ws"}
	}
	client, err := Client(context.Background(), cc, &co)
	if err != nil {
		t.Error(err)
		cc.Close()
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return server, client
}

func readRequest(nc net.Conn) (*http.Request, []byte, error) {
	var head []byte
	one := make([]byte, 1)
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		if _, err := io.ReadFull(nc, one); err != nil {
			return nil, nil, err
		}
		head = append(head, one...)
	}
	r, err := http.ReadRequest(bufioReader(head))
	return r, nil, err
}
