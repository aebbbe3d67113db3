package wamp

import (
	"context"
	"errors"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
)

func (d *Dialer) connectWebSocket(ctx context.Context, t target, formats []msg.Format) (transport.Conn, error) {
	return nil, errors.New("not yet")
}
