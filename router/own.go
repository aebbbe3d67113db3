package router

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/session"
	"github.com/wampeter/wampeter/internal/transport"
	"github.com/wampeter/wampeter/internal/transport/pipe"
	"github.com/wampeter/wampeter/wamp"
)

// ownSession is a realm's own session: a client within the process that the realm
// trusts. It is there from the first time that it is needed until the realm is
// closed.
type ownSession struct {
	realm   *Realm
	senders senders
	public  atomic.Pointer[Session]

	mu      sync.Mutex
	session *wamp.Session
	err     error
	dialing chan struct{} // closed when session or err is set; nil before
	closed  bool
	running sync.WaitGroup // the router's end of the connection
}

// Local returns the realm's own session, on which it serves what is mounted. It
// is for code beside the router that publishes, calls and registers in the
// realm: nobody has to accept it, no rule is for it, it may use URIs that begin
// with "wamp.", it is told who calls and publishes, and it does not appear in
// the meta API. What is mounted gets its events as well with wamp.ExcludeMe(false),
// since it is the same session. It does not keep a realm in being that is there only as long as
// it has sessions, and is closed with the realm; others must not close it.
//
// The error is ErrClosed when the realm or the router is closed.
func (r *Realm) Local() (*wamp.Session, error) { return r.own.open() }

func (o *ownSession) open() (*wamp.Session, error) {
	o.mu.Lock()
	switch {
	case o.closed:
		o.mu.Unlock()
		return nil, ErrClosed
	case o.dialing != nil:
		o.mu.Unlock()
		<-o.dialing // within the process it does not take long
		return o.session, o.err
	}
	o.dialing = make(chan struct{})
	o.mu.Unlock()

	log := o.realm.router.log.With(slog.String("realm", o.realm.name))
	s, err := (&wamp.Dialer{
		Router:         o,
		Realm:          o.realm.name,
		HandlerContext: o.context,
		Overflow:       wamp.DropOldest,
		Logger:         log,
	}).Dial(context.Background())
	if err != nil {
		err = fmt.Errorf("open the own session of realm %s: %w", o.realm.name, err)
	}
	o.mu.Lock()
	o.session, o.err = s, err
	o.mu.Unlock()
	close(o.dialing)
	return s, err
}

// opened reports whether the realm has an own session, or is about to.
func (o *ownSession) opened() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.dialing != nil
}

// DialWAMP implements wamp.Local.
func (o *ownSession) DialWAMP(context.Context) (transport.Conn, error) {
	r := o.realm.router
	limits := r.limits()
	limits.Budget = nil // what is left of it is for clients
	client, server := pipe.New(msg.CBOR, limits)
	l := &link{router: r, own: o}
	l.peer = session.New(server, l, &r.bounds().own)
	o.running.Go(func() {
		l.run()
		o.mu.Lock()
		closed := o.closed
		o.mu.Unlock()
		if !closed { // nobody but the realm should have done that
			r.log.LogAttrs(context.Background(), slog.LevelError, "a realm's own session has ended: what is mounted is not served any more",
				slog.String("realm", o.realm.name))
		}
	})
	return client, nil
}

// close ends the session. Its handlers have a moment to return.
func (o *ownSession) close() {
	o.mu.Lock()
	o.closed = true
	dialing := o.dialing
	o.mu.Unlock()
	if dialing == nil {
		return
	}
	<-dialing
	if o.session != nil {
		if err := o.session.CloseWith(context.Background(), wamp.CloseRealm, ""); err != nil {
			o.realm.router.log.LogAttrs(context.Background(), slog.LevelWarn, "mounted handlers have not returned",
				slog.String("realm", o.realm.name), slog.Any("reason", err))
		}
	}
	o.running.Wait()
}
