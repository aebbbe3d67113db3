package wamp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"reflect"

	"github.com/wampeter/wampeter/internal/auth"
)

// Authenticator is a way to prove who a session is (specification, advanced
// profile, section "Authentication"). The functions of this package make those
// that the specification knows; applications may have their own, see also
// [AuthFunc]. One Authenticator may serve many Dialers at once: what belongs to
// one attempt is kept by what Start returns.
type Authenticator interface {
	// Method is the authmethod in HELLO, and in the router's CHALLENGE.
	Method() string

	// Start is called for each attempt to open a session, before HELLO is sent.
	// An error ends the attempt.
	Start(ctx context.Context, h *Handshake) (Proof, error)
}

// Proof is an Authenticator at work in one handshake.
type Proof interface {
	// Respond answers a CHALLENGE, whose details are extra, with the signature
	// and the details of AUTHENTICATE, nil for none. An error ends the attempt;
	// the router is told that there was one, and no more.
	Respond(ctx context.Context, extra map[string]any) (signature string, details map[string]any, err error)

	// Verify looks at the details of WELCOME when the router has chosen this
	// method: when it was challenged, or without any challenge. An error
	// refuses the router, which gets ABORT.
	Verify(welcome map[string]any) error
}

// ErrRouterUnproven is in the error of Dial when the router did not prove who it
// is, although the authentication method asks for it: it does not know the
// password, has another key than it should have, or is not at the other end of
// the TLS connection.
var ErrRouterUnproven = errors.New("the router has not proved who it is")

// Handshake is one attempt to open a session, as Authenticators see it.
type Handshake struct {
	URL    string               // of the router, "" within the process
	Realm  string               // that is to be joined
	AuthID string               // Dialer.AuthID
	TLS    *tls.ConnectionState // of the connection, nil without TLS

	extra map[string]any
	nonce string
}

// SetExtra puts a value into HELLO.Details.authextra. It fails when another
// Authenticator, or Dialer.AuthExtra, has another value there: then the two
// cannot be offered together.
func (h *Handshake) SetExtra(key string, value any) error {
	if other, ok := h.extra[key]; ok && !reflect.DeepEqual(other, value) {
		return fmt.Errorf("authextra.%s is to be %v, and %v for something else: the two cannot be offered in one handshake", key, value, other)
	}
	if h.extra == nil {
		h.extra = make(map[string]any)
	}
	h.extra[key] = value
	return nil
}

// Nonce returns random bytes in base64, the same ones for all Authenticators of
// the handshake, and has them sent as authextra.nonce.
func (h *Handshake) Nonce() (string, error) {
	if h.nonce == "" {
		h.nonce = auth.NewNonce()
	}
	return h.nonce, h.SetExtra("nonce", h.nonce)
}

// offer is an Authenticator in a handshake.
type offer struct {
	method   string
	proof    Proof
	answered bool // a CHALLENGE
}

// offers is what a session may be authenticated by.
type offers []*offer

// offers starts all Authenticators of the Dialer.
func (d *Dialer) offers(ctx context.Context, s *Session) (offers, map[string]any, error) {
	h := &Handshake{URL: s.url, Realm: s.realm, AuthID: d.AuthID, TLS: s.peer.Conn().Info().TLS, extra: maps.Clone(d.AuthExtra)}
	var list offers
	for _, a := range d.Auth {
		proof, err := a.Start(ctx, h)
		if err != nil {
			return nil, nil, fmt.Errorf("authenticate by %s: %w", a.Method(), err)
		}
		list = append(list, &offer{method: a.Method(), proof: proof})
	}
	return list, h.extra, nil
}

func (o offers) methods() []string {
	methods := make([]string, len(o))
	for i := range o {
		methods[i] = o[i].method
	}
	return methods
}

func (o offers) find(method string) *offer {
	for _, offer := range o {
		if offer.method == method {
			return offer
		}
	}
	return nil
}

// verify checks what the router says in WELCOME: by each method that it has
// used, or if it has challenged by none, by at least one of those that were
// offered. A router could otherwise spare itself the proof by not asking.
func (o offers) verify(welcome map[string]any) error {
	used := false
	var first error
	for _, offer := range o {
		if !offer.answered {
			continue
		}
		used = true
		if err := offer.proof.Verify(welcome); err != nil {
			return fmt.Errorf("%s: %w", offer.method, err)
		}
	}
	if used || len(o) == 0 {
		return nil
	}
	for _, offer := range o {
		err := offer.proof.Verify(welcome)
		if err == nil {
			return nil
		}
		if first == nil {
			first = fmt.Errorf("%s: %w", offer.method, err)
		}
	}
	return first
}
