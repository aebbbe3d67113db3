package router

import (
	"github.com/wampeter/wampeter/internal/codec"
	"github.com/wampeter/wampeter/internal/core"
	"github.com/wampeter/wampeter/internal/msg"
)

// own is the serializer of what the router itself has to say. Receivers with
// another one get it transcoded, like any payload.
const own = msg.CBOR

// payloads gives the core, which knows no serializer, what it needs of one.
func payloads(cfg *core.Config) {
	cfg.Encode = encode
	cfg.Decode = decode
	cfg.Raw = func(format msg.Format, value []byte) any { return codec.Raw{Format: format, Bytes: value} }
}

func encode(args []any, kwargs map[string]any) msg.Payload {
	p := msg.Payload{Format: own}
	if args == nil && kwargs == nil {
		return p
	}
	if args == nil {
		args = []any{}
	}
	// Nothing that the core says can fail to be encoded.
	p.Tail, _ = codec.Marshal(nil, own, args)
	n := len(p.Tail)
	if kwargs != nil {
		p.Tail, _ = codec.Marshal(p.Tail, own, kwargs)
		p.Kwargs = p.Tail[n:]
	}
	p.Args = p.Tail[:n:n]
	return p
}

func decode(p *msg.Payload) (args []any, kwargs map[string]any, err error) {
	if p.Args != nil {
		if err := codec.Unmarshal(p.Format, p.Args, &args); err != nil {
			return nil, nil, err
		}
	}
	if p.Kwargs != nil {
		err = codec.Unmarshal(p.Format, p.Kwargs, &kwargs)
	}
	return args, kwargs, err
}
