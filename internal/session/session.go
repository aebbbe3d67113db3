// Package session is one connection's life at either end of it: the loop that
// reads and parses messages, the bounded outbox and its flushing, heartbeat,
// limits, farewells, and the reason why it ended. What messages mean is the
// business of the router and of the client.
package session

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/wampeter/wampeter/internal/codec"
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
)

// Errors of Send and of ended sessions.
var (
	ErrTooBig    = errors.New("message larger than the peer accepts")
	ErrOverflow  = errors.New("peer reads too slowly: its queue is full")
	ErrClosed    = errors.New("session is closed")
	ErrKeepAlive = errors.New("peer did not answer the keep-alive ping")
	ErrGrace     = errors.New("peer did not close the connection in time")
)

// Handler receives what a Peer reads. All but Undeliverable are called by
// the goroutine in Run.
type Handler interface {
	// Message takes one parsed message, valid until it returns. When there is
	// a block, the bytes behind m are in it, and it may be held or kept for
	// longer. An error ends the session: a *msg.Violation with ABORT.
	Message(m *msg.Message, block *transport.Block) error

	// Broken is called when what the peer sent ends the session, before the
	// ABORT that says so is sent: err is from parsing, from Message, or from
	// the transport.
	Broken(err error)

	// Idle is called when the input that was there is used up: the time to
	// flush the outboxes that were written to. slept is that of
	// transport.Handler.
	Idle(slept bool)

	// Undeliverable is called, by any goroutine and without a lock held, for a
	// message that Send took but that turned out too big once it was encoded.
	Undeliverable(m *msg.Message)
}

// Config bounds a session. Zero fields stand for defaults.
type Config struct {
	MaxQueue  int               // bytes of output that may wait; default 8 MiB
	Budget    *transport.Budget // bytes that may wait in the whole process; nil: no limit
	KeepAlive time.Duration     // silence before a ping; default 30 s, negative: never
	PongWait  time.Duration     // silence after the ping before the session ends; default 10 s
	Grace     time.Duration     // for farewells to be written and the peer to close; default 5 s
}

// Defaults of Config.
const (
	DefaultMaxQueue  = 8 << 20
	DefaultKeepAlive = 30 * time.Second
	DefaultPongWait  = 10 * time.Second
	DefaultGrace     = 5 * time.Second
)

// WithDefaults returns c with its zero fields replaced.
func (c Config) WithDefaults() Config {
	if c.MaxQueue == 0 {
		c.MaxQueue = DefaultMaxQueue
	}
	if c.KeepAlive == 0 {
		c.KeepAlive = DefaultKeepAlive
	}
	if c.PongWait == 0 {
		c.PongWait = DefaultPongWait
	}
	if c.Grace == 0 {
		c.Grace = DefaultGrace
	}
	return c
}

// Peer is one connection. Send, Flush, End and Close may be called by any
// goroutine.
type Peer struct {
	conn    transport.Conn
	h       Handler
	cfg     *Config
	format  msg.Format
	framing transport.Framing
	maxSend int

	in *input // of the reader, held only while there is input

	seen      atomic.Bool // something was read since the heartbeat looked
	paused    atomic.Bool // nothing is read at the moment, see Pause
	heartbeat *heartbeat

	outbox
}

// New returns the peer at the other end of conn. cfg has its defaults filled
// in and is shared by many peers.
func New(conn transport.Conn, h Handler, cfg *Config) *Peer {
	p := &Peer{
		conn:    conn,
		h:       h,
		cfg:     cfg,
		format:  conn.Format(),
		framing: conn.Framing(),
		maxSend: conn.MaxSend(),
	}
	return p
}

// Conn returns the connection.
func (p *Peer) Conn() transport.Conn { return p.conn }

// Format returns the serializer of the connection.
func (p *Peer) Format() msg.Format { return p.format }

// Run reads until the connection ends, and returns why: the error given to the
// first End or Close, io.EOF when the peer closed the connection in an orderly
// way, else what went wrong. When it returns, nothing of the peer runs any
// more.
func (p *Peer) Run() error {
	p.startHeartbeat()
	err := p.conn.Serve((*reader)(p))
	p.releaseInput()
	var broken *transport.Error
	switch {
	case errors.As(err, &broken):
		// Framing is lost, so nothing more can be read as messages. Say why,
		// and read on, since closing with input unread would reset the
		// connection before the farewell is read.
		if !p.ended.Load() {
			p.h.Broken(err)
			p.Abort(&msg.Violation{Text: broken.Text}, err)
		}
		p.conn.Drain()
	case err == nil:
		err = io.EOF
	}
	p.stopHeartbeat()
	p.finish(err)
	p.writers.Wait()
	return p.reason
}

// reader is the Peer as its transport sees it.
type reader Peer

// input is what a reader needs to parse messages.
type input struct {
	parser  codec.Parser
	message msg.Message
}

var inputs = sync.Pool{New: func() any { return new(input) }}

func (r *reader) Message(data []byte, block *transport.Block) error {
	p := (*Peer)(r)
	if p.ended.Load() {
		return nil // what comes after our farewell is not handled
	}
	in := p.in
	if in == nil {
		in = inputs.Get().(*input)
		p.in = in
	}
	err := in.parser.Parse(p.format, data, &in.message)
	switch {
	case err == nil:
		err = p.h.Message(&in.message, block)
	case p.format == msg.JSON && !utf8.Valid(data):
		err = notUTF8{err}
	}
	if err != nil {
		p.fail(err)
	}
	return nil
}

// notUTF8 is the error of a text message that is not UTF-8, for which WebSocket
// has a close code of its own (RFC 6455, section 8.1).
type notUTF8 struct{ error }

func (e notUTF8) Unwrap() error { return e.error }

// CloseCode returns the WebSocket close code.
func (notUTF8) CloseCode() int { return 1007 }

// fail ends the session because of err, which a message caused. Reading goes
// on until the peer closes.
func (p *Peer) fail(err error) {
	p.h.Broken(err)
	var v *msg.Violation
	if errors.As(err, &v) {
		p.Abort(v, err)
		return
	}
	p.End(nil, err)
}

func (r *reader) Idle(slept bool) {
	p := (*Peer)(r)
	p.releaseInput()
	p.h.Idle(slept)
}

func (p *Peer) releaseInput() {
	if p.in != nil {
		p.in.message = msg.Message{}
		inputs.Put(p.in)
		p.in = nil
	}
}

func (r *reader) Control(frame []byte) {
	p := (*Peer)(r)
	p.sendControl(frame)
	p.Flush()
}

func (r *reader) Alive() {
	if !r.seen.Load() {
		r.seen.Store(true)
	}
}

// Abort ends the session with ABORT for v. err is why it ended.
func (p *Peer) Abort(v *msg.Violation, err error) {
	p.End(&msg.Message{Type: msg.Abort, URI: []byte(v.Reason()), Dict: p.MessageDict(v.Text)}, err)
}

// MessageDict returns the details {"message": text} for ABORT and GOODBYE, an
// empty dictionary when there is no text.
func (p *Peer) MessageDict(text string) []byte {
	if text == "" {
		return codec.AppendDict(nil, p.format, nil, nil)
	}
	value, _ := codec.Marshal(nil, p.format, text) // a string can always be written
	return codec.AppendDict(nil, p.format, []string{"message"}, [][]byte{value})
}
