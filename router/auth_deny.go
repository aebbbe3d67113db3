package router

import (
	"context"
	"errors"
	"runtime"

	"github.com/wampeter/wampeter/internal/auth"
	"github.com/wampeter/wampeter/wamp"
)

// denial refuses a client. He is told that he is refused, in the same words for
// every reason; the reason itself is for the log.
type denial struct{ why error }

func deny(why error) error { return &denial{why} }

func (d *denial) Error() string { return d.why.Error() }

func (d *denial) Unwrap() []error { return []error{errNotAccepted, d.why} }

var (
	errNotAccepted = wamp.Errorf(wamp.ErrAuthenticationDenied, "the authentication was not accepted")
	errUnknown     = errors.New("there is no such principal")
	errNoSecret    = errors.New("the principal has no secret for this method")
	errNoAuthID    = wamp.Errorf(wamp.ErrAuthenticationDenied, "HELLO.Details.authid is missing: this method needs it")
)

// Deny returns an error with which an Authenticator refuses a client that has not
// proved who it is. The client is told so in the words in which all are refused:
// nothing of why, which goes to the log.
func Deny(why error) error { return deny(why) }

// hashing bounds how many tickets are hashed at a time: each takes a processor
// and much memory, and everybody may send one.
var hashing = make(chan struct{}, runtime.GOMAXPROCS(0))

// verifyTicket checks a ticket, waiting for its turn.
func verifyTicket(ctx context.Context, stored *auth.StoredTicket, ticket string) error {
	if stored.Hashed() {
		select {
		case hashing <- struct{}{}:
			defer func() { <-hashing }()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return stored.Verify(ticket)
}

// HashTicket returns a ticket in the form in which a Principal should keep it:
// hashed with Argon2id, as a PHC string.
func HashTicket(ticket string) string { return auth.HashTicket(ticket, auth.DefaultTicketCost) }

// SaltSecret returns a secret for the method wampcra in the form in which a
// Principal should keep it, with a random salt. Whoever steals it can log in
// with it, at this router alone; wamp-scram does not have that weakness.
func SaltSecret(secret string, iterations int) (Principal, error) {
	salt := auth.CRASalt{Salt: auth.NewNonce(), Iterations: iterations}.WithDefaults()
	key, err := auth.CRAKey(secret, salt)
	if err != nil {
		return Principal{}, err
	}
	return Principal{Secret: string(key), Salt: salt.Salt, Iterations: salt.Iterations, KeyLength: salt.KeyLength}, nil
}

// HashPassword returns what Principal.SCRAM should keep of a password: a
// credential for the method wamp-scram, and one for scram, the dialect of
// Autobahn and Crossbar.io, both with Argon2id.
func HashPassword(password string) ([]string, error) {
	var list []string
	for _, kdf := range []string{auth.KDFArgon2id, auth.KDFArgon2idText} {
		cost := defaultSCRAMCost
		cost.KDF = kdf
		c, err := auth.NewSCRAMCredential(password, cost, nil)
		if err != nil {
			return nil, err
		}
		list = append(list, c.String())
	}
	return list, nil
}

// defaultSCRAMCost is what OWASP recommends for Argon2id.
var defaultSCRAMCost = auth.SCRAMCost{KDF: auth.KDFArgon2id, Iterations: 2, Memory: 19 << 10}
