package codec

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/wampeter/wampeter/internal/msg"
)

// appendText appends the content of a string or byte string, whatever the form
// in which the message holds it.
func (c *cursor) appendText(dst []byte) []byte {
	switch c.form {
	case formEscaped:
		return appendUnescaped(dst, c.text)
	case formChunked:
		for pos := 0; pos < len(c.text); {
			start, n, err := cborHead(c.text, pos)
			if err != nil {
				break // not reached: skipCBORString has read the same heads
			}
			pos = start + int(n)
			dst = append(dst, c.text[start:pos]...)
		}
		return dst
	case formTime:
		t, _ := timestamp(c.text)
		return t.AppendFormat(dst, time.RFC3339Nano)
	}
	return append(dst, c.text...)
}

// appendUnescaped appends the text of s, the inside of a valid JSON string.
func appendUnescaped(dst, s []byte) []byte {
	for {
		i := bytes.IndexByte(s, '\\')
		if i < 0 || i+1 >= len(s) {
			return append(dst, s...)
		}
		dst = append(dst, s[:i]...)
		s = s[i:]
		n := 2
		switch e := s[1]; e {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r := jsonHex(s)
			n = min(6, len(s))
			if utf16.IsSurrogate(r) {
				r = utf16.DecodeRune(r, jsonHex(s[n:]))
				n = min(12, len(s))
			}
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, e)
		}
		s = s[n:]
	}
}

// binaryMark is how U+0000, which marks a string of JSON as binary, has to be
// written (specification, section "Binary conversion of JSON Strings").
const binaryMark = `\u0000`

// isMarked reports whether the value is a string of JSON that claims to be
// binary.
func (c *cursor) isMarked() bool {
	return c.form == formEscaped && c.kind == kindString &&
		len(c.text) >= len(binaryMark) && string(c.text[:len(binaryMark)]) == binaryMark
}

// appendMarked appends the bytes that a marked string stands for. When what
// follows the mark is not base64, ok is false: the string is text, then.
func (c *cursor) appendMarked(dst []byte) (out []byte, ok bool) {
	s := c.text[len(binaryMark):]
	if bytes.IndexByte(s, '\\') < 0 {
		return appendBase64(dst, s)
	}
	// Some writers escape the slash, which is a digit of base64.
	start := len(dst)
	dst = appendUnescaped(dst, s)
	end := len(dst)
	if bytes.ContainsAny(dst[start:], "\r\n") { // which the decoder would pass over
		return dst[:start], false
	}
	if dst, ok = appendBase64(dst, dst[start:]); !ok {
		return dst[:start], false
	}
	return append(dst[:start], dst[end:]...), true
}

// appendBase64 appends what s decodes to.
func appendBase64(dst, s []byte) (out []byte, ok bool) {
	start := len(dst)
	if len(s)%4 != 0 {
		return dst, false
	}
	size := base64.StdEncoding.DecodedLen(len(s))
	dst = slices.Grow(dst, size)[:start+size]
	n, err := base64.StdEncoding.Decode(dst[start:], s)
	if err != nil {
		return dst[:start], false
	}
	return dst[:start+n], true
}

// appendKey appends the text that stands for a key: itself if it is text, the
// usual spelling of a scalar, the base64 of bytes and, since keys that are
// lists or dictionaries need some name too, that of such a key's encoding.
func (c *cursor) appendKey(dst []byte) []byte {
	switch c.kind {
	case kindString:
		return c.appendText(dst)
	case kindNull:
		return append(dst, "null"...)
	case kindBool:
		return strconv.AppendBool(dst, c.num != 0)
	case kindUint:
		return strconv.AppendUint(dst, c.num, 10)
	case kindInt:
		return strconv.AppendInt(dst, int64(c.num), 10)
	case kindNumber:
		switch f := c.float(); {
		case math.IsNaN(f):
			return append(dst, "NaN"...)
		case math.IsInf(f, 1):
			return append(dst, "Infinity"...)
		case math.IsInf(f, -1):
			return append(dst, "-Infinity"...)
		default:
			return appendJSONFloat(dst, f)
		}
	case kindBytes:
		if c.form == formPlain {
			return base64.StdEncoding.AppendEncode(dst, c.text)
		}
		start := len(dst)
		dst = c.appendText(dst)
		end := len(dst)
		dst = base64.StdEncoding.AppendEncode(dst, dst[start:])
		return append(dst[:start], dst[end:]...)
	}
	return base64.StdEncoding.AppendEncode(dst, c.data[c.start:c.pos])
}

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
