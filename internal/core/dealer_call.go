package core

import (
	"github.com/wampeter/wampeter/internal/msg"
)

// call is a CALL that has not been answered. Caller and callee both find it:
// the one by its request id, the other by the id of the invocation.
type call struct {
	invocation // what the callee has of it

	caller   *Session
	request  uint64
	progress bool  // the caller wants progressive results
	killed   bool  // CANCEL with mode kill: the callee has been told
	nextFree *call // while in Realm.free
}

// invocation is an INVOCATION that has not been answered.
type invocation struct {
	call   *call
	callee *callee
	id     uint64
}

// Call handles CALL (specification, basic profile, section "Calling and
// Invocations"). Errors: wamp.error.no_such_procedure, wamp.error.invalid_uri,
// wamp.error.limit_exceeded, wamp.error.feature_not_supported when the callee
// cannot do what the options ask for.
func (r *Realm) Call(s *Session, m *msg.Message, out *Out) error {
	if s.state.calls.get(m.Request) != nil {
		return &msg.Violation{Text: "CALL with the request id of a call that is pending"}
	}
	if err := r.newRequest(s, m.Request); err != nil {
		return err
	}
	if m.Options.Has(msg.KeyPPTScheme) && s.state.caller&msg.PayloadPassthru == 0 {
		return &msg.Violation{Text: "CALL in payload passthru mode, which the caller has not announced"}
	}
	r.stats.Calls++
	if refusal := r.call(s, m, out); refusal != nil {
		r.stats.CallErrors++
		out.fail(s, msg.Call, m.Request, refusal)
	}
	return nil
}

// call sends the INVOCATION for a call, or returns the URI of the error that
// answers it.
func (r *Realm) call(s *Session, m *msg.Message, out *Out) (refusal []byte) {
	reg, refusal := r.procedure(m.URI)
	if refusal != nil {
		return refusal
	}
	if s.state.calls.n >= r.cfg.MaxCalls {
		return errLimitExceeded
	}
	to := r.choose(reg)
	if m.Options.Has(msg.KeyPPTScheme) && to.session.state.callee&msg.PayloadPassthru == 0 {
		return errFeatureNotSupported
	}
	c := r.newCall(s, m.Request)
	c.progress = m.Options.Is(msg.ReceiveProgress)
	r.invoke(c, to, m, out)
	return nil
}

// procedure finds the registration that serves calls of u.
func (r *Realm) procedure(u []byte) (*registration, []byte) {
	if reg, ok := r.procedures.Exact(u); ok {
		return reg, nil // what is registered is valid
	}
	if !r.validURI(u) {
		return nil, errInvalidURI
	}
	reg, ok := r.procedures.Best(u)
	if !ok {
		return nil, errNoSuchProcedure
	}
	return reg, nil
}

// choose returns the callee that is to serve the next call of reg
// (specification, advanced profile, section "Shared Registration").
func (r *Realm) choose(reg *registration) *callee {
	n := len(reg.callees)
	switch reg.invoke {
	case msg.RoundRobin:
		at := reg.turn % n
		reg.turn = at + 1
		return reg.callees[at]
	case msg.Random:
		return reg.callees[r.cfg.Rand()%uint64(n)]
	case msg.Last:
		return reg.callees[n-1]
	}
	return reg.callees[0]
}

// invoke makes an invocation for c and sends it.
func (r *Realm) invoke(c *call, to *callee, m *msg.Message, out *Out) {
	st := &to.session.state
	st.lastInvocation = st.lastInvocation%msg.MaxID + 1
	c.callee = to
	c.id = st.lastInvocation
	st.invocations.put(c.id, &c.invocation)

	inv := out.add(to.session, msg.Invocation)
	inv.Request = c.id
	inv.ID = to.reg.id
	if to.reg.match != msg.Exact {
		inv.URI = m.URI
	}
	inv.Payload = m.Payload
	if m.Options.Set != 0 {
		if c.progress && st.callee&msg.ProgressiveCallResults != 0 {
			inv.Options.SetBool(msg.ReceiveProgress, true)
		}
		inv.Options.X = passthru(&m.Options, &inv.Options)
	}
}

// newCall returns a record for a call, linked to its caller.
func (r *Realm) newCall(s *Session, request uint64) *call {
	c := r.free
	if c == nil {
		c = new(call)
	} else {
		r.free, c.nextFree = c.nextFree, nil
		r.freeLen--
	}
	c.call = c
	c.caller, c.request = s, request
	s.state.calls.put(request, c)
	r.stats.PendingCalls++
	return c
}

// mostFree is how many records of ended calls are kept to be used again.
const mostFree = 4096

// endCall forgets a call: caller and callee have heard what they are to hear.
// What the callee sends for it later is ignored.
func (r *Realm) endCall(c *call) {
	c.caller.state.calls.remove(c.request)
	c.callee.session.state.invocations.remove(c.id)
	r.stats.PendingCalls--
	*c = call{}
	if r.freeLen < mostFree {
		c.nextFree = r.free
		r.free = c
		r.freeLen++
	}
}

// failCall sends ERROR to the caller of c.
func (r *Realm) failCall(c *call, uri []byte, out *Out) {
	r.stats.CallErrors++
	out.fail(c.caller, msg.Call, c.request, uri)
}
