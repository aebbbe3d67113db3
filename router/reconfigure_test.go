package router_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/wampeter/wampeter/router"
)

// Bounds of a router that runs are changed beneath sessions that stay.
func TestReconfigure(t *testing.T) {
	rt, addr := newRouter(t, router.Config{MaxRealms: 1, DecisionTimeout: time.Hour, MaxMessage: 8 << 20})
	slow := join(t, addr)
	full := dialWire(t, addr, 15)
	full.send(`[1,"realm2",` + allRoles + `]`)
	full.expect(`[3,"*","wamp.error.no_such_realm"]`)
	decideBy(rt.Realm("realm1"), func(ctx context.Context, _ *router.Session, uri string) error {
		if uri == "com.slow" {
			<-ctx.Done()
		}
		return ctx.Err()
	})

	rt.Reconfigure(router.Bounds{
		MaxRealms: 2, DecisionTimeout: 200 * time.Millisecond, HandshakeTimeout: 50 * time.Millisecond, MaxQueue: 1 << 10, GoodbyeTimeout: 50 * time.Millisecond,
	})
	slow.send(`[48,1,{},"com.slow"]`)
	slow.expect(`[8,48,1,{},"wamp.error.authorization_failed",["*"]]`)
	other := dialWire(t, addr, 15)
	other.hello("realm2")
	late := dialWire(t, addr, 15)
	late.expect(`[3,"*","wamp.error.protocol_violation"]`)
	late.expectEnd()

	// A client that does not read has the new queue, whatever others have.
	reader, writer := join(t, addr), join(t, addr)
	slow.subscribe(`{}`, "com.t")
	reader.subscribe(`{}`, "com.t")
	large := `["` + strings.Repeat("x", 1<<20) + `"]`
	sessions := len(rt.Realm("realm1").Sessions())
	for n := 0; len(rt.Realm("realm1").Sessions()) == sessions; n++ {
		if n == 200 {
			t.Fatal("200 MiB wait for a client that does not read")
		}
		writer.publish("", "com.t", large)
		slow.expect(`[36,"$sub","*",{},"*"]`)
	}
	reader.gone()
}
