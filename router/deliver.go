package router

import (
	"errors"

	"github.com/wampeter/wampeter/internal/core"
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/session"
	"github.com/wampeter/wampeter/internal/transport"
)

// How many bytes one reader may put into outboxes before it flushes them,
// although its own input is not used up: so many, and so many more for each
// receiver, so that one write carries several events even to many subscribers.
const (
	maxUnflushed     = 256 << 10
	maxUnflushedEach = 32 << 10
	maxUnflushedAll  = 32 << 20
)

// batch is what one reader has put into outboxes and not flushed yet. It is
// used by one goroutine, which holds a realm's lock to add to it.
type batch struct {
	dirty []*link
	epoch uint64 // counts flushes, so that a link is listed once in each
	bytes int
	event bool // there is an EVENT among what was put there
	multi session.Multi
}

// sent notes that l's outbox has n bytes more. The realm's lock is held.
func (b *batch) sent(l *link, n int) {
	b.bytes += n
	if l.dirtyIn != b || l.dirtyEpoch != b.epoch {
		l.dirtyIn, l.dirtyEpoch = b, b.epoch
		b.dirty = append(b.dirty, l)
	}
}

// full reports whether it is time to flush.
func (b *batch) full() bool {
	return b.bytes > min(maxUnflushed+maxUnflushedEach*len(b.dirty), maxUnflushedAll)
}

// flush writes what the outboxes hold. No lock is held. It returns a peer that
// has fallen so far behind that its queue may soon be full, nil when there is
// none; and whether somebody else had flushed an outbox before.
func (b *batch) flush() (slow *session.Peer, spared bool) {
	dirty := b.dirty
	b.epoch++
	b.bytes = 0
	var share transport.Share
	for i, l := range dirty {
		if i%64 == 63 {
			share.Work()
		}
		behind, empty := l.peer.Flush()
		if behind > l.router.bounds().session.MaxQueue/4 {
			slow = l.peer
		}
		spared = spared || empty
		dirty[i] = nil
	}
	b.dirty = dirty[:0]
	return slow, spared
}

// release gives back the memory that a batch keeps between messages, for a
// connection that falls idle.
func (b *batch) release() {
	if cap(b.dirty) > 16 {
		b.dirty = nil
	}
}

// deliver puts the effects of one message, r.out, into the receivers'
// outboxes. m is the message whose effects they are, nil when there is none;
// block is what its bytes are in, if they may be held. r.mu is held.
func (r *Realm) deliver(b *batch, m *msg.Message, block *transport.Block) {
	// Refused messages bring further effects, so the length may grow.
	for i := 0; i < len(r.out.Effects); i++ {
		e := &r.out.Effects[i]
		keep := block
		if keep != nil && !sameBytes(e.Msg.Payload.Tail, m.Payload.Tail) {
			keep = nil
		}
		if e.To == nil {
			r.deliverEvent(b, e, keep)
			continue
		}
		l := e.To.Owner.(*link)
		if e.Msg.Type == msg.Goodbye {
			r.killed(l, &e.Msg)
			b.sent(l, 64)
			continue
		}
		noted := l.own != nil && r.sentBy(e, m)
		if err := l.peer.Send(&e.Msg, keep); err != nil {
			if noted {
				l.own.senders.undo()
			}
			r.refused(l, e, err)
			continue
		}
		b.sent(l, e.Msg.Payload.Size()+64)
	}
	if len(r.out.Ended)+len(r.ended) > 0 {
		r.tellEnds()
	}
	r.out.Reset()
	r.arm()
}

func (r *Realm) deliverEvent(b *batch, e *core.Effect, keep *transport.Block) {
	b.event = true
	b.multi.Reset(&e.Msg, keep)
	size := e.Msg.Payload.Size() + 64
	for _, s := range e.Receivers {
		l := s.Owner.(*link)
		switch err := l.peer.SendMulti(&b.multi); err {
		case nil:
			b.sent(l, size)
		case session.ErrOverflow:
			l.overflow()
			r.core.Undeliverable(s, &e.Msg, msg.ErrUnavailable, &r.out) // counts it
		case session.ErrTooBig:
			r.core.Undeliverable(s, &e.Msg, msg.ErrPayloadSizeExceeded, &r.out)
		}
	}
}

// refused handles a message that l's outbox did not take.
func (r *Realm) refused(l *link, e *core.Effect, err error) {
	if errors.Is(err, session.ErrOverflow) && e.Msg.Type != msg.Invocation && (l.own == nil || e.Msg.Type != msg.Event) {
		// Nobody can be told of a lost answer; a caller that does not even
		// take those is disconnected.
		l.overflow()
		return
	}
	uri := msg.ErrUnavailable
	if errors.Is(err, session.ErrTooBig) {
		uri = msg.ErrPayloadSizeExceeded
	}
	m := e.Msg // effects may move when further ones are appended
	r.core.Undeliverable(e.To, &m, uri, &r.out)
}

// undeliverable is called when a message that was queued turned out too big.
func (r *Realm) undeliverable(l *link, m *msg.Message) {
	var b batch
	r.mu.Lock()
	if l.joined {
		r.core.Undeliverable(&l.session, m, msg.ErrPayloadSizeExceeded, &r.out)
		r.deliver(&b, nil, nil)
	}
	r.mu.Unlock()
	b.flush()
}

func sameBytes(a, b []byte) bool {
	return len(a) > 0 && len(a) == len(b) && &a[0] == &b[0]
}
