package longpoll

import (
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
)

// conn is the server's end of a connection.
//
// Serve, Write and the handlers of requests wait for each other through
// changed: whoever changes what another may wait for calls wake.
type conn struct {
	server   *Server
	id       string
	protocol transport.Subprotocol
	info     *transport.Info
	limits   transport.Limits

	// sending is held by the send request that reads its body. Those that wait
	// for it get it in the order in which they came.
	sending chan struct{}

	mu      sync.Mutex
	changed chan struct{} // closed by wake; nil when nobody waits
	closed  bool          // by Close; output may be left to be received
	over    bool          // nothing more comes or goes

	// Input.
	bodies  []*transport.Assembly // of send requests, checked, not handled yet
	queued  int                   // their bytes
	inEnd   error                 // why nothing follows them
	left    bool                  // the client sent close
	peerEnd bool                  // it has left, is lost, or knows that we closed

	// Output.
	out       queue
	ended     bool // by CloseWrite
	answering bool // a receive request is being answered with messages

	// Receive requests and their absence.
	turn      int // counts receive requests; the newest is the one that counts
	receiving int // receive requests that wait
	expiry    *time.Timer
	deadline  time.Time // of expiry
}

var _ transport.Conn = (*conn)(nil)

func newConn(s *Server, id string, p transport.Subprotocol, info *transport.Info, limits transport.Limits) *conn {
	if limits.WriteTimeout == 0 {
		limits.WriteTimeout = transport.DefaultWriteTimeout
	}
	return &conn{
		server:   s,
		id:       id,
		protocol: p,
		info:     info,
		limits:   limits,
		sending:  make(chan struct{}, 1),
	}
}

// wake lets everybody who waits look again. c.mu is held.
func (c *conn) wake() {
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}

// change returns a channel that the next wake closes. c.mu is held.
func (c *conn) change() <-chan struct{} {
	if c.changed == nil {
		c.changed = make(chan struct{})
	}
	return c.changed
}

// Format implements transport.Conn.
func (c *conn) Format() msg.Format { return c.protocol.Format }

// Framing implements transport.Conn.
func (c *conn) Framing() transport.Framing { return transport.Framing{Kind: transport.Prefixed} }

// MaxSend implements transport.Conn. The client has not said what it takes.
func (c *conn) MaxSend() int { return 0 }

// Info implements transport.Conn.
func (c *conn) Info() *transport.Info { return c.info }

// Serve implements transport.Conn.
func (c *conn) Serve(h transport.Handler) error {
	defer h.Idle(false)
	for {
		bodies, err := c.takeInput()
		for i, a := range bodies {
			h.Alive()
			err := deliver(h, c.protocol, a)
			a.Reset()
			if err != nil {
				release(bodies[i+1:])
				return err
			}
		}
		if err != nil {
			return err
		}
		h.Idle(false)
	}
}

// takeInput waits for input, and returns it with what ends it, if anything.
func (c *conn) takeInput() ([]*transport.Assembly, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case c.closed:
			return nil, net.ErrClosed
		case len(c.bodies) > 0 || c.inEnd != nil:
			bodies := c.bodies
			c.bodies, c.queued = nil, 0
			c.wake()
			return bodies, c.inEnd
		}
		ch := c.change()
		c.mu.Unlock()
		<-ch
		c.mu.Lock()
	}
}

func release(bodies []*transport.Assembly) {
	for _, a := range bodies {
		a.Reset()
	}
}

// Drain implements transport.Conn.
func (c *conn) Drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.closed && !c.peerEnd {
		release(c.bodies)
		c.bodies, c.queued = nil, 0
		c.wake()
		ch := c.change()
		c.mu.Unlock()
		<-ch
		c.mu.Lock()
	}
}

// TryWrite implements transport.Conn.
func (c *conn) TryWrite(bufs [][]byte) (int, error) {
	size := 0
	for _, b := range bufs {
		size += len(b)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.unwritable(); err != nil {
		return 0, err
	}
	n := c.out.push(bufs, false)
	c.wake()
	if n < size {
		return n, transport.ErrWouldBlock
	}
	return n, nil
}

// Write implements transport.Conn. It returns when what waits for the client
// has shrunk to the capacity, so that the memory of a large message is on the
// account of whoever sends it until it is received. It needs no timeout: a
// client that sends no receive lets the connection expire, and one that does
// not read the answer lets it fail.
func (c *conn) Write(bufs [][]byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if err := c.unwritable(); err != nil {
			return err
		}
		if n := c.out.push(bufs, true); n > 0 {
			c.wake()
			for len(bufs) > 0 && n >= len(bufs[0]) {
				n -= len(bufs[0])
				bufs = bufs[1:]
			}
			if n > 0 {
				bufs = append([][]byte{bufs[0][n:]}, bufs[1:]...)
			}
		}
		if len(c.out.data) <= capacity && empty(bufs) {
			return nil
		}
		ch := c.change()
		c.mu.Unlock()
		<-ch
		c.mu.Lock()
	}
}

// unwritable returns why nothing can be written any more. c.mu is held.
func (c *conn) unwritable() error {
	switch {
	case c.closed || c.ended:
		return net.ErrClosed
	case c.over:
		return c.inEnd
	}
	return nil
}

func empty(bufs [][]byte) bool {
	for _, b := range bufs {
		if len(b) > 0 {
			return false
		}
	}
	return true
}

// AppendPing implements transport.Conn. Receive requests show that the client
// lives.
func (c *conn) AppendPing(dst []byte) []byte { return dst }

// AppendClose implements transport.Conn. There is no farewell of its own.
func (c *conn) AppendClose(dst []byte, _ error) []byte { return dst }

// CloseWrite implements transport.Conn. The client is told when it has received
// what was written.
func (c *conn) CloseWrite() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	c.wake()
	return nil
}

// Close implements transport.Conn. What was written before can still be
// received, until the connection expires.
func (c *conn) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	release(c.bodies)
	c.bodies, c.queued = nil, 0
	c.out.drop(c.over)
	if c.peerEnd && c.out.full == 0 {
		c.stop() // nobody has to be told
	} else if c.receiving == 0 {
		c.expireAfter(c.patience())
	}
	over := c.over
	c.wake()
	c.mu.Unlock()
	if over {
		c.server.remove(c)
	}
	return nil
}

// patience returns the time that may pass without a receive. A client that has
// received everything is expected back at once, to be told that it was all.
// c.mu is held.
func (c *conn) patience() time.Duration {
	o := &c.server.o
	if c.closed && c.out.full == 0 {
		return min(c.limits.WriteTimeout, o.Expiry)
	}
	return o.Expiry
}

// stop marks the connection as over and forgets what waits. c.mu is held.
func (c *conn) stop() {
	c.over = true
	c.out.drop(true)
	if c.expiry != nil {
		c.expiry.Stop()
	}
	c.wake()
}

// abandon ends the connection, whatever its state, for the reason err.
func (c *conn) abandon(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endInput(err)
	c.peerEnd = true
	c.stop()
}

// endInput ends the input, unless it has ended. c.mu is held.
func (c *conn) endInput(err error) {
	if c.inEnd == nil {
		c.inEnd = err
	}
	c.wake()
}

// peerClosed serves a close request.
func (c *conn) peerClosed() {
	c.mu.Lock()
	c.endInput(io.EOF)
	c.left, c.peerEnd = true, true
	if c.closed && c.out.full == 0 {
		c.stop()
	}
	over := c.over
	c.mu.Unlock()
	if over {
		c.server.remove(c)
	}
}

// expireAfter lets the connection end after d, unless a receive comes. c.mu is
// held, or nobody else knows c.
func (c *conn) expireAfter(d time.Duration) {
	c.deadline = time.Now().Add(d)
	if c.expiry == nil {
		c.expiry = time.AfterFunc(d, c.expire)
		return
	}
	c.expiry.Reset(d)
}

func (c *conn) expire() {
	c.mu.Lock()
	if c.answering && !c.over {
		c.expireAfter(c.server.o.Expiry)
	}
	early := c.over || c.receiving > 0 || time.Now().Before(c.deadline)
	c.mu.Unlock()
	if early {
		return // a receive came just now
	}
	c.abandon(fmt.Errorf("long-poll: no receive for %v", c.server.o.Expiry))
	c.server.remove(c)
}
