package router

import (
	"context"

	"github.com/wampeter/wampeter/internal/msg"
)

// interceptor is a function of Intercept.
type interceptor = func(ctx context.Context, s *Session, m *Message) error

// Intercept has f look at every message that open sessions of any realm send,
// after rules have allowed it and before it is routed: all but GOODBYE and
// ABORT. Functions are asked in the order in which they were added, the router's
// before the realm's. They run without a lock; while one takes its time, further
// messages of the session wait, in order, and those of others go on. ctx ends
// with the session and after Config.DecisionTimeout. The realm's own session is
// not looked at.
//
// An error refuses the message: with the URI and payload of a *wamp.Error or
// wamp.URI, with wamp.error.authorization_failed for any other one, which is
// logged but not told. A request is answered with ERROR; a call ends with it
// whose result or further arguments are refused; other messages, such as PUBLISH
// without acknowledgment, are dropped in silence.
//
// Each message costs a goroutine and a copy, so intercept where that is worth it.
func (r *Router) Intercept(f func(ctx context.Context, s *Session, m *Message) error) {
	r.change(func(s *settings) { s.interceptors = with(s.interceptors, f) })
	r.attend()
}

// Intercept is Router.Intercept for one realm.
func (r *Realm) Intercept(f func(ctx context.Context, s *Session, m *Message) error) {
	r.change(func(s *settings) { s.interceptors = with(s.interceptors, f) })
	r.attend()
}

// attend gives every session of every realm a handle for the application.
func (r *Router) attend() {
	for _, realm := range r.Realms() {
		realm.attend()
	}
}

// intercepting returns the check that asks a function of Intercept.
func intercepting(f interceptor) check {
	return func(ctx context.Context, s *Session, m *msg.Message) error {
		told := newMessage(s, m)
		defer told.over()
		_, err := consult(ctx, s.realm.router, func() (struct{}, error) {
			return struct{}{}, f(deciding(ctx, s, told), s, told)
		}, nil)
		return err
	}
}

// questions appends the checks that functions of the application make of m, which
// are those of the router and of the realm.
func (r *Realm) questions(s *Session, m *msg.Message, all, mine *settings, checks []check) []check {
	for _, set := range [...]*settings{all, mine} {
		for _, f := range set.interceptors {
			checks = append(checks, intercepting(f))
		}
	}
	if m.Type == msg.Subscribe && len(all.onSubscribe)+len(mine.onSubscribe) > 0 {
		if c := r.subscribing(s, m, all, mine); c != nil {
			checks = append(checks, c)
		}
	}
	return checks
}
