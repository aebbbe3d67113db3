package wamptest

import (
	"cmp"
	"context"
	"crypto/rand"
	"maps"
	"sync"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// identities are who the sessions of a test are to be.
type identities struct {
	mu     sync.Mutex
	realms map[*router.Realm]bool // that know the method
	ids    map[string]*router.Identity
}

// detail is where HELLO says which of the identities a session is to get.
const detail = "wamptest"

// SessionAs opens a session in process with an authrole and an authid, whatever
// authenticators [Realm] has: those are not asked. It is closed when the test is
// over.
//
// A realm without authenticators stays open to anonymous sessions; those of its
// own are best added before.
func (r *Router) SessionAs(role, authid string) *wamp.Session {
	r.t.Helper()
	return r.DialAs(&wamp.Dialer{}, router.Identity{Role: role, AuthID: authid})
}

// DialAs opens a session by d, as [Router.Dial] does, with an identity, as
// [Router.SessionAs] does.
func (r *Router) DialAs(d *wamp.Dialer, id router.Identity) *wamp.Session {
	r.t.Helper()
	id.Method = cmp.Or(id.Method, "wamptest")
	key := r.become(r.Realm(cmp.Or(d.Realm, Realm)), &id)
	dialer := *d
	dialer.HelloDetails = map[string]any{detail: key}
	maps.Copy(dialer.HelloDetails, d.HelloDetails)
	return r.Dial(&dialer)
}

// become makes the realm accept sessions that have a key, and returns one for
// an identity.
func (r *Router) become(realm *router.Realm, id *router.Identity) string {
	r.ids.mu.Lock()
	defer r.ids.mu.Unlock()
	if !r.ids.realms[realm] {
		open := len(realm.Authenticators()) == 0
		realm.Authenticate(router.TransportAuthenticator(r.ids.find))
		if open {
			realm.Authenticate(router.MethodAuthenticator("anonymous", anonymous))
		}
		if r.ids.realms == nil {
			r.ids.realms = make(map[*router.Realm]bool)
			r.ids.ids = make(map[string]*router.Identity)
		}
		r.ids.realms[realm] = true
	}
	key := rand.Text()
	r.ids.ids[key] = id
	return key
}

// find returns the identity that belongs to a key; none for other clients, who
// are somebody else's business.
func (i *identities) find(_ context.Context, h *router.Handshake) (*router.Identity, error) {
	key, _ := h.Details[detail].(string)
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.ids[key], nil
}

func anonymous(context.Context, *router.Handshake) (*router.Identity, error) {
	return &router.Identity{}, nil
}
