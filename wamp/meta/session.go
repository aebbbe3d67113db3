package meta

import (
	"context"

	"github.com/wampeter/wampeter/wamp"
)

// Session is what a router tells of a session. It is the payload of
// [TopicJoin], too.
type Session struct {
	ID           uint64 `json:"session"`
	AuthID       string `json:"authid"`
	AuthRole     string `json:"authrole"`
	AuthMethod   string `json:"authmethod"`
	AuthProvider string `json:"authprovider"`

	// Transport is what the router tells of the connection, if anything. Each
	// router has names of its own for it.
	Transport map[string]any `json:"transport"`
}

// Left is the payload of [TopicLeave]. Some routers tell nothing but the ID.
type Left struct {
	ID       uint64 `wamp:"0,required"`
	AuthID   string `wamp:"1"`
	AuthRole string `wamp:"2"`
}

// Sessions returns the IDs of the realm's sessions with one of the roles, of
// all when none is given (wamp.session.list).
func Sessions(ctx context.Context, s *wamp.Session, authroles ...string) ([]uint64, error) {
	return wamp.Call[[]uint64](ctx, s, "wamp.session.list", filter(authroles))
}

// CountSessions returns how many sessions [Sessions] would return
// (wamp.session.count).
func CountSessions(ctx context.Context, s *wamp.Session, authroles ...string) (int, error) {
	return wamp.Call[int](ctx, s, "wamp.session.count", filter(authroles))
}

// filter is the list of roles as an argument, or no argument.
func filter(authroles []string) wamp.Args {
	if len(authroles) == 0 {
		return nil
	}
	return wamp.Args{authroles}
}

// GetSession returns what the router tells of a session (wamp.session.get).
// Errors: wamp.error.no_such_session.
func GetSession(ctx context.Context, s *wamp.Session, id uint64) (Session, error) {
	return wamp.Call[Session](ctx, s, "wamp.session.get", wamp.Args{id})
}

// KillSession ends a session (wamp.session.kill). It gets a GOODBYE with the
// reason and the message, each of which may be empty: the reason then is
// wamp.close.killed.
//
// Errors: wamp.error.no_such_session, also for the session that asks, and
// wamp.error.invalid_uri for the reason.
func KillSession(ctx context.Context, s *wamp.Session, id uint64, reason wamp.URI, message string) error {
	_, err := wamp.Call[struct{}](ctx, s, "wamp.session.kill", wamp.Args{id}, farewell(reason, message))
	return err
}

// KillByAuthID ends all other sessions of a user, see [KillSession], and
// returns their IDs (wamp.session.kill_by_authid). Errors:
// wamp.error.invalid_uri for the reason.
func KillByAuthID(ctx context.Context, s *wamp.Session, authid string, reason wamp.URI, message string) ([]uint64, error) {
	return wamp.Call[[]uint64](ctx, s, "wamp.session.kill_by_authid", wamp.Args{authid}, farewell(reason, message))
}

// KillByAuthRole ends all other sessions of a role, see [KillSession], and
// returns how many there were (wamp.session.kill_by_authrole). Errors:
// wamp.error.invalid_uri for the reason.
func KillByAuthRole(ctx context.Context, s *wamp.Session, authrole string, reason wamp.URI, message string) (int, error) {
	return wamp.Call[int](ctx, s, "wamp.session.kill_by_authrole", wamp.Args{authrole}, farewell(reason, message))
}

// KillAll ends all other sessions of the realm, see [KillSession], and returns
// how many there were (wamp.session.kill_all). Nobody is told that they left,
// and their testaments are not published. Errors: wamp.error.invalid_uri for
// the reason.
func KillAll(ctx context.Context, s *wamp.Session, reason wamp.URI, message string) (int, error) {
	return wamp.Call[int](ctx, s, "wamp.session.kill_all", farewell(reason, message))
}

// farewell is what a session that is killed gets to know.
func farewell(reason wamp.URI, message string) wamp.KW {
	kw := wamp.KW{}
	if reason != "" {
		kw["reason"] = string(reason)
	}
	if message != "" {
		kw["message"] = message
	}
	return kw
}
