package router_test

import (
	"context"
	"crypto/tls"
	"errors"
	"testing"
	"time"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// stays reports whether a session is open after its realm was configured.
func stays(t *testing.T, s *wamp.Session) bool {
	t.Helper()
	if _, err := s.Publish(t.Context(), "com.example.x", wamp.Acknowledge()); err == nil {
		return true
	}
	<-s.Done()
	if err := s.Err(); !errors.Is(err, wamp.URI("wamp.close.auth")) {
		t.Errorf("ended with %v", err)
	}
	return false
}

func mustTable(t *testing.T, list ...router.Principal) *router.Table {
	t.Helper()
	table, err := router.NewTable(list...)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// TestAllRevalidates configures a realm anew in which a ticket and a key are
// needed.
func TestAllRevalidates(t *testing.T) {
	key := newKey(t)
	alice := router.Principal{AuthID: "alice", Role: "user", Ticket: "a ticket", Keys: []string{publicText(key)}}
	both := mustTable(t, alice)
	alice.Keys = []string{publicText(newKey(t))}
	otherKey := mustTable(t, alice)
	alice.Role = "guest"
	demoted := mustTable(t, alice)
	function := router.TicketFunc(func(_ context.Context, h *router.Handshake, _ string) (*router.Identity, error) {
		return &router.Identity{AuthID: h.AuthID, Role: "user"}, nil
	})
	for name, test := range map[string]struct {
		next router.Authenticator
		stay bool
	}{
		"the same":             {router.All(router.Ticket(both), router.Cryptosign(both)), true},
		"a function":           {router.All(function, router.Cryptosign(both)), true},
		"another key":          {router.All(router.Ticket(both), router.Cryptosign(otherKey)), false},
		"another role":         {router.All(router.Ticket(demoted), router.Cryptosign(both)), false},
		"nobody":               {router.All(router.Ticket(mustTable(t)), router.Cryptosign(both)), false},
		"one more":             {router.All(router.Ticket(both), router.Cryptosign(both), router.WAMPCRA(both)), false},
		"another second":       {router.All(router.Ticket(both), router.WAMPCRA(both)), false},
		"the ticket alone":     {router.Ticket(both), true},
		"the key alone":        {router.Cryptosign(both), false},
		"nothing but everyone": {router.Anonymous(router.Principal{Role: "user"}), false},
	} {
		rt, addr := newRouter(t, router.Config{})
		realm := rt.Realm("closed")
		must(t, realm.Configure(router.RealmConfig{Authenticators: []router.Authenticator{router.All(router.Ticket(both), router.Cryptosign(both))}}))
		s, err := login(t, wamp.Dialer{URLs: []string{"tcp://" + addr}}, "alice", wamp.Ticket("a ticket"), wamp.Cryptosign(key))
		if err != nil {
			t.Fatal(err)
		}
		must(t, realm.Configure(router.RealmConfig{Authenticators: []router.Authenticator{test.next}}))
		if got := stays(t, s); got != test.stay {
			t.Errorf("%s: the session stays: %v", name, got)
		}
	}
}

// TestCertificatesRevalidate replaces the rules for client certificates, and the
// principals behind them.
func TestCertificatesRevalidate(t *testing.T) {
	ca := newAuthority(t, "ca")
	device, host := ca.issue(t, "device-1", time.Hour), ca.issue(t, "localhost", time.Hour)
	found := router.Lookup(func(context.Context, *router.Query) (*router.Principal, error) {
		return &router.Principal{AuthID: "device-1", Role: "device"}, nil
	})
	rule := router.CertificateRule{CommonName: "device-*", Role: "device"}
	other := router.CertificateRule{CommonName: "device-*", AuthID: "somebody", Role: "device"}
	nobody := router.CertificateRule{CommonName: "host-*", Role: "device"}
	rules := func(list ...router.CertificateRule) router.Certificates { return router.Certificates{Rules: list} }
	looked := func(from router.Principals) router.Certificates { return router.Certificates{Principals: from} }
	table := mustTable(t, router.Principal{AuthID: "device-1", Role: "device"})
	for name, test := range map[string]struct {
		first, next router.Certificates
		stay        bool
	}{
		"the same rules":       {rules(rule), rules(nobody, rule), true},
		"a rule for another":   {rules(rule), rules(other, rule), false},
		"no rule that fits":    {rules(rule), rules(nobody), false},
		"rule, then function":  {rules(rule), looked(found), false},
		"rule, then table":     {rules(rule), looked(table), true},
		"the same table":       {looked(table), looked(table), true},
		"another table":        {looked(table), looked(mustTable(t)), false},
		"the same function":    {looked(found), looked(found), true},
		"function, then rules": {looked(found), rules(rule), true},
		"function, then none":  {looked(found), rules(nobody), false},
	} {
		authenticator := func(c router.Certificates) router.RealmConfig {
			a, err := router.ClientCertificate(c)
			if err != nil {
				t.Fatal(err)
			}
			return router.RealmConfig{Authenticators: []router.Authenticator{a}}
		}
		rt, addr := newRouter(t, router.Config{TLS: &tls.Config{
			Certificates: []tls.Certificate{host}, ClientCAs: ca.pool, ClientAuth: tls.VerifyClientCertIfGiven,
		}})
		realm := rt.Realm("closed")
		must(t, realm.Configure(authenticator(test.first)))
		s, err := login(t, wamp.Dialer{URLs: []string{"tls://" + addr}, TLS: &tls.Config{
			RootCAs: ca.pool, ServerName: "localhost", Certificates: []tls.Certificate{device},
		}}, "", wamp.ClientCertificate())
		if err != nil {
			t.Fatal(err)
		}
		must(t, realm.Configure(authenticator(test.next)))
		if got := stays(t, s); got != test.stay {
			t.Errorf("%s: the session stays: %v", name, got)
		}
	}
}
