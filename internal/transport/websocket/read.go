package websocket

import (
	"errors"
	"fmt"

	"github.com/wampeter/wampeter/internal/transport"
)

// input is the Conn as its Socket sees it.
type input Conn

func (c *input) Handler() transport.Handler { return c.h }

func (c *input) Partial() bool { return c.frame.open || c.Carries() }

func (c *input) Room() ([]byte, error) { return c.message.Room() }

func (c *input) Filled(n int) error {
	c.unmask(c.message.Filled(n))
	return c.finish()
}

// Parse handles frames. Messages that lie in b as a whole are handed over where
// they are; others are collected.
func (c *input) Parse(b []byte) (int, error) {
	used := 0
	for {
		h, ok, err := parseHeader(b[used:], !c.client, c.deflate)
		if err != nil || !ok {
			return used, err
		}
		body := used + h.len
		if !h.control() {
			if err := c.check(&h); err != nil {
				return used, err
			}
			if !h.fin || h.op == opContinuation || h.size > transport.SmallMessage {
				n, err := c.collect(&h, b[body:])
				used = body + n
				if err != nil || c.message.Missing() > 0 {
					return used, err
				}
				continue
			}
		}
		if len(b)-body < h.size {
			return used, nil
		}
		used = body + h.size
		payload := b[body:used:used]
		if !c.client {
			transport.Mask(payload, h.key[:])
		}
		if h.control() {
			err = c.answer(h.op, payload)
		} else {
			err = c.deliver(payload, h.compressed, nil)
		}
		if err != nil {
			return used, err
		}
	}
}

// check refuses a data frame that must not come now, or is too long.
func (c *input) check(h *header) error {
	switch {
	case (h.op == opContinuation) != c.frame.open:
		return breach("fragments out of order")
	case h.op == opText && !c.protocol.Text():
		return &transport.Error{Code: 1003, Text: "websocket: text message, but " + c.protocol.String() + " is binary"}
	case h.op == opBinary && c.protocol.Text():
		return &transport.Error{Code: 1003, Text: "websocket: binary message, but " + c.protocol.String() + " is text"}
	}
	limit := c.limit
	if c.protocol.Batched || h.compressed || c.frame.open && c.frame.compressed {
		limit += limit/64 + 64 // what has no use for compression grows by a little
	}
	if h.size > limit-c.message.Len() {
		return tooBig(c.limit)
	}
	return nil
}

func tooBig(limit int) error {
	return &transport.Error{Code: 1009, Text: fmt.Sprintf("message is larger than %d bytes", limit)}
}

// collect begins to collect the payload of a frame, of which b has the first
// bytes, and returns how many it took.
func (c *input) collect(h *header, b []byte) (int, error) {
	f := &c.frame
	if h.op != opContinuation {
		f.open, f.compressed = true, h.compressed
	}
	f.fin, f.key, f.pos = h.fin, h.key, 0
	c.message.Expect(h.size)
	start := c.message.Len()
	n, err := c.message.Append(b)
	if err != nil {
		return n, err
	}
	c.unmask(c.message.Bytes()[start:])
	return n, c.finish()
}

// unmask takes the mask off b, the next bytes of the frame.
func (c *input) unmask(b []byte) {
	if c.client || len(b) == 0 {
		return
	}
	f := &c.frame
	var key [4]byte
	for i := range key {
		key[i] = f.key[(f.pos+i)&3]
	}
	transport.Mask(b, key[:])
	f.pos += len(b)
}

// finish hands the collected message over when it is complete.
func (c *input) finish() error {
	if c.message.Missing() > 0 || !c.frame.fin {
		return nil
	}
	c.frame.open = false
	err := c.deliver(c.message.Bytes(), c.frame.compressed, c.message.Block())
	c.message.Reset()
	return err
}

// answer handles a control frame.
func (c *input) answer(op byte, payload []byte) error {
	conn := (*Conn)(c)
	switch op {
	case opPing:
		c.h.Control(appendControl(make([]byte, 0, maxControl+6), opPong, payload, conn.key()))
	case opClose:
		code, reason, err := parseClose(payload)
		if err != nil {
			return err
		}
		if !c.closing.Swap(true) {
			c.h.Control(appendControl(nil, opClose, payload[:min(len(payload), 2)], conn.key()))
		}
		if code == 1000 || code == 1001 || code == 1005 {
			return errClosed
		}
		return &CloseError{Code: code, Reason: reason}
	}
	return nil
}

// errClosed ends reading after the peer's close frame, in an orderly way.
var errClosed = errors.New("closed by the peer")

// deliver hands the payload of a message over.
func (c *input) deliver(payload []byte, compressed bool, block *transport.Block) error {
	if compressed {
		return c.deliverCompressed(payload)
	}
	return c.deliverPlain(payload, block)
}

func (c *input) deliverPlain(payload []byte, block *transport.Block) error {
	if c.protocol.Batched {
		return c.deliverBatch(payload, block)
	}
	if len(payload) > c.limit {
		return tooBig(c.limit)
	}
	return c.h.Message(payload, block)
}

// errBatch is the answer to what is no batch.
func errBatch() error { return breach("malformed batch of messages") }

// deliverBatch hands over each message of a batch.
func (c *input) deliverBatch(b []byte, block *transport.Block) error {
	if len(b) == 0 {
		return breach("empty batch of messages")
	}
	for len(b) > 0 {
		message, rest, ok := c.protocol.Cut(b)
		if !ok {
			return errBatch()
		}
		b = rest
		if len(message) > c.limit {
			return tooBig(c.limit)
		}
		if err := c.h.Message(message, block); err != nil {
			return err
		}
	}
	return nil
}
