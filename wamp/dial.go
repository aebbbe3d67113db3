package wamp

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/session"
	"github.com/wampeter/wampeter/internal/transport"
	"github.com/wampeter/wampeter/internal/uri"
)

// Defaults of Dialer.
const (
	DefaultURL     = "ws://localhost:8080/ws"
	DefaultRealm   = "realm1"
	DefaultTimeout = 10 * time.Second
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
	//	ws://host:port/path   wss://host:port/path   WebSocket
	//	tcp://host:port       tls://host:port        RawSocket; rs and rss are the same
	//	unix:/path            rs+unix:/path          RawSocket on a Unix socket
	//	ws+unix:/path?path=/ws                       WebSocket on a Unix socket
	//	http://host:port/lp    https://…             HTTP long-poll, on the base path
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

	// Proxy returns the HTTP proxy for a WebSocket or long-poll connection, nil
	// for none. Default: http.ProxyFromEnvironment. See http.ProxyURL for a
	// fixed one.
	Proxy func(*http.Request) (*url.URL, error)

	// NetDial opens the connections underneath, network being "tcp" or
	// "unix"; default: that of a net.Dialer.
	NetDial func(ctx context.Context, network, address string) (net.Conn, error)

	// Header returns headers for the handshake of a WebSocket or long-poll
	// connection. It is called for each attempt, so that tokens may be fresh.
	Header func(ctx context.Context) (http.Header, error)

	// Timeout bounds one attempt, from the first packet to WELCOME. Default
	// 10 s; negative: only the context does.
	Timeout time.Duration

	// MaxMessage is the size in bytes of the largest message taken from the
	// router. Default 16 MiB.
	MaxMessage int

	// MaxQueue bounds the bytes of output that wait for a slow router;
	// operations wait for room, and fail when there is none. Default 8 MiB.
	MaxQueue int

	// KeepAlive is the silence after which the connection is probed. Default
	// 30 s; negative: never. See RawSocketPing for RawSocket.
	KeepAlive time.Duration

	// Compression offers permessage-deflate on WebSocket.
	Compression bool

	// KeepAliveTimeout is how long the answer to a probe may take before the
	// connection counts as lost. Default 10 s.
	KeepAliveTimeout time.Duration

	// RawSocketPing has RawSocket connections probed as well. Wampeter's
	// routers answer, those made of Autobahn|Python take a PING for a broken
	// frame. Without it a router that vanishes is noticed by the system's TCP
	// keep-alive alone, after some minutes.
	RawSocketPing bool

	// OnWelcome looks at a session that the router has welcomed, at its
	// Details for example, before Dial returns it. An error refuses the
	// session: the router gets ABORT wamp.error.cannot_authenticate, and Dial
	// fails with that error. It must not use the session otherwise.
	OnWelcome func(ctx context.Context, s *Session) error

	// TracebackApp tells callers of panics in procedures: wamp.error.runtime_error
	// then has the panic's text as its argument, and the stack as keyword
	// argument "traceback". By default they learn that there was one, and no
	// more.
	TracebackApp bool

	// NextRequestID returns the id of the request after the one with id last,
	// which is 0 at first. It runs under the session's lock and must return an
	// id from 1 to 2^53 that no request under way has. By default requests are
	// numbered 1, 2, 3 … as the specification demands; strict routers accept
	// nothing else.
	NextRequestID func(last uint64) uint64

	// Backoff says how long package app waits between attempts with this
	// Dialer. Dial itself makes one.
	Backoff Backoff

	// KeyRing encrypts from end to end what it has keys for, and opens what
	// comes. nil: nothing is encrypted.
	KeyRing *KeyRing

	// Passthru lets payloads in passthru mode through in the schemes that the
	// application knows; see [PPT]. Handlers and callers get them as they came,
	// and find the scheme by Payload.PPT: typed ones would take the bytes for
	// an argument. Without it routers refuse calls with such payloads, and
	// such events are reported to OnError and dropped.
	Passthru bool

	// BaseContext returns the context whose values the contexts of all handlers
	// have; they do not end with it. Default: context.Background.
	BaseContext func() context.Context

	// HandlerContext returns the context that a handler runs with, made of the
	// session's: with a trace, or a logger. One of inv and e is what the handler
	// is to serve, the other is nil. It runs under the session's lock, in the
	// order in which calls and events have arrived: it must not wait, nor use
	// the session.
	HandlerContext func(ctx context.Context, inv *Invocation, e *EventInfo) context.Context

	// Overflow is what happens when the queue of an event handler is full that
	// has no OnOverflow of its own; default EndSession.
	Overflow Overflow

	// OnError hears of every panic of a handler, and of every error that a
	// handler returned, except for errors that a procedure returned for its
	// caller: *Error and URI. It must not block. Default: Logger.
	OnError func(ctx context.Context, err *HandlerError)

	// Logger; default slog.Default().
	Logger *slog.Logger
}

// Validate reports what Dial could not do anything with, such as a URL with an
// unknown scheme. Dial does so too.
func (d *Dialer) Validate() error {
	_, _, err := d.check()
	return err
}

// check is Validate, and returns what Dial goes by.
func (d *Dialer) check() (formats []msg.Format, targets []target, err error) {
	formats, err = d.formats()
	if err == nil && d.Realm != "" && !uri.Valid([]byte(d.Realm), false) {
		err = fmt.Errorf("the realm %q is no URI", d.Realm)
	}
	if err == nil && d.Router == nil {
		targets, err = d.targets(d.urls())
	}
	if err != nil {
		return nil, nil, fmt.Errorf("dial: %w", err)
	}
	return formats, targets, nil
}

func (d *Dialer) urls() []string {
	if len(d.URLs) == 0 {
		return []string{DefaultURL}
	}
	return d.URLs
}

// Local is a router in the same process.
type Local interface {
	// DialWAMP opens a connection within the process.
	DialWAMP(ctx context.Context) (transport.Conn, error)
}

// DialError says why no router could be joined: Errs are the reasons, in the
// order of URLs. errors.Is and errors.As look into all of them.
type DialError struct {
	URLs []string
	Errs []error
}

func (e *DialError) Error() string {
	var b strings.Builder
	for i, err := range e.Errs {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "dial %s: %v", e.URLs[i], err)
	}
	return b.String()
}

// Unwrap returns Errs.
func (e *DialError) Unwrap() []error { return e.Errs }

// Dial connects to the first router of URLs that answers and joins the realm.
// When none does, the error is a *DialError, which names each URL and why. A
// router that refuses the session does so with an *Error: errors.Is(err,
// wamp.ErrNoSuchRealm).
//
// ctx bounds dialing alone.
func (d *Dialer) Dial(ctx context.Context) (*Session, error) {
	formats, targets, err := d.check()
	if err != nil {
		return nil, err
	}
	if d.Router != nil {
		s, err := d.attempt(ctx, "", func(ctx context.Context) (transport.Conn, error) {
			return d.Router.DialWAMP(ctx)
		})
		if err != nil {
			return nil, fmt.Errorf("dial the router in this process: %w", err)
		}
		return s, nil
	}
	failed := &DialError{}
	for _, t := range targets {
		s, err := d.attempt(ctx, t.url.String(), func(ctx context.Context) (transport.Conn, error) {
			return d.connect(ctx, t, formats)
		})
		if err == nil {
			return s, nil
		}
		failed.URLs = append(failed.URLs, t.url.Redacted())
		failed.Errs = append(failed.Errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, failed
}

// attempt makes one session within Timeout.
func (d *Dialer) attempt(ctx context.Context, url string, connect func(context.Context) (transport.Conn, error)) (*Session, error) {
	if d.Timeout >= 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, cmp.Or(d.Timeout, DefaultTimeout))
		defer cancel()
	}
	conn, err := connect(ctx)
	if err != nil {
		return nil, err
	}
	cfg := session.Config{MaxQueue: d.MaxQueue, KeepAlive: d.KeepAlive, PongWait: d.KeepAliveTimeout}.WithDefaults()
	return d.join(ctx, conn, &cfg, url)
}

// formats returns the serializers to offer.
func (d *Dialer) formats() ([]msg.Format, error) {
	if len(d.Serializers) == 0 {
		return []msg.Format{msg.CBOR, msg.MessagePack, msg.JSON}, nil
	}
	var formats []msg.Format
	for _, name := range d.Serializers {
		f := formatOf(name)
		if f == msg.NoFormat {
			return nil, fmt.Errorf("serializer %q: there are cbor, msgpack and json", name)
		}
		formats = append(formats, f)
	}
	return formats, nil
}

func formatOf(name Serializer) msg.Format {
	for f := msg.JSON; f < msg.Formats; f++ {
		if f.String() == string(name) {
			return f
		}
	}
	return msg.NoFormat
}
