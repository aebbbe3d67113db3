package wamp

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/wampeter/wampeter/internal/transport"
)

// Serializer names a serialization format.
type Serializer string

// The serializers.
const (
	CBOR        Serializer = "cbor"
	MessagePack Serializer = "msgpack"
	JSON        Serializer = "json"
)

// Dialer says how to reach a router and what to join. The zero value joins
// realm1 at ws://localhost:8080/ws. A Dialer is not changed by dialing and may
// be used many times and concurrently.
type Dialer struct {
	// URLs are tried in order until one leads to a session:
	//
	//	ws://host:port/path    wss://…                  WebSocket
	//	tcp://host:port        tls://…   rs://  rss://  RawSocket
	//	unix:/path             rs+unix:/path            RawSocket on a Unix socket
	//	ws+unix:/path                                   WebSocket on a Unix socket
	//
	// Default: ws://localhost:8080/ws.
	URLs []string

	// Router dials a router in the same process instead of URLs. *router.Router
	// is the implementation.
	Router Local

	// Realm to join; default "realm1".
	Realm string

	// Serializers in order of preference; default CBOR, MessagePack, JSON.
	Serializers []Serializer

	// Auth are the methods by which the session may prove who it is; none
	// means anonymous.
	Auth []Authenticator

	// AuthID is who the session claims to be; empty leaves it to the router.
	AuthID string

	// AuthExtra is free data for the router's authenticator.
	AuthExtra map[string]any

	// HelloDetails are further details for HELLO. They replace those that the
	// Dialer makes.
	HelloDetails map[string]any

	// TLS configures wss and tls connections; nil trusts what the system
	// trusts and checks the host's name. Given without any TLS URL it is an
	// error.
	TLS *tls.Config

	// Proxy returns the HTTP proxy for a WebSocket URL, nil for none. Default:
	// http.ProxyFromEnvironment for hosts other than this one. Proxied by
	// URL: http.ProxyURL.
	Proxy func(*http.Request) (*url.URL, error)

	// Header returns headers for a WebSocket handshake. It is called for each
	// attempt, so that tokens may be fresh.
	Header func(ctx context.Context) (http.Header, error)

	// Timeout bounds one attempt, from the first packet to WELCOME. Default
	// 10 s; negative: only the context does.
	Timeout time.Duration

	// MaxMessage is the size in bytes of the largest message taken from the
	// router. Default 16 MiB.
	MaxMessage int

	// MaxQueue bounds the bytes of output that wait for a slow router;
	// operations beyond it fail. Default 8 MiB.
	MaxQueue int

	// KeepAlive is the silence after which the connection is probed. Default
	// 30 s; negative: never.
	KeepAlive time.Duration

	// Compression offers permessage-deflate on WebSocket.
	Compression bool

	// OnError hears of every panic of a handler, and of every error that a
	// handler returned, except for errors that a procedure returned for its
	// caller: *Error and URI. It must not block. Default: Logger.
	OnError func(ctx context.Context, err *HandlerError)

	// Logger; default slog.Default().
	Logger *slog.Logger
}

// Local is a router in the same process.
type Local interface {
	// DialWAMP opens a connection within the process.
	DialWAMP(ctx context.Context) (transport.Conn, error)
}

// Dial connects to the first router of URLs that answers and joins the realm.
// When none does, the error names each URL and why. A router that refuses the
// session does so with an *Error: errors.Is(err, wamp.ErrNoSuchRealm).
//
// ctx bounds dialing alone.
func (d *Dialer) Dial(ctx context.Context) (*Session, error) { panic("not yet") }
