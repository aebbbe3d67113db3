package core

import (
	"slices"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/uri"
)

// registration is a procedure or pattern with its callees. Callees that share
// it share its ID.
type registration struct {
	id      uint64
	uri     string
	match   msg.Match
	invoke  msg.Invoke
	callees []*callee // in the order of registering; never empty
	turn    int       // of roundrobin: index of the callee that is next
}

// callee is a session's part in a registration.
type callee struct {
	session *Session
	reg     *registration
	seq     uint64 // order of registering
}

// Register handles REGISTER (specification, basic profile, section "Registering
// and Unregistering"; advanced profile, sections "Pattern-based Registrations"
// and "Shared Registration"). A session that shares a procedure already gets
// the same ID again. Errors: wamp.error.invalid_uri,
// wamp.error.invalid_argument for an unknown invocation policy,
// wamp.error.procedure_already_exists, wamp.error.limit_exceeded.
func (r *Realm) Register(s *Session, m *msg.Message, out *Out) error {
	if err := r.newRequest(s, m.Request); err != nil {
		return err
	}
	policy := m.Options.Match
	switch {
	case !r.validPattern(policy, m.URI), uri.IsReserved(m.URI) && !s.Trusted:
		out.fail(s, msg.Register, m.Request, errInvalidURI)
		return nil
	case m.Options.Invoke == msg.InvokeUnknown:
		out.fail(s, msg.Register, m.Request, errInvalidArgument)
		return nil
	}
	reg, _ := r.procedures.Get(policy, m.URI)
	if reg != nil && (reg.invoke == msg.Single || reg.invoke != m.Options.Invoke) {
		out.fail(s, msg.Register, m.Request, errProcedureAlreadyExists)
		return nil
	}
	if reg == nil || s.state.registrations[reg] == nil {
		if len(s.state.registrations) >= r.cfg.MaxRegistrations || !useShape(r, s, r.procedures, policy, m.URI) {
			out.fail(s, msg.Register, m.Request, errLimitExceeded)
			return nil
		}
		if reg == nil {
			reg = r.newRegistration(policy, string(m.URI), m.Options.Invoke)
		}
		r.addCallee(reg, s)
	}
	answer := out.add(s, msg.Registered)
	answer.Request = m.Request
	answer.ID = reg.id
	return nil
}

func (r *Realm) newRegistration(policy msg.Match, procedure string, invoke msg.Invoke) *registration {
	reg := &registration{uri: procedure, match: policy, invoke: invoke}
	reg.id = objectID(&r.cfg.Key, kindRegistration, policy, procedure, func(id uint64) bool {
		return r.registrations[id] != nil
	})
	r.registrations[reg.id] = reg
	r.procedures.Put(policy, procedure, reg)
	return reg
}

func (r *Realm) addCallee(reg *registration, s *Session) {
	st := &s.state
	if st.registrations == nil {
		st.registrations = make(map[*registration]*callee)
	}
	r.joins++
	c := &callee{session: s, reg: reg, seq: r.joins}
	st.registrations[reg] = c
	reg.callees = append(reg.callees, c)
}

// Unregister handles UNREGISTER. Calls that run are answered as ever, and no
// INVOCATION follows UNREGISTERED. Errors: wamp.error.no_such_registration,
// also for those of other sessions.
func (r *Realm) Unregister(s *Session, m *msg.Message, out *Out) error {
	if err := r.newRequest(s, m.Request); err != nil {
		return err
	}
	mine := s.state.registrations[r.registrations[m.ID]]
	if mine == nil {
		out.fail(s, msg.Unregister, m.Request, errNoSuchRegistration)
		return nil
	}
	r.endCallee(mine)
	out.add(s, msg.Unregistered).Request = m.Request
	return nil
}

// endCallee takes a session out of a registration, which ends with the last
// one.
func (r *Realm) endCallee(mine *callee) {
	s, reg := mine.session, mine.reg
	delete(s.state.registrations, reg)
	s.dropShape(reg.match, reg.uri)

	at := slices.Index(reg.callees, mine)
	reg.callees = slices.Delete(reg.callees, at, at+1)
	if reg.turn > at {
		reg.turn-- // the order of the others stays as it was
	}
	if len(reg.callees) == 0 {
		delete(r.registrations, reg.id)
		r.procedures.Delete(reg.match, reg.uri)
	}
}
