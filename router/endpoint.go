package router

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/wampeter/wampeter/internal/transport"
	"github.com/wampeter/wampeter/internal/transport/mux"
	"github.com/wampeter/wampeter/internal/transport/rawsocket"
	"github.com/wampeter/wampeter/internal/transport/websocket"
)

// Peers are programs whose word is taken for which client they speak for: load
// balancers and reverse proxies. The zero value is nobody.
type Peers struct {
	Networks []netip.Prefix
	Unix     bool // whoever can connect to a Unix socket that is listened on
}

// Endpoint is what one listener serves. The zero value speaks all protocols,
// without TLS, on the paths of Config.
type Endpoint struct {
	// Path is where WebSocket connections are expected, "-" for nowhere; empty:
	// Config.Path. LongPollPath likewise.
	Path         string
	LongPollPath string

	// NoRawSocket closes connections that begin like RawSocket, NoHTTP all
	// others, WebSocket among them.
	NoRawSocket bool
	NoHTTP      bool

	// Handler answers all other HTTP requests; nil: Config.Handler.
	Handler http.Handler

	// Origins are the origins of web pages that may connect, as Config.Origins.
	Origins []string

	// Compression offers permessage-deflate to WebSocket clients.
	Compression bool

	// TLS makes the listener accept TLS. Connections without are still served,
	// unless TLSOnly is set.
	TLS     *tls.Config
	TLSOnly bool

	// MaxConnections bounds the connections; 0: no limit.
	MaxConnections int

	// ProxyProtocol are load balancers whose connections begin with a header
	// of the PROXY protocol, version 1 or 2, which says who the client is. From
	// them it is required. From others it is not understood.
	ProxyProtocol Peers

	// Forwarders are reverse proxies whose X-Forwarded-For says who the client
	// is, for WebSocket and long-poll connections.
	Forwarders Peers
}

// endpoint returns what Config says of all listeners.
func (c *Config) endpoint() Endpoint {
	return Endpoint{
		Origins:        c.Origins,
		Compression:    c.Compression,
		TLS:            c.TLS,
		MaxConnections: c.MaxConnections,
		Forwarders:     c.Forwarders,
	}
}

// withDefaults completes e.
func (e Endpoint) withDefaults(c *Config) Endpoint {
	if e.Path == "" {
		e.Path = c.Path
	}
	if e.LongPollPath == "" {
		e.LongPollPath = c.LongPollPath
	}
	if e.Handler == nil {
		e.Handler = c.Handler
	}
	return e
}

// Serve accepts connections on ln, which it owns from then on: HTTP, WebSocket
// on Config.Path, and RawSocket, told apart by their first byte, and all of
// them within TLS too when Config.TLS is set. It returns ErrClosed when the
// router is shut down or closed, else why it cannot go on accepting.
func (r *Router) Serve(ln net.Listener) error { return r.ServeEndpoint(ln, r.cfg.endpoint()) }

// ServeEndpoint is Serve for a listener with settings of its own. What Config
// says of listeners counts only where e says nothing, as told there.
//
// Whoever closes ln itself takes the listener off a running router: WebSocket
// and RawSocket connections go on, also those that are in their opening
// handshake, and the error is net.ErrClosed. Long-poll clients need a listener
// to come back to.
func (r *Router) ServeEndpoint(ln net.Listener, e Endpoint) error {
	e = e.withDefaults(&r.cfg)
	path := e.Path
	if path == "-" {
		path = ""
	}
	s := mux.New(ln, mux.Config{
		Conn:        r.run,
		Path:        path,
		WebSocket:   *r.webSocket(&e),
		RawSocket:   rawsocket.Options{Ping: r.cfg.RawSocketPing},
		Limits:      r.limits,
		NoRawSocket: e.NoRawSocket,
		NoHTTP:      e.NoHTTP,
		Handler:     r.otherHTTP(&e),
		TLS:         e.TLS,
		Plain:       !e.TLSOnly,
		MaxConns:    e.MaxConnections,
		Proxy:       transport.Trust(e.ProxyProtocol),
		Log:         r.log,
	})
	r.mu.Lock()
	if r.closing {
		r.mu.Unlock()
		_ = ln.Close()
		return ErrClosed
	}
	r.servers = append(r.servers, s)
	r.running.Add(1)
	r.mu.Unlock()
	defer r.running.Done()

	err := s.Serve()
	if errors.Is(err, mux.ErrClosed) {
		return ErrClosed
	}
	// The router goes on without it. Close closes what is still connected.
	r.running.Go(func() {
		s.Retire()
		_ = s.Shutdown(context.Background())
		r.mu.Lock()
		defer r.mu.Unlock()
		r.servers = slices.DeleteFunc(r.servers, func(other *mux.Server) bool { return other == s })
	})
	return err
}

// webSocket returns the options of WebSocket connections.
func (r *Router) webSocket(e *Endpoint) *websocket.Options {
	return &websocket.Options{
		Deflate:    e.Compression,
		Limits:     r.limits(),
		Origins:    e.Origins,
		Forwarders: transport.Trust(e.Forwarders),
		Upgrade:    r.giveCookie,
	}
}

// otherHTTP answers the HTTP requests of a listener that are not for WebSocket.
func (r *Router) otherHTTP(e *Endpoint) http.Handler {
	polls := r.polls.At(e.Origins, transport.Trust(e.Forwarders))
	handler := e.Handler
	if handler == nil {
		handler = newPage(r, e)
	}
	if e.LongPollPath == "-" {
		return handler
	}
	base := e.LongPollPath + "/"
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasPrefix(req.URL.Path, base) {
			polls.ServeHTTP(w, req)
			return
		}
		handler.ServeHTTP(w, req)
	})
}
