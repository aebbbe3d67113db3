package router

import (
	"fmt"

	"github.com/wampeter/wampeter/wamp"
)

// AddRealm makes a realm that nobody can join until f, which is to configure it,
// has returned: a realm that Router.Realm makes is open as long as it was told
// nothing. With an error of f there is no realm. It fails when there is one of
// that name already, and with ErrClosed.
//
// f must not ask the router for the realm by its name.
func (r *Router) AddRealm(name string, f func(*Realm) error) (*Realm, error) {
	r.mu.Lock()
	if r.closing {
		r.mu.Unlock()
		return nil, ErrClosed
	}
	if r.realms[name] != nil {
		r.mu.Unlock()
		return nil, fmt.Errorf("add realm %s: there is one already", quote(name))
	}
	realm := newRealm(r, name)
	realm.making = &making{done: make(chan struct{})}
	realm.permanent = true
	realm.users++ // until it is made
	r.realms[name] = realm
	r.functions.Add(1)
	r.mu.Unlock()
	defer r.functions.Done()

	m := realm.making
	m.err = wamp.Errorf(wamp.ErrNoSuchRealm, "the realm cannot be opened") // should f fail, or panic
	defer func() {
		if m.err != nil {
			r.mu.Lock()
			realm.permanent = false
			r.mu.Unlock()
			r.discard(realm)
		}
		close(m.done)
		r.exit(realm)
	}()
	if err := f(realm); err != nil {
		return nil, err
	}
	m.err = nil
	return realm, nil
}
