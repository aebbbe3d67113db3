package core

import "github.com/wampeter/wampeter/internal/msg"

// aggregate is a call of all callees of a registration (runmode "all"): each
// is invoked once, and the caller gets one RESULT, whose positional values are
// a dictionary per callee, in the order of registering:
//
//	{"callee": <session>, "args": […], "kwargs": {…}}
//	{"callee": <session>, "error": <uri>, "args": […], "kwargs": {…}}
//
// What is empty is left out, and options that belong to the payload are
// entries of their own. A caller that wants progressive results gets each
// answer also at once.
type aggregate struct {
	invocations []invocation
	callees     []uint64 // session ids
	answers     []map[string]any
	size        int // bytes of the answers
	left        int // callees that have not answered
}

// entryOverhead is what an answer is taken to need beside its payload.
const entryOverhead = 64

// callAll invokes all callees of the registration of c.
func (r *Realm) callAll(c *call, m *msg.Message, out *Out) (refusal []byte) {
	all := c.rare.all
	callees := c.reg.callees
	n := len(callees)
	all.invocations = make([]invocation, n)
	all.callees = make([]uint64, n)
	all.answers = make([]map[string]any, n)
	all.left = n
	busy := false
	for i, to := range callees {
		all.invocations[i] = invocation{call: c}
		all.callees[i] = to.session.ID
		if to.busy() {
			busy = true
			if to.queue.n >= r.cfg.MaxWaiting {
				return errUnavailable
			}
		}
	}
	if busy && !r.keep(c, m.URI, &m.Payload, !c.input) {
		return errUnavailable
	}
	r.startTimer(c)
	for i, to := range callees {
		inv := &all.invocations[i]
		if to.busy() {
			to.queue.push(inv)
			continue
		}
		if refusal := r.unfit(c, to); refusal != nil {
			if r.answerFor(inv, refusal, out) {
				return nil
			}
			continue
		}
		r.invoke(inv, to)
		r.send(inv, m.URI, &m.Payload, !c.input, out)
	}
	return nil
}

// answerFor has the realm answer with an error in place of a callee. It
// reports whether that was the last answer, and the call has ended.
func (r *Realm) answerFor(inv *invocation, uri []byte, out *Out) (ended bool) {
	m := msg.Message{Type: msg.Error, URI: uri}
	return r.answerAll(inv, &m, out)
}

// answerAll takes a YIELD or ERROR of one callee for a call of all. It reports
// whether the call has ended.
func (r *Realm) answerAll(inv *invocation, m *msg.Message, out *Out) (ended bool) {
	c := inv.call
	all := c.rare.all
	at := all.index(inv)
	progress := m.Options.Is(msg.Progress)
	if c.progress && m.Type == msg.Yield {
		r.progressAll(c, at, m, out)
	}
	if progress {
		return false
	}
	size := m.Payload.Size() + len(m.URI) + entryOverhead
	if all.size+size > r.cfg.MaxAggregate || r.stats.KeptBytes+size > r.cfg.MaxKeptBytes {
		r.endInvocation(inv, out)
		r.interrupt(c, out)
		r.failCall(c, errPayloadSizeExceeded, out)
		r.endCall(c, out)
		return true
	}
	all.size += size
	r.stats.KeptBytes += size
	all.answers[at] = r.entry(all.callees[at], m)
	all.left--
	last := all.left == 0
	if inv.queue != nil {
		inv.queue.remove(inv)
	}
	r.endInvocation(inv, out)
	if last {
		r.finishAll(c, nil, out)
	}
	return last
}

func (all *aggregate) index(inv *invocation) int {
	for i := range all.invocations {
		if &all.invocations[i] == inv {
			return i
		}
	}
	return -1
}

// progressAll passes on what one callee has answered.
func (r *Realm) progressAll(c *call, at int, m *msg.Message, out *Out) {
	r.restartTimer(c)
	r.stats.Results++
	result := out.add(c.caller, msg.Result)
	result.Request = c.request
	result.Payload = m.Payload
	result.Options.X = passthru(&m.Options, &result.Options)
	result.Options.SetBool(msg.Progress, true)
	result.Options.Set |= msg.KeySession
	result.Options.Session = c.rare.all.callees[at]
}

// finishAll sends the final RESULT of a call of all callees. Those who have
// not answered are listed with the error uri.
func (r *Realm) finishAll(c *call, uri []byte, out *Out) {
	all := c.rare.all
	args := make([]any, len(all.answers))
	for i, answer := range all.answers {
		if answer == nil {
			answer = map[string]any{"callee": all.callees[i], "error": string(uri)}
		}
		args[i] = answer
	}
	r.stats.Results++
	result := out.add(c.caller, msg.Result)
	result.Request = c.request
	result.Payload = r.cfg.Encode(args, nil)
	r.endCall(c, out)
}

// entry returns what the aggregate holds for one callee's answer.
func (r *Realm) entry(callee uint64, m *msg.Message) map[string]any {
	e := map[string]any{"callee": callee}
	if m.Type == msg.Error {
		e["error"] = string(m.URI)
	}
	p := clonePayload(&m.Payload)
	if p.Args != nil {
		e["args"] = r.cfg.Raw(p.Format, p.Args)
	}
	if p.Kwargs != nil {
		e["kwargs"] = r.cfg.Raw(p.Format, p.Kwargs)
	}
	addPassthru(e, &m.Options)
	return e
}
