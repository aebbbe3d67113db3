package wamp

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
	"github.com/wampeter/wampeter/internal/transport/websocket"
)

func (d *Dialer) connectWebSocket(ctx context.Context, t target, formats []msg.Format) (transport.Conn, error) {
	o := &websocket.ClientOptions{
		URL:          t.url,
		Subprotocols: transport.Subprotocols(formats, false),
		Deflate:      d.Compression,
		Limits:       d.limits(),
	}
	if t.network == "unix" {
		o.URL = &url.URL{Scheme: "ws", Host: "localhost", Path: t.path}
	}
	var err error
	if o.Header, err = d.header(ctx); err != nil {
		return nil, err
	}
	nc, err := d.dialHTTP(ctx, t)
	if err != nil {
		return nil, err
	}
	conn, err := websocket.Client(ctx, nc, o)
	if err != nil {
		_ = nc.Close()
		return nil, err
	}
	return conn, nil
}

// header returns the headers of one attempt.
func (d *Dialer) header(ctx context.Context) (http.Header, error) {
	if d.Header == nil {
		return nil, nil
	}
	header, err := d.Header(ctx)
	if err != nil {
		return nil, fmt.Errorf("headers: %w", err)
	}
	return header, nil
}

// dialHTTP opens the connection for an opening handshake, through a proxy when
// there is one.
func (d *Dialer) dialHTTP(ctx context.Context, t target) (net.Conn, error) {
	proxy, err := d.proxyFor(t)
	if err != nil {
		return nil, fmt.Errorf("proxy for %s: %w", t.url.Host, err)
	}
	if proxy == nil {
		return d.dialNet(ctx, t)
	}
	nc, err := d.dialProxy(ctx, proxy)
	if err != nil {
		return nil, fmt.Errorf("proxy %s: %w", proxy.Host, err)
	}
	limits := d.limits()
	if err := websocket.Tunnel(ctx, nc, proxy, t.address, &limits); err != nil {
		_ = nc.Close()
		return nil, err
	}
	if t.tls {
		return d.startTLS(ctx, nc, t.url.Hostname())
	}
	return nc, nil
}

// proxy returns Dialer.Proxy or its default.
func (d *Dialer) proxy() func(*http.Request) (*url.URL, error) {
	if d.Proxy != nil {
		return d.Proxy
	}
	return http.ProxyFromEnvironment
}

// proxyFor returns the proxy for a target, nil for none.
func (d *Dialer) proxyFor(t target) (*url.URL, error) {
	if t.network == "unix" {
		return nil, nil
	}
	u := *t.url // as proxies know it
	u.Scheme = "http"
	if t.tls {
		u.Scheme = "https"
	}
	return d.proxy()(&http.Request{Method: http.MethodConnect, URL: &u, Host: u.Host, Header: http.Header{}})
}

func (d *Dialer) dialProxy(ctx context.Context, proxy *url.URL) (net.Conn, error) {
	port := "80"
	switch proxy.Scheme {
	case "http":
	case "https":
		port = "443"
	default:
		return nil, fmt.Errorf("scheme %q: there are http and https", proxy.Scheme)
	}
	nc, err := d.netDial(ctx, "tcp", net.JoinHostPort(proxy.Hostname(), cmp.Or(proxy.Port(), port)))
	if err != nil || proxy.Scheme == "http" {
		return nc, err
	}
	return d.startTLS(ctx, nc, proxy.Hostname())
}
