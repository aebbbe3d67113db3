package router

import (
	"crypto/sha256"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wampeter/wampeter/internal/core"
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
)

// Realm is a space of its own for registrations, subscriptions and sessions.
type Realm struct {
	router *Router
	name   string
	configurable

	own ownSession

	config     RealmConfig   // but for its Authenticators, which are settings; guarded by changing
	generation atomic.Uint64 // counts configurations

	access  atomic.Pointer[access] // nil: everything is allowed; changed with mu held
	purged  atomic.Uint64          // counts how often what Authorizers have said was forgotten
	purging atomic.Bool            // PurgeProcedure is registered

	making   *making // nil: there is nothing to wait for
	template atomic.Pointer[template]

	gone atomic.Pointer[farewell] // it was taken off the router

	permanent bool // guarded by router.mu
	users     int  // sessions in it or about to join; guarded by router.mu

	mu       sync.Mutex
	core     *core.Realm
	sessions map[uint64]*link
	inRole   map[string]int // sessions by role
	out      core.Out       // scratch of whoever holds mu
	passing  *link          // whose message is handled
	disclose Disclosure     // whether its session is made known
	ended    []*Session     // in the operation under way
	alarm    alarm
}

func newRealm(r *Router, name string) *Realm {
	realm := &Realm{
		router:   r,
		name:     name,
		sessions: make(map[uint64]*link),
		inRole:   make(map[string]int),
	}
	realm.own.realm = realm
	realm.config = r.cfg.realmConfig()
	cfg := realm.coreConfig(&realm.config, nil)
	cfg.Now, cfg.Rand, cfg.Key = time.Now, rand.Uint64, realmKey(r.key, name)
	payloads(&cfg)
	realm.core = core.New(cfg)
	return realm
}

// realmKey returns the key of a realm's registration and subscription ids, so
// that an id says nothing about other realms.
func realmKey(key [16]byte, name string) (k [16]byte) {
	sum := sha256.Sum256(append(key[:], name...))
	copy(k[:], sum[:])
	return k
}

// Name returns the realm's URI.
func (r *Realm) Name() string { return r.name }

// join makes l a session of the realm and answers with welcome. Effects go into b. It
// returns the session's ID, or why the realm takes no more.
//
// s is the application's handle of the session, nil when nobody has asked for
// one.
func (r *Realm) join(l *link, s *Session, welcome *msg.Message, b *batch) (id uint64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	role := l.session.AuthRole
	if a := r.access.Load(); a != nil && l.own == nil {
		limits := a.role(role).limits
		if limits.Sessions > 0 && r.inRole[role] >= limits.Sessions {
			return 0, &msg.Violation{URI: msg.ErrLimitExceeded, Text: "there are as many sessions of role " + quote(role) + " as may be"}
		}
		l.session.MaxRegistrations, l.session.MaxSubscriptions = limits.Registrations, limits.Subscriptions
	}
	r.inRole[role]++
	for r.sessions[l.session.ID] != nil {
		l.session.ID = newID()
	}
	id = l.session.ID
	r.sessions[id] = l
	l.joined = true
	l.public.Store(s)
	switch {
	case s != nil:
		s.id = id
	case r.screened():
		r.handleOf(l) // somebody has begun to ask since HELLO came
	}
	// From here on it can be killed, or ended by a shutdown; not before, since
	// it would not be in the realm yet.
	l.state.Store(open)
	// WELCOME first: whatever joining sends to the session comes after it.
	welcome.ID = id
	_ = l.peer.Send(welcome, nil)
	r.core.Join(&l.session, &r.out)
	r.deliver(b, nil, nil)
	return id, nil
}

// leave ends the session of l, unless it has ended before. Further effects go
// into b.
func (r *Realm) leave(l *link, b *batch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !l.joined {
		return
	}
	r.forget(l)
	r.core.Leave(&l.session, &r.out)
	r.deliver(b, nil, nil)
}

// killed ends the session of l, which the core has made leave, with the GOODBYE
// m. r.mu is held.
func (r *Realm) killed(l *link, m *msg.Message) {
	r.forget(l)
	if !l.state.CompareAndSwap(open, leaving) {
		return // it is ending already
	}
	text := ""
	if m.Options.X != nil {
		text = m.Options.X.Reason
	}
	l.farewell(m.URI, text)
}

// forget takes the session of l off the realm. The application hears of it in a
// goroutine that Close waits for. r.mu is held.
func (r *Realm) forget(l *link) {
	l.joined = false
	delete(r.sessions, l.session.ID)
	if r.inRole[l.session.AuthRole]--; r.inRole[l.session.AuthRole] == 0 {
		delete(r.inRole, l.session.AuthRole)
	}
	switch s := l.public.Load(); {
	case s == nil:
	case l.own != nil:
		s.cancel() // nobody waits for its end
	default:
		s.cancel()
		r.ended = append(r.ended, s)
	}
}

// tellEnds has the application hear of what has ended, r.out.Ended and then
// r.ended. r.mu is held.
func (r *Realm) tellEnds() {
	for _, v := range r.out.Ended {
		sub := v.(*subscription)
		sub.session.later(sub.end)
	}
	for i, s := range r.ended {
		s.later(s.end)
		r.ended[i] = nil
	}
	r.ended = r.ended[:0]
}

// handleOf returns the application's handle of the session of l, made when
// nobody has asked for it before. r.mu is held.
func (r *Realm) handleOf(l *link) *Session {
	if s := l.public.Load(); s != nil {
		return s
	}
	of := &l.session
	s := newSession(l, r, &Handshake{SessionID: of.ID, Transport: transportOf(l)})
	s.roles = of.Roles
	s.identity = &Identity{AuthID: of.AuthID, Role: of.AuthRole, Method: of.AuthMethod, Provider: of.AuthProvider, by: "anonymous"}
	if !l.joined {
		s.cancel() // it is about to leave, with a last word
		s.ended = true
	}
	l.public.Store(s)
	return s
}

// handle passes one message of an open session to the core. Effects go into b.
func (r *Realm) handle(l *link, m *msg.Message, block *transport.Block, p permit, b *batch) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !l.joined {
		return nil // ended by somebody else meanwhile
	}
	if p.access != r.access.Load() && (m.Type == msg.Register || m.Type == msg.Subscribe) && !l.session.Trusted {
		return errStale // what is revoked must not come back
	}
	r.passing, r.disclose = l, p.disclosure()
	var err error
	switch m.Type {
	case msg.Call:
		err = r.core.Call(&l.session, m, &r.out)
	case msg.Yield:
		err = r.core.Yield(&l.session, m, &r.out)
	case msg.Publish:
		err = r.core.Publish(&l.session, m, &r.out)
	case msg.Subscribe:
		err = r.core.Subscribe(&l.session, m, &r.out)
		r.subscribed(l, m)
	case msg.Unsubscribe:
		err = r.core.Unsubscribe(&l.session, m, &r.out)
	case msg.Register:
		err = r.core.Register(&l.session, m, &r.out)
	case msg.Unregister:
		err = r.core.Unregister(&l.session, m, &r.out)
	case msg.Cancel:
		err = r.core.Cancel(&l.session, m, &r.out)
	case msg.Error:
		if m.ErrType != msg.Invocation {
			err = &msg.Violation{Text: "ERROR for " + m.ErrType.String() + " is not for a client to send"}
			break
		}
		err = r.core.Error(&l.session, m, &r.out)
	case msg.EventReceived:
		// an extension that nothing here depends on
	default:
		err = &msg.Violation{Text: m.Type.String() + " is not for a client to send in an open session"}
	}
	r.passing = nil
	r.deliver(b, m, block)
	return err
}

// quote makes a name that a client sent fit for messages and logs.
func quote(s string) string {
	if len(s) > 200 {
		s = s[:200] + "…"
	}
	return strconv.Quote(s)
}
