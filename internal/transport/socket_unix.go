//go:build unix

package transport

import (
	"io"

	"golang.org/x/sys/unix"
)

// readiness tells that sockets can be asked whether they are ready.
const readiness = true

// readReady reads once from fd. It is called by RawConn.Read, which waits for
// readiness and calls it again when it returns false; while it waits, no buffer
// is held. The read comes first in any case: RawConn.Read has forgotten by then
// that fd was ready before.
func (s *Socket) readReady(fd uintptr) bool {
	r := &s.in
	dst := r.room
	borrowed := false
	switch {
	case len(dst) > 0:
	case s.tls != nil:
		w := s.tls.wire
		if w.buf == nil {
			w.buf = getBuffer()
			borrowed = true
		}
		dst = w.buf[:]
	default:
		if r.buf == nil {
			r.buf = getBuffer()
			r.have = len(r.carry)
			borrowed = true
		}
		dst = r.buf[r.have:]
	}
	n, err := read(int(fd), dst)
	for err == unix.EINTR {
		n, err = read(int(fd), dst)
	}
	if err == nil && n > 0 {
		if borrowed && s.tls == nil {
			copy(r.buf[:], r.carry)
			s.uncarry()
		}
		r.n = n
		return true
	}
	if borrowed {
		if s.tls != nil {
			s.releaseTLS()
		} else {
			s.release() // what is carried stays so
		}
	}
	switch err {
	case nil:
		r.err = io.EOF
	case unix.EAGAIN:
		if r.wait {
			r.slept = true
			return false
		}
		r.err = errAgain
	default:
		r.err = err
	}
	return true
}

// writeReady writes once to fd, as far as that goes without waiting. It is
// called by RawConn.Write, which waits when it returns false.
func (s *Socket) writeReady(fd uintptr) bool {
	w := &s.out
	n, err := writev(int(fd), w.bufs)
	for err == unix.EINTR {
		n, err = writev(int(fd), w.bufs)
	}
	switch {
	case err == unix.EAGAIN && w.wait:
		return false
	case err == unix.EAGAIN:
		w.err = ErrWouldBlock
	case err != nil:
		w.err = err
	default:
		w.n = n
		for _, b := range w.bufs {
			n -= len(b)
		}
		if n < 0 {
			w.err = ErrWouldBlock
		}
	}
	return true
}
