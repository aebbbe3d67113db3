package longpoll

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/wampeter/wampeter/internal/codec"
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/session"
	"github.com/wampeter/wampeter/internal/transport"
)

// end is the session.Handler of both ends.
type end struct {
	peer    *session.Peer
	message func(m *msg.Message) error
}

func (e *end) Message(m *msg.Message, _ *transport.Block) error { return e.message(m) }
func (e *end) Broken(error)                                     {}
func (e *end) Idle(bool)                                        { e.peer.Flush() }
func (e *end) Undeliverable(*msg.Message)                       {}

// Sessions at both ends: calls are answered, GOODBYE is said, and a breach is
// answered by ABORT, which arrives.
func TestSessions(t *testing.T) {
	goodbye := errors.New("goodbye")
	for _, p := range transport.Subprotocols(nil, true) {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			cfg := session.Config{}.WithDefaults()
			ended := make(chan error, 1)
			_, u, _ := start(t, Options{OnConn: func(c transport.Conn) {
				e := &end{}
				e.peer = session.New(c, e, &cfg)
				e.message = func(m *msg.Message) error {
					switch m.Type {
					case msg.Call:
						return e.peer.Send(&msg.Message{Type: msg.Result, Request: m.Request, Payload: m.Payload}, nil)
					case msg.Goodbye:
						e.peer.End(&msg.Message{Type: msg.Goodbye, URI: []byte("wamp.close.goodbye_and_out")}, goodbye)
						return nil
					default:
						return &msg.Violation{Text: "unexpected"}
					}
				}
				ended <- e.peer.Run()
			}})
			connect := func(message func(*end, *msg.Message) error) (*end, <-chan error) {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				c, err := Dial(ctx, &ClientOptions{URL: u, Subprotocols: []transport.Subprotocol{p}})
				if err != nil {
					t.Fatal(err)
				}
				e := &end{}
				e.peer = session.New(c, e, &cfg)
				e.message = func(m *msg.Message) error { return message(e, m) }
				done := make(chan error, 1)
				go func() { done <- e.peer.Run() }()
				return e, done
			}

			const calls = 200
			results := make(chan uint64, calls)
			e, done := connect(func(e *end, m *msg.Message) error {
				switch m.Type {
				case msg.Result:
					results <- m.Request
				case msg.Goodbye:
					e.peer.End(nil, goodbye)
				default:
					return fmt.Errorf("unexpected %v", m.Type)
				}
				return nil
			})
			for i := range uint64(calls) {
				args, err := codec.Marshal(nil, p.Format, []any{sized('a', int(i*i))})
				if err != nil {
					t.Fatal(err)
				}
				m := &msg.Message{Type: msg.Call, Request: i + 1, URI: []byte("com.example.echo"), Payload: msg.Payload{Format: p.Format, Args: args}}
				if err := e.peer.Send(m, nil); err != nil {
					t.Fatal(err)
				}
				e.peer.Flush()
			}
			for i := range uint64(calls) {
				if id := await(t, results); id != i+1 {
					t.Fatalf("result of call %d came instead of %d", id, i+1)
				}
			}
			if err := e.peer.Send(&msg.Message{Type: msg.Goodbye, URI: []byte("wamp.close.close_realm")}, nil); err != nil {
				t.Fatal(err)
			}
			e.peer.Flush()
			for _, ch := range []<-chan error{done, ended} {
				if err := await(t, ch); err != goodbye {
					t.Errorf("Run: %v", err)
				}
			}

			aborted := make(chan string, 1)
			e, done = connect(func(e *end, m *msg.Message) error {
				aborted <- string(m.URI)
				e.peer.End(nil, errors.New("aborted"))
				return nil
			})
			if err := e.peer.Send(&msg.Message{Type: msg.Subscribe, Request: 1, URI: []byte("com.example.topic")}, nil); err != nil {
				t.Fatal(err)
			}
			e.peer.Flush()
			if uri := await(t, aborted); uri != "wamp.error.protocol_violation" {
				t.Errorf("ABORT %s", uri)
			}
			await(t, done)
			await(t, ended)
		})
	}
}
