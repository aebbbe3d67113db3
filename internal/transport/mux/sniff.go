package mux

import (
	"bufio"
	"bytes"
	"container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/wampeter/wampeter/internal/transport"
	"github.com/wampeter/wampeter/internal/transport/rawsocket"
	"github.com/wampeter/wampeter/internal/transport/websocket"
)

// tlsHandshake is the first byte of a TLS connection.
const tlsHandshake = 0x16

// maxHead is the size up to which the head of the first HTTP request is looked
// at here. A larger one is left to net/http.
const maxHead = 8 << 10

// head is memory for what a connection sends first.
type head struct {
	buf [maxHead]byte
	src bytes.Reader
	br  *bufio.Reader
}

var heads = sync.Pool{New: func() any { return &head{br: bufio.NewReaderSize(nil, 1024)} }}

// conn is an accepted connection, which the server can close.
type conn struct {
	net.Conn
	s       *Server
	opening *list.Element           // of s.opening, while in its opening handshake; guarded by s.mu
	proxied atomic.Pointer[proxied] // what a load balancer says; nil: nothing
}

// RemoteAddr returns the address of the client, also behind a load balancer.
func (c *conn) RemoteAddr() net.Addr {
	if p := c.proxied.Load(); p != nil {
		return p.peer
	}
	return c.Conn.RemoteAddr()
}

// LocalAddr returns the address that the client has connected to.
func (c *conn) LocalAddr() net.Addr {
	if p := c.proxied.Load(); p != nil {
		return p.local
	}
	return c.Conn.LocalAddr()
}

// Close closes the connection, which the server forgets.
func (c *conn) Close() error {
	c.s.forget(c)
	return c.Conn.Close()
}

// SyscallConn lets a transport.Socket ask for readiness.
func (c *conn) SyscallConn() (syscall.RawConn, error) {
	if sc, ok := c.Conn.(syscall.Conn); ok {
		return sc.SyscallConn()
	}
	return nil, fmt.Errorf("%T has no file descriptor", c.Conn)
}

// CloseWrite ends the sending direction.
func (c *conn) CloseWrite() error {
	if cw, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return cw.CloseWrite()
	}
	return nil
}

// run takes a connection through its opening handshake and runs it. Its frame
// stands on the stack of every idle connection: what needs room is done by
// functions that have returned by then, so that the runtime can halve the stack.
func (s *Server) run(c *conn) {
	grow()
	wc := s.open(c)
	if wc == nil {
		return // refused, or net/http has it
	}
	s.cfg.Conn(wc)
	_ = wc.Close()
	s.leave()
}

// grow makes the stack of a new goroutine as large as its work will need, at once
// and while there is nothing on it. Otherwise it grows twice within the opening
// handshake, and each time the frames of a dozen functions are moved.
//
//go:noinline
func grow() {
	var room [4 << 10]byte
	use(&room)
}

//go:noinline
func use(*[4 << 10]byte) {}

// open takes a connection through its opening handshake; nil when it is not for
// run to serve.
//
//go:noinline
func (s *Server) open(c *conn) transport.Conn {
	wc, err := s.handshake(c)
	if err != nil {
		s.cfg.Log.Debug("connection refused", "peer", c.RemoteAddr().String(), "error", err)
		if !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, context.DeadlineExceeded) {
			s.linger(c)
		}
		_ = c.Close()
	}
	if wc != nil && !s.settled(c) {
		_ = wc.Close()
		s.leave()
		wc = nil
	}
	<-s.pending
	return wc
}

// lingerTime bounds how long a refused client may take to read why.
const lingerTime = time.Second

// linger lets a client that is refused read the answer: closing with input
// unread would reset the connection.
func (s *Server) linger(c *conn) {
	if c.CloseWrite() == nil && c.SetDeadline(time.Now().Add(lingerTime)) == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(c, 64<<10))
	}
}

// handshake finds out what a connection speaks. It returns a WAMP connection,
// counted by admit, or nil when the connection is with net/http.
func (s *Server) handshake(c *conn) (transport.Conn, error) {
	limits := s.cfg.Limits()
	deadline := time.Now().Add(limits.HandshakeTimeout())
	if err := c.SetDeadline(deadline); err != nil {
		return nil, err
	}
	ctx := transport.Until(deadline)
	h := heads.Get().(*head)
	defer heads.Put(h)

	n, err := c.Read(h.buf[:])
	if n == 0 {
		return nil, fmt.Errorf("no first byte: %w", err)
	}
	if s.cfg.Proxy.Addr(c.RemoteAddr()) {
		if n, err = c.readProxy(h, n); err != nil {
			return nil, err
		}
	}
	var nc net.Conn = c
	if s.tls != nil {
		if h.buf[0] == tlsHandshake {
			// Closing c, not a context, ends the handshake, which saves
			// crypto/tls a goroutine.
			t, err := transport.ServerTLS(context.Background(), c, h.buf[:n], s.tls)
			if err != nil {
				return nil, fmt.Errorf("TLS handshake: %w", err)
			}
			if n, err = t.Read(h.buf[:]); n == 0 {
				return nil, fmt.Errorf("no first byte after the TLS handshake: %w", err)
			}
			nc = t
		} else if !s.cfg.Plain {
			return nil, s.refusePlain(c, h.buf[0])
		}
	}
	if h.buf[0] == rawsocket.Magic {
		return s.rawSocket(ctx, nc, h.buf[:n], limits)
	}
	if s.cfg.NoHTTP {
		return nil, errors.New("only RawSocket is spoken here")
	}
	return s.sniffHTTP(ctx, c, nc, h, n, limits)
}

// refusePlain answers a client that has not noticed that TLS is wanted.
func (s *Server) refusePlain(c *conn, first byte) error {
	if first != rawsocket.Magic {
		const text = "this port speaks TLS only\n"
		_, _ = fmt.Fprintf(c, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
	}
	return fmt.Errorf("connection without TLS")
}

func (s *Server) rawSocket(ctx context.Context, nc net.Conn, first []byte, limits transport.Limits) (transport.Conn, error) {
	if s.cfg.NoRawSocket {
		return nil, fmt.Errorf("RawSocket is not enabled here")
	}
	o := s.cfg.RawSocket
	o.Limits = limits
	admitted := false
	o.Admit = func() error {
		if s.cfg.RawSocket.Admit != nil {
			if err := s.cfg.RawSocket.Admit(); err != nil {
				return err
			}
		}
		err := s.admit()
		admitted = err == nil
		return err
	}
	wc, err := rawsocket.Accept(ctx, nc, first, &o)
	if err != nil {
		if admitted {
			s.leave()
		}
		return nil, err
	}
	return wc, nil
}

// sniffHTTP reads the head of the first request, of which n bytes are there. A
// WebSocket handshake is answered here; everything else goes to net/http.
func (s *Server) sniffHTTP(ctx context.Context, c *conn, nc net.Conn, h *head, n int, limits transport.Limits) (transport.Conn, error) {
	from := 0
	for mayUpgrade(h.buf[:n]) {
		if i := bytes.Index(h.buf[from:n], []byte("\r\n\r\n")); i >= 0 {
			end := from + i + 4
			if r := s.parseUpgrade(h, end, nc); r != nil {
				return s.webSocket(ctx, nc, r, h.buf[end:n], limits)
			}
			break
		}
		if n == maxHead {
			break
		}
		from = max(0, n-3)
		m, err := nc.Read(h.buf[n:])
		if m == 0 {
			return nil, fmt.Errorf("reading the first request: %w", err)
		}
		n += m
	}
	return nil, s.handOver(c, nc, bytes.Clone(h.buf[:n]))
}

// mayUpgrade reports whether b may be the beginning of a WebSocket handshake. All
// else, what is no HTTP among it, is for net/http to answer: it must not wait
// here for a blank line that never comes.
func mayUpgrade(b []byte) bool {
	const method = "GET /"
	if n := min(len(b), len(method)); string(b[:n]) != method[:n] {
		return false
	}
	line := bytes.IndexByte(b, '\n')
	return line < 0 || b[line-1] == '\r'
}

// parseUpgrade returns the request in the first end bytes of h if it is for the
// WebSocket endpoint and asks for WebSocket.
func (s *Server) parseUpgrade(h *head, end int, nc net.Conn) *http.Request {
	if s.cfg.Path == "" {
		return nil
	}
	h.src.Reset(h.buf[:end])
	h.br.Reset(&h.src)
	r, err := http.ReadRequest(h.br)
	if err != nil || r.URL.Path != s.cfg.Path || r.Host == "" || !websocket.IsUpgrade(r) || r.ContentLength != 0 {
		return nil
	}
	r.RemoteAddr = nc.RemoteAddr().String()
	if t, ok := nc.(*transport.TLSConn); ok {
		state := t.ConnectionState()
		r.TLS = &state
	}
	return r
}

// options returns the options of a WebSocket handshake, whose admission is
// noted in admitted.
func (s *Server) options(limits transport.Limits, admitted *bool) *websocket.Options {
	o := s.cfg.WebSocket
	o.Limits = limits
	o.Upgrade = func(r *http.Request, header http.Header) error {
		if s.cfg.WebSocket.Upgrade != nil {
			if err := s.cfg.WebSocket.Upgrade(r, header); err != nil {
				return err
			}
		}
		err := s.admit()
		*admitted = err == nil
		return err
	}
	return &o
}

func (s *Server) webSocket(ctx context.Context, nc net.Conn, r *http.Request, rest []byte, limits transport.Limits) (transport.Conn, error) {
	admitted := false
	wc, err := websocket.Accept(ctx, nc, r, rest, s.options(limits, &admitted))
	if err != nil {
		if admitted {
			s.leave()
		}
		return nil, err
	}
	return wc, nil
}
