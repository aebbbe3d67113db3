package wamptest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamptest"
)

// A session has the identity that the test gives it, over any transport; others
// are as anonymous as before.
func TestSessionAs(t *testing.T) {
	rt := wamptest.NewRouter(t)
	before := rt.Session()
	admin := rt.SessionAs("admin", "joe")
	if admin.AuthRole() != "admin" || admin.AuthID() != "joe" || admin.AuthMethod() != "wamptest" {
		t.Error(admin.Details())
	}
	s := rt.DialAs(&wamp.Dialer{URLs: []string{rt.RawSocketURL()}}, router.Identity{Role: "user", Extra: map[string]any{"team": "a"}})
	if extra, _ := s.Details()["authextra"].(map[string]any); s.AuthRole() != "user" || s.AuthID() == "" || extra["team"] != "a" {
		t.Error(s.Details())
	}
	for _, s := range []*wamp.Session{before, rt.Session()} {
		if s.AuthRole() != "anonymous" || s.AuthMethod() != "anonymous" || s.AuthID() == "" {
			t.Error(s.Details())
		}
	}
	// Receivers by role.
	staff, others := wamptest.Events[string](t, admin, "com.news"), wamptest.Events[string](t, s, "com.news")
	if _, err := before.Publish(t.Context(), "com.news", wamp.Args{"hi"}, wamp.EligibleAuthRole("admin"), wamp.Acknowledge()); err != nil {
		t.Fatal(err)
	}
	staff.Expect("hi")
	others.None()
}

// Authenticators of the program's own are asked about all other sessions.
func TestSessionAsBesideAuthenticators(t *testing.T) {
	rt := wamptest.NewRouter(t)
	rt.Realm(wamptest.Realm).Authenticate(router.MethodAuthenticator("anonymous",
		func(context.Context, *router.Handshake) (*router.Identity, error) { return nil, wamp.ErrNotAuthorized }))
	if s := rt.SessionAs("admin", "joe"); s.AuthID() != "joe" {
		t.Error(s.Details())
	}
	if _, err := (&wamp.Dialer{Router: rt.Router}).Dial(t.Context()); !errors.Is(err, wamp.ErrNotAuthorized) {
		t.Error(err)
	}
}
