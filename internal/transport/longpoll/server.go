package longpoll

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path"
	"strconv"
	"sync"
	"time"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
)

// Options of a Server. The zero value, with OnConn added, accepts all
// protocols, from pages of the same host.
type Options struct {
	// OnConn runs one connection, in a goroutine of its own that the Server
	// waits for; when it returns the connection is closed. Required.
	OnConn func(transport.Conn)

	Formats []msg.Format // serializers that are spoken; nil: all. Each also as ".batched"

	// Limits returns the limits of a connection that is opened now, which it
	// keeps. WriteTimeout is also the time that a request's body may stand still.
	// nil: the defaults.
	Limits func() transport.Limits

	// Origins lists the origins, such as "https://example.com", whose pages
	// may connect, with their cookies; * stands for any characters but "/".
	// The page's own host is always allowed, and so is a client that sends no
	// Origin, since it is no browser.
	Origins []string

	// Forwarders are the reverse proxies whose X-Forwarded-For says who the
	// client is.
	Forwarders transport.Trust

	// Open is asked before a connection is opened. It may add to the header of
	// the response. An error refuses the request: a *transport.Refusal with
	// its status and text, another one with 403 Forbidden. nil accepts all.
	Open func(r *http.Request, response http.Header) error

	Hold     time.Duration // at most, for a receive without output; default 10 s
	Expiry   time.Duration // without a receive, before a connection is lost; default 60 s
	MaxConns int           // connections, those included of which output is left to be received; default 10 000

	// NoContent answers send and close with 204 instead of 202. The
	// specification says 202 and calls it "no content"; autobahn-js takes
	// nothing but 200 and 204, Wampeter's client any 2xx.
	NoContent bool
}

// Defaults of Options. Clients in use give up on a receive after 12 seconds.
const (
	DefaultHold     = 10 * time.Second
	DefaultExpiry   = 60 * time.Second
	DefaultMaxConns = 10_000
)

// Server opens connections and serves their requests, on any base path. It
// reads "/open" and "/<id>/<verb>" from the end of a request's path. Requests
// may outlast the timeouts of the http.Server. Close has to be called before
// http.Server.Shutdown, which waits for requests that are held.
type Server struct {
	o Options

	wg sync.WaitGroup // of connections and requests; Add under mu

	mu     sync.Mutex
	closed bool
	conns  map[string]*conn
}

// NewServer returns a Server. It has to be closed.
func NewServer(o Options) *Server {
	if o.Hold == 0 {
		o.Hold = DefaultHold
	}
	if o.Expiry == 0 {
		o.Expiry = DefaultExpiry
	}
	if o.MaxConns == 0 {
		o.MaxConns = DefaultMaxConns
	}
	if o.Limits == nil {
		o.Limits = func() (defaults transport.Limits) { return }
	}
	return &Server{o: o, conns: make(map[string]*conn)}
}

// Close ends all connections at once, and waits for OnConn and for requests.
// Further requests are refused.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	for _, c := range s.conns {
		c.abandon(net.ErrClosed)
	}
	clear(s.conns)
	s.mu.Unlock()
	s.wg.Wait()
}

// remove forgets c, if it has not been forgotten.
func (s *Server) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c.id)
}

// enter counts a request, and returns the connection of the given id, if there
// is one.
func (s *Server) enter(id string) (c *conn, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, false
	}
	s.wg.Add(1)
	return s.conns[id], true
}

var (
	errClosed  = &transport.Refusal{Status: http.StatusServiceUnavailable, Text: "the server is shutting down"}
	errFull    = &transport.Refusal{Status: http.StatusServiceUnavailable, Text: "too many connections"}
	errUnknown = &transport.Refusal{Status: http.StatusNotFound, Text: "no such connection: it was closed, has expired, or never was"}
	errGone    = &transport.Refusal{Status: http.StatusGone, Text: "the connection is closed"}
)

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.serve(w, r, s.o.Origins, &s.o.Forwarders)
}

// At returns the handler for a listener with other origins and forwarders than
// those of the Options. The connections are the same.
func (s *Server) At(origins []string, forwarders transport.Trust) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, origins, &forwarders) })
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request, origins []string, forwarders *transport.Trust) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	origin := r.Header.Get("Origin")
	h.Set("Vary", "Origin")
	if !transport.OriginAllowed(r, origins) {
		refuse(w, &transport.Refusal{Status: http.StatusForbidden, Text: "pages of " + origin + " may not connect here"})
		return
	}
	if origin != "" {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	switch r.Method {
	case http.MethodPost:
	case http.MethodOptions:
		h.Set("Access-Control-Allow-Methods", http.MethodPost)
		h.Set("Access-Control-Allow-Headers", "Content-Type, Authorization")
		h.Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		h.Set("Allow", "POST, OPTIONS")
		refuse(w, &transport.Refusal{Status: http.StatusMethodNotAllowed, Text: "this is a long-poll endpoint for WAMP; its requests are POST"})
		return
	}
	base, verb := path.Split(r.URL.Path)
	id := path.Base(base)
	c, ok := s.enter(id)
	if !ok {
		refuse(w, errClosed)
		return
	}
	defer s.wg.Done()
	switch {
	case verb == "open":
		s.open(w, r, forwarders)
	case c == nil:
		refuse(w, errUnknown)
	case verb == "receive":
		c.serveReceive(w, r)
	case verb == "send":
		c.serveSend(w, r)
	case verb == "close":
		c.peerClosed()
		s.accept(w)
	default:
		refuse(w, errUnknown)
	}
}

// accept answers a send or close.
func (s *Server) accept(w http.ResponseWriter) {
	if s.o.NoContent {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusAccepted)
}

func refuse(w http.ResponseWriter, r *transport.Refusal) { http.Error(w, r.Text, r.Status) }

// open serves an open request.
func (s *Server) open(w http.ResponseWriter, r *http.Request, forwarders *transport.Trust) {
	response, err := s.newConn(w, r, forwarders)
	if err != nil {
		var refusal *transport.Refusal
		if !errors.As(err, &refusal) {
			refusal = &transport.Refusal{Status: http.StatusForbidden, Text: err.Error()}
		}
		refuse(w, refusal)
		return
	}
	b, _ := json.Marshal(response) // two strings
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	_, _ = w.Write(b) // who has not got the id lets the connection expire
}

// newConn opens a connection and starts it.
func (s *Server) newConn(w http.ResponseWriter, r *http.Request, forwarders *transport.Trust) (*openResponse, error) {
	limits := s.o.Limits()
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(limits.HandshakeTimeout()))
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxOpen))
	if err != nil {
		return nil, &transport.Refusal{Status: http.StatusBadRequest, Text: "the body cannot be read: " + err.Error()}
	}
	var request openRequest
	if err := json.Unmarshal(b, &request); err != nil {
		return nil, &transport.Refusal{Status: http.StatusBadRequest, Text: `the body is not of the form {"protocols": ["wamp.2.json"]}: ` + err.Error()}
	}
	protocol, err := s.choose(request.Protocols)
	if err != nil {
		return nil, err
	}
	if s.o.Open != nil {
		if err := s.o.Open(r, w.Header()); err != nil {
			return nil, err
		}
	}
	// The request is kept for as long as the connection lives. Its context
	// ends with the handler and drags the server along.
	kept := r.WithContext(context.Background())
	kept.Body = http.NoBody
	kept.RemoteAddr = forwarders.Client(r)
	info := &transport.Info{Transport: "longpoll", Network: "tcp", Peer: kept.RemoteAddr, TLS: r.TLS, Request: kept, Subprotocol: protocol.String()}
	if a, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		info.Network, info.Local = a.Network(), a.String()
	}
	// 256 random bits: nobody else can receive, or send, in its name.
	c := newConn(s, rand.Text()+rand.Text(), protocol, info, limits)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, errClosed
	case len(s.conns) >= s.o.MaxConns:
		w.Header().Set("Retry-After", strconv.Itoa(int(s.o.Expiry/time.Second)))
		return nil, errFull
	}
	s.conns[c.id] = c
	c.expireAfter(s.o.Expiry)
	s.wg.Go(func() {
		defer c.Close()
		s.o.OnConn(c)
	})
	return &openResponse{Protocol: protocol.String(), Transport: c.id}, nil
}

// choose returns the first of the client's protocols that is spoken.
func (s *Server) choose(names []string) (transport.Subprotocol, error) {
	spoken := transport.Subprotocols(s.o.Formats, true)
	for _, name := range names {
		p, ok := transport.ParseSubprotocol(name)
		for _, q := range spoken {
			if ok && p == q {
				return p, nil
			}
		}
	}
	return transport.Subprotocol{}, &transport.Refusal{
		Status: http.StatusBadRequest,
		Text:   fmt.Sprintf("none of the requested protocols is supported; supported are %s", transport.JoinSubprotocols(spoken)),
	}
}
