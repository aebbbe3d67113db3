// Package session is one connection's life at either end of it: the loop that
// reads and parses messages, the bounded outbox and its flushing, heartbeat,
// limits, farewells, and the reason why it ended. What messages mean is the
// business of the router and of the client.
package session

import (
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
)

// Handler receives what a Peer reads. Message and Idle are called by the
// goroutine in Run.
type Handler interface {
	// Message takes one parsed message, valid until it returns. owned tells
	// that the bytes behind m may be kept. An error ends the session: a
	// *msg.Violation with ABORT.
	Message(m *msg.Message, owned bool) error

	// Idle is called when the input that was there is used up: the time to
	// flush the outboxes that were written to.
	Idle()
}

// Peer is one connection.
type Peer struct{ conn transport.Conn }

// New returns the peer at the other end of conn.
func New(conn transport.Conn, h Handler, cfg Config) *Peer { panic("not yet") }

// Run reads until the connection ends, and returns why. When it returns,
// nothing of the peer runs any more.
func (p *Peer) Run() error { panic("not yet") }

// Send appends m to the outbox; nothing is written before Flush. It never
// waits. The message is encoded, or kept, before Send returns: m may be reused.
// ErrTooBig: the peer takes no message of that size. ErrOverflow: the outbox is
// full; ErrClosed: the session is ending.
func (p *Peer) Send(m *msg.Message) error { panic("not yet") }

// Flush writes what the outbox holds, without waiting: what the socket does
// not take is left to a goroutine.
func (p *Peer) Flush() { panic("not yet") }

// End sends m (GOODBYE, ABORT; nil for none) as the last message, flushes, lets
// the transport say its farewell, and closes the connection when all of it is
// out or the grace time is over. err is why; Run returns it. Only the first End
// counts.
func (p *Peer) End(m *msg.Message, err error) { panic("not yet") }

// Close ends the connection at once.
func (p *Peer) Close(err error) { panic("not yet") }

// Conn returns the connection.
func (p *Peer) Conn() transport.Conn { return p.conn }

// Config bounds a session. Zero fields stand for defaults.
type Config struct{}
