package router

import (
	"bytes"
	"context"
	"sync"

	"github.com/wampeter/wampeter/internal/codec"
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/wamp"
)

// Message is a message of a client that has not been routed yet. Its methods may
// be called until the function that it was given to has returned; after that
// they tell nothing. What they have returned stays.
type Message struct {
	Type      string // "CALL", "PUBLISH", as the specification has it
	RequestID uint64 // of the request; of CANCEL, YIELD and ERROR: that they are about
	URI       string // topic, procedure, pattern; of ERROR, the error; else ""
	ID        uint64 // of UNSUBSCRIBE and UNREGISTER: what is to end; else 0

	// Match is what URI means in SUBSCRIBE and REGISTER.
	Match wamp.MatchPolicy

	mu     sync.Mutex
	format msg.Format
	raw    *msg.Message // nil: it is over
}

func newMessage(s *Session, m *msg.Message) *Message {
	return &Message{
		Type:      m.Type.String(),
		RequestID: m.Request,
		URI:       string(m.URI),
		ID:        m.ID,
		Match:     wamp.MatchPolicy(m.Options.Match),
		format:    s.link.peer.Format(),
		raw:       m,
	}
}

// over lets go of the bytes of the message, which are used again.
func (m *Message) over() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.raw = nil
}

// Options returns the options of the message, also those that the router does
// not know. They are empty for a message that has none.
func (m *Message) Options() map[string]any {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.raw == nil {
		return map[string]any{}
	}
	return dictionary(m.format, m.raw.Dict)
}

// Payload returns the arguments of the message, which nobody has decoded so far.
func (m *Message) Payload() wamp.Payload {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.raw == nil {
		return wamp.Payload{}
	}
	p, _ := wamp.EncodedPayload(wamp.Serializer(m.format.String()), // what has been parsed is valid
		bytes.Clone(m.raw.Payload.Args), bytes.Clone(m.raw.Payload.Kwargs))
	return p
}

// MessageFrom returns the message that a function of OnSubscribe or Intercept
// which runs under ctx decides on; nil elsewhere.
func MessageFrom(ctx context.Context) *Message {
	m, _ := ctx.Value(messageKey{}).(*Message)
	return m
}

type messageKey struct{}

// deciding returns a context for a function that decides on m.
func deciding(ctx context.Context, s *Session, m *Message) context.Context {
	return context.WithValue(serving(ctx, s), messageKey{}, m)
}

// dictionary decodes options or details. They were parsed before.
func dictionary(f msg.Format, dict []byte) map[string]any {
	var m map[string]any
	if len(dict) > 0 {
		_ = codec.Unmarshal(f, dict, &m)
	}
	if m == nil {
		m = map[string]any{}
	}
	return m
}
