package router

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"

	"github.com/wampeter/wampeter/internal/codec"
	"github.com/wampeter/wampeter/internal/core"
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/uri"
)

// maxHello is the largest HELLO.Details in bytes. They are decoded as a whole,
// which takes many times that, for clients that nobody knows yet.
const maxHello = 64 << 10

// hello opens a session (specification, section "Session Establishment").
func (l *link) hello(m *msg.Message) error {
	if len(m.Dict) > maxHello {
		return &msg.Violation{Text: "HELLO.Details are larger than " + strconv.Itoa(maxHello) + " bytes"}
	}
	var details map[string]any
	if err := codec.Unmarshal(l.peer.Format(), m.Dict, &details); err != nil {
		return &msg.Violation{Text: "HELLO.Details: " + err.Error()}
	}
	roles, ok := msg.ParseRoles(details["roles"])
	if !ok || roles.Set&(msg.Caller|msg.Callee|msg.Publisher|msg.Subscriber) == 0 {
		return &msg.Violation{Text: "HELLO.Details.roles has to name at least one of caller, callee, publisher, subscriber"}
	}
	if len(m.URI) > core.DefaultMaxURI || !uri.Valid(m.URI, l.router.cfg.StrictURI) {
		return &msg.Violation{URI: msg.ErrInvalidURI, Text: "realm " + quote(string(m.URI)) + " is not a valid URI"}
	}
	methods, err := authMethods(details["authmethods"])
	if err != nil {
		return err
	}
	h := &Handshake{Realm: string(m.URI), Methods: methods, Details: details, SessionID: newID(), dict: m.Dict, link: l}
	if l.own != nil {
		return l.openOwn(h, roles)
	}
	realm, err := l.router.enter(h.Realm)
	if err != nil {
		return err
	}
	h.generation = realm.generation.Load()
	if !realm.isMade() || realm.asks() {
		l.introduce(h, realm, roles)
		return nil
	}
	id, err := identify(context.Background(), h, nil)
	if err == nil {
		err = l.admitted(h, realm, roles, id, realm.firstHandle(l, h, roles, id))
	}
	if err != nil {
		l.router.exit(realm)
		return l.refusal(h, err)
	}
	return nil
}

// asks reports whether the application has a say in who joins the realm.
func (r *Realm) asks() bool {
	for _, set := range [...]*settings{r.router.settings(), r.settings()} {
		if len(set.authenticators)+len(set.onHello)+len(set.onSession) > 0 {
			return true
		}
	}
	return false
}

// firstHandle returns the application's handle for a session that is about to
// be opened, nil when so far nobody has any use for one.
func (r *Realm) firstHandle(l *link, h *Handshake, roles msg.Roles, id *Identity) *Session {
	if !r.own.opened() && !r.screened() {
		return nil
	}
	h.Transport = transportOf(l)
	h.dict = bytes.Clone(h.dict) // which is in the buffer that it was read into
	s := newSession(l, r, h)
	s.roles = roles
	s.identity = id
	return s
}

// openOwn opens the realm's own session.
func (l *link) openOwn(h *Handshake, roles msg.Roles) error {
	realm := l.own.realm
	id := &Identity{AuthID: "router", Role: "trusted", Method: "internal", Provider: "router"}
	h.Transport = transportOf(l)
	h.dict = nil
	s := newSession(l, realm, h)
	s.roles = roles
	s.identity = id
	l.own.public.Store(s)
	return l.admitted(h, realm, roles, id, s)
}

// introduce starts to find out who the client is.
func (l *link) introduce(h *Handshake, realm *Realm, roles msg.Roles) {
	h.dict = bytes.Clone(h.dict) // which is in the buffer that it was read into
	h.AuthID, _ = h.Details["authid"].(string)
	h.AuthRole, _ = h.Details["authrole"].(string)
	h.Extra, _ = h.Details["authextra"].(map[string]any)
	h.Transport = transportOf(l)
	a := &authentication{answers: make(chan answer, 1), done: make(chan struct{})}
	a.ctx, a.cancel = context.WithCancelCause(context.Background())
	h.auth = a
	if last := l.authentication(); last != nil {
		<-last.done // it has led to the session before this one
	}
	l.mu.Lock()
	l.auth = a
	l.mu.Unlock()
	l.state.Store(authenticating)
	l.router.functions.Go(func() { l.authenticate(a, h, realm, roles) })
}

// open opens the session that was admitted, unless the client is gone.
func (l *link) open(a *authentication, h *Handshake, realm *Realm, s *Session) error {
	if !a.decide() {
		return context.Cause(a.ctx)
	}
	id := s.Identity()
	if err := l.admitted(h, realm, s.roles, id, s); err != nil {
		return err
	}
	if !id.Expires.IsZero() {
		s.SetExpiry(id.Expires)
	}
	return nil
}

// admitted opens the session of a client that is known.
func (l *link) admitted(h *Handshake, realm *Realm, roles msg.Roles, id *Identity, s *Session) error {
	l.session = core.Session{
		ID:           h.SessionID,
		AuthID:       id.AuthID,
		AuthRole:     id.Role,
		AuthMethod:   id.Method,
		AuthProvider: id.Provider,
		Roles:        roles,
		Trusted:      l.own != nil,
		Owner:        l,
	}
	welcome, err := l.welcome(realm.name, id.Extra)
	if err != nil {
		return err
	}
	l.expect(0, nil)
	l.realm.Store(realm)
	var b batch
	session, err := realm.join(l, s, welcome, &b)
	if err != nil {
		l.realm.Store(nil)
		return err
	}
	b.flush()
	l.peer.Flush() // from here on the client may have opened another session
	realm.dismiss()

	if log := l.router.log; l.own == nil && log.Enabled(context.Background(), slog.LevelInfo) {
		info := l.peer.Conn().Info()
		agent, _ := h.Details["agent"].(string)
		log.LogAttrs(context.Background(), slog.LevelInfo, "session opened",
			slog.Uint64("session", session), slog.String("realm", realm.name),
			slog.String("authid", id.AuthID), slog.String("authrole", id.Role),
			slog.String("authmethod", id.Method), slog.String("peer", info.Peer),
			slog.String("transport", info.Transport), slog.String("serializer", l.peer.Format().String()),
			slog.String("agent", agent))
	}
	if l.own == nil && h.generation != realm.generation.Load() {
		// The realm was configured meanwhile, perhaps before the session was there.
		if s := realm.Session(session); s != nil {
			s.revalidate(realm.settings().authenticators)
		}
	}
	return nil
}

// authMethods reads HELLO.Details.authmethods.
func authMethods(v any) ([]string, error) {
	list, ok := v.([]any)
	if !ok && v != nil {
		return nil, &msg.Violation{Text: "HELLO.Details.authmethods is no list"}
	}
	methods := make([]string, 0, len(list))
	for _, v := range list {
		method, ok := v.(string)
		if !ok {
			return nil, &msg.Violation{Text: "HELLO.Details.authmethods is no list of strings"}
		}
		methods = append(methods, method)
	}
	return methods, nil
}

// randomAuthID is the authid of a client that has none.
func randomAuthID() string { return strconv.FormatUint(newID(), 36) }

// welcome returns WELCOME for the session that is being opened, but for its id.
func (l *link) welcome(realm string, extra map[string]any) (*msg.Message, error) {
	const envelope = 32 // type, id, and what stands between

	f := l.peer.Format()
	says := &l.router.says[f]
	values := make([][]byte, 0, len(welcomeKeys))
	for _, text := range []string{realm, l.session.AuthID, l.session.AuthRole, l.session.AuthMethod, l.session.AuthProvider} {
		value, _ := codec.Marshal(nil, f, text) // a string cannot fail
		values = append(values, value)
	}
	keys := welcomeKeys
	if extra != nil {
		value, err := codec.Marshal(nil, f, extra)
		if err != nil {
			return nil, fmt.Errorf("extra of WELCOME: %w", err)
		}
		keys = with([]string{"authextra"}, welcomeKeys...)
		values = slices.Insert(values, 0, value)
	}
	values = append(values, says.agent, says.roles)
	dict := codec.AppendDict(nil, f, keys, values)
	if limit := l.peer.Conn().MaxSend(); limit > 0 && len(dict)+envelope > limit {
		values[len(values)-1] = says.bare
		dict = codec.AppendDict(nil, f, keys, values)
		if len(dict)+envelope > limit {
			return nil, &msg.Violation{URI: msg.ErrPayloadSizeExceeded, Text: "WELCOME is longer than the client accepts"}
		}
	}
	return &msg.Message{Type: msg.Welcome, Dict: dict}, nil
}

var welcomeKeys = []string{"realm", "authid", "authrole", "authmethod", "authprovider", "agent", "roles"}

// introduction is what a router tells every client about itself, serialized.
type introduction struct {
	agent, roles []byte
	bare         []byte // roles without features
}

func introductions(agent string) (says [msg.Formats]introduction) {
	roles := core.Features()
	bare := msg.Roles{Set: roles.Set}
	for _, f := range []msg.Format{msg.JSON, msg.MessagePack, msg.CBOR} {
		says[f].agent, _ = codec.Marshal(nil, f, agent)
		says[f].roles, _ = codec.Marshal(nil, f, roles.Dict())
		says[f].bare, _ = codec.Marshal(nil, f, bare.Dict())
	}
	return says
}
