package jwt_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	gojwt "github.com/golang-jwt/jwt/v5"
	"go.uber.org/goleak"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/router/jwt"
	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var secret = []byte("0123456789abcdef0123456789abcdef")

// issue returns a token. claims replace those of a good one; nil takes one away.
func issue(t *testing.T, method gojwt.SigningMethod, key any, kid string, claims map[string]any) string {
	t.Helper()
	all := gojwt.MapClaims{
		"sub": "alice", "role": "user", "iss": "https://id.example.com", "aud": "wamp", "exp": time.Now().Add(time.Hour).Unix(),
	}
	for name, v := range claims {
		if all[name] = v; v == nil {
			delete(all, name)
		}
	}
	token := gojwt.NewWithClaims(method, all)
	if kid != "" {
		token.Header["kid"] = kid
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func secretKeys(t *testing.T) jwt.Keys {
	t.Helper()
	key, err := jwt.Secret("", secret)
	if err != nil {
		t.Fatal(err)
	}
	return jwt.StaticKeys(key)
}

func newAuthenticator(t *testing.T, cfg jwt.Config) *jwt.Authenticator {
	t.Helper()
	a, err := jwt.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func pemOf(t *testing.T, public any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// TestAlgorithms verifies tokens of each algorithm, with the key that fits and
// with all others.
func TestAlgorithms(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, _ := ed25519.GenerateKey(nil)
	private := map[string]any{"HS256": secret, "RS256": rsaKey, "PS256": rsaKey, "EdDSA": ed}
	for name, curve := range map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()} {
		if private[name], err = ecdsa.GenerateKey(curve, rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	keys := make(map[string]jwt.Key)
	for name, key := range private {
		if s, ok := key.(crypto.Signer); ok {
			keys[name], err = jwt.PublicKey(name, pemOf(t, s.Public()))
		} else {
			keys[name], err = jwt.Secret(name, secret)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, key := range private {
		token := issue(t, gojwt.GetSigningMethod(name), key, "", nil)
		for other := range keys {
			k := keys[other]
			k.ID = ""
			_, err := newAuthenticator(t, jwt.Config{Keys: jwt.StaticKeys(k)}).Verify(t.Context(), "realm1", token)
			good := other == name || strings.HasSuffix(name, "S256") && name[0] != 'H' && name[0] != 'E' && strings.HasSuffix(other, "S256") && other[0] != 'H' && other[0] != 'E'
			if (err == nil) != good {
				t.Errorf("a token of %s, with a key for %s: %v", name, other, err)
			}
		}
		only := newAuthenticator(t, jwt.Config{Keys: jwt.StaticKeys(keys[name]), Algorithms: []string{"HS512"}})
		if _, err := only.Verify(t.Context(), "realm1", token); err == nil {
			t.Errorf("%s is accepted although it is not among the algorithms", name)
		}
	}
	// A public key is no secret, whatever the token says.
	forged := issue(t, gojwt.SigningMethodHS256, pemOf(t, &rsaKey.PublicKey), "", nil)
	none := issue(t, gojwt.SigningMethodNone, gojwt.UnsafeAllowNoneSignatureType, "", nil)
	for what, token := range map[string]string{"forged": forged, "unsigned": none} {
		k := keys["RS256"]
		k.ID = ""
		if _, err := newAuthenticator(t, jwt.Config{Keys: jwt.StaticKeys(k)}).Verify(t.Context(), "realm1", token); err == nil {
			t.Errorf("a token that is %s is accepted", what)
		}
	}
}

func TestClaims(t *testing.T) {
	cfg := jwt.Config{
		Keys: secretKeys(t), Issuer: "https://id.example.com", Audience: []string{"other", "wamp"},
		RoleClaim: "realm_access.roles", Roles: map[string]string{"wamp-admin": "admin"}, Role: "guest", RealmClaim: "realms", Extra: []string{"email", "no"},
	}
	strict := jwt.Config{Keys: secretKeys(t), Leeway: time.Minute}
	realms := func(more map[string]any) map[string]any {
		c := map[string]any{"realms": []string{"realm1"}, "role": nil}
		for k, v := range more {
			c[k] = v
		}
		return c
	}
	for name, test := range map[string]struct {
		cfg    jwt.Config
		claims map[string]any
		role   string // "": refused
	}{
		"plain":             {strict, nil, "user"},
		"no role":           {strict, map[string]any{"role": nil}, ""},
		"default role":      {cfg, realms(nil), "guest"},
		"role by mapping":   {cfg, realms(map[string]any{"realm_access": map[string]any{"roles": []string{"x", "wamp-admin"}}}), "admin"},
		"no realm":          {cfg, map[string]any{"realms": nil}, ""},
		"other realm":       {cfg, map[string]any{"realms": "realm2"}, ""},
		"expired":           {strict, map[string]any{"exp": time.Now().Add(-2 * time.Minute).Unix()}, ""},
		"just expired":      {strict, map[string]any{"exp": time.Now().Add(-time.Second).Unix()}, "user"},
		"never expires":     {strict, map[string]any{"exp": nil}, ""},
		"exp is a text":     {strict, map[string]any{"exp": "tomorrow"}, ""},
		"not yet":           {strict, map[string]any{"nbf": time.Now().Add(time.Hour).Unix()}, ""},
		"from the future":   {strict, map[string]any{"iat": time.Now().Add(time.Hour).Unix()}, ""},
		"other issuer":      {cfg, realms(map[string]any{"iss": "https://evil.example.com"}), ""},
		"other audience":    {cfg, realms(map[string]any{"aud": []string{"x"}}), ""},
		"several audiences": {cfg, realms(map[string]any{"aud": []string{"x", "wamp"}}), "guest"},
		"nobody":            {strict, map[string]any{"sub": nil}, ""},
		"a number":          {strict, map[string]any{"sub": 7}, ""},
		"two":               {strict, map[string]any{"sub": []string{"a", "b"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			token := issue(t, gojwt.SigningMethodHS256, secret, "", test.claims)
			id, err := newAuthenticator(t, test.cfg).Verify(t.Context(), "realm1", token)
			if test.role == "" {
				if !errors.Is(err, wamp.ErrAuthenticationDenied) {
					t.Errorf("error %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			claims, _ := id.Value.(jwt.Claims)
			if id.AuthID != "alice" || id.Role != test.role || id.Provider != "jwt" || claims["sub"] != "alice" || id.Expires.IsZero() {
				t.Errorf("identity %+v", id)
			}
		})
	}
	id, err := newAuthenticator(t, cfg).Verify(t.Context(), "realm1", issue(t, gojwt.SigningMethodHS256, secret, "", realms(map[string]any{"email": "a@b"})))
	if err != nil || len(id.Extra) != 1 || id.Extra["email"] != "a@b" {
		t.Errorf("extra %v, %v", id, err)
	}
	for _, token := range []string{"", "x", "a.b.c", strings.Repeat("x", 20_000), issue(t, gojwt.SigningMethodHS256, secret, "", nil) + "x"} {
		if _, err := newAuthenticator(t, strict).Verify(t.Context(), "realm1", token); !errors.Is(err, wamp.ErrAuthenticationDenied) {
			t.Errorf("%.20q: %v", token, err)
		}
	}
}

func TestConfig(t *testing.T) {
	for name, cfg := range map[string]jwt.Config{
		"no keys": {}, "none": {Keys: secretKeys(t), Algorithms: []string{"none"}}, "unknown": {Keys: secretKeys(t), Algorithms: []string{"HS1"}},
		"leeway": {Keys: secretKeys(t), Leeway: -1},
	} {
		if _, err := jwt.New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := jwt.Secret("", secret[:31]); err == nil {
		t.Error("a short secret is accepted")
	}
	for _, text := range []string{"", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"} {
		if _, err := jwt.PublicKey("", []byte(text)); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

// newRouter returns a router whose realm1 takes tokens in every way.
func newRouter(t *testing.T) (url string) {
	t.Helper()
	rt := wamptest.NewRouter(t, func(c *router.Config) { c.Logger = slog.New(slog.DiscardHandler) })
	tokens := newAuthenticator(t, jwt.Config{Keys: secretKeys(t)})
	realm := rt.Realm("realm1")
	realm.Authenticate(tokens, tokens.As("ticket"), tokens.Bearer())
	if err := tokens.ServeRefresh(realm, "com.example.refresh"); err != nil {
		t.Fatal(err)
	}
	return rt.URL()
}

func token(text string) wamp.Authenticator {
	return wamp.JWT(func(context.Context) (string, error) { return text, nil })
}

func dial(t *testing.T, d wamp.Dialer) (*wamp.Session, error) {
	t.Helper()
	s, err := d.Dial(t.Context())
	if err == nil {
		t.Cleanup(func() { _ = s.Close(context.Background()) })
	}
	return s, err
}

func TestSessions(t *testing.T) {
	url := newRouter(t)
	good := issue(t, gojwt.SigningMethodHS256, secret, "", nil)
	bearer := func(text string) func(context.Context) (http.Header, error) {
		return func(context.Context) (http.Header, error) { return http.Header{"Authorization": {text}}, nil }
	}
	for name, test := range map[string]struct {
		d    wamp.Dialer
		good bool
	}{
		"jwt":             {wamp.Dialer{Auth: []wamp.Authenticator{token(good)}}, true},
		"ticket":          {wamp.Dialer{Auth: []wamp.Authenticator{wamp.Ticket(good)}}, true},
		"authid":          {wamp.Dialer{AuthID: "alice", Auth: []wamp.Authenticator{token(good)}}, true},
		"header":          {wamp.Dialer{Header: bearer("bearer " + good)}, true},
		"other authid":    {wamp.Dialer{AuthID: "bob", Auth: []wamp.Authenticator{token(good)}}, false},
		"bad":             {wamp.Dialer{Auth: []wamp.Authenticator{token(good + "x")}}, false},
		"bad header":      {wamp.Dialer{Header: bearer("Bearer x")}, false},
		"other header":    {wamp.Dialer{Header: bearer("Basic x"), Auth: []wamp.Authenticator{token(good)}}, true},
		"no token at all": {wamp.Dialer{}, false},
	} {
		test.d.URLs = []string{url}
		s, err := dial(t, test.d)
		if (err == nil) != test.good {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && (s.AuthID() != "alice" || s.AuthRole() != "user") {
			t.Errorf("%s: WELCOME %v", name, s.Details())
		}
	}
}

// TestExpiry lets a token expire, in a session that is refreshed and in one that
// is not.
func TestExpiry(t *testing.T) {
	url := newRouter(t)
	soon := time.Now().Add(2 * time.Second).Unix()
	short := issue(t, gojwt.SigningMethodHS256, secret, "", map[string]any{"exp": soon})
	fresh, err := dial(t, wamp.Dialer{URLs: []string{url}, Auth: []wamp.Authenticator{token(short)}})
	if err != nil {
		t.Fatal(err)
	}
	stale, err := dial(t, wamp.Dialer{URLs: []string{url}, Auth: []wamp.Authenticator{token(short)}})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"another":  issue(t, gojwt.SigningMethodHS256, secret, "", map[string]any{"sub": "bob"}),
		"promoted": issue(t, gojwt.SigningMethodHS256, secret, "", map[string]any{"role": "admin"}),
		"broken":   short + "x",
	} {
		if _, err := wamp.Call[int64](t.Context(), fresh, "com.example.refresh", wamp.Args{text}); !errors.Is(err, wamp.ErrAuthenticationDenied) {
			t.Errorf("refreshed by a token that is %s: %v", name, err)
		}
	}
	later := time.Now().Add(time.Hour).Unix()
	until, err := wamp.Call[int64](t.Context(), fresh, "com.example.refresh", wamp.Args{issue(t, gojwt.SigningMethodHS256, secret, "", map[string]any{"exp": later})})
	if err != nil || until != later {
		t.Fatalf("refreshed until %d, %v; want %d", until, err, later)
	}
	select {
	case <-stale.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("the session outlives its token")
	}
	if err := stale.Err(); !errors.Is(err, wamp.URI("wamp.close.auth")) || !strings.Contains(err.Error(), "expired") {
		t.Errorf("ended with %v", err)
	}
	if time.Now().Unix() < soon {
		t.Error("ended too early")
	}
	if fresh.Err() != nil {
		t.Errorf("the session that was refreshed: %v", fresh.Err())
	}
}
