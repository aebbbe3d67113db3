package core

import (
	"slices"
	"time"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/uri"
)

// call is a CALL that has not been answered. Caller and callee both find it:
// the one by its request id, the other by the id of the invocation.
type call struct {
	one invocation // the first one, and the only one unless all callees are called

	caller  *Session
	request uint64
	reg     *registration

	progress bool // the caller wants progressive results
	input    bool // further CALLs of the caller belong to it
	killed   bool // CANCEL with mode kill: the callee has been told
	answered bool // the caller has had progressive results

	special bool        // its INVOCATION has details
	asks    Disclosure  // whether its caller is made known
	details msg.Options // what the details are, whoever the callee is

	timeout  time.Duration // 0: none
	deadline time.Time     // while timed
	timed    int           // index in Realm.timers plus 1; 0: no timer runs

	rare     *rare // what few calls need
	spare    *rare // for the next one that does
	nextFree *call // while in Realm.free
}

// rare is the part of a call that ordinary ones do without.
type rare struct {
	procedure []byte
	chunks    []chunk // its input, while it may have to be sent again
	bytes     []byte  // of chunks
	lost      bool    // there was more input than is kept

	tried     []*callee // have answered that they are unavailable
	partition bool      // the callee depends on key
	key       uint64    // hash of rkey
	all       *aggregate
}

// chunk is the payload of one of the CALLs of a call.
type chunk struct {
	payload msg.Payload
	last    bool
}

// invocation is an INVOCATION that has not been answered, or waits to be sent.
type invocation struct {
	call   *call
	callee *callee // nil while it waits for any callee
	id     uint64  // 0 while it waits

	queue      *queue // it waits in
	next, prev *invocation
}

// Call handles CALL (specification, basic profile, section "Calling and
// Invocations", and the sections on remote procedure calls of the advanced
// profile). Errors: wamp.error.no_such_procedure, wamp.error.invalid_uri,
// wamp.error.invalid_argument for run modes that make no sense,
// wamp.error.limit_exceeded, wamp.error.unavailable when too many calls wait
// for a callee, wamp.error.feature_not_supported when the callee cannot do what
// the options ask for, wamp.error.option_disallowed.disclose_me.
func (r *Realm) Call(s *Session, m *msg.Message, out *Out) error {
	if !s.state.joined {
		return nil
	}
	st := &s.state
	if c := st.calls.get(m.Request); c != nil {
		return r.continueCall(c, m, out)
	}
	if st.endStream(m) {
		return nil // a race: the caller did not know that the call has ended
	}
	if err := r.newRequest(s, m.Request); err != nil {
		return err
	}
	if m.Options.Set != 0 {
		if err := r.checkCall(s, &m.Options); err != nil {
			return err
		}
	}
	r.stats.Calls++
	if refusal := r.call(s, m, out); refusal != nil {
		if m.Options.Is(msg.Progress) {
			st.endedStream(m.Request)
		}
		r.stats.CallErrors++
		out.fail(s, msg.Call, m.Request, refusal)
	}
	return nil
}

// checkCall looks for options that a caller must not use without having
// announced the feature. Where real clients do so and no harm is done, only a
// strict realm minds.
func (r *Realm) checkCall(s *Session, o *msg.Options) error {
	caller := s.state.caller
	if o.Has(msg.KeyPPTScheme) && caller&msg.PayloadPassthru == 0 {
		return &msg.Violation{Text: "CALL in payload passthru mode, which the caller has not announced"}
	}
	if r.cfg.Strict && o.Is(msg.Progress) && caller&msg.ProgressiveCallInvocations == 0 {
		return &msg.Violation{Text: "progressive CALL, which the caller has not announced"}
	}
	return nil
}

// call sends the INVOCATION for a call or has it wait, or returns the URI of
// the error that answers it.
func (r *Realm) call(s *Session, m *msg.Message, out *Out) (refusal []byte) {
	reg, refusal := r.serving(m.URI)
	if refusal != nil {
		if procedure := r.metaProcedure(m.URI); procedure != nil {
			return r.callMeta(procedure, s, m, out)
		}
		return refusal
	}
	if s.state.calls.n >= r.cfg.MaxCalls {
		return errLimitExceeded
	}
	c := r.newCall(s, m.Request, reg)
	if m.Options.Set != 0 || r.cfg.Disclose != nil || r.cfg.TrustLevel != nil {
		refusal = r.callOptions(c, m)
	}
	if refusal == nil && c.rare != nil && c.rare.all != nil {
		refusal = r.callAll(c, m, out)
	} else if refusal == nil {
		refusal = r.place(c, m.URI, &m.Payload, !c.input, out)
	}
	if refusal != nil {
		r.endCall(c, out)
	}
	return refusal
}

// serving finds the registration that serves calls of u.
func (r *Realm) serving(u []byte) (*registration, []byte) {
	if r.override != nil {
		if reg, refusal := r.overridden(u); reg != nil || refusal != nil {
			return reg, refusal
		}
	}
	return r.procedure(u)
}

// procedure finds the registration that calls of u are routed to. What is reserved is
// served by what was registered as such, not by a client's pattern.
func (r *Realm) procedure(u []byte) (*registration, []byte) {
	if reg, ok := r.procedures.Exact(u); ok {
		return reg, nil // what is registered is valid
	}
	if !r.validURI(u) {
		return nil, errInvalidURI
	}
	reg, ok := r.procedures.Best(u)
	if !ok || uri.IsReserved(u) && !uri.IsReserved([]byte(reg.uri)) {
		return nil, errNoSuchProcedure
	}
	return reg, nil
}

// callOptions takes over what the options and the realm's policies say about
// a call.
func (r *Realm) callOptions(c *call, m *msg.Message) (refusal []byte) {
	o := &m.Options
	c.special = true
	c.progress = o.Is(msg.ReceiveProgress)
	c.input = o.Is(msg.Progress)
	c.details.X = passthru(o, &c.details)
	if r.cfg.Disclose != nil {
		c.asks = r.cfg.Disclose(c.caller, msg.Call, m.URI)
	}
	if o.Is(msg.DiscloseMe) {
		if c.asks == DiscloseNever {
			return errDiscloseMe
		}
		c.asks = DiscloseAlways
	}
	if r.cfg.TrustLevel != nil {
		if level, ok := r.cfg.TrustLevel(c.caller, msg.Call, m.URI); ok {
			c.details.Set |= msg.KeyTrustLevel
			c.details.TrustLevel = level
		}
	}
	c.timeout = r.Timeout(o.Timeout)
	switch {
	case o.RunMode == msg.RunUnknown,
		o.RunMode == msg.RunPartition && !o.Has(msg.KeyRKey):
		return errInvalidArgument
	case o.RunMode == msg.RunAll:
		if r.cfg.Encode == nil {
			return errFeatureNotSupported
		}
		c.extra().all = new(aggregate)
	case o.RunMode == msg.RunPartition,
		o.RunMode == msg.RunUnset && o.Has(msg.KeyRKey) && c.reg.invoke == msg.Partition:
		x := c.extra()
		x.partition, x.key = true, r.hashKey(o.X.RKey)
	}
	if c.input {
		c.extra().setProcedure(m.URI)
	}
	return nil
}

// extra returns c.rare, made when it was nil.
func (c *call) extra() *rare {
	if c.rare == nil {
		c.rare, c.spare = c.spare, nil
		if c.rare == nil {
			c.rare = new(rare)
		}
	}
	return c.rare
}

// newCall returns a record for a call, linked to its caller.
func (r *Realm) newCall(s *Session, request uint64, reg *registration) *call {
	c := r.free
	if c == nil {
		c = new(call)
	} else {
		r.free, c.nextFree = c.nextFree, nil
		r.freeLen--
	}
	c.one.call = c
	c.caller, c.request, c.reg = s, request, reg
	s.state.calls.put(request, c)
	r.stats.PendingCalls++
	return c
}

// mostFree is how many records of ended calls are kept to be used again.
const mostFree = 4096

// endCall forgets a call: caller and callee have heard what they are to hear.
// What they send for it later is ignored. A callee that is free again because
// of it gets the next call that waits.
func (r *Realm) endCall(c *call, out *Out) {
	st := &c.caller.state
	st.calls.remove(c.request)
	if c.input {
		st.endedStream(c.request)
	}
	r.stopTimer(c)
	r.stats.PendingCalls--
	c.stopWaiting() // first, since every callee that gets free is given something
	r.endInvocation(&c.one, out)
	if all := c.all(); all != nil {
		for i := range all.invocations {
			r.endInvocation(&all.invocations[i], out)
		}
		r.stats.KeptBytes -= all.size
	}
	if c.rare != nil {
		r.stats.KeptBytes -= len(c.rare.bytes)
	}
	if r.freeLen == mostFree {
		*c = call{}
		return
	}
	*c = call{spare: c.rare.reset(c.spare), nextFree: r.free}
	r.free = c
	r.freeLen++
}

// mostSpare is how many bytes of a call's input the next call may reuse.
const mostSpare = 4096

// reset empties x, so that its memory can be used again; spare is returned
// when there is nothing to use.
func (x *rare) reset(spare *rare) *rare {
	if x == nil || cap(x.bytes) > mostSpare {
		return spare
	}
	clear(x.chunks)
	clear(x.tried)
	*x = rare{procedure: x.procedure[:0], chunks: x.chunks[:0], bytes: x.bytes[:0], tried: x.tried[:0]}
	return x
}

// stopWaiting takes the invocations of c that have not been sent out of the
// queues.
func (c *call) stopWaiting() {
	if c.one.queue != nil {
		c.one.queue.remove(&c.one)
	}
	if all := c.all(); all != nil {
		for i := range all.invocations {
			if inv := &all.invocations[i]; inv.queue != nil {
				inv.queue.remove(inv)
			}
		}
	}
}

// endInvocation forgets an invocation, and has its callee take another one. One
// that was not sent needs no forgetting.
func (r *Realm) endInvocation(inv *invocation, out *Out) {
	if inv.id == 0 {
		return
	}
	callee := inv.callee
	callee.session.state.invocations.remove(inv.id)
	inv.id, inv.callee = 0, nil
	callee.running--
	if callee.limit > 0 {
		r.serve(callee, out)
	}
}

// all returns the invocations of a call of all callees, nil for other calls.
func (c *call) all() *aggregate {
	if c.rare == nil {
		return nil
	}
	return c.rare.all
}

// failCall sends ERROR to the caller of c.
func (r *Realm) failCall(c *call, uri []byte, out *Out) {
	r.stats.CallErrors++
	out.fail(c.caller, msg.Call, c.request, uri)
}

// keep copies a chunk of input of c, to be sent later or again. What is kept
// is bounded: false when it would be too much.
func (r *Realm) keep(c *call, procedure []byte, payload *msg.Payload, last bool) bool {
	x := c.extra()
	size := payload.Size()
	if x.lost || len(x.bytes)+size > r.cfg.MaxWaitingBytes || r.stats.KeptBytes+size > r.cfg.MaxKeptBytes {
		r.forget(x)
		x.lost = true
		return false
	}
	r.stats.KeptBytes += size
	x.setProcedure(procedure)
	kept := msg.Payload{Format: payload.Format}
	kept.Args, x.bytes = appendView(x.bytes, payload.Args)
	kept.Kwargs, x.bytes = appendView(x.bytes, payload.Kwargs)
	x.chunks = append(x.chunks, chunk{kept, last})
	return true
}

// forget drops the input that is kept for a call.
func (r *Realm) forget(x *rare) {
	r.stats.KeptBytes -= len(x.bytes)
	x.chunks, x.bytes = nil, nil
}

// setProcedure notes the procedure of the first CALL.
func (x *rare) setProcedure(procedure []byte) {
	if len(x.procedure) == 0 {
		x.procedure = append(x.procedure, procedure...)
	}
}

// appendView copies view to the end of buffer and returns the copy and the
// buffer. nil stays nil.
func appendView(buffer, view []byte) (copied, _ []byte) {
	if view == nil {
		return nil, buffer
	}
	start := len(buffer)
	buffer = append(buffer, view...)
	return buffer[start:len(buffer):len(buffer)], buffer
}

// clonePayload copies p out of the buffer that it was read into.
func clonePayload(p *msg.Payload) msg.Payload {
	return msg.Payload{Format: p.Format, Args: slices.Clone(p.Args), Kwargs: slices.Clone(p.Kwargs)}
}
