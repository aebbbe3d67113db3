package core

import (
	"slices"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/uri"
)

// The session meta procedures (specification, advanced profile, section
// "Session Meta API"). Sessions of the router itself do not appear in it.

// details returns what the meta API tells of a session.
func (s *Session) details() map[string]any {
	d := map[string]any{
		"session":      s.ID,
		"authid":       s.AuthID,
		"authrole":     s.AuthRole,
		"authmethod":   s.AuthMethod,
		"authprovider": s.AuthProvider,
	}
	if s.Transport != nil {
		d["transport"] = s.Transport
	}
	return d
}

// session returns the session whose ID is the first argument.
func (q *query) session() (*Session, []byte) {
	id, ok := q.id(0)
	if !ok {
		return nil, errInvalidArgument
	}
	s := q.realm.sessions[id]
	if s == nil || s.Trusted {
		return nil, errNoSuchSession
	}
	return s, nil
}

// selectSessions returns those that want admits, in the order of joining.
func (r *Realm) selectSessions(want func(s *Session) bool) []*Session {
	var list []*Session
	for s := r.first; s != nil; s = s.state.next {
		if !s.Trusted && want(s) {
			list = append(list, s)
		}
	}
	return list
}

// withRoles returns the sessions with one of the roles in the first argument,
// all when there is none.
func (q *query) withRoles() ([]*Session, []byte) {
	if q.arg(0) == nil {
		return q.realm.Sessions(), nil
	}
	roles, ok := toStrings(q.arg(0))
	if !ok {
		return nil, errInvalidArgument
	}
	return q.realm.selectSessions(func(s *Session) bool { return slices.Contains(roles, s.AuthRole) }), nil
}

// Sessions returns all sessions but those of the router itself, in the order of
// joining.
func (r *Realm) Sessions() []*Session { return r.selectSessions(func(*Session) bool { return true }) }

func sessionCount(q *query) ([]any, []byte) {
	sessions, refusal := q.withRoles()
	return []any{len(sessions)}, refusal
}

func sessionList(q *query) ([]any, []byte) {
	sessions, refusal := q.withRoles()
	return []any{sessionIDs(sessions)}, refusal
}

// sessionIDs returns the IDs of sessions, but for those of the router itself.
func sessionIDs(sessions []*Session) []any {
	values := make([]any, 0, len(sessions))
	for _, s := range sessions {
		if !s.Trusted {
			values = append(values, s.ID)
		}
	}
	return values
}

func sessionGet(q *query) ([]any, []byte) {
	s, refusal := q.session()
	if refusal != nil {
		return nil, refusal
	}
	return []any{s.details()}, nil
}

func sessionKill(q *query) ([]any, []byte) {
	s, refusal := q.session()
	if refusal != nil {
		return nil, refusal
	}
	if s == q.caller {
		return nil, errNoSuchSession
	}
	_, refusal = q.kill(true, func(other *Session) bool { return other == s })
	return nil, refusal
}

func sessionKillByAuthID(q *query) ([]any, []byte) {
	authid, ok := q.text(0)
	if !ok {
		return nil, errInvalidArgument
	}
	killed, refusal := q.kill(true, func(s *Session) bool { return s.AuthID == authid })
	return []any{sessionIDs(killed)}, refusal
}

func sessionKillByAuthRole(q *query) ([]any, []byte) {
	authrole, ok := q.text(0)
	if !ok {
		return nil, errInvalidArgument
	}
	killed, refusal := q.kill(true, func(s *Session) bool { return s.AuthRole == authrole })
	return []any{len(killed)}, refusal
}

// sessionKillAll tells nobody, since nobody is left who would hear it.
func sessionKillAll(q *query) ([]any, []byte) {
	killed, refusal := q.kill(false, func(*Session) bool { return true })
	return []any{len(killed)}, refusal
}

// kill ends the sessions that want admits, but for the caller's own.
func (q *query) kill(tell bool, want func(*Session) bool) ([]*Session, []byte) {
	reason, ok := option[string](q, "reason")
	text, okText := option[string](q, "message")
	if !ok || !okText {
		return nil, errInvalidArgument
	}
	if q.kwargs["reason"] == nil {
		reason = msg.CloseKilled
	} else if !uri.Valid([]byte(reason), false) {
		return nil, errInvalidURI
	}
	list := q.realm.selectSessions(func(s *Session) bool { return s != q.caller && want(s) })
	q.realm.several = len(list) > 1
	defer func() { q.realm.several = false }()
	for _, s := range list {
		q.realm.kill(s, reason, text, tell, q.out)
	}
	return list, nil
}

// Kill ends session s with GOODBYE, as wamp.session.kill does. The session has
// left the realm by then: whoever delivers the GOODBYE, with Options.X.Reason as
// the text in its details, has to end the connection as well.
func (r *Realm) Kill(s *Session, reason, text string, out *Out) {
	if s.state.joined {
		r.kill(s, reason, text, true, out)
	}
}

func (r *Realm) kill(s *Session, reason, text string, tell bool, out *Out) {
	m := out.add(s, msg.Goodbye)
	m.URI = []byte(reason)
	if text != "" {
		m.Options.X = &msg.Extra{Reason: text}
	}
	r.leave(s, tell, out)
}
