package transport

import (
	"fmt"
	"testing"
)

// BenchmarkFrame writes one frame of each kind around a message.
func BenchmarkFrame(b *testing.B) {
	for _, f := range []struct {
		name string
		Framing
	}{
		{"rawsocket", Framing{}},
		{"websocket", Framing{Kind: WebSocket, Text: true}},
		{"websocket masked", Framing{Kind: WebSocket, Text: true, Mask: true}},
		{"websocket batched", Framing{Kind: WebSocket, Batched: true}},
	} {
		for _, size := range []int{32, 1 << 10} {
			b.Run(fmt.Sprintf("%s/%d", f.name, size), func(b *testing.B) {
				message := make([]byte, size)
				buf := make([]byte, 0, size+64)
				b.ReportAllocs()
				for b.Loop() {
					out, m := f.Begin(buf[:0], size)
					buf = f.End(append(out, message...), m)
				}
			})
		}
	}
}

func BenchmarkMask(b *testing.B) {
	message, key := make([]byte, 1<<20), []byte{1, 2, 3, 4}
	b.SetBytes(int64(len(message)))
	for b.Loop() {
		Mask(message, key)
	}
}
