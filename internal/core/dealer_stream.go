package core

import (
	"slices"

	"github.com/wampeter/wampeter/internal/msg"
)

// continueCall handles a CALL with the request id of one that is pending: the
// next chunk of its input (specification, advanced profile, section
// "Progressive Call Invocations"). Its options count for nothing but
// "progress".
func (r *Realm) continueCall(c *call, m *msg.Message, out *Out) error {
	if !c.input {
		return &msg.Violation{Text: "CALL with the request id of a call that is pending and not progressive"}
	}
	x := c.rare
	if string(x.procedure) != string(m.URI) {
		return &msg.Violation{Text: "progressive CALL continued with another procedure"}
	}
	last := !m.Options.Is(msg.Progress)
	c.input = !last
	if c.killed {
		return nil // the callee has been told to stop
	}
	waits := c.waits()
	if (waits || len(x.chunks) > 0) && !r.keep(c, nil, &m.Payload, last) && waits {
		r.interrupt(c, out)
		r.failCall(c, errUnavailable, out)
		r.endCall(c, out)
		return nil
	}
	if all := x.all; all != nil {
		for i := range all.invocations {
			if inv := &all.invocations[i]; inv.id != 0 {
				r.send(inv, x.procedure, &m.Payload, last, out)
			}
		}
		return nil
	}
	if !waits {
		r.send(&c.one, x.procedure, &m.Payload, last, out)
	}
	return nil
}

// streamed reports whether c is or was a progressive call invocation.
func (c *call) streamed() bool {
	return c.input || c.rare != nil && len(c.rare.chunks) > 1
}

// waits reports whether an invocation of c has not been sent.
func (c *call) waits() bool {
	if all := c.all(); all != nil {
		return slices.ContainsFunc(all.invocations, func(inv invocation) bool { return inv.queue != nil })
	}
	return c.one.queue != nil
}

// mostEnded is how many calls are remembered that ended while their caller
// was still sending input.
const mostEnded = 64

// endedStream remembers that a call ended whose caller does not know it yet
// and may send further input.
func (st *sessionState) endedStream(request uint64) {
	if slices.Contains(st.ended, request) {
		return
	}
	if len(st.ended) == mostEnded {
		st.ended = slices.Delete(st.ended, 0, 1)
	}
	st.ended = append(st.ended, request)
}

// endStream reports whether m is input for a call that has ended.
func (st *sessionState) endStream(m *msg.Message) bool {
	at := slices.Index(st.ended, m.Request)
	if at < 0 {
		return false
	}
	if !m.Options.Is(msg.Progress) {
		st.ended = slices.Delete(st.ended, at, at+1)
	}
	return true
}
