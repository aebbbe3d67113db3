package loadgen

import (
	"errors"
	"fmt"

	"github.com/wampeter/wampeter/internal/msg"
)

// A message is what the generator wants to know of a message that came in: its
// type and, as far as they are integers, the two elements that follow.
type message struct {
	typ  msg.Type
	a, b uint64
}

// A template is a prepared message: everything before and after its request
// ID, the second element. base is added to the ID.
type template struct {
	head, tail []byte
	base       uint64
}

// A wire builds messages in one serializer, and looks at what comes back.
type wire interface {
	// format is the serializer's number in the RawSocket handshake.
	format() msg.Format
	// name is what follows "wamp.2." in the name of the WebSocket subprotocol.
	name() string
	// appendInt appends a non-negative integer in its shortest form.
	appendInt(dst []byte, n uint64) []byte
	// appendValue appends a string, int, bool, []any or dict, and unless it is
	// JSON a []byte.
	appendValue(dst []byte, v any) []byte
	// template prepares the message [typ, ID, rest...].
	template(typ msg.Type, rest ...any) template
	// scan reads the beginning of a message. It accepts integers of any width
	// and checks nothing behind them.
	scan(b []byte) (message, error)
}

// dict is a dictionary in the order in which it is written.
type dict []entry

type entry struct {
	key   string
	value any
}

func wireByName(name string) (wire, error) {
	switch name {
	case "cbor":
		return cborWire{}, nil
	case "msgpack":
		return msgpackWire{}, nil
	case "json":
		return jsonWire{}, nil
	}
	return nil, fmt.Errorf("unknown serializer %q, want cbor, msgpack or json", name)
}

var errScan = errors.New("received something that does not begin like a WAMP message")

// joinInts makes a message of the integers at the beginning of an array. next
// returns the integer at the beginning of its argument and what follows, or
// false when something else stands there.
func joinInts(b []byte, next func([]byte) (uint64, []byte, bool)) (message, error) {
	typ, b, ok := next(b)
	if !ok || typ == 0 || typ > 1023 {
		return message{}, errScan
	}
	m := message{typ: msg.Type(typ)}
	if m.a, b, ok = next(b); ok {
		m.b, _, _ = next(b)
	}
	return m, nil
}
