// Package mux serves everything that a router speaks on one listener. The first
// byte of a connection decides: 0x7F begins RawSocket, 0x16 TLS, within which
// the same is decided again, and all else is HTTP. An HTTP request that asks for
// WebSocket on the configured path is answered at once; other requests go to an
// http.Handler.
package mux

import (
	"container/list"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wampeter/wampeter/internal/transport"
	"github.com/wampeter/wampeter/internal/transport/rawsocket"
	"github.com/wampeter/wampeter/internal/transport/websocket"
)

// Config of a Server.
type Config struct {
	// Conn runs one connection, in the connection's own goroutine; when it
	// returns the connection is closed. Required.
	Conn func(transport.Conn)

	Path      string // of the WebSocket endpoint, such as "/ws"; "": no WebSocket
	WebSocket websocket.Options
	RawSocket rawsocket.Options

	// Limits returns the limits of a connection that is accepted now, which it
	// keeps, in place of those in WebSocket and RawSocket. Handshake holds for
	// everything up to the first message. nil: the defaults.
	Limits func() transport.Limits

	// NoRawSocket closes connections that begin like RawSocket, NoHTTP all
	// others.
	NoRawSocket bool
	NoHTTP      bool

	// Proxy are the load balancers whose connections begin with a header of the
	// PROXY protocol. From them it is required, from others it is no HTTP.
	Proxy transport.Trust

	// Handler serves all other HTTP requests; nil answers 404.
	Handler http.Handler

	// TLS makes the listener speak TLS; nil: plain only. With TLS, connections
	// without are served only if Plain is set.
	TLS   *tls.Config
	Plain bool

	// MaxConns is the number of WAMP connections; further ones are refused. 0:
	// no limit.
	MaxConns int

	// MaxPending is the number of connections in their opening handshake. At
	// the limit the one that has taken longest is closed for each that comes,
	// so that those who never say a word keep nobody out. Default 1024.
	MaxPending int

	// Log takes what goes wrong before a connection is handed over. nil: none.
	Log *slog.Logger
}

const defaultMaxPending = 1024

// ErrClosed is returned by Serve after Stop, Shutdown or Close.
var ErrClosed = errors.New("listener is closed")

// errFull refuses connections above MaxConns.
var errFull = &transport.Refusal{Status: http.StatusServiceUnavailable, Text: "too many connections"}

// Server serves one listener.
type Server struct {
	cfg  Config
	ln   net.Listener
	tls  *tls.Config
	http *http.Server
	feed *feed // of connections to http

	pending chan struct{} // a token for each opening handshake
	active  atomic.Int64  // WAMP connections
	wg      sync.WaitGroup

	mu      sync.Mutex
	stopped chan struct{}
	conns   map[*conn]struct{}
	unasked map[net.Conn]struct{} // see note
	opening list.List             // of *conn, those in their opening handshake, the oldest first
}

// New returns a Server of ln, which it owns.
func New(ln net.Listener, cfg Config) *Server {
	if cfg.MaxPending == 0 {
		cfg.MaxPending = defaultMaxPending
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Handler == nil {
		cfg.Handler = http.NotFoundHandler()
	}
	if cfg.Limits == nil {
		cfg.Limits = func() (defaults transport.Limits) { return }
	}
	s := &Server{
		cfg:     cfg,
		ln:      ln,
		pending: make(chan struct{}, cfg.MaxPending),
		stopped: make(chan struct{}),
		conns:   make(map[*conn]struct{}),
		unasked: make(map[net.Conn]struct{}),
	}
	if cfg.TLS != nil {
		s.tls = transport.ServerTLSConfig(cfg.TLS)
	}
	s.http = s.newHTTP()
	s.feed = &feed{addr: ln.Addr(), conns: make(chan net.Conn), done: s.stopped}
	return s
}

// Serve accepts connections until Stop, Shutdown or Close is called, and then
// returns ErrClosed. When accepting fails for good, as it does when somebody
// else closes the listener, it returns why, and Retire remains to be called.
func (s *Server) Serve() error {
	s.mu.Lock()
	if s.isStopped() {
		s.mu.Unlock()
		return ErrClosed
	}
	s.wg.Add(1)
	s.mu.Unlock()
	defer s.wg.Done()
	s.wg.Go(func() { _ = s.http.Serve(s.feed) }) // returns when feed does
	var wait time.Duration
	for {
		nc, err := s.ln.Accept()
		if err != nil {
			if s.isStopped() {
				return ErrClosed
			}
			if !temporary(err) {
				return err
			}
			// Most likely there are no file descriptors left.
			wait = min(max(2*wait, 5*time.Millisecond), time.Second)
			s.cfg.Log.Warn("cannot accept connections", "listen", s.ln.Addr().String(), "error", err, "retry_in", wait)
			if !s.sleep(wait) {
				return ErrClosed
			}
			continue
		}
		wait = 0
		c := &conn{Conn: nc, s: s}
		if !s.reserve() || !s.track(c) {
			_ = nc.Close()
			return ErrClosed
		}
		s.wg.Go(func() { s.run(c) })
	}
}

// reserve takes a token for one more opening handshake, if need be the oldest
// one's; false when the server was stopped.
func (s *Server) reserve() bool {
	select {
	case s.pending <- struct{}{}:
		return true
	default:
	}
	s.evict()
	select {
	case s.pending <- struct{}{}:
		return true
	case <-s.stopped:
		return false
	}
}

// evict closes the connection that has been in its opening handshake longest.
func (s *Server) evict() {
	s.mu.Lock()
	var c *conn
	if oldest := s.opening.Front(); oldest != nil {
		c = oldest.Value.(*conn)
		s.endOpening(c)
	}
	s.mu.Unlock()
	if c != nil {
		s.cfg.Log.Debug("connection dropped: too many are in their opening handshake", "peer", c.RemoteAddr().String())
		_ = c.Close()
	}
}

// endOpening takes c off the list of those in their opening handshake. s.mu is
// held.
func (s *Server) endOpening(c *conn) {
	if c.opening != nil {
		s.opening.Remove(c.opening)
		c.opening = nil
	}
}

// temporary reports whether accepting may succeed later.
func temporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

// sleep waits; false when the server was stopped.
func (s *Server) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.stopped:
		return false
	}
}

func (s *Server) isStopped() bool {
	select {
	case <-s.stopped:
		return true
	default:
		return false
	}
}

// track remembers c, so that it can be closed; false when the server has
// stopped.
func (s *Server) track(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isStopped() {
		return false
	}
	c.opening = s.opening.PushBack(c)
	s.conns[c] = struct{}{}
	return true
}

// settled says that the opening handshake of c is over; false when the server
// has stopped.
func (s *Server) settled(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endOpening(c)
	return !s.isStopped()
}

func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endOpening(c)
	delete(s.conns, c)
}

// admit counts a WAMP connection, which leave gives back; an error when there
// are too many.
func (s *Server) admit() error {
	if n := s.active.Add(1); s.cfg.MaxConns > 0 && n > int64(s.cfg.MaxConns) {
		s.active.Add(-1)
		return errFull
	}
	return nil
}

func (s *Server) leave() { s.active.Add(-1) }

// Conns returns the number of WAMP connections.
func (s *Server) Conns() int { return int(s.active.Load()) }

// Addr returns the address of the listener.
func (s *Server) Addr() net.Addr { return s.ln.Addr() }

// Retire lets connections finish their opening handshake, after Serve has
// failed, and then stops. It returns early when the server is stopped.
func (s *Server) Retire() {
	for range cap(s.pending) { // until there is no handshake any more
		select {
		case s.pending <- struct{}{}:
		case <-s.stopped:
			return
		}
	}
	s.Stop()
}

// Stop closes the listener and the connections that are in their opening
// handshake, and returns. Others go on.
func (s *Server) Stop() { s.stop(func(c *conn) bool { return c.opening != nil }) }

func (s *Server) stop(which func(*conn) bool) {
	s.mu.Lock()
	var closing []*conn
	if !s.isStopped() {
		close(s.stopped)
	}
	for c := range s.conns {
		if which(c) {
			closing = append(closing, c)
		}
	}
	s.mu.Unlock()
	_ = s.ln.Close() // a second time it fails, which is fine
	for _, c := range closing {
		_ = c.Close()
	}
}

// Shutdown stops, and waits until all connections have ended. It does not end
// WAMP connections: that is their owner's business. When ctx ends first, its
// error is returned, and Close remains to be called.
func (s *Server) Shutdown(ctx context.Context) error {
	s.Stop()
	s.closeUnasked()
	if err := s.http.Shutdown(ctx); err != nil {
		return err
	}
	done := make(chan struct{})
	go func() {
		s.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close stops, closes all connections, and returns when nothing of the server
// runs any more.
func (s *Server) Close() error {
	s.stop(func(*conn) bool { return true })
	_ = s.http.Close() // its connections are closed already
	s.wg.Wait()
	return nil
}
