package router

import (
	"fmt"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/uri"
	"github.com/wampeter/wampeter/wamp"
)

// Event sends an event to this session alone. It gets one for each of its
// subscriptions that matches the topic, and nobody else, no history, hears of
// it. Arguments are options, as for package wamp:
//
//	s.Event("com.example.news", wamp.Args{"rain"}, wamp.KW{"until": "noon"})
//
// Event does not wait for the client. In a function of OnSubscribe, the
// subscription that it decides on counts as well: the event then comes after
// SUBSCRIBED.
//
// Errors: wamp.ErrInvalidURI, wamp.ErrNotSubscribed when the session has not
// subscribed to the topic, or has ended, wamp.ErrLimitExceeded when too many
// wait for SUBSCRIBED, and that of an argument that cannot be serialized.
func (s *Session) Event(topic string, opts ...wamp.PayloadOption) error {
	if !uri.Valid([]byte(topic), false) {
		return fmt.Errorf("event to a session: topic %s: %w", quote(topic), wamp.ErrInvalidURI)
	}
	payload, err := serialize(opts)
	if err != nil {
		return fmt.Errorf("event to a session: topic %s: %w", quote(topic), err)
	}
	if err := s.event([]byte(topic), &payload); err != nil {
		return fmt.Errorf("event to a session: topic %s: %w", quote(topic), err)
	}
	return nil
}

func (s *Session) event(topic []byte, payload *msg.Payload) error {
	var b batch
	r := s.realm
	r.mu.Lock()
	defer b.flush()
	defer r.mu.Unlock()
	if !s.link.joined || s.link.public.Load() != s {
		return wamp.ErrNotSubscribed
	}
	if kept, err := s.subscribing.keep(topic, payload); kept {
		return err
	}
	if !r.core.EventTo(&s.link.session, topic, payload, &r.out) {
		return wamp.ErrNotSubscribed
	}
	r.deliver(&b, nil, nil)
	return nil
}

// serialize returns arguments in the router's own serializer.
func serialize(opts []wamp.PayloadOption) (msg.Payload, error) {
	args, kwargs, err := wamp.NewPayload(opts...).Encode(wamp.CBOR)
	if err != nil {
		return msg.Payload{}, err
	}
	return msg.Payload{Format: own, Args: args, Kwargs: kwargs}, nil
}
