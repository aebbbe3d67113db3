//go:build interop && unix

package interop

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wampeter/wampeter/internal/auth"
	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// proof is what a peer authenticates by.
type proof struct {
	Method  string `json:"method"`
	AuthID  string `json:"authid,omitempty"`
	Secret  string `json:"secret,omitempty"`
	Key     string `json:"key,omitempty"`    // private, in hexadecimal digits
	PubKey  string `json:"pubkey,omitempty"` // that belongs to it
	Binding string `json:"channel_binding,omitempty"`
}

const password = "correct horse"

// joe is who all makes authenticate as.
type joe struct {
	key       ed25519.PrivateKey
	principal router.Principal
}

func newJoe(t *testing.T) *joe {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	must(t, err)
	p, err := router.SaltSecret(password, 1000)
	must(t, err)
	p.AuthID, p.Role = "joe", "user"
	p.Ticket = router.HashTicket(password)
	for _, cost := range []auth.SCRAMCost{
		{KDF: auth.KDFArgon2id, Iterations: 2, Memory: 4096}, {KDF: auth.KDFArgon2idText, Iterations: 100, Memory: 512},
	} {
		c, err := auth.NewSCRAMCredential(password, cost, nil)
		must(t, err)
		p.SCRAM = append(p.SCRAM, c.String())
	}
	line, err := auth.FormatAuthorizedKey(key.Public().(ed25519.PublicKey), "joe@example.com")
	must(t, err)
	p.Keys = []string{line}
	return &joe{key: key, principal: p}
}

// proof returns what is right for a method, or wrong.
func (j *joe) proof(method string, right bool) *proof {
	p := &proof{Method: method, AuthID: "joe", Secret: password}
	key := j.key
	if !right {
		p.Secret = "wrong"
		_, key, _ = ed25519.GenerateKey(nil)
	}
	if method == "cryptosign" {
		p.Secret = ""
		p.Key = hex.EncodeToString(key.Seed())
		p.PubKey = hex.EncodeToString(key.Public().(ed25519.PublicKey))
	}
	return p
}

// authMethods are the methods that each make has.
var authMethods = map[*maker][]string{
	asyncio:    {"ticket", "wampcra", "scram", "cryptosign"},
	twisted:    {"ticket", "wampcra", "scram", "cryptosign"},
	autobahnJS: {"ticket", "wampcra", "cryptosign"},
	wampy:      {"ticket", "wampcra", "cryptosign"},
}

// authRouter is our router in this process, with a realm that joe alone can join.
type authRouter struct {
	*router.Router
	urls map[string]string // by transport
	ca   string            // file of the authority that vouches for it
	pool *x509.CertPool
	joe  *joe
}

func startAuthRouter(t *testing.T) *authRouter {
	t.Helper()
	cert, ca, pool := certificate(t)
	file := filepath.Join(t.TempDir(), "ca.pem")
	must(t, os.WriteFile(file, ca, 0o600))
	rt := router.New(router.Config{
		Logger: slog.New(slog.DiscardHandler), TLS: &tls.Config{Certificates: []tls.Certificate{cert}},
		AuthLimits: router.AuthLimits{Failures: -1, Delay: -1},
	})
	j := newJoe(t)
	table, err := router.NewTable(j.principal)
	must(t, err)
	rt.Realm(realm).Authenticate(router.Ticket(table), router.WAMPCRA(table), router.SCRAM(table), router.AutobahnSCRAM(table), router.Cryptosign(table))
	path := filepath.Join(socketDir(t), "auth.sock")
	served := make(chan error, 2)
	r := &authRouter{Router: rt, ca: file, pool: pool, joe: j}
	for _, listen := range [][2]string{{"tcp", "127.0.0.1:0"}, {"unix", path}} {
		ln, err := net.Listen(listen[0], listen[1])
		must(t, err)
		go func() { served <- rt.Serve(ln) }()
		if listen[0] == "tcp" {
			address := ln.Addr().String()
			r.urls = map[string]string{webSocket: "ws://" + address + "/ws", rawSocket: "tcp://" + address, rawUnix: "unix:" + path}
		}
	}
	t.Cleanup(func() {
		_ = rt.Close()
		<-served
		<-served
	})
	return r
}

// certificate returns one for localhost, and the authority that it is from.
func certificate(t *testing.T) (tls.Certificate, []byte, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, root, root, &key.PublicKey, key)
	must(t, err)
	pool := x509.NewCertPool()
	authority, err := x509.ParseCertificate(der)
	must(t, err)
	pool.AddCert(authority)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{{127, 0, 0, 1}},
		NotBefore: root.NotBefore, NotAfter: root.NotAfter, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, authority, &key.PublicKey, key)
	must(t, err)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{leafDER}, PrivateKey: key}, ca, pool
}

// TestAuthentication has every make authenticate at our router by every method
// that it has, over each transport, with the right secret and with a wrong one.
func TestAuthentication(t *testing.T) {
	r := startAuthRouter(t)
	for _, m := range foreigners {
		for i, method := range authMethods[m] {
			for transport, formats := range m.formats {
				c := m.on(transport, formats[i%len(formats)])
				check(t, c.String()+"."+method, func(t *testing.T) {
					t.Parallel()
					f, err := joinForeignAs(t, c, command{URL: r.urls[transport], Realm: realm, Auth: r.joe.proof(method, true)})
					must(t, err)
					if f.identity.AuthID != "joe" || f.identity.AuthRole != "user" || f.identity.AuthMethod != method {
						t.Errorf("joined as %+v", f.identity)
					}
					f, err = joinForeignAs(t, c, command{URL: r.urls[transport], Realm: realm, Auth: r.joe.proof(method, false)})
					if err == nil {
						t.Errorf("joined with a wrong secret as %+v", f.identity)
					}
				})
			}
		}
	}
	// Autobahn on Twisted binds signatures to the TLS connection.
	for transport, url := range map[string]string{webSocket: strings.Replace(r.urls[webSocket], "ws:", "wss:", 1), rawSocket: r.urls[rawSocket]} {
		for _, binding := range []string{"tls-unique", ""} {
			check(t, "autobahn-twisted."+transport+".cryptosign."+binding, func(t *testing.T) {
				t.Parallel()
				p := r.joe.proof("cryptosign", true)
				p.Binding = binding
				f, err := joinForeignAs(t, twisted.on(transport, cbor), command{URL: url, Realm: realm, Auth: p, CA: r.ca})
				must(t, err)
				if f.identity.AuthID != "joe" {
					t.Errorf("joined as %+v", f.identity)
				}
			})
		}
	}
}

// authCrossbar is Crossbar.io with a realm that joe alone can join.
type authCrossbar struct {
	plain, secure string // addresses
	certified     string // the one that demands certificates
	pool          *x509.CertPool
	cert          tls.Certificate   // its own, which is joe's, too
	node          ed25519.PublicKey // of the router
}

// startAuthCrossbar starts Crossbar.io with a realm that joe alone can join.
func startAuthCrossbar(t *testing.T, j *joe) *authCrossbar {
	t.Helper()
	dir := t.TempDir()
	cert, ca, pool := certificate(t)
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "ca.pem"), ca, 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "cert.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600))
	scram, err := auth.ParseSCRAMCredential(j.principal.SCRAM[1])
	must(t, err)
	methods := dict{
		"ticket": dict{"type": "static", "principals": dict{"joe": dict{"ticket": password, "role": "user"}}},
		"wampcra": dict{"type": "static", "users": dict{"joe": dict{
			// It salts what it has whenever somebody logs in.
			"secret": password, "role": "user", "salt": j.principal.Salt, "iterations": j.principal.Iterations, "keylen": j.principal.KeyLength,
		}}},
		"scram": dict{"type": "static", "principals": dict{"joe": dict{
			"kdf": scram.KDF, "iterations": scram.Iterations, "memory": scram.Memory, "salt": hex.EncodeToString(scram.Salt),
			"stored-key": hex.EncodeToString(scram.StoredKey), "server-key": hex.EncodeToString(scram.ServerKey), "role": "user",
		}}},
		"cryptosign": dict{"type": "static", "principals": dict{"joe": dict{
			"role": "user", "authorized_keys": []string{hex.EncodeToString(j.key.Public().(ed25519.PublicKey))},
		}}},
		"anonymous": dict{"type": "static", "role": "user"},
	}
	sum := sha1.Sum(cert.Certificate[0])
	certificates := dict{"tls": dict{"type": "static", "principals": dict{"joe": dict{
		"certificate-sha1": strings.ToUpper(strings.ReplaceAll(fmt.Sprintf("% x", sum), " ", ":")), "role": "user",
	}}}}
	browsers := dict{"cookie": dict{}}
	for name, method := range methods {
		browsers[name] = method
	}
	ports := []int{freePort(t), freePort(t), freePort(t)}
	listen := func(port int, methods, browsers, more dict) dict {
		endpoint := dict{"type": "tcp", "interface": "127.0.0.1", "port": port}
		for k, v := range more {
			endpoint[k] = v
		}
		return dict{
			"type": "universal", "endpoint": endpoint,
			"rawsocket": dict{"serializers": []string{"cbor", "json", "msgpack"}, "auth": methods},
			"websocket": dict{"ws": dict{
				"type": "websocket", "serializers": []string{"cbor", "json", "msgpack"}, "auth": browsers,
				"cookie": dict{"name": "cbtid", "length": 24, "max_age": 3600, "store": dict{"type": "memory"}},
			}},
		}
	}
	config := dict{"version": 2, "workers": []any{dict{
		"type": "router",
		"realms": []any{dict{"name": realm, "roles": []any{dict{
			"name": "user", "permissions": []any{dict{"uri": "", "match": "prefix", "allow": dict{"call": true, "register": true, "publish": true, "subscribe": true}}},
		}}}},
		"transports": []any{
			listen(ports[0], methods, browsers, nil),
			listen(ports[1], methods, browsers, dict{"tls": dict{"certificate": "cert.pem", "key": "key.pem"}}),
			listen(ports[2], certificates, certificates, dict{"tls": dict{"certificate": "cert.pem", "key": "key.pem", "ca_certificates": []string{"ca.pem"}}}),
		},
	}}}
	content, err := json.Marshal(config)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "config.json"), content, 0o600))
	p := startGuarded(t, env.crossbar, "start", "--cbdir", dir)
	address := func(i int) string { return fmt.Sprintf("127.0.0.1:%d", ports[i]) }
	awaitRawSocket(t, p, "tcp", address(0))
	trust := &tls.Config{RootCAs: pool, ServerName: "localhost", Certificates: []tls.Certificate{cert}}
	awaitTLS(t, p, address(1), trust)
	awaitTLS(t, p, address(2), trust)
	file, err := os.ReadFile(filepath.Join(dir, "key.pub"))
	must(t, err)
	node, err := wamp.ParsePublicKey(string(file))
	must(t, err)
	return &authCrossbar{plain: address(0), secure: address(1), certified: address(2), pool: pool, cert: cert, node: node}
}

// awaitTLS waits until a server speaks TLS.
func awaitTLS(t *testing.T, p *process, address string, cfg *tls.Config) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	retry := time.NewTicker(100 * time.Millisecond)
	defer retry.Stop()
	for {
		conn, err := (&tls.Dialer{Config: cfg}).DialContext(ctx, "tcp", address)
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-retry.C:
		case <-p.ended:
			t.Fatalf("%s ended", p.cmd)
		case <-ctx.Done():
			t.Fatalf("%s speaks no TLS at %s: %v", p.cmd, address, err)
		}
	}
}

// TestAuthenticateAtCrossbar has our client authenticate at Crossbar.io by every
// method that Crossbar.io can check for itself.
func TestAuthenticateAtCrossbar(t *testing.T) {
	j := newJoe(t)
	r := startAuthCrossbar(t, j)
	plain, secure, node := r.plain, r.secure, r.node
	_, stranger, err := ed25519.GenerateKey(nil)
	must(t, err)
	trust := &tls.Config{RootCAs: r.pool, ServerName: "localhost"}
	certified := &tls.Config{RootCAs: r.pool, ServerName: "localhost", Certificates: []tls.Certificate{r.cert}}
	for scheme, url := range map[string]string{"wss": "wss://" + r.certified + "/ws", "tls": "tls://" + r.certified} {
		check(t, "tls."+scheme, func(t *testing.T) {
			d := &wamp.Dialer{URLs: []string{url}, Realm: realm, AuthID: "joe", TLS: certified, Auth: []wamp.Authenticator{wamp.ClientCertificate()}}
			ctx, cancel := limited()
			defer cancel()
			s, err := d.Dial(ctx)
			must(t, err)
			if s.AuthMethod() != "tls" || s.AuthRole() != "user" {
				t.Errorf("WELCOME %v", s.Details())
			}
			_ = s.Close(ctx)
		})
	}
	check(t, "cookie.ws", func(t *testing.T) {
		var seen recorder
		d := &wamp.Dialer{URLs: []string{"ws://" + plain + "/ws"}, Realm: realm, AuthID: "joe", Auth: []wamp.Authenticator{wamp.Ticket(password)}, NetDial: seen.dial}
		ctx, cancel := limited()
		defer cancel()
		s, err := d.Dial(ctx)
		must(t, err)
		_ = s.Close(ctx)
		cookie := seen.cookie(t)
		d.NetDial, d.AuthID, d.Auth = nil, "", []wamp.Authenticator{wamp.Cookie()}
		d.Header = func(context.Context) (http.Header, error) { return http.Header{"Cookie": {cookie}}, nil }
		s, err = d.Dial(ctx)
		must(t, err)
		if s.AuthID() != "joe" || s.AuthRole() != "user" {
			t.Errorf("WELCOME %v", s.Details())
		}
		_ = s.Close(ctx)
	})
	for name, test := range map[string]struct {
		right, wrong wamp.Authenticator
		tls          bool
	}{
		"ticket":     {right: wamp.Ticket(password), wrong: wamp.Ticket("wrong")},
		"wampcra":    {right: wamp.WAMPCRA(password), wrong: wamp.WAMPCRA("wrong")},
		"scram":      {right: wamp.AutobahnSCRAM(password), wrong: wamp.AutobahnSCRAM("wrong")},
		"cryptosign": {right: wamp.Cryptosign(j.key), wrong: wamp.Cryptosign(stranger)},
		"anonymous":  {right: wamp.Anonymous()},
		// It speaks TLS 1.3 alone, and knows no channel binding but tls-unique, which
		// TLS 1.3 has not.
		"cryptosign over TLS":  {right: wamp.Cryptosign(j.key), wrong: wamp.Cryptosign(j.key, wamp.TLSExporter), tls: true},
		"cryptosign both ways": {right: wamp.Cryptosign(j.key, wamp.RouterKey(node)), wrong: wamp.Cryptosign(stranger, wamp.RouterKey(node))},
	} {
		urls := []string{"ws://" + plain + "/ws", "tcp://" + plain}
		if test.tls {
			urls = []string{"wss://" + secure + "/ws", "tls://" + secure}
		}
		for _, url := range urls {
			check(t, name+"."+url[:strings.IndexByte(url, ':')], func(t *testing.T) {
				d := &wamp.Dialer{URLs: []string{url}, Realm: realm, AuthID: "joe", Auth: []wamp.Authenticator{test.right}}
				if test.tls {
					d.TLS = trust
				}
				ctx, cancel := limited()
				defer cancel()
				s, err := d.Dial(ctx)
				must(t, err)
				if method, _, _ := strings.Cut(name, " "); s.AuthMethod() != method || s.AuthRole() != "user" || method != "anonymous" && s.AuthID() != "joe" {
					t.Errorf("WELCOME %v", s.Details())
				}
				_ = s.Close(ctx)
				if test.wrong == nil {
					return
				}
				d.Auth = []wamp.Authenticator{test.wrong}
				var refused *wamp.Error
				if _, err := d.Dial(ctx); !errors.As(err, &refused) {
					t.Errorf("with a wrong secret: %v", err)
				}
			})
		}
	}
}

// recorder keeps what a server says first.
type recorder struct {
	net.Conn
	text []byte
}

func (r *recorder) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var err error
	r.Conn, err = new(net.Dialer).DialContext(ctx, network, address)
	return r, err
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	if len(r.text) < 4096 {
		r.text = append(r.text, p[:n]...)
	}
	return n, err
}

// cookie returns the cookie that was set.
func (r *recorder) cookie(t *testing.T) string {
	t.Helper()
	for line := range strings.Lines(string(r.text)) {
		if value, ok := strings.CutPrefix(line, "Set-Cookie: "); ok {
			cookie, _, _ := strings.Cut(strings.TrimSpace(value), ";")
			return cookie
		}
	}
	t.Fatalf("no cookie in %.500q", r.text)
	return ""
}
