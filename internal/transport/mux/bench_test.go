package mux

import (
	"context"
	"io"
	"net/url"
	"runtime"
	"testing"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
	"github.com/wampeter/wampeter/internal/transport/rawsocket"
	"github.com/wampeter/wampeter/internal/transport/websocket"
)

// tally counts echoes.
type tally struct {
	n    int
	want chan int // gets the number at the end of each input
}

func (c *tally) Message([]byte, *transport.Block) error { c.n++; return nil }
func (c *tally) Control([]byte)                         {}
func (c *tally) Alive()                                 {}
func (c *tally) Idle(bool) {
	if c.n > 0 {
		c.want <- c.n
		c.n = 0
	}
}

// connections are the kinds of connections that are measured.
var connections = []struct {
	name string
	tls  bool
	ws   bool
}{{"rawsocket", false, false}, {"websocket", false, true}, {"rawsocket-tls", true, false}, {"websocket-tls", true, true}}

func open(b *testing.B, s *Server, tls, ws bool) transport.Conn {
	nc := dial(b, s)
	if tls {
		nc = secure(b, nc)
	}
	if ws {
		return wsClient(b, nc, transport.Subprotocol{Format: msg.CBOR}, false)
	}
	return rawClient(b, nc)
}

// BenchmarkEcho sends batches of messages to a server that sends them back:
// both ends read, frame and write.
func BenchmarkEcho(b *testing.B) {
	for _, k := range connections {
		for _, batch := range []int{1, 64} {
			for _, size := range []int{32, 1024} {
				b.Run(k.name+map[int]string{1: "/single", 64: "/batch"}[batch]+map[int]string{32: "/32B", 1024: "/1KiB"}[size], func(b *testing.B) {
					cfg := Config{}
					if k.tls {
						cfg.TLS, _ = certificates()
					}
					c := open(b, listen(b, "tcp", cfg), k.tls, k.ws)
					h := &tally{want: make(chan int, 1)}
					done := make(chan error, 1)
					go func() { done <- c.Serve(h) }()
					message := make([]byte, size)
					f := c.Framing()
					var buf []byte
					b.ReportAllocs()
					for sent := 0; b.Loop(); sent++ {
						buf = buf[:0]
						for range batch {
							out, m := f.Begin(buf, size)
							buf = f.End(append(out, message...), m)
						}
						bufs := [][]byte{buf}
						if n, err := c.TryWrite(bufs); err == transport.ErrWouldBlock {
							if err := c.Write([][]byte{buf[n:]}); err != nil {
								b.Fatal(err)
							}
						} else if err != nil {
							b.Fatal(err)
						}
						for got := 0; got < batch; {
							got += <-h.want
						}
					}
					b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/message")
					c.Close()
					<-done
				})
			}
		}
	}
}

// BenchmarkIdle reports what an idle connection costs at the server: heap,
// stack and the kernel's share left out. Its clients are bare sockets.
func BenchmarkIdle(b *testing.B) {
	for _, k := range connections {
		b.Run(k.name, func(b *testing.B) {
			const conns = 200
			for b.Loop() {
				ready := make(chan struct{}, conns)
				cfg := Config{Conn: func(c transport.Conn) {
					ready <- struct{}{}
					echo(c)
				}}
				if k.tls {
					cfg.TLS, _ = certificates()
				}
				s := listen(b, "tcp", cfg)
				var before, after runtime.MemStats
				var clients []io.Closer
				for i := range conns + 1 {
					if i == 1 {
						settle(&before)
					}
					clients = append(clients, open(b, s, k.tls, k.ws))
					<-ready
				}
				settle(&after)
				heap := float64(after.HeapAlloc) - float64(before.HeapAlloc)
				stack := float64(after.StackInuse) - float64(before.StackInuse)
				b.ReportMetric(heap/conns, "heap-B/conn")
				b.ReportMetric(stack/conns, "stack-B/conn")
				for _, c := range clients {
					c.Close()
				}
				s.Close()
			}
		})
	}
}

// settle lets stacks shrink and pools forget.
func settle(m *runtime.MemStats) {
	for range 6 {
		runtime.GC()
	}
	runtime.ReadMemStats(m)
}

// BenchmarkJoin connects, shakes hands and leaves.
func BenchmarkJoin(b *testing.B) {
	for _, k := range connections {
		if k.tls {
			continue
		}
		b.Run(k.name, func(b *testing.B) {
			s := listen(b, "tcp", Config{})
			b.ReportAllocs()
			for b.Loop() {
				nc := dial(b, s)
				var err error
				if k.ws {
					_, err = websocket.Client(context.Background(), nc, &websocket.ClientOptions{
						URL: &url.URL{Host: "localhost", Path: "/ws"}, Subprotocols: []transport.Subprotocol{{Format: msg.CBOR}},
					})
				} else {
					_, err = rawsocket.Client(context.Background(), nc, msg.CBOR, transport.Limits{})
				}
				if err != nil {
					b.Fatal(err)
				}
				nc.Close()
			}
		})
	}
}
