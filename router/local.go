package router

import (
	"context"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
	"github.com/wampeter/wampeter/internal/transport/pipe"
	"github.com/wampeter/wampeter/wamp"
)

// DialWAMP opens a connection within the process. It makes a Router usable as
// wamp.Dialer.Router.
func (r *Router) DialWAMP(context.Context) (transport.Conn, error) {
	client, server := pipe.New(msg.CBOR, r.limits())
	if !r.start(func() { r.run(server) }) {
		return nil, ErrClosed
	}
	return client, nil
}

// Session opens a session in the realm for code in the same process. There is
// no socket, and no message is shared: arguments are encoded once, as on any
// other connection.
func (r *Router) Session(ctx context.Context, realm string) (*wamp.Session, error) {
	return (&wamp.Dialer{Router: r, Realm: realm, Logger: r.log}).Dial(ctx)
}

// start runs f in a goroutine that Close waits for; not at all when the router
// takes no connections any more.
func (r *Router) start(f func()) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing {
		return false
	}
	r.running.Go(f)
	return true
}
