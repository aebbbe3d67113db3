package wamp

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/wampeter/wampeter/internal/codec"
	"github.com/wampeter/wampeter/internal/msg"
)

// NewPayload returns the payload that opts make. Its Encode, Args and Decode
// tell what a message with it would carry.
func NewPayload(opts ...PayloadOption) Payload { return newPayload(opts) }

// Encode returns the positional arguments as a list and the keyword arguments
// as a dictionary, serialized as they stand in a message; each is nil when there
// are none. They must not be changed. An error says which value has no
// serialized form.
func (p Payload) Encode(as Serializer) (args, kwargs []byte, err error) {
	f := formatOf(as)
	if f == msg.NoFormat {
		return nil, nil, fmt.Errorf("encode arguments: there is no serializer %q", as)
	}
	_, out, err := p.encode(nil, f)
	if err != nil {
		return nil, nil, fmt.Errorf("encode arguments: %w", err)
	}
	if out.Format != f {
		had := out.Args != nil
		if out = codec.TranscodePayload(out, f); !had {
			out.Args = nil // and not the empty list that keyword arguments need
		}
	}
	return out.Args, out.Kwargs, nil
}

// EncodedPayload is the opposite of [Payload.Encode]. The bytes must not be
// changed as long as the payload is used. An error says that they are not what
// a message may carry.
func EncodedPayload(as Serializer, args, kwargs []byte) (Payload, error) {
	f := formatOf(as)
	if f == msg.NoFormat {
		return Payload{}, fmt.Errorf("encoded arguments: there is no serializer %q", as)
	}
	p := msg.Payload{Format: f, Args: args, Kwargs: kwargs}
	var parsed msg.Message
	text := codec.Append(nil, f, &msg.Message{Type: msg.Publish, Request: 1, URI: []byte("a"), Payload: p})
	if err := codec.Parse(f, text, &parsed); err != nil {
		return Payload{}, fmt.Errorf("encoded arguments: %w", err)
	}
	if kwargs == nil && parsed.Payload.Kwargs != nil || !bytes.Equal(parsed.Payload.Args, args) && args != nil {
		return Payload{}, errors.New("encoded arguments: the positional arguments are more than one list")
	}
	return received(&p), nil
}
