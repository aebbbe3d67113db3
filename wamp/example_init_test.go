package wamp_test

import (
	"context"
	"log"
	"log/slog"
	"time"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// join returns a session with a router in memory, and what ends both. The
// examples use it in place of a Dialer with the URL of a router.
func join() (context.Context, *wamp.Session, func()) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	rt := router.New(router.Config{Logger: slog.New(slog.DiscardHandler)})
	s, err := rt.Session(ctx, "realm1")
	if err != nil {
		log.Fatal(err)
	}
	return ctx, s, func() {
		_ = s.Close(ctx)
		_ = rt.Close()
		cancel()
	}
}
