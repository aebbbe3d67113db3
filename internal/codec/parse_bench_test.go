package codec

import (
	"bytes"
	"strings"
	"testing"

	"github.com/wampeter/wampeter/internal/msg"
)

// benchMessages are messages as they come from clients, without payload.
var benchMessages = []msg.Message{
	{Type: msg.Call, Request: 7814135, URI: []byte("com.myapp.myprocedure1")},
	{Type: msg.Invocation, Request: 6131533, ID: 9823526},
	{Type: msg.Invocation, Request: 6131533, ID: 9823526, URI: []byte("com.myapp.myprocedure1"),
		Options: msg.Options{Set: msg.KeySession | msg.KeyTimeout | msg.ReceiveProgress, Session: 1 << 52, Timeout: 5000}},
	{Type: msg.Yield, Request: 6131533},
	{Type: msg.Yield, Request: 6131533, Options: msg.Options{Set: msg.Progress, True: msg.Progress}},
	{Type: msg.Result, Request: 7814135},
	{Type: msg.Publish, Request: 239714735, URI: []byte("com.myapp.mytopic1"),
		Options: msg.Options{Set: msg.Acknowledge | msg.ExcludeMe, True: msg.Acknowledge}},
	{Type: msg.Event, ID: 5647382910, Publication: 998877665544},
	{Type: msg.Error, ErrType: msg.Call, Request: 7814135, URI: []byte("com.myapp.error")},
	{Type: msg.Subscribe, Request: 713845233, URI: []byte("com.myapp.mytopic1"),
		Options: msg.Options{Set: msg.KeyMatch, Match: msg.Prefix}},
	{Type: msg.Published, Request: 239714735, ID: 4429313566},
}

// benchPayload returns args of one text of n bytes.
func benchPayload(t testing.TB, f msg.Format, n int) msg.Payload {
	args := encode(t, f, []any{strings.Repeat("x", n)})
	return msg.Payload{Format: f, Args: args, Tail: args}
}

func hasPayload(t msg.Type) bool { return strings.Contains(string(layoutOf(t)), "a") }

func benchName(f msg.Format, m *msg.Message) string {
	name := f.String() + "/" + m.Type.String()
	if m.Options.Set != 0 {
		name += "-options"
	}
	return name
}

func BenchmarkParse(b *testing.B) {
	for _, f := range formats {
		for _, m := range benchMessages {
			if hasPayload(m.Type) {
				m.Payload = benchPayload(b, f, 16)
			}
			data := Append(nil, f, &m)
			b.Run(benchName(f, &m), func(b *testing.B) {
				b.ReportAllocs()
				var m msg.Message
				var p Parser
				for b.Loop() {
					if err := p.Parse(f, data, &m); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// benchTexts are payloads that cost their validation in different ways.
func benchTexts(n int) map[string]any {
	records := make([]any, n/64)
	for i := range records {
		records[i] = map[string]any{"id": 1234567 + i, "name": "somebody", "on": true, "score": 12.25}
	}
	return map[string]any{
		"text":    strings.Repeat("x", n),
		"unicode": strings.Repeat("naïve € ", n/11),
		"records": records,
	}
}

func BenchmarkParsePayload(b *testing.B) {
	for _, f := range formats {
		for name, v := range benchTexts(1024) {
			args := encode(b, f, []any{v})
			m := msg.Message{Type: msg.Call, Request: 7814135, URI: []byte("com.myapp.myprocedure1"),
				Payload: msg.Payload{Format: f, Args: args}}
			data := Append(nil, f, &m)
			b.Run(f.String()+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(data)))
				var m msg.Message
				for b.Loop() {
					if err := Parse(f, data, &m); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, f := range formats {
		for _, m := range benchMessages {
			if hasPayload(m.Type) {
				m.Payload = benchPayload(b, f, 16)
			}
			b.Run(benchName(f, &m), func(b *testing.B) {
				b.ReportAllocs()
				var dst []byte
				for b.Loop() {
					dst = Append(dst[:0], f, &m)
				}
			})
		}
	}
}

// TestAllocations holds the budget of the router's hot path.
func TestAllocations(t *testing.T) {
	for _, f := range formats {
		for _, m := range benchMessages {
			if hasPayload(m.Type) {
				m.Payload = benchPayload(t, f, 1024)
			}
			data := Append(nil, f, &m)
			var parsed msg.Message
			var p Parser
			for name, parse := range map[string]func(msg.Format, []byte, *msg.Message) error{"Parse": Parse, "Parser": p.Parse} {
				if n := testing.AllocsPerRun(100, func() {
					if err := parse(f, data, &parsed); err != nil {
						t.Fatal(err)
					}
				}); n != 0 {
					t.Errorf("%v: %s of %v allocates %v times", f, name, m.Type, n)
				}
			}
			dst := make([]byte, 0, 2*len(data))
			if n := testing.AllocsPerRun(100, func() {
				dst = Append(dst[:0], f, &m)
			}); n != 0 {
				t.Errorf("%v: appending %v allocates %v times", f, m.Type, n)
			}
			if !bytes.Equal(dst, data) {
				t.Errorf("%v: %q and then %q", f, data, dst)
			}
		}
	}
}
