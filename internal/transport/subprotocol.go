package transport

import (
	"bytes"
	"encoding/binary"
	"strings"

	"github.com/wampeter/wampeter/internal/msg"
)

// Subprotocol is what the two ends of a WebSocket or long-poll connection agree
// on: "wamp.2.json", "wamp.2.msgpack" or "wamp.2.cbor", or one of these with
// ".batched".
type Subprotocol struct {
	Format  msg.Format
	Batched bool // what is sent at once holds several WAMP messages
}

const (
	protocolPrefix = "wamp.2."
	batchedSuffix  = ".batched"
)

// Subprotocols returns the subprotocols of the given formats, nil standing for
// all formats; first the plain ones, then, if batched is set, the batched ones.
func Subprotocols(formats []msg.Format, batched bool) []Subprotocol {
	if formats == nil {
		formats = []msg.Format{msg.JSON, msg.MessagePack, msg.CBOR}
	}
	var list []Subprotocol
	for _, f := range formats {
		list = append(list, Subprotocol{Format: f})
	}
	if batched {
		for _, f := range formats {
			list = append(list, Subprotocol{Format: f, Batched: true})
		}
	}
	return list
}

// ParseSubprotocol returns the subprotocol of the given name.
func ParseSubprotocol(name string) (Subprotocol, bool) {
	for _, p := range Subprotocols(nil, true) {
		if p.String() == name {
			return p, true
		}
	}
	return Subprotocol{}, false
}

// JoinSubprotocols returns the names, separated by commas.
func JoinSubprotocols(list []Subprotocol) string {
	names := make([]string, len(list))
	for i, p := range list {
		names[i] = p.String()
	}
	return strings.Join(names, ", ")
}

// String returns the name on the wire.
func (p Subprotocol) String() string {
	if p.Batched {
		return protocolPrefix + p.Format.String() + batchedSuffix
	}
	return protocolPrefix + p.Format.String()
}

// Text reports whether messages are text.
func (p Subprotocol) Text() bool { return p.Format == msg.JSON }

// Cut returns the first message of a batch that is not empty, and the rest of
// the batch. In JSON each message is followed by a record separator, else
// preceded by four octets of length (specification, section "Batched WebSocket
// Transport"). ok is false when batch does not begin with a complete message.
func (p Subprotocol) Cut(batch []byte) (message, rest []byte, ok bool) {
	if p.Text() {
		n := bytes.IndexByte(batch, RecordSeparator)
		if n < 0 {
			return nil, batch, false
		}
		return batch[:n:n], batch[n+1:], true
	}
	return CutPrefixed(batch)
}

// CutPrefixed returns the first message of b in the framing Prefixed, and what
// follows it. ok is false when b does not begin with a complete message.
func CutPrefixed(b []byte) (message, rest []byte, ok bool) {
	if len(b) < prefixSize {
		return nil, b, false
	}
	n := binary.BigEndian.Uint32(b)
	if uint64(n) > uint64(len(b)-prefixSize) {
		return nil, b, false
	}
	b = b[prefixSize:]
	return b[:n:n], b[n:], true
}

// prefixSize is the length of what precedes a message in the framing Prefixed.
const prefixSize = 4
