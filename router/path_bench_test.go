package router

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/wampeter/wampeter/internal/codec"
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
)

// replay is a connection that hands over what a benchmark reads for it, and
// writes nowhere.
type replay struct {
	transport.Conn
	format  msg.Format
	framing transport.Framing
	serving chan transport.Handler
	done    chan struct{}
	written int
}

func (c *replay) Format() msg.Format                   { return c.format }
func (c *replay) Framing() transport.Framing           { return c.framing }
func (*replay) MaxSend() int                           { return 0 }
func (*replay) AppendPing(dst []byte) []byte           { return dst }
func (*replay) AppendClose(dst []byte, _ error) []byte { return dst }
func (*replay) CloseWrite() error                      { return nil }
func (*replay) Close() error                           { return nil }

func (c *replay) TryWrite(bufs [][]byte) (n int, _ error) {
	for _, b := range bufs {
		n += len(b)
	}
	c.written += n
	return n, nil
}

func (c *replay) Serve(h transport.Handler) error {
	c.serving <- h
	<-c.done
	return nil
}

// open opens a session of r and returns what takes its input.
func (c *replay) open(b *testing.B, r *Router) transport.Handler {
	c.serving, c.done = make(chan transport.Handler), make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.run(c)
	}()
	b.Cleanup(func() {
		close(c.done)
		<-ended
	})
	h := <-c.serving
	features := map[string]any{"features": map[string]any{"progressive_call_results": true, "call_canceling": true}}
	details, err := codec.Marshal(nil, c.format, map[string]any{"roles": map[string]any{"caller": features, "callee": features}})
	if err != nil {
		b.Fatal(err)
	}
	take(b, h, c.format, &msg.Message{Type: msg.Hello, URI: []byte("realm1"), Dict: details})
	return h
}

func take(b *testing.B, h transport.Handler, f msg.Format, m *msg.Message) {
	if err := h.Message(codec.Append(nil, f, m), nil); err != nil {
		b.Fatal(err)
	}
	h.Idle(false)
}

// BenchmarkProgress is what a progressive result costs between two sockets:
// parse, route, build, frame.
func BenchmarkProgress(b *testing.B) {
	for _, f := range []msg.Format{msg.JSON, msg.MessagePack, msg.CBOR} {
		for name, framing := range map[string]transport.Framing{
			"rawsocket": {}, "websocket": {Kind: transport.WebSocket, Text: f == msg.JSON},
		} {
			b.Run(fmt.Sprintf("%v/%s", f, name), func(b *testing.B) {
				r := New(Config{Logger: slog.New(slog.DiscardHandler)})
				b.Cleanup(func() { _ = r.Close() })
				callee := (&replay{format: f, framing: framing}).open(b, r)
				results := &replay{format: f, framing: framing}
				caller := results.open(b, r)
				take(b, callee, f, &msg.Message{Type: msg.Register, Request: 1, URI: []byte("com.myapp.stream")})
				take(b, caller, f, &msg.Message{Type: msg.Call, Request: 1, URI: []byte("com.myapp.stream"),
					Options: msg.Options{Set: msg.ReceiveProgress, True: msg.ReceiveProgress}})
				args, err := codec.Marshal(nil, f, []any{"32 bytes of text, as in bench/.."})
				if err != nil {
					b.Fatal(err)
				}
				result := codec.Append(nil, f, &msg.Message{Type: msg.Yield, Request: 1,
					Options: msg.Options{Set: msg.Progress, True: msg.Progress},
					Payload: msg.Payload{Format: f, Args: args, Tail: args}})
				results.written = 0
				b.ReportAllocs()
				for n := 1; b.Loop(); n++ {
					if err := callee.Message(result, nil); err != nil {
						b.Fatal(err)
					}
					if n%256 == 0 {
						callee.Idle(false)
					}
				}
				callee.Idle(false)
				if least := b.N * len(args); results.written < least {
					b.Fatalf("%d bytes have come through, want at least %d", results.written, least)
				}
			})
		}
	}
}
