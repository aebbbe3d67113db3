package router_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/wampeter/wampeter/internal/auth"
	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// unlimited lets tests fail as often as they like, at once.
var unlimited = router.AuthLimits{Failures: -1, AuthIDFailures: -1, Delay: -1}

// The secrets of tests cost little.
var (
	specCost    = auth.SCRAMCost{KDF: auth.KDFArgon2id, Iterations: 1, Memory: 4096}
	pbkdf2Cost  = auth.SCRAMCost{KDF: auth.KDFPBKDF2, Iterations: 4096}
	dialectCost = auth.SCRAMCost{KDF: auth.KDFArgon2idText, Iterations: 8, Memory: 512}
	ticketCost  = auth.TicketCost{Memory: 64, Iterations: 1, Threads: 1}
)

func scramText(t *testing.T, password string, cost auth.SCRAMCost) string {
	t.Helper()
	c, err := auth.NewSCRAMCredential(password, cost, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.String()
}

func newKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func publicText(key ed25519.PrivateKey) string {
	return fmt.Sprintf("%x", []byte(key.Public().(ed25519.PublicKey)))
}

// people returns a table in which alice and bob can log in by every method, with
// alice's key.
func people(t *testing.T) (*router.Table, ed25519.PrivateKey) {
	t.Helper()
	key := newKey(t)
	salted, err := router.SaltSecret("alice's secret", 100)
	if err != nil {
		t.Fatal(err)
	}
	alice := salted
	alice.AuthID, alice.Role = "alice", "user"
	alice.Ticket = auth.HashTicket("alice's secret", ticketCost)
	alice.SCRAM = []string{scramText(t, "alice's secret", specCost), scramText(t, "alice's secret", dialectCost)}
	alice.Keys = []string{publicText(newKey(t)), publicText(key)}
	alice.Extra = map[string]any{"hello": "alice"}
	alice.Value = 7
	bob := router.Principal{
		AuthID: "bob", Role: "guest", Ticket: "bob's secret", Secret: "bob's secret",
		SCRAM: []string{scramText(t, "bob's secret", pbkdf2Cost)}, Keys: []string{publicText(newKey(t))},
	}
	table, err := router.NewTable(bob, alice)
	if err != nil {
		t.Fatal(err)
	}
	return table, key
}

// everyMethod accepts the people of a table.
func everyMethod(from router.Principals) []router.Authenticator {
	return []router.Authenticator{
		router.Ticket(from), router.WAMPCRA(from), router.SCRAM(from), router.AutobahnSCRAM(from), router.Cryptosign(from),
	}
}

// withPassword are the client's ends of the methods that know a password.
var withPassword = map[string]func(password string) wamp.Authenticator{
	"ticket":     wamp.Ticket,
	"wampcra":    wamp.WAMPCRA,
	"wamp-scram": func(p string) wamp.Authenticator { return wamp.SCRAM(p) },
	"scram":      func(p string) wamp.Authenticator { return wamp.AutobahnSCRAM(p) },
}

// login opens a session as authID, and returns why not.
func login(t *testing.T, d wamp.Dialer, authID string, a ...wamp.Authenticator) (*wamp.Session, error) {
	t.Helper()
	d.Realm, d.AuthID, d.Auth = "closed", authID, a
	d.Logger = slog.New(slog.DiscardHandler)
	s, err := d.Dial(t.Context())
	if err == nil {
		t.Cleanup(func() { _ = s.Close(context.Background()) })
	}
	return s, err
}

// notAccepted checks that err is the one refusal that there is.
func notAccepted(t *testing.T, what string, err error) {
	t.Helper()
	var e *wamp.Error
	if !errors.As(err, &e) || e.URI != wamp.ErrAuthenticationDenied || e.Message() != "the authentication was not accepted" {
		t.Errorf("%s: %v", what, err)
	}
}

// TestEveryMethod logs in by every method, over every transport and serializer,
// with the right secret, a wrong one, and as nobody.
func TestEveryMethod(t *testing.T) {
	ca := newAuthority(t, "authority")
	rt, addr := newRouter(t, router.Config{AuthLimits: unlimited, TLS: &tls.Config{Certificates: []tls.Certificate{ca.issue(t, "localhost", time.Hour)}}})
	table, key := people(t)
	sessions := make(chan *router.Session, 1)
	realm := rt.Realm("closed")
	realm.Authenticate(everyMethod(table)...)
	realm.OnSession(func(_ context.Context, s *router.Session) (func(), error) {
		sessions <- s
		return nil, nil
	})
	trust := &tls.Config{RootCAs: ca.pool, ServerName: "localhost"}
	for url, cfg := range map[string]*tls.Config{
		"ws://" + addr + "/ws": nil, "tcp://" + addr: nil, "http://" + addr + "/lp": nil,
		"wss://" + addr + "/ws": trust, "tls://" + addr: trust,
	} {
		for _, f := range []wamp.Serializer{wamp.CBOR, wamp.MessagePack, wamp.JSON} {
			d := wamp.Dialer{URLs: []string{url}, TLS: cfg, Serializers: []wamp.Serializer{f}}
			name := url + " " + string(f) + " "
			check := func(method string, good wamp.Authenticator) {
				s, err := login(t, d, "alice", good)
				if err != nil {
					t.Errorf("%s%s: %v", name, method, err)
					return
				}
				extra, _ := s.Details()["authextra"].(map[string]any)
				if s.AuthID() != "alice" || s.AuthRole() != "user" || s.AuthMethod() != method || s.Details()["authprovider"] != "static" || extra["hello"] != "alice" {
					t.Errorf("%s%s: WELCOME %v", name, method, s.Details())
				}
				if v := (<-sessions).Identity().Value; v != 7 {
					t.Errorf("%s%s: value %v", name, method, v)
				}
				_ = s.Close(t.Context())
			}
			for method, with := range withPassword {
				check(method, with("alice's secret"))
				_, err := login(t, d, "alice", with("bob's secret"))
				notAccepted(t, name+method+" with a wrong secret", err)
				_, err = login(t, d, "nobody", with("alice's secret"))
				notAccepted(t, name+method+" as nobody", err)
			}
			check("cryptosign", wamp.Cryptosign(key))
			for authID, key := range map[string]ed25519.PrivateKey{"alice": newKey(t), "bob": key, "nobody": key, "": newKey(t)} {
				_, err := login(t, d, authID, wamp.Cryptosign(key))
				notAccepted(t, name+"cryptosign as "+authID, err)
			}
		}
	}
	// The key alone tells who it is.
	s, err := login(t, wamp.Dialer{URLs: []string{"tcp://" + addr}}, "", wamp.Cryptosign(key))
	if err != nil || s.AuthID() != "alice" {
		t.Errorf("by the key alone: %v", err)
	}
	<-sessions
	// bob has secrets in their other forms, and none for the dialect.
	for method, with := range withPassword {
		s, err := login(t, wamp.Dialer{URLs: []string{"tcp://" + addr}}, "bob", with("bob's secret"))
		if method == "scram" {
			notAccepted(t, "bob by scram", err)
			continue
		}
		if err != nil || s.AuthRole() != "guest" {
			t.Errorf("bob by %s: %v", method, err)
		}
		<-sessions
	}
	if stats := rt.AuthStats(); stats.Accepted != 5*3*5+1+3 || stats.Denied != 5*3*(4*2+4)+1 || stats.Limited != 0 || stats.Failed != 0 {
		t.Errorf("counted %+v", stats)
	}
}

// Without an authid nobody can be found.
func TestNoAuthID(t *testing.T) {
	rt, addr := newRouter(t, router.Config{AuthLimits: unlimited})
	table, _ := people(t)
	rt.Realm("closed").Authenticate(everyMethod(table)...)
	for method, challenge := range map[string]bool{"ticket": false, "wampcra": false, "wamp-scram": false, "scram": false, "cryptosign": false} {
		w := dialWire(t, addr, 15)
		w.send(`[1,"closed",{"authmethods":["` + method + `"],"authextra":{"nonce":"AAAA"},"roles":{"caller":{}}}]`)
		if challenge {
			w.expect(`[4,"*","*"]`)
		}
		w.expect(`[3,{"message":"*"},"wamp.error.authentication_denied"]`)
		w.expectEnd()
	}
}

func TestAnonymous(t *testing.T) {
	rt, addr := newRouter(t, router.Config{AuthLimits: unlimited})
	realm := rt.Realm("closed")
	table, _ := people(t)
	realm.Authenticate(router.Ticket(table), router.Anonymous(router.Principal{Role: "visitor", Extra: map[string]any{"a": 1}}))
	for _, a := range [][]wamp.Authenticator{nil, {wamp.Anonymous()}} {
		s, err := login(t, wamp.Dialer{URLs: []string{"tcp://" + addr}}, "alice", a...)
		if err != nil {
			t.Fatal(err)
		}
		if s.AuthRole() != "visitor" || s.AuthID() == "alice" || s.AuthID() == "" {
			t.Errorf("WELCOME %v", s.Details())
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a table makes anybody a principal of it")
		}
	}()
	router.Anonymous(table)
}

// TestAll asks for a ticket and a key.
func TestAll(t *testing.T) {
	rt, addr := newRouter(t, router.Config{AuthLimits: unlimited})
	table, key := people(t)
	rt.Realm("closed").Authenticate(router.All(router.Ticket(table), router.Cryptosign(table)))
	d := wamp.Dialer{URLs: []string{"tcp://" + addr}}
	if s, err := login(t, d, "alice", wamp.Ticket("alice's secret"), wamp.Cryptosign(key)); err != nil || s.AuthMethod() != "ticket" {
		t.Errorf("both: %v", err)
	}
	_, err := login(t, d, "alice", wamp.Ticket("alice's secret"), wamp.Cryptosign(newKey(t)))
	notAccepted(t, "a wrong key", err)
	_, err = login(t, d, "alice", wamp.Ticket("?"), wamp.Cryptosign(key))
	notAccepted(t, "a wrong ticket", err)
	if _, err = login(t, d, "alice", wamp.Ticket("alice's secret")); !errors.Is(err, wamp.ErrNoMatchingAuthMethod) {
		t.Errorf("a ticket alone: %v", err)
	}
}

func TestTicketFunc(t *testing.T) {
	rt, addr := newRouter(t, router.Config{AuthLimits: unlimited})
	rt.Realm("closed").Authenticate(router.TicketFunc(func(_ context.Context, h *router.Handshake, ticket string) (*router.Identity, error) {
		switch ticket {
		case "good":
			return &router.Identity{AuthID: h.AuthID, Role: "user", Value: "mine"}, nil
		case "locked":
			return nil, wamp.Errorf("com.example.locked", "your account is locked")
		}
		return nil, nil
	}))
	d := wamp.Dialer{URLs: []string{"tcp://" + addr}}
	if s, err := login(t, d, "joe", wamp.Ticket("good")); err != nil || s.AuthRole() != "user" {
		t.Error(err)
	}
	_, err := login(t, d, "joe", wamp.Ticket("bad"))
	notAccepted(t, "bad", err)
	if _, err := login(t, d, "joe", wamp.Ticket("locked")); !errors.Is(err, wamp.URI("com.example.locked")) {
		t.Error(err)
	}
}

func TestTableMistakes(t *testing.T) {
	_, err := router.NewTable(
		router.Principal{AuthID: "a"},
		router.Principal{AuthID: "b", Role: "r", Ticket: "$argon2id$x", SCRAM: []string{"x"}, Keys: []string{"x"}},
		router.Principal{AuthID: "c", Role: "r"}, router.Principal{AuthID: "c", Role: "r"},
		router.Principal{Role: "r"},
		router.Principal{AuthID: "d", Role: "r", Secret: "x", Salt: "y", Iterations: 1 << 40},
	)
	if err == nil {
		t.Fatal("no error")
	}
	text := err.Error()
	for _, part := range []string{"principal a: it has no role", "principal b: hashed ticket", "SCRAM credential", "key 1", "there are two", "number 5", "principal d: "} {
		if !strings.Contains(text, part) {
			t.Errorf("%q does not say %q", text, part)
		}
	}
}

// TestRevalidate asks who may stay when the table is another one.
func TestRevalidate(t *testing.T) {
	rt, addr := newRouter(t, router.Config{AuthLimits: unlimited})
	table, key := people(t)
	sessions := make(chan *router.Session, 1)
	realm := rt.Realm("closed")
	realm.Authenticate(everyMethod(table)...)
	realm.OnSession(func(_ context.Context, s *router.Session) (func(), error) {
		sessions <- s
		return nil, nil
	})
	d := wamp.Dialer{URLs: []string{"tcp://" + addr}}
	ids := make(map[string]*router.Identity)
	for method, with := range withPassword {
		if _, err := login(t, d, "alice", with("alice's secret")); err != nil {
			t.Fatal(err)
		}
		ids[method] = (<-sessions).Identity()
	}
	if _, err := login(t, d, "", wamp.Cryptosign(key)); err != nil {
		t.Fatal(err)
	}
	ids["cryptosign"] = (<-sessions).Identity()

	other, err := router.NewTable(router.Principal{AuthID: "alice", Role: "boss", Ticket: "new", Keys: []string{publicText(newKey(t))}})
	if err != nil {
		t.Fatal(err)
	}
	empty, err := router.NewTable()
	if err != nil {
		t.Fatal(err)
	}
	for i, from := range []*router.Table{table, other, empty} {
		for _, a := range everyMethod(from) {
			now := a.(router.Revalidator).Revalidate(ids[a.Method()])
			want := ""
			switch {
			case i == 0:
				want = "user"
			case i == 1 && a.Method() == "ticket":
				want = "boss"
			}
			got := ""
			if now != nil {
				got = now.Role
			}
			if got != want {
				t.Errorf("table %d, %s: role %q, want %q", i, a.Method(), got, want)
			}
		}
	}
}

// authority issues certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	ca := &authority{cert: cert, key: key, pool: x509.NewCertPool()}
	ca.pool.AddCert(cert)
	return ca
}

// issue returns a certificate for a host or client.
func (ca *authority) issue(t *testing.T, name string, validFor time.Duration) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{{127, 0, 0, 1}},
		EmailAddresses: []string{name + "@example.com"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(validFor),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, &key.PublicKey, ca.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
