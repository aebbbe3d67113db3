package router

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/wampeter/wampeter/internal/codec"
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/wamp"
)

// Handshake is what is known of a client that wants a session. It is valid
// until the session is open or refused.
type Handshake struct {
	Realm     string         // the realm that HELLO names
	AuthID    string         // HELLO.Details.authid: who the client says it is
	AuthRole  string         // HELLO.Details.authrole: the role that it wants
	Methods   []string       // HELLO.Details.authmethods, in the client's order
	Extra     map[string]any // HELLO.Details.authextra
	Details   map[string]any // all of HELLO.Details
	SessionID uint64         // the ID of the session to be
	Transport *Transport

	dict       []byte // Details, serialized
	link       *link
	auth       *authentication
	generation uint64 // Realm.generation before it began

	challenged bool // at least once
}

// Challenge sends CHALLENGE and returns what the client answers by
// AUTHENTICATE (specification, advanced profile, section "Authentication"). It
// fails when the client does something else, is gone, or ctx ends: return that
// error.
func (h *Handshake) Challenge(ctx context.Context, method string, extra map[string]any) (signature string, answer map[string]any, err error) {
	if extra == nil {
		extra = map[string]any{}
	}
	m := msg.Message{Type: msg.Challenge, URI: []byte(method)}
	if m.Dict, err = codec.Marshal(nil, h.link.peer.Format(), extra); err != nil {
		return "", nil, fmt.Errorf("extra of CHALLENGE: %w", err)
	}
	if err := h.auth.await(); err != nil {
		return "", nil, err
	}
	h.challenged = true
	if err := h.link.peer.Send(&m, nil); err != nil {
		return "", nil, fmt.Errorf("send CHALLENGE: %w", err)
	}
	h.link.peer.Flush()
	select {
	case a := <-h.auth.answers:
		return a.signature, a.extra, nil
	case <-h.auth.ctx.Done():
		return "", nil, context.Cause(h.auth.ctx)
	case <-ctx.Done():
		return "", nil, context.Cause(ctx)
	}
}

// Accepts reports whether the client offers an authentication method. One that
// offers none is content with "anonymous".
func (h *Handshake) Accepts(method string) bool {
	if len(h.Methods) == 0 {
		return method == "anonymous"
	}
	return slices.Contains(h.Methods, method)
}

// authentication is a handshake under way, between the link's reader and the
// goroutine that asks the application.
type authentication struct {
	ctx     context.Context
	cancel  context.CancelCauseFunc
	answers chan answer // capacity 1
	done    chan struct{}

	mu       sync.Mutex
	awaiting bool // CHALLENGE was sent
	over     bool // it must not lead to a session any more
	decided  bool // it does lead to a session
}

type answer struct {
	signature string
	extra     map[string]any
}

var (
	errClientGone   = errors.New("the client is gone")
	errLateIdentity = errors.New("the client was not authenticated in time")
)

// await notes that CHALLENGE is about to be sent.
func (a *authentication) await() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over {
		return context.Cause(a.ctx)
	}
	if a.awaiting {
		return errors.New("CHALLENGE before the answer to the last one")
	}
	a.awaiting = true
	return nil
}

// authenticate hands AUTHENTICATE on. It runs on the reader.
func (a *authentication) authenticate(f msg.Format, m *msg.Message) error {
	a.mu.Lock()
	expected := a.awaiting
	a.awaiting = false
	a.mu.Unlock()
	if !expected {
		return &msg.Violation{Text: "AUTHENTICATE without CHALLENGE"}
	}
	got := answer{signature: string(m.URI)}
	if len(m.Dict) > maxHello {
		return &msg.Violation{Text: fmt.Sprintf("AUTHENTICATE.Extra is larger than %d bytes", maxHello)}
	}
	if err := codec.Unmarshal(f, m.Dict, &got.extra); err != nil {
		return &msg.Violation{Text: "AUTHENTICATE.Extra: " + err.Error()}
	}
	a.answers <- got // has room, since each answer was awaited
	return nil
}

// end makes sure that the handshake does not lead to a session that nobody
// knows of: either it never will, or it has.
func (a *authentication) end(cause error) {
	a.mu.Lock()
	a.over = true
	decided := a.decided
	a.mu.Unlock()
	a.cancel(cause)
	if decided {
		<-a.done
	}
}

// decide reports whether the session may be opened.
func (a *authentication) decide() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.decided = !a.over
	return a.decided
}

// authenticate finds out who the client is and opens its session, in a
// goroutine of its own: applications may take their time, and the client may
// have to answer.
func (l *link) authenticate(a *authentication, h *Handshake, realm *Realm, roles msg.Roles) {
	defer close(a.done)
	s, err := l.admit(a, h, realm, roles)
	if err == nil {
		err = l.open(a, h, realm, s)
	}
	if err == nil {
		return
	}
	if s != nil {
		s.end()
	}
	l.router.exit(realm)
	v := l.refusal(h, err)
	a.mu.Lock()
	over := a.over
	a.mu.Unlock()
	if !over {
		l.peer.Abort(v, v)
	}
}

// admit asks hooks and authenticators. The session that it returns is to be
// ended, also when there is an error.
func (l *link) admit(a *authentication, h *Handshake, realm *Realm, roles msg.Roles) (s *Session, err error) {
	s = newSession(l, realm, h)
	s.roles = roles
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	ctx := serving(a.ctx, s)
	all := l.router.settings()
	if err := s.hello(ctx, h, all); err != nil {
		return s, err
	}
	// Whoever is not wanted at all has not caused a realm to be made.
	if err := realm.made(a.ctx); err != nil {
		return s, err
	}
	set := realm.settings()
	if err := s.hello(ctx, h, set); err != nil {
		return s, err
	}
	id, err := l.router.guard.identify(ctx, h, set.authenticators)
	if err != nil {
		return s, err
	}
	s.setIdentity(id)
	for _, set := range [...]*settings{all, set} {
		for _, f := range set.onSession {
			done, err := f(ctx, s)
			s.atEnd(done)
			if err != nil {
				return s, err
			}
		}
	}
	return s, nil
}

// hello calls the functions for a client that has sent HELLO.
func (s *Session) hello(ctx context.Context, h *Handshake, set *settings) error {
	for _, f := range set.onHello {
		done, err := f(ctx, h)
		s.atEnd(done)
		if err != nil {
			return err
		}
	}
	return nil
}

// identify asks one authenticator after the other.
func identify(ctx context.Context, h *Handshake, list []Authenticator) (*Identity, error) {
	if len(list) == 0 {
		if h.Accepts("anonymous") {
			return &Identity{Method: "anonymous", AuthID: randomAuthID(), Role: "anonymous", Provider: "static", by: "anonymous"}, nil
		}
		return nil, wamp.Errorf(wamp.ErrNoMatchingAuthMethod, "this realm knows the authentication method anonymous only")
	}
	for _, a := range list {
		if a.Method() != "" {
			continue
		}
		if id, err := ask(ctx, h, a); id != nil || err != nil {
			return id, err
		}
	}
	methods := h.Methods
	if len(methods) == 0 {
		methods = []string{"anonymous"}
	}
	asked := false
	for i, method := range methods {
		if slices.Contains(methods[:i], method) {
			continue
		}
		for _, a := range list {
			if a.Method() != method || method == "" {
				continue
			}
			asked = true
			id, err := ask(ctx, h, a)
			if id != nil && id.cookie && !acceptedBy(list, id) {
				continue // what it stands for is not accepted any more
			}
			if id != nil || err != nil {
				return id, err
			}
		}
	}
	switch {
	case asked:
		return nil, errNothingProved
	case slices.Equal(methods, []string{"anonymous"}):
		return nil, wamp.Errorf(wamp.ErrAuthenticationRequired, "this realm is not open to anonymous sessions")
	}
	return nil, wamp.Errorf(wamp.ErrNoMatchingAuthMethod, "this realm knows none of the authentication methods that the client offers")
}

// errNothingProved refuses clients that no authenticator has accepted, or refused.
var errNothingProved = wamp.Errorf(wamp.ErrAuthenticationDenied, "the authentication was not accepted")

// ask returns a copy of the identity that a found out, complete.
func ask(ctx context.Context, h *Handshake, a Authenticator) (*Identity, error) {
	found, err := a.Authenticate(ctx, h)
	if found == nil || err != nil {
		return nil, err
	}
	id := *found
	id.by = a.Method()
	if id.Method == "" {
		id.Method = a.Method()
	}
	return &id, nil
}

// refusal is the ABORT for an error of the application, or of the client.
func (l *link) refusal(h *Handshake, err error) *msg.Violation {
	var (
		v *msg.Violation
		e *wamp.Error
		u wamp.URI
	)
	switch {
	case errors.As(err, &v):
		return v
	case errors.As(err, &e):
		return &msg.Violation{URI: string(e.URI), Text: e.Message()}
	case errors.As(err, &u):
		return &msg.Violation{URI: string(u), Text: "the session is refused"}
	case errors.Is(err, errLateIdentity), errors.Is(err, context.DeadlineExceeded):
		return &msg.Violation{URI: msg.ErrAuthenticationFailed, Text: errLateIdentity.Error()}
	}
	if !errors.Is(err, errClientGone) {
		l.router.log.LogAttrs(context.Background(), slog.LevelError, "authentication failed",
			slog.String("realm", h.Realm), slog.String("authid", h.AuthID), slog.String("peer", h.Transport.Peer), slog.Any("error", err))
	}
	return &msg.Violation{URI: msg.ErrAuthenticationFailed, Text: "the authentication could not be carried out"}
}
