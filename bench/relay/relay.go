// Package relay is the floor under every router in Go: it forwards frames to
// the connections that claimed a number, and parses nothing else.
//
// It speaks RawSocket or WebSocket framing on one port, told apart by the first
// octet. A message begins with a destination, four octets, big endian. A
// message to destination 0 makes its sender a receiver of the number in octets
// 4 to 8, and comes back as the answer; every other message is copied to all
// receivers of its destination. A connection that ends receives nothing more.
//
// Reading and writing are batched as in a router that does it well: a reader
// takes all that is there, handles all of it, and has each receiver written to
// once. Output is not bounded, so the relay is for generators that hold
// themselves back, and for nobody else.
package relay

import (
	"encoding/binary"
	"io"
	"net"
	"slices"
	"sync"
	"syscall"
)

// Flush is a way to write a batch of output.
type Flush string

const (
	// Direct lets the reader that made the output write it, without blocking.
	// A goroutine takes over only for what the socket refuses.
	Direct Flush = "direct"
	// Writer hands output to a goroutine per connection.
	Writer Flush = "writer"
)

// Serve forwards frames between the connections that l accepts, until l is
// closed.
func Serve(l net.Listener, flush Flush) error {
	r := &relay{receivers: make(map[uint32][]*conn), flush: flush}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go r.serve(c)
	}
}

type relay struct {
	flush Flush

	mu        sync.Mutex
	receivers map[uint32][]*conn // by number; also guards every conn's out
}

// A conn is written to by one goroutine at a time, the one that set writing.
type conn struct {
	net.Conn
	raw       syscall.RawConn
	websocket bool
	numbers   []uint32
	wake      chan struct{} // of the writer, if there is one
	ended     chan struct{}

	out, spare []byte
	writing    bool
}

// buffers hold what was read, for as long as it is being handled.
var buffers = sync.Pool{New: func() any { b := make([]byte, 64<<10); return &b }}

func (r *relay) serve(nc net.Conn) {
	defer nc.Close()
	c := &conn{Conn: nc}
	if err := c.handshake(); err != nil {
		return
	}
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return
	}
	var err error
	if c.raw, err = sc.SyscallConn(); err != nil {
		return
	}
	if r.flush == Writer {
		c.wake, c.ended = make(chan struct{}, 1), make(chan struct{})
		go c.write(r)
		defer close(c.ended)
	}
	defer r.leave(c)
	var partial []byte // the beginning of a frame
	var dirty []*conn
	for {
		in, pooled, err := c.read(partial)
		if err == nil {
			in, dirty, err = r.forward(c, in, dirty[:0])
		}
		// What is left of the batch is kept; without a rest, so is no memory.
		switch {
		case len(in) == 0:
			partial = nil
		case pooled != nil:
			partial = append(make([]byte, 0, c.frameSize(in)), in...)
		default:
			partial = in
		}
		if pooled != nil {
			buffers.Put(pooled)
		}
		if err != nil {
			return
		}
		for _, d := range dirty {
			r.flushTo(d)
		}
	}
}

// read waits for input and returns all that is there, with partial before it.
// It reads into partial itself if that has room, as it has when it is the
// beginning of a large frame, and else into a buffer that is returned too.
func (c *conn) read(partial []byte) (in []byte, pooled *[]byte, err error) {
	n := 0
	werr := c.raw.Read(func(fd uintptr) bool {
		into := partial[len(partial):cap(partial)]
		if len(into) == 0 {
			pooled = buffers.Get().(*[]byte)
			into = (*pooled)[copy(*pooled, partial):]
		}
		for {
			if n, err = syscall.Read(int(fd), into); err != syscall.EINTR {
				break
			}
		}
		if err == syscall.EAGAIN {
			if pooled != nil {
				buffers.Put(pooled)
				pooled = nil
			}
			return false
		}
		return true
	})
	switch {
	case werr != nil:
		return nil, pooled, werr
	case err != nil:
		return nil, pooled, err
	case n == 0:
		return nil, pooled, io.EOF
	case pooled != nil:
		return (*pooled)[:len(partial)+n], pooled, nil
	}
	return partial[:len(partial)+n], nil, nil
}

// forward copies the complete frames of in to their receivers' output. It
// returns what is incomplete, and who has output.
func (r *relay) forward(from *conn, in []byte, dirty []*conn) ([]byte, []*conn, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		m, size, err := from.frame(in)
		if err != nil || m == nil {
			return in, dirty, err
		}
		in = in[size:]
		if len(m) < 8 {
			continue // a ping, or nonsense
		}
		number := binary.BigEndian.Uint32(m)
		if number == 0 {
			r.claim(from, binary.BigEndian.Uint32(m[4:]))
			dirty = from.push(m, dirty)
			continue
		}
		for _, to := range r.receivers[number] {
			dirty = to.push(m, dirty)
		}
	}
}

func (r *relay) claim(c *conn, number uint32) {
	r.receivers[number] = append(r.receivers[number], c)
	c.numbers = append(c.numbers, number)
}

func (r *relay) leave(c *conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range c.numbers {
		left := slices.DeleteFunc(r.receivers[n], func(other *conn) bool { return other == c })
		if len(left) == 0 {
			delete(r.receivers, n)
		} else {
			r.receivers[n] = left
		}
	}
}

// push appends a message to the output. The relay's lock is held.
func (c *conn) push(m []byte, dirty []*conn) []*conn {
	if len(c.out) == 0 {
		dirty = append(dirty, c)
	}
	c.out = append(c.appendHead(c.out, len(m)), m...)
	return dirty
}

// flushTo has c's output written, unless somebody is at it already.
func (r *relay) flushTo(c *conn) {
	if c.wake != nil {
		select {
		case c.wake <- struct{}{}:
		default:
		}
		return
	}
	for {
		out, ok := r.take(c)
		if !ok {
			return
		}
		n := 0
		var err error
		rerr := c.raw.Write(func(fd uintptr) bool {
			n, err = syscall.Write(int(fd), out)
			return true
		})
		if rerr != nil || err != nil && err != syscall.EAGAIN && err != syscall.EINTR {
			return // writing stays set: nobody tries again
		}
		if n < len(out) {
			go r.finish(c, out[max(n, 0):])
			return
		}
		r.done(c, out)
	}
}

// finish writes what the socket had no room for, and then what has been pushed
// in the meantime.
func (r *relay) finish(c *conn, rest []byte) {
	if _, err := c.Write(rest); err != nil {
		return
	}
	r.done(c, rest)
	r.flushTo(c)
}

// take makes the caller the one that writes c's output; false means that there
// is none, or that somebody else writes.
func (r *relay) take(c *conn) ([]byte, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.writing || len(c.out) == 0 {
		return nil, false
	}
	c.writing = true
	out := c.out
	c.out, c.spare = c.spare[:0], nil
	return out, true
}

// done ends what take began.
func (r *relay) done(c *conn, out []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.writing = false
	if cap(out) <= 256<<10 {
		c.spare = out[:0]
	}
}

// write is the goroutine of Writer.
func (c *conn) write(r *relay) {
	for {
		select {
		case <-c.wake:
		case <-c.ended:
			return
		}
		for {
			out, ok := r.take(c)
			if !ok {
				break
			}
			if _, err := c.Write(out); err != nil {
				c.Close()
				return
			}
			r.done(c, out)
		}
	}
}
