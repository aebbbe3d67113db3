package rawsocket

import (
	"bytes"
	"slices"
	"testing"
)

// FuzzFrame parses the same bytes as a whole and in pieces, which has to come
// to the same, and reads again what it has read.
func FuzzFrame(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x05hello\x01\x00\x00\x01p"), uint8(1))
	f.Add([]byte{0, 0, 0x80, 1, 'x'}, uint8(200))
	f.Add([]byte{8, 0, 0, 0}, uint8(3))
	f.Fuzz(func(t *testing.T, in []byte, size uint8) {
		parse := func(in []byte, size int) (*recorder, error) {
			rec := &recorder{}
			c := &Conn{receive: 100_000, h: rec}
			p := (*input)(c)
			in = bytes.Clone(in)
			var have []byte
			for len(in) > 0 {
				n := min(size, len(in))
				room, err := p.Room()
				if err != nil {
					return rec, err
				}
				if len(room) > 0 {
					n = copy(room[:min(n, len(room))], in)
					err = p.Filled(n)
				} else {
					have = append(have, in[:n]...)
					var used int
					used, err = p.Parse(have)
					have = have[used:]
				}
				if err != nil {
					return rec, err
				}
				in = in[n:]
			}
			return rec, nil
		}
		whole, errWhole := parse(in, len(in))
		pieces, errPieces := parse(in, int(size)+1)
		if (errWhole == nil) != (errPieces == nil) || errWhole != nil && errWhole.Error() != errPieces.Error() {
			t.Fatalf("as a whole: %v, in pieces: %v", errWhole, errPieces)
		}
		if !slices.EqualFunc(whole.messages, pieces.messages, bytes.Equal) || !slices.EqualFunc(whole.controls, pieces.controls, bytes.Equal) {
			t.Fatalf("as a whole: %q, in pieces: %q", whole.messages, pieces.messages)
		}
		var again []byte
		for _, m := range whole.messages {
			again = append(again, frame(m)...)
		}
		second, err := parse(again, 1<<20)
		if err != nil || !slices.EqualFunc(whole.messages, second.messages, bytes.Equal) {
			t.Fatalf("first: %q, again: %q, %v", whole.messages, second.messages, err)
		}
		for _, m := range whole.messages {
			if len(m) > 100_000 {
				t.Fatalf("message of %d bytes", len(m))
			}
		}
	})
}
