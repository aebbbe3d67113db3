package core

import "github.com/wampeter/wampeter/internal/msg"

// Cancel handles CANCEL (specification, advanced profile, section "Call
// Canceling"). Mode killnowait is the default; a callee that cannot be
// interrupted makes it skip. A CANCEL for a call that has ended is ignored, and
// so is a second one, unless it does not want to wait any longer. Errors:
// wamp.error.invalid_argument for an unknown mode; the call goes on.
func (r *Realm) Cancel(s *Session, m *msg.Message, out *Out) error {
	mode := m.Options.Mode
	if mode == msg.ModeUnknown {
		out.fail(s, msg.Cancel, m.Request, errInvalidArgument)
		return nil
	}
	c := s.state.calls.get(m.Request)
	if c == nil {
		return nil
	}
	if mode == msg.ModeUnset {
		mode = msg.KillNoWait
	}
	if c.callee.session.state.callee&msg.CallCanceling == 0 {
		mode = msg.Skip
	}
	if mode == msg.Kill {
		if !c.killed {
			c.killed = true
			sendInterrupt(&c.invocation, msg.Kill, out)
		}
		return nil
	}
	if mode == msg.KillNoWait && !c.killed {
		r.interrupt(c, out)
	}
	r.failCall(c, errCanceled, out)
	r.endCall(c)
	return nil
}

// interrupt tells the callee of c, if it can be told, that nobody waits for
// its answer any more.
func (r *Realm) interrupt(c *call, out *Out) {
	if c.callee.session.state.callee&msg.CallCanceling != 0 {
		sendInterrupt(&c.invocation, msg.KillNoWait, out)
	}
}

func sendInterrupt(inv *invocation, mode msg.CancelMode, out *Out) {
	m := out.add(inv.callee.session, msg.Interrupt)
	m.Request = inv.id
	m.Options.Set = msg.KeyMode
	m.Options.Mode = mode
}
