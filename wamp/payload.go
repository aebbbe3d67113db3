package wamp

// Args is a list of positional arguments. It is an option of every operation
// that sends arguments:
//
//	wamp.Call[int](ctx, s, "com.example.add2", wamp.Args{2, 5})
type Args []any

// KW is a set of keyword arguments, likewise.
type KW map[string]any

// Payload is the arguments that came with a message, still serialized, or that
// go out with one. As an option it forwards them as they are.
type Payload struct {
	args   Args
	kwargs KW
}

// In turns a struct with wamp tags into arguments: "0" is the first positional
// argument, "nick" the keyword argument nick, ",rest" further positional and
// ",extra" further keyword arguments; ",omitzero" leaves a zero value out.
func In(v any) PayloadOption { panic("not yet") }

// Len returns the number of positional arguments.
func (p Payload) Len() int { panic("not yet") }

// Arg decodes positional argument i into what v points to.
func (p Payload) Arg(i int, v any) error { panic("not yet") }

// Kwarg decodes the keyword argument name into what v points to.
func (p Payload) Kwarg(name string, v any) error { panic("not yet") }

// Decode binds the payload to what v points to, by the rules of Call's results.
func (p Payload) Decode(v any) error { panic("not yet") }

// Args returns the positional arguments as nil, bool, int64, uint64 (beyond
// int64), float64, string, []byte, []any and map[string]any.
func (p Payload) Args() (Args, error) { panic("not yet") }

// Kwargs returns the keyword arguments likewise.
func (p Payload) Kwargs() (KW, error) { panic("not yet") }

// JSON returns both as JSON text, nil when absent. Binary values are strings
// of U+0000 and base64, as WAMP has it.
func (p Payload) JSON() (args, kwargs []byte) { panic("not yet") }

func (a Args) applyCall(*callConfig)          { panic("not yet") }
func (a Args) applyPublish(*publishConfig)    { panic("not yet") }
func (a Args) applyPayload(*Payload)          { panic("not yet") }
func (k KW) applyCall(*callConfig)            { panic("not yet") }
func (k KW) applyPublish(*publishConfig)      { panic("not yet") }
func (k KW) applyPayload(*Payload)            { panic("not yet") }
func (p Payload) applyCall(*callConfig)       { panic("not yet") }
func (p Payload) applyPublish(*publishConfig) { panic("not yet") }
func (p Payload) applyPayload(*Payload)       { panic("not yet") }

func newPayload(opts []PayloadOption) Payload { panic("not yet") }

// Result is the raw result of a call: positional and keyword results.
type Result struct {
	Payload
}

// Return makes a raw result for a handler:
//
//	return wamp.Return(wamp.Args{re, im}), nil
func Return(opts ...PayloadOption) Result { panic("not yet") }

type (
	callConfig      struct{}
	publishConfig   struct{}
	registerConfig  struct{}
	subscribeConfig struct{}
)
