package websocket

import (
	"strings"

	"github.com/wampeter/wampeter/internal/msg"
)

// Subprotocol is what the two ends agree on in the opening handshake:
// "wamp.2.json", "wamp.2.msgpack" or "wamp.2.cbor", or one of these with
// ".batched".
type Subprotocol struct {
	Format  msg.Format
	Batched bool // a WebSocket message holds several WAMP messages
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

// String returns the name on the wire.
func (p Subprotocol) String() string {
	if p.Batched {
		return protocolPrefix + p.Format.String() + batchedSuffix
	}
	return protocolPrefix + p.Format.String()
}

// text reports whether messages are text messages.
func (p Subprotocol) text() bool { return p.Format == msg.JSON }

// parseSubprotocol returns the subprotocol of the given name.
func parseSubprotocol(name string) (Subprotocol, bool) {
	for _, p := range Subprotocols(nil, true) {
		if p.String() == name {
			return p, true
		}
	}
	return Subprotocol{}, false
}

func join(list []Subprotocol) string {
	names := make([]string, len(list))
	for i, p := range list {
		names[i] = p.String()
	}
	return strings.Join(names, ", ")
}
