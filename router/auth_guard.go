package router

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wampeter/wampeter/wamp"
)

// AuthLimits slow down who guesses passwords, without shutting honest users out.
// The zero value has the defaults. All tables are bounded; when they are full,
// what is oldest in them is forgotten.
type AuthLimits struct {
	// Failures is how many failed logins within Window an address may have; an
	// IPv6 address counts by its /64. Then it is refused without being asked,
	// but for the principals that have logged in from it before. Default 20;
	// negative: no limit.
	Failures int

	// AuthIDFailures is how many failed logins within Window a principal may
	// have, from all addresses. Then addresses that have failed before are
	// refused for it. Default 100; negative: no limit.
	AuthIDFailures int

	// Window is the time after which failures no longer count. Default 1 min.
	Window time.Duration

	// Delay is how long the refusal takes when an address has failed three
	// times; it doubles with every further failure, up to eight times Delay.
	// Default 250 ms; negative: none.
	Delay time.Duration

	// Addresses and principals that are remembered, each; default 100,000.
	Remember int
}

func (c AuthLimits) withDefaults() AuthLimits {
	def := func(n *int, v int) {
		if *n == 0 {
			*n = v
		}
	}
	def(&c.Failures, 20)
	def(&c.AuthIDFailures, 100)
	def(&c.Remember, 100_000)
	if c.Window <= 0 {
		c.Window = time.Minute
	}
	if c.Delay == 0 {
		c.Delay = 250 * time.Millisecond
	}
	return c
}

// AuthStats counts what became of authentications since the router was made.
type AuthStats struct {
	Accepted uint64 // clients that have proved who they are
	Denied   uint64 // clients that have not
	Limited  uint64 // clients that were not even asked, because of AuthLimits
	Failed   uint64 // authentications that could not be carried out
}

// AuthStats returns how authentications have ended. Anonymous clients are not
// counted.
func (r *Router) AuthStats() AuthStats {
	g := &r.guard
	return AuthStats{Accepted: g.accepted.Load(), Denied: g.denied.Load(), Limited: g.limited.Load(), Failed: g.failed.Load()}
}

// guard watches authentications.
type guard struct {
	log *slog.Logger

	accepted, denied, limited, failed atomic.Uint64

	mu        sync.Mutex
	cfg       AuthLimits
	addresses remembered[netip.Prefix]
	names     remembered[principalName]
	friends   remembered[friend]
}

type principalName struct{ realm, authID string }

// friend is a principal who has logged in from an address.
type friend struct {
	address netip.Prefix
	principalName
}

func (g *guard) init(log *slog.Logger) {
	g.log = log
	g.addresses.init()
	g.names.init()
	g.friends.init()
}

// follow changes the limits. What is remembered stays, as far as there is room.
func (g *guard) follow(cfg AuthLimits) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cfg = cfg.withDefaults()
	g.addresses.bound(g.cfg.Remember)
	g.names.bound(g.cfg.Remember)
	g.friends.bound(g.cfg.Remember)
}

// identify is identify for clients who may be guessing: those who offer a method
// that asks for something, and all where the transport may tell who they are.
func (g *guard) identify(ctx context.Context, h *Handshake, list []Authenticator) (*Identity, error) {
	if !slices.ContainsFunc(h.Methods, func(m string) bool { return m != "anonymous" }) &&
		!slices.ContainsFunc(list, func(a Authenticator) bool { return a.Method() == "" }) {
		return identify(ctx, h, list)
	}
	who := friend{addressOf(h.Transport.Peer), principalName{h.Realm, h.AuthID}}
	if err := g.admit(who, time.Now()); err != nil {
		g.limited.Add(1)
		g.report(slog.LevelDebug, "authentication not tried", h, err)
		return nil, err
	}
	id, err := identify(ctx, h, list)
	switch {
	case err == nil && id.Method == "anonymous":
	case err == nil:
		g.accepted.Add(1)
		who.authID = id.AuthID
		g.welcome(who)
		if c := h.link.router.cookies(); c != nil {
			if err := c.bind(ctx, h, id); err != nil {
				g.report(slog.LevelError, "a cookie cannot be stored", h, err)
			}
		}
	case wrong(err):
		g.denied.Add(1)
		g.report(slog.LevelInfo, "authentication denied", h, err)
		if err == error(errNothingProved) && !h.challenged {
			break // a cookie that is missing is no guess
		}
		wait, full := g.failure(who, time.Now())
		if full {
			g.report(slog.LevelWarn, "too many failed logins from an address, which is refused for a while", h, nil)
		}
		pause(ctx, wait)
	case !told(err) && ctx.Err() == nil:
		g.failed.Add(1)
	}
	return id, err
}

// wrong reports whether err says that the client has not proved who it is.
func wrong(err error) bool {
	var d *denial
	return errors.As(err, &d) || errors.Is(err, wamp.ErrAuthenticationDenied) || errors.Is(err, wamp.ErrNoSuchPrincipal)
}

// told reports whether err is one that the client is told of, and has caused.
func told(err error) bool {
	var e *wamp.Error
	var u wamp.URI
	return errors.As(err, &e) || errors.As(err, &u) || errors.Is(err, errClientGone)
}

func (g *guard) report(level slog.Level, text string, h *Handshake, why error) {
	if !g.log.Enabled(context.Background(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("realm", h.Realm), slog.String("authid", clip(h.AuthID)), slog.String("peer", h.Transport.Peer),
		slog.String("transport", h.Transport.Type), slog.String("methods", clip(fmt.Sprint(h.Methods))),
	}
	if why != nil {
		attrs = append(attrs, slog.Any("reason", why))
	}
	g.log.LogAttrs(context.Background(), level, text, attrs...)
}

// clip bounds what a client can write into a log.
func clip(s string) string {
	if len(s) > 200 {
		return s[:200] + "…"
	}
	return s
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// addressOf returns the network that stands for a client's address; the zero
// value when it has none, such as a program on the same machine by a Unix
// socket.
func addressOf(peer string) netip.Prefix {
	var a netip.Addr
	if ap, err := netip.ParseAddrPort(peer); err == nil {
		a = ap.Addr()
	} else if a, err = netip.ParseAddr(peer); err != nil {
		return netip.Prefix{}
	}
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // bits is in range
	return p
}

// admit returns why a client is not even asked.
func (g *guard) admit(who friend, now time.Time) error {
	if !who.address.IsValid() {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.friends.find(who) != nil {
		return nil
	}
	failures := g.addresses.count(who.address, g.cfg.Window, now)
	if reached(failures, g.cfg.Failures) {
		return wamp.Errorf(wamp.ErrLimitExceeded, "too many failed logins from this address: try again later")
	}
	if who.authID != "" && failures > 0 && reached(g.names.count(who.principalName, g.cfg.Window, now), g.cfg.AuthIDFailures) {
		return wamp.Errorf(wamp.ErrLimitExceeded, "too many failed logins as this authid: try again later")
	}
	return nil
}

// failure notes a failed login. It returns how long the refusal is to take, and
// whether the address is refused from now on.
func (g *guard) failure(who friend, now time.Time) (wait time.Duration, full bool) {
	if !who.address.IsValid() {
		return 0, false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if who.authID != "" {
		g.names.add(who.principalName, g.cfg.Window, now)
	}
	n := g.addresses.add(who.address, g.cfg.Window, now)
	full = reached(n, g.cfg.Failures) && !reached(n-1, g.cfg.Failures)
	if nth := int(math.Ceil(n)); g.cfg.Delay > 0 && nth >= 3 {
		wait = g.cfg.Delay << min(nth-3, 3)
	}
	return wait, full
}

// reached reports whether so many failures are the limit, below 1 for none. A
// count goes down from the moment on in which it has gone up.
func reached(count float64, limit int) bool {
	return limit > 0 && count > float64(limit-1)
}

// welcome notes that a principal has logged in from an address.
func (g *guard) welcome(who friend) {
	if !who.address.IsValid() || who.authID == "" {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.friends.get(who)
}

// remembered is a bounded table of counters that go down with time.
type remembered[K comparable] struct {
	max     int
	entries map[K]*list.Element // of *memory[K]
	order   list.List           // what was used last comes first

	forgotten func(K) // is told what is forgotten; nil: nobody
}

type memory[K comparable] struct {
	key   K
	count float64
	at    time.Time
}

func (r *remembered[K]) init() {
	r.entries = make(map[K]*list.Element)
	r.order.Init()
}

// bound has the table hold at most limit entries. Those that were used longest
// ago make room.
func (r *remembered[K]) bound(limit int) {
	r.max = max(limit, 1)
	for len(r.entries) > r.max {
		r.forgetOldest()
	}
}

func (r *remembered[K]) find(key K) *memory[K] {
	e := r.entries[key]
	if e == nil {
		return nil
	}
	r.order.MoveToFront(e)
	return e.Value.(*memory[K])
}

func (r *remembered[K]) get(key K) *memory[K] {
	if m := r.find(key); m != nil {
		return m
	}
	if len(r.entries) >= r.max {
		r.forgetOldest()
	}
	m := &memory[K]{key: key}
	r.entries[key] = r.order.PushFront(m)
	return m
}

func (r *remembered[K]) forgetOldest() { r.forget(r.order.Back().Value.(*memory[K]).key) }

func (r *remembered[K]) forget(key K) {
	e := r.entries[key]
	if e == nil {
		return
	}
	delete(r.entries, key)
	r.order.Remove(e)
	if r.forgotten != nil {
		r.forgotten(key)
	}
}

// count returns what has been added within the window, the older the less.
func (r *remembered[K]) count(key K, window time.Duration, now time.Time) float64 {
	m := r.find(key)
	if m == nil {
		return 0
	}
	return m.now(window, now)
}

func (r *remembered[K]) add(key K, window time.Duration, now time.Time) float64 {
	m := r.get(key)
	m.count = m.now(window, now) + 1
	m.at = now
	return m.count
}

// now returns what is left of the count, nothing after a whole window.
func (m *memory[K]) now(window time.Duration, now time.Time) float64 {
	age := now.Sub(m.at)
	if age >= window {
		return 0
	}
	return m.count * (1 - float64(age)/float64(window))
}
