package core

import (
	"bytes"

	"github.com/wampeter/wampeter/internal/msg"
)

// Yield handles YIELD (specification, basic profile, section "Calling and
// Invocations"; advanced profile, section "Progressive Call Results"). For an
// invocation that has ended it is ignored; for one that was never issued it is
// a violation. Progressive results that nobody has asked for are ignored.
func (r *Realm) Yield(s *Session, m *msg.Message, out *Out) error {
	if !s.state.joined {
		return nil
	}
	if m.Options.Has(msg.KeyPPTScheme) && s.state.callee&msg.PayloadPassthru == 0 {
		return &msg.Violation{Text: "YIELD in payload passthru mode, which the callee has not announced"}
	}
	inv := s.state.invocations.get(m.Request)
	if inv == nil {
		return r.late(s, m, out)
	}
	c := inv.call
	if m.Options.Has(msg.KeyPPTScheme) && c.caller.state.caller&msg.PayloadPassthru == 0 {
		r.refuseYield(s, inv, m, out)
		return nil
	}
	if c.all() != nil {
		r.answerAll(inv, m, out)
		return nil
	}
	progress := m.Options.Is(msg.Progress)
	if progress && !c.progress {
		if r.cfg.Strict {
			return &msg.Violation{Text: "progressive YIELD that the caller has not asked for"}
		}
		return nil
	}
	r.stats.Results++
	result := out.add(c.caller, msg.Result)
	result.Request = c.request
	result.Payload = m.Payload
	if m.Options.Set != 0 {
		result.Options.X = passthru(&m.Options, &result.Options)
		if progress {
			result.Options.SetBool(msg.Progress, true)
			c.answered = true
			r.restartTimer(c)
			return nil
		}
	}
	r.endCall(c, out)
	return nil
}

// refuseYield ends a call whose result is in payload passthru mode, which its
// caller does not support. The specification has the callee told; the caller
// needs an end of its call as well.
func (r *Realm) refuseYield(s *Session, inv *invocation, m *msg.Message, out *Out) {
	out.fail(s, msg.Yield, m.Request, errFeatureNotSupported)
	c := inv.call
	if c.all() != nil {
		r.answerFor(inv, errFeatureNotSupported, out)
		return
	}
	if m.Options.Is(msg.Progress) {
		r.interrupt(c, out)
	}
	r.failCall(c, errFeatureNotSupported, out)
	r.endCall(c, out)
}

// Error handles ERROR from a callee in answer to an INVOCATION: its URI and
// payload go to the caller. With wamp.error.unavailable a callee may hand the
// call on to another one ("Call Rerouting").
func (r *Realm) Error(s *Session, m *msg.Message, out *Out) error {
	if !s.state.joined {
		return nil
	}
	inv := s.state.invocations.get(m.Request)
	if inv == nil {
		return r.late(s, m, out)
	}
	c := inv.call
	if c.all() != nil {
		r.answerAll(inv, m, out)
		return nil
	}
	if inv.callee.reroutes && !c.answered && !c.killed && bytes.Equal(m.URI, errUnavailable) {
		r.reroute(c, out)
		return nil
	}
	r.stats.CallErrors++
	e := out.add(c.caller, msg.Error)
	e.ErrType = msg.Call
	e.Request = c.request
	e.URI = m.URI
	e.Payload = m.Payload
	e.Options.X = passthru(&m.Options, &e.Options)
	r.endCall(c, out)
	return nil
}

// late handles an answer to an invocation that is not pending. Invocation ids
// are given out in order, so that the highest one tells which were issued. A
// callee that goes on to send results is told once more that nobody wants
// them.
func (r *Realm) late(s *Session, m *msg.Message, out *Out) error {
	st := &s.state
	if m.Request > st.lastInvocation {
		return &msg.Violation{Text: m.Type.String() + " for an invocation that was never issued"}
	}
	r.stats.LateAnswers++
	if m.Options.Is(msg.Progress) && st.callee&msg.CallCanceling != 0 && st.reminded != m.Request {
		st.reminded = m.Request
		interrupt(s, m.Request, msg.KillNoWait, out)
	}
	return nil
}
