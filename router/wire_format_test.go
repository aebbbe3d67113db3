package router_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"
	"github.com/tinylib/msgp/msgp"
)

// format is a serializer by its number in RawSocket's handshake.
type format byte

const (
	asJSON    format = 1
	asMsgpack format = 2
	asCBOR    format = 3
)

func (f format) String() string { return [...]string{"", "json", "msgpack", "cbor"}[f] }

// encode returns the message that is written as JSON in text.
func (f format) encode(t *testing.T, text string) []byte {
	t.Helper()
	if f == asJSON {
		return []byte(text)
	}
	v := goNumbers(decode(t, []byte(text)))
	var b []byte
	var err error
	if f == asMsgpack {
		b, err = msgp.AppendIntf(nil, v)
	} else {
		b, err = cbor.Marshal(v)
	}
	if err != nil {
		t.Fatalf("%.200s: %v", text, err)
	}
	return b
}

// can reports whether text has a meaning in f: broken JSON is broken in JSON
// only.
func (f format) can(text string) bool {
	return f <= asJSON || json.Valid([]byte(text)) && utf8.ValidString(text)
}

// goNumbers replaces the numbers of decoded JSON by integers and floats.
func goNumbers(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = goNumbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = goNumbers(v[k])
		}
	case json.Number:
		if i, err := strconv.ParseInt(string(v), 10, 64); err == nil {
			return i
		}
		if u, err := strconv.ParseUint(string(v), 10, 64); err == nil {
			return u
		}
		f, _ := v.Float64()
		return f
	}
	return v
}

// decode returns a message as JSON.
func (f format) decode(t *testing.T, b []byte) []byte {
	t.Helper()
	var v any
	var err error
	switch f {
	case asJSON:
		return b
	case asMsgpack:
		var rest []byte
		if v, rest, err = msgp.ReadIntfBytes(b); len(rest) > 0 {
			t.Fatalf("% x follows a message", rest)
		}
	case asCBOR:
		err = strictCBOR.Unmarshal(b, &v)
	}
	if err != nil {
		t.Fatalf("% .100x: %v", b, err)
	}
	var out bytes.Buffer
	writeJSON(t, &out, v)
	return out.Bytes()
}

var strictCBOR = func() cbor.DecMode {
	m, err := cbor.DecOptions{DupMapKey: cbor.DupMapKeyEnforcedAPF, UTF8: cbor.UTF8RejectInvalid, MaxNestedLevels: 256}.DecMode()
	if err != nil {
		panic(err)
	}
	return m
}()

// writeJSON writes v as JSON, binaries as WAMP has them.
func writeJSON(t *testing.T, out *bytes.Buffer, v any) {
	t.Helper()
	switch v := v.(type) {
	case []any:
		for i, e := range v {
			out.WriteString(separator(i == 0, "["))
			writeJSON(t, out, e)
		}
		out.WriteString(strings.Repeat("[", btoi(len(v) == 0)) + "]")
	case map[string]any:
		first := true
		for k, e := range v {
			out.WriteString(separator(first, "{"))
			first = false
			writeJSON(t, out, k)
			out.WriteString(":")
			writeJSON(t, out, e)
		}
		out.WriteString(strings.Repeat("{", btoi(first)) + "}")
	case map[any]any:
		m := make(map[string]any, len(v))
		for k, e := range v {
			m[fmt.Sprint(k)] = e
		}
		writeJSON(t, out, m)
	case []byte:
		out.WriteString(`"\u0000` + base64.StdEncoding.EncodeToString(v) + `"`)
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			fmt.Fprintf(out, "%.1f", v)
			return
		}
		b, _ := json.Marshal(v)
		out.Write(b)
	default:
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatalf("%T: %v", v, err)
		}
		out.Write(b)
	}
}

func separator(first bool, start string) string {
	if first {
		return start
	}
	return ","
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// via is a way to connect to a router. The zero via is JSON over RawSocket.
type via struct {
	webSocket bool
	batched   bool
	format    format
}

// vias are all ways to connect.
func vias() []via {
	var list []via
	for _, f := range []format{asJSON, asMsgpack, asCBOR} {
		list = append(list, via{format: f}, via{webSocket: true, format: f}, via{webSocket: true, batched: true, format: f})
	}
	return list
}

func (v via) String() string {
	switch {
	case v.batched:
		return "websocket " + v.format.String() + " batched"
	case v.webSocket:
		return "websocket " + v.format.String()
	}
	return "rawsocket " + v.format.String()
}

// everyVia runs a test once for each way to connect.
func everyVia(t *testing.T, f func(t *testing.T, v via)) {
	for _, v := range vias() {
		t.Run(v.String(), func(t *testing.T) { f(t, v) })
	}
}

// dial opens a connection.
func (v via) dial(t *testing.T, addr string) *wire {
	t.Helper()
	if v.format == 0 {
		v.format = asJSON
	}
	if v.webSocket {
		return dialWebSocket(t, addr, v.format, v.batched)
	}
	return dialRawSocket(t, addr, v.format, 15)
}

// join opens a connection and a session on it.
func (v via) join(t *testing.T, addr string) *wire {
	t.Helper()
	w := v.dial(t, addr)
	w.hello("realm1")
	return w
}
