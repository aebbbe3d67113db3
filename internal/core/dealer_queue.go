package core

// queue is a line of invocations that wait for a callee. Those that any callee
// may serve wait in their registration's, those that depend on one callee in
// that callee's.
type queue struct {
	first, last *invocation
	n           int
}

func (q *queue) push(inv *invocation) {
	inv.queue = q
	inv.prev = q.last
	if q.last != nil {
		q.last.next = inv
	} else {
		q.first = inv
	}
	q.last = inv
	q.n++
}

func (q *queue) remove(inv *invocation) {
	if inv.prev != nil {
		inv.prev.next = inv.next
	} else {
		q.first = inv.next
	}
	if inv.next != nil {
		inv.next.prev = inv.prev
	} else {
		q.last = inv.prev
	}
	inv.queue, inv.prev, inv.next = nil, nil, nil
	q.n--
}

// serve sends a callee the calls that wait for it, as many as it takes.
func (r *Realm) serve(to *callee, out *Out) {
	for !to.gone && !to.busy() {
		inv := to.queue.first
		if inv == nil {
			inv = to.reg.queue.first
			for inv != nil && inv.call.hasTried(to) {
				inv = inv.next
			}
		}
		if inv == nil {
			return
		}
		inv.queue.remove(inv)
		c := inv.call
		if refusal := r.unfit(c, to); refusal != nil {
			if c.all() != nil {
				r.answerFor(inv, refusal, out)
				continue
			}
			r.failCall(c, refusal, out)
			r.endCall(c, out)
			continue
		}
		r.resend(inv, to, out)
		if c.all() == nil && !to.mayPassOn() {
			r.forget(c.rare)
		}
	}
}
