package core

import (
	"slices"
	"time"

	"github.com/wampeter/wampeter/internal/msg"
)

// The registration meta procedures (specification, advanced profile, section
// "Registration Meta API").

// isoTime is how the meta API writes times.
const isoTime = "2006-01-02T15:04:05.000Z07:00"

func iso(t time.Time) string { return t.UTC().Format(isoTime) }

func (reg *registration) details() map[string]any {
	return map[string]any{
		"id":      reg.id,
		"created": iso(reg.created),
		"uri":     reg.uri,
		"match":   reg.match.String(),
		"invoke":  reg.invoke.String(),
	}
}

// registration returns the registration whose ID is the first argument.
func (q *query) registration() (*registration, []byte) {
	id, ok := q.id(0)
	if !ok {
		return nil, errInvalidArgument
	}
	reg := q.realm.registrations[id]
	if reg == nil {
		return nil, errNoSuchRegistration
	}
	return reg, nil
}

// pattern returns the URI in the first argument, and the matching policy in the
// options in the second one.
func (q *query) pattern() (u string, policy msg.Match, ok bool) {
	u, ok = q.text(0)
	if !ok || q.arg(1) == nil {
		return u, policy, ok
	}
	options, ok := q.arg(1).(map[string]any)
	if !ok || options["match"] == nil {
		return u, policy, ok
	}
	name, ok := options["match"].(string)
	if !ok {
		return u, policy, false
	}
	policy, ok = msg.ParseMatch(name)
	return u, policy, ok
}

// byPolicy makes the value of a list of IDs for each matching policy.
func byPolicy(lists [3][]uint64) []any {
	value := make(map[string]any, len(lists))
	for policy, list := range lists {
		slices.Sort(list)
		value[msg.Match(policy).String()] = ids(list)
	}
	return []any{value}
}

func registrationList(q *query) ([]any, []byte) {
	var lists [3][]uint64
	for id, reg := range q.realm.registrations {
		lists[reg.match] = append(lists[reg.match], id)
	}
	return byPolicy(lists), nil
}

func registrationLookup(q *query) ([]any, []byte) {
	u, policy, ok := q.pattern()
	if !ok {
		return nil, errInvalidArgument
	}
	if reg, found := q.realm.procedures.Get(policy, []byte(u)); found {
		return []any{reg.id}, nil
	}
	return []any{nil}, nil
}

func registrationMatch(q *query) ([]any, []byte) {
	u, ok := q.text(0)
	if !ok {
		return nil, errInvalidArgument
	}
	if reg, refusal := q.realm.procedure([]byte(u)); refusal == nil {
		return []any{reg.id}, nil
	}
	return []any{nil}, nil
}

func registrationGet(q *query) ([]any, []byte) {
	reg, refusal := q.registration()
	if refusal != nil {
		return nil, refusal
	}
	return []any{reg.details()}, nil
}

func registrationListCallees(q *query) ([]any, []byte) {
	reg, refusal := q.registration()
	if refusal != nil {
		return nil, refusal
	}
	return []any{reg.calleeIDs()}, nil
}

func registrationCountCallees(q *query) ([]any, []byte) {
	reg, refusal := q.registration()
	if refusal != nil {
		return nil, refusal
	}
	return []any{len(reg.calleeIDs())}, nil
}

func (reg *registration) calleeIDs() []any {
	sessions := make([]*Session, len(reg.callees))
	for i, c := range reg.callees {
		sessions[i] = c.session
	}
	return sessionIDs(sessions)
}

// registrationRemoveCallee takes a callee out of a registration: registration,
// session, and a reason as third or as keyword argument. It is Crossbar's.
func registrationRemoveCallee(q *query) ([]any, []byte) {
	reg, refusal := q.registration()
	if refusal != nil {
		return nil, refusal
	}
	s, reason, refusal := q.member()
	if refusal != nil {
		return nil, refusal
	}
	if s == nil || !q.realm.RevokeRegistration(s, reg.id, reason, q.out) {
		return nil, errNoSuchSession
	}
	return nil, nil
}

// member returns the session that the second argument names, nil when there is
// none, and the reason to revoke its part in something.
func (q *query) member() (s *Session, reason string, refusal []byte) {
	id, ok := q.id(1)
	if !ok {
		return nil, "", errInvalidArgument
	}
	reason, ok = option[string](q, "reason")
	if q.arg(2) != nil {
		reason, ok = q.text(2)
	}
	if !ok {
		return nil, "", errInvalidArgument
	}
	if s = q.realm.sessions[id]; s != nil && s.Trusted {
		s = nil
	}
	return s, reason, nil
}
