package core

import (
	"github.com/wampeter/wampeter/internal/msg"
)

// Yield handles YIELD (specification, basic profile, section "Calling and
// Invocations"; advanced profile, section "Progressive Call Results"). For an
// invocation that has ended it is ignored; for one that was never issued it is
// a violation.
func (r *Realm) Yield(s *Session, m *msg.Message, out *Out) error {
	inv := s.state.invocations.get(m.Request)
	if inv == nil {
		return r.late(s, m)
	}
	if m.Options.Has(msg.KeyPPTScheme) && s.state.callee&msg.PayloadPassthru == 0 {
		return &msg.Violation{Text: "YIELD in payload passthru mode, which the callee has not announced"}
	}
	c := inv.call
	progress := m.Options.Is(msg.Progress)
	if progress && !c.progress {
		return nil // nobody has asked for it
	}
	r.stats.Results++
	result := out.add(c.caller, msg.Result)
	result.Request = c.request
	result.Payload = m.Payload
	result.Options.X = passthru(&m.Options, &result.Options)
	if progress {
		result.Options.SetBool(msg.Progress, true)
		return nil
	}
	r.endCall(c)
	return nil
}

// Error handles ERROR from a callee in answer to an INVOCATION: its URI and
// payload go to the caller.
func (r *Realm) Error(s *Session, m *msg.Message, out *Out) error {
	inv := s.state.invocations.get(m.Request)
	if inv == nil {
		return r.late(s, m)
	}
	c := inv.call
	r.stats.CallErrors++
	e := out.add(c.caller, msg.Error)
	e.ErrType = msg.Call
	e.Request = c.request
	e.URI = m.URI
	e.Payload = m.Payload
	e.Options.X = passthru(&m.Options, &e.Options)
	r.endCall(c)
	return nil
}

// late handles an answer to an invocation that is not pending. Invocation ids
// are given out in order, so that the highest one tells which were issued.
func (r *Realm) late(s *Session, m *msg.Message) error {
	if m.Request > s.state.lastInvocation {
		return &msg.Violation{Text: m.Type.String() + " for an invocation that was never issued"}
	}
	r.stats.LateAnswers++
	return nil
}
