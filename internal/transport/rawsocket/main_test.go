package rawsocket

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder keeps what a connection reads, and passes it on when asked to.
type recorder struct {
	mu       sync.Mutex
	messages [][]byte
	owned    []bool
	controls [][]byte
	idle     int
	alive    int
	got      chan struct{} // one for each message, when it is not nil
	err      error         // returned by Message
}

func (r *recorder) Message(data []byte, block *transport.Block) error {
	r.mu.Lock()
	r.messages = append(r.messages, bytes.Clone(data))
	r.owned = append(r.owned, block != nil)
	r.mu.Unlock()
	if r.got != nil {
		r.got <- struct{}{}
	}
	return r.err
}
func (r *recorder) Idle(bool)            { r.idle++ }
func (r *recorder) Control(frame []byte) { r.controls = append(r.controls, bytes.Clone(frame)) }
func (r *recorder) Alive()               { r.alive++ }

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

// accept returns a Conn at a server, and the socket of its client, which has
// announced that it takes messages of 16 MiB.
func accept(t testing.TB, limits transport.Limits) (*Conn, net.Conn) {
	t.Helper()
	server, client := tcp(t)
	if _, err := client.Write([]byte{Magic, 0xf0 | byte(msg.CBOR), 0, 0}); err != nil {
		t.Fatal(err)
	}
	c, err := Accept(context.Background(), server, nil, &Options{Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(client, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	return c, client
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

func frame(payload []byte) []byte {
	f := transport.Framing{Kind: transport.RawSocket}
	b, m := f.Begin(nil, len(payload))
	return f.End(append(b, payload...), m)
}
