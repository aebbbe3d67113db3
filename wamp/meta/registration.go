package meta

import (
	"context"
	"slices"
	"time"

	"github.com/wampeter/wampeter/wamp"
)

// IDs are those of registrations or subscriptions, by how they match.
type IDs struct {
	Exact    []uint64 `json:"exact"`
	Prefix   []uint64 `json:"prefix"`
	Wildcard []uint64 `json:"wildcard"`
}

// All returns all of them in one list.
func (l IDs) All() []uint64 { return slices.Concat(l.Exact, l.Prefix, l.Wildcard) }

// Registration is a procedure, or a pattern of procedures, that at least one
// session has registered.
type Registration struct {
	ID      uint64           `json:"id"`
	URI     string           `json:"uri"` // as WAMP writes patterns
	Match   wamp.MatchPolicy `json:"match"`
	Invoke  string           `json:"invoke"` // policy, such as roundrobin; routers may have more than wamp.InvokePolicy
	Created time.Time        `json:"created"`
}

// RegistrationCreated is the payload of [TopicRegistrationCreate].
type RegistrationCreated struct {
	Session      uint64       `wamp:"0,required"` // that registered first
	Registration Registration `wamp:"1,required"`
}

// Membership is the payload of the topics on sessions that have become or
// ceased to be part of a registration or subscription.
type Membership struct {
	Session uint64 `wamp:"0,required"`
	ID      uint64 `wamp:"1,required"` // of the registration or subscription
}

// Registrations returns the IDs of the realm's registrations
// (wamp.registration.list).
func Registrations(ctx context.Context, s *wamp.Session) (IDs, error) {
	return wamp.Call[IDs](ctx, s, "wamp.registration.list")
}

// LookupRegistration returns the ID of the registration that has just this URI
// and policy, 0 when there is none (wamp.registration.lookup). Which one a call
// would reach, [MatchRegistration] tells.
func LookupRegistration(ctx context.Context, s *wamp.Session, uri string, match wamp.MatchPolicy) (uint64, error) {
	return wamp.Call[uint64](ctx, s, "wamp.registration.lookup", pattern(uri, match))
}

// pattern is a URI and how it matches, as arguments.
func pattern(uri string, match wamp.MatchPolicy) wamp.Args {
	return wamp.Args{uri, map[string]any{"match": match.String()}}
}

// MatchRegistration returns the ID of the registration that a call of the
// procedure would reach, 0 when there is none (wamp.registration.match).
func MatchRegistration(ctx context.Context, s *wamp.Session, procedure string) (uint64, error) {
	return wamp.Call[uint64](ctx, s, "wamp.registration.match", wamp.Args{procedure})
}

// GetRegistration describes a registration (wamp.registration.get). Errors:
// wamp.error.no_such_registration.
func GetRegistration(ctx context.Context, s *wamp.Session, id uint64) (Registration, error) {
	return wamp.Call[Registration](ctx, s, "wamp.registration.get", wamp.Args{id})
}

// Callees returns the sessions behind a registration, those that registered
// first first (wamp.registration.list_callees). Errors:
// wamp.error.no_such_registration.
func Callees(ctx context.Context, s *wamp.Session, registration uint64) ([]uint64, error) {
	return wamp.Call[[]uint64](ctx, s, "wamp.registration.list_callees", wamp.Args{registration})
}

// CountCallees returns how many sessions are behind a registration
// (wamp.registration.count_callees). Errors: wamp.error.no_such_registration.
func CountCallees(ctx context.Context, s *wamp.Session, registration uint64) (int, error) {
	return wamp.Call[int](ctx, s, "wamp.registration.count_callees", wamp.Args{registration})
}

// RemoveCallee takes a session out of a registration
// (wamp.registration.remove_callee, which Wampeter and Crossbar.io have beyond
// the specification). It is told with the reason, which may be empty, when it
// announced the feature registration_revocation; calls that it has begun to
// answer go on.
//
// Errors: wamp.error.no_such_registration, wamp.error.no_such_session.
func RemoveCallee(ctx context.Context, s *wamp.Session, registration, callee uint64, reason string) error {
	_, err := wamp.Call[struct{}](ctx, s, "wamp.registration.remove_callee", wamp.Args{registration, callee}, because(reason))
	return err
}

func because(reason string) wamp.KW {
	if reason == "" {
		return nil
	}
	return wamp.KW{"reason": reason}
}
