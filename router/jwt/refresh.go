package jwt

import (
	"context"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// Refresh lets a session go on until a new token expires. The token has to be
// for the same principal and role: for others a client opens another session.
func (a *Authenticator) Refresh(ctx context.Context, s *router.Session, token string) error {
	id, err := a.Verify(ctx, s.Realm().Name(), token)
	if err != nil {
		return err
	}
	return s.Renew(id)
}

// ServeRefresh serves Refresh to the sessions of a realm as a procedure. It takes
// a token and returns when the session ends, in seconds since 1970; it fails with
// wamp.error.authentication_denied. The realm's rules decide who may call it.
func (a *Authenticator) ServeRefresh(realm *router.Realm, procedure string) error {
	reg := wamp.NewRegistry("")
	err := reg.Register(procedure, wamp.Func1(func(ctx context.Context, token string) (int64, error) {
		s := router.From(ctx)
		if err := a.Refresh(ctx, s, token); err != nil {
			return 0, err
		}
		return s.Identity().Expires.Unix(), nil
	}))
	if err != nil {
		return err
	}
	return realm.Mount("", reg)
}
