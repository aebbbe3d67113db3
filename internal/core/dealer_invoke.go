package core

import "github.com/wampeter/wampeter/internal/msg"

// place gives a new call to the callee whose turn it is, or has it wait for
// one; else it returns the URI of the error that answers the call. payload is the
// first chunk of its input, last says that no other follows.
func (r *Realm) place(c *call, procedure []byte, payload *msg.Payload, last bool, out *Out) (refusal []byte) {
	to, wait := r.choose(c)
	if wait != nil {
		if wait.n >= r.cfg.MaxWaiting || !r.keep(c, procedure, payload, last) {
			return errUnavailable
		}
		wait.push(&c.one)
		r.startTimer(c)
		return nil
	}
	if refusal := r.unfit(c, to); refusal != nil {
		return refusal
	}
	if to.mayPassOn() {
		r.keep(c, procedure, payload, last)
	}
	r.invoke(&c.one, to)
	r.send(&c.one, procedure, payload, last, out)
	return nil
}

// unfit returns why a callee cannot serve a call, nil when it can.
func (r *Realm) unfit(c *call, to *callee) (refusal []byte) {
	if !c.special {
		return nil
	}
	can := to.session.state.callee
	if c.details.Has(msg.KeyPPTScheme) && can&msg.PayloadPassthru == 0 ||
		c.streamed() && (can&msg.ProgressiveCallInvocations == 0 || r.cfg.Strict && can&msg.CallCanceling == 0) {
		return errFeatureNotSupported
	}
	return nil
}

// invoke makes inv an invocation of a callee.
func (r *Realm) invoke(inv *invocation, to *callee) {
	st := &to.session.state
	st.lastInvocation = st.lastInvocation%msg.MaxID + 1
	inv.callee = to
	inv.id = st.lastInvocation
	st.invocations.put(inv.id, inv)
	to.running++
	c := inv.call
	switch {
	case c.timeout == 0:
	case to.forwardsTimeout && c.all() == nil:
		r.stopTimer(c) // the callee has to see to it
	case c.timed == 0:
		r.startTimer(c)
	}
}

// send sends one chunk of input of a call.
func (r *Realm) send(inv *invocation, procedure []byte, payload *msg.Payload, last bool, out *Out) {
	c, to := inv.call, inv.callee
	m := out.add(to.session, msg.Invocation)
	if to.session.Trusted {
		out.Effects[len(out.Effects)-1].From = c.caller
	}
	m.Request = inv.id
	m.ID = to.reg.id
	if to.reg.match != msg.Exact {
		m.URI = procedure
	}
	m.Payload = *payload
	if c.special || to.disclose {
		r.invocationDetails(c, to, &m.Options)
		if !last {
			m.Options.SetBool(msg.Progress, true)
		}
	}
}

// invocationDetails sets the details that a callee gets with a call. The
// specification has a callee that announces progressive results without call
// canceling treated as if it did not; real clients do so and mean it, so only
// a strict realm minds.
func (r *Realm) invocationDetails(c *call, to *callee, o *msg.Options) {
	*o = c.details
	can := to.session.state.callee
	if c.progress && can&msg.ProgressiveCallResults != 0 && (!r.cfg.Strict || can&msg.CallCanceling != 0) {
		o.SetBool(msg.ReceiveProgress, true)
	}
	if c.timeout != 0 && to.forwardsTimeout && c.all() == nil {
		o.Set |= msg.KeyTimeout
		o.Timeout = uint64(c.timeout.Milliseconds())
	}
	if c.asks == DiscloseAlways || to.disclose && c.asks != DiscloseNever || to.session.Trusted {
		disclose(c.caller, o)
	}
}

// disclose adds who s is to the details of an INVOCATION or EVENT.
func disclose(s *Session, o *msg.Options) {
	o.Set |= msg.KeySession | msg.KeyAuthID | msg.KeyAuthRole
	o.Session = s.ID
	if o.X == nil {
		if s.state.identity == nil {
			s.state.identity = &msg.Extra{AuthID: s.AuthID, AuthRole: s.AuthRole}
		}
		o.X = s.state.identity
		return
	}
	x := *o.X // may be shared
	x.AuthID, x.AuthRole = s.AuthID, s.AuthRole
	o.X = &x
}
