package jwt_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"testing"
	"time"

	gojwt "github.com/golang-jwt/jwt/v5"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/router/jwt"
	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamptest"
)

// keysFunc are keys that a function looks up.
type keysFunc func(id string) ([]jwt.Key, error)

func (f keysFunc) Find(_ context.Context, id string) ([]jwt.Key, error) { return f(id) }

func hmacKey(t *testing.T, id, text string) jwt.Key {
	t.Helper()
	key, err := jwt.Secret(id, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestRevalidate configures a realm anew under sessions that tokens have opened,
// in each of the ways that there are.
func TestRevalidate(t *testing.T) {
	const other = "another secret of thirty-two bytes"
	mine, theirs := hmacKey(t, "", string(secret)), hmacKey(t, "", other)
	base := func(change func(*jwt.Config)) jwt.Config {
		c := jwt.Config{Keys: jwt.StaticKeys(mine), Issuer: "https://id.example.com", Audience: []string{"wamp"}, RealmClaim: "realms"}
		if change != nil {
			change(&c)
		}
		return c
	}
	everyWay := func(a *jwt.Authenticator) []router.Authenticator {
		return []router.Authenticator{a, a.As("ticket"), a.Bearer(), router.Cookie()}
	}
	for name, test := range map[string]struct {
		cfg  jwt.Config
		none []string // methods that are there no more
		stay bool
	}{
		"the same":          {base(nil), nil, true},
		"one more key":      {base(func(c *jwt.Config) { c.Keys = jwt.StaticKeys(theirs, mine) }), nil, true},
		"the key has an id": {base(func(c *jwt.Config) { c.Keys = jwt.StaticKeys(hmacKey(t, "now", string(secret))) }), nil, true},
		"no more issuer":    {base(func(c *jwt.Config) { c.Issuer = "" }), nil, true},
		"keys unreachable": {base(func(c *jwt.Config) {
			c.Keys = keysFunc(func(string) ([]jwt.Key, error) { return nil, errors.New("the network is down") })
		}), nil, true},
		"another key":      {base(func(c *jwt.Config) { c.Keys = jwt.StaticKeys(theirs) }), nil, false},
		"no key":           {base(func(c *jwt.Config) { c.Keys = jwt.StaticKeys() }), nil, false},
		"another issuer":   {base(func(c *jwt.Config) { c.Issuer = "https://other.example.com" }), nil, false},
		"another audience": {base(func(c *jwt.Config) { c.Audience = []string{"mqtt"} }), nil, false},
		"another algorithm": {base(func(c *jwt.Config) {
			c.Algorithms = []string{"HS512"}
		}), nil, false},
		"another claim for the role": {base(func(c *jwt.Config) { c.RoleClaim = "groups" }), nil, false},
		"another role":               {base(func(c *jwt.Config) { c.Roles = map[string]string{"user": "guest"} }), nil, false},
		"another claim for the name": {base(func(c *jwt.Config) { c.AuthIDClaim = "name" }), nil, false},
		"another claim for realms":   {base(func(c *jwt.Config) { c.RealmClaim = "tenants" }), nil, false},
		"no more tokens":             {base(nil), []string{"jwt", "ticket", "", "cookie"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			rt := wamptest.NewRouter(t, func(c *router.Config) {
				c.Logger = slog.New(slog.DiscardHandler)
				c.Cookies = &router.Cookies{Insecure: true}
			})
			realm := rt.Realm("realm1")
			first := newAuthenticator(t, base(nil))
			if err := realm.Configure(router.RealmConfig{Authenticators: everyWay(first)}); err != nil {
				t.Fatal(err)
			}
			good := issue(t, gojwt.SigningMethodHS256, secret, "", map[string]any{"realms": []string{"realm1"}, "name": "A. Lice"})
			header := func(context.Context) (http.Header, error) {
				return http.Header{"Authorization": {"Bearer " + good}}, nil
			}
			var cookie string // that the last login got
			realm.OnSession(func(_ context.Context, s *router.Session) (func(), error) {
				cookie = s.Transport().Request.Header.Get("Set-Cookie")
				return nil, nil
			})
			back := func(context.Context) (http.Header, error) { return http.Header{"Cookie": {"wampeter=" + cookie}}, nil }
			sessions := make(map[string]*wamp.Session)
			for _, d := range []struct {
				way string
				d   wamp.Dialer
			}{
				{"jwt", wamp.Dialer{Auth: []wamp.Authenticator{token(good)}}},
				{"cookie", wamp.Dialer{Auth: []wamp.Authenticator{wamp.Cookie()}, Header: back}},
				{"ticket", wamp.Dialer{Auth: []wamp.Authenticator{wamp.Ticket(good)}}},
				{"bearer", wamp.Dialer{Header: header}},
				{"cookie of bearer", wamp.Dialer{Auth: []wamp.Authenticator{wamp.Cookie()}, Header: back}},
			} {
				d.d.URLs = []string{rt.URL()}
				var err error
				if sessions[d.way], err = dial(t, d.d); err != nil {
					t.Fatalf("%s: %v", d.way, err)
				}
			}
			var list []router.Authenticator
			for _, a := range everyWay(newAuthenticator(t, test.cfg)) {
				if len(test.none) == 0 {
					list = append(list, a)
				}
			}
			if test.none != nil {
				list = []router.Authenticator{router.Anonymous(router.Principal{Role: "user"})}
			}
			if err := realm.Configure(router.RealmConfig{Authenticators: list}); err != nil {
				t.Fatal(err)
			}
			for way, s := range sessions {
				if test.stay {
					if _, err := s.Publish(t.Context(), "com.example.x", wamp.Acknowledge()); err != nil {
						t.Errorf("%s: %v, %v", way, err, s.Err())
					}
					continue
				}
				select {
				case <-s.Done():
				case <-time.After(10 * time.Second):
					t.Errorf("%s: the session stays", way)
					continue
				}
				if err := s.Err(); !errors.Is(err, wamp.URI("wamp.close.auth")) {
					t.Errorf("%s: ended with %v", way, err)
				}
			}
		})
	}
}

// TestRevalidateRefreshed asks about the token that a session was refreshed with,
// not the one that opened it.
func TestRevalidateRefreshed(t *testing.T) {
	const other = "another secret of thirty-two bytes"
	rt := wamptest.NewRouter(t, func(c *router.Config) { c.Logger = slog.New(slog.DiscardHandler) })
	realm := rt.Realm("realm1")
	both := newAuthenticator(t, jwt.Config{Keys: jwt.StaticKeys(hmacKey(t, "old", string(secret)), hmacKey(t, "new", other))})
	if err := realm.Configure(router.RealmConfig{Authenticators: []router.Authenticator{both}}); err != nil {
		t.Fatal(err)
	}
	if err := both.ServeRefresh(realm, "com.example.refresh"); err != nil {
		t.Fatal(err)
	}
	old := issue(t, gojwt.SigningMethodHS256, secret, "old", nil)
	var sessions [2]*wamp.Session
	for i := range sessions {
		var err error
		if sessions[i], err = dial(t, wamp.Dialer{URLs: []string{rt.URL()}, Auth: []wamp.Authenticator{token(old)}}); err != nil {
			t.Fatal(err)
		}
	}
	fresh, stale := sessions[0], sessions[1]
	renewed := issue(t, gojwt.SigningMethodHS256, []byte(other), "new", nil)
	if _, err := wamp.Call[int64](t.Context(), fresh, "com.example.refresh", wamp.Args{renewed}); err != nil {
		t.Fatal(err)
	}
	only := newAuthenticator(t, jwt.Config{Keys: jwt.StaticKeys(hmacKey(t, "new", other))})
	if err := realm.Configure(router.RealmConfig{Authenticators: []router.Authenticator{only}}); err != nil {
		t.Fatal(err)
	}
	<-stale.Done()
	if _, err := fresh.Publish(t.Context(), "com.example.x", wamp.Acknowledge()); err != nil {
		t.Errorf("the session that was refreshed by the new key: %v, %v", err, fresh.Err())
	}
}
