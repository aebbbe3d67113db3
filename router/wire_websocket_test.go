package router_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
)

// The opcodes of WebSocket (RFC 6455, section 5.2).
const (
	wsContinuation = 0x0
	wsText         = 0x1
	wsBinary       = 0x2
	wsClose        = 0x8
	wsPing         = 0x9
	wsPong         = 0xa
	wsFin          = 0x80
	wsDeflated     = 0x40
)

// webSocket is the framing of WebSocket.
type webSocket struct {
	in      *bufio.Reader
	batched bool
	text    bool
	pending []byte // messages of a batch that was read

	pongs [][]byte // PONGs that came between messages
	code  int      // of the router's close frame; 1005 when it has none
}

func (f *webSocket) opcode() byte {
	if f.text {
		return wsText
	}
	return wsBinary
}

func (f *webSocket) frame(message []byte) []byte {
	return wsFrame(wsFin|f.opcode(), f.batch(message))
}

// batch puts a message into the batch that it makes alone.
func (f *webSocket) batch(message []byte) []byte {
	switch {
	case !f.batched:
		return message
	case f.text:
		return append(bytes.Clone(message), 0x1e)
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(message))), message...)
}

// wsFrame returns a frame of a client.
func wsFrame(first byte, payload []byte) []byte {
	key := [4]byte{0x11, 0xa7, 0x5c, 0xf0}
	b := append(wsHead(first, uint64(len(payload))), key[:]...)
	for i, c := range payload {
		b = append(b, c^key[i&3])
	}
	return b
}

// wsHead returns what precedes the mask of a frame.
func wsHead(first byte, size uint64) []byte {
	switch {
	case size < 126:
		return []byte{first, 0x80 | byte(size)}
	case size < 1<<16:
		return binary.BigEndian.AppendUint16([]byte{first, 0x80 | 126}, uint16(size))
	}
	return binary.BigEndian.AppendUint64([]byte{first, 0x80 | 127}, size)
}

// readFrame returns the next frame as a server has to send it.
func (f *webSocket) readFrame() (first byte, payload []byte, err error) {
	var head [10]byte
	if _, err := io.ReadFull(f.in, head[:2]); err != nil {
		return 0, nil, err
	}
	size := uint64(head[1])
	switch size {
	case 126:
		_, err = io.ReadFull(f.in, head[2:4])
		size = uint64(binary.BigEndian.Uint16(head[2:]))
	case 127:
		_, err = io.ReadFull(f.in, head[2:10])
		size = binary.BigEndian.Uint64(head[2:])
	default:
		if size > 127 {
			return 0, nil, fmt.Errorf("a masked frame of a server")
		}
	}
	if err == nil {
		payload = make([]byte, size)
		_, err = io.ReadFull(f.in, payload)
	}
	return head[0], payload, err
}

func (f *webSocket) read(net.Conn) ([]byte, error) {
	if len(f.pending) > 0 {
		return f.cut()
	}
	for {
		first, payload, err := f.readFrame()
		switch {
		case err == io.EOF && f.code == 0:
			return nil, fmt.Errorf("no close frame: %w", io.ErrUnexpectedEOF)
		case err != nil:
			return nil, err
		case f.code != 0:
			return nil, fmt.Errorf("a frame after the close frame")
		}
		switch first {
		case wsFin | f.opcode():
			if f.batched {
				f.pending = payload
				return f.cut()
			}
			return payload, nil
		case wsFin | wsPong:
			f.pongs = append(f.pongs, payload)
		case wsFin | wsClose:
			f.code = 1005
			if len(payload) > 0 {
				f.code = int(binary.BigEndian.Uint16(payload))
			}
		default:
			return nil, fmt.Errorf("a frame that begins with %#x", first)
		}
	}
}

// cut takes the first message off a batch.
func (f *webSocket) cut() ([]byte, error) {
	b := f.pending
	if f.text {
		message, rest, ok := bytes.Cut(b, []byte{0x1e})
		if !ok {
			return nil, fmt.Errorf("batch without separator: %.100q", b)
		}
		f.pending = rest
		return message, nil
	}
	if len(b) < 4 || uint64(len(b)-4) < uint64(binary.BigEndian.Uint32(b)) {
		return nil, fmt.Errorf("malformed batch: % .100x", b)
	}
	n := 4 + binary.BigEndian.Uint32(b)
	f.pending = b[n:]
	return b[4:n], nil
}

// upgradeRequest is the opening handshake of a client.
func upgradeRequest(protocols string) string {
	return "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: " + protocols + "\r\n\r\n"
}

func dialWebSocket(t *testing.T, addr string, f format, batched bool) *wire {
	t.Helper()
	protocol := "wamp.2." + f.String()
	if batched {
		protocol += ".batched"
	}
	nc := open(t, addr)
	if _, err := io.WriteString(nc, upgradeRequest(protocol)); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(nc)
	r, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.StatusCode != http.StatusSwitchingProtocols || r.Header.Get("Sec-WebSocket-Protocol") != protocol ||
		r.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Fatalf("%s: %v", r.Status, r.Header)
	}
	return &wire{t: t, nc: nc, vars: make(map[string]any), format: f,
		framer: &webSocket{in: in, batched: batched, text: f == asJSON}}
}
