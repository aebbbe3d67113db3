package router

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/wampeter/wampeter/internal/auth"
	"github.com/wampeter/wampeter/wamp"
)

// SCRAM accepts clients that prove to know a password, which the router does not
// know, and proves to them that it can check it (specification, advanced
// profile, "Salted Challenge Response Authentication", method wamp-scram, with
// tls-unique and tls-exporter channel binding). Somebody unknown is challenged
// like somebody known, always with the same salt.
func SCRAM(from Principals) Authenticator { return newSCRAM(auth.MethodSCRAM, from) }

// AutobahnSCRAM is SCRAM as Autobahn|Python and Crossbar.io speak it (method
// scram), which differs from the specification in every point.
func AutobahnSCRAM(from Principals) Authenticator { return newSCRAM(auth.MethodScram, from) }

func newSCRAM(name string, from Principals) Authenticator {
	a := &scram{method: method{name, from}}
	cost := defaultSCRAMCost
	if name == auth.MethodScram {
		cost.KDF = auth.KDFArgon2idText
	}
	a.last.Store(&cost)
	return a
}

type scram struct {
	method
	last atomic.Pointer[auth.SCRAMCost]
}

func (a *scram) Authenticate(ctx context.Context, h *Handshake) (*Identity, error) {
	if h.AuthID == "" {
		return nil, errNoAuthID
	}
	binding, err := a.binding(h)
	if err != nil {
		return nil, err
	}
	q := a.query(h)
	p, s, why, err := a.find(ctx, q)
	if err != nil {
		return nil, err
	}
	credential, ok := a.credential(s)
	if ok {
		a.last.Store(&credential.SCRAMCost)
	} else {
		if p != nil {
			p, why = nil, errNoSecret
		}
		credential = auth.FakeSCRAM(nobodysKey, a.nobody(h), a.like(h.AuthID))
	}
	nonce, _ := h.Extra["nonce"].(string)
	server, err := auth.NewSCRAMServer(h.AuthID, nonce, credential, binding)
	if errors.Is(err, auth.ErrDenied) {
		return nil, deny(err)
	}
	if err != nil {
		return nil, wamp.Errorf(wamp.ErrAuthenticationFailed, "%v", err)
	}
	signature, details, err := h.Challenge(ctx, a.name, a.challenge(server))
	if err != nil {
		return nil, err
	}
	answer := auth.SCRAMAnswer{Proof: auth.TextOf(signature)}
	answer.Nonce, _ = details["nonce"].(string)
	answer.Binding, _ = details["channel_binding"].(string)
	answer.BindingData, _ = details["cbind_data"].(string)
	verifier, err := server.Verify(answer)
	switch {
	case p == nil:
		return nil, deny(why)
	case err != nil:
		return nil, deny(err)
	}
	id := a.identity(p, q)
	id.Extra = maps.Clone(id.Extra)
	if id.Extra == nil {
		id.Extra = make(map[string]any, 1)
	}
	if a.name == auth.MethodScram {
		id.Extra["scram_server_signature"] = verifier
	} else {
		id.Extra["verifier"] = verifier
	}
	return id, nil
}

// binding returns the channel binding that the client asks for. The
// specification has clients refused that ask for what there is not.
func (a *scram) binding(h *Handshake) (auth.Binding, error) {
	kind, _ := h.Extra["channel_binding"].(string)
	if a.name == auth.MethodScram {
		kind = ""
	}
	b, err := auth.ChannelBinding(kind, h.Transport.TLS)
	if err != nil {
		return b, wamp.Errorf(wamp.ErrAuthenticationFailed, "%v", err)
	}
	return b, nil
}

func (a *scram) credential(s *secrets) (auth.SCRAMCredential, bool) {
	if s != nil {
		if i := slices.IndexFunc(s.scram, func(c auth.SCRAMCredential) bool { return c.Method() == a.name }); i >= 0 {
			return s.scram[i], true
		}
	}
	return auth.SCRAMCredential{}, false
}

// like returns the cost that somebody unknown would have.
func (a *scram) like(authID string) auth.SCRAMCost {
	if t, ok := a.from.(*Table); ok {
		s := t.like(authID, func(s *secrets) bool { _, ok := a.credential(s); return ok })
		if c, ok := a.credential(s); ok {
			return c.SCRAMCost
		}
	}
	return *a.last.Load()
}

func (a *scram) challenge(server *auth.SCRAMServer) map[string]any {
	c := server.Challenge()
	extra := map[string]any{"nonce": c.Nonce, "salt": c.Salt, "kdf": c.KDF, "iterations": c.Iterations, "memory": nil}
	if c.KDF != auth.KDFPBKDF2 {
		extra["memory"] = c.Memory
	}
	return extra
}

// errUnsupportedBinding refuses clients that insist on a channel binding.
func errUnsupportedBinding(err error) error {
	return wamp.Errorf(wamp.ErrAuthenticationFailed, "%v", fmt.Errorf("channel binding: %w", err))
}
