package config

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wampeter/wampeter/wamp"
)

// load reads a configuration that is right.
func load(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Load(t.Context(), Source{File: "test.yaml", Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// start runs a router.
func start(t *testing.T, text string) *Daemon {
	t.Helper()
	d, err := Start(t.Context(), load(t, text), Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// url returns the URL of a listener.
func (d *Daemon) url(i int) string { return d.Addresses()[i].URL("/ws") }

// dial opens a session.
func dial(t *testing.T, d *wamp.Dialer) *wamp.Session {
	t.Helper()
	s, err := d.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	return s
}

// writeCertificate writes a certificate for 127.0.0.1 with a name to dir.
func writeCertificate(t *testing.T, dir, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		DNSNames:  []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: cert}, "key.pem": {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// nameAt returns the name in the certificate that a listener presents.
func nameAt(t *testing.T, address string) string {
	t.Helper()
	c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].Subject.CommonName
}

// TestCertificateRenewed replaces the files of a certificate beneath a running
// listener: new connections get the new one, and files that do not fit change
// nothing.
func TestCertificateRenewed(t *testing.T) {
	dir := t.TempDir()
	writeCertificate(t, dir, "first")
	file := `{"listeners": [{"address": "127.0.0.1:0", "tls": {"certificate": "` + dir + `/cert.pem", "key": "` + dir + `/key.pem"}}]}`
	d := start(t, file)
	d.serves[0].tls.every = 0
	address := d.Addresses()[0].String()
	if name := nameAt(t, address); name != "first" {
		t.Fatalf("the certificate is that of %s", name)
	}
	s := dial(t, &wamp.Dialer{URLs: []string{"wss://" + address + "/ws"}, TLS: &tls.Config{InsecureSkipVerify: true}})

	if err := os.WriteFile(filepath.Join(dir, "cert.pem"), []byte("half of it"), 0o600); err != nil {
		t.Fatal(err)
	}
	if name := nameAt(t, address); name != "first" {
		t.Errorf("with broken files the certificate is that of %s", name)
	}
	writeCertificate(t, dir, "second")
	if name := nameAt(t, address); name != "second" {
		t.Errorf("the certificate is that of %s, want the second", name)
	}

	// A reload does not wait for a handshake to look, and says what it has found.
	d.serves[0].tls.every = time.Hour
	for _, want := range []string{"listeners", ""} {
		writeCertificate(t, dir, "a third one")
		if want == "" {
			d.serves[0].tls.every = 0
			nameAt(t, address) // has it read already
		}
		report, err := d.Reload(t.Context(), load(t, file))
		if err != nil || strings.Join(report.Changed, " ") != want {
			t.Errorf("changed: %v, error %v; want %q", report, err, want)
		}
		if name := nameAt(t, address); name != "a third one" {
			t.Errorf("after a reload the certificate is that of %s", name)
		}
	}
	if s.Err() != nil {
		t.Errorf("the session has ended: %v", s.Err())
	}
}

// TestACME presents a certificate that was obtained before, and no other
// host's.
func TestACME(t *testing.T) {
	dir := t.TempDir()
	writeCertificate(t, dir, "router.example.com")
	cert, _ := os.ReadFile(filepath.Join(dir, "cert.pem"))
	key, _ := os.ReadFile(filepath.Join(dir, "key.pem"))
	if err := os.WriteFile(filepath.Join(dir, "router.example.com"), append(key, cert...), 0o600); err != nil {
		t.Fatal(err)
	}
	d := start(t, `{"listeners": [{"address": "127.0.0.1:0", "tls": {"only": true, "acme": {
		"hosts": ["router.example.com"], "cache": "`+dir+`", "directory": "http://127.0.0.1:1/none"}}}]}`)
	c, err := tls.Dial("tcp", d.Addresses()[0].String(), &tls.Config{InsecureSkipVerify: true, ServerName: "router.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	if name := c.ConnectionState().PeerCertificates[0].Subject.CommonName; name != "router.example.com" {
		t.Errorf("the certificate is that of %s", name)
	}
	_ = c.Close()
	if c, err := tls.Dial("tcp", d.Addresses()[0].String(), &tls.Config{InsecureSkipVerify: true, ServerName: "other.example.com"}); err == nil {
		_ = c.Close()
		t.Error("there is a certificate for another host")
	}
}

// TestReloadListeners adds, changes and takes off listeners beneath sessions.
func TestReloadListeners(t *testing.T) {
	d := start(t, `{"listeners": ["127.0.0.1:0", "unix:`+filepath.Join(t.TempDir(), "s")+`"]}`)
	web, unix := d.url(0), d.url(1)
	address := d.Addresses()[0].String()
	sessions := []*wamp.Session{dial(t, &wamp.Dialer{URLs: []string{web}}), dial(t, &wamp.Dialer{URLs: []string{unix}})}

	report, err := d.Reload(t.Context(), load(t, `{"listeners": ["127.0.0.1:0", "127.0.0.1:0"], "log": {"level": "warn"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(report.Changed, " "); got != "listeners log.level" {
		t.Errorf("changed: %s", got)
	}
	if d.Addresses()[0].String() != address {
		t.Errorf("the first listener has moved to %s", d.Addresses()[0])
	}
	dial(t, &wamp.Dialer{URLs: []string{d.url(1)}})
	if _, err := (&wamp.Dialer{URLs: []string{unix}}).Dial(t.Context()); err == nil {
		t.Error("the Unix socket still takes connections")
	}

	// The same port with other settings: nobody is refused in between.
	if _, err := d.Reload(t.Context(), load(t, `{"listeners": [{"address": "127.0.0.1:0", "kind": "rawsocket"}]}`)); err != nil {
		t.Fatal(err)
	}
	dial(t, &wamp.Dialer{URLs: []string{"tcp://" + address}})
	if _, err := (&wamp.Dialer{URLs: []string{web}}).Dial(t.Context()); err == nil {
		t.Error("WebSocket is still spoken")
	}
	for _, s := range sessions {
		if _, err := s.Publish(t.Context(), "com.example.topic", wamp.Acknowledge()); err != nil {
			t.Errorf("a session that should stay: %v", err)
		}
	}

	// What cannot be done changes nothing.
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, err = d.Reload(t.Context(), load(t, `{"listeners": ["127.0.0.1:0", "`+taken.Addr().String()+`"], "realms": ["other"]}`))
	if err == nil || !strings.Contains(err.Error(), "another program listens there") {
		t.Errorf("error %v, want that the address is taken", err)
	}
	if len(d.Addresses()) != 1 || d.Config().Realms[0].Name != "realm1" {
		t.Errorf("a reload that failed has changed something: %v", d.Addresses())
	}
	dial(t, &wamp.Dialer{URLs: []string{"tcp://" + address}})
}

// TestReloadMovesListener gives a port another address, in the way of which the
// router itself listens. When that cannot be done, everything is as it was.
func TestReloadMovesListener(t *testing.T) {
	d := start(t, `{"listeners": ["127.0.0.1:0"], "realms": ["realm1"]}`)
	_, port, _ := net.SplitHostPort(d.Addresses()[0].String())
	at := func(host string) *Config {
		return load(t, `{"allow_open": true, "realms": ["realm1"], "listeners": ["`+net.JoinHostPort(host, port)+`"]}`)
	}
	s := dial(t, &wamp.Dialer{URLs: []string{d.url(0)}})

	taken, err := net.Listen("tcp", "127.0.0.2:"+port)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Reload(t.Context(), at("0.0.0.0")); err == nil || !strings.Contains(err.Error(), "another program listens there") {
		t.Errorf("error %v, want that the address is taken", err)
	}
	if got := d.Addresses()[0].String(); got != "127.0.0.1:"+port {
		t.Errorf("the router listens on %s", got)
	}
	dial(t, &wamp.Dialer{URLs: []string{d.url(0)}})
	_ = taken.Close()

	for _, host := range []string{"0.0.0.0", "127.0.0.1", "localhost", "0.0.0.0"} {
		report, err := d.Reload(t.Context(), at(host))
		if err != nil {
			t.Fatalf("to %s: %v", host, err)
		}
		if !slices.Contains(report.Changed, "listeners") || d.Addresses()[0].String() != net.JoinHostPort(host, port) {
			t.Errorf("to %s: changed %v, listening on %v", host, report.Changed, d.Addresses())
		}
		dial(t, &wamp.Dialer{URLs: []string{d.url(0)}})
	}
	dial(t, &wamp.Dialer{URLs: []string{"tcp://127.0.0.2:" + port}})
	if _, err := s.Publish(t.Context(), "com.example.topic", wamp.Acknowledge()); err != nil {
		t.Errorf("a session that should stay: %v", err)
	}
	select {
	case err := <-d.Failed():
		t.Error(err)
	default:
	}
}

// TestReloadHandshakeTimeout has clients that do not finish their first request
// time out as the changed file says, on a listener that itself is the same.
func TestReloadHandshakeTimeout(t *testing.T) {
	d := start(t, `{"listeners": ["127.0.0.1:0"], "timeouts": {"handshake": "1h"}}`)
	address := d.Addresses()[0].String()
	report, err := d.Reload(t.Context(), load(t, `{"listeners": ["127.0.0.1:0"], "timeouts": {"handshake": "50ms"}}`))
	if err != nil || strings.Join(report.Changed, " ") != "timeouts.handshake" || d.Addresses()[0].String() != address {
		t.Fatalf("error %v, changed: %v, listening on %v", err, report, d.Addresses())
	}
	for _, begin := range []string{"", "\x7f", "GET /ws HTTP/1.1\r\n", "POST /lp/open HTTP/1.1\r\n"} {
		nc, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(nc, begin)
		_, _ = io.Copy(io.Discard, nc) // ends when the router does not wait any longer
		_ = nc.Close()
	}
}

// TestReread checks that without a way to read the configuration nothing is
// done, and that mistakes are reported.
func TestReread(t *testing.T) {
	d := start(t, `{"listeners": ["127.0.0.1:0"]}`)
	if _, err := d.Reread(t.Context()); err == nil {
		t.Error("something was read")
	}
	d.opts.Load = func(ctx context.Context) (*Config, error) {
		return Load(ctx, Source{File: "x.yaml", Data: []byte("listners: []")})
	}
	_, err := d.Reread(t.Context())
	var m *Mistake
	if !errors.As(err, &m) || m.Pos.Line != 1 {
		t.Errorf("error %v, want a mistake in line 1", err)
	}
	d.opts.Load = func(ctx context.Context) (*Config, error) {
		return Load(ctx, Source{File: "x.yaml", Data: []byte("{listeners: [127.0.0.1:0], limits: {max_message: 1MiB}}")})
	}
	for _, want := range []string{"limits.max_message", ""} {
		report, err := d.Reread(t.Context())
		if err != nil || report.Changed == nil || strings.Join(report.Changed, " ") != want {
			t.Errorf("report %+v, error %v; want %q", report, err, want)
		}
	}
}

// TestReloadAll changes every setting that is for the whole router.
func TestReloadAll(t *testing.T) {
	var log Log
	file := func(rest string) *Config {
		return load(t, `
listeners: 127.0.0.1:0
realms:
  - {name: app, authentication: {cookie: , ticket: }, users: [{authid: joe, role: user, ticket: a}]}
  - {name: one, roles: [{name: anonymous, rules: [{uri: wampeter., allow: all}]}]}
  - {name: two, roles: [{name: anonymous, rules: [{uri: wampeter., allow: all}]}]}
`+rest)
	}
	d, err := Start(t.Context(), file(`
cookies: {enabled: true}
admin: {realm: one}
`), Options{Logger: slog.New(slog.DiscardHandler), Log: func(l Log) { log = l }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	next := file(`
cookies: {enabled: true, name: other}
admin: {realm: two}
log: {level: warn, format: json}
limits: {max_message: 4KiB, max_realms: 7}
timeouts: {write: 3s, decision: 4s}
guessing: {failures: 1, delay: 0s}
`)
	d.opts.Load = func(context.Context) (*Config, error) { return next, nil }

	// The call that moves the procedure away is answered.
	administrators := map[string]*wamp.Session{}
	for _, realm := range []string{"one", "two"} {
		if administrators[realm], err = as(t, d, realm, ""); err != nil {
			t.Fatal(err)
		}
	}
	report, err := wamp.Call[Report](t.Context(), administrators["one"], string(ReloadProcedure))
	const changed = "admin.realm cookies.name guessing.delay guessing.failures limits.max_message limits.max_realms log.format log.level timeouts.decision timeouts.write"
	if got := strings.Join(report.Changed, " "); err != nil || got != changed {
		t.Errorf("error %v, changed: %s", err, got)
	}
	if _, err := wamp.Call[Report](t.Context(), administrators["one"], string(ReloadProcedure)); !errors.Is(err, wamp.ErrNoSuchProcedure) {
		t.Errorf("a call in the realm of before: %v", err)
	}
	if report, err = wamp.Call[Report](t.Context(), administrators["two"], string(ReloadProcedure)); err != nil || report.Changed == nil || len(report.Changed) > 0 {
		t.Errorf("report %+v, error %v", report, err)
	}
	if log != next.Log {
		t.Errorf("the log is told %+v, want %+v", log, next.Log)
	}

	// The session of before has the limit of before.
	large := wamp.Args{strings.Repeat("x", 100<<10)}
	if _, err := administrators["one"].Publish(t.Context(), "wampeter.test", large, wamp.Acknowledge()); err != nil {
		t.Errorf("a large message of a session of before: %v", err)
	}
	s, err := as(t, d, "one", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Publish(t.Context(), "wampeter.test", large, wamp.Acknowledge()); err == nil {
		t.Error("a large message of a new session is taken")
	}
	if given := cookieOf(t, d); given != "other" {
		t.Errorf("the cookie is called %q", given)
	}
	for _, want := range []error{wamp.ErrAuthenticationDenied, wamp.ErrLimitExceeded} {
		if _, err := as(t, d, "app", "jane", wamp.Ticket("x")); !errors.Is(err, want) {
			t.Errorf("error %v, want %v", err, want)
		}
	}
}

// cookieOf returns the name of the cookie that a WebSocket connection is given.
func cookieOf(t *testing.T, d *Daemon) string {
	t.Helper()
	nc, err := net.Dial("tcp", d.Addresses()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_, err = io.WriteString(nc, "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: wamp.2.json\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil || len(response.Cookies()) != 1 {
		t.Fatal(response, err)
	}
	return response.Cookies()[0].Name
}

// A procedure that somebody else has taken is no reason to change half of it.
func TestReloadAdminTaken(t *testing.T) {
	d := start(t, `{"listeners": ["127.0.0.1:0"], "realms": ["realm1"]}`)
	s, err := as(t, d, "realm1", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Register(t.Context(), string(ReloadProcedure), wamp.Func0(func(context.Context) (int, error) { return 7, nil })); err != nil {
		t.Fatal(err)
	}
	_, err = d.Reload(t.Context(), load(t, `
listeners: [127.0.0.1:0, 127.0.0.1:0]
realms:
  - {name: realm1, roles: [{name: anonymous, rules: [{uri: wampeter., allow: all}]}]}
  - new
admin: {realm: realm1}
limits: {max_message: 4KiB}
`))
	if !errors.Is(err, wamp.ErrProcedureAlreadyExists) {
		t.Errorf("error %v", err)
	}
	if len(d.Addresses()) != 1 || len(d.Config().Realms) != 1 {
		t.Error("a reload that failed has changed something")
	}
	if n, err := wamp.Call[int](t.Context(), s, string(ReloadProcedure)); err != nil || n != 7 {
		t.Errorf("result %d, error %v", n, err)
	}
	if _, err := as(t, d, "new", ""); !errors.Is(err, wamp.ErrNoSuchRealm) {
		t.Errorf("the realm that was not made: %v", err)
	}
}
