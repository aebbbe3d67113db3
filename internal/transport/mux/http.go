package mux

import (
	"context"
	"crypto/tls"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/wampeter/wampeter/internal/transport"
	"github.com/wampeter/wampeter/internal/transport/websocket"
)

// idleHTTP is how long a connection may wait for its next HTTP request.
const idleHTTP = 2 * time.Minute

// feed is the net.Listener through which net/http gets connections.
type feed struct {
	addr  net.Addr
	conns chan net.Conn
	done  <-chan struct{}
}

func (f *feed) Accept() (net.Conn, error) {
	select {
	case c := <-f.conns:
		return c, nil
	case <-f.done:
		return nil, net.ErrClosed
	}
}

func (f *feed) Close() error   { return nil }
func (f *feed) Addr() net.Addr { return f.addr }

// replay is a connection of which some bytes were read already.
type replay struct {
	net.Conn
	prefix []byte
}

func (r *replay) Read(p []byte) (int, error) {
	if len(r.prefix) > 0 {
		n := copy(p, r.prefix)
		r.prefix = r.prefix[n:]
		return n, nil
	}
	r.prefix = nil
	return r.Conn.Read(p)
}

// Unwrap implements transport.Wrapper.
func (r *replay) Unwrap() (net.Conn, []byte) { return r.Conn, r.prefix }

// handOver gives a connection to net/http, which reads first once more.
func (s *Server) handOver(c *conn, nc net.Conn, first []byte) error {
	if err := c.SetDeadline(time.Time{}); err != nil {
		return err
	}
	if !s.settled(c) {
		return ErrClosed
	}
	select {
	case s.feed.conns <- &replay{Conn: nc, prefix: first}:
		return nil
	case <-s.stopped:
		return ErrClosed
	}
}

type stateKey struct{}

func (s *Server) newHTTP() *http.Server {
	limits := s.cfg.Limits() // net/http asks once: the heads of requests have as long as was right at first
	return &http.Server{
		Handler:           http.HandlerFunc(s.serveHTTP),
		ReadHeaderTimeout: limits.HandshakeTimeout(),
		IdleTimeout:       idleHTTP,
		ErrorLog:          slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),
		ConnState: func(nc net.Conn, state http.ConnState) {
			s.note(nc, state == http.StateNew)
			// The goroutine of each connection is waited for, up to its last
			// few instructions; after a hijack the handler still runs in it.
			switch state {
			case http.StateNew:
				s.wg.Add(1)
			case http.StateClosed, http.StateHijacked:
				s.wg.Done()
			}
		},
		ConnContext: func(ctx context.Context, nc net.Conn) context.Context {
			if t, ok := nc.(*replay).Conn.(*transport.TLSConn); ok {
				state := t.ConnectionState()
				return context.WithValue(ctx, stateKey{}, &state)
			}
			return ctx
		},
	}
}

// note remembers connections that net/http has read no request from.
func (s *Server) note(nc net.Conn, unasked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if unasked {
		s.unasked[nc] = struct{}{}
	} else {
		delete(s.unasked, nc)
	}
}

// closeUnasked closes the connections without a request. http.Server.Shutdown
// would give them five seconds.
func (s *Server) closeUnasked() {
	s.mu.Lock()
	conns := slices.Collect(maps.Keys(s.unasked))
	s.mu.Unlock()
	for _, nc := range conns {
		_ = nc.Close()
	}
}

// serveHTTP serves requests that did not take the short road: the WebSocket
// endpoint on a connection that was used for HTTP before, and all others.
func (s *Server) serveHTTP(w http.ResponseWriter, r *http.Request) {
	s.wg.Add(1) // the connection is counted still
	defer s.wg.Done()
	r.TLS, _ = r.Context().Value(stateKey{}).(*tls.ConnectionState)
	if s.cfg.Path == "" || r.URL.Path != s.cfg.Path {
		s.cfg.Handler.ServeHTTP(w, r)
		return
	}
	// What is refused may announce a body, which net/http would wait for.
	limits := s.cfg.Limits()
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(limits.HandshakeTimeout()))
	admitted := false
	wc, err := websocket.Upgrade(w, r, s.options(limits, &admitted))
	if admitted {
		defer s.leave()
	}
	if err != nil {
		s.cfg.Log.Debug("connection refused", "peer", r.RemoteAddr, "error", err)
		return
	}
	defer wc.Close()
	s.cfg.Conn(wc)
}
