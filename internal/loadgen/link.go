package loadgen

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"
)

// Buffers: a connection with traffic reads up to busyBuffer octets at once, an
// idle one waits with idleBuffer. A buffer grows with the largest message.
const (
	busyBuffer = 64 << 10
	idleBuffer = 512
)

// A link is a connection that carries frames. It is read by one goroutine and
// written by one, which may be another.
type link struct {
	net.Conn
	framing

	in         []byte // read and not yet consumed: in[start:end]
	start, end int
	parts      []byte // of a fragmented message
	inflater   *inflater
	out        []byte // appended and not yet flushed
	cut        bool   // a write failed, so that a frame may be incomplete
	digits     [20]byte
}

// append adds the message that t makes with id to the output.
func (l *link) append(w wire, t template, id uint64) {
	n := w.appendInt(l.digits[:0], t.base+id)
	dst, key := l.appendHead(l.out, len(t.head)+len(n)+len(t.tail))
	start := len(dst)
	dst = append(append(append(dst, t.head...), n...), t.tail...)
	if key != 0 {
		mask(dst[start:], key)
	}
	l.out = dst
}

// appendMessage adds a message that has been built already to the output.
func (l *link) appendMessage(m []byte) {
	dst, key := l.appendHead(l.out, len(m))
	start := len(dst)
	l.out = append(dst, m...)
	if key != 0 {
		mask(l.out[start:], key)
	}
}

// flush writes the output.
func (l *link) flush() error {
	if len(l.out) == 0 {
		return nil
	}
	_, err := l.Write(l.out)
	l.out = l.out[:0]
	l.cut = l.cut || err != nil
	return err
}

// cutOff makes all reading and writing fail from now on.
func (l *link) cutOff() {
	_ = l.SetDeadline(time.Unix(1, 0)) // fails on a closed connection only
}

// fill reads what is there, and waits for something if nothing is.
func (l *link) fill() error {
	if l.start == l.end {
		l.start, l.end = 0, 0
	}
	if l.in == nil {
		l.in = make([]byte, busyBuffer)
	}
	if l.end == len(l.in) {
		l.end = copy(l.in, l.in[l.start:l.end])
		l.start = 0
	}
	n, err := l.Read(l.in[l.end:])
	l.end += n
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// next returns the next complete message that was read, or false when fill has
// to be called first. The message is valid until then. Pings are answered.
func (l *link) next() ([]byte, bool, error) {
	for {
		f, err := l.framing.next(l.in[l.start:l.end])
		if err != nil {
			return nil, false, err
		}
		if f.size == 0 || f.size > l.end-l.start {
			return nil, false, l.reserve(f.size)
		}
		l.start += f.size
		switch f.kind {
		case whole:
			if f.compressed {
				m, err := l.inflate(f.payload)
				return m, err == nil, err
			}
			return f.payload, true, nil
		case fragment, last:
			if len(l.parts)+len(f.payload) > maxMessage {
				return nil, false, errTooLong
			}
			l.parts = append(l.parts, f.payload...)
			if f.kind == last {
				m := l.parts
				l.parts = l.parts[:0]
				return m, true, nil
			}
		case ping:
			// One write, so that it can't end up inside another's.
			if _, err := l.Write(l.pong(f.payload)); err != nil {
				return nil, false, err
			}
		case closing:
			return nil, false, errClosed
		}
	}
}

var (
	errTooLong = fmt.Errorf("received a message of more than %d octets", maxMessage)
	errClosed  = errors.New("closed by the router")
)

// reserve makes room for a frame of size octets, 0 meaning that this is not
// known yet.
func (l *link) reserve(size int) error {
	if size > maxMessage {
		return errTooLong
	}
	if size > len(l.in)-l.start {
		unread := l.in[l.start:l.end]
		if size > len(l.in) {
			l.in = slices.Grow([]byte(nil), size+busyBuffer)[:size+busyBuffer]
		}
		l.end = copy(l.in, unread)
		l.start = 0
	}
	return nil
}

// receive returns the next message, waiting for it.
func (l *link) receive() ([]byte, error) {
	for {
		m, ok, err := l.next()
		if ok || err != nil {
			return m, err
		}
		if err := l.fill(); err != nil {
			return nil, err
		}
	}
}
