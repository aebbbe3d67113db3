package codec

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"math"
	"strconv"

	"github.com/wampeter/wampeter/internal/msg"
)

// What a payload may hold beyond an envelope: null, floats, binary, and lists
// and dictionaries whose length is known only at their end.

func (b *builder) null() {
	switch b.f {
	case msg.JSON:
		b.b = append(b.b, "null"...)
	case msg.MessagePack:
		b.b = append(b.b, mpNil)
	case msg.CBOR:
		b.b = append(b.b, cborNull)
	}
}

// float writes a float, which stays one: 1 is written 1.0 in JSON. JSON has no
// NaN and no infinities, they become null.
func (b *builder) float(f float64) {
	switch b.f {
	case msg.JSON:
		if math.IsNaN(f) || math.IsInf(f, 0) {
			b.null()
			return
		}
		b.b = appendJSONFloat(b.b, f)
	case msg.MessagePack:
		b.b = binary.BigEndian.AppendUint64(append(b.b, mpFloat64), math.Float64bits(f))
	case msg.CBOR:
		b.b = binary.BigEndian.AppendUint64(append(b.b, cborFloat64), math.Float64bits(f))
	}
}

// plainText writes text. In JSON most needs no escapes, which is found out
// eight bytes at a time.
func (b *builder) plainText(s []byte) {
	if b.f != msg.JSON || !isPlain(s) {
		b.text(s)
		return
	}
	b.b = append(b.b, '"')
	b.b = append(b.b, s...)
	b.b = append(b.b, '"')
}

// isPlain reports whether s has no quote, backslash or control character. The
// arithmetic is that of jsonString: no byte that is none of these can set its
// high bit, or take from its neighbour.
func isPlain(s []byte) bool {
	const each = 0x0101010101010101
	for len(s) >= 8 {
		w := binary.LittleEndian.Uint64(s)
		if (((w^'"'*each)-each)|((w^'\\'*each)-each)|(w-' '*each))&^w&(0x80*each) != 0 {
			return false
		}
		s = s[8:]
	}
	for _, c := range s {
		if c < ' ' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// appendJSONFloat appends the shortest number that reads as f and as a float.
func appendJSONFloat(dst []byte, f float64) []byte {
	if isWhole(f) && (f != 0 || !math.Signbit(f)) {
		return append(strconv.AppendInt(dst, int64(f), 10), ".0"...)
	}
	start := len(dst)
	format := byte('f')
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	dst = strconv.AppendFloat(dst, f, format, -1, 64)
	if n := len(dst); format == 'e' && dst[n-4] == 'e' && dst[n-2] == '0' {
		dst = append(dst[:n-2], dst[n-1]) // e-07 is e-7
	}
	if !bytes.ContainsAny(dst[start:], ".e") {
		dst = append(dst, ".0"...)
	}
	return dst
}

// isWhole reports whether f is an integer, and of a size up to which floats
// and integers correspond one to one.
func isWhole(f float64) bool {
	const limit = 1 << 53
	return -limit < f && f < limit && f == float64(int64(f))
}

// bytes writes binary, in JSON as the mark and base64.
func (b *builder) bytes(s []byte) {
	switch b.f {
	case msg.JSON:
		b.b = append(b.b, `"`+binaryMark...)
		b.b = append(base64.StdEncoding.AppendEncode(b.b, s), '"')
	case msg.MessagePack:
		b.head(kindBytes, len(s))
		b.b = append(b.b, s...)
	case msg.CBOR:
		b.head(kindBytes, len(s))
		b.b = append(b.b, s...)
	}
}

// head writes the head of bytes, a list or a dictionary in the binary formats.
func (b *builder) head(k kind, n int) {
	switch {
	case b.f == msg.CBOR:
		major := byte(cborBytes)
		switch k {
		case kindList:
			major = cborArray
		case kindDict:
			major = cborMap
		}
		b.b = appendCBORHead(b.b, major, uint64(n))
	case k == kindList:
		b.b = appendMsgpackContainer(b.b, mpFixArray, mpArray16, n)
	case k == kindDict:
		b.b = appendMsgpackContainer(b.b, mpFixMap, mpMap16, n)
	case n <= math.MaxUint8:
		b.b = append(b.b, mpBin8, byte(n))
	case n <= math.MaxUint16:
		b.b = binary.BigEndian.AppendUint16(append(b.b, mpBin16), uint16(n))
	default:
		b.b = binary.BigEndian.AppendUint32(append(b.b, mpBin32), uint32(n))
	}
}

// separate writes the punctuation that only JSON has.
func (b *builder) separate(c byte) {
	if b.f == msg.JSON {
		b.b = append(b.b, c)
	}
}

// The widest heads, which begin reserves when it does not know the length.
const wideHead = 5

// compactBelow is the size of content up to which end moves it to get by with
// a shorter head. Moving so little costs no more than writing the head does;
// moving all would make deep nesting quadratic, and four bytes in more than
// this many are nothing.
const compactBelow = 512

// begin begins a list or dictionary of n elements or entries, or when n is
// below zero, of a number that end will know. It returns what end needs.
func (b *builder) begin(k kind, n int) (start int) {
	start = len(b.b)
	switch {
	case b.f == msg.JSON && k == kindList:
		b.b = append(b.b, '[')
	case b.f == msg.JSON:
		b.b = append(b.b, '{')
	case n >= 0:
		b.head(k, n)
	default:
		b.b = append(b.b, make([]byte, wideHead)...)
	}
	return start
}

// end ends what begin began with length counted, after n elements or entries.
func (b *builder) end(start int, k kind, counted, n int) {
	switch {
	case b.f == msg.JSON && k == kindList:
		b.b = append(b.b, ']')
	case b.f == msg.JSON:
		b.b = append(b.b, '}')
	case counted < 0:
		b.closeHead(start, k, n)
	}
}

// closeHead fills in the head that begin has reserved.
func (b *builder) closeHead(start int, k kind, n int) {
	content := start + wideHead
	if size := len(b.b) - content; size <= compactBelow {
		b.b = b.b[:start]
		b.head(k, n)
		b.b = append(b.b, b.b[content:content+size]...)
		return
	}
	first := byte(cborArray<<5 | 26)
	switch {
	case b.f == msg.CBOR && k == kindDict:
		first = cborMap<<5 | 26
	case b.f == msg.MessagePack && k == kindDict:
		first = mpMap32
	case b.f == msg.MessagePack:
		first = mpArray32
	}
	b.b[start] = first
	binary.BigEndian.PutUint32(b.b[start+1:], uint32(n))
}

// settle makes text or bytes of the content that was put together at the end
// of the output, from start on.
func (b *builder) settle(start int, k kind) {
	end := len(b.b)
	if k == kindBytes {
		b.bytes(b.b[start:end])
	} else {
		b.text(b.b[start:end])
	}
	b.b = append(b.b[:start], b.b[end:]...)
}
