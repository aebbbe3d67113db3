package loadgen

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wampeter/wampeter/internal/msg"
)

var serializers = []string{"json", "msgpack", "cbor"}

// Other people's decoders have to see in the prepared messages what was meant.
func TestMessagesDecode(t *testing.T) {
	for _, name := range serializers {
		w, err := wireByName(name)
		if err != nil {
			t.Fatal(err)
		}
		s := &session{wire: w}
		args := func(size int) []any { return (&run{Config: Config{Payload: size}}).args() }
		tests := []struct {
			name string
			t    template
			want []any
		}{
			{"CALL", wamp{}.call(s, "com.example.echo", args(40)), []any{uint64(48), nil, empty, "com.example.echo", args(40)}},
			{"CALL without arguments", wamp{}.call(s, "com.example.echo", args(NoPayload)), []any{uint64(48), nil, empty, "com.example.echo"}},
			{"YIELD", wamp{}.yield(s, args(300)), []any{uint64(70), nil, empty, args(300)}},
			{"PUBLISH", wamp{}.publish(s, "com.example.topic", args(70_000)), []any{uint64(16), nil, empty, "com.example.topic", args(70_000)}},
		}
		for _, test := range tests {
			for _, id := range []uint64{1, 23, 24, 127, 128, 255, 256, 65_535, 65_536, 1<<32 - 1, 1 << 32, 1 << 53} {
				l := &link{framing: rawFraming{}}
				l.append(w, test.t, id)
				f, err := rawFraming{}.next(l.out)
				if err != nil || f.size != len(l.out) {
					t.Fatalf("%s %s: framed as %+v, %v", name, test.name, f, err)
				}
				got, err := decodeForTest(name, f.payload)
				if err != nil {
					t.Fatalf("%s %s: %v", name, test.name, err)
				}
				test.want[1] = id
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("%s %s (-want +got):\n%s", name, test.name, diff)
				}
				m, err := w.scan(f.payload)
				if err != nil || m.typ != msg.Type(test.want[0].(uint64)) || m.a != id {
					t.Errorf("%s %s: scanned as %+v, %v; want ID %d", name, test.name, m, err, id)
				}
			}
		}
	}
}

var empty = map[string]any{}

func TestValuesDecode(t *testing.T) {
	many := make([]any, 20)
	for i := range many {
		many[i] = true
	}
	for _, name := range serializers {
		w, _ := wireByName(name)
		got, err := decodeForTest(name, w.appendValue(nil, []any{"ä\"\\", false, many, dict{{"a", dict{}}, {"b", "c"}}}))
		if err != nil {
			t.Fatal(err)
		}
		want := []any{"ä\"\\", false, many, map[string]any{"a": empty, "b": "c"}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestScan(t *testing.T) {
	tests := []struct {
		name, serializer, in string
		want                 message
	}{
		{"compact", "json", `[36,1,2,{}]`, message{msg.Event, 1, 2}},
		{"spaced", "json", "\n [ 36 ,\t1\r, 2 , {} ]", message{msg.Event, 1, 2}},
		{"large", "json", `[2,9007199254740992,{}]`, message{msg.Welcome, 1 << 53, 0}},
		{"no IDs", "json", `[3,{},"x"]`, message{typ: msg.Abort}},
		{"short", "json", `[17]`, message{typ: msg.Published}},
		{"too large", "json", `[2,99999999999999999999]`, message{typ: msg.Welcome}},
		{"negative", "json", `[-1]`, message{}},
		{"object", "json", `{}`, message{}},
		{"empty", "json", ``, message{}},
		{"unknown type", "json", `[1024]`, message{}},
		{"fixed", "cbor", "\x83\x18\x24\x01\x02", message{msg.Event, 1, 2}},
		{"wide", "cbor", "\x98\x03\x19\x00\x24\x1b\x00\x20\x00\x00\x00\x00\x00\x00\x1a\x00\x00\x00\x02", message{msg.Event, 1 << 53, 2}},
		{"indefinite", "cbor", "\x9f\x18\x24\x01\x02\xff", message{msg.Event, 1, 2}},
		{"no IDs", "cbor", "\x83\x03\xa0\x61x", message{typ: msg.Abort}},
		{"cut in the head", "cbor", "\x98", message{}},
		{"cut in the type", "cbor", "\x83\x18", message{}},
		{"cut in an ID", "cbor", "\x83\x18\x24\x19\x01", message{typ: msg.Event}},
		{"reserved width", "cbor", "\x83\x1c\x00\x00\x00\x00", message{}},
		{"text", "cbor", "\x61x", message{}},
		{"fixed", "msgpack", "\x93\x24\x01\x02", message{msg.Event, 1, 2}},
		{"wide", "msgpack", "\xdc\x00\x03\xcd\x00\x24\xcf\x00\x20\x00\x00\x00\x00\x00\x00\xce\x00\x00\x00\x02", message{msg.Event, 1 << 53, 2}},
		{"signed", "msgpack", "\xdd\x00\x00\x00\x03\xd0\x24\xd3\x00\x20\x00\x00\x00\x00\x00\x00\xd1\x00\x02", message{msg.Event, 1 << 53, 2}},
		{"negative", "msgpack", "\x93\x24\xd0\xff\x02", message{typ: msg.Event}},
		{"cut", "msgpack", "\xdc\x00", message{}},
		{"map", "msgpack", "\x80", message{}},
	}
	for _, test := range tests {
		t.Run(test.serializer+"/"+test.name, func(t *testing.T) {
			w, _ := wireByName(test.serializer)
			got, err := w.scan([]byte(test.in))
			if got != test.want || (err != nil) != (test.want == message{}) {
				t.Errorf("got %+v, %v; want %+v", got, err, test.want)
			}
		})
	}
}

func FuzzScan(f *testing.F) {
	for _, seed := range []string{`[36, 1 ,2,{}]`, "\x83\x18\x24\x01\x02", "\x9f\x18", "\xdd\x00\x00\x00\x03\xd0\x24", strings.Repeat("\x00", 13)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, w := range []wire{jsonWire{}, msgpackWire{}, cborWire{}, relayWire{}} {
			m, err := w.scan(b)
			if err != nil && m != (message{}) {
				t.Errorf("%s: error and %+v", w.name(), m)
			}
		}
	})
}
