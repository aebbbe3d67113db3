package websocket

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
)

// Options of a server. The zero value accepts all subprotocols, from pages of
// the same host.
type Options struct {
	Formats []msg.Format // serializers that are spoken; nil: all. Each also as ".batched"
	Deflate bool         // accept permessage-deflate
	Limits  transport.Limits

	// Origins lists the origins, such as "https://example.com", whose pages
	// may connect; * stands for any characters but "/". The page's own host is
	// always allowed, and so is a client that sends no Origin, since it is no
	// browser.
	Origins []string

	// Forwarders are the reverse proxies whose X-Forwarded-For says who the
	// client is.
	Forwarders transport.Trust

	// Upgrade is asked before a request is accepted. It may add to the header
	// of the response. An error refuses the request: a *transport.Refusal with its status
	// and text, another one with 403 Forbidden. nil accepts all.
	Upgrade func(r *http.Request, response http.Header) error
}

// IsUpgrade reports whether r asks for a WebSocket connection.
func IsUpgrade(r *http.Request) bool {
	return hasToken(r.Header, "Connection", "upgrade") && hasToken(r.Header, "Upgrade", "websocket")
}

// hasToken reports whether the comma-separated list of key has the token.
func hasToken(h http.Header, key, token string) bool {
	for _, line := range h[key] {
		for part := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}

// acceptKey is the answer to a client's Sec-WebSocket-Key (RFC 6455, section
// 4.2.2).
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// negotiate checks r and returns the Conn that it asks for, not connected yet,
// and the header of the response. Errors are *transport.Refusal.
func (o *Options) negotiate(r *http.Request) (*Conn, http.Header, error) {
	h := make(http.Header, 6)
	if !IsUpgrade(r) {
		h.Set("Upgrade", "websocket")
		h.Set("Connection", "Upgrade")
		return nil, h, &transport.Refusal{Status: http.StatusUpgradeRequired, Text: "this is a WebSocket endpoint for WAMP"}
	}
	switch {
	case r.Method != http.MethodGet:
		h.Set("Allow", http.MethodGet)
		return nil, h, &transport.Refusal{Status: http.StatusMethodNotAllowed, Text: "a WebSocket handshake is a GET request"}
	case !r.ProtoAtLeast(1, 1):
		return nil, h, &transport.Refusal{Status: http.StatusBadRequest, Text: "a WebSocket handshake needs HTTP/1.1"}
	case r.Header.Get("Sec-WebSocket-Version") != "13":
		h.Set("Sec-WebSocket-Version", "13")
		return nil, h, &transport.Refusal{Status: http.StatusUpgradeRequired, Text: "only WebSocket version 13 is supported"}
	}
	key := r.Header.Get("Sec-WebSocket-Key")
	if b, err := base64.StdEncoding.DecodeString(key); err != nil || len(b) != 16 {
		return nil, h, &transport.Refusal{Status: http.StatusBadRequest, Text: "the Sec-WebSocket-Key is missing or malformed"}
	}
	if !transport.OriginAllowed(r, o.Origins) {
		return nil, h, &transport.Refusal{Status: http.StatusForbidden, Text: "pages of " + r.Header.Get("Origin") + " may not connect here"}
	}
	protocol, err := o.choose(r)
	if err != nil {
		return nil, h, err
	}
	if o.Upgrade != nil {
		if err := o.Upgrade(r, h); err != nil {
			var refusal *transport.Refusal
			if !errors.As(err, &refusal) {
				refusal = &transport.Refusal{Status: http.StatusForbidden, Text: err.Error()}
			}
			return nil, h, refusal
		}
	}
	c := &Conn{protocol: protocol, request: keep(r)}
	c.request.RemoteAddr = o.Forwarders.Client(r)
	h.Set("Upgrade", "websocket")
	h.Set("Connection", "Upgrade")
	h.Set("Sec-WebSocket-Accept", acceptKey(key))
	h.Set("Sec-WebSocket-Protocol", protocol.String())
	if o.Deflate {
		if answer := acceptDeflate(r.Header); answer != "" {
			h.Set("Sec-WebSocket-Extensions", answer)
			c.deflate = true
		}
	}
	return c, h, nil
}

// choose returns the first subprotocol of the client's list that is spoken.
func (o *Options) choose(r *http.Request) (transport.Subprotocol, error) {
	spoken := transport.Subprotocols(o.Formats, true)
	for _, line := range r.Header["Sec-Websocket-Protocol"] {
		for name := range strings.SplitSeq(line, ",") {
			p, ok := transport.ParseSubprotocol(strings.TrimSpace(name))
			for _, s := range spoken {
				if ok && s == p {
					return p, nil
				}
			}
		}
	}
	return transport.Subprotocol{}, &transport.Refusal{
		Status: http.StatusBadRequest,
		Text:   "none of the requested WebSocket subprotocols is supported; supported are " + transport.JoinSubprotocols(spoken),
	}
}

// Accept answers r, which was read from nc together with rest, bytes behind it,
// and returns the connection. A request that is refused gets its answer, with
// "Connection: close"; the error is a *transport.Refusal, and nc is left to the caller to
// close.
func Accept(ctx context.Context, nc net.Conn, r *http.Request, rest []byte, o *Options) (*Conn, error) {
	c, h, refused := o.negotiate(r)
	err := transport.Handshake(ctx, nc, &o.Limits, func() error {
		return respond(nc, h, refused)
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return nil, err
	}
	c.init(nc, rest, &o.Limits)
	return c, nil
}

// respond writes the response to an opening handshake.
func respond(nc net.Conn, h http.Header, refused error) error {
	w := bufio.NewWriterSize(nc, 1024)
	body := ""
	status := http.StatusSwitchingProtocols
	if refused != nil {
		var refusal *transport.Refusal
		errors.As(refused, &refusal)
		status, body = refusal.Status, refusal.Text+"\n"
		h.Set("Connection", "close")
		h.Set("Content-Type", "text/plain; charset=utf-8")
		h.Set("Content-Length", fmt.Sprint(len(body)))
	}
	fmt.Fprintf(w, "HTTP/1.1 %d %s\r\n", status, http.StatusText(status))
	_ = h.Write(w) // errors stay in w
	fmt.Fprintf(w, "\r\n%s", body)
	return w.Flush()
}

// Upgrade is Accept for an http.Handler. A request that is refused was answered
// when it returns.
func Upgrade(w http.ResponseWriter, r *http.Request, o *Options) (*Conn, error) {
	c, h, err := o.negotiate(r)
	if err != nil {
		for key, values := range h {
			w.Header()[key] = values
		}
		var refusal *transport.Refusal
		errors.As(err, &refusal)
		http.Error(w, refusal.Text, refusal.Status)
		return nil, err
	}
	nc, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "this server cannot switch protocols", http.StatusInternalServerError)
		return nil, fmt.Errorf("websocket upgrade: %w", err)
	}
	rest, _ := buffered.Reader.Peek(buffered.Reader.Buffered()) // cannot fail
	err = transport.Handshake(context.WithoutCancel(r.Context()), nc, &o.Limits, func() error {
		return respond(nc, h, nil)
	})
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("websocket upgrade: %w", err)
	}
	c.init(nc, rest, &o.Limits)
	return c, nil
}

// handshakeHeaders say nothing about the client once the handshake is over.
var handshakeHeaders = []string{
	"Connection", "Upgrade", "Sec-Websocket-Key", "Sec-Websocket-Version", "Sec-Websocket-Protocol",
	"Sec-Websocket-Extensions", "Pragma", "Cache-Control", "Accept-Encoding",
}

// keep returns what is kept of a request for as long as the connection lives:
// what tells who the client is, without the memory, and the context, of the
// whole request.
func keep(r *http.Request) *http.Request {
	k := &http.Request{
		Method: r.Method, URL: r.URL, Proto: r.Proto, ProtoMajor: r.ProtoMajor, ProtoMinor: r.ProtoMinor,
		Host: r.Host, RemoteAddr: r.RemoteAddr, RequestURI: r.RequestURI, TLS: r.TLS,
	}
	for name, values := range r.Header {
		if slices.Contains(handshakeHeaders, name) {
			continue
		}
		if k.Header == nil {
			k.Header = make(http.Header)
		}
		k.Header[name] = values
	}
	return k
}
