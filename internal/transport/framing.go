package transport

import (
	"encoding/binary"
	"math/rand/v2"
)

// Kind is a way to mark where a message begins and ends.
type Kind uint8

// The kinds of framing.
const (
	RawSocket Kind = iota // 4 octets of type and length
	WebSocket             // RFC 6455
	Prefixed              // uint32 length, big endian: in-process, batched long-poll
)

// Framing turns a serialized message into the bytes of a connection. It is
// comparable.
type Framing struct {
	Kind    Kind
	Text    bool // WebSocket: text message
	Mask    bool // WebSocket: client to server
	Batched bool // WebSocket: a ".batched" subprotocol; each frame holds a batch of one
	Deflate bool // WebSocket: permessage-deflate without context takeover; see package websocket
}

// RecordSeparator ends each message of a JSON batch.
const RecordSeparator = 0x1e

// rsv1 marks a compressed WebSocket message.
const rsv1 = 0x40

// zeros is what a header is put over; none is longer.
var zeros [18]byte

// Mark is where a frame begins, between Begin and End.
type Mark struct{ start, head int }

// Begin appends room for the header of a message of about size bytes. The
// message has to be appended next; then End completes the frame.
func (f Framing) Begin(dst []byte, size int) ([]byte, Mark) {
	if f.Kind != WebSocket {
		return append(dst, 0, 0, 0, 0), Mark{start: len(dst), head: prefixSize}
	}
	m := Mark{start: len(dst), head: f.headerLen(size)}
	if m.head == 2 {
		return append(dst, 0, 0), m
	}
	return append(dst, zeros[:m.head]...), m
}

// End completes the frame begun at m.
func (f Framing) End(dst []byte, m Mark) []byte { return f.end(dst, m, 0) }

// BeginCompressed is Begin for a message that is appended compressed. A batched
// framing takes the compressed batch, prefix and trailer included.
func (f Framing) BeginCompressed(dst []byte, size int) ([]byte, Mark) {
	f.Batched = false
	return f.Begin(dst, size)
}

// EndCompressed completes the frame begun by BeginCompressed.
func (f Framing) EndCompressed(dst []byte, m Mark) []byte {
	f.Batched = false
	return f.end(dst, m, rsv1)
}

func (f Framing) end(dst []byte, m Mark, rsv byte) []byte {
	body := m.start + m.head
	size := len(dst) - body
	if f.Kind != WebSocket {
		f.putPrefix(dst[m.start:], size)
		return dst
	}
	if m.head == 2 && size <= 125 && !f.Batched { // as most messages of a server are
		dst[m.start], dst[m.start+1] = f.opcode()|rsv, byte(size)
		return dst
	}
	if head := f.headerLen(size); head != m.head {
		// The guess was wrong: move the message.
		if head > m.head {
			dst = append(dst, zeros[:head-m.head]...)
		}
		copy(dst[m.start+head:], dst[body:body+size])
		dst = dst[:m.start+head+size]
		body = m.start + head
	}
	if f.Batched {
		dst = append(dst, f.Trailer()...)
	}
	f.putHeader(dst[m.start:body], size, rsv)
	if f.Mask {
		Mask(dst[body-f.batchPrefix():], dst[body-f.batchPrefix()-4:][:4])
	}
	return dst
}

// AppendHeader appends the header of a frame whose message of size bytes is
// written from elsewhere, followed by Trailer. The framing must not mask.
func (f Framing) AppendHeader(dst []byte, size int) []byte {
	start := len(dst)
	dst = append(dst, zeros[:f.headerLen(size)]...)
	f.putHeader(dst[start:], size, 0)
	return dst
}

// Trailer returns what follows a message: a record separator in JSON batches.
func (f Framing) Trailer() []byte {
	if f.Batched && f.Text {
		return []byte{RecordSeparator}
	}
	return nil
}

func (f Framing) batchPrefix() int {
	if f.Batched && !f.Text {
		return 4
	}
	return 0
}

// headerLen returns the length of everything before a message of size bytes.
func (f Framing) headerLen(size int) int {
	if f.Kind != WebSocket {
		return prefixSize
	}
	n, total := 2, size
	if f.Mask {
		n += 4
	}
	if f.Batched {
		n += f.batchPrefix()
		total += f.batchPrefix() + len(f.Trailer())
	}
	switch {
	case total > 0xffff:
		n += 8
	case total > 125:
		n += 2
	}
	return n
}

// opcode returns the first octet of a WebSocket frame, but for rsv1.
func (f Framing) opcode() byte {
	if f.Text {
		return 0x81
	}
	return 0x82
}

// putPrefix fills the first four bytes of h, which are the header of all but
// WebSocket.
func (f Framing) putPrefix(h []byte, size int) {
	if f.Kind == RawSocket {
		// 2^24 octets need the 25th length bit, bit 3 of the first octet.
		size = size&0xffffff | size>>24<<27
	}
	binary.BigEndian.PutUint32(h, uint32(size))
}

// putHeader fills h, which has headerLen(size) bytes.
func (f Framing) putHeader(h []byte, size int, rsv byte) {
	if f.Kind != WebSocket {
		f.putPrefix(h, size)
		return
	}
	if f.batchPrefix() > 0 {
		binary.BigEndian.PutUint32(h[len(h)-4:], uint32(size))
		h = h[:len(h)-4]
		size += 4
	}
	size += len(f.Trailer())
	h[0] = f.opcode() | rsv
	var n int
	switch {
	case size > 0xffff:
		h[1], n = 127, 10
		binary.BigEndian.PutUint64(h[2:], uint64(size))
	case size > 125:
		h[1], n = 126, 4
		binary.BigEndian.PutUint16(h[2:], uint16(size))
	default:
		h[1], n = byte(size), 2
	}
	if f.Mask {
		h[1] |= 0x80
		binary.NativeEndian.PutUint32(h[n:], rand.Uint32())
	}
}

// Mask applies the four octets of key to b, or takes them off again (RFC 6455,
// section 5.3). b has to start where the masking does.
func Mask(b, key []byte) {
	k := uint64(binary.LittleEndian.Uint32(key))
	k |= k << 32
	for len(b) >= 32 { // four words that do not depend on each other
		w := (*[32]byte)(b)
		binary.LittleEndian.PutUint64(w[0:], binary.LittleEndian.Uint64(w[0:])^k)
		binary.LittleEndian.PutUint64(w[8:], binary.LittleEndian.Uint64(w[8:])^k)
		binary.LittleEndian.PutUint64(w[16:], binary.LittleEndian.Uint64(w[16:])^k)
		binary.LittleEndian.PutUint64(w[24:], binary.LittleEndian.Uint64(w[24:])^k)
		b = b[32:]
	}
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^k)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= byte(k >> (8 * i))
	}
}
