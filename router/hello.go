package router

import (
	"context"
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
	l.expect(0, nil)
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
	if err := anonymous(details["authmethods"]); err != nil {
		return err
	}
	l.session = core.Session{
		AuthID:       strconv.FormatUint(newID(), 36),
		AuthRole:     "anonymous",
		AuthMethod:   "anonymous",
		AuthProvider: "static",
		Roles:        roles,
		Owner:        l,
	}
	welcome, err := l.welcome(string(m.URI))
	if err != nil {
		return err
	}
	realm, err := l.router.enter(string(m.URI))
	if err != nil {
		return err
	}
	l.realm.Store(realm)
	realm.join(l, welcome)
	l.batch.flush()
	l.peer.Flush()

	if log := l.router.log; log.Enabled(context.Background(), slog.LevelInfo) {
		info := l.peer.Conn().Info()
		agent, _ := details["agent"].(string)
		log.LogAttrs(context.Background(), slog.LevelInfo, "session opened",
			slog.Uint64("session", l.session.ID), slog.String("realm", realm.name),
			slog.String("authid", l.session.AuthID), slog.String("peer", info.Peer),
			slog.String("transport", info.Transport), slog.String("serializer", l.peer.Format().String()),
			slog.String("agent", agent))
	}
	return nil
}

// anonymous checks that the client is content to be nobody: it offers no
// authentication method, or "anonymous" among them.
func anonymous(methods any) error {
	list, ok := methods.([]any)
	if !ok && methods != nil {
		return &msg.Violation{Text: "HELLO.Details.authmethods is no list"}
	}
	if len(list) == 0 || slices.Contains(list, any("anonymous")) {
		return nil
	}
	return &msg.Violation{URI: msg.ErrNoMatchingAuthMethod, Text: "this realm knows the authentication method anonymous only"}
}

// welcome returns WELCOME for the session that is being opened, but for its id.
func (l *link) welcome(realm string) (*msg.Message, error) {
	const envelope = 32 // type, id, and what stands between

	f := l.peer.Format()
	says := &l.router.says[f]
	values := make([][]byte, 0, len(welcomeKeys))
	for _, text := range []string{realm, l.session.AuthID, l.session.AuthRole, l.session.AuthMethod, l.session.AuthProvider} {
		value, _ := codec.Marshal(nil, f, text) // a string cannot fail
		values = append(values, value)
	}
	values = append(values, says.agent, says.roles)
	dict := codec.AppendDict(nil, f, welcomeKeys, values)
	if limit := l.peer.Conn().MaxSend(); limit > 0 && len(dict)+envelope > limit {
		values[len(values)-1] = says.bare
		dict = codec.AppendDict(nil, f, welcomeKeys, values)
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
