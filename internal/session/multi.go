package session

import (
	"github.com/wampeter/wampeter/internal/codec"
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
)

// Multi is one message for many peers, encoded once for each combination of
// serializer and framing among them. It keeps its memory between messages and
// is used by one goroutine.
type Multi struct {
	m        *msg.Message
	block    *transport.Block
	variants []variant
}

type variant struct {
	format   msg.Format
	framing  transport.Framing
	size     int    // of the message in the frame
	frame    []byte // complete frame
	keep     bool   // frame may be queued by reference
	deferred *deferred
}

// Reset makes m the message to send. block is as for Peer.Send.
func (x *Multi) Reset(m *msg.Message, block *transport.Block) {
	x.m, x.block = m, block
	for i := range x.variants {
		if v := &x.variants[i]; v.keep {
			v.frame = nil // receivers hold it
		}
	}
	x.variants = x.variants[:0]
}

func (x *Multi) variant(format msg.Format, framing transport.Framing) *variant {
	for i := range x.variants {
		if v := &x.variants[i]; v.format == format && v.framing == framing {
			return v
		}
	}
	if len(x.variants) < cap(x.variants) {
		x.variants = x.variants[:len(x.variants)+1]
	} else {
		x.variants = append(x.variants, variant{})
	}
	v := &x.variants[len(x.variants)-1]
	*v = variant{format: format, framing: framing, frame: v.frame[:0]}
	size := x.m.Payload.Size()
	if size >= minDeferred && (x.m.Payload.Format != format || framing.Deflate) {
		v.deferred = newDeferred(x.m, x.block, format, framing)
		return v
	}
	if v.keep = size >= minReference; v.keep {
		v.frame = make([]byte, 0, size+128)
	}
	out, mark := framing.Begin(v.frame, size+64)
	start := len(out)
	out = codec.Append(out, format, x.m)
	v.size = len(out) - start
	v.frame = framing.End(out, mark)
	return v
}

// SendMulti appends the message of x to the outbox, like Send.
func (p *Peer) SendMulti(x *Multi) error {
	if p.framing.Mask {
		return p.Send(x.m, x.block)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.admit(p.cfg.MaxQueue); err != nil {
		return err
	}
	v := x.variant(p.format, p.framing)
	if v.deferred != nil {
		return p.pushDeferred(v.deferred)
	}
	if p.maxSend > 0 && v.size > p.maxSend {
		return ErrTooBig
	}
	return p.pushFrame(v.frame, v.keep)
}
