package rawsocket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"net"
	"strconv"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
)

// Magic is the first octet of a RawSocket connection. Neither HTTP nor TLS
// begins with it.
const Magic = 0x7f

// Refusal is an error that a router answers the opening handshake with.
type Refusal byte

// The refusals that the specification names.
const (
	RefusedSerializer  Refusal = 1 // serializer not supported
	RefusedLength      Refusal = 2 // maximum length not acceptable
	RefusedReserved    Refusal = 3 // reserved bits are set
	RefusedConnections Refusal = 4 // too many connections
)

// Error says what the peer meant.
func (r Refusal) Error() string {
	const prefix = "rawsocket: connection refused: "
	switch r {
	case RefusedSerializer:
		return prefix + "the serializer is not supported"
	case RefusedLength:
		return prefix + "the maximum message length is not acceptable"
	case RefusedReserved:
		return prefix + "reserved bits of the handshake are set"
	case RefusedConnections:
		return prefix + "too many connections"
	}
	return prefix + "error " + strconv.Itoa(int(r))
}

// ErrNoRawSocket says that the other end does not speak RawSocket.
var ErrNoRawSocket = errors.New("rawsocket: the other end does not speak RawSocket")

// minLength is the smallest maximum length that can be announced, and what a
// smaller limit is raised to.
const minLength = 512

// lengthCode returns LEN of the handshake for a limit in octets, 2^(9+LEN)
// being the largest power of two that is not above the limit, and that power.
func lengthCode(limit int) (code byte, octets int) {
	limit = min(max(limit, minLength), maxFrame)
	n := bits.Len(uint(limit)) - 1
	return byte(n - 9), 1 << n
}

// Options of a server. The zero value accepts all serializers.
type Options struct {
	Formats []msg.Format     // serializers that are spoken; nil: all
	Limits  transport.Limits // MaxMessage is rounded down to a power of two, from 512 octets to 16 MiB

	// MinSend is the size of messages that a client has to accept at least;
	// others are refused with RefusedLength. 0 takes all.
	MinSend int

	// Admit is asked for each client whose handshake is right. An error
	// refuses it with RefusedConnections. nil admits all.
	Admit func() error

	// Ping makes the connection find out with PING whether the peer lives.
	// Autobahn|Python must not be sent any: with asyncio it breaks the
	// connection, with Twisted it takes a PING for the beginning of a message
	// of 16 MiB. TCP keep-alive finds peers that are gone without it.
	Ping bool
}

func (o *Options) speaks(f msg.Format) bool {
	if o.Formats == nil {
		return f == msg.JSON || f == msg.MessagePack || f == msg.CBOR
	}
	for _, g := range o.Formats {
		if f == g {
			return true
		}
	}
	return false
}

// Accept runs the server's opening handshake on nc, of which first was read
// already. A client that is refused is told why, nc is left open for the caller
// to close, and the error is a Refusal.
func Accept(ctx context.Context, nc net.Conn, first []byte, o *Options) (*Conn, error) {
	var hello, reply [4]byte
	var c *Conn
	err := transport.Handshake(ctx, nc, &o.Limits, func() error {
		n := copy(hello[:], first)
		first = first[n:]
		if _, err := io.ReadFull(nc, hello[n:]); err != nil {
			return fmt.Errorf("rawsocket handshake: %w", err)
		}
		if hello[0] != Magic {
			return ErrNoRawSocket
		}
		code, receive := lengthCode(o.Limits.MessageLimit())
		format, send := msg.Format(hello[1]&0xf), 1<<(9+hello[1]>>4)
		var refusal error
		switch {
		case hello[2] != 0 || hello[3] != 0:
			refusal = RefusedReserved
		case !o.speaks(format):
			refusal = RefusedSerializer
		case send < o.MinSend:
			refusal = RefusedLength
		case o.Admit != nil:
			if err := o.Admit(); err != nil {
				refusal = RefusedConnections
			}
		}
		reply = [4]byte{Magic, code<<4 | byte(format)}
		if refusal != nil {
			reply[1] = byte(refusal.(Refusal)) << 4
		}
		if _, err := nc.Write(reply[:]); err != nil {
			return fmt.Errorf("rawsocket handshake: %w", err)
		}
		if refusal != nil {
			return refusal
		}
		c = &Conn{format: format, receive: receive, send: send, ping: o.Ping}
		return nil
	})
	if err != nil {
		return nil, err
	}
	c.init(nc, first, &o.Limits)
	return c, nil
}

// Client runs the client's opening handshake on nc for the given serializer.
// limits is what this end accepts. When the router refuses, the error is a
// Refusal. nc is left open on errors.
func Client(ctx context.Context, nc net.Conn, format msg.Format, limits transport.Limits) (*Conn, error) {
	code, receive := lengthCode(limits.MessageLimit())
	hello := [4]byte{Magic, code<<4 | byte(format)}
	var reply [4]byte
	err := transport.Handshake(ctx, nc, &limits, func() error {
		if _, err := nc.Write(hello[:]); err != nil {
			return fmt.Errorf("rawsocket handshake: %w", err)
		}
		if _, err := io.ReadFull(nc, reply[:]); err != nil {
			return fmt.Errorf("rawsocket handshake: %w", err)
		}
		switch {
		case reply[0] != Magic:
			return ErrNoRawSocket
		case reply[1]&0xf == 0:
			return Refusal(reply[1] >> 4)
		case reply[2] != 0 || reply[3] != 0:
			return errors.New("rawsocket: the router's handshake has reserved bits set")
		case msg.Format(reply[1]&0xf) != format:
			return fmt.Errorf("rawsocket: the router chose serializer %v instead of %v", msg.Format(reply[1]&0xf), format)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	c := &Conn{format: format, receive: receive, send: 1 << (9 + reply[1]>>4)}
	c.init(nc, nil, &limits)
	return c, nil
}
