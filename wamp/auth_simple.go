package wamp

import (
	"context"
	"errors"

	"github.com/wampeter/wampeter/internal/auth"
)

// AuthFunc makes an Authenticator of a function that answers challenges, for
// methods that this package does not know. What HELLO is to say beside it goes
// into Dialer.AuthExtra.
func AuthFunc(method string, respond func(ctx context.Context, extra map[string]any) (signature string, details map[string]any, err error)) Authenticator {
	return authFunc{method, respond}
}

// authFunc is an Authenticator without a state.
type authFunc struct {
	method  string
	respond func(ctx context.Context, extra map[string]any) (string, map[string]any, error)
}

func (a authFunc) Method() string { return a.method }

func (a authFunc) Start(context.Context, *Handshake) (Proof, error) { return a, nil }

func (a authFunc) Respond(ctx context.Context, extra map[string]any) (string, map[string]any, error) {
	return a.respond(ctx, extra)
}

func (authFunc) Verify(map[string]any) error { return nil }

// unchallenged is for methods that prove nothing by answering.
func unchallenged(method string) Authenticator {
	return AuthFunc(method, func(context.Context, map[string]any) (string, map[string]any, error) {
		return "", nil, errors.New("there is nothing to answer a challenge with")
	})
}

// Anonymous is the authentication method that proves nothing. It is the one
// that is offered when a Dialer names none.
func Anonymous() Authenticator {
	return AuthFunc(auth.MethodAnonymous, func(context.Context, map[string]any) (string, map[string]any, error) {
		return "", nil, nil
	})
}

// ClientCertificate authenticates by the certificate that Dialer.TLS presents
// (authmethod "tls").
func ClientCertificate() Authenticator { return unchallenged(auth.MethodTLS) }

// Cookie authenticates by a cookie that an earlier session was given. The
// Dialer sends it when Dialer.Header returns it.
func Cookie() Authenticator { return unchallenged(auth.MethodCookie) }

// Ticket authenticates by a secret that is sent as it is (specification,
// advanced profile, "Ticket-based Authentication"). Use it over TLS only.
func Ticket(secret string) Authenticator {
	return token(auth.MethodTicket, func(context.Context) (string, error) { return secret, nil })
}

// TicketFunc is Ticket with a secret that is asked for when the router asks for
// it, so that it may be another one each time.
func TicketFunc(secret func(ctx context.Context) (string, error)) Authenticator {
	return token(auth.MethodTicket, secret)
}

// JWT authenticates by a JSON Web Token (authmethod "jwt"). The function is
// called when the router asks for the token, so that it can be fresh for each
// session. Routers that do not know the method may take the token as a ticket:
// offer [TicketFunc] beside it.
func JWT(get func(ctx context.Context) (string, error)) Authenticator {
	return token(auth.MethodJWT, get)
}

func token(method string, get func(context.Context) (string, error)) Authenticator {
	return AuthFunc(method, func(ctx context.Context, _ map[string]any) (string, map[string]any, error) {
		secret, err := get(ctx)
		return secret, nil, err
	})
}

// WAMPCRA authenticates by a secret that is not sent, but signs a challenge
// (specification, advanced profile, "Challenge Response Authentication"). The
// secret may be salted at the router.
func WAMPCRA(secret string) Authenticator {
	return AuthFunc(auth.MethodCRA, func(_ context.Context, extra map[string]any) (string, map[string]any, error) {
		challenge, ok := extra["challenge"].(string)
		if !ok {
			return "", nil, errors.New("the challenge is no text")
		}
		var salt auth.CRASalt
		salt.Salt = detail(extra, "salt")
		if salt.Salt != "" {
			var err error
			if salt.Iterations, err = number(extra, "iterations"); err != nil {
				return "", nil, err
			}
			if salt.KeyLength, err = number(extra, "keylen"); err != nil {
				return "", nil, err
			}
		}
		key, err := auth.CRAKey(secret, salt)
		if err != nil {
			return "", nil, err
		}
		return auth.CRASign(key, challenge), nil, nil
	})
}
