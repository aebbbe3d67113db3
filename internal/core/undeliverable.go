package core

import "github.com/wampeter/wampeter/internal/msg"

// Undeliverable says that the effect m could not be given to session s, with
// the URI that tells why: wamp.error.payload_size_exceeded, or
// wamp.error.unavailable. A call whose INVOCATION is lost ends with that
// error; so does one whose RESULT or ERROR is (specification, basic profile,
// section "Payload Size Exceeded"). EVENTs are counted.
func (r *Realm) Undeliverable(s *Session, m *msg.Message, uri string, out *Out) {
	switch m.Type {
	case msg.Event:
		r.stats.DroppedEvents++
	case msg.Invocation:
		if inv := s.state.invocations.get(m.Request); inv != nil {
			if inv.call.all() != nil {
				r.answerFor(inv, []byte(uri), out)
				return
			}
			r.failCall(inv.call, []byte(uri), out)
			r.endCall(inv.call, out)
		}
	case msg.Result:
		// The call goes on only when that result was a progressive one.
		if c := s.state.calls.get(m.Request); c != nil && m.Options.Is(msg.Progress) {
			r.interrupt(c, out)
			r.endCall(c, out)
		}
		r.stats.CallErrors++
		out.fail(s, msg.Call, m.Request, []byte(uri))
	case msg.Error:
		if m.Payload.Len() > 0 { // else there is nothing that could be left out
			out.fail(s, m.ErrType, m.Request, []byte(uri))
		}
	}
}
