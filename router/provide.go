package router

import (
	"context"
	"fmt"
	"reflect"
)

// Scope is what settings are for: a *Router, that is all of its realms, or a
// *Realm.
type Scope interface {
	change(func(*settings))
	attend()
}

// provider makes the values of one type for handlers.
type provider struct {
	of reflect.Type
	f  any // func(*Session) T
}

// Provide has [Use] give handlers what f returns, in one realm or in all of
// them: a connection to a database, an account. f is called for each use, with
// the session that the handler serves. For one type the last one counts, and
// that of the realm before that of the router. Types that differ by name alone
// are different, so that several values of one kind can be provided.
func Provide[T any](to Scope, f func(s *Session) T) {
	to.change(func(s *settings) { s.providers = with(s.providers, provider{reflect.TypeFor[T](), f}) })
}

// Use returns the T that was provided for the realm of the handler that runs
// under ctx. It panics when there is none, or when ctx is not that of a
// handler (see From): both are mistakes of the program. LookUp asks first.
func Use[T any](ctx context.Context) T {
	v, ok := LookUp[T](ctx)
	if !ok {
		s := From(ctx)
		if s == nil {
			panic(fmt.Sprintf("router.Use[%v] outside a handler: the context has no session", reflect.TypeFor[T]()))
		}
		panic(fmt.Sprintf("router.Use[%[1]v]: nothing provides %[1]v in realm %[2]s: see router.Provide", reflect.TypeFor[T](), s.realm.name))
	}
	return v
}

// LookUp is Use for what need not be provided.
func LookUp[T any](ctx context.Context) (v T, ok bool) {
	s := From(ctx)
	if s == nil {
		return v, false
	}
	for _, set := range [...]*settings{s.realm.settings(), s.realm.router.settings()} {
		for i := len(set.providers) - 1; i >= 0; i-- {
			if f, ok := set.providers[i].f.(func(*Session) T); ok && set.providers[i].of == reflect.TypeFor[T]() {
				return f(s), true
			}
		}
	}
	return v, false
}
