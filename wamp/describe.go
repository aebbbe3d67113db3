package wamp

import (
	"fmt"

	"github.com/wampeter/wampeter/internal/codec"
	"github.com/wampeter/wampeter/internal/msg"
)

// DescribePublish returns what Publish makes of a topic and opts: the arguments,
// and the options by their names in the protocol. It is for procedures that
// publish for their callers and take both as arguments, such as
// wamp.session.add_testament. What the session's [KeyRing] has a key for comes
// back encrypted.
func (s *Session) DescribePublish(topic string, opts ...PublishOption) (Payload, KW, error) {
	r := request{kind: msg.Publish, uri: topic}
	for _, o := range opts {
		o.applyPublish((*publishConfig)(&r.cfg.sendConfig))
	}
	m := msg.Message{Type: msg.Publish}
	if err := s.encode(&r, &m); err != nil {
		return Payload{}, nil, fmt.Errorf("%s: %w", r.op(), err)
	}
	payload := m.Payload
	m.Payload = msg.Payload{}
	// The codec knows the names, so a message is made and taken apart.
	elements := codec.Elements(nil, msg.CBOR, codec.Append(nil, msg.CBOR, &m))
	var options KW
	if err := codec.Unmarshal(msg.CBOR, elements[optionsElement], (*map[string]any)(&options)); err != nil {
		return Payload{}, nil, fmt.Errorf("%s: %w", r.op(), err)
	}
	return received(&payload), options, nil
}

// optionsElement is where PUBLISH has its options.
const optionsElement = 2
