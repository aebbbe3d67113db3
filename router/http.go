package router

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/wampeter/wampeter/internal/transport/websocket"
)

// ServeHTTP takes a WebSocket connection, on whatever path r is mounted, and
// serves it until it ends (specification, section "WebSocket Transport").
func (r *Router) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	e := r.cfg.endpoint()
	conn, err := websocket.Upgrade(w, req, r.webSocket(&e))
	if err != nil {
		r.log.LogAttrs(context.Background(), slog.LevelInfo, "WebSocket connection refused",
			slog.String("peer", req.RemoteAddr), slog.Any("reason", err))
		return
	}
	r.run(conn)
}

// LongPoll returns the handler for clients that know HTTP requests only, to be
// mounted below a path of an application's own server, such as "/lp/"
// (specification, section "HTTP Long-Poll Transport"). Listeners given to Serve
// have it on Config.LongPollPath.
func (r *Router) LongPoll() http.Handler { return r.polls }
