// Package pipe connects two ends within one process: no socket, no system call,
// frames of four octets of length. A message is encoded once, by its sender, so
// the two ends never share a mutable value.
package pipe

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
)

// capacity is the number of bytes that one direction holds before writing would
// block.
const capacity = 256 << 10

// headerSize is the length of the prefix of a message.
const headerSize = 4

// New returns the two ends of a connection in the given format.
func New(format msg.Format, limits transport.Limits) (a, b *Conn) {
	ab, ba := newQueue(), newQueue()
	return newConn(format, ba, ab, &limits), newConn(format, ab, ba, &limits)
}

// queue is one direction.
type queue struct {
	mu      sync.Mutex
	changed sync.Cond // bytes came or went, or the direction was closed
	bytes   []byte    // written and not taken by the reader
	spare   []byte    // memory for the next ones
	ended   bool      // nothing more will be written
	closed  bool      // nobody reads any more, or the writer is gone without CloseWrite
}

func newQueue() *queue {
	q := &queue{}
	q.changed.L = &q.mu
	return q
}

// push appends what the capacity allows and returns how much that was.
func (q *queue) push(bufs [][]byte) (int, error) {
	if q.bytes == nil {
		q.bytes, q.spare = q.spare, nil
	}
	n := 0
	for _, b := range bufs {
		if q.closed || q.ended {
			return n, io.ErrClosedPipe
		}
		room := min(capacity-len(q.bytes), len(b))
		q.bytes = append(q.bytes, b[:room]...)
		n += room
		if room < len(b) {
			break
		}
	}
	if n > 0 {
		q.changed.Broadcast()
	}
	return n, nil
}

func (q *queue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended = true
	q.changed.Broadcast()
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.bytes, q.spare = nil, nil
	q.changed.Broadcast()
}

// keep is the largest memory that an idle direction holds on to.
const keep = 4 << 10

// take waits for bytes and returns all of them; used is memory to be reused. At
// the end it returns io.EOF, after close from this side net.ErrClosed.
func (q *queue) take(c *Conn, used []byte) ([]byte, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if cap(used) <= keep {
		q.spare = used[:0]
	}
	for {
		switch {
		case c.closed:
			return nil, net.ErrClosed
		case len(q.bytes) > 0:
			b := q.bytes
			q.bytes, q.spare = q.spare, nil
			q.changed.Broadcast()
			return b, nil
		case q.ended || q.closed:
			return nil, io.EOF
		}
		q.changed.Wait()
	}
}

// Conn is one end of a connection.
type Conn struct {
	format  msg.Format
	limit   int
	timeout time.Duration
	in, out *queue
	closed  bool // guarded by in.mu

	large transport.Assembly
	carry []byte // beginning of a frame whose rest has not arrived
}

var _ transport.Conn = (*Conn)(nil)

func newConn(format msg.Format, in, out *queue, limits *transport.Limits) *Conn {
	c := &Conn{format: format, limit: limits.MessageLimit(), timeout: limits.WriteTimeout, in: in, out: out}
	if c.timeout == 0 {
		c.timeout = transport.DefaultWriteTimeout
	}
	c.large.Init(limits.Budget)
	return c
}

// Format implements transport.Conn.
func (c *Conn) Format() msg.Format { return c.format }

// Framing implements transport.Conn.
func (c *Conn) Framing() transport.Framing { return transport.Framing{Kind: transport.Prefixed} }

// MaxSend implements transport.Conn.
func (c *Conn) MaxSend() int { return c.limit }

// Info implements transport.Conn.
func (c *Conn) Info() *transport.Info {
	return &transport.Info{Transport: "pipe", Network: "pipe", Local: "pipe", Peer: "pipe"}
}

// Serve implements transport.Conn.
func (c *Conn) Serve(h transport.Handler) error {
	err := c.serve(h)
	c.large.Reset()
	h.Idle(false)
	return err
}

func (c *Conn) serve(h transport.Handler) error {
	var used []byte
	for {
		b, err := c.in.take(c, used)
		if err == io.EOF && (c.large.Missing() > 0 || len(c.carry) > 0) {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		used = b
		h.Alive()
		if len(c.carry) > 0 {
			b = append(c.carry, b...)
			c.carry = nil
		}
		n, err := c.parse(h, b)
		if err != nil {
			return err
		}
		if n < len(b) {
			c.carry = append([]byte(nil), b[n:]...)
		}
		h.Idle(false)
	}
}

// parse hands over the messages in b and returns how many bytes it has used.
func (c *Conn) parse(h transport.Handler, b []byte) (int, error) {
	used := 0
	for {
		if c.large.Missing() > 0 {
			n, err := c.large.Append(b[used:])
			if err != nil {
				return used, err
			}
			used += n
			if c.large.Missing() > 0 {
				return used, nil
			}
			err = h.Message(c.large.Bytes(), c.large.Block())
			c.large.Reset()
			if err != nil {
				return used, err
			}
		}
		if len(b)-used < headerSize {
			return used, nil
		}
		size := int(binary.BigEndian.Uint32(b[used:]))
		if size > c.limit {
			return used, &transport.Error{Code: 1009, Text: fmt.Sprintf("message of %d bytes, at most %d are accepted", size, c.limit)}
		}
		body := used + headerSize
		if size > transport.SmallMessage {
			c.large.Expect(size)
			used = body
			continue
		}
		if len(b)-body < size {
			return used, nil
		}
		used = body + size
		if err := h.Message(b[body:used:used], nil); err != nil {
			return used, err
		}
	}
}

// Drain implements transport.Conn.
func (c *Conn) Drain() {
	for {
		if _, err := c.in.take(c, nil); err != nil {
			return
		}
	}
}

// TryWrite implements transport.Conn.
func (c *Conn) TryWrite(bufs [][]byte) (int, error) {
	size := 0
	for _, b := range bufs {
		size += len(b)
	}
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	n, err := c.out.push(bufs)
	if err == nil && n < size {
		err = transport.ErrWouldBlock
	}
	return n, err
}

// Write implements transport.Conn.
func (c *Conn) Write(bufs [][]byte) error {
	q := c.out
	expired := false
	timer := time.AfterFunc(c.timeout, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		expired = true
		q.changed.Broadcast()
	})
	defer timer.Stop()
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, b := range bufs {
		for len(b) > 0 {
			n, err := q.push([][]byte{b})
			switch {
			case err != nil:
				return err
			case n > 0:
				b = b[n:]
				timer.Reset(c.timeout)
				expired = false
			case expired:
				return fmt.Errorf("pipe: the other end has read nothing for %v", c.timeout)
			default:
				q.changed.Wait()
			}
		}
	}
	return nil
}

// AppendPing implements transport.Conn. Within a process no ping is needed.
func (c *Conn) AppendPing(dst []byte) []byte { return dst }

// AppendClose implements transport.Conn. There is no farewell of its own.
func (c *Conn) AppendClose(dst []byte, _ error) []byte { return dst }

// CloseWrite implements transport.Conn.
func (c *Conn) CloseWrite() error {
	c.out.end()
	return nil
}

// Close implements transport.Conn. What was written before can still be read by
// the other end.
func (c *Conn) Close() error {
	c.out.end()
	c.in.mu.Lock()
	c.closed = true
	c.in.mu.Unlock()
	c.in.close()
	return nil
}
