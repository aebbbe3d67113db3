package loadgen

import (
	"encoding/binary"
	"math"

	"github.com/wampeter/wampeter/internal/msg"
)

// msgpackWire is MessagePack.
type msgpackWire struct{}

const (
	msgpackFixMap   = 0x80
	msgpackFixArray = 0x90
	msgpackFixText  = 0xa0
	msgpackFalse    = 0xc2
	msgpackTrue     = 0xc3
	msgpackUint8    = 0xcc // to 0xcf: 1, 2, 4, 8 octets
	msgpackInt8     = 0xd0 // to 0xd3
	msgpackBytes8   = 0xc4 // of 16 and 32 bits: the next ones
	msgpackText8    = 0xd9
	msgpackText16   = 0xda
	msgpackText32   = 0xdb
	msgpackArray16  = 0xdc
	msgpackArray32  = 0xdd
	msgpackMap16    = 0xde
)

func (msgpackWire) format() msg.Format { return msg.MessagePack }
func (msgpackWire) name() string       { return "msgpack" }

func (msgpackWire) appendInt(dst []byte, n uint64) []byte {
	switch {
	case n < 128:
		return append(dst, byte(n))
	case n <= math.MaxUint8:
		return append(dst, msgpackUint8, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, msgpackUint8+1), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, msgpackUint8+2), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, msgpackUint8+3), n)
}

func (w msgpackWire) appendValue(dst []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		switch n := len(v); {
		case n < 32:
			dst = append(dst, msgpackFixText|byte(n))
		case n <= math.MaxUint8:
			dst = append(dst, msgpackText8, byte(n))
		case n <= math.MaxUint16:
			dst = binary.BigEndian.AppendUint16(append(dst, msgpackText16), uint16(n))
		default:
			dst = binary.BigEndian.AppendUint32(append(dst, msgpackText32), uint32(n))
		}
		return append(dst, v...)
	case []byte:
		switch n := len(v); {
		case n <= math.MaxUint8:
			dst = append(dst, msgpackBytes8, byte(n))
		case n <= math.MaxUint16:
			dst = binary.BigEndian.AppendUint16(append(dst, msgpackBytes8+1), uint16(n))
		default:
			dst = binary.BigEndian.AppendUint32(append(dst, msgpackBytes8+2), uint32(n))
		}
		return append(dst, v...)
	case bool:
		if v {
			return append(dst, msgpackTrue)
		}
		return append(dst, msgpackFalse)
	case []any:
		dst = appendMsgpackHead(dst, msgpackFixArray, msgpackArray16, len(v))
		for _, each := range v {
			dst = w.appendValue(dst, each)
		}
		return dst
	case dict:
		dst = appendMsgpackHead(dst, msgpackFixMap, msgpackMap16, len(v))
		for _, e := range v {
			dst = w.appendValue(w.appendValue(dst, e.key), e.value)
		}
		return dst
	}
	return w.appendInt(dst, uint64(v.(int)))
}

// appendMsgpackHead appends the head of a collection of fewer than 2^16 elements.
func appendMsgpackHead(dst []byte, fix, wide byte, n int) []byte {
	if n < 16 {
		return append(dst, fix|byte(n))
	}
	return binary.BigEndian.AppendUint16(append(dst, wide), uint16(n))
}

func (w msgpackWire) template(typ msg.Type, rest ...any) template {
	t := template{head: w.appendInt(appendMsgpackHead(nil, msgpackFixArray, msgpackArray16, 2+len(rest)), uint64(typ))}
	for _, v := range rest {
		t.tail = w.appendValue(t.tail, v)
	}
	return t
}

func (msgpackWire) scan(b []byte) (message, error) {
	head := 0
	switch {
	case len(b) == 0:
	case b[0]&0xf0 == msgpackFixArray:
		head = 1
	case b[0] == msgpackArray16:
		head = 3
	case b[0] == msgpackArray32:
		head = 5
	}
	if head == 0 || len(b) < head {
		return message{}, errScan
	}
	return joinInts(b[head:], msgpackInt)
}

func msgpackInt(b []byte) (uint64, []byte, bool) {
	if len(b) == 0 {
		return 0, b, false
	}
	switch c := b[0]; {
	case c < 128:
		return uint64(c), b[1:], true
	case c >= msgpackUint8 && c <= msgpackUint8+3:
		return bigEndian(b[1:], 1<<(c-msgpackUint8), true)
	case c >= msgpackInt8 && c <= msgpackInt8+3 && len(b) > 1 && b[1] < 128:
		return bigEndian(b[1:], 1<<(c-msgpackInt8), true)
	}
	return 0, b, false
}
