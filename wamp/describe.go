package wamp

import (
	"fmt"

	"github.com/wampeter/wampeter/internal/codec"
	"github.com/wampeter/wampeter/internal/msg"
)

// DescribePublish returns what opts make of a PUBLISH: its arguments, and its
// options by their names in the protocol. It is for procedures that publish
// for their callers and take both as arguments, such as
// wamp.session.add_testament.
func DescribePublish(opts ...PublishOption) (Payload, KW, error) {
	var c publishConfig
	for _, o := range opts {
		o.applyPublish(&c)
	}
	m := msg.Message{Type: msg.Publish}
	var err error
	if m.Options, err = c.finish(msg.CBOR); err != nil {
		return Payload{}, nil, fmt.Errorf("publish: %w", err)
	}
	// The codec knows the names, so a message is made and taken apart.
	elements := codec.Elements(nil, msg.CBOR, codec.Append(nil, msg.CBOR, &m))
	var options KW
	if err := codec.Unmarshal(msg.CBOR, elements[optionsElement], (*map[string]any)(&options)); err != nil {
		return Payload{}, nil, fmt.Errorf("publish: %w", err)
	}
	return c.payload, options, nil
}

// optionsElement is where PUBLISH has its options.
const optionsElement = 2
