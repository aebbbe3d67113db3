// Package websocket implements WAMP over WebSocket (RFC 6455) with its
// subprotocols for each serializer, their batched forms, and permessage-deflate
// without context takeover (RFC 7692).
//
// That text messages are UTF-8 is checked by whoever parses them: all text
// subprotocols are JSON, whose parser has to look anyway.
package websocket

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
)

// Conn is a WebSocket connection.
type Conn struct {
	transport.Socket
	protocol transport.Subprotocol
	client   bool
	deflate  bool
	limit    int
	budget   *transport.Budget
	request  *http.Request // at a server

	h       transport.Handler
	message transport.Assembly // of a message that is large or fragmented
	frame   struct {           // the frame that goes there
		key        [4]byte
		pos        int // bytes of it that have arrived
		fin        bool
		compressed bool // the message is
		open       bool // a message has begun and is not complete
	}

	closing atomic.Bool // a close frame was sent
}

var _ transport.Conn = (*Conn)(nil)

func (c *Conn) init(nc net.Conn, first []byte, limits *transport.Limits) {
	c.limit = limits.MessageLimit()
	c.budget = limits.Budget
	c.message.Init(limits.Budget)
	c.Socket.Init(nc, first, *limits)
}

// Format implements transport.Conn.
func (c *Conn) Format() msg.Format { return c.protocol.Format }

// Framing implements transport.Conn.
func (c *Conn) Framing() transport.Framing {
	return transport.Framing{
		Kind:    transport.WebSocket,
		Text:    c.protocol.Text(),
		Mask:    c.client,
		Batched: c.protocol.Batched,
		Deflate: c.deflate,
	}
}

// MaxSend implements transport.Conn. WebSocket peers do not announce a limit.
func (c *Conn) MaxSend() int { return 0 }

// Info implements transport.Conn.
func (c *Conn) Info() *transport.Info {
	info := c.Socket.Info()
	info.Transport = "websocket"
	if info.Request = c.request; c.request != nil && c.request.RemoteAddr != "" {
		info.Peer = c.request.RemoteAddr // not a proxy's
	}
	info.Subprotocol = c.protocol.String()
	return info
}

// CloseError is the reason that the peer gave in its close frame, when that is
// not an orderly end.
type CloseError struct {
	Code   int
	Reason string
}

// Error returns code and reason.
func (e *CloseError) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("the peer closed the connection with code %d", e.Code)
	}
	return fmt.Sprintf("the peer closed the connection with code %d: %s", e.Code, e.Reason)
}

// ErrNoClose says that the connection ended without a close frame.
var ErrNoClose = fmt.Errorf("connection ended without a close frame: %w", io.ErrUnexpectedEOF)

// Serve implements transport.Conn. A peer that closes with another code than
// 1000 (normal) and 1001 (going away), or none, has ended the connection with a
// *CloseError.
func (c *Conn) Serve(h transport.Handler) error {
	c.h = h
	err := c.Socket.Serve((*input)(c))
	c.message.Reset()
	switch {
	case err == errClosed:
		return io.EOF
	case err == io.EOF && !c.closing.Load():
		return ErrNoClose
	}
	return err
}

// AppendPing implements transport.Conn.
func (c *Conn) AppendPing(dst []byte) []byte { return appendControl(dst, opPing, nil, c.key()) }

// key returns a masking key for a client's frame, nil at a server.
func (c *Conn) key() []byte {
	if !c.client {
		return nil
	}
	return binary.NativeEndian.AppendUint32(nil, rand.Uint32())
}

// maxReason is the longest reason that a close frame can carry.
const maxReason = maxControl - 2

// AppendClose implements transport.Conn. Nothing is appended when a close frame
// was sent already, be it the answer to the peer's.
func (c *Conn) AppendClose(dst []byte, err error) []byte {
	if c.closing.Swap(true) {
		return dst
	}
	code, reason := 1000, ""
	var coder interface{ CloseCode() int }
	var violation *msg.Violation
	switch {
	case err == nil || errors.Is(err, io.EOF):
	case errors.As(err, &coder):
		code, reason = coder.CloseCode(), err.Error()
	case errors.As(err, &violation):
		// Bytes that are no WAMP break the protocol; other refusals are policy.
		if code, reason = 1002, err.Error(); violation.Reason() != msg.ErrProtocolViolation {
			code = 1008
		}
	default:
		code, reason = 1011, err.Error()
	}
	if reason = strings.ToValidUTF8(reason, "?"); len(reason) > maxReason {
		n := maxReason
		for !utf8.RuneStart(reason[n]) {
			n--
		}
		reason = reason[:n]
	}
	payload := binary.BigEndian.AppendUint16(nil, uint16(code))
	return appendControl(dst, opClose, append(payload, reason...), c.key())
}
