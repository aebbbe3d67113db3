package router_test

import (
	"context"
	"log"
	"log/slog"
	"time"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// exampleRouter returns a router without a log, a context, and what ends both.
// Examples dial it within the process; other programs do so by its address.
func exampleRouter(cfg router.Config) (context.Context, *router.Router, func()) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	cfg.Logger = slog.New(slog.DiscardHandler)
	rt := router.New(cfg)
	return ctx, rt, func() {
		_ = rt.Close()
		cancel()
	}
}

// dial opens a client's session.
func dial(ctx context.Context, rt *router.Router, realm string) *wamp.Session {
	s, err := rt.Session(ctx, realm)
	if err != nil {
		log.Fatal(err)
	}
	return s
}
