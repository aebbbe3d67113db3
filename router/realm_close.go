package router

import (
	"fmt"

	"github.com/wampeter/wampeter/internal/uri"
)

// farewell is why a realm has ended.
type farewell struct{ reason, message string }

// CloseRealm takes a realm off the router: its sessions end with GOODBYE, and
// whoever wants to join gets a realm that a template makes, or
// wamp.error.no_such_realm. A *Realm of that name is good for nothing any more;
// Router.Realm makes another one. It reports whether there was the realm, and
// fails, leaving it as it is, when reason is no URI.
func (r *Router) CloseRealm(name, reason, message string) (bool, error) {
	if !uri.Valid([]byte(reason), false) {
		return false, fmt.Errorf("close realm %s: the reason %s is not a URI", quote(name), quote(reason))
	}
	r.mu.Lock()
	realm := r.realms[name]
	if realm == nil || r.closing || !realm.isMade() {
		r.mu.Unlock()
		return false, nil
	}
	delete(r.realms, name)
	realm.permanent = false
	realm.users++ // until it is done here
	r.running.Add(1)
	r.mu.Unlock()
	defer r.running.Done()

	realm.gone.Store(&farewell{reason, message})
	realm.dismiss()
	r.exit(realm)
	return true, nil
}

// dismiss ends the sessions of a realm that has ended; nothing when it has not.
func (r *Realm) dismiss() {
	if f := r.gone.Load(); f != nil {
		_, _ = r.CloseSessions(nil, f.reason, f.message) // the reason is a URI
	}
}
