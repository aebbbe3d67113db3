package loadgen

import (
	"encoding/binary"
	"sync"

	"github.com/wampeter/wampeter/internal/msg"
)

// The relay of the benchmark harness (bench/relay) is the floor for any router:
// it forwards each message to the connections that claimed the number in its
// first four octets, and looks at nothing else. To be comparable it is driven
// by this same generator, with the same framing, batching and message sizes.
//
//	0  destination, 0 being the relay itself
//	4  correlation ID (destination 0: the number to claim)
//	8  number of the sender
//	12 message type, as in WAMP, of what the message stands for
//	13 padding up to the size that the message has in the serializer
//
// A message to destination 0 makes the sender a receiver of the number and
// comes back as the answer. All integers are big endian. A procedure and a
// topic are numbers, and a session claims one to get results.

const relayHead = 13

// relayWire scans and builds the relay's messages, which are as long as those of
// another wire.
type relayWire struct{ like wire }

func (relayWire) format() msg.Format { return msg.CBOR }
func (relayWire) name() string       { return "cbor" }

func (relayWire) appendInt(dst []byte, n uint64) []byte {
	return binary.BigEndian.AppendUint64(dst, n)
}

func (w relayWire) appendValue(dst []byte, v any) []byte { return w.like.appendValue(dst, v) }

// template makes a message whose first eight octets are its ID.
func (w relayWire) template(typ msg.Type, rest ...any) template {
	like := w.like.template(typ, rest...)
	tail := make([]byte, max(relayHead, len(like.head)+2+len(like.tail))-8)
	tail[4] = byte(typ)
	return template{tail: tail}
}

// scan sees what the other end sent as what a router would have made of it.
func (relayWire) scan(b []byte) (message, error) {
	if len(b) < relayHead {
		return message{}, errScan
	}
	id := uint64(binary.BigEndian.Uint32(b[4:]))
	switch typ := msg.Type(b[12]); typ {
	case msg.Call:
		// The answer goes to the sender: its ID begins with that destination.
		return message{typ: msg.Invocation, a: uint64(binary.BigEndian.Uint32(b[8:]))<<32 | id}, nil
	case msg.Yield:
		return message{typ: msg.Result, a: id}, nil
	case msg.Publish:
		return message{typ: msg.Event}, nil
	default:
		return message{typ: typ, a: id}, nil
	}
}

// relayDialect gives numbers to sessions, procedures and topics.
type relayDialect struct {
	mu    sync.Mutex
	names map[string]uint32
	free  []uint32
	last  uint32
}

func (d *relayDialect) newNumber() uint32 {
	if n := len(d.free); n > 0 {
		number := d.free[n-1]
		d.free = d.free[:n-1]
		return number
	}
	d.last++
	return d.last
}

func (d *relayDialect) number(name string) uint32 {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, ok := d.names[name]
	if !ok {
		n = d.newNumber()
		if d.names == nil {
			d.names = make(map[string]uint32)
		}
		d.names[name] = n
	}
	return n
}

// claim makes s a receiver of a number. typ is what the message stands for.
func (d *relayDialect) claim(s *session, number uint32, typ msg.Type) error {
	s.append(s.wire, s.wire.template(typ, dict{}, ""), uint64(number))
	return s.await(typ, 0)
}

func (d *relayDialect) join(s *session, _ string) error {
	d.mu.Lock()
	s.number = d.newNumber()
	d.mu.Unlock()
	return d.claim(s, s.number, msg.Hello)
}

// sayGoodbye gives the session's number back. There is nothing to say.
func (d *relayDialect) sayGoodbye(s *session) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.free = append(d.free, s.number)
	return nil
}

func (d *relayDialect) awaitGoodbye(*session) error { return nil }

func (d *relayDialect) register(s *session, uri string) error {
	return d.claim(s, d.number(uri), msg.Register)
}

func (d *relayDialect) subscribe(s *session, topic string) error {
	return d.claim(s, d.number(topic), msg.Subscribe)
}

// subscribeForeign does nothing: the relay knows numbers only.
func (d *relayDialect) subscribeForeign(*session, string, int, int) error { return nil }

func (d *relayDialect) stream(s *session, uri string, args []any) template {
	return d.call(s, uri, args)
}

func (d *relayDialect) progress(s *session, args []any) template { return d.yield(s, args) }

func (d *relayDialect) call(s *session, uri string, args []any) template {
	return d.to(d.number(uri), s.number, s.wire.template(msg.Call, withArgs(args, dict{}, uri)...))
}

func (d *relayDialect) yield(s *session, args []any) template {
	return d.to(0, s.number, s.wire.template(msg.Yield, withArgs(args, dict{})...))
}

func (d *relayDialect) publish(s *session, topic string, args []any) template {
	return d.to(d.number(topic), s.number, s.wire.template(msg.Publish, withArgs(args, dict{}, topic)...))
}

// to addresses the message to a number, or with 0 to the one that its ID
// begins with.
func (d *relayDialect) to(number, from uint32, t template) template {
	t.base = uint64(number) << 32
	binary.BigEndian.PutUint32(t.tail, from)
	return t
}
