package transport

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFraming(t *testing.T) {
	ws := Framing{Kind: WebSocket}
	for _, tt := range []struct {
		name string
		f    Framing
		size int
		head []byte // without a masking key
		tail []byte
	}{
		{"rawsocket 0", Framing{}, 0, []byte{0, 0, 0, 0}, nil},
		{"rawsocket 65536", Framing{}, 65536, []byte{0, 1, 0, 0}, nil},
		{"rawsocket 2^24-1", Framing{}, 1<<24 - 1, []byte{0, 0xff, 0xff, 0xff}, nil},
		{"rawsocket 2^24", Framing{}, 1 << 24, []byte{8, 0, 0, 0}, nil},
		{"prefixed 0", Framing{Kind: Prefixed}, 0, []byte{0, 0, 0, 0}, nil},
		{"prefixed 2^24", Framing{Kind: Prefixed}, 1 << 24, []byte{1, 0, 0, 0}, nil},
		{"binary 0", ws, 0, []byte{0x82, 0}, nil},
		{"binary 125", ws, 125, []byte{0x82, 125}, nil},
		{"binary 126", ws, 126, []byte{0x82, 126, 0, 126}, nil},
		{"binary 65535", ws, 65535, []byte{0x82, 126, 0xff, 0xff}, nil},
		{"binary 65536", ws, 65536, []byte{0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0}, nil},
		{"text 5", Framing{Kind: WebSocket, Text: true}, 5, []byte{0x81, 5}, nil},
		{"batched text 124", Framing{Kind: WebSocket, Text: true, Batched: true}, 124, []byte{0x81, 125}, []byte{0x1e}},
		{"batched text 125", Framing{Kind: WebSocket, Text: true, Batched: true}, 125, []byte{0x81, 126, 0, 126}, []byte{0x1e}},
		{"batched text 65535", Framing{Kind: WebSocket, Text: true, Batched: true}, 65535, []byte{0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0}, []byte{0x1e}},
		{"batched binary 121", Framing{Kind: WebSocket, Batched: true}, 121, []byte{0x82, 125, 0, 0, 0, 121}, nil},
		{"batched binary 122", Framing{Kind: WebSocket, Batched: true}, 122, []byte{0x82, 126, 0, 126, 0, 0, 0, 122}, nil},
		{"batched binary 65532", Framing{Kind: WebSocket, Batched: true}, 65532, []byte{0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0xff, 0xfc}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			message := bytes.Repeat([]byte("x"), tt.size)
			want := append(append([]byte("before"), tt.head...), message...)
			want = append(want, tt.tail...)
			for _, guess := range []int{0, tt.size, 100, 300, 70_000} {
				b, m := tt.f.Begin([]byte("before"), guess)
				if got := tt.f.End(append(b, message...), m); !bytes.Equal(got, want) {
					t.Errorf("guess %d: % x…, %d bytes; want % x…, %d bytes", guess, got[:min(24, len(got))], len(got), want[:min(24, len(want))], len(want))
				}
			}
			b := append(tt.f.AppendHeader([]byte("before"), tt.size), message...)
			if b = append(b, tt.f.Trailer()...); !bytes.Equal(b, want) {
				t.Error("AppendHeader and Trailer differ from Begin and End")
			}
			if tt.f.Kind != WebSocket {
				return
			}
			// Masked: the same after the mask is taken off.
			f := tt.f
			f.Mask = true
			for _, guess := range []int{0, tt.size, 70_000} {
				b, m := f.Begin([]byte("before"), guess)
				got := f.End(append(b, message...), m)
				n := len("before") + 2
				if got[n-1]&0x80 == 0 {
					t.Fatal("mask bit is not set")
				}
				got[n-1] &^= 0x80
				switch got[n-1] {
				case 126:
					n += 2
				case 127:
					n += 8
				}
				key := bytes.Clone(got[n : n+4])
				for i := range got[n+4:] {
					got[n+4+i] ^= key[i%4]
				}
				if got = append(got[:n], got[n+4:]...); !bytes.Equal(got, want) {
					t.Errorf("masked, guess %d: differs", guess)
				}
			}
		})
	}
}

func TestMask(t *testing.T) {
	key := []byte{1, 2, 3, 4}
	for n := range 40 {
		b := bytes.Repeat([]byte{0xa5}, n)
		Mask(b, key)
		for i := range b {
			if b[i] != 0xa5^key[i%4] {
				t.Fatalf("%d bytes: byte %d is %x", n, i, b[i])
			}
		}
	}
}

func TestFramingAllocations(t *testing.T) {
	buf := make([]byte, 0, 4096)
	message := make([]byte, 1024)
	for _, f := range []Framing{{}, {Kind: WebSocket, Mask: true}, {Kind: WebSocket, Text: true, Batched: true}} {
		if n := testing.AllocsPerRun(100, func() {
			b, m := f.Begin(buf[:0], len(message))
			f.End(append(b, message...), m)
		}); n != 0 {
			t.Errorf("%+v: %v allocations", f, n)
		}
	}
}

func TestAssembly(t *testing.T) {
	budget := NewBudget(1 << 20)
	var a Assembly
	a.Init(budget)
	var want []byte
	for i, n := range []int{0, 10, 3000, 100_000} {
		a.Expect(n)
		part := bytes.Repeat([]byte{byte(i)}, n)
		want = append(want, part...)
		for len(part) > 0 {
			used, err := a.Append(part[:min(len(part), 1777)])
			if err != nil {
				t.Fatal(err)
			}
			part = part[used:]
		}
	}
	if used, err := a.Append([]byte("more")); used != 0 || err != nil {
		t.Errorf("took %d bytes that were not announced, %v", used, err)
	}
	if !cmp.Equal(a.Bytes(), want) || a.Missing() != 0 || budget.Used() < int64(len(want)) {
		t.Errorf("%d bytes, %d missing, %d of the budget", a.Len(), a.Missing(), budget.Used())
	}
	a.Reset()

	// What is announced takes no memory before it arrives.
	a.Expect(16 << 20)
	if room, err := a.Room(); err != nil || len(room) > maxAssembly || budget.Used() > maxAssembly {
		t.Errorf("room of %d bytes, %v", len(room), err)
	}
	if used, err := a.Append(make([]byte, 2<<20)); err != ErrNoMemory || used > 1<<20 {
		t.Errorf("took %d bytes, %v", used, err)
	}
	a.Reset()
	if budget.Used() != 0 {
		t.Errorf("%d bytes of the budget are still taken", budget.Used())
	}
}

func TestBudget(t *testing.T) {
	b := NewBudget(10)
	if !b.Take(10) || b.Take(1) || b.Used() != 10 {
		t.Error("the limit does not hold")
	}
	b.Give(10)
	if !NewBudget(0).Take(1<<40) || !(*Budget)(nil).Take(1) || (*Budget)(nil).Used() != 0 {
		t.Error("no limit is no limit")
	}
	(*Budget)(nil).Give(1)
}
