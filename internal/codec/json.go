package codec

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/wampeter/wampeter/internal/msg"
)

// JSON is read as RFC 8259 has it, and as its strictest readers do: text must
// be UTF-8, and an escaped surrogate must be one of a pair, since widespread
// parsers refuse a lone one and would end the session of whoever receives it.

// jsonSpace returns the first position from pos on that is not white space.
func jsonSpace(data []byte, pos int) int {
	for pos < len(data) && data[pos] <= ' ' && isJSONSpace(data[pos]) {
		pos++
	}
	return pos
}

func isJSONSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// skipJSON is the scanner for JSON. White space may stand before the value.
func skipJSON(data []byte, pos, depth int) (int, error) {
	pos = jsonSpace(data, pos)
	if pos >= len(data) {
		return pos, errTruncated(msg.JSON)
	}
	switch c := data[pos]; c {
	case '"':
		end, _, err := jsonString(data, pos)
		return end, err
	case '[':
		return skipJSONList(data, pos, depth)
	case '{':
		return skipJSONDict(data, pos, depth)
	case 't':
		return jsonLiteral(data, pos, "true")
	case 'f':
		return jsonLiteral(data, pos, "false")
	case 'n':
		return jsonLiteral(data, pos, "null")
	}
	end, _, err := jsonNumber(data, pos)
	return end, err
}

func skipJSONList(data []byte, pos, depth int) (int, error) {
	if depth <= 0 {
		return pos, errTooDeep(msg.JSON, pos)
	}
	pos = jsonSpace(data, pos+1)
	if pos < len(data) && data[pos] == ']' {
		return pos + 1, nil
	}
	for {
		end, err := skipJSON(data, pos, depth-1)
		if err != nil {
			return end, err
		}
		pos = jsonSpace(data, end)
		if pos >= len(data) {
			return pos, errTruncated(msg.JSON)
		}
		switch data[pos] {
		case ',':
			pos++
		case ']':
			return pos + 1, nil
		default:
			return pos, errJSON(data, pos)
		}
	}
}

func skipJSONDict(data []byte, pos, depth int) (int, error) {
	if depth <= 0 {
		return pos, errTooDeep(msg.JSON, pos)
	}
	pos = jsonSpace(data, pos+1)
	if pos < len(data) && data[pos] == '}' {
		return pos + 1, nil
	}
	for {
		pos = jsonSpace(data, pos)
		end, _, err := jsonString(data, pos)
		if err != nil {
			return end, err
		}
		pos = jsonSpace(data, end)
		if pos >= len(data) || data[pos] != ':' {
			return pos, errJSON(data, pos)
		}
		end, err = skipJSON(data, pos+1, depth-1)
		if err != nil {
			return end, err
		}
		pos = jsonSpace(data, end)
		if pos >= len(data) {
			return pos, errTruncated(msg.JSON)
		}
		switch data[pos] {
		case ',':
			pos++
		case '}':
			return pos + 1, nil
		default:
			return pos, errJSON(data, pos)
		}
	}
}

func jsonLiteral(data []byte, pos int, word string) (int, error) {
	end := pos + len(word)
	if end > len(data) || string(data[pos:end]) != word {
		return pos, errJSON(data, pos)
	}
	return end, nil
}

// jsonString returns where the string that starts at pos, with its quote,
// ends, and whether it holds escapes.
func jsonString(data []byte, pos int) (end int, escaped bool, err error) {
	if pos >= len(data) || data[pos] != '"' {
		return pos, false, errJSON(data, pos)
	}
	const each = 0x0101010101010101
	start := pos + 1
	p := start
	var seen uint64 // all bytes of the string or-ed: is one beyond ASCII?
	for {
		if p+8 <= len(data) {
			// Eight bytes at a time: find the first quote, backslash or control
			// character. Subtracting borrows into a byte's neighbour above only
			// where the byte itself is a hit, so that the lowest hit is exact.
			w := binary.LittleEndian.Uint64(data[p:])
			hit := ((w ^ '"'*each) - each) | ((w ^ '\\'*each) - each) | (w - ' '*each)
			if hit = hit &^ w & high; hit == 0 {
				seen |= w
				p += 8
				continue
			}
			n := bits.TrailingZeros64(hit) &^ 7
			seen |= w & (1<<n - 1)
			p += n >> 3
		} else {
			for p < len(data) && data[p] >= ' ' && data[p] != '"' && data[p] != '\\' {
				seen |= uint64(data[p])
				p++
			}
			if p >= len(data) {
				return p, false, errTruncated(msg.JSON)
			}
		}
		switch data[p] {
		case '"':
			if seen&high != 0 && !utf8.Valid(data[start:p]) {
				return p, false, errUTF8(msg.JSON, pos)
			}
			return p + 1, escaped, nil
		case '\\':
			n := jsonEscape(data[p:])
			if n == 0 {
				return p, false, violation("json: invalid escape at offset %d", p)
			}
			p += n
			escaped = true
		default:
			return p, false, errJSON(data, p)
		}
	}
}

// jsonEscape returns the length of the escape sequence that s begins with, of
// both halves when it is a surrogate pair, or 0 when it is not valid.
func jsonEscape(s []byte) int {
	if len(s) < 2 {
		return 0
	}
	switch s[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		r := jsonHex(s)
		switch {
		case r < 0:
			return 0
		case !utf16.IsSurrogate(r):
			return 6
		}
		if utf16.DecodeRune(r, jsonHex(s[6:])) == utf8.RuneError {
			return 0
		}
		return 12
	}
	return 0
}

// jsonHex returns the code unit of the \uXXXX that s begins with, or -1.
func jsonHex(s []byte) rune {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return -1
	}
	var r rune
	for _, c := range s[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// jsonText returns the text of a valid string, given with its quotes: a view
// of it, or when it holds escapes a copy without them.
func jsonText(quoted []byte, escaped bool) []byte {
	s := quoted[1 : len(quoted)-1]
	if !escaped {
		return s
	}
	return appendUnescaped(make([]byte, 0, len(s)), s)
}

// jsonNumber returns where the number at pos ends, and whether it is written
// as an integer, without fraction and exponent.
func jsonNumber(data []byte, pos int) (end int, integer bool, err error) {
	p := pos
	if p < len(data) && data[p] == '-' {
		p++
	}
	switch {
	case p >= len(data):
		return p, false, errTruncated(msg.JSON)
	case data[p] == '0':
		p++
	case isDigit(data[p]):
		p = jsonDigits(data, p)
	default:
		return p, false, errJSON(data, p)
	}
	if p >= len(data) || data[p] != '.' && data[p] != 'e' && data[p] != 'E' {
		return p, true, nil
	}
	if data[p] == '.' {
		p++
		if p >= len(data) || !isDigit(data[p]) {
			return p, false, errJSON(data, p)
		}
		p = jsonDigits(data, p)
	}
	if p < len(data) && (data[p] == 'e' || data[p] == 'E') {
		p++
		if p < len(data) && (data[p] == '+' || data[p] == '-') {
			p++
		}
		if p >= len(data) || !isDigit(data[p]) {
			return p, false, errJSON(data, p)
		}
		p = jsonDigits(data, p)
	}
	return p, false, nil
}

func jsonDigits(data []byte, pos int) int {
	for pos < len(data) && isDigit(data[pos]) {
		pos++
	}
	return pos
}

func isDigit(c byte) bool { return c-'0' <= 9 }

func errJSON(data []byte, pos int) error {
	if pos >= len(data) {
		return errTruncated(msg.JSON)
	}
	return violation("json: unexpected byte %#02x at offset %d", data[pos], pos)
}
