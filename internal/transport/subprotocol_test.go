package transport

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/wampeter/wampeter/internal/msg"
)

func TestSubprotocolNames(t *testing.T) {
	const all = "wamp.2.json, wamp.2.msgpack, wamp.2.cbor, wamp.2.json.batched, wamp.2.msgpack.batched, wamp.2.cbor.batched"
	if got := JoinSubprotocols(Subprotocols(nil, true)); got != all {
		t.Errorf("subprotocols are %s", got)
	}
	for _, p := range Subprotocols(nil, true) {
		if got, ok := ParseSubprotocol(p.String()); !ok || got != p {
			t.Errorf("%s is read as %v, %v", p, got, ok)
		}
	}
	for _, name := range []string{"", "wamp.2", "wamp.2.ubjson", "wamp.2.json.", "wamp.2.json.batched.batched", "WAMP.2.JSON"} {
		if p, ok := ParseSubprotocol(name); ok {
			t.Errorf("%q is read as %v", name, p)
		}
	}
}

func TestCut(t *testing.T) {
	text, bin := Subprotocol{Format: msg.JSON, Batched: true}, Subprotocol{Format: msg.CBOR, Batched: true}
	for _, tt := range []struct {
		p             Subprotocol
		in            string
		message, rest string
		ok            bool
	}{
		{text, "[1]\x1e", "[1]", "", true},
		{text, "[1]\x1e[2]\x1e", "[1]", "[2]\x1e", true},
		{text, "\x1e", "", "", true},
		{text, "[1]", "", "[1]", false},
		{text, "", "", "", false},
		{bin, "\x00\x00\x00\x02ab", "ab", "", true},
		{bin, "\x00\x00\x00\x01abc", "a", "bc", true},
		{bin, "\x00\x00\x00\x00", "", "", true},
		{bin, "\x00\x00\x00\x03ab", "", "\x00\x00\x00\x03ab", false},
		{bin, "\xff\xff\xff\xffab", "", "\xff\xff\xff\xffab", false},
		{bin, "\x00\x00\x00", "", "\x00\x00\x00", false},
		{bin, "", "", "", false},
	} {
		message, rest, ok := tt.p.Cut([]byte(tt.in))
		if string(message) != tt.message || string(rest) != tt.rest || ok != tt.ok {
			t.Errorf("%s: %q becomes %q, %q, %v", tt.p, tt.in, message, rest, ok)
		}
	}
}

// FuzzBatch takes batches apart and puts them together again.
func FuzzBatch(f *testing.F) {
	f.Add([]byte("[1]\x1e[2]\x1e"), true)
	f.Add([]byte("[1]\x1e[2]"), true)
	f.Add([]byte("\x00\x00\x00\x02ab\x00\x00\x00\x00"), false)
	f.Add([]byte("\xff\xff\xff\xffab"), false)
	f.Fuzz(func(t *testing.T, in []byte, text bool) {
		p := Subprotocol{Format: msg.CBOR, Batched: true}
		if text {
			p.Format = msg.JSON
		}
		var again []byte
		rest := in
		for len(rest) > 0 {
			message, next, ok := p.Cut(rest)
			if !ok {
				if len(next) != len(rest) {
					t.Fatalf("an incomplete message of %d bytes became one of %d", len(rest), len(next))
				}
				break
			}
			if len(next) >= len(rest) {
				t.Fatal("nothing was cut off")
			}
			if cap(message) != len(message) {
				t.Fatal("what is appended to a message overwrites the next one")
			}
			if text {
				again = append(append(again, message...), RecordSeparator)
			} else {
				again = append(binary.BigEndian.AppendUint32(again, uint32(len(message))), message...)
			}
			rest = next
		}
		if again = append(again, rest...); !bytes.Equal(again, in) {
			t.Fatalf("%q became %q", in, again)
		}
	})
}
