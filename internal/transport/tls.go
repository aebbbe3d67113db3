package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// TLSConn is a TLS connection that a Socket reads and writes without waiting:
// the ciphertext passes through memory between crypto/tls and the socket. Until
// a Socket takes it over it behaves like the tls.Conn in it.
type TLSConn struct {
	*tls.Conn
	wire *wire
}

// ServerTLSConfig returns cfg as a server needs it: HTTP/1.1 is the only
// application protocol, since neither WebSocket nor RawSocket runs over HTTP/2.
func ServerTLSConfig(cfg *tls.Config) *tls.Config {
	cfg = cfg.Clone()
	cfg.NextProtos = []string{"http/1.1"}
	return cfg
}

// ServerTLS runs the server's TLS handshake on nc, of which first was read
// already. Deadlines are the caller's business. cfg comes from ServerTLSConfig.
func ServerTLS(ctx context.Context, nc net.Conn, first []byte, cfg *tls.Config) (*TLSConn, error) {
	w := &wire{Conn: nc, in: append([]byte(nil), first...)}
	t := &TLSConn{Conn: tls.Server(w, cfg), wire: w}
	return t, t.HandshakeContext(ctx)
}

// ClientTLS runs the client's TLS handshake on nc. Deadlines are the caller's
// business.
func ClientTLS(ctx context.Context, nc net.Conn, cfg *tls.Config) (*TLSConn, error) {
	w := &wire{Conn: nc}
	t := &TLSConn{Conn: tls.Client(w, cfg), wire: w}
	return t, t.HandshakeContext(ctx)
}

// wire is the net.Conn that crypto/tls works on. In the handshake, and as long
// as no Socket serves it, it is the connection itself. Then it hands out
// ciphertext that the Socket has read and collects what the Socket is to write.
type wire struct {
	net.Conn
	serving bool

	// Of the reader.
	in  []byte  // ciphertext to be decrypted
	buf *buffer // behind in, while serving

	pending *[]byte // of the writer: what the socket has not taken yet
	sent    int     // bytes of pending that it has taken

	mu  sync.Mutex
	out *[]byte // ciphertext behind pending; the reader adds answers to key updates
}

// maxAnswers bounds what a peer can make TLS itself answer while nothing else
// is written.
const maxAnswers = 64 << 10

var errTLSAnswers = errors.New("too many TLS key updates")

var ciphertexts = sync.Pool{New: func() any { b := make([]byte, 0, tlsAhead+1024); return &b }}

func (w *wire) Read(p []byte) (int, error) {
	if len(w.in) > 0 {
		n := copy(p, w.in)
		w.in = w.in[n:]
		return n, nil
	}
	if w.serving {
		return 0, errAgain
	}
	return w.Conn.Read(p)
}

func (w *wire) Write(p []byte) (int, error) {
	if !w.serving {
		return w.Conn.Write(p)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.out == nil {
		w.out = ciphertexts.Get().(*[]byte)
	}
	if len(*w.out) > maxAnswers {
		return 0, errTLSAnswers
	}
	*w.out = append(*w.out, p...)
	return len(p), nil
}

// Deadlines that crypto/tls sets must not reach the socket while it is served:
// closing for writing would forbid all further writes.

func (w *wire) SetDeadline(t time.Time) error {
	if w.serving {
		return nil
	}
	return w.Conn.SetDeadline(t)
}

func (w *wire) SetReadDeadline(t time.Time) error {
	if w.serving {
		return nil
	}
	return w.Conn.SetReadDeadline(t)
}

func (w *wire) SetWriteDeadline(t time.Time) error {
	if w.serving {
		return nil
	}
	return w.Conn.SetWriteDeadline(t)
}

// next returns ciphertext to write; nothing when all is written.
func (w *wire) next() []byte {
	if w.pending == nil {
		w.mu.Lock()
		w.pending, w.out = w.out, nil
		w.mu.Unlock()
		if w.pending == nil {
			return nil
		}
	}
	return (*w.pending)[w.sent:]
}

// wrote says that the socket has taken n bytes of what next returned.
func (w *wire) wrote(n int) {
	if w.sent += n; w.sent == len(*w.pending) {
		*w.pending = (*w.pending)[:0]
		ciphertexts.Put(w.pending)
		w.pending, w.sent = nil, 0
	}
}

// turnTLS waits for ciphertext and handles all that is there.
func (s *Socket) turnTLS(in Input) error {
	w := s.tls.wire
	for total, wait := 0, true; ; wait = false {
		n, err := s.receive(nil, wait)
		if err == errAgain {
			return nil
		}
		if err != nil {
			return err
		}
		w.in = w.buf[:n]
		err = s.decrypt(in)
		s.releaseTLS()
		if err != nil {
			return err
		}
		total += n
		if total >= maxTurn || n < busyRead {
			return nil
		}
	}
}

func (s *Socket) releaseTLS() {
	if w := s.tls.wire; w.buf != nil {
		putBuffer(w.buf)
		w.buf, w.in = nil, nil
	}
}

// decrypt handles all plaintext that the ciphertext at hand yields.
func (s *Socket) decrypt(in Input) error {
	h := in.Handler()
	for {
		room, err := in.Room()
		if err != nil {
			return err
		}
		dst := room
		if len(room) == 0 {
			s.hold()
			dst = s.in.buf[s.in.have:]
		}
		n, end := s.tls.Read(dst)
		if n > 0 {
			h.Alive()
			if len(room) > 0 {
				err = in.Filled(n)
			} else {
				err = s.parse(in, n)
			}
			if err != nil {
				return err
			}
		}
		switch {
		case end == nil:
		case errors.Is(end, errAgain):
			return nil
		case errors.Is(end, io.EOF):
			return io.EOF
		default:
			return end
		}
	}
}

// tlsAhead is how much plaintext is encrypted before the socket has taken the
// ciphertext of what was written earlier: one record.
const tlsAhead = 16 << 10

// writeTLS encrypts and writes bufs. Without wait it stops when the socket
// takes no more, and returns how much plaintext was encrypted.
func (s *Socket) writeTLS(bufs [][]byte, wait bool) (int, error) {
	taken, off := 0, 0
	for {
		if err := s.push(wait); err != nil {
			return taken, err
		}
		if len(bufs) == 0 {
			return taken, nil
		}
		for ahead := 0; ahead < tlsAhead && len(bufs) > 0; {
			b := bufs[0][off:]
			b = b[:min(len(b), tlsAhead-ahead)]
			if _, err := s.tls.Conn.Write(b); err != nil {
				return taken, err
			}
			taken += len(b)
			ahead += len(b)
			if off += len(b); off == len(bufs[0]) {
				bufs, off = bufs[1:], 0
			}
		}
	}
}

// push writes the ciphertext that waits.
func (s *Socket) push(wait bool) error {
	w := s.tls.wire
	for b := w.next(); b != nil; b = w.next() {
		one := [1][]byte{b}
		n, err := s.write(one[:], wait)
		w.wrote(n)
		if err != nil {
			return err
		}
	}
	return nil
}

// closeWriteTLS sends close_notify.
func (s *Socket) closeWriteTLS() error {
	if err := s.tls.CloseWrite(); err != nil {
		return err
	}
	return s.push(false)
}
