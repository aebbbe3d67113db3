package config

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wampeter/wampeter/wamp"
)

// TestListenerSettings has clients in, and keeps clients out, as each setting of a
// listener says.
func TestListenerSettings(t *testing.T) {
	dir := t.TempDir()
	writeCertificate(t, dir, "router")
	own, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	stranger := t.TempDir()
	writeCertificate(t, stranger, "stranger")
	foreign, err := tls.LoadX509KeyPair(filepath.Join(stranger, "cert.pem"), filepath.Join(stranger, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	secure := func(c *tls.Config) *tls.Config {
		c.InsecureSkipVerify = true
		return c
	}
	from := func(origin string) func(context.Context) (http.Header, error) {
		return func(context.Context) (http.Header, error) { return http.Header{"Origin": {origin}}, nil }
	}
	const files = "certificate: DIR/cert.pem, key: DIR/key.pem"
	for settings, clients := range map[string][]struct {
		scheme string // with HOST for the address
		dialer wamp.Dialer
		ok     bool
	}{
		"kind: universal": {
			{"ws://HOST/ws", wamp.Dialer{}, true}, {"tcp://HOST", wamp.Dialer{}, true}, {"http://HOST/lp", wamp.Dialer{}, true},
			{"ws://HOST/other", wamp.Dialer{}, false}, {"wss://HOST/ws", wamp.Dialer{TLS: secure(&tls.Config{})}, false},
		},
		"kind: websocket":                {{"ws://HOST/ws", wamp.Dialer{}, true}, {"http://HOST/lp", wamp.Dialer{}, true}, {"tcp://HOST", wamp.Dialer{}, false}},
		"kind: rawsocket":                {{"tcp://HOST", wamp.Dialer{}, true}, {"ws://HOST/ws", wamp.Dialer{}, false}, {"http://HOST/lp", wamp.Dialer{}, false}},
		`path: /a/b, longpoll_path: "-"`: {{"ws://HOST/a/b", wamp.Dialer{}, true}, {"ws://HOST/ws", wamp.Dialer{}, false}, {"http://HOST/lp", wamp.Dialer{}, false}},
		"longpoll_path: /poll":           {{"http://HOST/poll", wamp.Dialer{}, true}, {"http://HOST/lp", wamp.Dialer{}, false}},
		"max_connections: 1":             {{"tcp://HOST", wamp.Dialer{}, true}, {"tcp://HOST", wamp.Dialer{}, false}, {"ws://HOST/ws", wamp.Dialer{}, false}},
		`origins: ["https://*.example.com"]`: {
			{"ws://HOST/ws", wamp.Dialer{Header: from("https://app.example.com")}, true},
			{"ws://HOST/ws", wamp.Dialer{Header: from("https://example.org")}, false},
			{"ws://HOST/ws", wamp.Dialer{}, true},
		},
		"tls: {" + files + "}": {
			{"wss://HOST/ws", wamp.Dialer{TLS: secure(&tls.Config{MaxVersion: tls.VersionTLS12})}, true}, {"tls://HOST", wamp.Dialer{TLS: secure(&tls.Config{})}, true},
			{"https://HOST/lp", wamp.Dialer{TLS: secure(&tls.Config{})}, true}, {"ws://HOST/ws", wamp.Dialer{}, true}, {"tcp://HOST", wamp.Dialer{}, true},
		},
		"tls: {" + files + ", only: true}":       {{"tls://HOST", wamp.Dialer{TLS: secure(&tls.Config{})}, true}, {"tcp://HOST", wamp.Dialer{}, false}, {"ws://HOST/ws", wamp.Dialer{}, false}},
		"tls: {" + files + ", min_version: 1.3}": {{"tls://HOST", wamp.Dialer{TLS: secure(&tls.Config{})}, true}, {"tls://HOST", wamp.Dialer{TLS: secure(&tls.Config{MaxVersion: tls.VersionTLS12})}, false}},
		"tls: {" + files + ", clients: {ca: DIR/cert.pem}}": {
			{"tls://HOST", wamp.Dialer{TLS: secure(&tls.Config{Certificates: []tls.Certificate{own}})}, true},
			{"tls://HOST", wamp.Dialer{TLS: secure(&tls.Config{})}, true},
			{"tls://HOST", wamp.Dialer{TLS: secure(&tls.Config{GetClientCertificate: always(foreign)})}, false},
		},
		"tls: {" + files + ", clients: {ca: DIR/cert.pem, required: true}}": {
			{"tls://HOST", wamp.Dialer{TLS: secure(&tls.Config{Certificates: []tls.Certificate{own}})}, true},
			{"tls://HOST", wamp.Dialer{TLS: secure(&tls.Config{})}, false},
		},
	} {
		t.Run(settings, func(t *testing.T) {
			d := start(t, "listeners: {address: '127.0.0.1:0', "+strings.ReplaceAll(settings, "DIR", dir)+"}\n")
			for _, c := range clients {
				c.dialer.URLs = []string{strings.ReplaceAll(c.scheme, "HOST", d.Addresses()[0].String())}
				s, err := c.dialer.Dial(t.Context())
				if err == nil {
					t.Cleanup(func() { _ = s.Close(context.Background()) })
				}
				if (err == nil) != c.ok {
					t.Errorf("%s: error %v, want one: %t", c.scheme, err, !c.ok)
				}
			}
		})
	}
}

// always presents a certificate, also when it is not of the authorities that the
// router names.
func always(c tls.Certificate) func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &c, nil }
}

// TestACMEOrder obtains a certificate from an authority, which connects to the
// listener to see that it is the host's.
func TestACMEOrder(t *testing.T) {
	const host = "router.example.com"
	ca := newAuthority(t)
	d := start(t, `{"listeners": [{"address": "127.0.0.1:0", "tls": {"only": true, "acme": {
		"hosts": ["`+host+`"], "email": "joe@example.com", "cache": "`+t.TempDir()+`", "directory": "`+ca.URL+`/"}}}]}`)
	address := d.Addresses()[0].String()
	ca.challenge = func() error {
		c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, ServerName: host, NextProtos: []string{"acme-tls/1"}})
		if err != nil {
			return err
		}
		defer c.Close()
		for _, e := range c.ConnectionState().PeerCertificates[0].Extensions {
			if e.Id.Equal(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31}) {
				return nil
			}
		}
		return fmt.Errorf("the certificate for the challenge proves nothing")
	}
	dial(t, &wamp.Dialer{URLs: []string{"tls://" + address}, TLS: &tls.Config{RootCAs: ca.pool, ServerName: host}})
	if ca.contact != "mailto:joe@example.com" {
		t.Errorf("the authority was told of %q", ca.contact)
	}
}

// authority is as much of an ACME server (RFC 8555) as one order needs. It
// believes every signature.
type authority struct {
	*httptest.Server
	pool      *x509.CertPool
	challenge func() error
	contact   string

	key   *ecdsa.PrivateKey
	cert  *x509.Certificate
	chain []byte // that was issued
	valid bool   // the challenge was passed
}

func newAuthority(t *testing.T) *authority {
	a := &authority{pool: x509.NewCertPool()}
	a.key, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), crypto.Signer(a.key))
	if err != nil {
		t.Fatal(err)
	}
	a.cert, _ = x509.ParseCertificate(der)
	a.pool.AddCert(a.cert)
	a.Server = httptest.NewServer(http.HandlerFunc(a.serve))
	t.Cleanup(a.Close)
	return a
}

func (a *authority) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Replay-Nonce", rand.Text())
	var envelope struct{ Payload string }
	_ = json.NewDecoder(r.Body).Decode(&envelope)
	payload, _ := base64.RawURLEncoding.DecodeString(envelope.Payload)
	state := map[bool]string{false: "pending", true: "valid"}[a.valid]
	challenge := map[string]any{"type": "tls-alpn-01", "url": a.URL + "/challenge", "token": "token", "status": state}
	order := map[string]any{
		"status": "pending", "identifiers": []any{map[string]any{"type": "dns", "value": "router.example.com"}},
		"authorizations": []string{a.URL + "/authorization"}, "finalize": a.URL + "/finalize",
	}
	switch {
	case a.chain != nil:
		order["status"], order["certificate"] = "valid", a.URL+"/certificate"
	case a.valid:
		order["status"] = "ready"
	}
	status, answer := http.StatusOK, map[string]any{}
	switch r.URL.Path {
	case "/":
		for _, name := range []string{"newNonce", "newAccount", "newOrder", "revokeCert", "keyChange"} {
			answer[name] = a.URL + "/" + name
		}
	case "/newNonce":
	case "/newAccount":
		var account struct{ Contact []string }
		_ = json.Unmarshal(payload, &account)
		a.contact = strings.Join(account.Contact, " ")
		w.Header().Set("Location", a.URL+"/account")
		status, answer["status"] = http.StatusCreated, "valid"
	case "/newOrder":
		w.Header().Set("Location", a.URL+"/order")
		status, answer = http.StatusCreated, order
	case "/authorization":
		answer = map[string]any{"status": state, "identifier": map[string]any{"type": "dns", "value": "router.example.com"}, "challenges": []any{challenge}}
	case "/challenge":
		if err := a.challenge(); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		a.valid = true
		answer = challenge
	case "/finalize":
		if err := a.issue(payload); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Location", a.URL+"/order")
		order["status"], order["certificate"] = "valid", a.URL+"/certificate"
		answer = order
	case "/order":
		answer = order
	case "/certificate":
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		_, _ = w.Write(a.chain)
		return
	default:
		status = http.StatusNotFound
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}

// issue makes the certificate that a client asks for.
func (a *authority) issue(payload []byte) error {
	var asked struct{ CSR string }
	if err := json.Unmarshal(payload, &asked); err != nil {
		return err
	}
	der, err := base64.RawURLEncoding.DecodeString(asked.CSR)
	if err != nil {
		return err
	}
	request, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: request.DNSNames, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(60 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	leaf, err := x509.CreateCertificate(rand.Reader, template, a.cert, request.PublicKey, crypto.Signer(a.key))
	if err != nil {
		return err
	}
	var chain bytes.Buffer
	for _, der := range [][]byte{leaf, a.cert.Raw} {
		_ = pem.Encode(&chain, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	a.chain = chain.Bytes()
	return nil
}
