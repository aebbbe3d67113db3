package router

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/base64"
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
	if id := a.byRule(c); id != nil {
		if id.AuthID == "" {
			return nil, deny(errors.New("the certificate has no common name for an authid"))
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
	id.Evidence = certificateText(c)
	if id.Expires.IsZero() || c.NotAfter.Before(id.Expires) {
		id.Expires = c.NotAfter
	}
	return id, nil
}

// byRule returns who a certificate is for by the first rule that fits it, nil
// when none does.
func (a *certificates) byRule(c *x509.Certificate) *Identity {
	for _, rule := range a.Rules {
		if rule.fits(c) {
			return &Identity{
				AuthID: cmp.Or(rule.AuthID, c.Subject.CommonName), Role: rule.Role, Method: auth.MethodTLS, Provider: "static",
				Expires: c.NotAfter, Evidence: certificateText(c), Value: c,
			}
		}
	}
	return nil
}

// certificateText is a certificate as Identity.Evidence.
func certificateText(c *x509.Certificate) string { return base64.StdEncoding.EncodeToString(c.Raw) }

func parseCertificateText(text string) (*x509.Certificate, error) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(raw)
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

// Revalidate implements Revalidator. Whom the certificate is for goes by the
// rules and Principals of now; which authorities count is not asked again.
func (a *certificates) Revalidate(id *Identity) *Identity {
	c, err := parseCertificateText(id.Evidence)
	if err != nil {
		return nil
	}
	if again := a.byRule(c); again != nil {
		if again.AuthID != id.AuthID {
			return nil
		}
		return again
	}
	// Of a source that cannot be asked, only those whom it has found stay.
	if a.Principals == nil || a.Principals.Provider() != id.Provider {
		return nil
	}
	m := method{auth.MethodTLS, a.Principals}
	return m.Revalidate(id)
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
