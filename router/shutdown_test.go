package router_test

import (
	"context"
	"testing"

	"github.com/wampeter/wampeter/router"
)

// Connections whose session has ended already, and which the client has not
// closed yet, are no obstacle to a shutdown.
func TestShutdownAfterTheSession(t *testing.T) {
	everyVia(t, func(t *testing.T, v via) {
		rt, addr := newRouter(t, router.Config{})
		broken, aborted, left := v.join(t, addr), v.join(t, addr), v.join(t, addr)
		broken.send(`[99]`)
		broken.expect(`[3,"*","wamp.error.protocol_violation"]`)
		aborted.send(`[3,{},"wamp.close.normal"]`)
		left.send(`[6,{},"wamp.close.normal"]`)
		left.expect(`[6,{},"wamp.close.goodbye_and_out"]`)
		aborted.expectEnd()
		done := make(chan error, 1)
		go func() { done <- rt.Shutdown(context.Background()) }()
		left.expect(`[3,"*","wamp.close.system_shutdown"]`)
		left.expectEnd()
		broken.expectEnd()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
