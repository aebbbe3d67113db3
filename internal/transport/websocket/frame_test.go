package websocket

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
)

func bufioReader(b []byte) *bufio.Reader { return bufio.NewReader(bytes.NewReader(b)) }

var (
	jsonProtocol = transport.Subprotocol{Format: msg.JSON}
	cborProtocol = transport.Subprotocol{Format: msg.CBOR}
	jsonBatched  = transport.Subprotocol{Format: msg.JSON, Batched: true}
	cborBatched  = transport.Subprotocol{Format: msg.CBOR, Batched: true}
)

func TestServe(t *testing.T) {
	large := strings.Repeat("0123456789", 10_000)
	for _, tt := range []struct {
		name     string
		protocol transport.Subprotocol
		in       [][]byte
		messages []string
		controls [][]byte
		err      error // nil: the peer closed in an orderly way
	}{
		{"text", jsonProtocol, [][]byte{masked(0x81, "one"), masked(0x81, "two"), masked(0x88, "")},
			[]string{"one", "two"}, [][]byte{{0x88, 0}}, nil},
		{"binary", cborProtocol, [][]byte{masked(0x82, "one"), masked(0x88, "\x03\xe8bye")},
			[]string{"one"}, [][]byte{{0x88, 2, 0x03, 0xe8}}, nil},
		{"going away", cborProtocol, [][]byte{masked(0x88, "\x03\xe9")},
			nil, [][]byte{{0x88, 2, 0x03, 0xe9}}, nil},
		{"peer's error", cborProtocol, [][]byte{masked(0x88, "\x03\xf3oh")},
			nil, [][]byte{{0x88, 2, 0x03, 0xf3}}, &CloseError{1011, "oh"}},
		{"no close frame", cborProtocol, [][]byte{masked(0x82, "one")}, []string{"one"}, nil, ErrNoClose},
		{"fragments with PING between", jsonProtocol,
			[][]byte{masked(0x01, "on"), masked(0x89, "hi"), masked(0x00, "e t"), masked(0x8a, "x"), masked(0x80, "wo"), masked(0x81, "3"), masked(0x88, "")},
			[]string{"one two", "3"}, [][]byte{{0x8a, 2, 'h', 'i'}, {0x88, 0}}, nil},
		{"empty fragments", jsonProtocol,
			[][]byte{masked(0x01, ""), masked(0x00, ""), masked(0x80, ""), masked(0x81, ""), masked(0x88, "")},
			[]string{"", ""}, [][]byte{{0x88, 0}}, nil},
		{"large", cborProtocol, [][]byte{masked(0x82, large), masked(0x82, "x"), masked(0x88, "")},
			[]string{large, "x"}, [][]byte{{0x88, 0}}, nil},
		{"large fragments", cborProtocol, [][]byte{masked(0x02, large), masked(0x00, "-"), masked(0x80, large), masked(0x88, "")},
			[]string{large + "-" + large}, [][]byte{{0x88, 0}}, nil},
		{"after close", cborProtocol, [][]byte{masked(0x88, ""), masked(0x82, "late")},
			nil, [][]byte{{0x88, 0}}, nil},
		{"json batch", jsonBatched, [][]byte{masked(0x81, "[1]\x1e[2]\x1e"), masked(0x88, "")},
			[]string{"[1]", "[2]"}, [][]byte{{0x88, 0}}, nil},
		{"cbor batch", cborBatched, [][]byte{masked(0x82, "\x00\x00\x00\x01a\x00\x00\x00\x02bc"), masked(0x88, "")},
			[]string{"a", "bc"}, [][]byte{{0x88, 0}}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			budget := transport.NewBudget(1 << 20)
			c, peer := side(t, false, tt.protocol, false, transport.Limits{Budget: budget})
			rec, err := feed(t, c, peer, bytes.Join(tt.in, nil))
			want := tt.err
			if want == nil {
				want = io.EOF
			}
			var closed *CloseError
			if errors.As(err, &closed) {
				if diff := cmp.Diff(want, error(closed)); diff != "" {
					t.Error(diff)
				}
			} else if err != want {
				t.Errorf("Serve: %v, want %v", err, want)
			}
			var got []string
			for _, m := range rec.messages {
				got = append(got, string(m))
			}
			if diff := cmp.Diff(tt.messages, got); diff != "" {
				t.Errorf("messages: %s", diff)
			}
			if diff := cmp.Diff(tt.controls, rec.controls); diff != "" {
				t.Errorf("answers: %s", diff)
			}
			if n := budget.Used(); n != 0 {
				t.Errorf("%d bytes of the budget are still taken", n)
			}
		})
	}
}

// TestServeAnySplit sends the same frames in pieces of every size.
func TestServeAnySplit(t *testing.T) {
	in := bytes.Join([][]byte{
		masked(0x81, "first"), masked(0x01, strings.Repeat("a", 300)), masked(0x89, "p"),
		masked(0x80, strings.Repeat("b", 7)), masked(0x88, "\x03\xe8"),
	}, nil)
	for size := 1; size < 40; size++ {
		var rec recorder
		c := &Conn{protocol: jsonProtocol, h: &rec, limit: 1000}
		if err := parseAll(c, in, func() int { return size }); err != errClosed {
			t.Fatalf("pieces of %d: %v", size, err)
		}
		if len(rec.messages) != 2 || string(rec.messages[0]) != "first" || len(rec.messages[1]) != 307 {
			t.Fatalf("pieces of %d: %q", size, rec.messages)
		}
	}
}

// parseAll feeds in to the parser of c in pieces, the way a Socket does.
func parseAll(c *Conn, in []byte, size func() int) error {
	in = bytes.Clone(in)
	var have []byte
	p := (*input)(c)
	for len(in) > 0 {
		n := min(size(), len(in))
		room, err := p.Room()
		if err != nil {
			return err
		}
		if len(room) > 0 {
			n = copy(room[:min(n, len(room))], in)
			in = in[n:]
			if err := p.Filled(n); err != nil {
				return err
			}
			continue
		}
		have = append(have, in[:n]...)
		in = in[n:]
		used, err := p.Parse(have)
		if err != nil {
			return err
		}
		if used > 0 {
			have = bytes.Clone(have[used:])
		}
	}
	return nil
}

func TestServeHostile(t *testing.T) {
	for _, tt := range []struct {
		name     string
		client   bool
		protocol transport.Subprotocol
		in       []byte
		code     int
	}{
		{"not masked", false, jsonProtocol, raw(0x81, []byte("x"), nil), 1002},
		{"masked by a server", true, jsonProtocol, masked(0x81, "x"), 1002},
		{"RSV1", false, jsonProtocol, masked(0xc1, "x"), 1002},
		{"RSV2", false, jsonProtocol, masked(0xa1, "x"), 1002},
		{"RSV3", false, jsonProtocol, masked(0x91, "x"), 1002},
		{"opcode 3", false, jsonProtocol, masked(0x83, "x"), 1002},
		{"opcode 11", false, jsonProtocol, masked(0x8b, "x"), 1002},
		{"fragmented PING", false, jsonProtocol, masked(0x09, "x"), 1002},
		{"long PING", false, jsonProtocol, masked(0x89, strings.Repeat("x", 126)), 1002},
		{"continuation of nothing", false, jsonProtocol, masked(0x80, "x"), 1002},
		{"two beginnings", false, jsonProtocol, append(masked(0x01, "x"), masked(0x81, "y")...), 1002},
		{"binary for JSON", false, jsonProtocol, masked(0x82, "x"), 1003},
		{"text for CBOR", false, cborProtocol, masked(0x81, "x"), 1003},
		{"close of one byte", false, jsonProtocol, masked(0x88, "x"), 1002},
		{"close 1005", false, jsonProtocol, masked(0x88, "\x03\xed"), 1002},
		{"close 999", false, jsonProtocol, masked(0x88, "\x03\xe7"), 1002},
		{"close with a broken reason", false, jsonProtocol, masked(0x88, "\x03\xe8\xff"), 1007},
		{"length of 64 bits", false, jsonProtocol, []byte{0x81, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}, 1002},
		{"4 GiB", false, jsonProtocol, []byte{0x81, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4}, 1009},
		{"too long", false, jsonProtocol, masked(0x81, strings.Repeat("x", 1001)), 1009},
		{"too long in fragments", false, jsonProtocol,
			append(masked(0x01, strings.Repeat("x", 600)), masked(0x80, strings.Repeat("x", 401))...), 1009},
		{"empty batch", false, jsonBatched, masked(0x81, ""), 1002},
		{"batch without end", false, jsonBatched, masked(0x81, "[1]\x1e[2]"), 1002},
		{"empty binary batch", false, cborBatched, masked(0x82, ""), 1002},
		{"cut prefix", false, cborBatched, masked(0x82, "\x00\x00\x00"), 1002},
		{"cut message", false, cborBatched, masked(0x82, "\x00\x00\x00\x03ab"), 1002},
		{"4 GiB in a batch", false, cborBatched, masked(0x82, "\xff\xff\xff\xffab"), 1002},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, peer := side(t, tt.client, tt.protocol, false, transport.Limits{MaxMessage: 1000})
			_, err := feed(t, c, peer, tt.in)
			var broken *transport.Error
			if !errors.As(err, &broken) || broken.Code != tt.code {
				t.Fatalf("Serve: %v, want code %d", err, tt.code)
			}
			frame := c.AppendClose(nil, err)
			if tt.client {
				transport.Mask(frame[6:], frame[2:6])
				frame = append(frame[:2], frame[6:]...)
			}
			if code, reason, err := parseClose(frame[2:]); err != nil || code != tt.code || reason != broken.Text {
				t.Errorf("closes with %d %q, %v", code, reason, err)
			}
		})
	}
}

func TestAppendClose(t *testing.T) {
	long := strings.Repeat("é", 100)
	for _, tt := range []struct {
		err    error
		code   int
		reason string
	}{
		{nil, 1000, ""},
		{io.EOF, 1000, ""},
		{errors.New("oops"), 1011, "oops"},
		{&transport.Error{Code: 1007, Text: "no UTF-8"}, 1007, "no UTF-8"},
		{errors.New(long), 1011, long[:122]},
		{errors.New("a\xffb"), 1011, "a?b"},
	} {
		c := &Conn{}
		b := c.AppendClose(nil, tt.err)
		code, reason, err := parseClose(b[2:])
		if b[0] != 0x88 || int(b[1]) != len(b)-2 || err != nil || code != tt.code || reason != tt.reason {
			t.Errorf("%v: % x", tt.err, b)
		}
		if again := c.AppendClose(nil, nil); len(again) != 0 {
			t.Errorf("second close frame % x", again)
		}
	}
}

func TestAppendPing(t *testing.T) {
	if got := (&Conn{}).AppendPing(nil); !bytes.Equal(got, []byte{0x89, 0}) {
		t.Errorf("PING of a server: % x", got)
	}
	if got := (&Conn{client: true}).AppendPing(nil); len(got) != 6 || got[0] != 0x89 || got[1] != 0x80 {
		t.Errorf("PING of a client: % x", got)
	}
}

// TestFraming reads what transport.Framing writes, in both directions.
func TestFraming(t *testing.T) {
	sizes := []int{0, 1, 121, 122, 124, 125, 126, 127, 65530, 65531, 65532, 65535, 65536, 100_000}
	for _, p := range transport.Subprotocols(nil, true) {
		for _, client := range []bool{false, true} {
			writer := &Conn{protocol: p, client: client}
			var rec recorder
			reader := &Conn{protocol: p, client: !client, h: &rec, limit: 1 << 20}
			f := writer.Framing()
			var in []byte
			for i, n := range sizes {
				for _, guess := range []int{0, n, 1 << 20} {
					var m transport.Mark
					in, m = f.Begin(in, guess)
					in = f.End(append(in, bytes.Repeat([]byte{'a' + byte(i)}, n)...), m)
				}
				if !f.Mask {
					in = f.AppendHeader(in, n)
					in = append(in, bytes.Repeat([]byte{'a' + byte(i)}, n)...)
					in = append(in, f.Trailer()...)
				}
			}
			if err := parseAll(reader, in, func() int { return 1 + rand.IntN(5000) }); err != nil {
				t.Fatalf("%v, client %v: %v", p, client, err)
			}
			each := len(rec.messages) / len(sizes)
			if want := map[bool]int{true: 3, false: 4}[f.Mask]; each != want || len(rec.messages)%len(sizes) != 0 {
				t.Fatalf("%v, client %v: %d messages", p, client, len(rec.messages))
			}
			for i, m := range rec.messages {
				if n := sizes[i/each]; !bytes.Equal(m, bytes.Repeat([]byte{'a' + byte(i/each)}, n)) {
					t.Errorf("%v, client %v: message of %d bytes has %d", p, client, n, len(m))
				}
			}
		}
	}
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte("\x81\x85\x01\x02\x03\x04hello\x88\x80\x01\x02\x03\x04"), uint8(3), false, false)
	f.Add(masked(0xc1, "\x00\x01\x02"), uint8(1), true, false)
	f.Add(masked(0x82, "\x00\x00\x00\x01a\x00\x00\x00\x02bc"), uint8(2), false, true)
	f.Add(append(masked(0x02, "ab"), masked(0x80, "cd")...), uint8(0), false, false)
	f.Fuzz(func(t *testing.T, in []byte, size uint8, deflate, batched bool) {
		var whole, pieces recorder
		p := transport.Subprotocol{Format: msg.CBOR, Batched: batched}
		a := &Conn{protocol: p, deflate: deflate, h: &whole, limit: 100_000}
		b := &Conn{protocol: p, deflate: deflate, h: &pieces, limit: 100_000}
		errA := parseAll(a, in, func() int { return len(in) })
		errB := parseAll(b, in, func() int { return int(size) + 1 })
		if (errA == nil) != (errB == nil) || errA != nil && errA.Error() != errB.Error() {
			t.Fatalf("as a whole: %v, in pieces: %v", errA, errB)
		}
		if !slices.EqualFunc(whole.messages, pieces.messages, bytes.Equal) {
			t.Fatalf("as a whole: %q, in pieces: %q", whole.messages, pieces.messages)
		}
		for _, m := range whole.messages {
			if len(m) > 100_000 {
				t.Fatalf("message of %d bytes", len(m))
			}
		}
		if deflate {
			return
		}
		// What was read can be written and read again.
		var again recorder
		c := &Conn{protocol: p, h: &again, limit: 100_000}
		framing := (&Conn{protocol: p, client: true}).Framing()
		for _, m := range whole.messages {
			frame, mark := framing.Begin(nil, len(m))
			if err := parseAll(c, framing.End(append(frame, m...), mark), func() int { return 1 << 20 }); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.EqualFunc(whole.messages, again.messages, bytes.Equal) {
			t.Fatalf("first: %q, again: %q", whole.messages, again.messages)
		}
	})
}
