package config

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gojwt "github.com/golang-jwt/jwt/v5"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// as opens a session, or says why there is none.
func as(t *testing.T, d *Daemon, realm, authid string, auth ...wamp.Authenticator) (*wamp.Session, error) {
	t.Helper()
	s, err := (&wamp.Dialer{URLs: []string{"tcp://" + d.Addresses()[0].String()}, Realm: realm, AuthID: authid, Auth: auth}).Dial(t.Context())
	if err == nil {
		t.Cleanup(func() { _ = s.Close(context.Background()) })
	}
	return s, err
}

// TestTemplates opens realms that come into being by their names, and has them
// follow when templates change.
func TestTemplates(t *testing.T) {
	d := start(t, `
listeners: 127.0.0.1:0
templates:
  - {uri: tenant., roles: [{name: anonymous, rules: [{uri: com., allow: all}]}]}
  - {uri: tenant.closed., authentication: {ticket: }}
default_realm: {authentication: {anonymous: {role: guest}}, roles: [{name: guest, rules: [{uri: com.example., allow: all}]}]}
`)
	tenant, err := as(t, d, "tenant.one", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := as(t, d, "tenant.closed.one", ""); !errors.Is(err, wamp.ErrAuthenticationRequired) && !errors.Is(err, wamp.ErrNoMatchingAuthMethod) {
		t.Errorf("the most specific template does not count: %v", err)
	}
	other, err := as(t, d, "somewhere.else", "")
	if err != nil {
		t.Fatal(err)
	}
	publish := func(s *wamp.Session, topic string) error {
		_, err := s.Publish(t.Context(), topic, wamp.Acknowledge())
		return err
	}
	if err := publish(tenant, "com.x"); err != nil {
		t.Error(err)
	}
	if err := publish(other, "com.x"); !errors.Is(err, wamp.ErrNotAuthorized) {
		t.Errorf("publish in the default realm: %v", err)
	}

	// Both follow: one has other rules, the other is not there any more.
	_, err = d.Reload(t.Context(), load(t, `
listeners: 127.0.0.1:0
templates:
  - {uri: tenant., roles: [{name: anonymous, rules: [{uri: org., allow: all}]}]}
`))
	if err != nil {
		t.Fatal(err)
	}
	if err := publish(tenant, "com.x"); !errors.Is(err, wamp.ErrNotAuthorized) {
		t.Errorf("publish by the rules of before: %v", err)
	}
	if err := publish(tenant, "org.x"); err != nil {
		t.Errorf("publish by the new rules: %v", err)
	}
	<-other.Done()
	if err := other.Err(); !errors.Is(err, wamp.ErrNoSuchRealm) {
		t.Errorf("the session of a realm that is gone: %v", err)
	}
	if _, err := as(t, d, "somewhere.else", ""); !errors.Is(err, wamp.ErrNoSuchRealm) {
		t.Errorf("join a realm that is not there: %v", err)
	}
	if s, err := as(t, d, "tenant.two", ""); err != nil || publish(s, "org.y") != nil {
		t.Errorf("a realm by the changed template: %v", err)
	}
}

// TestSources asks a procedure and a web server who clients are, and whether they
// may.
func TestSources(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Key") != "k" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		if r.URL.Path == "/may" {
			_, _ = w.Write([]byte(`{"allow": true}`))
			return
		}
		_, _ = w.Write([]byte(`{"role": "user", "secret": "s"}`))
	}))
	t.Cleanup(web.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	d := start(t, `
listeners: 127.0.0.1:0
realms:
  - name: users
  - name: app
    authentication: {ticket: {source: crm}, wampcra: {source: web}}
    sources:
      - {name: crm, procedure: com.example.find, realm: users}
      - {name: web, url: "`+web.URL+`/who", headers: {name: X-Key, value: k}}
    roles:
      - name: user
        rules: [{uri: com.example., allow: publish, ask: web}, {uri: com.example.no, allow: publish, ask: none}]
    authorizers:
      - {name: web, url: "`+web.URL+`/may", headers: {name: X-Key, value: k}}
      - {name: none, url: "`+web.URL+`/may"}
`)
	crm, err := as(t, d, "users", "")
	if err != nil {
		t.Fatal(err)
	}
	find := func(_ context.Context, inv *wamp.Invocation) (wamp.Result, error) {
		var realm, authid string
		if err := errors.Join(inv.Arg(0, &realm), inv.Arg(1, &authid)); err != nil {
			return wamp.Result{}, err
		}
		if realm != "app" || authid != "joe" {
			return wamp.Result{}, wamp.Errorf("com.example.unknown", "who is %s?", authid)
		}
		return wamp.Return(wamp.Args{map[string]any{"role": "user", "ticket": "t"}}), nil
	}
	if _, err := crm.Register(t.Context(), "com.example.find", wamp.HandlerFunc(find)); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, authid string
		auth         wamp.Authenticator
		ok           bool
	}{
		{"by procedure", "joe", wamp.Ticket("t"), true},
		{"wrong ticket", "joe", wamp.Ticket("x"), false},
		{"unknown", "jane", wamp.Ticket("t"), false},
		{"by the web", "anybody", wamp.WAMPCRA("s"), true},
		{"wrong secret", "anybody", wamp.WAMPCRA("x"), false},
	} {
		s, err := as(t, d, "app", test.authid, test.auth)
		if (err == nil) != test.ok {
			t.Errorf("%s: %v", test.name, err)
		}
		if err != nil {
			continue
		}
		if _, err := s.Publish(t.Context(), "com.example.yes", wamp.Acknowledge()); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if _, err := s.Publish(t.Context(), "com.example.no", wamp.Acknowledge()); !errors.Is(err, wamp.ErrNotAuthorized) {
			t.Errorf("%s: what the authorizer refuses: %v", test.name, err)
		}
	}
}

// TestTokens has sessions refresh their tokens, also across reloads that change
// nothing about it, and not after one that does.
func TestTokens(t *testing.T) {
	dir := t.TempDir()
	secret := []byte("0123456789abcdef0123456789abcdef")
	if err := os.WriteFile(filepath.Join(dir, "secret"), secret, 0o600); err != nil {
		t.Fatal(err)
	}
	token := func(valid time.Duration) string {
		text, err := gojwt.NewWithClaims(gojwt.SigningMethodHS256, gojwt.MapClaims{
			"sub": "joe", "role": "user", "exp": time.Now().Add(valid).Unix(),
		}).SignedString(secret)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	file := func(refresh string) string {
		return `
listeners: 127.0.0.1:0
realms:
  - name: app
    authentication: {jwt: {keys: {secret: "file:` + filepath.Join(dir, "secret") + `"}` + refresh + `}}
    roles: [{name: user, rules: [{uri: com.example., allow: call}]}]
`
	}
	d := start(t, file(", refresh: com.example.refresh"))
	s, err := as(t, d, "app", "", wamp.JWT(func(context.Context) (string, error) { return token(time.Hour), nil }))
	if err != nil {
		t.Fatal(err)
	}
	refresh := func() error {
		_, err := wamp.Call[int64](t.Context(), s, "com.example.refresh", wamp.Args{token(2 * time.Hour)})
		return err
	}
	if err := refresh(); err != nil {
		t.Error(err)
	}
	if _, err := d.Reload(t.Context(), load(t, file(", refresh: com.example.refresh"))); err != nil {
		t.Fatal(err)
	}
	if err := refresh(); err != nil {
		t.Errorf("after a reload: %v", err)
	}
	if _, err := d.Reload(t.Context(), load(t, file(""))); err != nil {
		t.Fatal(err)
	}
	if err := refresh(); !errors.Is(err, wamp.ErrNoSuchProcedure) {
		t.Errorf("after a reload that takes it away: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte("fedcba9876543210fedcba9876543210"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Reload(t.Context(), load(t, file(""))); err != nil {
		t.Fatal(err)
	}
	<-s.Done()
	if err := s.Err(); !errors.Is(err, wamp.URI("wamp.close.auth")) {
		t.Errorf("after a reload that takes the key away: %v", err)
	}
}

// TestClientAddresses has load balancers and reverse proxies say who clients are.
func TestClientAddresses(t *testing.T) {
	d := start(t, `
listeners:
  - {address: 127.0.0.1:0, proxy_protocol: 127.0.0.0/8}
  - {address: 127.0.0.1:0, trusted_forwarders: [127.0.0.1]}
  - 127.0.0.1:0
`)
	peers := make(chan string, 1)
	d.Router().OnSession(func(_ context.Context, s *router.Session) (func(), error) {
		peers <- s.Transport().Peer
		return nil, nil
	})
	balanced := func(ctx context.Context, network, address string) (net.Conn, error) {
		nc, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err == nil {
			_, err = nc.Write([]byte("PROXY TCP4 203.0.113.7 192.0.2.1 12345 443\r\n"))
		}
		return nc, err
	}
	forwarded := func(context.Context) (http.Header, error) {
		return http.Header{"X-Forwarded-For": {"203.0.113.8"}}, nil
	}
	for _, test := range []struct {
		url    string
		dialer wamp.Dialer
		want   string
	}{
		{d.url(0), wamp.Dialer{NetDial: balanced}, "203.0.113.7:12345"},
		{"tcp://" + d.Addresses()[0].String(), wamp.Dialer{NetDial: balanced}, "203.0.113.7:12345"},
		{d.url(1), wamp.Dialer{Header: forwarded}, "203.0.113.8:0"},
		{d.url(2), wamp.Dialer{Header: forwarded}, "127.0.0.1:"},
	} {
		test.dialer.URLs = []string{test.url}
		dial(t, &test.dialer)
		if peer := <-peers; !strings.HasPrefix(peer, test.want) {
			t.Errorf("%s: the client is %s, want %s", test.url, peer, test.want)
		}
	}
	if _, err := (&wamp.Dialer{URLs: []string{d.url(0)}}).Dial(t.Context()); err == nil {
		t.Error("a client without the header is let in")
	}
}
