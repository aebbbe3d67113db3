package longpoll

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptrace"
	"net/url"
	"strings"
	"time"

	"github.com/wampeter/wampeter/internal/transport"
)

// ClientOptions of Dial.
type ClientOptions struct {
	URL          *url.URL                // base; user and password become basic authentication, the query goes along
	Subprotocols []transport.Subprotocol // in order of preference
	Header       http.Header             // sent along
	Limits       transport.Limits        // WriteTimeout is also the time that an answer may stand still

	// Transport makes the requests: how to dial, TLS and proxies are its
	// business. It belongs to the connection, which closes its idle
	// connections in the end. nil stands for one that uses the proxies of the
	// environment.
	Transport *http.Transport

	// Jar keeps cookies; nil stands for one of the connection's own.
	Jar http.CookieJar
}

// idleConn is how long a connection to the server is kept between requests:
// shorter than servers do, so that no request meets the end of a connection.
const idleConn = 30 * time.Second

// maxBody is how much of the body of an answer becomes part of an error.
const maxBody = 256

// Dial opens a connection. ctx is for the opening alone, which also ends with
// the handshake timeout of the limits. Redirects are not followed.
func Dial(ctx context.Context, o *ClientOptions) (transport.Conn, error) {
	c := &client{
		header:    o.Header.Clone(),
		limits:    o.Limits,
		limit:     o.Limits.MessageLimit(),
		transport: o.Transport,
		info:      transport.Info{Transport: "longpoll", Network: "tcp", Peer: o.URL.Host},
	}
	if c.header == nil {
		c.header = make(http.Header)
	}
	if c.limits.WriteTimeout == 0 {
		c.limits.WriteTimeout = transport.DefaultWriteTimeout
	}
	if c.transport == nil {
		c.transport = &http.Transport{Proxy: http.ProxyFromEnvironment, IdleConnTimeout: idleConn, TLSHandshakeTimeout: o.Limits.HandshakeTimeout()}
	}
	jar := o.Jar
	if jar == nil {
		jar, _ = cookiejar.New(nil) // does not fail
	}
	c.http = &http.Client{
		Transport:     c.transport,
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	ctx, cancel := context.WithTimeout(ctx, o.Limits.HandshakeTimeout())
	defer cancel()
	if err := c.open(ctx, o); err != nil {
		c.cancel(nil)
		c.transport.CloseIdleConnections()
		return nil, fmt.Errorf("long-poll: open: %w", err)
	}
	return c, nil
}

// open asks for a connection.
func (c *client) open(ctx context.Context, o *ClientOptions) error {
	request := openRequest{}
	for _, p := range o.Subprotocols {
		request.Protocols = append(request.Protocols, p.String())
	}
	b, err := json.Marshal(request)
	if err != nil {
		return err
	}
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		c.info.Network = i.Conn.RemoteAddr().Network()
		c.info.Local, c.info.Peer = i.Conn.LocalAddr().String(), i.Conn.RemoteAddr().String()
	}})
	response, err := c.post(ctx, o.URL.JoinPath("open"), "application/json", b, nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if !success(response.StatusCode) {
		return statusError(response)
	}
	if b, err = io.ReadAll(io.LimitReader(response.Body, maxOpen)); err != nil {
		return err
	}
	var answer openResponse
	if err := json.Unmarshal(b, &answer); err != nil {
		return fmt.Errorf("the server's answer is none of a long-poll server: %w", err)
	}
	p, ok := transport.ParseSubprotocol(answer.Protocol)
	offered := false
	for _, q := range o.Subprotocols {
		offered = offered || ok && p == q
	}
	if !offered {
		return fmt.Errorf("the server chose protocol %q; offered were %s", answer.Protocol, transport.JoinSubprotocols(o.Subprotocols))
	}
	id := answer.Transport
	if id == "" || id == "." || id == ".." || strings.Contains(id, "/") {
		return fmt.Errorf("the server's transport id %q cannot be part of a path", id)
	}
	c.protocol = p
	c.info.Subprotocol = p.String()
	c.info.TLS = response.TLS
	base := o.URL.JoinPath(url.PathEscape(id))
	c.urls.receive, c.urls.send, c.urls.close = base.JoinPath("receive"), base.JoinPath("send"), base.JoinPath("close")
	return nil
}

// post sends a request. When moved is not nil it is called as parts of body
// are taken.
func (c *client) post(ctx context.Context, u *url.URL, contentType string, b []byte, moved func()) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	if moved != nil && len(b) > 0 {
		request.Body = io.NopCloser(&watchedReader{bytes.NewReader(b), moved})
	}
	for name, values := range c.header {
		request.Header[http.CanonicalHeaderKey(name)] = values
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := c.http.Do(request)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return response, err
}

// watchedReader tells of its progress.
type watchedReader struct {
	r     io.Reader
	moved func()
}

func (w *watchedReader) Read(b []byte) (int, error) {
	w.moved()
	return w.r.Read(b)
}

// statusError says what a server answered instead of what was expected.
func statusError(r *http.Response) error {
	text := "the server answered " + r.Status
	if l := r.Header.Get("Location"); l != "" {
		text += ", to " + l + ", which is not followed"
	}
	b, _ := io.ReadAll(io.LimitReader(r.Body, maxBody)) // what there is will do
	if body := strings.TrimSpace(strings.ToValidUTF8(string(b), "?")); body != "" {
		text += ": " + body
	}
	return errors.New(text)
}
