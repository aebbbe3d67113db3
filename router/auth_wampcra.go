package router

import (
	"context"
	"encoding/hex"
	"sync/atomic"
	"time"

	"github.com/wampeter/wampeter/internal/auth"
)

// WAMPCRA accepts clients that sign a challenge with a secret (specification,
// advanced profile, "Challenge Response Authentication"), salted or not.
// Somebody unknown is challenged like somebody known.
func WAMPCRA(from Principals) Authenticator {
	return &wampcra{method: method{auth.MethodCRA, from}}
}

type wampcra struct {
	method
	last atomic.Pointer[auth.CRASalt]
}

func (a *wampcra) Authenticate(ctx context.Context, h *Handshake) (*Identity, error) {
	if h.AuthID == "" {
		return nil, errNoAuthID
	}
	q := a.query(h)
	p, s, why, err := a.find(ctx, q)
	if err != nil {
		return nil, err
	}
	if s != nil && s.cra == nil {
		p, s, why = nil, nil, errNoSecret
	}
	key, salt := auth.Random(32), auth.CRASalt{}
	if s != nil {
		key, salt = s.cra, s.salt
		a.last.Store(&salt)
	} else {
		salt = a.fake(h)
	}
	// The text has no role, since only somebody known has one.
	challenge := auth.NewCRAChallenge(h.AuthID, h.AuthRole, a.from.Provider(), h.SessionID, time.Now())
	extra := map[string]any{"challenge": challenge}
	if salt.Salt != "" {
		extra["salt"], extra["iterations"], extra["keylen"] = salt.Salt, salt.Iterations, salt.KeyLength
	}
	signature, _, err := h.Challenge(ctx, auth.MethodCRA, extra)
	if err != nil {
		return nil, err
	}
	err = a.verify(key, salt, challenge, signature)
	switch {
	case p == nil:
		return nil, deny(why)
	case err != nil:
		return nil, deny(err)
	}
	return a.identity(p, q), nil
}

// verify checks a signature. Crossbar.io's authenticators answer with a salt and
// the secret as it is, and leave it to the router to make one of the two; a key
// that somebody has is no worse for being tried in that way, too.
func (a *wampcra) verify(key []byte, salt auth.CRASalt, challenge, signature string) error {
	err := auth.CRAVerify(key, challenge, signature)
	if _, ok := a.from.(checksTickets); !ok || err == nil || salt.Salt == "" {
		return err
	}
	salted, e := auth.CRAKey(string(key), salt)
	if e != nil {
		return err
	}
	return auth.CRAVerify(salted, challenge, signature)
}

// fake returns the salt of somebody unknown, always the same one for a name.
func (a *wampcra) fake(h *Handshake) auth.CRASalt {
	var salt auth.CRASalt
	if t, ok := a.from.(*Table); ok {
		if s := t.like(h.AuthID, func(s *secrets) bool { return s.cra != nil }); s != nil {
			salt = s.salt
		}
	} else if last := a.last.Load(); last != nil {
		salt = *last
	}
	if salt.Salt != "" {
		salt.Salt = auth.FakeText(nobodysKey, a.nobody(h), salt.Salt)
	}
	return salt
}

// digits writes bytes in hexadecimal digits.
func digits(b []byte) string { return hex.EncodeToString(b) }
