package core

import "github.com/wampeter/wampeter/internal/msg"

// Refuse answers message m of session s in place of the method that would
// handle it: somebody outside does not allow it. A request is answered with
// ERROR, uri and payload, and counts as one that was handled; for an
// unacknowledged PUBLISH that is all. An answer to an INVOCATION that is refused
// ends the call with the error. A call whose further input is refused ends too.
func (r *Realm) Refuse(s *Session, m *msg.Message, uri []byte, payload msg.Payload, out *Out) error {
	if !s.state.joined {
		return nil
	}
	switch m.Type {
	case msg.Yield, msg.Error:
		r.refuseAnswer(s, m, uri, payload, out)
		return nil
	case msg.Call:
		if c := s.state.calls.get(m.Request); c != nil {
			c.input = c.input && m.Options.Is(msg.Progress)
			r.interrupt(c, out)
			r.failWith(c, uri, payload, out)
			r.endCall(c, out)
			return nil
		}
		if s.state.endStream(m) {
			return nil
		}
	case msg.Publish, msg.Subscribe, msg.Unsubscribe, msg.Register, msg.Unregister:
	default:
		return nil // there is no answer to it
	}
	if err := r.newRequest(s, m.Request); err != nil {
		return err
	}
	switch m.Type {
	case msg.Call:
		r.stats.Calls++
		r.stats.CallErrors++
		if m.Options.Is(msg.Progress) {
			s.state.endedStream(m.Request)
		}
	case msg.Publish:
		r.stats.BadPublishes++
		if !m.Options.Is(msg.Acknowledge) {
			return nil
		}
	}
	out.fail(s, m.Type, m.Request, uri)
	out.Effects[len(out.Effects)-1].Msg.Payload = payload
	return nil
}

// refuseAnswer ends the call that m, a YIELD or an ERROR, was to answer.
func (r *Realm) refuseAnswer(s *Session, m *msg.Message, uri []byte, payload msg.Payload, out *Out) {
	inv := s.state.invocations.get(m.Request)
	if inv == nil {
		return
	}
	c := inv.call
	if c.all() != nil {
		r.answerFor(inv, uri, out)
		return
	}
	if m.Options.Is(msg.Progress) {
		r.interrupt(c, out)
	}
	r.failWith(c, uri, payload, out)
	r.endCall(c, out)
}

// failWith is failCall with a payload.
func (r *Realm) failWith(c *call, uri []byte, payload msg.Payload, out *Out) {
	r.failCall(c, uri, out)
	out.Effects[len(out.Effects)-1].Msg.Payload = payload
}
