package codec

import (
	"encoding/binary"
	"math"
	"strconv"

	"github.com/wampeter/wampeter/internal/msg"
)

// builder appends values to b in format f, each in its shortest form.
type builder struct {
	f     msg.Format
	first bool // JSON: the dictionary that is open has no entry yet
	b     []byte
}

// list begins a list of n elements; endList ends it.
func (b *builder) list(n int) {
	switch b.f {
	case msg.JSON:
		b.b = append(b.b, '[')
	case msg.MessagePack:
		b.b = appendMsgpackContainer(b.b, mpFixArray, mpArray16, n)
	case msg.CBOR:
		b.b = appendCBORHead(b.b, cborArray, uint64(n))
	}
}

func (b *builder) endList() {
	if b.f == msg.JSON {
		b.b = append(b.b, ']')
	}
}

// element separates the next element of a list from the one before.
func (b *builder) element() {
	if b.f == msg.JSON {
		b.b = append(b.b, ',')
	}
}

// dict begins a dictionary of n entries; endDict ends it.
func (b *builder) dict(n int) {
	switch b.f {
	case msg.JSON:
		b.b = append(b.b, '{')
		b.first = true
	case msg.MessagePack:
		b.b = appendMsgpackContainer(b.b, mpFixMap, mpMap16, n)
	case msg.CBOR:
		b.b = appendCBORHead(b.b, cborMap, uint64(n))
	}
}

func (b *builder) endDict() {
	if b.f == msg.JSON {
		b.b = append(b.b, '}')
	}
}

// entry separates the next entry of a dictionary from the one before.
func (b *builder) entry() {
	if b.f == msg.JSON {
		if !b.first {
			b.b = append(b.b, ',')
		}
		b.first = false
	}
}

// key begins an entry of a dictionary.
func (b *builder) key(name string) {
	b.entry()
	b.text([]byte(name))
	if b.f == msg.JSON {
		b.b = append(b.b, ':')
	}
}

func (b *builder) bool(v bool) {
	switch b.f {
	case msg.JSON:
		b.b = strconv.AppendBool(b.b, v)
	case msg.MessagePack:
		if v {
			b.b = append(b.b, mpTrue)
		} else {
			b.b = append(b.b, mpFalse)
		}
	case msg.CBOR:
		if v {
			b.b = append(b.b, cborTrue)
		} else {
			b.b = append(b.b, cborFalse)
		}
	}
}

func (b *builder) uint(n uint64) {
	if n < 24 && b.f != msg.JSON { // one byte, the same in both
		b.b = append(b.b, byte(n))
		return
	}
	switch b.f {
	case msg.JSON:
		b.b = strconv.AppendUint(b.b, n, 10)
	case msg.MessagePack:
		b.b = appendMsgpackUint(b.b, n)
	case msg.CBOR:
		b.b = appendCBORHead(b.b, cborUint, n)
	}
}

func (b *builder) int(n int64) {
	if n >= 0 {
		b.uint(uint64(n))
		return
	}
	switch b.f {
	case msg.JSON:
		b.b = strconv.AppendInt(b.b, n, 10)
	case msg.MessagePack:
		switch {
		case n >= -32:
			b.b = append(b.b, byte(n))
		case n >= math.MinInt8:
			b.b = append(b.b, mpInt8, byte(n))
		case n >= math.MinInt16:
			b.b = binary.BigEndian.AppendUint16(append(b.b, mpInt16), uint16(n))
		case n >= math.MinInt32:
			b.b = binary.BigEndian.AppendUint32(append(b.b, mpInt32), uint32(n))
		default:
			b.b = binary.BigEndian.AppendUint64(append(b.b, mpInt64), uint64(n))
		}
	case msg.CBOR:
		b.b = appendCBORHead(b.b, cborNegative, ^uint64(n))
	}
}

func (b *builder) text(s []byte) {
	switch b.f {
	case msg.JSON:
		b.b = appendJSONString(b.b, s)
	case msg.MessagePack:
		b.b = append(appendMsgpackText(b.b, len(s)), s...)
	case msg.CBOR:
		b.b = append(appendCBORHead(b.b, cborText, uint64(len(s))), s...)
	}
}

func appendEmptyList(dst []byte, f msg.Format) []byte {
	switch f {
	case msg.JSON:
		return append(dst, '[', ']')
	case msg.MessagePack:
		return append(dst, mpFixArray)
	}
	return append(dst, cborArray<<5)
}

// appendMsgpackUint appends a non-negative integer.
func appendMsgpackUint(dst []byte, n uint64) []byte {
	switch {
	case n <= 0x7f:
		return append(dst, byte(n))
	case n <= math.MaxUint8:
		return append(dst, mpUint8, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, mpUint16), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, mpUint32), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, mpUint64), n)
}

// appendMsgpackText appends the head of a string of n bytes.
func appendMsgpackText(dst []byte, n int) []byte {
	switch {
	case n < 32:
		return append(dst, mpFixStr|byte(n))
	case n <= math.MaxUint8:
		return append(dst, mpStr8, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, mpStr16), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, mpStr32), uint32(n))
}

// appendMsgpackContainer appends the head of a list or dictionary of n
// elements or entries, given its fixed form and that of 16 bits. The one of 32
// bits follows the latter.
func appendMsgpackContainer(dst []byte, fixed, wide byte, n int) []byte {
	switch {
	case n < 16:
		return append(dst, fixed|byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, wide), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, wide+1), uint32(n))
}

// appendCBORHead appends the head of a value of the major type.
func appendCBORHead(dst []byte, major byte, n uint64) []byte {
	c := major << 5
	switch {
	case n < 24:
		return append(dst, c|byte(n))
	case n <= math.MaxUint8:
		return append(dst, c|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, c|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, c|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, c|27), n)
}

// appendJSONString appends s, which is UTF-8, as a JSON string.
func appendJSONString(dst []byte, s []byte) []byte {
	dst = append(dst, '"')
	plain := 0 // where what was not appended yet begins
	for i, c := range s {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[plain:i]...)
		plain = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			const hex = "0123456789abcdef"
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(dst, s[plain:]...), '"')
}
