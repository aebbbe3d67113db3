package loadgen

import (
	"encoding/binary"
	"math"

	"github.com/wampeter/wampeter/internal/msg"
)

// cborWire is CBOR (RFC 8949): an item begins with three bits of major type
// and five bits that are the argument or the width of the argument.
type cborWire struct{}

const (
	cborUint  = 0 << 5
	cborBytes = 2 << 5
	cborText  = 3 << 5
	cborArray = 4 << 5
	cborMap   = 5 << 5
	cborFalse = 0xf4
	cborTrue  = 0xf5
)

func (cborWire) format() msg.Format { return msg.CBOR }
func (cborWire) name() string       { return "cbor" }

func appendCBORHead(dst []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(dst, major|byte(n))
	case n <= math.MaxUint8:
		return append(dst, major|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, major|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, major|27), n)
}

func (cborWire) appendInt(dst []byte, n uint64) []byte { return appendCBORHead(dst, cborUint, n) }

func (w cborWire) appendValue(dst []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return append(appendCBORHead(dst, cborText, uint64(len(v))), v...)
	case []byte:
		return append(appendCBORHead(dst, cborBytes, uint64(len(v))), v...)
	case bool:
		if v {
			return append(dst, cborTrue)
		}
		return append(dst, cborFalse)
	case []any:
		dst = appendCBORHead(dst, cborArray, uint64(len(v)))
		for _, each := range v {
			dst = w.appendValue(dst, each)
		}
		return dst
	case dict:
		dst = appendCBORHead(dst, cborMap, uint64(len(v)))
		for _, e := range v {
			dst = w.appendValue(w.appendValue(dst, e.key), e.value)
		}
		return dst
	}
	return w.appendInt(dst, uint64(v.(int)))
}

func (w cborWire) template(typ msg.Type, rest ...any) template {
	t := template{head: w.appendInt(appendCBORHead(nil, cborArray, uint64(2+len(rest))), uint64(typ))}
	for _, v := range rest {
		t.tail = w.appendValue(t.tail, v)
	}
	return t
}

func (cborWire) scan(b []byte) (message, error) {
	if len(b) == 0 || b[0]&0xe0 != cborArray {
		return message{}, errScan
	}
	if b[0] != cborArray|31 { // not of indefinite length
		_, rest, ok := cborArgument(b)
		if !ok {
			return message{}, errScan
		}
		return joinInts(rest, cborInt)
	}
	return joinInts(b[1:], cborInt)
}

func cborInt(b []byte) (uint64, []byte, bool) {
	if len(b) == 0 || b[0]&0xe0 != cborUint {
		return 0, b, false
	}
	return cborArgument(b)
}

// cborArgument reads the argument of the item's head.
func cborArgument(b []byte) (uint64, []byte, bool) {
	n := uint64(b[0] & 0x1f)
	b = b[1:]
	if n < 24 {
		return n, b, true
	}
	return bigEndian(b, 1<<(n-24), n <= 27)
}

// bigEndian reads an unsigned integer of width octets: 1, 2, 4 or 8.
func bigEndian(b []byte, width uint64, ok bool) (uint64, []byte, bool) {
	if !ok || uint64(len(b)) < width {
		return 0, b, false
	}
	var n uint64
	for _, octet := range b[:width] {
		n = n<<8 | uint64(octet)
	}
	return n, b[width:], true
}
