package router

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/uri"
)

// Session is one client's session as the application beside the router sees
// it. Its methods may be called by any goroutine, also when it has ended.
type Session struct {
	realm     *Realm
	link      *link
	id        uint64
	transport *Transport
	dict      []byte // HELLO.Details, nil when they have been forgotten
	roles     msg.Roles

	ctx    context.Context // ends with the session
	cancel context.CancelFunc

	rights *rights              // of the link's goroutine
	mine   atomic.Pointer[view] // what the session may do
	purged atomic.Uint64        // counts how often what Authorizers have said was forgotten

	subscribing *subscription // functions of OnSubscribe decide on it; guarded by realm.mu

	mu       sync.Mutex
	identity *Identity
	values   map[any]any
	done     []func() // from the hooks, in their order
	expiry   *time.Timer
	ended    bool
	tasks    []func()      // what the application is to hear, in order
	working  chan struct{} // closed when all of it has been told; nil when nobody tells
}

func newSession(l *link, realm *Realm, h *Handshake) *Session {
	s := &Session{
		realm:     realm,
		link:      l,
		id:        h.SessionID,
		transport: h.Transport,
		dict:      h.dict,
		identity:  &Identity{},
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// ID returns the session's ID.
func (s *Session) ID() uint64 { return s.id }

// Realm returns the realm that the session is in.
func (s *Session) Realm() *Realm { return s.realm }

// AuthID returns the name of the principal.
func (s *Session) AuthID() string { return s.Identity().AuthID }

// Role returns the role that the realm's rules go by.
func (s *Session) Role() string { return s.Identity().Role }

// Identity returns what the Authenticator found out. It must not be changed.
func (s *Session) Identity() *Identity {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.identity
}

// Transport returns how the client is connected.
func (s *Session) Transport() *Transport { return s.transport }

// Details returns HELLO.Details. They are empty for a session that was there
// before the program had any use for them.
func (s *Session) Details() map[string]any { return dictionary(s.link.peer.Format(), s.dict) }

// Context returns a context that ends when the session has ended.
func (s *Session) Context() context.Context { return s.ctx }

// Close ends the session with GOODBYE, as wamp.session.kill does: what it has
// registered and subscribed to is gone when Close returns. An empty reason is
// wamp.close.killed; the message may be empty. It fails when reason is no URI.
// A session that has ended already stays as it is.
func (s *Session) Close(reason, message string) error {
	_, err := s.close(reason, message)
	return err
}

// close is Close, and reports whether the session was open.
func (s *Session) close(reason, message string) (closed bool, err error) {
	if s.link.own != nil {
		return false, errors.New("close a session: a realm's own session ends with the realm")
	}
	if reason == "" {
		reason = msg.CloseKilled
	}
	if !uri.Valid([]byte(reason), false) {
		return false, errors.New("close a session: the reason " + quote(reason) + " is not a URI")
	}
	var b batch
	r := s.realm
	r.mu.Lock()
	if closed = s.link.joined && s.link.public.Load() == s; closed {
		r.core.Kill(&s.link.session, reason, message, &r.out)
		r.deliver(&b, nil, nil)
	}
	r.mu.Unlock()
	b.flush()
	return closed, nil
}

// SetExpiry makes the session end at a time, with GOODBYE wamp.close.auth; the
// zero time: never. It takes the place of Identity.Expires, for a principal
// that has proved anew who it is.
func (s *Session) SetExpiry(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setExpiry(at)
}

// Renew has the session go on as id says: its principal has proved anew who it
// is. Expires, Evidence and Value take the place of those of Identity. It fails
// when id is another principal or role, which need another session.
func (s *Session) Renew(id *Identity) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := *s.identity
	if id.AuthID != now.AuthID || roleOf(id) != now.Role {
		return deny(fmt.Errorf("the session is %s as %s, and is to be renewed for %s as %s", quote(now.AuthID), quote(now.Role), quote(id.AuthID), quote(roleOf(id))))
	}
	now.Evidence, now.Value = id.Evidence, id.Value
	s.identity = &now
	s.setExpiry(id.Expires)
	return nil
}

// setExpiry is SetExpiry. s.mu is held.
func (s *Session) setExpiry(at time.Time) {
	if s.expiry != nil {
		s.expiry.Stop()
		s.expiry = nil
	}
	id := *s.identity
	id.Expires = at
	s.identity = &id
	if at.IsZero() || s.ended {
		return
	}
	s.expiry = time.AfterFunc(time.Until(at), func() {
		_ = s.Close(msg.CloseAuth, "the authentication has expired")
	})
}

func (s *Session) log(level slog.Level, text string, attrs ...slog.Attr) {
	attrs = append([]slog.Attr{
		slog.Uint64("session", s.id), slog.String("realm", s.realm.name),
		slog.String("authid", s.AuthID()), slog.String("authrole", s.Role()),
	}, attrs...)
	s.realm.router.log.LogAttrs(context.Background(), level, text, attrs...)
}

// setIdentity completes an authenticator's identity.
func (s *Session) setIdentity(id *Identity) {
	if id.AuthID == "" {
		id.AuthID = randomAuthID()
	}
	id.Role = roleOf(id)
	if id.Provider == "" {
		id.Provider = "static"
	}
	s.mu.Lock()
	s.identity = id
	s.mu.Unlock()
}

// atEnd adds a function that is called when the session has ended.
func (s *Session) atEnd(done func()) {
	if done == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = append(s.done, done)
}

// later calls f after all that later was given before, in a goroutine that Close
// waits for: the link is running, so Close has not returned.
func (s *Session) later(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tasks = append(s.tasks, f)
	if s.working == nil {
		s.working = make(chan struct{})
		s.realm.router.functions.Go(s.work)
	}
}

// work calls what there is to be called.
func (s *Session) work() {
	for {
		s.mu.Lock()
		if len(s.tasks) == 0 {
			s.tasks = nil
			close(s.working)
			s.working = nil
			s.mu.Unlock()
			return
		}
		f := s.tasks[0]
		s.tasks[0] = nil
		s.tasks = s.tasks[1:]
		s.mu.Unlock()
		f()
	}
}

// idle waits until all that later was given has been called.
func (s *Session) idle(ctx context.Context) error {
	s.mu.Lock()
	working := s.working
	s.mu.Unlock()
	if working == nil {
		return nil
	}
	select {
	case <-working:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// end tells the application that the session has ended. It is called once, by
// a goroutine that holds no lock.
func (s *Session) end() {
	s.cancel()
	s.mu.Lock()
	done := s.done
	s.done, s.ended = nil, true
	if s.expiry != nil {
		s.expiry.Stop()
		s.expiry = nil
	}
	s.mu.Unlock()
	for i := len(done) - 1; i >= 0; i-- {
		s.run(done[i])
	}
}

// run calls a function of the application, which must not take the router down.
func (s *Session) run(f func()) {
	defer func() {
		if v := recover(); v != nil {
			s.log(slog.LevelError, "a function for the end of a session panics", slog.Any("panic", v))
		}
	}()
	f()
}
