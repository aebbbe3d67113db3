package core

import "github.com/wampeter/wampeter/internal/msg"

// Cancel handles CANCEL (specification, advanced profile, section "Call
// Canceling"). Mode killnowait is the default; a callee that cannot be
// interrupted makes it skip. A CANCEL for a call that has ended is ignored, and
// so is a second one, unless it does not want to wait any longer. A call of all
// callees ends with what there is. Errors: wamp.error.invalid_argument for an
// unknown mode; the call goes on.
func (r *Realm) Cancel(s *Session, m *msg.Message, out *Out) error {
	if !s.state.joined {
		return nil
	}
	mode := m.Options.Mode
	if mode == msg.ModeUnknown {
		out.fail(s, msg.Cancel, m.Request, errInvalidArgument)
		return nil
	}
	c := s.state.calls.get(m.Request)
	if c == nil {
		return nil
	}
	if all := c.all(); all != nil {
		r.cancelAll(c, all, mode, out)
		return nil
	}
	if mode == msg.Kill && c.one.canInterrupt() {
		if !c.killed {
			c.killed = true
			interrupt(c.one.callee.session, c.one.id, msg.Kill, out)
		}
		return nil
	}
	if mode != msg.Skip && !c.killed {
		r.interrupt(c, out)
	}
	r.failCall(c, errCanceled, out)
	r.endCall(c, out)
	return nil
}

// cancelAll is Cancel for a call of all callees.
func (r *Realm) cancelAll(c *call, all *aggregate, mode msg.CancelMode, out *Out) {
	if mode != msg.Kill {
		if mode != msg.Skip && !c.killed {
			r.interrupt(c, out)
		}
		r.finishAll(c, errCanceled, out)
		return
	}
	if c.killed {
		return
	}
	c.killed = true
	// Those who can are interrupted, and their answers awaited.
	for i := range all.invocations {
		inv := &all.invocations[i]
		if inv.canInterrupt() {
			interrupt(inv.callee.session, inv.id, msg.Kill, out)
		}
	}
	for i := range all.invocations {
		inv := &all.invocations[i]
		if all.answers[i] != nil || inv.canInterrupt() {
			continue
		}
		if r.answerFor(inv, errCanceled, out) {
			return
		}
	}
}

// interrupt tells the callees of c, those that can be told, that nobody waits
// for their answer any more.
func (r *Realm) interrupt(c *call, out *Out) {
	if c.one.canInterrupt() {
		interrupt(c.one.callee.session, c.one.id, msg.KillNoWait, out)
	}
	if all := c.all(); all != nil {
		for i := range all.invocations {
			if inv := &all.invocations[i]; inv.canInterrupt() {
				interrupt(inv.callee.session, inv.id, msg.KillNoWait, out)
			}
		}
	}
}

// canInterrupt reports whether inv is running at a callee that supports call
// canceling, and has not left.
func (inv *invocation) canInterrupt() bool {
	if inv.id == 0 {
		return false
	}
	st := &inv.callee.session.state
	return st.joined && st.callee&msg.CallCanceling != 0
}

func interrupt(callee *Session, invocation uint64, mode msg.CancelMode, out *Out) {
	m := out.add(callee, msg.Interrupt)
	m.Request = invocation
	m.Options.Set = msg.KeyMode
	m.Options.Mode = mode
}
