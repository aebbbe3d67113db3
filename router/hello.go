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

// hello opens a session (specification, section "Session Establishment").
func (l *link) hello(m *msg.Message) error {
	l.expect(0, nil)
	var details map[string]any
	if err := codec.Unmarshal(l.peer.Format(), m.Dict, &details); err != nil {
		return &msg.Violation{Text: "HELLO.Details: " + err.Error()}
	}
	roles, ok := msg.ParseRoles(details["roles"])
	if !ok || roles.Set&(msg.Caller|msg.Callee|msg.Publisher|msg.Subscriber) == 0 {
		return &msg.Violation{Text: "HELLO.Details.roles has to name at least one of caller, callee, publisher, subscriber"}
	}
	if !uri.Valid(m.URI, l.router.cfg.StrictURI) {
		return &msg.Violation{URI: msg.ErrInvalidURI, Text: "realm " + quote(string(m.URI)) + " is not a valid URI"}
	}
	if err := anonymous(details["authmethods"]); err != nil {
		return err
	}
	realm, err := l.router.enter(string(m.URI))
	if err != nil {
		return err
	}
	l.realm.Store(realm)
	l.session = core.Session{
		AuthID:       strconv.FormatUint(newID(), 36),
		AuthRole:     "anonymous",
		AuthMethod:   "anonymous",
		AuthProvider: "static",
		Roles:        roles,
		Owner:        l,
	}
	l.state.Store(open)
	realm.join(l, l.welcome(realm.name))
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
	list, _ := methods.([]any)
	if len(list) == 0 || slices.Contains(list, any("anonymous")) {
		return nil
	}
	return &msg.Violation{URI: msg.ErrNoMatchingAuthMethod, Text: "this realm knows the authentication method anonymous only"}
}

// welcome returns WELCOME for the session that is being opened, but for its id.
func (l *link) welcome(realm string) *msg.Message {
	f := l.peer.Format()
	values := make([][]byte, 0, len(welcomeKeys))
	for _, text := range []string{realm, l.session.AuthID, l.session.AuthRole, l.session.AuthMethod, l.session.AuthProvider} {
		value, _ := codec.Marshal(nil, f, text) // a string cannot fail
		values = append(values, value)
	}
	values = append(values, l.router.says[f].agent, l.router.says[f].roles)
	return &msg.Message{Type: msg.Welcome, Dict: codec.AppendDict(nil, f, welcomeKeys, values)}
}

var welcomeKeys = []string{"realm", "authid", "authrole", "authmethod", "authprovider", "agent", "roles"}

// introduction is what a router tells every client about itself, serialized.
type introduction struct{ agent, roles []byte }

func introductions(agent string) (says [msg.Formats]introduction) {
	roles := core.Features()
	for _, f := range []msg.Format{msg.JSON, msg.MessagePack, msg.CBOR} {
		says[f].agent, _ = codec.Marshal(nil, f, agent)
		says[f].roles, _ = codec.Marshal(nil, f, roles.Dict())
	}
	return says
}
