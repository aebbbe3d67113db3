package websocket

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/wampeter/wampeter/internal/transport"
)

// ClientOptions of an opening handshake.
type ClientOptions struct {
	URL          *url.URL                // host, path and query; user and password become basic authentication
	Subprotocols []transport.Subprotocol // in order of preference
	Header       http.Header             // sent along
	Deflate      bool                    // offer permessage-deflate
	Limits       transport.Limits
}

// StatusError says that a server answered the opening handshake with something
// else than a WebSocket connection. Redirects are not followed.
type StatusError struct {
	StatusCode int
	Status     string
	Location   string // of a redirect
	Body       string // its beginning
}

// Error returns the status, where a redirect leads, and the beginning of the
// body.
func (e *StatusError) Error() string {
	s := "the server answered " + e.Status
	if e.Location != "" {
		s += ", to " + e.Location + ", which is not followed"
	}
	if e.Body != "" {
		s += ": " + e.Body
	}
	return s
}

const (
	maxResponse = 64 << 10 // of the header of a response
	maxBody     = 256      // of the body that becomes part of an error
)

// reserved are header fields that the handshake sets itself.
var reserved = map[string]bool{
	"Host": true, "Upgrade": true, "Connection": true, "Sec-Websocket-Key": true,
	"Sec-Websocket-Version": true, "Sec-Websocket-Protocol": true, "Sec-Websocket-Extensions": true,
}

// Client runs the client's opening handshake on nc, which is connected to the
// host of the URL, with TLS if it is to be used. nc is left open on errors.
func Client(ctx context.Context, nc net.Conn, o *ClientOptions) (*Conn, error) {
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // does not fail
	key := base64.StdEncoding.EncodeToString(nonce[:])

	c := &Conn{client: true}
	var rest []byte
	err := transport.Handshake(ctx, nc, &o.Limits, func() error {
		if _, err := nc.Write(o.request(key)); err != nil {
			return fmt.Errorf("websocket handshake: %w", err)
		}
		response, behind, err := readResponse(nc)
		if err != nil {
			return fmt.Errorf("websocket handshake: %w", err)
		}
		rest = behind
		return c.accept(o, key, response)
	})
	if err != nil {
		return nil, err
	}
	c.init(nc, rest, &o.Limits)
	return c, nil
}

// request returns the opening handshake.
func (o *ClientOptions) request(key string) []byte {
	var b bytes.Buffer
	uri := o.URL.RequestURI()
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\n", uri, o.URL.Host)
	h := http.Header{
		"Upgrade":                {"websocket"},
		"Connection":             {"Upgrade"},
		"Sec-Websocket-Key":      {key},
		"Sec-Websocket-Version":  {"13"},
		"Sec-Websocket-Protocol": {transport.JoinSubprotocols(o.Subprotocols)},
	}
	if o.Deflate {
		h.Set("Sec-WebSocket-Extensions", deflateOffer)
	}
	if u := o.URL.User; u != nil {
		h.Set("Authorization", basicAuth(u))
	}
	for name, values := range o.Header {
		if name = http.CanonicalHeaderKey(name); !reserved[name] {
			h[name] = values
		}
	}
	_ = h.Write(&b)
	b.WriteString("\r\n")
	return b.Bytes()
}

func basicAuth(u *url.Userinfo) string {
	password, _ := u.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(u.Username()+":"+password))
}

// readResponse reads a response from nc, and returns what was read behind its
// header, too. The body is not closed: it ends with nc.
func readResponse(nc net.Conn) (*http.Response, []byte, error) {
	br := bufio.NewReaderSize(io.LimitReader(nc, maxResponse), 4096)
	response, err := http.ReadResponse(br, nil)
	if err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("the server closed the connection, or its answer is too long")
		}
		return nil, nil, err
	}
	if response.StatusCode == http.StatusSwitchingProtocols || response.StatusCode == http.StatusOK {
		rest, _ := br.Peek(br.Buffered()) // cannot fail
		return response, rest, nil
	}
	return response, nil, statusError(response)
}

func statusError(r *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(r.Body, maxBody)) // what there is will do
	return &StatusError{
		StatusCode: r.StatusCode,
		Status:     r.Status,
		Location:   r.Header.Get("Location"),
		Body:       strings.Join(strings.Fields(strings.ToValidUTF8(string(body), "?")), " "), // on one line
	}
}

// accept checks the response to a handshake with key.
func (c *Conn) accept(o *ClientOptions, key string, r *http.Response) error {
	h := r.Header
	if r.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("websocket handshake: %w", statusError(r))
	}
	switch {
	case !hasToken(h, "Upgrade", "websocket"), !hasToken(h, "Connection", "upgrade"):
		return errors.New("websocket: the server switched to something else than WebSocket")
	case h.Get("Sec-WebSocket-Accept") != acceptKey(key):
		return errors.New("websocket: the server's Sec-WebSocket-Accept is wrong")
	}
	name := h.Get("Sec-WebSocket-Protocol")
	for _, p := range o.Subprotocols {
		if p.String() == name {
			c.protocol = p
		}
	}
	switch {
	case c.protocol == transport.Subprotocol{} && name == "":
		return errors.New("websocket: the server chose no subprotocol, so it does not speak WAMP; offered were " + transport.JoinSubprotocols(o.Subprotocols))
	case c.protocol == transport.Subprotocol{}:
		return fmt.Errorf("websocket: the server chose subprotocol %q; offered were %s", name, transport.JoinSubprotocols(o.Subprotocols))
	}
	accepted, ok := checkDeflate(h)
	if !ok || accepted && !o.Deflate {
		return fmt.Errorf("websocket: the server chose extensions that were not offered: %s", strings.Join(h["Sec-Websocket-Extensions"], ", "))
	}
	c.deflate = accepted
	return nil
}

// Tunnel asks an HTTP proxy, to which nc is connected, for a connection to
// host, "name:port", by CONNECT. proxy holds user and password for basic
// authentication. When it returns nil, nc is the connection to host.
func Tunnel(ctx context.Context, nc net.Conn, proxy *url.URL, host string, limits *transport.Limits) error {
	return transport.Handshake(ctx, nc, limits, func() error {
		request := "CONNECT " + host + " HTTP/1.1\r\nHost: " + host + "\r\n"
		if proxy.User != nil {
			request += "Proxy-Authorization: " + basicAuth(proxy.User) + "\r\n"
		}
		if _, err := io.WriteString(nc, request+"\r\n"); err != nil {
			return fmt.Errorf("proxy %s: %w", proxy.Host, err)
		}
		response, rest, err := readResponse(nc)
		switch {
		case err != nil:
			return fmt.Errorf("proxy %s: %w", proxy.Host, err)
		case response.StatusCode != http.StatusOK:
			return fmt.Errorf("proxy %s answered CONNECT with %s", proxy.Host, response.Status)
		case len(rest) > 0:
			return fmt.Errorf("proxy %s sent data before the connection was used", proxy.Host)
		}
		return nil
	})
}
