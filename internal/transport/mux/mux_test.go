package mux

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
	"github.com/wampeter/wampeter/internal/transport/websocket"
)

// TestEcho sends messages through every transport, plain and with TLS, over TCP
// and Unix sockets, read by readiness and by blocking calls.
func TestEcho(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		for _, encrypted := range []bool{false, true} {
			for _, portable := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/tls=%v/portable=%v", network, encrypted, portable), func(t *testing.T) {
					cfg := Config{WebSocket: websocket.Options{Deflate: true}}
					if encrypted {
						cfg.TLS, _ = certificates()
					}
					s := listen(t, network, cfg)
					connect := func(t *testing.T) net.Conn {
						nc := dial(t, s)
						if portable {
							nc = struct{ net.Conn }{nc}
						}
						if encrypted {
							return secure(t, nc)
						}
						return nc
					}
					t.Run("rawsocket", func(t *testing.T) { checkEcho(t, rawClient(t, connect(t))) })
					for _, p := range transport.Subprotocols(nil, true) {
						for _, deflate := range []bool{false, true} {
							t.Run(fmt.Sprintf("%v/deflate=%v", p, deflate), func(t *testing.T) {
								checkEcho(t, wsClient(t, connect(t), p, deflate))
							})
						}
					}
				})
			}
		}
	}
}

// TestServerPortable hides the file descriptors of the server's connections.
func TestServerPortable(t *testing.T) {
	for _, encrypted := range []bool{false, true} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		var cfg Config
		if encrypted {
			cfg.TLS, _ = certificates()
		}
		s := start(t, hiding{ln}, cfg)
		connect := func() net.Conn {
			if encrypted {
				return secure(t, dial(t, s))
			}
			return dial(t, s)
		}
		checkEcho(t, rawClient(t, connect()))
		checkEcho(t, wsClient(t, connect(), transport.Subprotocol{Format: msg.JSON}, false))
	}
}

type hiding struct{ net.Listener }

func (h hiding) Accept() (net.Conn, error) {
	nc, err := h.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return struct{ net.Conn }{nc}, nil
}

func TestHTTP(t *testing.T) {
	for _, encrypted := range []bool{false, true} {
		cfg := Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%s %s %s tls=%v", r.Method, r.URL.Path, body, r.TLS != nil)
		})}
		if encrypted {
			cfg.TLS, _ = certificates()
		}
		s := listen(t, "tcp", cfg)
		nc := dial(t, s)
		if encrypted {
			nc = secure(t, nc)
		}
		br := bufio.NewReader(nc)
		exchange := func(request, want string, status int) {
			t.Helper()
			if _, err := io.WriteString(nc, request); err != nil {
				t.Fatal(err)
			}
			response, err := http.ReadResponse(br, nil)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(response.Body)
			if response.StatusCode != status || !strings.Contains(string(body), want) {
				t.Errorf("%q: %s %q, want %d %q", request, response.Status, body, status, want)
			}
		}
		exchange("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi", fmt.Sprintf("POST /a hi tls=%v", encrypted), 200)
		exchange("GET /b HTTP/1.1\r\nHost: x\r\nX: "+strings.Repeat("x", maxHead)+"\r\n\r\n", "GET /b ", 200)
		exchange("GET /ws HTTP/1.1\r\nHost: x\r\n\r\n", "WebSocket endpoint", 426)
		// The same connection can still become a WebSocket.
		checkEcho(t, wsClient(t, &readFrom{nc, br}, transport.Subprotocol{Format: msg.CBOR}, false))
	}
}

// readFrom is a connection whose buffered reader is empty by now.
type readFrom struct {
	net.Conn
	*bufio.Reader
}

func (r *readFrom) Read(p []byte) (int, error) { return r.Reader.Read(p) }

func TestLargeFirstRequest(t *testing.T) {
	s := listen(t, "tcp", Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Header.Get("X")[:3])
	})})
	r, err := http.NewRequest("GET", "http://"+s.Addr().String()+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X", strings.Repeat("x", 2*maxHead))
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(response.Body)
	response.Body.Close()
	if string(body) != "xxx" {
		t.Errorf("body %q", body)
	}
}

func TestRefused(t *testing.T) {
	server, _ := certificates()
	for _, tt := range []struct {
		name string
		cfg  Config
		in   string
		want string // the answer begins like that
	}{
		{"plain on a TLS port", Config{TLS: server}, "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request"},
		{"plain RawSocket on a TLS port", Config{TLS: server}, "\x7f\xf1\x00\x00", ""},
		{"plain allowed", Config{TLS: server, Plain: true}, "\x7f\xf1\x00\x00", "\x7f\xf1\x00\x00"},
		{"broken TLS", Config{TLS: server}, "\x16\x03\x01\x00\x05hello", "\x15\x03"},
		{"no RawSocket", Config{NoRawSocket: true}, "\x7f\xf1\x00\x00", ""},
		{"RawSocket serializer", Config{}, "\x7f\xf0\x00\x00", "\x7f\x10\x00\x00"},
		{"RawSocket full", Config{MaxConns: -1}, "\x7f\xf1\x00\x00", "\x7f\x40\x00\x00"},
		{"WebSocket full", Config{MaxConns: -1}, upgrade("wamp.2.json"), "HTTP/1.1 503 "},
		{"subprotocol", Config{}, upgrade("mqtt"), "HTTP/1.1 400 "},
		{"other path", Config{Path: "/other"}, upgrade("wamp.2.json"), "HTTP/1.1 404 "},
		{"garbage", Config{}, "\x00\x01\x02\r\n\r\n", "HTTP/1.1 400 "},
		{"TLS on a plain port", Config{}, "\x16\x03\x01\x00\x05hello\r\n\r\n", "HTTP/1.1 400 "},
		{"nothing", Config{}, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.cfg.MaxConns < 0 {
				tt.cfg.MaxConns = 1
			}
			s := listen(t, "tcp", tt.cfg)
			if tt.cfg.MaxConns > 0 {
				first := rawClient(t, dial(t, s))
				defer first.Close()
			}
			nc := dial(t, s)
			if _, err := io.WriteString(nc, tt.in); err != nil {
				t.Fatal(err)
			}
			if tt.want == "\x7f\xf1\x00\x00" {
				nc.(*net.TCPConn).CloseWrite()
			}
			if tt.in == "" {
				nc.(*net.TCPConn).CloseWrite()
			}
			nc.SetReadDeadline(time.Now().Add(10 * time.Second))
			var b []byte
			if strings.HasPrefix(tt.want, "HTTP") {
				b = make([]byte, len(tt.want))
				io.ReadFull(nc, b)
			} else {
				var err error
				if b, err = io.ReadAll(nc); err != nil {
					t.Fatalf("%v after %q", err, b)
				}
			}
			if !strings.HasPrefix(string(b), tt.want) || tt.want == "" && len(b) > 0 {
				t.Errorf("answer %q, want %q", b, tt.want)
			}
		})
	}
}

func upgrade(protocol string) string {
	return "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: " + protocol + "\r\n\r\n"
}

// TestSlowHandshake checks that a client that stops in the middle of anything
// is closed when its time is over.
func TestSlowHandshake(t *testing.T) {
	server, _ := certificates()
	cfg := Config{TLS: server, Plain: true, MaxPending: 2}
	cfg.Limits = func() transport.Limits { return transport.Limits{Handshake: 20 * time.Millisecond} }
	s := listen(t, "tcp", cfg)
	for _, in := range []string{"", "\x7f", "\x16\x03\x01", "GET /ws HTTP/1.1\r\n", "\x7f\xf1\x00"} {
		nc := dial(t, s)
		if _, err := io.WriteString(nc, in); err != nil {
			t.Fatal(err)
		}
		nc.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.Copy(io.Discard, nc); err != nil {
			t.Errorf("%q: %v", in, err)
		}
	}
	checkEcho(t, rawClient(t, dial(t, s)))
}

// TestSilentConnections checks that those who connect and say nothing keep
// nobody out, though there are as many as may be.
func TestSilentConnections(t *testing.T) {
	s := listen(t, "tcp", Config{MaxPending: 3})
	silent := make([]net.Conn, 10)
	for i := range silent {
		silent[i] = dial(t, s)
		checkEcho(t, rawClient(t, dial(t, s)))
	}
	for _, nc := range silent[:7] {
		if n, err := nc.Read(make([]byte, 1)); err == nil {
			t.Errorf("got %d bytes", n)
		}
	}
}

func TestConnCount(t *testing.T) {
	left := make(chan struct{}, 1)
	s := listen(t, "tcp", Config{Conn: func(c transport.Conn) {
		echo(c)
		left <- struct{}{}
	}})
	for _, connect := range []func() transport.Conn{
		func() transport.Conn { return rawClient(t, dial(t, s)) },
		func() transport.Conn {
			return wsClient(t, dial(t, s), transport.Subprotocol{Format: msg.JSON}, false)
		},
	} {
		c := connect()
		checkEcho(t, c)
		if n := s.Conns(); n != 1 {
			t.Errorf("%d connections", n)
		}
		c.Close()
		<-left
	}
}

func TestInfo(t *testing.T) {
	infos := make(chan *transport.Info, 1)
	server, _ := certificates()
	s := listen(t, "tcp", Config{TLS: server, Plain: true, Conn: func(c transport.Conn) { infos <- c.Info() }})
	nc := dial(t, s)
	wsClient(t, secure(t, nc), transport.Subprotocol{Format: msg.JSON}, false)
	info := <-infos
	if info.Transport != "websocket" || info.Network != "tcp" || info.Peer != nc.LocalAddr().String() ||
		info.Local != nc.RemoteAddr().String() || info.TLS == nil || info.TLS.NegotiatedProtocol != "" ||
		info.Request == nil || info.Request.RemoteAddr != info.Peer || info.Request.TLS == nil {
		t.Errorf("%+v", info)
	}
	rawClient(t, dial(t, s))
	if info := <-infos; info.Transport != "rawsocket" || info.TLS != nil || info.Conn == nil {
		t.Errorf("%+v", info)
	}
}

func TestShutdown(t *testing.T) {
	running := make(chan transport.Conn, 1)
	s := listen(t, "tcp", Config{Conn: func(c transport.Conn) { running <- c; echo(c) }})
	c := rawClient(t, dial(t, s))
	remote := <-running
	idle := dial(t, s) // has not said anything
	hc := dial(t, s)
	if _, err := io.WriteString(hc, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := http.ReadResponse(bufio.NewReader(hc), nil); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown with a connection left: %v", err)
	}
	idle.SetReadDeadline(time.Now().Add(10 * time.Second))
	var timeout net.Error
	if _, err := io.Copy(io.Discard, idle); errors.As(err, &timeout) && timeout.Timeout() {
		t.Error("a connection in its handshake is still open")
	}
	checkEcho(t, c) // goes on
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	remote.Close()
	wg.Wait()
	if err := s.Serve(); err != ErrClosed {
		t.Errorf("Serve after Shutdown: %v", err)
	}
}

func TestCloseEndsEverything(t *testing.T) {
	s := listen(t, "tcp", Config{})
	raw := rawClient(t, dial(t, s))
	checkEcho(t, raw)
	dial(t, s)
	hc := dial(t, s)
	if _, err := io.WriteString(hc, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := http.ReadResponse(bufio.NewReader(hc), nil); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if n := s.Conns(); n != 0 || len(s.conns) != 0 {
		t.Errorf("%d connections, %d sockets left", n, len(s.conns))
	}
}

// failing fails to accept a few times before it works.
type failing struct {
	net.Listener
	failures int
}

type emfile struct{}

func (emfile) Error() string   { return "too many open files" }
func (emfile) Timeout() bool   { return false }
func (emfile) Temporary() bool { return true }

func (f *failing) Accept() (net.Conn, error) {
	if f.failures--; f.failures >= 0 {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: emfile{}}
	}
	return f.Listener.Accept()
}

func TestAcceptErrors(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, &failing{Listener: ln, failures: 2}, Config{})
	checkEcho(t, rawClient(t, dial(t, s)))
}

func TestRedirectIsNotFollowed(t *testing.T) {
	s := listen(t, "tcp", Config{Path: "/other", Handler: http.RedirectHandler("/other", http.StatusFound)})
	_, err := websocket.Client(context.Background(), dial(t, s), &websocket.ClientOptions{
		URL: &url.URL{Host: "localhost", Path: "/ws"}, Subprotocols: transport.Subprotocols(nil, false),
	})
	var status *websocket.StatusError
	if !errors.As(err, &status) || status.StatusCode != 302 || status.Location != "/other" {
		t.Errorf("error %v", err)
	}
}

// Half a request holds up nobody who shuts down.
func TestShutdownBesideHalfARequest(t *testing.T) {
	s := listen(t, "tcp", Config{Conn: echo})
	half := dial(t, s)
	if _, err := io.WriteString(half, "POST / HTTP/1.1\r\nHost: x\r\n"); err != nil {
		t.Fatal(err)
	}
	for unasked := 0; unasked == 0; time.Sleep(time.Millisecond) {
		s.mu.Lock()
		unasked = len(s.unasked)
		s.mu.Unlock()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second) // net/http alone takes 5
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}
