package websocket

import (
	"encoding/binary"
	"math"
	"unicode/utf8"

	"github.com/wampeter/wampeter/internal/transport"
)

// Opcodes (RFC 6455, section 5.2).
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xa
)

// Bits of the first two octets of a frame.
const (
	bitFin    = 0x80
	bitRSV1   = 0x40
	bitsRSV23 = 0x30
	bitMask   = 0x80
)

// maxControl is the longest payload of a control frame.
const maxControl = 125

// header is the header of a frame.
type header struct {
	op         byte
	fin        bool
	compressed bool
	key        [4]byte // masks the payload when it comes from a client
	size       int     // of the payload
	len        int     // of the header itself
}

func (h *header) control() bool { return h.op >= opClose }

func breach(text string) error { return &transport.Error{Code: 1002, Text: "websocket: " + text} }

// parseHeader reads the header of a frame that has to be masked or not, and may
// be compressed if deflate is set. ok is false when b is too short.
func parseHeader(b []byte, masked, deflate bool) (h header, ok bool, err error) {
	if len(b) < 2 {
		return h, false, nil
	}
	h.op, h.fin, h.compressed = b[0]&0xf, b[0]&bitFin != 0, b[0]&bitRSV1 != 0
	size := uint64(b[1] &^ bitMask)
	switch {
	case b[0]&bitsRSV23 != 0 || h.compressed && !deflate:
		return h, false, breach("reserved bits are set")
	case h.op > opBinary && h.op < opClose || h.op > opPong:
		return h, false, breach("reserved opcode")
	case h.compressed && h.op != opText && h.op != opBinary:
		return h, false, breach("only the first frame of a message is marked as compressed")
	case h.control() && (!h.fin || size > maxControl):
		return h, false, breach("control frame that is fragmented or longer than 125 bytes")
	case b[1]&bitMask != 0 != masked:
		if masked {
			return h, false, breach("frame of a client is not masked")
		}
		return h, false, breach("frame of a server is masked")
	}
	h.len = 2
	switch size {
	case 126:
		if len(b) < 4 {
			return h, false, nil
		}
		size, h.len = uint64(binary.BigEndian.Uint16(b[2:])), 4
	case 127:
		if len(b) < 10 {
			return h, false, nil
		}
		size, h.len = binary.BigEndian.Uint64(b[2:]), 10
	}
	if size > 1<<62 {
		return h, false, breach("length beyond 63 bits")
	}
	h.size = int(min(size, math.MaxInt))
	if masked {
		if len(b) < h.len+4 {
			return h, false, nil
		}
		h.key = [4]byte(b[h.len:])
		h.len += 4
	}
	return h, true, nil
}

// parseClose reads the payload of a close frame. The code is 1005 when there is
// none.
func parseClose(b []byte) (code int, reason string, err error) {
	switch len(b) {
	case 0:
		return 1005, "", nil
	case 1:
		return 0, "", breach("close frame of one byte")
	}
	code = int(binary.BigEndian.Uint16(b))
	switch {
	case code >= 1000 && code <= 1003, code >= 1007 && code <= 1014, code >= 3000 && code <= 4999:
	default:
		return 0, "", breach("close code that must not be sent")
	}
	if !utf8.Valid(b[2:]) {
		return 0, "", &transport.Error{Code: 1007, Text: "websocket: reason for closing is not UTF-8"}
	}
	return code, string(b[2:]), nil
}

// appendControl appends a control frame, masked if key is not nil.
func appendControl(dst []byte, op byte, payload, key []byte) []byte {
	dst = append(dst, bitFin|op, byte(len(payload)))
	if key == nil {
		return append(dst, payload...)
	}
	dst[len(dst)-1] |= bitMask
	dst = append(dst, key...)
	start := len(dst)
	dst = append(dst, payload...)
	transport.Mask(dst[start:], key)
	return dst
}
