package router

import (
	"context"
	"errors"
	"fmt"

	"github.com/wampeter/wampeter/wamp"
)

// Mount has the router itself serve what is defined in a registry: its
// procedures can be called, its event handlers get the events, of the realm, as
// if a client had registered them, beside whatever clients register. The prefix
// comes before all names; it may be empty. Definitions that are added to the
// registry later are not served.
//
// Handlers run within the process. They find the caller or publisher, whom they
// are always told of, by From; their context ends when the call is canceled or
// its caller leaves. Errors that they return reach the caller as package wamp
// has it.
//
// An error says that a definition is wrong, or that something cannot be
// registered since somebody else has registered it; then nothing of the registry
// is mounted. To take something away again, have [Realm.Local] use it, by
// wamp.Session.UseUnder.
func (r *Realm) Mount(prefix string, reg *wamp.Registry) error {
	s, err := r.Local()
	if err != nil {
		return fmt.Errorf("mount: %w", err)
	}
	ctx := context.Background() // the session ends with the realm
	in, err := s.UseUnder(ctx, prefix, reg)
	if err != nil {
		err = fmt.Errorf("mount in realm %s: %w", r.name, err)
		return errors.Join(err, in.Remove(ctx))
	}
	return nil
}
