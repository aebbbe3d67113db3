package mux

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
	"github.com/wampeter/wampeter/internal/transport/rawsocket"
	"github.com/wampeter/wampeter/internal/transport/websocket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// certificates returns the configurations of a server and of a client that
// trusts it.
var certificates = sync.OnceValues(func() (server, client *tls.Config) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		&tls.Config{RootCAs: pool, ServerName: "localhost"}
})

// echo runs a connection that sends back every message.
func echo(c transport.Conn) {
	e := &echoer{c: c, f: c.Framing()}
	err := c.Serve(e)
	if err != nil && err != io.EOF && !errors.Is(err, net.ErrClosed) {
		c.Write([][]byte{c.AppendClose(nil, err)})
		c.CloseWrite()
		c.Drain()
	}
}

// echoer collects answers and writes them when there is no more input.
type echoer struct {
	c   transport.Conn
	f   transport.Framing
	out []byte
}

func (e *echoer) Message(data []byte, _ *transport.Block) error {
	if e.f.Deflate {
		e.out = websocket.AppendCompressed(e.out, e.f, data)
		return nil
	}
	out, m := e.f.Begin(e.out, len(data))
	e.out = e.f.End(append(out, data...), m)
	return nil
}
func (e *echoer) Control(frame []byte) { e.out = append(e.out, frame...) }
func (e *echoer) Alive()               {}
func (e *echoer) Idle(bool) {
	if len(e.out) == 0 {
		return
	}
	n, err := e.c.TryWrite([][]byte{e.out})
	if err == transport.ErrWouldBlock {
		e.c.Write([][]byte{e.out[n:]})
	}
	e.out = e.out[:0]
}

// listen starts a Server on network "tcp" or "unix".
func listen(t testing.TB, network string, cfg Config) *Server {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	return start(t, ln, cfg)
}

func start(t testing.TB, ln net.Listener, cfg Config) *Server {
	if cfg.Conn == nil {
		cfg.Conn = echo
	}
	if cfg.Path == "" {
		cfg.Path = "/ws"
	}
	s := New(ln, cfg)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Serve(); err != ErrClosed {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(func() {
		s.Close()
		wg.Wait()
	})
	return s
}

func dial(t testing.TB, s *Server) net.Conn {
	t.Helper()
	nc, err := net.Dial(s.Addr().Network(), s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return nc
}

func secure(t testing.TB, nc net.Conn) net.Conn {
	t.Helper()
	_, cfg := certificates()
	c, err := transport.ClientTLS(context.Background(), nc, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func rawClient(t testing.TB, nc net.Conn) transport.Conn {
	t.Helper()
	c, err := rawsocket.Client(context.Background(), nc, msg.CBOR, transport.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func wsClient(t testing.TB, nc net.Conn, p transport.Subprotocol, deflate bool) transport.Conn {
	t.Helper()
	c, err := websocket.Client(context.Background(), nc, &websocket.ClientOptions{
		URL: &url.URL{Host: "localhost", Path: "/ws"}, Subprotocols: []transport.Subprotocol{p}, Deflate: deflate,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// checkEcho sends messages of many sizes, first each by itself, then all together,
// and checks that they come back, in order.
func checkEcho(t testing.TB, c transport.Conn) {
	t.Helper()
	sizes := []int{4, 100, 0, 1000, 16 << 10, transport.SmallMessage, transport.SmallMessage + 1, 300_000, 5}
	single := len(sizes)
	for n := 1; n < 100_000; n = n*3 + 1 {
		sizes = append(sizes, n, 6, transport.SmallMessage+n, 7)
	}
	h := &checker{sizes: sizes}
	done := make(chan error, 1)
	go func() { done <- c.Serve(h) }()
	f := c.Framing()
	var b []byte
	for i, n := range sizes {
		if f.Deflate {
			b = websocket.AppendCompressed(b, f, pattern(i, n))
		} else {
			var m transport.Mark
			b, m = f.Begin(b, n)
			b = f.End(append(b, pattern(i, n)...), m)
		}
		if i >= single && i < len(sizes)-1 {
			continue
		}
		half := len(b) / 2
		if n, err := c.TryWrite([][]byte{b[:half], b[half:]}); err == transport.ErrWouldBlock {
			if err := c.Write([][]byte{b[n:]}); err != nil {
				t.Fatal(err)
			}
		} else if err != nil || n != len(b) {
			t.Fatal(n, err)
		}
		b = b[:0]
	}
	select {
	case err := <-done:
		if err != errEnough {
			t.Fatalf("Serve: %v, after %d messages", err, h.n)
		}
	case <-time.After(20 * time.Second):
		c.Close()
		t.Fatalf("no more than %d messages came back", h.n)
	}
}

var errEnough = errors.New("enough")

func pattern(i, n int) []byte {
	b := bytes.Repeat([]byte{'a' + byte(i%26)}, n)
	if n >= 4 {
		copy(b, fmt.Sprintf("%04d", n%9999))
	}
	return b
}

type checker struct {
	sizes []int
	n     int
}

func (h *checker) Message(data []byte, _ *transport.Block) error {
	i := h.n
	if want := pattern(i, h.sizes[i]); !bytes.Equal(data, want) {
		return fmt.Errorf("message %d: %d bytes, want %d", i, len(data), len(want))
	}
	if h.n++; h.n == len(h.sizes) {
		return errEnough
	}
	return nil
}
func (h *checker) Idle(bool)      {}
func (h *checker) Control([]byte) {}
func (h *checker) Alive()         {}

// rawFrame returns a RawSocket frame.
func rawFrame(payload []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(payload))), payload...)
}
