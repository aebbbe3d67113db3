package wamp

import (
	"errors"
	"fmt"

	"github.com/wampeter/wampeter/internal/codec"
	"github.com/wampeter/wampeter/internal/msg"
)

// Args is a list of positional arguments. It is an option of every operation
// that sends arguments:
//
//	wamp.Call[int](ctx, s, "com.example.add2", wamp.Args{2, 5})
type Args []any

// KW is a set of keyword arguments, likewise. Several add up.
type KW map[string]any

// Payload is positional and keyword arguments: those that came with a message,
// still serialized, or those to send. As an option it is sent as it is, so that
// arguments can be passed on without being decoded. It is not changed by any
// method, and may be read concurrently.
type Payload struct {
	args   Args
	kwargs KW
	in     any          // a struct with tags, or with single the one argument
	single bool         // in is one positional argument, whatever its type
	raw    *msg.Payload // as received; then the others are not used
	ppt    *PPT         // the scheme that it is in, nil for none
}

// In turns a struct with wamp tags (or a pointer to one) into arguments:
//
//	wamp:"0"       the first positional argument
//	wamp:"nick"    the keyword argument nick
//	wamp:",rest"   a slice: further positional arguments
//	wamp:",extra"  a map: further keyword arguments
//
// With omitzero, as in `wamp:"nick,omitzero"`, a zero value is left out. Any
// other value becomes the one positional argument.
func In(v any) PayloadOption { return Payload{in: v} }

func (a Args) applyCall(c *callConfig)       { c.payload.setArgs(a) }
func (a Args) applyPublish(c *publishConfig) { c.payload.setArgs(a) }
func (a Args) applyPayload(p *Payload)       { p.setArgs(a) }

func (k KW) applyCall(c *callConfig)            { c.payload.addKwargs(k) }
func (k KW) applyPublish(c *publishConfig)      { c.payload.addKwargs(k) }
func (k KW) applyPayload(p *Payload)            { p.addKwargs(k) }
func (p Payload) applyCall(c *callConfig)       { c.payload = p }
func (p Payload) applyPublish(c *publishConfig) { c.payload = p }
func (p Payload) applyPayload(q *Payload)       { *q = p }

func (p *Payload) setArgs(a Args) {
	*p = Payload{args: a, kwargs: p.kwargs, ppt: p.ppt}
}

func (p *Payload) addKwargs(k KW) {
	if p.kwargs == nil {
		*p = Payload{args: p.args, kwargs: k, ppt: p.ppt}
		return
	}
	sum := make(KW, len(p.kwargs)+len(k))
	for name, v := range p.kwargs {
		sum[name] = v
	}
	for name, v := range k {
		sum[name] = v
	}
	*p = Payload{args: p.args, kwargs: sum, ppt: p.ppt}
}

func newPayload(opts []PayloadOption) Payload {
	var p Payload
	for _, o := range opts {
		o.applyPayload(&p)
	}
	return p
}

// received returns the payload of a message that stays in memory.
func received(p *msg.Payload) Payload { return Payload{raw: p} }

// encode appends p in format f to dst and returns it, and where it is. Raw
// payloads stay where they are, in their own format.
func (p *Payload) encode(dst []byte, f msg.Format) ([]byte, msg.Payload, error) {
	switch {
	case p.raw != nil:
		return dst, *p.raw, nil
	case p.in != nil || p.single:
		return encodeIn(dst, f, p.in, p.single)
	}
	out := msg.Payload{Format: f}
	start := len(dst)
	var err error
	if len(p.args) > 0 {
		if dst, err = codec.Marshal(dst, f, []any(p.args)); err != nil {
			return dst, out, fmt.Errorf("positional arguments: %w", err)
		}
	}
	middle := len(dst)
	if len(p.kwargs) > 0 {
		if dst, err = codec.Marshal(dst, f, map[string]any(p.kwargs)); err != nil {
			return dst, out, fmt.Errorf("keyword arguments: %w", err)
		}
	}
	return dst, split(f, dst, start, middle), nil
}

// split returns the payload whose args begin at start and whose kwargs begin at
// middle of b. Empty parts are absent.
func split(f msg.Format, b []byte, start, middle int) msg.Payload {
	p := msg.Payload{Format: f}
	if middle > start {
		p.Args = b[start:middle:middle]
	}
	if len(b) > middle {
		p.Kwargs = b[middle:len(b):len(b)]
	}
	return p
}

// keep returns a copy of p in memory of its own, taken from buf when that is
// large enough, and that memory.
func keep(p *msg.Payload, buf []byte) (msg.Payload, []byte) {
	buf = append(buf[:0], p.Args...)
	buf = append(buf, p.Kwargs...)
	out := split(p.Format, buf, 0, len(p.Args))
	return out, buf
}

// serialized returns the payload as received, or as it would be sent in CBOR.
func (p Payload) serialized() (*msg.Payload, error) {
	if p.raw != nil {
		return p.raw, nil
	}
	_, out, err := p.encode(nil, msg.CBOR)
	return &out, err
}

var errNotList = errors.New("the positional arguments are no list")

// elements appends the serialized positional arguments to dst.
func elements(dst [][]byte, p *msg.Payload) ([][]byte, error) {
	if len(p.Args) == 0 {
		return dst, nil
	}
	if !isList(p) {
		return dst, errNotList
	}
	return codec.Elements(dst, p.Format, p.Args), nil
}

// isList tells a list from the string that Autobahn's enc_* form puts in its
// place.
func isList(p *msg.Payload) bool {
	switch c := p.Args[0]; p.Format {
	case msg.JSON:
		return c == '['
	case msg.MessagePack:
		return c&0xf0 == 0x90 || c == 0xdc || c == 0xdd
	default:
		return c>>5 == 4
	}
}

// Len returns the number of positional arguments.
func (p Payload) Len() int {
	raw, err := p.serialized()
	if err != nil {
		return 0
	}
	var few [8][]byte
	list, _ := elements(few[:0], raw)
	return len(list)
}

// Arg decodes positional argument i, counted from 0, into what v points to.
// Without such an argument, or when it does not fit, the error is
// wamp.error.invalid_argument.
func (p Payload) Arg(i int, v any) error {
	raw, err := p.serialized()
	if err != nil {
		return err
	}
	var few [8][]byte
	list, err := elements(few[:0], raw)
	if err != nil {
		return invalidArgument("%v", err)
	}
	if i < 0 || i >= len(list) {
		return invalidArgument("argument %d is missing: got %d", i, len(list))
	}
	return decodeArgument(raw.Format, list[i], v, "argument %d", i)
}

// Kwarg decodes the keyword argument name into what v points to. Errors are
// those of Arg.
func (p Payload) Kwarg(name string, v any) error {
	raw, err := p.serialized()
	if err != nil {
		return err
	}
	var value []byte
	if raw.Kwargs != nil {
		codec.Entries(raw.Format, raw.Kwargs, func(key, data []byte) bool {
			if string(key) == name {
				value = data
			}
			return value == nil
		})
	}
	if value == nil {
		return invalidArgument("keyword argument %q is missing", name)
	}
	return decodeArgument(raw.Format, value, v, "keyword argument %q", name)
}

// Decode binds the payload to what v points to, by the rules of [Call]'s
// results.
func (p Payload) Decode(v any) error {
	raw, err := p.serialized()
	if err != nil {
		return err
	}
	return decodeAny(raw, v)
}

// Args returns the positional arguments as nil, bool, int64, uint64 (when
// beyond int64), float64, string, []byte, []any and map[string]any.
func (p Payload) Args() (Args, error) {
	raw, err := p.serialized()
	if err != nil || raw.Args == nil {
		return nil, err
	}
	if !isList(raw) {
		return nil, invalidArgument("%v", errNotList)
	}
	var list []any
	if err := codec.Unmarshal(raw.Format, raw.Args, &list); err != nil {
		return nil, invalidArgument("positional arguments: %v", err)
	}
	return list, nil
}

// Kwargs returns the keyword arguments likewise.
func (p Payload) Kwargs() (KW, error) {
	raw, err := p.serialized()
	if err != nil || raw.Kwargs == nil {
		return nil, err
	}
	var dict map[string]any
	if err := codec.Unmarshal(raw.Format, raw.Kwargs, &dict); err != nil {
		return nil, invalidArgument("keyword arguments: %v", err)
	}
	return dict, nil
}

// JSON returns the positional and the keyword arguments as JSON text, nil when
// absent. Binary values are strings of U+0000 and base64, as in WAMP.
func (p Payload) JSON() (args, kwargs []byte, err error) {
	raw, err := p.serialized()
	if err != nil {
		return nil, nil, err
	}
	text := codec.TranscodePayload(*raw, msg.JSON)
	if raw.Args == nil {
		text.Args = nil // and not the empty list that keyword arguments need
	}
	return text.Args, text.Kwargs, nil
}

// Result is the raw result of a call: everything that the callee returned.
type Result struct {
	Payload

	// Callee is the session that answered, when the router tells; else 0.
	Callee uint64
}

// Return makes a raw result for a handler:
//
//	return wamp.Return(wamp.Args{re, im}), nil
func Return(opts ...PayloadOption) Result { return Result{Payload: newPayload(opts)} }
