package router_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/wampeter/wampeter/internal/auth"
	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// oracle answers like an application that knows alice, by every method.
type oracle struct {
	t       *testing.T
	key     string
	salted  router.Principal
	plain   bool
	scram   map[string]auth.SCRAMCredential
	details map[string]any // of the last question
}

func newOracle(t *testing.T, key string) *oracle {
	t.Helper()
	salted, err := router.SaltSecret("alice's secret", 100)
	if err != nil {
		t.Fatal(err)
	}
	o := &oracle{t: t, key: key, salted: salted, scram: make(map[string]auth.SCRAMCredential)}
	for method, cost := range map[string]auth.SCRAMCost{"wamp-scram": specCost, "scram": dialectCost} {
		if o.scram[method], err = auth.NewSCRAMCredential("alice's secret", cost, nil); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

func (o *oracle) answer(realm string, authID any, details map[string]any) (any, error) {
	o.details = details
	method, _ := details["authmethod"].(string)
	if realm != "closed" || authID != "alice" && (method != "cryptosign" || authID != nil) {
		if authID == "null" {
			return nil, nil
		}
		return nil, wamp.Errorf("com.example.no_such_user", "there is nobody called %v", authID)
	}
	d := map[string]any{"role": "user", "authid": "alice", "extra": map[string]any{"from": "oracle"}}
	switch method {
	case "ticket":
		if details["ticket"] != "alice's secret" {
			return false, nil
		}
	case "wampcra":
		if o.plain = !o.plain; o.plain { // as Crossbar.io's authenticators answer
			d["secret"], d["salt"], d["iterations"] = "alice's secret", "NaCl", 100
			break
		}
		d["secret"], d["salt"], d["iterations"], d["keylen"] = o.salted.Secret, o.salted.Salt, o.salted.Iterations, o.salted.KeyLength
	case "wamp-scram":
		d["scram"] = o.scram[method].String()
	case "scram": // as Crossbar.io's authenticators answer
		c := o.scram[method]
		d["kdf"], d["iterations"], d["memory"] = c.KDF, c.Iterations, c.Memory
		d["salt"], d["stored-key"], d["server-key"] = fmt.Sprintf("%x", c.Salt), fmt.Sprintf("%x", c.StoredKey), fmt.Sprintf("%x", c.ServerKey)
	case "cryptosign":
		if details["pubkey"] != o.key {
			return nil, nil
		}
		d["pubkey"] = o.key
	case "anonymous":
		return "visitor", nil
	}
	return d, nil
}

func TestDynamic(t *testing.T) {
	key := newKey(t)
	o := newOracle(t, publicText(key))
	endpoint := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			Realm   string
			AuthID  any
			Details map[string]any
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil || r.Method != http.MethodPost || r.Header.Get("Authorization") != "Bearer x" {
			t.Errorf("request %v: %v", r.Header, err)
		}
		answer, err := o.answer(q.Realm, q.AuthID, q.Details)
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(endpoint.Close)

	for _, provider := range []string{"dynamic", "http"} {
		t.Run(provider, func(t *testing.T) {
			rt, addr := newRouter(t, router.Config{AuthLimits: unlimited})
			must(t, register(t, rt.Realm("oracles"), "com.example.authenticate", o.answer))
			var from router.Principals = &router.Procedure{Realm: rt.Realm("oracles"), URI: "com.example.authenticate"}
			if provider == "http" {
				from = &router.Webhook{URL: endpoint.URL, Client: endpoint.Client(), Header: http.Header{"authorization": {"Bearer x"}}}
			}
			realm := rt.Realm("closed")
			realm.Authenticate(append(everyMethod(from), router.Anonymous(from))...)
			d := wamp.Dialer{URLs: []string{"ws://" + addr + "/ws"}, Header: func(context.Context) (http.Header, error) {
				return http.Header{"X-Token": {"abc"}}, nil
			}}
			good := map[string]wamp.Authenticator{"cryptosign": wamp.Cryptosign(key)}
			bad := map[string]wamp.Authenticator{"cryptosign": wamp.Cryptosign(newKey(t))}
			for method, with := range withPassword {
				good[method], bad[method] = with("alice's secret"), with("wrong")
			}
			for method, a := range good {
				s, err := login(t, d, "alice", a)
				if err != nil {
					t.Errorf("%s: %v", method, err)
					continue
				}
				extra, _ := s.Details()["authextra"].(map[string]any)
				if s.AuthID() != "alice" || s.AuthRole() != "user" || s.Details()["authprovider"] != provider || extra["from"] != "oracle" {
					t.Errorf("%s: WELCOME %v", method, s.Details())
				}
				transport, _ := o.details["transport"].(map[string]any)
				headers, _ := transport["http_headers_received"].(map[string]any)
				if transport["type"] != "websocket" || fmt.Sprint(headers["X-Token"]) != "[abc]" || o.details["authmethod"] != method {
					t.Errorf("%s: asked with %v", method, o.details)
				}
				if _, err := login(t, d, "alice", a); err != nil {
					t.Errorf("%s, again: %v", method, err)
				}
				_, err = login(t, d, "alice", bad[method])
				notAccepted(t, method+" with a wrong secret", err)
				for _, nobody := range []string{"nobody", "null"} {
					_, err = login(t, d, nobody, a)
					notAccepted(t, method+" as "+nobody, err)
				}
			}
			if s, err := login(t, d, "", wamp.Cryptosign(key)); err != nil || s.AuthID() != "alice" {
				t.Errorf("by the key alone: %v", err)
			}
			if s, err := login(t, d, "alice"); err != nil || s.AuthRole() != "visitor" || s.AuthMethod() != "anonymous" || s.Details()["authprovider"] != provider {
				t.Errorf("anonymous: %v", err)
			}
			_, err := login(t, d, "nobody")
			notAccepted(t, "anonymous as nobody", err)
		})
	}
}

// register adds a dynamic authenticator.
func register(t *testing.T, r *router.Realm, uri string, f func(realm string, authID any, details map[string]any) (any, error)) error {
	t.Helper()
	s, err := r.Local()
	if err != nil {
		return err
	}
	_, err = s.Register(t.Context(), uri, wamp.Func3(func(_ context.Context, realm string, authID any, details map[string]any) (any, error) {
		return f(realm, authID, details)
	}))
	return err
}

// TestDynamicBroken asks sources that do not work: nobody is let in, and the log
// says why.
func TestDynamicBroken(t *testing.T) {
	answers := map[string]any{
		"no role": map[string]any{"authid": "alice"}, "a number": 7, "other realm": map[string]any{"role": "user", "realm": "other"},
		"bad key": map[string]any{"role": "user", "authorized_keys": []any{"x"}}, "bad extra": map[string]any{"role": "user", "extra": 7},
		"bad list": map[string]any{"role": "user", "scram": []any{7}}, "bad expiry": map[string]any{"role": "user", "expires": "soon"},
		"true": true,
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			var log counting
			rt, addr := newRouter(t, router.Config{AuthLimits: unlimited, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			must(t, register(t, rt.Realm("oracles"), "com.example.authenticate", func(string, any, map[string]any) (any, error) { return answer, nil }))
			rt.Realm("closed").Authenticate(router.Ticket(&router.Procedure{Realm: rt.Realm("oracles"), URI: "com.example.authenticate"}))
			_, err := login(t, wamp.Dialer{URLs: []string{"tcp://" + addr}}, "alice", wamp.Ticket("x"))
			if !errors.Is(err, wamp.ErrAuthenticationFailed) {
				t.Errorf("error %v", err)
			}
			if text := log.String(); !strings.Contains(text, "authentication failed") {
				t.Errorf("log %s", text)
			}
			if rt.AuthStats().Failed != 1 {
				t.Errorf("counted %+v", rt.AuthStats())
			}
		})
	}
	// An endpoint that is ill, not there, too slow, or too talkative.
	stop := make(chan struct{})
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ill":
			w.WriteHeader(http.StatusInternalServerError)
		case "/moved":
			http.Redirect(w, r, "/role", http.StatusFound)
		case "/role":
			_, _ = w.Write([]byte(`"user"`))
		case "/slow":
			<-stop
		case "/long":
			_, _ = w.Write([]byte(`"` + strings.Repeat("x", 70_000) + `"`))
		case "/text":
			_, _ = w.Write([]byte(`user`))
		}
	}))
	t.Cleanup(endpoint.Close)
	t.Cleanup(func() { close(stop) })
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{}, DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for path, fails := range map[string]bool{"/ill": true, "/moved": true, "/slow": true, "/long": true, "/text": true, "/role": false} {
		rt, addr := newRouter(t, router.Config{AuthLimits: unlimited})
		rt.Realm("closed").Authenticate(router.Ticket(&router.Webhook{URL: endpoint.URL + path, Client: client, Timeout: time.Second}))
		_, err := login(t, wamp.Dialer{URLs: []string{"tcp://" + addr}}, "alice", wamp.Ticket("x"))
		if errors.Is(err, wamp.ErrAuthenticationFailed) != fails || err != nil != fails {
			t.Errorf("%s: %v", path, err)
		}
	}
	// A procedure that is not there.
	rt, addr := newRouter(t, router.Config{AuthLimits: unlimited})
	rt.Realm("closed").Authenticate(router.WAMPCRA(&router.Procedure{Realm: rt.Realm("oracles"), URI: "com.example.authenticate"}))
	if _, err := login(t, wamp.Dialer{URLs: []string{"tcp://" + addr}}, "alice", wamp.WAMPCRA("x")); !errors.Is(err, wamp.ErrAuthenticationFailed) {
		t.Errorf("without the procedure: %v", err)
	}
}

// TestDynamicCertificate asks a procedure and an endpoint whose certificate it is.
func TestDynamicCertificate(t *testing.T) {
	ca := newAuthority(t, "authority")
	answer := func(details map[string]any) any {
		cert, _ := details["client_cert"].(map[string]any)
		if transport, _ := details["transport"].(map[string]any); cert == nil {
			cert, _ = transport["client_cert"].(map[string]any)
		}
		if details["authmethod"] != "tls" || cert["cn"] != "meter-7" {
			return nil
		}
		return map[string]any{"authid": "meter 7", "role": "device"}
	}
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q struct{ Details map[string]any }
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			t.Error(err)
		}
		_ = json.NewEncoder(w).Encode(answer(q.Details))
	}))
	t.Cleanup(endpoint.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	for _, provider := range []string{"dynamic", "http"} {
		rt, addr := newRouter(t, router.Config{AuthLimits: unlimited, TLS: &tls.Config{
			Certificates: []tls.Certificate{ca.issue(t, "localhost", time.Hour)}, ClientCAs: ca.pool, ClientAuth: tls.VerifyClientCertIfGiven,
		}})
		must(t, register(t, rt.Realm("oracles"), "com.example.authenticate", func(_ string, _ any, details map[string]any) (any, error) {
			return answer(details), nil
		}))
		var from router.Principals = &router.Procedure{Realm: rt.Realm("oracles"), URI: "com.example.authenticate"}
		if provider == "http" {
			from = &router.Webhook{URL: endpoint.URL}
		}
		a, err := router.ClientCertificate(router.Certificates{Principals: from})
		if err != nil {
			t.Fatal(err)
		}
		rt.Realm("closed").Authenticate(a)
		for name, good := range map[string]bool{"meter-7": true, "meter-8": false} {
			d := wamp.Dialer{URLs: []string{"tls://" + addr}, TLS: &tls.Config{
				RootCAs: ca.pool, ServerName: "localhost", Certificates: []tls.Certificate{ca.issue(t, name, time.Hour)},
			}}
			s, err := login(t, d, "", wamp.ClientCertificate())
			if !good {
				notAccepted(t, provider+", "+name, err)
			} else if err != nil || s.AuthID() != "meter 7" || s.AuthRole() != "device" || s.Details()["authprovider"] != provider {
				t.Errorf("%s, %s: %v", provider, name, err)
			}
		}
	}
}

// TestLookupByEveryMethod has a Go function know everybody.
func TestLookupByEveryMethod(t *testing.T) {
	rt, addr := newRouter(t, router.Config{AuthLimits: unlimited})
	table, key := people(t)
	from := router.Lookup(func(ctx context.Context, q *router.Query) (*router.Principal, error) {
		if q.Method == "anonymous" {
			return &router.Principal{Role: "visitor"}, nil
		}
		return table.Find(ctx, q)
	})
	rt.Realm("closed").Authenticate(append(everyMethod(from), router.Anonymous(from))...)
	d := wamp.Dialer{URLs: []string{"tcp://" + addr}}
	for method, with := range withPassword {
		if s, err := login(t, d, "alice", with("alice's secret")); err != nil || s.AuthMethod() != method || s.Details()["authprovider"] != "function" {
			t.Errorf("%s: %v", method, err)
		}
		_, err := login(t, d, "alice", with("wrong"))
		notAccepted(t, method+" with a wrong secret", err)
		_, err = login(t, d, "nobody", with("alice's secret"))
		notAccepted(t, method+" as nobody", err)
	}
	for _, authID := range []string{"alice", ""} {
		if s, err := login(t, d, authID, wamp.Cryptosign(key)); err != nil || s.AuthID() != "alice" {
			t.Errorf("cryptosign as %q: %v", authID, err)
		}
	}
	_, err := login(t, d, "", wamp.Cryptosign(newKey(t)))
	notAccepted(t, "another key", err)
	if s, err := login(t, d, ""); err != nil || s.AuthRole() != "visitor" {
		t.Errorf("anonymous: %v", err)
	}
}

// TestLookup finds principals by a Go function.
func TestLookup(t *testing.T) {
	rt, addr := newRouter(t, router.Config{AuthLimits: unlimited})
	until := time.Now().Add(time.Hour).Truncate(time.Second)
	from := router.Lookup(func(_ context.Context, q *router.Query) (*router.Principal, error) {
		switch {
		case q.AuthID == "broken":
			return nil, errors.New("the database is down")
		case q.AuthID != "joe" || q.Handshake.Transport.Type != "rawsocket":
			return nil, nil
		}
		return &router.Principal{Role: "user", Secret: "x", Expires: until, Value: 5}, nil
	})
	realm := rt.Realm("closed")
	realm.Authenticate(router.WAMPCRA(from))
	sessions := make(chan *router.Session, 1)
	realm.OnSession(func(_ context.Context, s *router.Session) (func(), error) {
		sessions <- s
		return nil, nil
	})
	d := wamp.Dialer{URLs: []string{"tcp://" + addr}}
	if _, err := login(t, d, "joe", wamp.WAMPCRA("x")); err != nil {
		t.Fatal(err)
	}
	if id := (<-sessions).Identity(); id.Value != 5 || !id.Expires.Equal(until) || id.Provider != "function" || id.AuthID != "joe" {
		t.Errorf("identity %+v", id)
	}
	if _, err := login(t, d, "broken", wamp.WAMPCRA("x")); !errors.Is(err, wamp.ErrAuthenticationFailed) || strings.Contains(err.Error(), "database") {
		t.Errorf("error %v", err)
	}
	_, err := login(t, d, "ann", wamp.WAMPCRA("x"))
	notAccepted(t, "ann", err)
}
