package wamp

import (
	"context"
	"net/http"
	"time"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
	"github.com/wampeter/wampeter/internal/transport/longpoll"
)

// connectLongPoll opens a connection that is made of HTTP requests.
func (d *Dialer) connectLongPoll(ctx context.Context, t target, formats []msg.Format) (transport.Conn, error) {
	header, err := d.header(ctx)
	if err != nil {
		return nil, err
	}
	return longpoll.Dial(ctx, &longpoll.ClientOptions{
		URL:          t.url,
		Subprotocols: longPollProtocols(formats),
		Header:       header,
		Limits:       d.limits(),
		Transport: &http.Transport{
			DialContext:     d.netDial,
			TLSClientConfig: d.TLS.Clone(),
			Proxy:           d.proxy(),
			IdleConnTimeout: 30 * time.Second,
		},
	})
}

// longPollProtocols asks for batches first: a request carries all that waits.
func longPollProtocols(formats []msg.Format) []transport.Subprotocol {
	var batched, plain []transport.Subprotocol
	for _, p := range transport.Subprotocols(formats, true) {
		if p.Batched {
			batched = append(batched, p)
		} else {
			plain = append(plain, p)
		}
	}
	return append(batched, plain...)
}
