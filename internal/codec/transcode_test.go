package codec

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/wampeter/wampeter/internal/msg"
)

// valid fails the test when b is not one valid value.
func valid(t interface {
	Helper()
	Fatalf(string, ...any)
}, f msg.Format, b []byte) {
	t.Helper()
	if end, err := skip(f, b, 0, MaxDepth); err != nil || end != len(b) {
		t.Fatalf("%v: %q (% x) is not one valid value: ends at %d of %d: %v", f, b, b, end, len(b), err)
	}
}

// equal compares decoded values: NaN equals itself, an integer is no float.
func equal(a, b any) string { return cmp.Diff(a, b, cmpopts.EquateNaNs()) }

// commonValue generates what all serializers carry.
func commonValue() *rapid.Generator[any] {
	text := rapid.OneOf(
		rapid.String(),
		rapid.SampledFrom([]string{"", "\x00", "\x00 no base64", "\"\\/\b\f\n\r\t\x01\x7f", "äöü€𝄞\u2028", strings.Repeat("long ", 60), strings.Repeat("\n", 600)}),
	).Filter(func(s string) bool { return !looksBinary(s) })
	leaf := rapid.OneOf(
		rapid.Just[any](nil),
		rapid.Map(rapid.Bool(), func(v bool) any { return v }),
		rapid.Map(rapid.Int64(), func(v int64) any { return v }),
		rapid.SampledFrom([]any{int64(math.MinInt64), int64(math.MaxInt64), uint64(math.MaxInt64 + 1), uint64(math.MaxUint64), int64(1<<53 + 1)}),
		rapid.Map(rapid.Float64(), func(v float64) any { return v }),
		rapid.SampledFrom([]any{0.0, math.Copysign(0, -1), 1.0, 1e15, 1e21, 1e-7, 123456789012345.6, math.MaxFloat64, math.SmallestNonzeroFloat64}),
		rapid.Map(text, func(v string) any { return v }),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(v []byte) any { return append([]byte{}, v...) }),
	)
	return rapid.Custom(func(t *rapid.T) any {
		var value func(depth int) any
		value = func(depth int) any {
			kind := rapid.IntRange(0, 9).Draw(t, "kind")
			if depth == 0 || kind < 6 {
				return leaf.Draw(t, "leaf")
			}
			n := rapid.OneOf(rapid.IntRange(0, 4), rapid.IntRange(0, 30)).Draw(t, "n")
			if kind < 8 {
				list := make([]any, n)
				for i := range list {
					list[i] = value(depth - 1)
				}
				return list
			}
			dict := make(map[string]any, n)
			for range n {
				dict[rapid.String().Draw(t, "key")] = value(depth - 1)
			}
			return dict
		}
		return value(4)
	})
}

// looksBinary tells the one sort of text that JSON cannot carry.
func looksBinary(s string) bool {
	rest, ok := strings.CutPrefix(s, "\x00")
	if !ok || strings.ContainsAny(rest, "\r\n") {
		return false
	}
	_, err := base64.StdEncoding.DecodeString(rest)
	return err == nil
}

// TestRoundTrips sends common values from each format through each other one
// and back.
func TestRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := commonValue().Draw(t, "value")
		for _, from := range formats {
			src, err := Marshal(nil, from, want)
			if err != nil {
				t.Fatal(err)
			}
			valid(t, from, src)
			for _, to := range formats {
				there := Transcode(nil, to, from, src)
				valid(t, to, there)
				back := Transcode(nil, from, to, there)
				valid(t, from, back)
				for f, b := range map[msg.Format][]byte{to: there, from: back} {
					var got any
					if err := Unmarshal(f, b, &got); err != nil {
						t.Fatal(err)
					}
					if d := equal(want, got); d != "" {
						t.Fatalf("%v to %v: %v (-want +got):\n%s", from, to, f, d)
					}
				}
			}
		}
	})
}

// FuzzTranscode takes any bytes for a value of any format. Of a valid one it
// demands that its meaning is the same in each format, of any other that
// nothing breaks.
func FuzzTranscode(f *testing.F) {
	for _, row := range losses {
		src := []byte(row.value)
		if row.from != msg.JSON {
			src, _ = hex.DecodeString(row.value)
		}
		f.Add(byte(row.from), src)
	}
	for _, p := range benchPayloads {
		for _, format := range formats {
			f.Add(byte(format), Transcode(nil, format, msg.JSON, []byte(p.json)))
		}
	}
	f.Fuzz(func(t *testing.T, format byte, src []byte) {
		from := msg.Format(format%3 + 1)
		end, err := skip(from, src, 0, MaxDepth)
		broken := err != nil || end != len(src)
		var want any
		if err := Unmarshal(from, src, &want); err != nil && !broken {
			t.Fatalf("%v: %q is valid, yet: %v", from, src, err)
		}
		for _, to := range formats {
			if to == from {
				continue
			}
			out := Transcode([]byte("before"), to, from, src)
			out, ok := bytes.CutPrefix(out, []byte("before"))
			if !ok {
				t.Fatal("what stood before is gone")
			}
			if broken {
				continue
			}
			valid(t, to, out)
			var got any
			if err := Unmarshal(to, out, &got); err != nil {
				t.Fatal(err)
			}
			if d := equal(inFormat(to, want), got); d != "" {
				t.Fatalf("%v %q to %v %q (-want +got):\n%s", from, src, to, out, d)
			}
			// Nothing more is lost by going on.
			again := Transcode(nil, to, from, Transcode(nil, from, to, out))
			if err := Unmarshal(to, again, &want); err != nil {
				t.Fatal(err)
			}
			if d := equal(inFormat(from, got), want); d != "" {
				t.Fatalf("%v %q back to %v (-want +got):\n%s", to, out, from, d)
			}
			want = nil
			if err := Unmarshal(from, src, &want); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// inFormat returns what v becomes in format f: JSON alone cannot tell all
// values of the binary formats.
func inFormat(f msg.Format, v any) any {
	if f != msg.JSON {
		return v
	}
	switch v := v.(type) {
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
	case string:
		if looksBinary(v) {
			b, _ := base64.StdEncoding.DecodeString(v[1:])
			return b
		}
	case []any:
		for i := range v {
			v[i] = inFormat(f, v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = inFormat(f, v[k])
		}
	}
	return v
}

func TestTranscodeBinaryInJSON(t *testing.T) {
	for _, c := range []struct{ json, want string }{
		{`"\u0000"`, "h''"},
		{`"\u0000QQ=="`, "h'41'"},
		{`"\u0000QUJD"`, "h'414243'"},
		{`"\u0000Pz8\/"`, "h'3f3f3f'"},       // the slash escaped, as PHP does
		{`"\u0000\u0051UJD"`, "h'414243'"},   // a digit escaped
		{`"\u0000QUJ"`, `"\u0000QUJ"`},       // no padding
		{`"\u0000QUJD\n"`, `"\u0000QUJD\n"`}, // no digit
		{`"\u0000Pz8_"`, `"\u0000Pz8_"`},     // the digits of URLs
		{`"\\u0000QUJD"`, `"\\u0000QUJD"`},   // a backslash, not the mark
		{`"x\u0000QUJD"`, `"x\u0000QUJD"`},
	} {
		for _, to := range []msg.Format{msg.MessagePack, msg.CBOR} {
			if got := notation(t, to, Transcode(nil, to, msg.JSON, []byte(c.json))); got != c.want {
				t.Errorf("%s to %v: got %s, want %s", c.json, to, got, c.want)
			}
		}
	}
}

func TestTranscodeEscapes(t *testing.T) {
	const in, want = `"\"\\\/\b\f\n\r\t\u00e4\u20AC\ud834\udd1e."`, "\"\\/\b\f\n\r\tä€𝄞."
	for _, to := range []msg.Format{msg.MessagePack, msg.CBOR} {
		var got string
		if err := Unmarshal(to, Transcode(nil, to, msg.JSON, []byte(in)), &got); err != nil || got != want {
			t.Errorf("to %v: got %q, %v", to, got, err)
		}
	}
}

// TestTranscodeCounts makes lists and dictionaries of every size at which a
// head changes its width, around content that is moved and that is not.
func TestTranscodeCounts(t *testing.T) {
	for _, n := range []int{0, 1, 15, 16, 23, 24, 255, 256, 511, 512, 513, 65535, 65536} {
		elements := strings.TrimSuffix(strings.Repeat("1,", n), ",")
		var entries strings.Builder
		for i := range n {
			fmt.Fprintf(&entries, `,"%d":0`, i)
		}
		for _, json := range []string{"[" + elements + "]", "{" + strings.TrimPrefix(entries.String(), ",") + "}"} {
			for _, to := range []msg.Format{msg.MessagePack, msg.CBOR} {
				out := Transcode(nil, to, msg.JSON, []byte(json))
				valid(t, to, out)
				if got := Transcode(nil, msg.JSON, to, out); string(got) != json {
					t.Errorf("%d elements through %v: got %.60s", n, to, got)
				}
			}
		}
	}
}

// TestTranscodeDeep nests as deep as a message may, and deeper.
func TestTranscodeDeep(t *testing.T) {
	nest := func(depth int) []byte {
		return []byte(strings.Repeat(`[0,{"a":`, depth/2) + "1" + strings.Repeat("}]", depth/2))
	}
	for _, to := range []msg.Format{msg.MessagePack, msg.CBOR} {
		src := nest(MaxDepth)
		out := Transcode(nil, to, msg.JSON, src)
		valid(t, to, out)
		if got := Transcode(nil, msg.JSON, to, out); !bytes.Equal(got, src) {
			t.Errorf("through %v: got %s", to, got)
		}
		for _, depth := range []int{MaxDepth + 2, 100_000} {
			if got := notation(t, to, Transcode(nil, to, msg.JSON, nest(depth))); got != "null" {
				t.Errorf("%d deep: got %.60s, want null", depth, got)
			}
		}
	}
	for _, c := range []struct {
		from  msg.Format
		value string
	}{
		{msg.MessagePack, strings.Repeat("\x91", 100_000)},
		{msg.CBOR, strings.Repeat("\x81", 100_000)},
		{msg.CBOR, strings.Repeat("\xc1", 100_000)},
	} {
		if got := Transcode(nil, msg.JSON, c.from, []byte(c.value)); string(got) != "null" {
			t.Errorf("%v: got %.60s, want null", c.from, got)
		}
	}
}

// TestTranscodeTruncated cuts values short at every byte.
func TestTranscodeTruncated(t *testing.T) {
	const value = `[{"a":"x\n","b":[1,-300,1.5,true,null]},"\u0000QUJD",70000]`
	for _, from := range formats {
		src := Transcode(nil, from, msg.JSON, []byte(value))
		for n := range len(src) {
			for _, to := range formats {
				if to == from {
					continue
				}
				out := Transcode(nil, to, from, src[:n:n])
				if want := Transcode(nil, to, msg.CBOR, []byte{cborNull}); !bytes.Equal(out, want) {
					t.Errorf("%v cut to %d bytes, to %v: got %q, want null", from, n, to, out)
				}
			}
		}
	}
}

func TestTranscodeAllocatesNothing(t *testing.T) {
	for _, p := range benchPayloads {
		for _, pair := range benchPairs {
			src := Transcode(nil, pair.from, msg.JSON, []byte(p.json))
			dst := make([]byte, 0, 8<<10)
			if n := testing.AllocsPerRun(20, func() { Transcode(dst, pair.to, pair.from, src) }); n != 0 {
				t.Errorf("%s, %v to %v: %v allocations", p.name, pair.from, pair.to, n)
			}
		}
	}
}

func TestTranscodePayload(t *testing.T) {
	for _, c := range []struct {
		name               string
		in                 msg.Payload
		args, kwargs, tail string
	}{
		{"none", msg.Payload{Format: msg.MessagePack}, "", "", ""},
		{"args", msg.Payload{Format: msg.MessagePack, Args: []byte("\x91\x01")}, "[1]", "", "[1]"},
		{"both", msg.Payload{Format: msg.MessagePack, Args: []byte("\x90"), Kwargs: []byte("\x81\xa1a\x01")}, "[]", `{"a":1}`, `[],{"a":1}`},
		{"kwargs", msg.Payload{Format: msg.CBOR, Kwargs: []byte("\xa0")}, "[]", "{}", "[],{}"},
		{"bytes for args", msg.Payload{Format: msg.CBOR, Args: []byte("\x41A")}, `"\u0000QQ=="`, "", `"\u0000QQ=="`},
	} {
		got := TranscodePayload(c.in, msg.JSON)
		if got.Format != msg.JSON || string(got.Args) != c.args || string(got.Kwargs) != c.kwargs || string(got.Tail) != c.tail {
			t.Errorf("%s: got %v args %s kwargs %s tail %s", c.name, got.Format, got.Args, got.Kwargs, got.Tail)
		}
		if (got.Args == nil) != (c.args == "") || (got.Kwargs == nil) != (c.kwargs == "") {
			t.Errorf("%s: absent and empty are mixed up", c.name)
		}
	}
	same := msg.Payload{Format: msg.JSON, Args: []byte("[1]")}
	if got := TranscodePayload(same, msg.JSON); &got.Args[0] != &same.Args[0] {
		t.Error("a payload in the right format was copied")
	}
}
