package codec

import (
	"encoding/hex"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/wampeter/wampeter/internal/msg"
)

var update = flag.Bool("update", false, "write the table of docs/serializers.md anew")

// losses is the table of docs/serializers.md: all that does not come through
// unchanged, or of which a reader may wonder whether it does. Values are in
// JSON as they stand, in the binary formats in CBOR's diagnostic notation. An
// empty cell is the serializer that the value is from.
var losses = []struct {
	from  msg.Format
	what  string
	value string // JSON, or hexadecimal
	json, msgpack,
	cbor string
}{
	{msg.JSON, "U+0000 and base64: binary", `"\u0000AQI="`, "", "h'0102'", "h'0102'"},
	{msg.JSON, "U+0000 and something else: text", `"\u0000x"`, "", `"\u0000x"`, `"\u0000x"`},
	{msg.JSON, "a key of that form: text", `{"\u0000AQI=":1}`, "", `{"\u0000AQI=": 1}`, `{"\u0000AQI=": 1}`},
	{msg.JSON, "2^53 + 1", `9007199254740993`, "", "9007199254740993", "9007199254740993"},
	{msg.JSON, "2^64 - 1", `18446744073709551615`, "", "18446744073709551615", "18446744073709551615"},
	{msg.JSON, "-2^63", `-9223372036854775808`, "", "-9223372036854775808", "-9223372036854775808"},
	{msg.JSON, "integer beyond 64 bits: float", `18446744073709551616`, "", "18446744073709552000.0", "18446744073709552000.0"},
	{msg.JSON, "number with fraction or exponent: float", `1.0`, "", "1.0", "1.0"},
	{msg.JSON, "number beyond the range of floats", `-1e999`, "", "-Infinity", "-Infinity"},
	{msg.MessagePack, "binary", `c4020102`, `"\u0000AQI="`, "", "h'0102'"},
	{msg.MessagePack, "text that begins with U+0000, then base64: binary", `a50041514938`, `"\u0000AQI8"`, "", `"\u0000AQI8"`},
	{msg.MessagePack, "2^64 - 1", `cfffffffffffffffff`, "18446744073709551615", "", "18446744073709551615"},
	{msg.MessagePack, "float without fraction: stays a float", `cb3ff0000000000000`, "1.0", "", "1.0"},
	{msg.MessagePack, "float of 32 bits: widened exactly", `ca3dcccccd`, "0.10000000149011612", "", "0.10000000149011612"},
	{msg.MessagePack, "NaN", `cb7ff8000000000001`, "null", "", "NaN"},
	{msg.MessagePack, "infinity", `cbfff0000000000000`, "null", "", "-Infinity"},
	{msg.MessagePack, "timestamp extension: text", `d7ffee6b27fc65920080`, `"2024-01-01T00:00:00.999999999Z"`, "", `"2024-01-01T00:00:00.999999999Z"`},
	{msg.MessagePack, "extension 0 of one byte (undefined of wampy.js)", `d40000`, "null", "", "null"},
	{msg.MessagePack, "other extension: its bytes", `d5050102`, `"\u0000AQI="`, "", "h'0102'"},
	{msg.MessagePack, "key that is an integer: text", `8107c3`, `{"7":true}`, "", `{"7": true}`},
	{msg.CBOR, "binary", `420102`, `"\u0000AQI="`, "h'0102'", ""},
	{msg.CBOR, "-2^63", `3b7fffffffffffffff`, "-9223372036854775808", "-9223372036854775808", ""},
	{msg.CBOR, "integer below -2^63: float", `3bffffffffffffffff`, "-18446744073709552000.0", "-18446744073709552000.0", ""},
	{msg.CBOR, "bignum that 64 bits hold: integer", `c249000102030405060708`, "72623859790382856", "72623859790382856", ""},
	{msg.CBOR, "larger bignum: float", `c249010000000000000000`, "18446744073709552000.0", "18446744073709552000.0", ""},
	{msg.CBOR, "negative bignum", `c340`, "-1", "-1", ""},
	{msg.CBOR, "float of 16 bits: widened exactly", `f93e00`, "1.5", "1.5", ""},
	{msg.CBOR, "NaN", `f97e00`, "null", "NaN", ""},
	{msg.CBOR, "infinity", `f97c00`, "null", "Infinity", ""},
	{msg.CBOR, "other tag: its content", `c074323032362d31312d32315431303a30303a30305a`, `"2026-11-21T10:00:00Z"`, `"2026-11-21T10:00:00Z"`, ""},
	{msg.CBOR, "undefined", `f7`, "null", "null", ""},
	{msg.CBOR, "other simple value", `f0`, "null", "null", ""},
	{msg.CBOR, "text in chunks", `7f6161616bff`, `"ak"`, `"ak"`, ""},
	{msg.CBOR, "list and dictionary of indefinite length", `9f01bf6161f6ffff`, `[1,{"a":null}]`, `[1, {"a": null}]`, ""},
	{msg.CBOR, "key that is an integer: text", `a12001`, `{"-1":1}`, `{"-1": 1}`, ""},
	{msg.CBOR, "key that is a bool or null: text", `a2f401f602`, `{"false":1,"null":2}`, `{"false": 1, "null": 2}`, ""},
	{msg.CBOR, "key that is a float: text", `a1f93e0001`, `{"1.5":1}`, `{"1.5": 1}`, ""},
	{msg.CBOR, "key that is binary: its base64", `a1420102f6`, `{"AQI=":null}`, `{"AQI=": null}`, ""},
	{msg.CBOR, "key that is a list or dictionary: base64 of its encoding", `a1810101`, `{"gQE=":1}`, `{"gQE=": 1}`, ""},
	{msg.CBOR, "a key twice: both", `a2616101616102`, `{"a":1,"a":2}`, `{"a": 1, "a": 2}`, ""},
}

func TestLosses(t *testing.T) {
	for _, row := range losses {
		src := []byte(row.value)
		if row.from != msg.JSON {
			var err error
			if src, err = hex.DecodeString(row.value); err != nil {
				t.Fatalf("%s: %v", row.what, err)
			}
		}
		if end, err := skip(row.from, src, 0, MaxDepth); err != nil || end != len(src) {
			t.Errorf("%v, %s: not one valid value: ends at %d: %v", row.from, row.what, end, err)
		}
		for to, want := range map[msg.Format]string{msg.JSON: row.json, msg.MessagePack: row.msgpack, msg.CBOR: row.cbor} {
			if to == row.from {
				continue
			}
			if got := notation(t, to, Transcode(nil, to, row.from, src)); got != want {
				t.Errorf("%v, %s, to %v: got %s, want %s", row.from, row.what, to, got, want)
			}
		}
	}
}

// notation spells value.
func notation(t *testing.T, f msg.Format, value []byte) string {
	t.Helper()
	if end, err := skip(f, value, 0, MaxDepth); err != nil || end != len(value) {
		t.Fatalf("% x is no valid %v: %v", value, f, err)
	}
	switch f {
	case msg.JSON:
		return string(value)
	case msg.MessagePack:
		value = Transcode(nil, msg.CBOR, msg.MessagePack, value)
	}
	s, err := cbor.Diagnose(value)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestLossesDocumented holds docs/serializers.md to the table above. With
// -update the table is written there.
func TestLossesDocumented(t *testing.T) {
	const path = "../../docs/serializers.md"
	const begin, end = "<!-- losses: begin -->\n", "<!-- losses: end -->"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(data), begin)
	table, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s lacks %q or %q", path, begin, end)
	}
	var want strings.Builder
	want.WriteString("| from | value | to JSON | to MessagePack | to CBOR |\n|---|---|---|---|---|\n")
	cell := func(s string) string {
		if s == "" {
			return "-"
		}
		return "`" + s + "`"
	}
	name := map[msg.Format]string{msg.JSON: "JSON", msg.MessagePack: "MessagePack", msg.CBOR: "CBOR"}
	for _, row := range losses {
		want.WriteString("| " + strings.Join([]string{name[row.from], row.what, cell(row.json), cell(row.msgpack), cell(row.cbor)}, " | ") + " |\n")
	}
	if table == want.String() {
		return
	}
	if !*update {
		t.Fatalf("the table of %s differs from the one in this file: go test -run Documented -update writes it anew", path)
	}
	if err := os.WriteFile(path, []byte(before+begin+want.String()+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
