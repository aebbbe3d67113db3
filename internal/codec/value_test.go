package codec

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/wampeter/wampeter/internal/msg"
)

// shout only knows encoding.TextMarshaler, celsius only json.Marshaler.
type shout string

func (s shout) MarshalText() ([]byte, error)  { return []byte(strings.ToUpper(string(s))), nil }
func (s *shout) UnmarshalText(b []byte) error { *s = shout(strings.ToLower(string(b))); return nil }

type celsius float64

func (c celsius) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"celsius": float64(c)})
}

func (c *celsius) UnmarshalJSON(b []byte) error {
	var v struct{ Celsius float64 }
	err := json.Unmarshal(b, &v)
	*c = celsius(v.Celsius)
	return err
}

type level int

type record struct {
	Name    string             `json:"name"`
	Age     int8               `json:"age"`
	Big     uint64             `json:"big"`
	Ratio   float64            `json:"ratio"`
	Picture []byte             `json:"picture"`
	At      time.Time          `json:"at"`
	Took    time.Duration      `json:"took"`
	Level   level              `json:"level"`
	Next    *record            `json:"next,omitempty"`
	Tags    []string           `json:"tags"`
	ByID    map[int]string     `json:"by_id"`
	ByAddr  map[netip.Addr]int `json:"by_addr"`
	Any     any                `json:"any"`
	Raw     json.RawMessage    `json:"raw"`
	Key     [4]byte            `json:"key"`
	Shout   shout              `json:"shout"`
	Temp    celsius            `json:"temp"`
	Renamed int                `cbor:"other" json:"renamed"`
	Secret  string             `json:"-"`
	embedded
}

type embedded struct {
	Inner any `json:"inner"`
}

func TestStructs(t *testing.T) {
	want := record{
		Name: "Homer", Age: 39, Big: math.MaxUint64, Ratio: 2, Picture: []byte{0, 255},
		At: time.Date(2026, 11, 21, 10, 0, 0, 123456789, time.UTC), Took: time.Second, Level: 3,
		Next: &record{Name: "Marge", ByID: map[int]string{-7: "x"}},
		Tags: []string{"a", "\n"}, ByID: map[int]string{1: "one"},
		ByAddr: map[netip.Addr]int{netip.MustParseAddr("::1"): 1},
		Any:    []any{uint64(math.MaxUint64), int64(-1), 1.5, []byte{1}, map[string]any{"k": nil}},
		Raw:    json.RawMessage(`{"a":[1,"\n"]}`), Key: [4]byte{1, 2, 3, 4},
		Shout: "hello", Temp: 36.6, Renamed: 5, embedded: embedded{Inner: uint64(math.MaxUint64)},
	}
	for _, f := range formats {
		b, err := Marshal(nil, f, &want)
		if err != nil {
			t.Fatal(err)
		}
		valid(t, f, b)
		var got record
		if err := Unmarshal(f, b, &got); err != nil {
			t.Fatalf("%v: %v", f, err)
		}
		next := *got.Next
		next.Raw = nil // a RawMessage of null is the word
		got.Next = &next
		if d := cmp.Diff(want, got, cmp.AllowUnexported(record{}, embedded{}), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
			t.Errorf("%v (-want +got):\n%s", f, d)
		}
		var plain map[string]any
		if err := Unmarshal(f, b, &plain); err != nil {
			t.Fatal(err)
		}
		delete(plain, "next")
		if d := cmp.Diff(map[string]any{
			"name": "Homer", "age": int64(39), "big": uint64(math.MaxUint64), "ratio": 2.0,
			"picture": []byte{0, 255}, "at": "2026-11-21T10:00:00.123456789Z", "took": int64(time.Second), "level": int64(3),
			"tags": []any{"a", "\n"}, "by_id": map[string]any{"1": "one"}, "by_addr": map[string]any{"::1": int64(1)},
			"any": want.Any, "raw": map[string]any{"a": []any{int64(1), "\n"}}, "key": []byte{1, 2, 3, 4},
			"shout": "HELLO", "temp": map[string]any{"celsius": 36.6}, "other": int64(5), "inner": uint64(math.MaxUint64),
		}, plain); d != "" {
			t.Errorf("%v as plain values (-want +got):\n%s", f, d)
		}
	}
}

// TestMarshal writes JSON, whose text is easy to read; TestRoundTrips and
// TestStructs see to the other formats.
func TestMarshal(t *testing.T) {
	var nilMap map[string]any
	var nilList []any
	var nilBytes []byte
	for _, c := range []struct {
		v    any
		want string
	}{
		{nil, "null"}, {nilMap, "null"}, {nilList, "null"}, {nilBytes, "null"}, {[]int(nil), "null"}, {(*record)(nil), "null"},
		{map[string]any{}, "{}"}, {[]any{}, "[]"}, {[]byte{}, `"\u0000"`}, {[]int{}, "[]"},
		{true, "true"}, {-1, "-1"}, {int8(-8), "-8"}, {int32(-32), "-32"}, {int64(math.MinInt64), "-9223372036854775808"},
		{uint(1), "1"}, {uint16(16), "16"}, {uint32(32), "32"}, {uint64(math.MaxUint64), "18446744073709551615"},
		{1.0, "1.0"}, {float32(0.1), "0.10000000149011612"}, {1e21, "1e+21"}, {1e-7, "1e-7"}, {1.5e-10, "1.5e-10"}, {1e300, "1e+300"}, {-0.5, "-0.5"}, {1e20, "100000000000000000000.0"},
		{math.Copysign(0, -1), "-0.0"}, {math.NaN(), "null"}, {math.Inf(-1), "null"},
		{"<a&b>\u2028\x00", "\"<a&b>\u2028\\u0000\""}, {level(7), "7"},
		{[]any{1, "a", []byte("A")}, `[1,"a","\u0000QQ=="]`},
		{[]any{[]string{"x"}, map[int]bool{1: true}}, `[["x"],{"1":true}]`},
		{map[string]any{"k": []any{nil}}, `{"k":[null]}`},
		{json.RawMessage(` {"a" : 1.0 } `), `{"a":1.0}`}, {json.Number("12345678901234567890"), "12345678901234567890"},
		{Raw{}, "null"}, {Raw{Format: msg.MessagePack, Bytes: []byte("\x91\xc0")}, "[null]"},
		{[]any{Raw{Format: msg.CBOR, Bytes: []byte("\xf5")}}, "[true]"},
		{struct{ R Raw }{Raw{Format: msg.JSON, Bytes: []byte("[1]")}}, `{"R":[1]}`},
		{time.Time{}, "null"}, {time.Unix(0, 0).UTC(), `"1970-01-01T00:00:00Z"`},
		{big.NewInt(-5), "-5"}, {new(big.Int).Lsh(big.NewInt(1), 64), "18446744073709552000.0"},
		{netip.MustParseAddr("10.0.0.1"), `"10.0.0.1"`},
	} {
		got, err := Marshal([]byte("x"), msg.JSON, c.v)
		if err != nil || string(got) != "x"+c.want {
			t.Errorf("%T %v: got %q, %v; want x%s", c.v, c.v, got, err, c.want)
		}
	}
}

func TestMarshalRefuses(t *testing.T) {
	deep := []any{}
	for range MaxDepth {
		deep = []any{deep}
	}
	type list struct{ Next []list }
	deepStruct := list{}
	for range MaxDepth {
		deepStruct = list{Next: []list{deepStruct}}
	}
	for _, c := range []struct {
		v    any
		want string
	}{
		{"\xff", `string "\xff" is not UTF-8: send it as []byte`},
		{map[string]any{"\xff": 1}, `string "\xff" is not UTF-8: send it as []byte`},
		{[]any{0, map[string]any{"k": "\xff"}}, `element 1: key "k": string "\xff" is not UTF-8: send it as []byte`},
		{[]string{"\xff"}, `string "\xff" is not UTF-8: send it as []byte`},
		{map[string]int{"\xff": 1}, `string "\xff" is not UTF-8: send it as []byte`},
		{[]any{make(chan int)}, "element 0: cannot send a value of type chan int"},
		{struct{ F func() }{}, "cannot send a value of type struct { F func() }"},
		{json.RawMessage(`[nul]`), "invalid JSON: json: unexpected byte 0x6e at offset 1"},
		{json.RawMessage(`1 2`), "invalid JSON: json: 1 bytes follow the message"},
		{json.Number("abc"), "invalid JSON: json: unexpected byte 0x61 at offset 0"},
		{deepStruct, "value is nested deeper than 128 levels"},
	} {
		for _, f := range formats {
			got, err := Marshal([]byte("x"), f, c.v)
			if err == nil || !strings.HasPrefix(err.Error(), c.want) || string(got) != "x" {
				t.Errorf("%v %T: got %q, error %v; want %s", f, c.v, got, err, c.want)
			}
		}
	}
	if _, err := Marshal(nil, msg.JSON, deep); !errors.Is(err, errValueDepth) {
		t.Errorf("129 lists: got %v", err)
	}
}

func TestUnmarshal(t *testing.T) {
	type point struct{ X, Y int }
	for _, c := range []struct {
		json string
		want any
	}{
		{`"x"`, "x"}, {`"\u00e4\n"`, "ä\n"}, {`7`, 7}, {`7`, int64(7)}, {`-7`, int64(-7)}, {`7`, uint64(7)}, {`18446744073709551615`, uint64(math.MaxUint64)},
		{`-9223372036854775808`, int64(math.MinInt64)}, {`9007199254740993`, 9007199254740993}, {`7.0`, 7}, {`1e3`, int64(1000)}, {`7.0`, uint64(7)}, {`7`, 7.0}, {`-7`, -7.0}, {`0.1`, 0.1},
		{`true`, true}, {`"\u0000QQ=="`, []byte("A")}, {`"\u0000"`, []byte{}},
		{`[1,"\u0000QQ==",[],{}]`, []any{int64(1), []byte("A"), []any{}, map[string]any{}}}, {`{"a":null,"a":2.5}`, map[string]any{"a": 2.5}},
		{`null`, 0}, {`null`, ""}, {`null`, []byte(nil)}, {`null`, []any(nil)}, {`null`, map[string]any(nil)}, {`null`, point{}},
		{` [ 1 , 2 ] `, []int{1, 2}}, {`{"x":1,"Y":2,"z":3}`, point{1, 2}}, {`{"X":1.0}`, point{X: 1}}, {`[{"X":1}]`, []point{{X: 1}}},
		{`7`, int8(7)}, {`7.0`, int8(7)}, {`7`, float32(7)}, {`"a"`, shout("a")}, {`[1,2]`, []byte{1, 2}},
		{`{"1":"a","-2":"b"}`, map[int]string{1: "a", -2: "b"}}, {`{"1":"a"}`, map[uint8]string{1: "a"}}, {`{"1":"a"}`, map[string]string{"1": "a"}},
		{`"2026-11-21T10:00:00Z"`, time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)},
		{`[18446744073709551615]`, [1]any{uint64(math.MaxUint64)}}, {`{"a":[18446744073709551615]}`, map[string][]any{"a": {uint64(math.MaxUint64)}}},
		{`18446744073709551615`, *new(big.Int).SetUint64(math.MaxUint64)},
		{`{"a" : [1]}`, json.RawMessage(`{"a":[1]}`)},
	} {
		for _, f := range formats {
			target := reflect.New(reflect.TypeOf(c.want))
			src := Transcode(nil, f, msg.JSON, []byte(c.json))
			if err := Unmarshal(f, src, target.Interface()); err != nil {
				t.Errorf("%v %s into %T: %v", f, c.json, c.want, err)
			} else if got := target.Elem().Interface(); !reflect.DeepEqual(got, c.want) {
				t.Errorf("%v %s: got %#v, want %#v", f, c.json, got, c.want)
			}
		}
	}
	var raw Raw
	if err := Unmarshal(msg.MessagePack, []byte("\x91\x01"), &raw); err != nil || raw.Format != msg.MessagePack || string(raw.Bytes) != "\x91\x01" {
		t.Errorf("Raw: got %v, %v", raw, err)
	}
}

func TestUnmarshalKeepsTargetOnNull(t *testing.T) {
	n, s := 5, "kept"
	for target, f := range map[any]msg.Format{&n: msg.JSON, &s: msg.MessagePack} {
		if err := Unmarshal(f, Transcode(nil, f, msg.JSON, []byte("null")), target); err != nil {
			t.Error(err)
		}
	}
	if n != 5 || s != "kept" {
		t.Errorf("got %d, %q", n, s)
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	type user struct {
		Nick string `json:"nick"`
		Age  int    `json:"age"`
		Pic  []byte `json:"pic"`
	}
	for _, c := range []struct {
		json   string
		target any
		want   string
	}{
		{`"x"`, new(int), `cannot use string "x" as int`},
		{`2.5`, new(int), "cannot use number 2.5 as int: it has a fraction"},
		{`1e300`, new(int64), "cannot use number 1e+300 as int64: a float beyond 2^53 is no exact integer"},
		{`9223372036854775808`, new(int64), "cannot use number 9223372036854775808 as int64: it is out of range"},
		{`-1`, new(uint64), "cannot use number -1 as uint64: it is out of range"},
		{`[]`, new(int), "cannot use a list as int"},
		{`true`, new(float64), "cannot use true as float64"},
		{`0`, new(bool), "cannot use number 0 as bool"},
		{`{}`, new(bool), "cannot use a dictionary as bool"},
		{`12`, new(string), "cannot use number 12 as string"},
		{`"\u0000QUI="`, new(string), "cannot use binary of 2 bytes as string: text is expected"},
		{`"x"`, new([]byte), `cannot use string "x" as []byte: binary is expected, which JSON writes as a string of U+0000 and base64`},
		{`"` + strings.Repeat("ä", 50) + `"`, new(int), `cannot use string "` + strings.Repeat("ä", 40) + `…" as int`},
		{`{}`, new([]any), "cannot use a dictionary as []any"},
		{`[1]`, new(map[string]any), "cannot use a list as map[string]any"},
		{`300`, new(int8), "cannot use number 300 as int8: it is out of range"},
		{`{"nick":5}`, new(user), "cannot use a number as string in field codec.user.nick"},
		{`{"age":"x"}`, new(user), "cannot use a string as int in field codec.user.age"},
		{`{"age":2.5}`, new(user), "cannot use a float or bool as int in field codec.user.age"},
		{`{"pic":"x"}`, new(user), "cannot use a string as []uint8 in field codec.user.pic: " + hintBinary},
		{`{"nick":"\u0000QQ=="}`, new(user), "cannot use binary as string in field codec.user.nick: text is expected"},
		{`[1]`, new(user), "cannot use a list as codec.user"},
		{`{"a":1}`, new([]int), "cannot use a dictionary as []int"},
	} {
		for _, f := range formats {
			err := Unmarshal(f, Transcode(nil, f, msg.JSON, []byte(c.json)), c.target)
			var typeError *TypeError
			if !errors.As(err, &typeError) || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("%v %s into %T: got %v, want %s", f, c.json, c.target, err, c.want)
			}
		}
	}
	for _, target := range []any{new(any), new(int), new(string), new([]byte), new([]any), new(user), new(Raw), new(json.RawMessage)} {
		for _, broken := range []string{"", "[", "1 2", `"`, "nul"} {
			err := Unmarshal(msg.JSON, []byte(broken), target)
			var violation *msg.Violation
			if !errors.As(err, &violation) {
				t.Errorf("%q into %T: got %v, want a violation", broken, target, err)
			}
		}
	}
	var at time.Time
	if err := Unmarshal(msg.JSON, []byte(`"noon"`), &at); err == nil || strings.Contains(err.Error(), "cbor") {
		t.Errorf("a bad time: got %v", err)
	}
	if err := Unmarshal(msg.JSON, []byte("1"), user{}); err == nil {
		t.Error("a target that is no pointer was accepted")
	}
}

// TestGoRoundTrips writes and reads random values of a struct.
func TestGoRoundTrips(t *testing.T) {
	type item struct {
		I   int64             `json:"i"`
		U   uint32            `json:"u,omitempty"`
		F   float64           `json:"f"`
		S   string            `json:"s"`
		B   []byte            `json:"b"`
		M   map[string]string `json:"m"`
		L   []float32         `json:"l"`
		P   *bool             `json:"p"`
		Any any               `json:"any"`
	}
	text := rapid.String().Filter(func(s string) bool { return !looksBinary(s) })
	rapid.Check(t, func(t *rapid.T) {
		want := item{
			I: rapid.Int64().Draw(t, "i"), U: rapid.Uint32().Draw(t, "u"), F: rapid.Float64().Draw(t, "f"),
			S: text.Draw(t, "s"), B: append([]byte{}, rapid.SliceOf(rapid.Byte()).Draw(t, "b")...),
			M: rapid.MapOf(rapid.String(), text).Draw(t, "m"), L: rapid.SliceOf(rapid.Float32()).Draw(t, "l"),
			P: rapid.Ptr(rapid.Bool(), true).Draw(t, "p"), Any: commonValue().Draw(t, "any"),
		}
		for _, f := range formats {
			b, err := Marshal(nil, f, []item{want})
			if err != nil {
				t.Fatal(err)
			}
			valid(t, f, b)
			var got []item
			if err := Unmarshal(f, b, &got); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff([]item{want}, got); d != "" {
				t.Fatalf("%v (-want +got):\n%s", f, d)
			}
		}
	})
}

// FuzzUnmarshal reads any bytes into a struct that has a field of every sort:
// nothing breaks, and what was read can be written.
func FuzzUnmarshal(f *testing.F) {
	seed := record{Name: "x", At: time.Unix(0, 0), Next: &record{}, ByID: map[int]string{1: ""}, Any: []any{uint64(math.MaxUint64), 1.5}, Raw: json.RawMessage("{}")}
	for _, format := range formats {
		b, err := Marshal(nil, format, seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(format), b)
	}
	f.Fuzz(func(t *testing.T, format byte, src []byte) {
		from := msg.Format(format%3 + 1)
		if end, err := skip(from, src, 0, MaxDepth); err != nil || end != len(src) {
			src = nil // yet there must be an error
		}
		var v record
		if err := Unmarshal(from, src, &v); err != nil {
			return
		}
		b, err := Marshal(nil, from, v)
		if err != nil {
			t.Fatalf("%+v: %v", v, err)
		}
		valid(t, from, b)
	})
}
