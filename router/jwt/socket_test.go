package jwt_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	gojwt "github.com/golang-jwt/jwt/v5"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/router/jwt"
	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamptest"
)

// newRealm returns the address of a router whose realm1 takes tokens.
func newRealm(t *testing.T, cfg jwt.Config) string {
	t.Helper()
	rt := wamptest.NewRouter(t, func(c *router.Config) {
		c.Logger = slog.New(slog.DiscardHandler)
		c.AuthLimits = router.AuthLimits{Failures: -1, AuthIDFailures: -1, Delay: -1}
	})
	rt.Realm("realm1").Authenticate(newAuthenticator(t, cfg))
	return rt.URL()
}

// TestLoginByEveryAlgorithm logs in by tokens that are signed in each way, and by
// ones that another key has signed.
func TestLoginByEveryAlgorithm(t *testing.T) {
	rsaKeys := [2]*rsa.PrivateKey{}
	for i := range rsaKeys {
		var err error
		if rsaKeys[i], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			t.Fatal(err)
		}
	}
	pair := func(name string) (keys [2]any) {
		for i := range keys {
			switch name[:2] {
			case "HS":
				keys[i] = []byte("0123456789abcdef0123456789abcde" + string(rune('f'+i)))
			case "RS", "PS":
				keys[i] = rsaKeys[i]
			case "ES":
				curve := map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()}[name]
				key, err := ecdsa.GenerateKey(curve, rand.Reader)
				if err != nil {
					t.Fatal(err)
				}
				keys[i] = key
			default:
				_, key, err := ed25519.GenerateKey(nil)
				if err != nil {
					t.Fatal(err)
				}
				keys[i] = key
			}
		}
		return keys
	}
	for _, name := range []string{"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"} {
		keys := pair(name)
		var key jwt.Key
		var err error
		if s, ok := keys[0].(crypto.Signer); ok {
			key, err = jwt.PublicKey("", pemOf(t, s.Public()))
		} else {
			key, err = jwt.Secret("", keys[0].([]byte))
		}
		if err != nil {
			t.Fatal(err)
		}
		url := newRealm(t, jwt.Config{Keys: jwt.StaticKeys(key), Algorithms: []string{name}})
		for i, private := range keys {
			text := issue(t, gojwt.GetSigningMethod(name), private, "", nil)
			_, err := dial(t, wamp.Dialer{URLs: []string{url}, Auth: []wamp.Authenticator{token(text)}})
			if good := err == nil; good != (i == 0) || !good && !errors.Is(err, wamp.ErrAuthenticationDenied) {
				t.Errorf("%s, key %d: %v", name, i+1, err)
			}
		}
	}
}

// TestLoginByClaims looks at what a token makes of a session.
func TestLoginByClaims(t *testing.T) {
	url := newRealm(t, jwt.Config{
		Keys: secretKeys(t), AuthIDClaim: "preferred_username", RoleClaim: "realm_access.roles", RealmClaim: "realms",
		Roles: map[string]string{"wamp-admin": "admin"}, Extra: []string{"email"},
	})
	claims := func(role string, realms ...string) map[string]any {
		return map[string]any{
			"preferred_username": "Alice", "realm_access": map[string]any{"roles": []string{"offline", role}}, "realms": realms,
			"email": "alice@example.com", "role": nil,
		}
	}
	for name, test := range map[string]struct {
		claims map[string]any
		good   bool
	}{
		"good":          {claims("wamp-admin", "realm1", "realm2"), true},
		"no role":       {claims("guest", "realm1"), false},
		"another realm": {claims("wamp-admin", "realm2"), false},
		"expired":       {map[string]any{"exp": time.Now().Add(-time.Minute).Unix()}, false},
	} {
		text := issue(t, gojwt.SigningMethodHS256, secret, "", test.claims)
		s, err := dial(t, wamp.Dialer{URLs: []string{url}, Auth: []wamp.Authenticator{token(text)}})
		if !test.good {
			if !errors.Is(err, wamp.ErrAuthenticationDenied) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		extra, _ := s.Details()["authextra"].(map[string]any)
		if s.AuthID() != "Alice" || s.AuthRole() != "admin" || s.AuthMethod() != "jwt" || s.Details()["authprovider"] != "jwt" || extra["email"] != "alice@example.com" {
			t.Errorf("%s: WELCOME %v", name, s.Details())
		}
	}
}

// TestLoginAcrossRotation has an issuer exchange its key, in a file and at a URL,
// while the router runs.
func TestLoginAcrossRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	published := newIssuer(t)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for name, source := range map[string]struct {
		keys    jwt.Keys
		publish func(set []byte)
	}{
		"file": {&jwt.File{Path: path}, keyFile(t, path)},
		"url":  {&jwt.URL{URL: published.URL, MinAge: 1, Client: client}, func(set []byte) { published.publish(http.StatusOK, set) }},
	} {
		_, first, _ := ed25519.GenerateKey(nil)
		_, second, _ := ed25519.GenerateKey(nil)
		source.publish(setOf(t, jwkOf(t, "1", first.Public())))
		url := newRealm(t, jwt.Config{Keys: source.keys})
		login := func(key ed25519.PrivateKey, kid string) error {
			text := issue(t, gojwt.SigningMethodEdDSA, key, kid, nil)
			_, err := dial(t, wamp.Dialer{URLs: []string{url}, Auth: []wamp.Authenticator{token(text)}})
			return err
		}
		if err := login(first, "1"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := login(second, "2"); !errors.Is(err, wamp.ErrAuthenticationDenied) {
			t.Errorf("%s: a key that is not published yet: %v", name, err)
		}
		source.publish(setOf(t, jwkOf(t, "2", second.Public())))
		if err := login(second, "2"); err != nil {
			t.Errorf("%s: after the rotation: %v", name, err)
		}
		if err := login(first, "1"); !errors.Is(err, wamp.ErrAuthenticationDenied) {
			t.Errorf("%s: the key of before: %v", name, err)
		}
	}
}

// TestRefusedTokensAreGuesses bounds how many tokens an address can try.
func TestRefusedTokensAreGuesses(t *testing.T) {
	rt := wamptest.NewRouter(t, func(c *router.Config) {
		c.Logger = slog.New(slog.DiscardHandler)
		c.AuthLimits = router.AuthLimits{Failures: 3, Delay: -1}
	})
	tokens := newAuthenticator(t, jwt.Config{Keys: secretKeys(t)})
	rt.Realm("realm1").Authenticate(tokens, tokens.Bearer())
	bad := issue(t, gojwt.SigningMethodHS256, []byte("another secret of thirty-two bytes"), "", nil)
	header := func(context.Context) (http.Header, error) {
		return http.Header{"Authorization": {"Bearer " + bad}}, nil
	}
	for i, d := range []wamp.Dialer{{Auth: []wamp.Authenticator{token(bad)}}, {Header: header}, {Header: header}} {
		d.URLs = []string{rt.URL()}
		if _, err := dial(t, d); !errors.Is(err, wamp.ErrAuthenticationDenied) {
			t.Errorf("guess %d: %v", i+1, err)
		}
	}
	good := issue(t, gojwt.SigningMethodHS256, secret, "", nil)
	if _, err := dial(t, wamp.Dialer{URLs: []string{rt.URL()}, Auth: []wamp.Authenticator{token(good)}}); !errors.Is(err, wamp.ErrLimitExceeded) {
		t.Errorf("after three guesses: %v", err)
	}
}
