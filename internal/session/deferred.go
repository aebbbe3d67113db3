package session

import (
	"bytes"
	"sync"

	"github.com/wampeter/wampeter/internal/codec"
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
	"github.com/wampeter/wampeter/internal/transport/websocket"
)

// deferred is a message that becomes a frame when it is written, since that
// takes long: its payload is transcoded or compressed. Receivers that take the
// same frame share it.
type deferred struct {
	m       msg.Message
	format  msg.Format
	framing transport.Framing

	once sync.Once
	out  []byte
	size int // of the message before framing
}

// newDeferred copies m, its payload too unless that is in a block. When the last
// of the receivers is done with it, nobody knows; so the block is kept.
func newDeferred(m *msg.Message, block *transport.Block, format msg.Format, framing transport.Framing) *deferred {
	d := &deferred{m: *m, format: format, framing: framing}
	d.m.URI = bytes.Clone(m.URI)
	d.m.Dict = bytes.Clone(m.Dict)
	if m.Options.X != nil {
		x := *m.Options.X
		d.m.Options.X = &x
	}
	if !block.Keep() {
		d.m.Payload = msg.Payload{
			Format: m.Payload.Format,
			Args:   bytes.Clone(m.Payload.Args),
			Kwargs: bytes.Clone(m.Payload.Kwargs),
		}
	}
	return d
}

// frame returns the frame, made by whoever asks first; nil when the message is
// larger than maxSend (0: no limit).
func (d *deferred) frame(maxSend int) []byte {
	d.once.Do(func() {
		if d.framing.Deflate {
			message := codec.Append(nil, d.format, &d.m)
			d.size = len(message)
			d.out = websocket.AppendCompressed(nil, d.framing, message)
			return
		}
		out, mark := d.framing.Begin(nil, d.m.Payload.Size()+64)
		start := len(out)
		out = codec.Append(out, d.format, &d.m)
		d.size = len(out) - start
		d.out = d.framing.End(out, mark)
	})
	if maxSend > 0 && d.size > maxSend {
		return nil
	}
	return d.out
}
