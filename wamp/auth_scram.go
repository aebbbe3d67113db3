package wamp

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/wampeter/wampeter/internal/auth"
)

// ChannelBinding ties an authentication to the TLS connection on which it
// happens: whoever relays it over a connection of his own gains nothing. It is
// an option of [SCRAM] and [Cryptosign], which refuse routers that do not go
// along.
type ChannelBinding string

// The channel bindings.
const (
	TLSExporter ChannelBinding = auth.BindingExporter // RFC 9266; the one for TLS 1.3
	TLSUnique   ChannelBinding = auth.BindingUnique   // RFC 5929; up to TLS 1.2
)

// SCRAMOption is an option of SCRAM and AutobahnSCRAM.
type SCRAMOption interface{ applySCRAM(*scramConfig) }

// CryptosignOption is an option of Cryptosign.
type CryptosignOption interface{ applyCryptosign(*cryptosignConfig) }

func (b ChannelBinding) applySCRAM(c *scramConfig)           { c.binding = b }
func (b ChannelBinding) applyCryptosign(c *cryptosignConfig) { c.binding = b }

type scramConfig struct {
	method   string
	password string
	binding  ChannelBinding
	weak     bool
}

type scramOption func(*scramConfig)

func (f scramOption) applySCRAM(c *scramConfig) { f(c) }

// AllowWeakHash answers routers, too, whose passwords are hashed so cheaply that
// whoever sees the answer can guess the password: less than 4096 iterations of
// PBKDF2, or of Argon2id less than 4096 KiB times iterations.
func AllowWeakHash() SCRAMOption {
	return scramOption(func(c *scramConfig) { c.weak = true })
}

// SCRAM authenticates by a password that the router does not know, but can
// check, and has the router prove in turn that it can (specification, advanced
// profile, "Salted Challenge Response Authentication", authmethod
// "wamp-scram"). It needs Dialer.AuthID.
func SCRAM(password string, opts ...SCRAMOption) Authenticator {
	return newSCRAM(auth.MethodSCRAM, password, opts)
}

// AutobahnSCRAM is SCRAM as Autobahn|Python and Crossbar.io speak it, which is
// not as it is specified (authmethod "scram"). Channel binding is not possible
// with it.
func AutobahnSCRAM(password string, opts ...SCRAMOption) Authenticator {
	return newSCRAM(auth.MethodScram, password, opts)
}

func newSCRAM(method, password string, opts []SCRAMOption) Authenticator {
	c := &scramConfig{method: method, password: password}
	for _, o := range opts {
		o.applySCRAM(c)
	}
	return c
}

func (c *scramConfig) Method() string { return c.method }

func (c *scramConfig) Start(_ context.Context, h *Handshake) (Proof, error) {
	if c.method == auth.MethodScram && c.binding != "" {
		return nil, errors.New("the dialect of Autobahn has no channel binding")
	}
	nonce, err := h.Nonce()
	if err != nil {
		return nil, err
	}
	p := &scramProof{scramConfig: c, nonce: nonce}
	if c.method == auth.MethodSCRAM {
		if p.bound, err = bindChannel(h, c.binding); err != nil {
			return nil, err
		}
	}
	if p.client, err = auth.NewSCRAMClient(c.method, h.AuthID, nonce, p.bound); err != nil {
		return nil, err
	}
	return p, nil
}

// bindChannel returns the binding of the connection, and has HELLO ask for it.
func bindChannel(h *Handshake, kind ChannelBinding) (auth.Binding, error) {
	b, err := auth.ChannelBinding(string(kind), h.TLS)
	if err != nil {
		return b, err
	}
	if kind == "" {
		return b, h.SetExtra("channel_binding", nil)
	}
	return b, h.SetExtra("channel_binding", string(kind))
}

type scramProof struct {
	*scramConfig
	client *auth.SCRAMClient
	nonce  string
	bound  auth.Binding
}

func (p *scramProof) Respond(_ context.Context, extra map[string]any) (string, map[string]any, error) {
	challenge := auth.SCRAMChallenge{Nonce: detail(extra, "nonce"), Salt: detail(extra, "salt")}
	challenge.KDF = detail(extra, "kdf")
	var err error
	if challenge.Iterations, err = number(extra, "iterations"); err != nil {
		return "", nil, err
	}
	if extra["memory"] != nil {
		if challenge.Memory, err = number(extra, "memory"); err != nil {
			return "", nil, err
		}
	}
	if err := challenge.Check(); err != nil {
		return "", nil, err
	}
	if err := challenge.Weak(); err != nil && !p.weak {
		return "", nil, err
	}
	proof, err := p.client.Proof(p.password, challenge)
	if err != nil {
		return "", nil, err
	}
	if p.method == auth.MethodScram {
		return proof, nil, nil
	}
	details := map[string]any{"nonce": challenge.Nonce, "channel_binding": nil, "cbind_data": nil}
	if p.bound.Type != "" {
		details["channel_binding"] = p.bound.Type
		details["cbind_data"] = base64.StdEncoding.EncodeToString(p.bound.Data)
	}
	return proof, details, nil
}

func (p *scramProof) Verify(welcome map[string]any) error {
	extra, _ := welcome["authextra"].(map[string]any)
	key := "verifier"
	if p.method == auth.MethodScram {
		key = "scram_server_signature"
	}
	if err := p.client.Verify(detail(extra, key)); err != nil {
		return fmt.Errorf("%w: %w", ErrRouterUnproven, err)
	}
	return nil
}

// number reads a whole number of a challenge.
func number(extra map[string]any, key string) (int, error) {
	switch n := extra[key].(type) {
	case int64:
		return int(n), nil
	case uint64:
		if n <= 1<<53 {
			return int(n), nil
		}
	}
	return 0, fmt.Errorf("%s of the challenge is no whole number", key)
}
