//go:build !race

package session

import (
	"bytes"
	"testing"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
)

// sink is a connection that takes everything.
type sink struct {
	transport.Conn
	f transport.Framing
}

func (s sink) Format() msg.Format                    { return msg.CBOR }
func (s sink) Framing() transport.Framing            { return s.f }
func (sink) MaxSend() int                            { return 0 }
func (sink) TryWrite(bufs [][]byte) (n int, _ error) { return len(bytes.Join(bufs[:0], nil)), nil }

func result(size int) *msg.Message {
	args := append([]byte{0x81, 0x5a, 0, 0, byte(size >> 8), byte(size)}, make([]byte, size)...)
	return &msg.Message{Type: msg.Result, Request: 7, Payload: msg.Payload{Format: msg.CBOR, Args: args, Tail: args}}
}

// What is written at once leaves no garbage: one message, many, one for many, and
// a large one by reference but for what stands around it.
func TestAllocations(t *testing.T) {
	cfg := Config{}.WithDefaults()
	var peers []*Peer
	for i := range 50 {
		f := transport.Framing{}
		if i%2 == 0 {
			f = transport.Framing{Kind: transport.WebSocket}
		}
		peers = append(peers, New(sink{f: f}, &recorder{}, &cfg))
	}
	p, small, kilobyte, large := peers[0], result(32), result(1024), result(40_000)
	block, memory := transport.NewBlock(len(large.Payload.Tail))
	copy(memory, large.Payload.Tail)
	large.Payload.Args, large.Payload.Tail = memory, memory
	defer block.Release()
	send := func(p *Peer, m *msg.Message, block *transport.Block) {
		if err := p.Send(m, block); err != nil {
			t.Fatal(err)
		}
	}
	var x Multi
	fanOut := func(m *msg.Message) {
		x.Reset(m, nil)
		for _, p := range peers {
			if err := p.SendMulti(&x); err != nil {
				t.Fatal(err)
			}
		}
		for _, p := range peers {
			p.Flush()
		}
	}
	for name, tt := range map[string]struct {
		f    func()
		want float64
	}{
		"one message": {func() { send(p, small, nil); p.Flush() }, 0},
		"a hundred": {func() {
			for range 100 {
				send(p, small, nil)
			}
			p.Flush()
		}, 0},
		"fan-out":        {func() { fanOut(small) }, 0},
		"fan-out, 1 KiB": {func() { fanOut(kilobyte) }, 0},
		"by reference":   {func() { send(p, large, block); p.Flush() }, 2}, // head, list of parts
	} {
		tt.f() // what grows has grown
		if n := testing.AllocsPerRun(100, tt.f); n > tt.want {
			t.Errorf("%s: %v allocations, want %v", name, n, tt.want)
		}
	}
}

// An event that is compressed, or transcoded, is so once for all who take the same
// frame.
func TestDeferredOnce(t *testing.T) {
	cfg := Config{}.WithDefaults()
	count := func(receivers int, f transport.Framing, m *msg.Message) float64 {
		var peers []*Peer
		for range receivers {
			peers = append(peers, New(sink{f: f}, &recorder{}, &cfg))
		}
		var x Multi
		return testing.AllocsPerRun(20, func() {
			x.Reset(m, nil)
			frames := make(map[*byte]bool)
			for _, p := range peers {
				if err := p.SendMulti(&x); err != nil {
					t.Fatal(err)
				}
				d := p.inserts[0].deferred
				frames[&d.frame(0)[0]] = true
				p.Flush()
			}
			if len(frames) != 1 {
				t.Fatalf("%d frames for %d receivers", len(frames), receivers)
			}
		})
	}
	m := result(4096)
	compressed := transport.Framing{Kind: transport.WebSocket, Deflate: true}
	// Each receiver has the frame in its outbox, by reference.
	if one, many := count(1, compressed, m), count(50, compressed, m); many > one+2*50 {
		t.Errorf("%v allocations for one receiver, %v for 50", one, many)
	}
	args := append([]byte{0x91, 0xc5, 4096 >> 8, 0}, make([]byte, 4096)...)
	m.Payload = msg.Payload{Format: msg.MessagePack, Args: args, Tail: args}
	if one, many := count(1, transport.Framing{}, m), count(50, transport.Framing{}, m); many > one+2*50 {
		t.Errorf("%v allocations for one receiver, %v for 50", one, many)
	}
}
