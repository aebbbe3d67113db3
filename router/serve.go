package router

import (
	"errors"
	"net"
	"net/http"
	"strings"

	"github.com/wampeter/wampeter/internal/transport/mux"
	"github.com/wampeter/wampeter/internal/transport/rawsocket"
)

// Serve accepts connections on ln, which it owns from then on: HTTP, WebSocket
// on Config.Path, and RawSocket, told apart by their first byte, and all of
// them within TLS too when Config.TLS is set. It returns ErrClosed when the
// router is shut down or closed, else why it cannot go on accepting.
func (r *Router) Serve(ln net.Listener) error {
	s := mux.New(ln, mux.Config{
		Conn:      r.run,
		Path:      r.cfg.Path,
		WebSocket: *r.webSocket(),
		RawSocket: rawsocket.Options{Limits: r.limits, Ping: r.cfg.RawSocketPing},
		Handler:   http.HandlerFunc(r.otherHTTP),
		TLS:       r.cfg.TLS,
		Plain:     true,
		MaxConns:  r.cfg.MaxConnections,
		Log:       r.log,
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
	return err
}

// otherHTTP answers the HTTP requests of a listener that are not for WebSocket.
func (r *Router) otherHTTP(w http.ResponseWriter, req *http.Request) {
	if base := r.cfg.LongPollPath; base != "-" && strings.HasPrefix(req.URL.Path, base+"/") {
		r.polls.ServeHTTP(w, req)
		return
	}
	if r.cfg.Handler != nil {
		r.cfg.Handler.ServeHTTP(w, req)
		return
	}
	page{r}.ServeHTTP(w, req)
}
