// Package transport says what a connection is to the session layer: something
// that hands over complete serialized messages as they arrive, and takes
// batches of frames. The subpackages implement it for WebSocket, RawSocket,
// HTTP long-poll and within a process.
//
// One goroutine reads a connection; while nothing arrives it holds no buffer.
// Writing never waits unless asked to: whoever has output tries to write it at
// once, and only what the socket refuses is left to a goroutine that waits.
package transport

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/wampeter/wampeter/internal/msg"
)

// ErrWouldBlock is returned by Conn.TryWrite when not everything has reached
// the socket.
var ErrWouldBlock = errors.New("write would block")

// Conn is one connection to a peer, after the transport's own handshake.
//
// Serve is called once. TryWrite and Write are called by one goroutine at a
// time, any goroutine. Close and the other methods may be called at any time
// by anyone.
type Conn interface {
	// Format is the serializer that the two ends agreed on.
	Format() msg.Format

	// Framing says how messages become bytes on this connection. Connections
	// with equal Format and equal Framing (no mask) take the same frames.
	Framing() Framing

	// MaxSend is the size in bytes of the largest message that the peer takes;
	// 0 when there is no limit.
	MaxSend() int

	// Serve reads until the connection ends or the handler returns an error,
	// calls h.Message for each complete message, h.Idle whenever the input that
	// was there has been used up (before waiting for more), and h.Control for
	// frames that the transport itself has to send (PONG, close). It returns
	// the handler's error, io.EOF when the peer ended the connection in an
	// orderly way, else an error that says what was wrong: an *Error when the
	// peer broke the transport's rules.
	Serve(h Handler) error

	// Drain reads and discards until the peer closes or Close is called. It may
	// follow a Serve that returned an *Error.
	Drain()

	// TryWrite writes what the connection takes without waiting and returns
	// the number of bytes accepted. ErrWouldBlock says that not everything has
	// reached the socket: the rest of bufs, or bytes kept inside the
	// connection (TLS). Then Write has to be called with the rest, even when
	// the rest is empty. Other errors are final.
	TryWrite(bufs [][]byte) (int, error)

	// Write writes everything, waiting as long as the peer makes progress, at
	// most the connection's write timeout without any.
	Write(bufs [][]byte) error

	// AppendPing appends a frame that makes a living peer answer, whose
	// arrival Serve reports through h.Alive. Nothing is appended when the
	// transport needs no pings.
	AppendPing(dst []byte) []byte

	// AppendClose appends the transport's own farewell (a WebSocket close
	// frame), or nothing. err is why the connection ends, nil for an orderly
	// end; it decides the close code: 1000; what err or an error in it says by
	// a method CloseCode() int, as *Error does; 1000 for io.EOF; 1002 for a
	// *msg.Violation that is a protocol violation, 1008 for other ones; else
	// 1011.
	AppendClose(dst []byte, err error) []byte

	// CloseWrite tells the peer that nothing more will come, after everything
	// has been written; Serve goes on until the peer closes too.
	CloseWrite() error

	// Close ends the connection at once. Serve and Write return.
	Close() error

	// Info describes the connection.
	Info() *Info
}

// Handler receives what a connection reads. All methods are called by the
// goroutine that runs Serve.
type Handler interface {
	// Message takes one serialized message. data is valid until Message
	// returns; when there is a block, data is part of it, nobody changes it,
	// and it may be held or kept for longer. An error ends Serve.
	Message(data []byte, block *Block) error

	// Idle is called when all input has been handled. slept says that the
	// goroutine had to wait for that input. One that has not, since there is always
	// more to read, should not let others go first: for as long as any goroutine can
	// run, Go does not look which sockets have become readable.
	Idle(slept bool)

	// Control takes a complete frame to send as soon as possible. The bytes
	// are valid until Control returns.
	Control(frame []byte)

	// Alive is called when anything at all was read.
	Alive()
}

// Error is a breach of a transport's rules, or of its limits.
type Error struct {
	Code int // WebSocket close code that fits: 1002, 1003, 1007, 1009
	Text string
}

func (e *Error) Error() string { return e.Text }

// CloseCode returns the WebSocket close code that fits.
func (e *Error) CloseCode() int { return e.Code }

// Info describes a connection, for logs, authentication and session details.
type Info struct {
	Transport string // "websocket", "rawsocket", "longpoll", "pipe"
	Network   string // "tcp", "unix", "pipe"
	Local     string // address of this end
	Peer      string // address of the other end

	TLS         *tls.ConnectionState // nil without TLS
	Request     *http.Request        // the WebSocket opening handshake, or long-poll open, at a server (no body); else nil
	Subprotocol string               // WebSocket or long-poll protocol, else ""
	Conn        net.Conn             // the connection underneath, nil in process; not for reading or writing
}

// Limits bounds what a connection may cost. Zero fields stand for the default.
type Limits struct {
	MaxMessage   int           // bytes of one received message; default 16 MiB
	WriteTimeout time.Duration // without progress, before a connection counts as dead; default 10 s
	Handshake    time.Duration // for the transport's opening handshake; default 10 s
	Budget       *Budget       // memory for partly received messages; nil: unlimited
}

// Defaults of Limits.
const (
	DefaultMaxMessage   = 16 << 20
	DefaultWriteTimeout = 10 * time.Second
	DefaultHandshake    = 10 * time.Second
)

// Budget counts bytes that wait somewhere in the process against a limit.
type Budget struct {
	limit atomic.Int64
	used  atomic.Int64
}

// NewBudget returns a budget of limit bytes; without limit when it is 0 or
// less.
func NewBudget(limit int64) *Budget {
	b := new(Budget)
	b.limit.Store(limit)
	return b
}

// SetLimit changes the limit. What has been taken stays taken.
func (b *Budget) SetLimit(limit int64) { b.limit.Store(limit) }

// Take counts n bytes more; false, and nothing is counted, when that would
// exceed the limit.
func (b *Budget) Take(n int) bool {
	if b == nil {
		return true
	}
	if used, limit := b.used.Add(int64(n)), b.limit.Load(); limit > 0 && used > limit {
		b.used.Add(-int64(n))
		return false
	}
	return true
}

// Give returns n bytes that were taken.
func (b *Budget) Give(n int) {
	if b != nil {
		b.used.Add(-int64(n))
	}
}

// Used returns the bytes that are counted now.
func (b *Budget) Used() int64 {
	if b == nil {
		return 0
	}
	return b.used.Load()
}
