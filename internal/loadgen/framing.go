package loadgen

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
)

// maxMessage bounds what the generator sends or accepts as one message, 64 MiB.
// RawSocket itself ends at 16 MiB.
const maxMessage = 64 << 20

// A framing marks where messages begin and end. Both kinds are written out
// here, with what a client needs and nothing else.
type framing interface {
	// appendHead appends the header of a frame with a message of size octets
	// and returns the key to mask it with, 0 for none.
	appendHead(dst []byte, size int) ([]byte, uint32)
	// next looks at the frame at the beginning of b.
	next(b []byte) (frame, error)
	// pong is the answer to a ping with the given payload.
	pong(payload []byte) []byte
}

// A frame is one unit of the transport. When size is greater than the bytes at
// hand the frame is incomplete, and kind and payload are not set; size 0 says
// that not even the header is complete.
type frame struct {
	kind    frameKind
	payload []byte
	size    int

	compressed bool // the payload, of a message that is whole
}

type frameKind uint8

const (
	whole    frameKind = iota // a message
	fragment                  // a part of one, and not the last
	last                      // the last part of one
	ping
	other // nothing that concerns us
	closing
)

// rawFraming is RawSocket: an octet of type, three of length.
type rawFraming struct{}

func (rawFraming) appendHead(dst []byte, size int) ([]byte, uint32) {
	return binary.BigEndian.AppendUint32(dst, uint32(size)), 0
}

func (rawFraming) next(b []byte) (frame, error) {
	if len(b) < 4 {
		return frame{}, nil
	}
	head := binary.BigEndian.Uint32(b)
	f := frame{size: 4 + int(head&0xffffff)}
	if head&0x08000000 != 0 { // the length 2^24
		f.size = 4 + 1<<24
	}
	if len(b) < f.size {
		return f, nil
	}
	f.payload = b[4:f.size]
	switch head >> 24 & 7 {
	case 0:
		f.kind = whole
	case 1:
		f.kind = ping
	case 2:
		f.kind = other
	default:
		return f, fmt.Errorf("RawSocket frame of unknown type %d", head>>24)
	}
	return f, nil
}

func (rawFraming) pong(payload []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, 2<<24|uint32(len(payload))), payload...)
}

// wsFraming is the client's side of WebSocket (RFC 6455, section 5.2). opcode
// is that of its messages: 1 for text, 2 for binary.
type wsFraming struct {
	opcode  byte
	deflate bool // messages may come compressed
}

const (
	wsFinal  = 0x80
	wsMasked = 0x80

	wsCompressed = 0x40

	wsClose = 8
	wsPing  = 9
	wsPong  = 10
)

func (f wsFraming) appendHead(dst []byte, size int) ([]byte, uint32) {
	return appendWSHead(dst, f.opcode, size)
}

func appendWSHead(dst []byte, opcode byte, size int) ([]byte, uint32) {
	dst = append(dst, wsFinal|opcode)
	switch {
	case size < 126:
		dst = append(dst, wsMasked|byte(size))
	case size < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, wsMasked|126), uint16(size))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, wsMasked|127), uint64(size))
	}
	key := rand.Uint32() | 1 // never 0: routers have to unmask
	return binary.LittleEndian.AppendUint32(dst, key), key
}

func (f wsFraming) next(b []byte) (frame, error) {
	if len(b) < 2 {
		return frame{}, nil
	}
	head, size := 2, uint64(b[1])
	switch size {
	case 126:
		if head = 4; len(b) < head {
			return frame{}, nil
		}
		size = uint64(binary.BigEndian.Uint16(b[2:]))
	case 127:
		if head = 10; len(b) < head {
			return frame{}, nil
		}
		size = binary.BigEndian.Uint64(b[2:])
	}
	compressed := f.deflate && b[0]&0x70 == wsCompressed
	if b[0]&0x70 != 0 && !compressed || size > maxMessage || b[1] >= wsMasked {
		return frame{}, errors.New("WebSocket frame that is compressed, masked or too long")
	}
	found := frame{size: head + int(size), compressed: compressed}
	if len(b) < found.size {
		return found, nil
	}
	return found.of(b[head:found.size], b[0])
}

// of makes f the frame with the payload and the first octet.
func (f frame) of(payload []byte, first byte) (frame, error) {
	f.payload = payload
	switch opcode, final := first&0x0f, first&wsFinal != 0; {
	case f.compressed && !final:
		return f, errors.New("compressed WebSocket message in fragments")
	case opcode == 0 && final:
		f.kind = last
	case opcode == 0, opcode < 3 && !final:
		f.kind = fragment
	case opcode < 3:
		f.kind = whole
	case opcode == wsPing:
		f.kind = ping
	case opcode == wsClose:
		f.kind = closing
	default:
		f.kind = other
	}
	return f, nil
}

func (wsFraming) pong(payload []byte) []byte {
	dst, key := appendWSHead(nil, wsPong, len(payload))
	start := len(dst)
	dst = append(dst, payload...)
	mask(dst[start:], key)
	return dst
}

// mask combines b with the key, whose lowest octet comes first.
func mask(b []byte, key uint32) {
	wide := uint64(key)<<32 | uint64(key)
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= byte(wide >> (8 * i))
	}
}
