package core

import (
	"slices"
	"time"

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
	queue   queue     // calls that wait for any callee
	created time.Time
}

// callee is a session's part in a registration.
type callee struct {
	session *Session
	reg     *registration
	seq     uint64 // order of registering
	gone    bool   // not part of it any more, though calls may run

	key             uint64 // hash of nkey
	disclose        bool   // it wants to know its callers
	forwardsTimeout bool   // it looks after timeouts itself
	reroutes        bool   // its "unavailable" has another one asked

	limit   int // calls at a time; 0: no limit
	running int
	queue   queue // calls that wait for it alone
}

// Register handles REGISTER (specification, basic profile, section "Registering
// and Unregistering"; advanced profile, sections "Pattern-based Registrations"
// and "Shared Registration"). A session that shares a procedure already gets
// the same ID again. Errors: wamp.error.invalid_uri,
// wamp.error.invalid_argument for an unknown invocation policy,
// wamp.error.procedure_already_exists, wamp.error.limit_exceeded,
// wamp.error.not_authorized for taking over a procedure.
func (r *Realm) Register(s *Session, m *msg.Message, out *Out) error {
	if !s.state.joined {
		return nil
	}
	if err := r.newRequest(s, m.Request); err != nil {
		return err
	}
	policy := m.Options.Match
	switch {
	case s.Trusted && string(m.URI) == AllCalls:
		r.registerAll(s, m, out)
		return nil
	case !r.validPattern(policy, m.URI), uri.IsReserved(m.URI) && !s.Trusted:
		out.fail(s, msg.Register, m.Request, errInvalidURI)
		return nil
	case m.Options.Invoke == msg.InvokeUnknown:
		out.fail(s, msg.Register, m.Request, errInvalidArgument)
		return nil
	}
	reg, _ := r.procedures.Get(policy, m.URI)
	if reg != nil && m.Options.Is(msg.ForceReregister) {
		if !r.replace(reg, s, out) {
			out.fail(s, msg.Register, m.Request, errNotAuthorized)
			return nil
		}
		reg = nil
	}
	if reg != nil && (reg.invoke == msg.Single || reg.invoke != m.Options.Invoke) {
		out.fail(s, msg.Register, m.Request, errProcedureAlreadyExists)
		return nil
	}
	if reg != nil && s.state.registrations[reg] != nil {
		registered(s, m.Request, reg, out)
		return nil
	}
	if len(s.state.registrations) >= atMost(r.cfg.MaxRegistrations, s.MaxRegistrations) || !useShape(r, s, r.procedures, policy, m.URI) {
		out.fail(s, msg.Register, m.Request, errLimitExceeded)
		return nil
	}
	created := reg == nil
	if created {
		reg = r.newRegistration(policy, string(m.URI), m.Options.Invoke)
	}
	mine := r.addCallee(reg, s, &m.Options)
	registered(s, m.Request, reg, out)
	if created {
		r.registrationCreated(s, reg, out)
	}
	r.registrationEvent(onRegister, s, reg, out)
	r.serve(mine, out)
	return nil
}

func registered(s *Session, request uint64, reg *registration, out *Out) {
	m := out.add(s, msg.Registered)
	m.Request = request
	m.ID = reg.id
}

// replace ends reg, so that s can have the procedure (force_reregister, as
// Crossbar has it); false when s may not do that.
func (r *Realm) replace(reg *registration, s *Session, out *Out) bool {
	callees := slices.Clone(reg.callees)
	for _, c := range callees {
		if c.session != s && r.cfg.MayReplace != nil && !r.cfg.MayReplace(s, c.session, []byte(reg.uri)) {
			return false
		}
	}
	for _, c := range callees {
		if c.session != s {
			r.revoke(c, "another session has taken the procedure over", out)
			continue
		}
		r.endCallee(c, out)
	}
	return true
}

// RevokeRegistration ends a registration of s, with a reason for the session if
// it supports that (specification, advanced profile, section "Registration
// Revocation"). Calls that run are answered as ever. It reports whether s had
// it.
func (r *Realm) RevokeRegistration(s *Session, id uint64, reason string, out *Out) bool {
	c := s.state.registrations[r.registrations[id]]
	if c == nil {
		return false
	}
	r.revoke(c, reason, out)
	return true
}

func (r *Realm) revoke(c *callee, reason string, out *Out) {
	if c.session.state.callee&msg.RegistrationRevocation != 0 {
		revocation(out.add(c.session, msg.Unregistered), c.reg.id, reason)
	}
	r.endCallee(c, out)
}

func (r *Realm) newRegistration(policy msg.Match, procedure string, invoke msg.Invoke) *registration {
	reg := &registration{uri: procedure, match: policy, invoke: invoke, created: r.cfg.Now()}
	reg.id = r.registrationID(policy, procedure)
	r.registrations[reg.id] = reg
	r.procedures.Put(policy, procedure, reg)
	return reg
}

func (r *Realm) registrationID(policy msg.Match, procedure string) uint64 {
	return objectID(&r.cfg.Key, kindRegistration, policy, procedure, func(id uint64) bool {
		return r.registrations[id] != nil || r.override != nil && r.override.id == id
	})
}

func (r *Realm) addCallee(reg *registration, s *Session, o *msg.Options) *callee {
	st := &s.state
	if st.registrations == nil {
		st.registrations = make(map[*registration]*callee)
	}
	r.joins++
	c := &callee{
		session:         s,
		reg:             reg,
		seq:             r.joins,
		disclose:        o.Is(msg.DiscloseCaller) || s.Trusted,
		forwardsTimeout: o.Is(msg.ForwardTimeout) && st.callee&msg.CallTimeout != 0,
		reroutes:        st.callee&msg.CallReroute != 0,
		limit:           int(o.Concurrency),
	}
	nkey := msg.ShardKey{IsInt: true, Int: int64(s.ID)}
	if o.Has(msg.KeyNKey) {
		nkey = o.X.NKey
	}
	c.key = r.hashKey(nkey)
	st.registrations[reg] = c
	reg.callees = append(reg.callees, c)
	return c
}

// Unregister handles UNREGISTER. Calls that run are answered as ever, and no
// INVOCATION follows UNREGISTERED. Errors: wamp.error.no_such_registration,
// also for those of other sessions.
func (r *Realm) Unregister(s *Session, m *msg.Message, out *Out) error {
	if !s.state.joined {
		return nil
	}
	if err := r.newRequest(s, m.Request); err != nil {
		return err
	}
	mine := s.state.registrations[r.registrations[m.ID]]
	if mine == nil {
		out.fail(s, msg.Unregister, m.Request, errNoSuchRegistration)
		return nil
	}
	out.add(s, msg.Unregistered).Request = m.Request
	r.endCallee(mine, out)
	return nil
}

// endCallee takes a session out of a registration, which ends with the last
// one. Calls that wait for it go to others.
func (r *Realm) endCallee(mine *callee, out *Out) {
	s, reg := mine.session, mine.reg
	mine.gone = true
	delete(s.state.registrations, reg)
	s.dropShape(reg.match, reg.uri)

	at := slices.Index(reg.callees, mine)
	reg.callees = slices.Delete(reg.callees, at, at+1)
	if reg.turn > at {
		reg.turn-- // the order of the others stays as it was
	}
	ended := len(reg.callees) == 0
	if ended && reg == r.override {
		r.override = nil
	} else if ended {
		delete(r.registrations, reg.id)
		r.procedures.Delete(reg.match, reg.uri)
	}
	r.registrationEvent(onUnregister, s, reg, out)
	if ended {
		r.registrationEvent(onRegistrationDelete, s, reg, out)
	}
	for inv := mine.queue.first; inv != nil; inv = mine.queue.first {
		mine.queue.remove(inv)
		if inv.call.all() != nil {
			r.answerFor(inv, errCanceled, out)
			continue
		}
		r.placeAgain(inv.call, out)
	}
	r.giveUp(reg, out)
}

// giveUp ends the calls that wait for a registration in vain: it has no callees
// any more, or only such as have said that they are unavailable.
func (r *Realm) giveUp(reg *registration, out *Out) {
	for inv := reg.queue.first; inv != nil; {
		c := inv.call
		inv = inv.next
		if slices.ContainsFunc(reg.callees, func(to *callee) bool { return !c.hasTried(to) }) {
			continue
		}
		r.failCall(c, errNoAvailableCallee, out)
		r.endCall(c, out)
	}
}
