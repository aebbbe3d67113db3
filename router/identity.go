package router

import (
	"context"
	"crypto/tls"
	"net/http"
	"time"
)

// Identity is who a session is, as an Authenticator found out.
type Identity struct {
	// AuthID is the principal's name; empty: a random one.
	AuthID string

	// Role is what the realm's rules go by; empty: "anonymous".
	Role string

	// Method and Provider are told to the client and by the meta API. Empty:
	// the authenticator's method, and "static".
	Method   string
	Provider string

	// Extra is free data for the client: WELCOME.Details.authextra.
	Extra map[string]any

	// Expires is when the session ends unless Session.SetExpiry moves it; zero:
	// never.
	Expires time.Time

	// Value is whatever the application knows of the principal. Handlers find
	// it as Session.Identity().Value.
	Value any

	// Evidence is what the Authenticator goes by when it is asked later, as a
	// Revalidator, whether it would still accept the session: the public key, or
	// the claims of a token. It holds no secrets, since cookie stores keep it.
	Evidence string

	by     string // method of the Authenticator that has accepted it
	cookie bool   // that was Cookie
	origin string // then: the same of the login that the cookie stands for
}

// Transport is how a client is connected.
type Transport struct {
	Type       string // "websocket", "rawsocket", "longpoll" or "pipe"
	Network    string // "tcp", "unix" or "pipe"
	Local      string // address of the router's end
	Peer       string // address of the client
	Serializer string // "json", "msgpack" or "cbor"

	// TLS is the connection's state, nil without TLS.
	TLS *tls.ConnectionState

	// Request is what opened a WebSocket or long-poll connection, with its
	// headers, cookies and query; nil on other transports. It has no body.
	Request *http.Request
}

// Cookie returns the value of a cookie that came with the connection, "" when
// there is none of that name.
func (t *Transport) Cookie(name string) string {
	if t.Request == nil {
		return ""
	}
	c, err := t.Request.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

func transportOf(l *link) *Transport {
	info := l.peer.Conn().Info()
	return &Transport{
		Type:       info.Transport,
		Network:    info.Network,
		Local:      info.Local,
		Peer:       info.Peer,
		Serializer: l.peer.Format().String(),
		TLS:        info.TLS,
		Request:    info.Request,
	}
}

// Authenticator is a way to find out who a client is. Those of this package
// speak the methods of the specification; an application's own may do whatever
// it likes. It is called by one goroutine per handshake, without any lock, and
// must return when ctx ends: when the client is gone, or
// Config.HandshakeTimeout is over. If it does not, nobody waits for it but
// Router.Close.
type Authenticator interface {
	// Method is the authmethod that clients have to offer in HELLO for
	// Authenticate to be called. Authenticators with the method "" look at the
	// transport, and are asked before all others whatever the client offers.
	Method() string

	// Authenticate returns who the client is. It may challenge it, any number
	// of times, by Handshake.Challenge.
	//
	// nil without an error means that it is not for this authenticator to say,
	// and the next one is asked. An error refuses the client: ABORT with the
	// URI and message of a *wamp.Error or wamp.URI, and with
	// wamp.error.authentication_failed for any other error, which is logged but
	// not told.
	Authenticate(ctx context.Context, h *Handshake) (*Identity, error)
}

// Revalidator is an Authenticator that can say whether it would still accept a
// session that it, or one of the same method which it replaces, has accepted.
// It is asked when a realm is configured anew: sessions that nobody accepts any
// more end with GOODBYE. Sessions by methods whose authenticators are no
// Revalidators stay: those by functions (MethodAuthenticator,
// TransportAuthenticator, TicketFunc). So do those whose principals are looked up
// by a function, a procedure or an HTTP endpoint, which are not asked again.
// Whoever uses these ends sessions himself: Realm.CloseSessions.
type Revalidator interface {
	Authenticator

	// Revalidate returns the identity that the session would get today, nil
	// when it would be refused. A session whose role is another one now ends.
	// Of a cookie's session, id has the Evidence of the login that the cookie
	// stands for. It may be called by several goroutines, without any lock, and
	// Configure waits for it.
	Revalidate(id *Identity) *Identity
}

// TransportAuthenticator makes an Authenticator of a function that goes by the
// transport alone, or by whatever else is in HELLO, and is asked whatever
// methods the client offers.
func TransportAuthenticator(f func(ctx context.Context, h *Handshake) (*Identity, error)) Authenticator {
	return authenticatorFunc{"", f}
}

// MethodAuthenticator makes an Authenticator for a method of the application's
// own, or for one of the specification in another way than this package's.
func MethodAuthenticator(method string, f func(ctx context.Context, h *Handshake) (*Identity, error)) Authenticator {
	return authenticatorFunc{method, f}
}

type authenticatorFunc struct {
	method string
	f      func(ctx context.Context, h *Handshake) (*Identity, error)
}

func (a authenticatorFunc) Method() string { return a.method }

func (a authenticatorFunc) Authenticate(ctx context.Context, h *Handshake) (*Identity, error) {
	return a.f(ctx, h)
}
