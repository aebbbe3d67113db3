package websocket

import (
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
)

// Subprotocol is what the two ends agree on in the opening handshake.
type Subprotocol = transport.Subprotocol

// Subprotocols returns the subprotocols of the given formats; see the function
// of the same name in package transport.
func Subprotocols(formats []msg.Format, batched bool) []Subprotocol {
	return transport.Subprotocols(formats, batched)
}
