package websocket

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/http"
	"testing"

	"github.com/wampeter/wampeter/internal/transport"
)

func TestAppendCompressed(t *testing.T) {
	random := make([]byte, 5000)
	for i := range random {
		random[i] = byte(rand.Uint32())
	}
	for _, p := range transport.Subprotocols(nil, true) {
		for _, client := range []bool{false, true} {
			f := (&Conn{protocol: p, client: client, deflate: true}).Framing()
			var rec recorder
			reader := &Conn{protocol: p, client: !client, deflate: true, h: &rec, limit: 1 << 20}
			messages := [][]byte{
				[]byte("short"), bytes.Repeat([]byte("compress me "), 1000), random,
				bytes.Repeat([]byte("x"), 1<<20), bytes.Repeat([]byte("y"), minCompress), {},
			}
			if p.Text() { // a batch of JSON cannot contain any bytes
				messages[2] = []byte("in place of the random one")
			}
			var in []byte
			for _, m := range messages {
				in = AppendCompressed(in, f, m)
			}
			if len(in) > 30_000 {
				t.Errorf("%v: %d bytes", p, len(in))
			}
			if err := parseAll(reader, in, func() int { return 777 }); err != nil {
				t.Fatalf("%v, client %v: %v", p, client, err)
			}
			if len(rec.messages) != len(messages) {
				t.Fatalf("%v, client %v: %d messages", p, client, len(rec.messages))
			}
			for i := range messages {
				if !bytes.Equal(rec.messages[i], messages[i]) {
					t.Errorf("%v, client %v: message %d differs", p, client, i)
				}
			}
		}
	}
}

func TestInflateHostile(t *testing.T) {
	f := transport.Framing{Kind: transport.WebSocket, Mask: true, Deflate: true}
	bomb := AppendCompressed(nil, f, make([]byte, 10<<20))
	if len(bomb) > 64<<10 {
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	for _, tt := range []struct {
		name string
		in   []byte
		code int
	}{
		{"bomb", bomb, 1009},
		{"garbage", masked(0xc2, "\xff\xff\xff"), 1007},
		{"marked continuation", append(masked(0x42, "a"), masked(0xc0, "b")...), 1002},
		{"marked PING", masked(0xc9, "a"), 1002},
	} {
		c := &Conn{protocol: cborProtocol, deflate: true, h: &recorder{}, limit: 1 << 20}
		err := parseAll(c, tt.in, func() int { return 64 << 10 })
		var broken *transport.Error
		if !errors.As(err, &broken) || broken.Code != tt.code {
			t.Errorf("%s: %v, want code %d", tt.name, err, tt.code)
		}
	}
}

// What is inflated counts against the budget, for as long as it is needed.
func TestInflateBudget(t *testing.T) {
	f := transport.Framing{Kind: transport.WebSocket, Mask: true, Deflate: true}
	budget := transport.NewBudget(256 << 10)
	for size, want := range map[int]error{transport.SmallMessage: nil, 200 << 10: nil, 300 << 10: transport.ErrNoMemory} {
		c := &Conn{protocol: cborProtocol, deflate: true, h: &recorder{}, limit: 1 << 20, budget: budget}
		err := parseAll(c, AppendCompressed(nil, f, make([]byte, size)), func() int { return 64 << 10 })
		if !errors.Is(err, want) || err == nil && want != nil {
			t.Errorf("%d bytes: %v, want %v", size, err, want)
		}
		if n := budget.Used(); n != 0 {
			t.Errorf("%d bytes: %d are still counted", size, n)
		}
	}
}

func TestAcceptDeflate(t *testing.T) {
	for _, tt := range []struct {
		offer string
		want  string
	}{
		{"", ""},
		{"x-webkit-deflate-frame", ""},
		{"permessage-deflate", deflateOffer},
		{"permessage-deflate; client_max_window_bits", deflateOffer},
		{"foo, permessage-deflate; client_max_window_bits = 10; server_no_context_takeover", deflateOffer},
		{"permessage-deflate; server_max_window_bits=10", ""},
		{"permessage-deflate; server_max_window_bits=10, permessage-deflate", deflateOffer},
		{`permessage-deflate; server_max_window_bits="15"`, deflateOffer},
		{"permessage-deflate; client_max_window_bits=7", ""},
		{"permessage-deflate; server_no_context_takeover=1", ""},
		{"permessage-deflate; unknown", ""},
		{"permessage-deflate; server_no_context_takeover; server_no_context_takeover", ""},
	} {
		if got := acceptDeflate(http.Header{"Sec-Websocket-Extensions": {tt.offer}}); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.offer, got, tt.want)
		}
	}
}

func TestCheckDeflate(t *testing.T) {
	for _, tt := range []struct {
		answer       string
		accepted, ok bool
	}{
		{"", false, true},
		{deflateOffer, true, true},
		{"permessage-deflate; server_no_context_takeover; server_max_window_bits=12", true, true},
		{"permessage-deflate", false, false},
		{"permessage-deflate; server_no_context_takeover; client_max_window_bits=8", false, false},
		{"foo", false, false},
	} {
		accepted, ok := checkDeflate(http.Header{"Sec-Websocket-Extensions": {tt.answer}})
		if accepted != tt.accepted || ok != tt.ok {
			t.Errorf("%q: %v, %v", tt.answer, accepted, ok)
		}
	}
}
