// Package rawsocket implements WAMP's RawSocket transport: frames of four
// octets of type and length before each serialized message, over TCP, TLS or
// Unix sockets (specification, advanced profile, section "RawSocket
// Transport").
package rawsocket

import (
	"fmt"
	"net"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
)

// maxControl is the longest payload of PING and PONG that is accepted. The
// specification names no limit.
const maxControl = transport.SmallMessage

// Conn is a RawSocket connection.
type Conn struct {
	transport.Socket
	format  msg.Format
	ping    bool
	receive int // octets of the longest message that this end has announced to take
	send    int // the same of the peer

	h     transport.Handler
	large transport.Assembly
}

var _ transport.Conn = (*Conn)(nil)

func (c *Conn) init(nc net.Conn, first []byte, limits *transport.Limits) {
	c.large.Init(limits.Budget)
	c.Socket.Init(nc, first, *limits)
}

// Format implements transport.Conn.
func (c *Conn) Format() msg.Format { return c.format }

// Framing implements transport.Conn.
func (c *Conn) Framing() transport.Framing { return transport.Framing{Kind: transport.RawSocket} }

// MaxSend implements transport.Conn.
func (c *Conn) MaxSend() int { return c.send }

// Info implements transport.Conn.
func (c *Conn) Info() *transport.Info {
	info := c.Socket.Info()
	info.Transport = "rawsocket"
	return info
}

// Serve implements transport.Conn.
func (c *Conn) Serve(h transport.Handler) error {
	c.h = h
	err := c.Socket.Serve((*input)(c))
	c.large.Reset()
	return err
}

// EnablePing has AppendPing make PINGs, for a peer that is known to answer
// them. It is called before Serve.
func (c *Conn) EnablePing() { c.ping = true }

// AppendPing implements transport.Conn.
func (c *Conn) AppendPing(dst []byte) []byte {
	if !c.ping {
		return dst
	}
	return appendHeader(dst, typePing, 0)
}

// AppendClose implements transport.Conn. RawSocket has no farewell of its own.
func (c *Conn) AppendClose(dst []byte, _ error) []byte { return dst }

// input is the Conn as its Socket sees it.
type input Conn

func (c *input) Handler() transport.Handler { return c.h }

func (c *input) Partial() bool { return c.large.Missing() > 0 || c.Carries() }

func (c *input) Room() ([]byte, error) { return c.large.Room() }

func (c *input) Filled(n int) error {
	c.large.Filled(n)
	return c.deliver()
}

// deliver hands the large message over when it is complete.
func (c *input) deliver() error {
	if c.large.Missing() > 0 {
		return nil
	}
	err := c.h.Message(c.large.Bytes(), c.large.Block())
	c.large.Reset()
	return err
}

func (c *input) Parse(b []byte) (int, error) {
	used := 0
	for {
		typ, size, ok, err := parseHeader(b[used:], c.receive)
		if err != nil || !ok {
			return used, err
		}
		body := used + headerSize
		if size > transport.SmallMessage {
			c.large.Expect(size)
			n, err := c.large.Append(b[body:])
			if err != nil {
				return used, err
			}
			if err := c.deliver(); err != nil || c.large.Missing() > 0 {
				return body + n, err
			}
			used = body + n
			continue
		}
		if len(b)-body < size {
			return used, nil
		}
		payload := b[body : body+size : body+size]
		used = body + size
		switch typ {
		case typeMessage:
			if err := c.h.Message(payload, nil); err != nil {
				return used, err
			}
		case typePing:
			b[body-headerSize] = typePong
			c.h.Control(b[body-headerSize : used])
		}
	}
}

func tooBig(typ byte, size, limit int) string {
	what := "message"
	if typ != typeMessage {
		what = "PING or PONG"
	}
	return fmt.Sprintf("%s of %d bytes, at most %d are accepted", what, size, limit)
}
