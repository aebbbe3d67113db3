package router

import (
	"context"
	"fmt"
	"time"

	"github.com/wampeter/wampeter/wamp"
)

// Procedure is principals that a WAMP procedure knows, as Crossbar.io's dynamic
// authenticators. It is called with the realm, the authid that the client gives
// (or null), and a dictionary: authmethod, authrole, authextra, session,
// transport (type, peer, tls, http_headers_received, client_cert …), with the
// method ticket also the ticket, with cryptosign pubkey.
//
// It answers with the role of the principal, or with a dictionary: role, authid
// if it is another one, extra, expires (seconds since 1970), and what the client
// is to be checked with: secret, salt, iterations, keylen for wampcra; scram;
// authorized_keys or pubkey for cryptosign. A ticket was checked by the
// procedure, unless the answer has one. null and any error of the application
// refuse the client. Nobody is let in when the procedure cannot be called.
type Procedure struct {
	Realm   *Realm        // where the procedure is registered
	URI     string        // of the procedure
	Timeout time.Duration // of a call; default 5 s
}

// Find implements Principals.
func (p *Procedure) Find(ctx context.Context, q *Query) (*Principal, error) {
	s, err := p.Realm.Local()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, orDefault(p.Timeout, defaultAnswerTime))
	defer cancel()
	var authID any
	if q.AuthID != "" {
		authID = q.AuthID
	}
	answer, err := wamp.Call[any](ctx, s, p.URI, wamp.Args{q.Realm, authID, q.details()})
	if err != nil {
		return nil, err
	}
	principal, err := principalOf(answer, q)
	if err != nil {
		return nil, fmt.Errorf("procedure %s: %w", p.URI, err)
	}
	return principal, nil
}

// Provider implements Principals.
func (*Procedure) Provider() string { return "dynamic" }

func (*Procedure) checksTickets() bool { return true }

// defaultAnswerTime is how long an application has to say who a client is.
const defaultAnswerTime = 5 * time.Second

func orDefault(d, def time.Duration) time.Duration {
	if d <= 0 {
		return def
	}
	return d
}
