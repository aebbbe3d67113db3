package router_test

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// overTLS are the URLs of a router that speaks TLS, on WebSocket and RawSocket.
func overTLS(addr string) map[string]string {
	return map[string]string{"wss": "wss://" + addr + "/ws", "tls": "tls://" + addr}
}

func TestClientCertificate(t *testing.T) {
	ours, theirs := newAuthority(t, "ours"), newAuthority(t, "theirs")
	server := ours.issue(t, "localhost", time.Hour)
	rules := []router.CertificateRule{
		{CommonName: "device-*", Email: "*@example.com", Role: "device"},
		{DNSName: "boss", AuthID: "the boss", Role: "admin"},
	}
	for name, test := range map[string]struct {
		ask   tls.ClientAuthType
		certs router.Certificates
	}{
		"verified by the listener": {tls.VerifyClientCertIfGiven, router.Certificates{Rules: rules}},
		"verified here":            {tls.RequestClientCert, router.Certificates{Rules: rules, Roots: ours.pool}},
	} {
		t.Run(name, func(t *testing.T) {
			rt, addr := newRouter(t, router.Config{AuthLimits: unlimited, TLS: &tls.Config{
				Certificates: []tls.Certificate{server}, ClientCAs: ours.pool, ClientAuth: test.ask,
			}})
			authenticator, err := router.ClientCertificate(test.certs)
			if err != nil {
				t.Fatal(err)
			}
			rt.Realm("closed").Authenticate(authenticator)
			for _, url := range overTLS(addr) {
				try := func(certs ...tls.Certificate) (*wamp.Session, error) {
					return login(t, wamp.Dialer{URLs: []string{url}, TLS: &tls.Config{RootCAs: ours.pool, ServerName: "localhost", Certificates: certs}}, "", wamp.ClientCertificate())
				}
				if s, err := try(ours.issue(t, "device-7", time.Hour)); err != nil || s.AuthID() != "device-7" || s.AuthRole() != "device" || s.AuthMethod() != "tls" {
					t.Errorf("device: %v", err)
				}
				if s, err := try(ours.issue(t, "boss", time.Hour)); err != nil || s.AuthID() != "the boss" || s.AuthRole() != "admin" {
					t.Errorf("boss: %v", err)
				}
				_, err := try()
				notAccepted(t, "no certificate", err)
				_, err = try(ours.issue(t, "stranger", time.Hour))
				notAccepted(t, "no rule", err)
				for what, cert := range map[string]tls.Certificate{
					"expired": ours.issue(t, "boss", -time.Minute), "other authority": theirs.issue(t, "boss", time.Hour),
				} {
					_, err := try(cert)
					if test.ask == tls.RequestClientCert {
						notAccepted(t, what, err)
					} else if err == nil {
						t.Errorf("%s: accepted", what)
					}
				}
			}
			_, err = login(t, wamp.Dialer{URLs: []string{"tcp://" + addr}}, "", wamp.ClientCertificate())
			notAccepted(t, "without TLS", err)
		})
	}
	for _, rule := range []router.CertificateRule{{CommonName: "x"}, {Role: "x"}, {CommonName: "[", Role: "x"}} {
		if _, err := router.ClientCertificate(router.Certificates{Rules: []router.CertificateRule{rule}}); err == nil {
			t.Errorf("%+v: no error", rule)
		}
	}
}

// A session ends when the certificate does, and certificates may be looked up.
func TestCertificateLookup(t *testing.T) {
	ca := newAuthority(t, "ours")
	rt, addr := newRouter(t, router.Config{AuthLimits: unlimited, TLS: &tls.Config{
		Certificates: []tls.Certificate{ca.issue(t, "localhost", time.Hour)}, ClientCAs: ca.pool, ClientAuth: tls.VerifyClientCertIfGiven,
	}})
	authenticator, err := router.ClientCertificate(router.Certificates{Principals: router.Lookup(func(_ context.Context, q *router.Query) (*router.Principal, error) {
		if q.Certificate.EmailAddresses[0] != "joe@example.com" {
			return nil, nil
		}
		return &router.Principal{Role: "user"}, nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	realm := rt.Realm("closed")
	realm.Authenticate(authenticator)
	expires := make(chan time.Time, 1)
	realm.OnSession(func(_ context.Context, s *router.Session) (func(), error) {
		expires <- s.Identity().Expires
		return nil, nil
	})
	d := wamp.Dialer{URLs: []string{"tls://" + addr}, TLS: &tls.Config{RootCAs: ca.pool, ServerName: "localhost", Certificates: []tls.Certificate{ca.issue(t, "joe", 30*time.Minute)}}}
	if s, err := login(t, d, "", wamp.ClientCertificate()); err != nil || s.AuthID() != "joe" {
		t.Fatal(err)
	}
	if left := time.Until(<-expires); left < 25*time.Minute || left > 30*time.Minute {
		t.Errorf("the session ends in %v", left)
	}
	d.TLS.Certificates = []tls.Certificate{ca.issue(t, "ann", time.Hour)}
	_, err = login(t, d, "", wamp.ClientCertificate())
	notAccepted(t, "ann", err)
}

// TestChannelBinding binds authentications to their TLS connections, and then
// has somebody in the middle who has a certificate that the client trusts.
func TestChannelBinding(t *testing.T) {
	ca := newAuthority(t, "authority")
	key, routerKey := newKey(t), newKey(t)
	cert := ca.issue(t, "localhost", time.Hour)
	rt, addr := newRouter(t, router.Config{AuthLimits: unlimited, TLS: &tls.Config{Certificates: []tls.Certificate{cert}}})
	table, err := router.NewTable(router.Principal{AuthID: "alice", Role: "user", SCRAM: []string{scramText(t, "pencil", specCost)}, Keys: []string{publicText(key)}})
	if err != nil {
		t.Fatal(err)
	}
	rt.Realm("closed").Authenticate(router.SCRAM(table), router.Cryptosign(table, router.RouterKey(routerKey)))
	rt.Realm("bound").Authenticate(router.Cryptosign(table, router.RequireChannelBinding()))
	middle := relay(t, addr, &tls.Config{Certificates: []tls.Certificate{cert}}, &tls.Config{RootCAs: ca.pool, ServerName: "localhost"})
	known := wamp.RouterKey(routerKey.Public().(ed25519.PublicKey))

	for _, test := range []struct {
		binding wamp.ChannelBinding
		version uint16
	}{{wamp.TLSExporter, tls.VersionTLS13}, {wamp.TLSExporter, tls.VersionTLS12}, {wamp.TLSUnique, tls.VersionTLS12}} {
		trust := &tls.Config{RootCAs: ca.pool, ServerName: "localhost", MaxVersion: test.version}
		for scheme, url := range overTLS(addr) {
			for what, a := range map[string]wamp.Authenticator{
				"scram":      wamp.SCRAM("pencil", test.binding),
				"cryptosign": wamp.Cryptosign(key, test.binding),
				"both ways":  wamp.Cryptosign(key, test.binding, known),
			} {
				if _, err := login(t, wamp.Dialer{URLs: []string{url}, TLS: trust}, "alice", a); err != nil {
					t.Errorf("%s, %s, %s: %v", scheme, test.binding, what, err)
				}
				if _, err := login(t, wamp.Dialer{URLs: []string{overTLS(middle)[scheme]}, TLS: trust}, "alice", a); err == nil {
					t.Errorf("%s, %s, %s: relayed by somebody in the middle", scheme, test.binding, what)
				}
			}
		}
	}
	trust := &tls.Config{RootCAs: ca.pool, ServerName: "localhost"}
	// Without a binding nobody notices.
	if _, err := login(t, wamp.Dialer{URLs: []string{"tls://" + middle}, TLS: trust}, "alice", wamp.Cryptosign(key, known)); err != nil {
		t.Errorf("through the relay: %v", err)
	}
	// TLS 1.3 has no tls-unique.
	if _, err := login(t, wamp.Dialer{URLs: []string{"tls://" + addr}, TLS: trust}, "alice", wamp.Cryptosign(key, wamp.TLSUnique)); err == nil {
		t.Error("tls-unique with TLS 1.3")
	}
	d := wamp.Dialer{URLs: []string{"tls://" + addr}, TLS: trust, Realm: "bound", Auth: []wamp.Authenticator{wamp.Cryptosign(key)}}
	if _, err := d.Dial(t.Context()); !errors.Is(err, wamp.ErrAuthenticationFailed) {
		t.Errorf("where a binding is required: %v", err)
	}
	d.Auth = []wamp.Authenticator{wamp.Cryptosign(key, wamp.TLSExporter)}
	s, err := d.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close(t.Context())
}

func TestRouterKey(t *testing.T) {
	key, routerKey := newKey(t), newKey(t)
	rt, addr := newRouter(t, router.Config{AuthLimits: unlimited})
	table, err := router.NewTable(router.Principal{AuthID: "alice", Role: "user", Keys: []string{publicText(key)}})
	if err != nil {
		t.Fatal(err)
	}
	rt.Realm("closed").Authenticate(router.Cryptosign(table, router.RouterKey(routerKey)))
	d := wamp.Dialer{URLs: []string{"tcp://" + addr}}
	if _, err := login(t, d, "", wamp.Cryptosign(key, wamp.RouterKey(routerKey.Public().(ed25519.PublicKey)))); err != nil {
		t.Error(err)
	}
	if _, err := login(t, d, "", wamp.Cryptosign(key, wamp.RouterKey(key.Public().(ed25519.PublicKey)))); !errors.Is(err, wamp.ErrRouterUnproven) {
		t.Errorf("a router with another key: %v", err)
	}
}

// relay passes on what it gets, in the clear between two TLS connections.
func relay(t *testing.T, to string, server, client *tls.Config) string {
	t.Helper()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", server)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			in, err := ln.Accept()
			if err != nil {
				return
			}
			out, err := tls.Dial("tcp", to, client)
			if err != nil {
				t.Error(err)
				_ = in.Close()
				continue
			}
			both := func(a, b net.Conn) {
				_, _ = io.Copy(a, b)
				_ = a.Close()
				_ = b.Close()
			}
			wg.Go(func() { both(in, out) })
			wg.Go(func() { both(out, in) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		wg.Wait()
	})
	return ln.Addr().String()
}
