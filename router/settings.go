package router

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// settings are what an application has added to a router or to one realm. They
// are replaced, never changed, so that a reader needs no lock.
type settings struct {
	authenticators []Authenticator
	onHello        []func(ctx context.Context, h *Handshake) (done func(), err error)
	onSession      []func(ctx context.Context, s *Session) (done func(), err error)
	providers      []provider
	calls          func(ctx context.Context, c *Call) error // nil: calls are routed
	interceptors   []interceptor
	onSubscribe    []topicHandler
}

// configurable has settings that can be changed while sessions come and go.
type configurable struct {
	changing sync.Mutex
	current  atomic.Pointer[settings]
}

var noSettings settings

func (c *configurable) settings() *settings {
	if s := c.current.Load(); s != nil {
		return s
	}
	return &noSettings
}

// change applies f to a copy of the settings. f appends to slices without
// growing them in place: what readers have stays as it is.
func (c *configurable) change(f func(*settings)) {
	c.changing.Lock()
	defer c.changing.Unlock()
	s := *c.settings()
	f(&s)
	c.current.Store(&s)
}

// with returns list with v at its end, in memory of its own.
func with[T any](list []T, v ...T) []T {
	return append(list[:len(list):len(list)], v...)
}

// OnHello adds a function that is called when a client of any realm has sent
// HELLO, before it is authenticated. An error refuses it, like one of an
// Authenticator. done, unless nil, is called once when the session has ended,
// or has not come about.
func (r *Router) OnHello(f func(ctx context.Context, h *Handshake) (done func(), err error)) {
	r.change(func(s *settings) { s.onHello = with(s.onHello, f) })
}

// OnSession adds a function that is called for each session of any realm, after
// the client has been authenticated and before it gets WELCOME. An error
// refuses it, like one of an Authenticator. done, unless nil, is called once
// when the session has ended, however that came about.
//
// Functions run in the order in which they were added, the router's before the
// realm's, and what they returned in the opposite order.
func (r *Router) OnSession(f func(ctx context.Context, s *Session) (done func(), err error)) {
	r.change(func(s *settings) { s.onSession = with(s.onSession, f) })
}

// OnHello is Router.OnHello for one realm.
func (r *Realm) OnHello(f func(ctx context.Context, h *Handshake) (done func(), err error)) {
	r.change(func(s *settings) { s.onHello = with(s.onHello, f) })
}

// OnSession is Router.OnSession for one realm.
func (r *Realm) OnSession(f func(ctx context.Context, s *Session) (done func(), err error)) {
	r.change(func(s *settings) { s.onSession = with(s.onSession, f) })
}

// Authenticate adds ways to find out who the clients of the realm are. Without
// any, every client is taken as anonymous.
//
// Authenticators that look at the transport are asked first, in the order in
// which they were added; then those of the methods that the client offers, in
// the client's order. The first that accepts or refuses decides.
func (r *Realm) Authenticate(a ...Authenticator) {
	r.change(func(s *settings) { s.authenticators = with(s.authenticators, a...) })
	r.attend()
}

// Authenticators returns what Authenticate was given, in its order.
func (r *Realm) Authenticators() []Authenticator { return slices.Clone(r.settings().authenticators) }
