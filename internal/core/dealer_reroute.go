package core

import "slices"

// reroute gives a call to another callee, after one has answered that it is
// unavailable (specification, advanced profile, section "Call Rerouting").
// Each callee is asked once. When none is left the caller gets ERROR
// wamp.error.no_available_callee; when its input is not kept any more,
// wamp.error.unavailable.
func (r *Realm) reroute(c *call, out *Out) {
	x := c.extra()
	x.tried = append(x.tried, c.one.callee)
	if x.lost {
		r.failCall(c, errUnavailable, out)
		r.endCall(c, out)
		return
	}
	r.endInvocation(&c.one, out)
	r.placeAgain(c, out)
}

// placeAgain gives a call whose input is kept to a callee, has it wait for one,
// or ends it.
func (r *Realm) placeAgain(c *call, out *Out) {
	x := c.rare
	var to *callee
	var wait *queue
	if len(c.reg.callees) > 0 && len(x.chunks) > 0 {
		to, wait = r.choose(c)
	}
	var refusal []byte
	switch {
	case wait != nil && wait.n < r.cfg.MaxWaiting:
		wait.push(&c.one)
		return
	case wait != nil:
		refusal = errUnavailable
	case to == nil:
		refusal = errNoAvailableCallee
	default:
		refusal = r.unfit(c, to)
	}
	if refusal != nil {
		r.failCall(c, refusal, out)
		r.endCall(c, out)
		return
	}
	r.resend(&c.one, to, out)
}

// resend gives a callee an invocation with all the input that there was.
func (r *Realm) resend(inv *invocation, to *callee, out *Out) {
	r.invoke(inv, to)
	x := inv.call.rare
	for i := range x.chunks {
		r.send(inv, x.procedure, &x.chunks[i].payload, x.chunks[i].last, out)
	}
}

// mayPassOn reports whether what a callee is given may have to be given to
// another one.
func (c *callee) mayPassOn() bool { return c.reroutes && len(c.reg.callees) > 1 }

// hasTried reports whether a callee has said that it is unavailable for c.
func (c *call) hasTried(to *callee) bool {
	return c.rare != nil && slices.Contains(c.rare.tried, to)
}
