package router

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/wampeter/wampeter/internal/auth"
)

// Certificates says which TLS client certificates are whose. The listener has to
// ask for certificates: tls.Config.ClientAuth.
type Certificates struct {
	// Roots are the authorities whose certificates count. With nil those count
	// that the listener has verified, by tls.Config.ClientCAs.
	Roots *x509.CertPool

	// Rules are tried in order; the first that fits a certificate decides.
	Rules []CertificateRule

	// Principals is asked about certificates that no rule fits; nil refuses
	// them.
	Principals Principals
}

// CertificateRule accepts certificates. All fields that are set have to fit; in
// names * stands for any characters but "/".
type CertificateRule struct {
	CommonName  string // of the subject
	DNSName     string // the others: one of the subject's alternative names
	Email       string
	URI         string
	Fingerprint string // SHA-256 of the certificate, in hexadecimal digits

	AuthID string // of the session; default: the common name
	Role   string
}

// ClientCertificate accepts clients by the certificate that they present
// (authmethod tls). A session ends when its certificate does.
func ClientCertificate(c Certificates) (Authenticator, error) {
	for i, rule := range c.Rules {
		switch {
		case rule.Role == "":
			return nil, fmt.Errorf("certificate rule %d has no role", i+1)
		case rule == CertificateRule{AuthID: rule.AuthID, Role: rule.Role}:
			return nil, fmt.Errorf("certificate rule %d says nothing about certificates; for all of an authority's: CommonName \"*\"", i+1)
		}
		for _, pattern := range []string{rule.CommonName, rule.DNSName, rule.Email, rule.URI} {
			if _, err := path.Match(pattern, ""); err != nil {
				return nil, fmt.Errorf("certificate rule %d: %q: %w", i+1, pattern, err)
			}
		}
	}
	return &certificates{c}, nil
}

type certificates struct{ Certificates }

// Method implements Authenticator.
func (*certificates) Method() string { return auth.MethodTLS }

func (a *certificates) Authenticate(ctx context.Context, h *Handshake) (*Identity, error) {
	c, err := a.verify(h.Transport, time.Now())
	if err != nil {
		return nil, deny(err)
	}
	for _, rule := range a.Rules {
		if !rule.fits(c) {
			continue
		}
		id := &Identity{AuthID: rule.AuthID, Role: rule.Role, Method: auth.MethodTLS, Provider: "static", Expires: c.NotAfter, key: fingerprint(c), Value: c}
		if id.AuthID == "" {
			if id.AuthID = c.Subject.CommonName; id.AuthID == "" {
				return nil, deny(errors.New("the certificate has no common name for an authid"))
			}
		}
		return id, nil
	}
	if a.Principals == nil {
		return nil, deny(fmt.Errorf("no rule is for the certificate of %s", c.Subject))
	}
	m := method{auth.MethodTLS, a.Principals}
	q := m.query(h)
	q.AuthID, q.Certificate = c.Subject.CommonName, c
	p, _, why, err := m.find(ctx, q)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, deny(why)
	}
	id := m.identity(p, q)
	id.key = fingerprint(c)
	if id.Expires.IsZero() || c.NotAfter.Before(id.Expires) {
		id.Expires = c.NotAfter
	}
	return id, nil
}

// verify returns the client's certificate. TLS sessions are resumed without
// verifying it again, so its dates are looked at here in any case.
func (a *certificates) verify(t *Transport, now time.Time) (*x509.Certificate, error) {
	if t.TLS == nil || len(t.TLS.PeerCertificates) == 0 {
		return nil, errors.New("the client has presented no certificate")
	}
	c := t.TLS.PeerCertificates[0]
	if a.Roots == nil {
		switch {
		case len(t.TLS.VerifiedChains) == 0:
			return nil, errors.New("the listener does not verify certificates, and Roots is not set")
		case now.After(c.NotAfter), now.Before(c.NotBefore):
			return nil, errors.New("the certificate has expired, or is not valid yet")
		}
		return c, nil
	}
	between := x509.NewCertPool()
	for _, other := range t.TLS.PeerCertificates[1:] {
		between.AddCert(other)
	}
	_, err := c.Verify(x509.VerifyOptions{
		Roots: a.Roots, Intermediates: between, CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return c, err
}

// Revalidate implements Revalidator.
func (a *certificates) Revalidate(id *Identity) *Identity {
	c, ok := id.Value.(*x509.Certificate)
	if !ok {
		return id // of Principals
	}
	for _, rule := range a.Rules {
		if rule.fits(c) && (rule.AuthID == "" || rule.AuthID == id.AuthID) {
			again := *id
			again.Role = rule.Role
			return &again
		}
	}
	return nil
}

func (r *CertificateRule) fits(c *x509.Certificate) bool {
	one := func(pattern string, names ...string) bool {
		if pattern == "" {
			return true
		}
		for _, name := range names {
			if ok, _ := path.Match(pattern, name); ok && name != "" {
				return true
			}
		}
		return false
	}
	var uris []string
	for _, u := range c.URIs {
		uris = append(uris, u.String())
	}
	digits := strings.ToLower(strings.ReplaceAll(r.Fingerprint, ":", ""))
	return one(r.CommonName, c.Subject.CommonName) && one(r.DNSName, c.DNSNames...) &&
		one(r.Email, c.EmailAddresses...) && one(r.URI, uris...) && (digits == "" || digits == fingerprint(c))
}
