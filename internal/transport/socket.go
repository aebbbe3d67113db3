package transport

import (
	"crypto/tls"
	"io"
	"net"
	"syscall"
	"time"
)

// Input makes frames of the bytes that a Socket reads.
type Input interface {
	// Parse handles the complete frames at the beginning of b, which it may
	// change, and returns how many bytes it has used. The rest, less than a
	// small frame, is passed again with more behind it.
	Parse(b []byte) (int, error)

	// Room returns where the next bytes are wanted, beyond the reach of Parse;
	// nothing when they are for Parse.
	Room() ([]byte, error)

	// Filled says that n bytes have come into Room.
	Filled(n int) error

	// Partial reports whether a frame or message is incomplete.
	Partial() bool

	// Handler returns who is told about input.
	Handler() Handler
}

// Socket is the part of a connection that is the same for all framings: it
// reads when the operating system says that there is something to read, and
// writes without waiting where that is possible. The methods are those of Conn.
//
// A net.Conn without a file descriptor that Go lets one use (and every net.Conn
// on Windows) is read by blocking calls, and TryWrite accepts nothing.
type Socket struct {
	nc      net.Conn        // the outermost one
	raw     syscall.RawConn // nil: portable
	tls     *TLSConn        // nil without TLS
	timeout time.Duration   // for Write, without progress
	budget  *Budget

	in  reading
	out writing
}

// reading is the state of the goroutine in Serve.
type reading struct {
	carry   []byte  // remainder of an incomplete frame, while no buffer is held
	charged int     // bytes of carry that the budget knows of
	buf     *buffer // held only while there is input
	have    int     // bytes in buf that are not used yet

	room  []byte // where to read; empty: behind what buf has
	wait  bool
	slept bool // since the last Idle, the goroutine has waited for input
	share Share
	n     int
	err   error
	ready func(fd uintptr) bool // one closure for the life of the connection

	small  []byte // portable: what is waited with
	hungry bool   // portable: the last read filled its buffer
}

// writing is the state of whoever writes.
type writing struct {
	bufs  [][]byte
	n     int
	err   error
	wait  bool
	ready func(fd uintptr) bool
}

// errAgain says that there is nothing to read now. It is temporary, so that a
// tls.Conn goes on after it.
var errAgain error = again{}

type again struct{}

func (again) Error() string   { return "nothing to read" }
func (again) Timeout() bool   { return true }
func (again) Temporary() bool { return true }

// Input that is read before the handler's Idle is called: a peer that never
// stops sending must not hold back the answers. After a short read of at least
// busyRead bytes it is worth to look for more at once. After each slice of input
// the clock says whether others come first.
const (
	maxTurn  = 64 << 10
	busyRead = 4 << 10
	slice    = 4 << 10
)

// Wrapper is a net.Conn around another one that has nothing of its own to add
// any more once a handshake is over, but bytes that it has read and not passed
// on.
type Wrapper interface {
	Unwrap() (nc net.Conn, unread []byte)
}

// Init makes s the socket of nc, whose opening handshake is over. first holds
// bytes that were read already; they are copied. nc may be a TLSConn, or a
// Wrapper.
func (s *Socket) Init(nc net.Conn, first []byte, limits Limits) {
	s.timeout = limits.WriteTimeout
	if s.timeout == 0 {
		s.timeout = DefaultWriteTimeout
	}
	s.budget = limits.Budget
	s.in.carry = append([]byte(nil), first...)
	if w, ok := nc.(Wrapper); ok {
		var unread []byte
		nc, unread = w.Unwrap()
		s.in.carry = append(s.in.carry, unread...)
	}
	s.nc = nc
	_ = nc.SetDeadline(time.Time{}) // of the handshake; fails only when nc is closed
	under := nc
	t, ours := nc.(*TLSConn)
	if ours {
		under = t.wire.Conn
	}
	if sc, ok := under.(syscall.Conn); ok && readiness {
		if raw, err := sc.SyscallConn(); err == nil {
			s.raw = raw
			s.in.ready = s.readReady
			s.out.ready = s.writeReady
			if ours {
				s.tls = t
				t.wire.serving = true
			}
		}
	}
}

// Serve reads until the connection ends or in returns an error.
func (s *Socket) Serve(in Input) error {
	err := s.serve(in)
	if err == io.EOF && in.Partial() {
		err = io.ErrUnexpectedEOF
	}
	s.release()
	s.uncarry()
	in.Handler().Idle(false)
	return err
}

func (s *Socket) serve(in Input) error {
	err := s.first(in)
	for err == nil {
		if err = s.pause(); err != nil {
			return err
		}
		in.Handler().Idle(s.in.slept)
		if s.in.slept {
			s.in.slept = false
			s.in.share.Reset()
		} else {
			s.in.share.Work()
		}
		if s.tls != nil {
			err = s.turnTLS(in)
		} else {
			err = s.turn(in)
		}
	}
	return err
}

// Carries reports whether the beginning of a frame waits for the rest of it.
func (s *Socket) Carries() bool { return len(s.in.carry) > 0 || s.in.have > 0 }

// first handles what was read together with the opening handshake.
func (s *Socket) first(in Input) error {
	first := s.in.carry
	s.in.carry = nil
	if len(first) > 0 {
		in.Handler().Alive()
	}
	for len(first) > 0 {
		s.hold()
		n := copy(s.in.buf[s.in.have:], first)
		if err := s.parse(in, n); err != nil {
			return err
		}
		first = first[n:]
	}
	if s.tls != nil {
		return s.decrypt(in)
	}
	return nil
}

// turn waits for input and handles all that is there.
func (s *Socket) turn(in Input) error {
	h := in.Handler()
	for total, wait := 0, true; ; wait = false {
		room, err := in.Room()
		if err != nil {
			return err
		}
		n, err := s.receive(room, wait)
		if err == errAgain {
			return nil
		}
		if err != nil {
			return err
		}
		h.Alive()
		size := len(room)
		if size > 0 {
			err = in.Filled(n)
		} else {
			size = readBuffer - s.in.have
			err = s.parse(in, n)
		}
		if err != nil {
			return err
		}
		// After a short read everything is here: answer first, and leave the
		// read that ends in EAGAIN (or finds that the peer has closed) to the
		// next turn, which waits in the same call.
		total += n
		if s.raw == nil || total >= maxTurn || n < size && n < busyRead {
			return nil
		}
	}
}

// parse passes on what the buffer holds, with n bytes more than before, in slices.
func (s *Socket) parse(in Input, n int) error {
	r := &s.in
	left := r.buf[:r.have+n]
	seen := 0 // at the beginning of left: what Parse has seen of an incomplete frame
	for {
		room, err := in.Room()
		if err != nil {
			return err
		}
		if len(room) > 0 {
			k := copy(room, left)
			err = in.Filled(k)
			left = left[k:]
		} else {
			var k int
			end := min(seen+slice, len(left))
			k, err = in.Parse(left[:end])
			left, seen = left[k:], end-k
		}
		if err != nil {
			return err
		}
		if seen == len(left) {
			break
		}
		r.share.Work()
	}
	r.have = copy(r.buf[:], left)
	return nil
}

// hold makes sure that there is a buffer, with what was carried over in it.
func (s *Socket) hold() {
	r := &s.in
	if r.buf == nil {
		r.buf = getBuffer()
		r.have = copy(r.buf[:], r.carry)
		s.uncarry()
	}
}

// pause gives the buffer back, before waiting. An incomplete frame is kept in
// memory of its own.
func (s *Socket) pause() error {
	r := &s.in
	if r.have > 0 {
		if !s.budget.Take(r.have) {
			return ErrNoMemory
		}
		r.charged = r.have
		r.carry = append([]byte(nil), r.buf[:r.have]...)
	}
	s.release()
	return nil
}

func (s *Socket) release() {
	r := &s.in
	if r.buf != nil {
		putBuffer(r.buf)
		r.buf, r.have = nil, 0
	}
}

func (s *Socket) uncarry() {
	r := &s.in
	s.budget.Give(r.charged)
	r.carry, r.charged = nil, 0
}

// receive reads once, into room, or when that is empty behind what the buffer
// holds, and returns the number of bytes. If it may not wait and nothing is
// there, it returns errAgain. At the end of the stream it returns io.EOF.
func (s *Socket) receive(room []byte, wait bool) (int, error) {
	if s.raw == nil {
		return s.receivePortable(room, wait)
	}
	r := &s.in
	r.room, r.wait, r.n, r.err = room, wait, 0, nil
	err := s.raw.Read(r.ready)
	r.room = nil
	if err != nil {
		return 0, err
	}
	return r.n, r.err
}

// portableRead is what a connection costs while a blocking read waits.
const portableRead = 2 << 10

// receivePortable waits with a small buffer of the connection's own. After a
// read that filled it, more is likely to be there, and a pooled one is used.
func (s *Socket) receivePortable(room []byte, wait bool) (int, error) {
	r := &s.in
	if !wait {
		return 0, errAgain
	}
	if len(room) > 0 {
		n, err := s.under().Read(room)
		if n > 0 {
			err = nil
		}
		return n, err
	}
	if r.hungry {
		s.hold()
		n, err := s.under().Read(r.buf[r.have:])
		r.hungry = n >= portableRead
		if n > 0 {
			err = nil
		}
		return n, err
	}
	if r.small == nil {
		r.small = make([]byte, portableRead)
	}
	n, err := s.under().Read(r.small)
	if n == 0 {
		return 0, err
	}
	r.hungry = n == len(r.small)
	s.hold()
	return copy(r.buf[r.have:], r.small[:n]), nil
}

// under is the connection that carries the bytes, below TLS of our own.
func (s *Socket) under() net.Conn {
	if s.tls != nil {
		return s.tls.wire.Conn
	}
	return s.nc
}

// Drain reads and discards until the peer closes or Close is called.
func (s *Socket) Drain() {
	for {
		_, err := s.receive(nil, true)
		if s.release(); s.tls != nil {
			s.releaseTLS()
		}
		if err != nil {
			return
		}
	}
}

// TryWrite writes what the connection takes without waiting.
func (s *Socket) TryWrite(bufs [][]byte) (int, error) {
	switch {
	case s.raw == nil:
		return 0, ErrWouldBlock
	case s.tls != nil:
		return s.writeTLS(bufs, false)
	}
	return s.write(bufs, false)
}

// Write writes everything, waiting as long as the peer makes progress.
func (s *Socket) Write(bufs [][]byte) error {
	var err error
	if s.tls != nil {
		_, err = s.writeTLS(bufs, true)
	} else {
		_, err = s.write(bufs, true)
	}
	return err
}

// write writes bufs to the connection underneath.
func (s *Socket) write(bufs [][]byte, wait bool) (int, error) {
	if s.raw == nil {
		return s.writePortable(bufs)
	}
	if !wait {
		return s.writeOnce(bufs, false)
	}
	// A deadline left behind would make later writes fail.
	defer s.under().SetWriteDeadline(time.Time{})
	left := append([][]byte(nil), bufs...)
	for total := 0; ; {
		if err := s.under().SetWriteDeadline(time.Now().Add(s.timeout)); err != nil {
			return total, err
		}
		n, err := s.writeOnce(left, true)
		total += n
		if err != ErrWouldBlock {
			return total, err
		}
		left = skip(left, n)
	}
}

// writeOnce writes what the socket takes at once; if wait is set it waits until
// that is something. ErrWouldBlock says that it was not all.
func (s *Socket) writeOnce(bufs [][]byte, wait bool) (int, error) {
	if len(bufs) == 0 {
		return 0, nil
	}
	w := &s.out
	w.bufs, w.n, w.err, w.wait = bufs, 0, nil, wait
	err := s.raw.Write(w.ready)
	w.bufs = nil
	if err == nil {
		err = w.err
	}
	return w.n, err
}

// skip returns what remains of bufs after n bytes. It changes bufs.
func skip(bufs [][]byte, n int) [][]byte {
	for len(bufs) > 0 && n >= len(bufs[0]) {
		n -= len(bufs[0])
		bufs = bufs[1:]
	}
	if n > 0 {
		bufs[0] = bufs[0][n:]
	}
	return bufs
}

// portableWrite is how much a blocking write is given at once, so that the
// deadline can be renewed when the peer makes progress.
const portableWrite = 64 << 10

func (s *Socket) writePortable(bufs [][]byte) (int, error) {
	nc := s.under()
	defer nc.SetWriteDeadline(time.Time{})
	total := 0
	for _, b := range bufs {
		for len(b) > 0 {
			if err := nc.SetWriteDeadline(time.Now().Add(s.timeout)); err != nil {
				return total, err
			}
			n, err := nc.Write(b[:min(len(b), portableWrite)])
			total += n
			b = b[n:]
			if err != nil {
				return total, err
			}
		}
	}
	return total, nil
}

// CloseWrite tells the peer that nothing more will come.
func (s *Socket) CloseWrite() error {
	if s.tls != nil {
		if err := s.closeWriteTLS(); err != nil {
			return err
		}
	}
	if c, ok := s.under().(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}

// Close ends the connection at once: below TLS, which would want to say
// goodbye.
func (s *Socket) Close() error {
	if t, ok := s.nc.(interface{ NetConn() net.Conn }); ok {
		return t.NetConn().Close()
	}
	return s.nc.Close()
}

// Info describes the connection; the transport's name and what belongs to its
// handshake are missing.
func (s *Socket) Info() *Info {
	info := &Info{Conn: s.nc}
	if a := s.nc.LocalAddr(); a != nil {
		info.Network, info.Local = a.Network(), a.String()
	}
	if a := s.nc.RemoteAddr(); a != nil {
		info.Peer = a.String()
	}
	if c, ok := s.nc.(interface{ ConnectionState() tls.ConnectionState }); ok {
		state := c.ConnectionState()
		info.TLS = &state
	}
	return info
}
