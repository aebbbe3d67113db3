package router

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/wampeter/wampeter/internal/uri"
)

// Sessions returns the sessions that are open in the realm, in the order in
// which they joined.
func (r *Realm) Sessions() []*Session {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []*Session
	for _, s := range r.core.Sessions() {
		list = append(list, r.handleOf(s.Owner.(*link)))
	}
	return list
}

// Session returns the open session with an ID, nil when there is none.
func (r *Realm) Session(id uint64) *Session {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l := r.sessions[id]; l != nil && l.own == nil {
		return r.handleOf(l)
	}
	return nil
}

// CloseSessions ends the sessions of the realm that want admits, nil: all of
// them, as Session.Close does, and returns how many these are. It fails, and
// ends none, when reason is no URI.
func (r *Realm) CloseSessions(want func(*Session) bool, reason, message string) (int, error) {
	return closeSessions(r.Sessions(), want, reason, message)
}

// Realms returns the realms that there are, by name.
func (r *Router) Realms() []*Realm {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]*Realm, 0, len(r.realms))
	for _, realm := range r.realms {
		if realm.isMade() {
			list = append(list, realm)
		}
	}
	slices.SortFunc(list, func(a, b *Realm) int { return cmp.Compare(a.name, b.name) })
	return list
}

// Sessions returns the sessions that are open in all realms, realm by realm.
func (r *Router) Sessions() []*Session {
	var list []*Session
	for _, realm := range r.Realms() {
		list = append(list, realm.Sessions()...)
	}
	return list
}

// CloseSessions is Realm.CloseSessions for all realms.
func (r *Router) CloseSessions(want func(*Session) bool, reason, message string) (int, error) {
	return closeSessions(r.Sessions(), want, reason, message)
}

func closeSessions(list []*Session, want func(*Session) bool, reason, message string) (int, error) {
	if reason != "" && !uri.Valid([]byte(reason), false) {
		return 0, fmt.Errorf("close sessions: the reason %s is not a URI", quote(reason))
	}
	n := 0
	for _, s := range list {
		if want != nil && !want(s) {
			continue
		}
		closed, err := s.close(reason, message)
		if err != nil {
			return n, err
		}
		if closed {
			n++
		}
	}
	return n, nil
}
