package mux

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wampeter/wampeter/internal/transport"
)

// TestEarlyMessages sends everything in one write, not waiting for answers:
// whoever reads the handshake must not swallow what stands behind it.
func TestEarlyMessages(t *testing.T) {
	server, _ := certificates()
	const messages = 60
	f := transport.Framing{Kind: transport.WebSocket, Mask: true}
	var frames, raw []byte
	for range messages {
		b, m := f.Begin(frames, 100)
		frames = f.End(append(b, strings.Repeat("x", 100)...), m)
		raw = append(raw, rawFrame([]byte(strings.Repeat("x", 100)))...)
	}
	const get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, tt := range []struct {
		name      string
		in        string
		responses int
		size      int // of what is echoed
	}{
		{"websocket", upgrade("wamp.2.cbor") + string(frames), 1, messages * 102},
		{"websocket after HTTP", get + upgrade("wamp.2.cbor") + string(frames), 2, messages * 102},
		{"rawsocket", "\x7f\xf3\x00\x00" + string(raw), 0, 4 + messages*104},
	} {
		for _, encrypted := range []bool{false, true} {
			t.Run(tt.name, func(t *testing.T) {
				cfg := Config{TLS: server, Plain: true}
				s := listen(t, "tcp", cfg)
				nc := dial(t, s)
				if encrypted {
					nc = secure(t, nc)
				}
				nc.SetDeadline(time.Now().Add(10 * time.Second))
				if _, err := io.WriteString(nc, tt.in); err != nil {
					t.Fatal(err)
				}
				br := bufio.NewReader(nc)
				for range tt.responses {
					response, err := http.ReadResponse(br, nil)
					if err != nil {
						t.Fatal(err)
					}
					if response.StatusCode != http.StatusSwitchingProtocols {
						io.Copy(io.Discard, response.Body)
					}
				}
				if n, err := io.CopyN(io.Discard, br, int64(tt.size)); err != nil {
					t.Errorf("%d bytes echoed, want %d: %v", n, tt.size, err)
				}
			})
		}
	}
}
