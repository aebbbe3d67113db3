package wamp

import "context"

// Authenticator is a way to prove who a session is. The functions of this
// package make them.
type Authenticator interface {
	// method is its name in HELLO and CHALLENGE.
	method() string

	// respond answers a CHALLENGE with a signature and further details.
	respond(ctx context.Context, extra map[string]any) (signature string, details map[string]any, err error)
}

type anonymous struct{}

// Anonymous is the authentication method that proves nothing. It is the one
// that is offered when a Dialer names none.
func Anonymous() Authenticator { return anonymous{} }

func (anonymous) method() string { return "anonymous" }

func (anonymous) respond(context.Context, map[string]any) (string, map[string]any, error) {
	return "", nil, nil
}

type ticket string

// Ticket authenticates by a secret that is sent as it is (specification,
// advanced profile, "Ticket-based Authentication"). Use it over TLS only.
func Ticket(secret string) Authenticator { return ticket(secret) }

func (ticket) method() string { return "ticket" }

func (t ticket) respond(context.Context, map[string]any) (string, map[string]any, error) {
	return string(t), nil, nil
}
