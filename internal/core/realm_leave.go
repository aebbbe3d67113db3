package core

import (
	"cmp"
	"slices"
)

// Leave ends session s: what it has subscribed to and registered is gone, the
// calls it was to answer end with ERROR wamp.error.canceled (specification,
// basic profile, section "Callee Leaving During an RPC Invocation"), and the
// callees of its own calls are interrupted ("Caller Leaving During an RPC
// Invocation"). Its testaments are published, and the meta API tells of all
// that. It costs what the session owns.
func (r *Realm) Leave(s *Session, out *Out) {
	if s.state.joined {
		r.leave(s, true, out)
	}
}

// leave is Leave. Without tell, nobody hears of it who has no part in it.
func (r *Realm) leave(s *Session, tell bool, out *Out) {
	st := &s.state
	r.unlist(s)
	st.silent = !tell || s.Trusted
	callees := st.callees()
	for _, c := range callees {
		c.gone = true // from now on it is given nothing
	}
	r.endCalls(s, out)
	for _, sub := range st.subscribers() {
		r.endSubscriber(sub, out)
	}
	for _, c := range callees {
		r.endCallee(c, out)
	}
	r.endInvocations(s, out)
	if tell {
		r.publishTestaments(s, out)
		r.sessionEvent(onLeave, s, out)
	}
	*st = sessionState{}
}

// subscribers returns what the session has subscribed to, in the order of
// subscribing.
func (st *sessionState) subscribers() []*subscriber {
	list := make([]*subscriber, 0, len(st.subscriptions))
	for _, sub := range st.subscriptions {
		list = append(list, sub)
	}
	slices.SortFunc(list, func(a, b *subscriber) int { return cmp.Compare(a.seq, b.seq) })
	return list
}

// callees returns what the session has registered, in the order of
// registering.
func (st *sessionState) callees() []*callee {
	list := make([]*callee, 0, len(st.registrations))
	for _, c := range st.registrations {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b *callee) int { return cmp.Compare(a.seq, b.seq) })
	return list
}

// endInvocations answers, in their order, the calls that s was to serve.
func (r *Realm) endInvocations(s *Session, out *Out) {
	pending := s.state.invocations.appendAll(nil)
	slices.SortFunc(pending, func(a, b *invocation) int { return cmp.Compare(a.id, b.id) })
	for _, inv := range pending {
		c := inv.call
		if c.all() != nil {
			r.answerFor(inv, errCanceled, out)
			continue
		}
		r.failCall(c, errCanceled, out)
		r.endCall(c, out)
	}
}

// endCalls abandons the calls that s has made.
func (r *Realm) endCalls(s *Session, out *Out) {
	pending := s.state.calls.appendAll(nil)
	slices.SortFunc(pending, func(a, b *call) int { return cmp.Compare(a.request, b.request) })
	for _, c := range pending {
		c.stopWaiting() // or a callee that gets free would be given one of them
	}
	for _, c := range pending {
		r.interrupt(c, out)
		r.endCall(c, out)
	}
}
