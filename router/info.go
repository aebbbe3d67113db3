package router

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// page is what listeners answer to HTTP requests when Config.Handler is nil:
// a health check, and a word on how to connect.
type page struct {
	r   *Router
	how string // to connect
}

func newPage(r *Router, e *Endpoint) page {
	var ways []string
	if e.Path != "-" {
		ways = append(ways, "by WebSocket at "+e.Path)
	}
	if e.LongPollPath != "-" {
		ways = append(ways, "by HTTP long-poll at "+e.LongPollPath+"/open")
	}
	if !e.NoRawSocket {
		ways = append(ways, "by RawSocket on this port")
	}
	return page{r, strings.Join(ways, ", or ")}
}

func (p page) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	// Nobody here reads a body, and net/http would wait for it.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(p.r.bounds().HandshakeTimeout))
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	switch req.URL.Path {
	case "/healthz":
		p.r.mu.Lock()
		closing := p.r.closing
		p.r.mu.Unlock()
		if closing {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = fmt.Fprintln(w, "shutting down")
			return
		}
		_, _ = fmt.Fprintln(w, "ok")
	case "/":
		_, _ = fmt.Fprintf(w, "%s, a WAMP router.\n\nConnect %s.\n", p.r.cfg.Agent, p.how)
	default:
		http.Error(w, "nothing here; connect "+p.how, http.StatusNotFound)
	}
}
