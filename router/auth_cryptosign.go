package router

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/wampeter/wampeter/internal/auth"
	"github.com/wampeter/wampeter/wamp"
)

// CryptosignOption is an option of Cryptosign.
type CryptosignOption func(*cryptosign)

// RouterKey has the router prove itself with a key to clients that ask for it
// (specification, advanced profile, "Router Authentication"): an
// ed25519.PrivateKey, or whatever else signs with one. It panics when the key is
// of another kind.
func RouterKey(key crypto.Signer) CryptosignOption {
	public, err := auth.PublicKey(key)
	if err != nil {
		panic("router.RouterKey: " + err.Error())
	}
	return func(c *cryptosign) { c.key, c.public = key, public }
}

// RequireChannelBinding refuses clients that do not bind the authentication to
// their TLS connection.
func RequireChannelBinding() CryptosignOption {
	return func(c *cryptosign) { c.bound = true }
}

// TrustRoots accepts keys that the router does not know by certificates that the
// client brings for them (specification, advanced profile, "Trustroots and
// Certificates"). Package router/trustroot verifies them. The certificates of
// others are not looked at: without TrustRoots their keys have to be known.
func TrustRoots(roots ChainVerifier) CryptosignOption {
	return func(c *cryptosign) { c.roots = roots }
}

// ChainVerifier are Principals that go by certificates, which are in
// Query.Handshake.Extra. The principal whom it finds has the one key that they
// are for, and an Evidence by which they can be verified again.
type ChainVerifier interface {
	Principals

	// Revalidate is that of Revalidator.
	Revalidate(id *Identity) *Identity
}

// Cryptosign accepts clients that sign a challenge with an Ed25519 key that is
// one of a principal's (specification, advanced profile, "Cryptosign-based
// Authentication", with tls-unique and tls-exporter channel binding). A client
// need not give its authid: the key tells. What is signed is compared with the
// challenge, so that no recorded signature is good again. Somebody unknown is
// challenged like somebody known. With TrustRoots from may be nil: then nobody
// gets in without certificates.
func Cryptosign(from Principals, opts ...CryptosignOption) Authenticator {
	a := &cryptosign{method: method{auth.MethodCryptosign, from}}
	for _, o := range opts {
		o(a)
	}
	if from == nil && a.roots != nil {
		a.from = new(Table)
	}
	return a
}

type cryptosign struct {
	method
	key    crypto.Signer // the router's; nil: none
	public string
	bound  bool
	roots  ChainVerifier // nil: none
}

// source returns who knows a client.
func (a *cryptosign) source(h *Handshake) *method {
	if a.roots != nil && h.Extra["certificates"] != nil {
		return &method{a.name, a.roots}
	}
	return &a.method
}

func (a *cryptosign) Authenticate(ctx context.Context, h *Handshake) (*Identity, error) {
	m := a.source(h)
	q := m.query(h)
	given, _ := h.Extra["pubkey"].(string)
	var client ed25519.PublicKey
	if given != "" {
		raw, err := hex.DecodeString(given)
		if err != nil || len(raw) != ed25519.PublicKeySize {
			return nil, wamp.Errorf(wamp.ErrAuthenticationFailed, "HELLO.Details.authextra.pubkey is not 64 hexadecimal digits")
		}
		client, q.PublicKey = raw, strings.ToLower(given)
	} else if h.AuthID == "" {
		return nil, wamp.Errorf(wamp.ErrAuthenticationDenied, "HELLO.Details has neither authextra.pubkey nor authid: one of them is needed")
	}
	binding, err := a.binding(h)
	if err != nil {
		return nil, err
	}
	p, s, why, err := m.find(ctx, q)
	if err != nil {
		return nil, err
	}
	challenge := auth.NewChallenge()
	extra, err := a.extra(h, challenge, binding)
	if err != nil {
		return nil, err
	}
	signature, _, err := h.Challenge(ctx, auth.MethodCryptosign, extra)
	if err != nil {
		return nil, err
	}
	if p == nil {
		_ = auth.VerifySignature(client, challenge, binding, signature)
		return nil, deny(why)
	}
	err = errNoSecret
	for _, key := range s.keys {
		if client != nil && !client.Equal(key) {
			continue
		}
		if err = auth.VerifySignature(key, challenge, binding, signature); err == nil {
			q.PublicKey = digits(key)
			return m.identity(p, q), nil
		}
	}
	return nil, deny(err)
}

// binding returns the binding that the client asks for; none when it cannot be
// had: then it is for the client to go on or not.
func (a *cryptosign) binding(h *Handshake) (auth.Binding, error) {
	kind, _ := h.Extra["channel_binding"].(string)
	b, err := auth.ChannelBinding(kind, h.Transport.TLS)
	switch {
	case a.bound && err != nil:
		return b, errUnsupportedBinding(err)
	case a.bound && kind == "":
		return b, errUnsupportedBinding(errors.New("the client has to ask for it"))
	case err != nil:
		return auth.Binding{}, nil
	}
	return b, nil
}

// Revalidate implements Revalidator.
func (a *cryptosign) Revalidate(id *Identity) *Identity {
	if _, err := auth.ParsePublicKey(id.Evidence); err == nil {
		return a.method.Revalidate(id)
	}
	if a.roots == nil {
		return nil
	}
	return a.roots.Revalidate(id)
}

// extra returns the details of CHALLENGE.
func (a *cryptosign) extra(h *Handshake, challenge string, binding auth.Binding) (map[string]any, error) {
	extra := map[string]any{"challenge": challenge, "channel_binding": nil}
	if binding.Type != "" {
		extra["channel_binding"] = binding.Type
	}
	theirs, _ := h.Extra["challenge"].(string)
	if theirs == "" || a.key == nil {
		return extra, nil
	}
	signature, err := auth.Sign(a.key, theirs, binding)
	if err != nil {
		return nil, wamp.Errorf(wamp.ErrAuthenticationFailed, "%v", fmt.Errorf("HELLO.Details.authextra.challenge: %w", err))
	}
	extra["pubkey"], extra["signature"] = a.public, signature
	return extra, nil
}
