package loadgen

import (
	"encoding/json"
	"math"
	"strconv"

	"github.com/wampeter/wampeter/internal/msg"
)

// jsonWire is JSON.
type jsonWire struct{}

func (jsonWire) format() msg.Format { return msg.JSON }
func (jsonWire) name() string       { return "json" }

func (jsonWire) appendInt(dst []byte, n uint64) []byte { return strconv.AppendUint(dst, n, 10) }

func (w jsonWire) appendValue(dst []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		text, _ := json.Marshal(v) // can't fail for a string
		return append(dst, text...)
	case bool:
		return strconv.AppendBool(dst, v)
	case []any:
		dst = append(dst, '[')
		for i, each := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = w.appendValue(dst, each)
		}
		return append(dst, ']')
	case dict:
		dst = append(dst, '{')
		for i, e := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(w.appendValue(dst, e.key), ':')
			dst = w.appendValue(dst, e.value)
		}
		return append(dst, '}')
	}
	return w.appendInt(dst, uint64(v.(int)))
}

func (w jsonWire) template(typ msg.Type, rest ...any) template {
	t := template{head: append(w.appendInt([]byte{'['}, uint64(typ)), ',')}
	for _, v := range rest {
		t.tail = w.appendValue(append(t.tail, ','), v)
	}
	t.tail = append(t.tail, ']')
	return t
}

func (jsonWire) scan(b []byte) (message, error) {
	if b = skipSpace(b); len(b) == 0 || b[0] != '[' {
		return message{}, errScan
	}
	return joinInts(b[1:], jsonInt)
}

// jsonInt reads an integer and the comma behind it, if there is one.
func jsonInt(b []byte) (uint64, []byte, bool) {
	b = skipSpace(b)
	var n uint64
	i := 0
	for ; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		if n > math.MaxUint64/10-1 {
			return 0, b, false
		}
		n = n*10 + uint64(b[i]-'0')
	}
	if i == 0 {
		return 0, b, false
	}
	if b = skipSpace(b[i:]); len(b) > 0 && b[0] == ',' {
		b = b[1:]
	}
	return n, b, true
}

func skipSpace(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t' || b[0] == '\n' || b[0] == '\r') {
		b = b[1:]
	}
	return b
}
