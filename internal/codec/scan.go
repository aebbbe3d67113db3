package codec

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"

	"github.com/wampeter/wampeter/internal/msg"
)

// The scanners skipJSON, skipMsgpack and skipCBOR validate the one value at
// data[pos:] and return where it ends. They check everything that a strict
// receiver would: well-formedness, UTF-8 in text, and that containers (and
// CBOR tags) are nested at most depth levels deep. They allocate nothing, do
// work proportional to the bytes that are there and not to the lengths these
// claim, and recurse at most depth times. Duplicate keys inside a payload are
// not looked for: that needs memory for each dictionary.

// skip is the scanner of format f.
func skip(f msg.Format, data []byte, pos, depth int) (int, error) {
	switch f {
	case msg.JSON:
		return skipJSON(data, pos, depth)
	case msg.MessagePack:
		return skipMsgpack(data, pos, depth)
	case msg.CBOR:
		return skipCBOR(data, pos, depth)
	}
	return pos, violation("unknown serializer %v", f)
}

// high has the bit set, in each byte of a word, that text beyond ASCII has.
const high = 0x8080808080808080

// validText reports whether s is UTF-8. Most texts are short and ASCII, for
// which utf8.Valid takes several times as long.
func validText(s []byte) bool {
	var seen uint64
	switch n := len(s); {
	case n > 32:
		return utf8.Valid(s)
	case n >= 8:
		for i := 0; i+8 < n; i += 8 {
			seen |= binary.LittleEndian.Uint64(s[i:])
		}
		seen |= binary.LittleEndian.Uint64(s[n-8:])
	default:
		for _, c := range s {
			seen |= uint64(c)
		}
	}
	return seen&high == 0 || utf8.Valid(s)
}

func violation(format string, args ...any) error {
	return &msg.Violation{Text: fmt.Sprintf(format, args...)}
}

func errTooDeep(f msg.Format, pos int) error {
	return violation("%v: nested deeper than %d levels at offset %d", f, MaxDepth, pos)
}

func errTruncated(f msg.Format) error {
	return violation("%v: message ends within a value", f)
}

func errUTF8(f msg.Format, pos int) error {
	return violation("%v: text at offset %d is not UTF-8", f, pos)
}
