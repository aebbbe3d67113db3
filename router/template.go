package router

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/wampeter/wampeter/internal/match"
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/wamp"
)

// Template says how realms come into being whose names match a pattern: when a
// client asks for one that does not exist, build is called with it, to mount and
// to set whatever the realm is to have, before any client is let in. Functions
// of Router.OnHello are asked before, and so can keep clients from making realms.
// When several patterns match, the most specific one counts: exact, the longest
// prefix, wildcard.
//
// An error of build refuses the client and whoever else waits for the realm:
// ABORT with the URI and message of a *wamp.Error or wamp.URI, with
// wamp.error.no_such_realm for any other error, which is logged but not told.
// The next client has it tried again.
//
// Such a realm is there as long as it has sessions; it is made anew for the next
// one. At most Config.MaxRealms realms are there at a time. Realms that the
// program makes itself, by Router.Realm, have nothing of a template. build has to
// return in time, since clients wait no longer than Config.HandshakeTimeout,
// and must not ask the router for the realm by its name.
//
// Template fails when the pattern is none, or build is nil.
func (r *Router) Template(pattern string, policy wamp.MatchPolicy, build func(*Realm) error) error {
	if !match.Valid(msg.Match(policy), []byte(pattern), false) {
		return fmt.Errorf("template: %s is no %v pattern", quote(pattern), policy)
	}
	if build == nil {
		return fmt.Errorf("template %s: there is no function", quote(pattern))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.templates == nil {
		r.templates = match.New[template]()
	}
	r.templates.Put(msg.Match(policy), pattern, build)
	return nil
}

// DefaultRealm is Template for all names that no other template is for.
func (r *Router) DefaultRealm(build func(*Realm) error) {
	_ = r.Template("", wamp.Prefix, build) // that is a pattern
}

// template makes something of an empty realm.
type template = func(*Realm) error

// templateFor returns what makes the realm called name; false when nothing
// does, and it must not be. r.mu is held.
func (r *Router) templateFor(name string) (f template, ok bool) {
	if r.templates != nil {
		if f, ok = r.templates.Best([]byte(name)); ok {
			return f, true
		}
	}
	return nil, !r.cfg.NoDefaultRealm
}

// making is the state of a realm that a template has to make.
type making struct {
	done chan struct{} // closed when the realm is made, or err set
	err  error
}

// isMade reports whether no template has anything to do with the realm any
// more.
func (r *Realm) isMade() bool {
	if r.making == nil {
		return true
	}
	select {
	case <-r.making.done:
		return r.making.err == nil
	default:
		return false
	}
}

// made waits until the realm is made, which is the caller's own work when it is
// the first one.
func (r *Realm) made(ctx context.Context) error {
	m := r.making
	if m == nil {
		return nil
	}
	if f := r.template.Swap(nil); f != nil {
		m.err = r.apply(*f)
		if m.err != nil {
			r.router.discard(r)
		}
		close(m.done)
	}
	select {
	case <-m.done:
		return m.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// giveUp ends the wait for a realm that nobody makes any more.
func (r *Realm) giveUp() {
	if r.template.Swap(nil) != nil {
		r.making.err = errClientGone
		close(r.making.done)
	}
}

// apply runs a template. It returns an error to be told.
func (r *Realm) apply(f template) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
		var known *wamp.Error
		var u wamp.URI
		if err == nil || errors.As(err, &known) || errors.As(err, &u) {
			return
		}
		r.router.log.LogAttrs(context.Background(), slog.LevelError, "realm cannot be made",
			slog.String("realm", r.name), slog.Any("reason", err))
		err = wamp.Errorf(wamp.ErrNoSuchRealm, "the realm cannot be opened")
	}()
	return f(r)
}

// discard takes a realm off the table that could not be made. Those who wait
// for it leave it, and the last one closes it.
func (r *Router) discard(realm *Realm) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.realms[realm.name] == realm {
		delete(r.realms, realm.name)
	}
}
