package codec

import (
	"bytes"
	"encoding/base64"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"
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
