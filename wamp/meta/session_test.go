package meta_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamp/meta"
	"github.com/wampeter/wampeter/wamptest"
)

// Advanced profile, "Session Meta API", procedures.
func TestSessions(t *testing.T) {
	everyRoad(t, func(t *testing.T, rt *wamptest.Router, s *wamp.Session) {
		ctx := t.Context()
		other := rt.Dial(&wamp.Dialer{URLs: []string{rt.URL()}})
		same(t, must[[]uint64](t)(meta.Sessions(ctx, s)), s.ID(), other.ID())
		same(t, must[[]uint64](t)(meta.Sessions(ctx, s, "anonymous", "admin")), s.ID(), other.ID())
		same(t, must[[]uint64](t)(meta.Sessions(ctx, s, "admin")))
		if n := must[int](t)(meta.CountSessions(ctx, s)); n != 2 {
			t.Errorf("count: %d", n)
		}
		if n := must[int](t)(meta.CountSessions(ctx, s, "admin")); n != 0 {
			t.Errorf("count of admins: %d", n)
		}

		got := must[meta.Session](t)(meta.GetSession(ctx, s, other.ID()))
		got.Transport = nil // the router's affair
		want := meta.Session{
			ID: other.ID(), AuthID: other.AuthID(), AuthRole: "anonymous",
			AuthMethod: "anonymous", AuthProvider: "static",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("get (-want +got)\n%s", diff)
		}
		if _, err := meta.GetSession(ctx, s, 1); !errors.Is(err, wamp.ErrNoSuchSession) {
			t.Errorf("get 1: %v", err)
		}
	})
}

func TestKillSession(t *testing.T) {
	everyRoad(t, func(t *testing.T, rt *wamptest.Router, s *wamp.Session) {
		ctx := t.Context()
		victim := rt.Dial(&wamp.Dialer{URLs: []string{rt.URL()}})
		if err := meta.KillSession(ctx, s, victim.ID(), "not a uri", ""); !errors.Is(err, wamp.ErrInvalidURI) {
			t.Errorf("a reason that is no URI: %v", err)
		}
		if err := meta.KillSession(ctx, s, s.ID(), "", ""); !errors.Is(err, wamp.ErrNoSuchSession) {
			t.Errorf("itself: %v", err)
		}
		if err := meta.KillSession(ctx, s, victim.ID(), "com.example.banned", "see you never"); err != nil {
			t.Fatal(err)
		}
		receive(t, victim.Done())
		var closed *wamp.ClosedError
		if !errors.As(victim.Err(), &closed) || closed.Reason != "com.example.banned" || closed.Message != "see you never" {
			t.Errorf("the session ended with %v", victim.Err())
		}
		if err := meta.KillSession(ctx, s, victim.ID(), "", ""); !errors.Is(err, wamp.ErrNoSuchSession) {
			t.Errorf("once more: %v", err)
		}
	})
}

func TestKillMany(t *testing.T) {
	everyRoad(t, func(t *testing.T, rt *wamptest.Router, s *wamp.Session) {
		ctx := t.Context()
		killed := func(s *wamp.Session) {
			t.Helper()
			receive(t, s.Done())
			if !errors.Is(s.Err(), wamp.CloseKilled) {
				t.Errorf("the session ended with %v", s.Err())
			}
		}

		a, b := rt.Session(), rt.Session()
		same(t, must[[]uint64](t)(meta.KillByAuthID(ctx, s, a.AuthID(), "", "")), a.ID())
		killed(a)
		same(t, must[[]uint64](t)(meta.KillByAuthID(ctx, s, s.AuthID(), "", "")))

		if n := must[int](t)(meta.KillByAuthRole(ctx, s, "admin", "", "")); n != 0 {
			t.Errorf("killed %d admins", n)
		}
		if n := must[int](t)(meta.KillByAuthRole(ctx, s, "anonymous", "", "")); n != 1 {
			t.Errorf("killed %d anonymous sessions, want 1", n)
		}
		killed(b)

		c, d := rt.Session(), rt.Session()
		if n := must[int](t)(meta.KillAll(ctx, s, "", "")); n != 2 {
			t.Errorf("killed %d sessions, want 2", n)
		}
		killed(c)
		killed(d)
		same(t, must[[]uint64](t)(meta.Sessions(ctx, s)), s.ID())
	})
}
