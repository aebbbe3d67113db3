package wamp

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"time"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
	"github.com/wampeter/wampeter/internal/transport/rawsocket"
)

// target is where a URL leads.
type target struct {
	url       *url.URL
	webSocket bool
	longPoll  bool
	tls       bool
	network   string // "tcp", "unix"
	address   string
	path      string // of the HTTP request, when it is not the URL's
}

// targets reads URLs, all of them before any is dialed, so that a mistake in
// the last one does not wait for the others to fail.
func (d *Dialer) targets(urls []string) ([]target, error) {
	var targets []target
	secure := false
	for _, text := range urls {
		t, err := parseTarget(text)
		if err != nil {
			return nil, err
		}
		secure = secure || t.tls
		targets = append(targets, t)
	}
	if d.TLS != nil && !secure {
		return nil, errors.New("TLS is configured, and no URL is wss, tls, rss or https")
	}
	return targets, nil
}

func parseTarget(text string) (target, error) {
	u, err := url.Parse(text)
	if err != nil {
		return target{}, err
	}
	t := target{url: u, network: "tcp"}
	port := ""
	switch u.Scheme {
	case "ws":
		t.webSocket, port = true, "80"
	case "wss":
		t.webSocket, t.tls, port = true, true, "443"
	case "http":
		t.longPoll, port = true, "80"
	case "https":
		t.longPoll, t.tls, port = true, true, "443"
	case "tcp", "rs":
	case "tls", "rss":
		t.tls = true
	case "unix", "rs+unix":
		t.network = "unix"
	case "ws+unix":
		t.webSocket, t.network = true, "unix"
		t.path = cmp.Or(u.Query().Get("path"), "/ws")
	default:
		return target{}, fmt.Errorf("%s: scheme %q: there are ws, wss, tcp, tls, rs, rss, unix, rs+unix, ws+unix, http and https", text, u.Scheme)
	}
	if t.network == "unix" {
		if t.address = cmp.Or(u.Opaque, u.Path); t.address == "" || u.Host != "" {
			return target{}, fmt.Errorf("%s: a Unix socket is written %s:/path", text, u.Scheme)
		}
		return t, nil
	}
	if port = cmp.Or(u.Port(), port); port == "" || u.Hostname() == "" {
		return target{}, fmt.Errorf("%s: host and port are needed", text)
	}
	t.address = net.JoinHostPort(u.Hostname(), port)
	return t, nil
}

// connect opens a connection and runs the handshake of its transport.
func (d *Dialer) connect(ctx context.Context, t target, formats []msg.Format) (transport.Conn, error) {
	if t.webSocket {
		return d.connectWebSocket(ctx, t, formats)
	}
	if t.longPoll {
		return d.connectLongPoll(ctx, t, formats)
	}
	// A RawSocket handshake names one serializer.
	for i, f := range formats {
		conn, err := d.connectRawSocket(ctx, t, f)
		if err == nil {
			return conn, nil
		}
		if i == len(formats)-1 || !errors.Is(err, rawsocket.RefusedSerializer) {
			return nil, err
		}
	}
	return nil, errors.New("no serializer")
}

func (d *Dialer) connectRawSocket(ctx context.Context, t target, f msg.Format) (transport.Conn, error) {
	nc, err := d.dialNet(ctx, t)
	if err != nil {
		return nil, err
	}
	conn, err := rawsocket.Client(ctx, nc, f, d.limits())
	if err != nil {
		_ = nc.Close()
		return nil, err
	}
	if d.RawSocketPing {
		conn.EnablePing()
	}
	return conn, nil
}

// limits bounds what connections cost.
func (d *Dialer) limits() transport.Limits {
	l := transport.Limits{MaxMessage: d.MaxMessage, Handshake: d.Timeout}
	if d.Timeout < 0 {
		l.Handshake = 24 * time.Hour // the context bounds it
	}
	return l
}

// dialNet opens the connection underneath, with TLS if the URL says so.
func (d *Dialer) dialNet(ctx context.Context, t target) (net.Conn, error) {
	nc, err := d.netDial(ctx, t.network, t.address)
	if err != nil || !t.tls {
		return nc, err
	}
	return d.startTLS(ctx, nc, t.url.Hostname())
}

func (d *Dialer) netDial(ctx context.Context, network, address string) (net.Conn, error) {
	if d.NetDial != nil {
		return d.NetDial(ctx, network, address)
	}
	var nd net.Dialer
	return nd.DialContext(ctx, network, address)
}

// startTLS runs the TLS handshake on nc, and closes it when that fails.
func (d *Dialer) startTLS(ctx context.Context, nc net.Conn, host string) (net.Conn, error) {
	cfg := &tls.Config{}
	if d.TLS != nil {
		cfg = d.TLS.Clone()
	}
	cfg.ServerName = cmp.Or(cfg.ServerName, host)
	// Neither transport runs over HTTP/2. Nothing is asked for by default, since
	// Crossbar.io's TLS fails when it is asked for HTTP/1.1.
	cfg.NextProtos = slices.DeleteFunc(slices.Clone(cfg.NextProtos), func(p string) bool { return p == "h2" })
	conn, err := transport.ClientTLS(ctx, nc, cfg)
	if err != nil {
		_ = nc.Close()
		return nil, err
	}
	return conn, nil
}
