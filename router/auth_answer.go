package router

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/wampeter/wampeter/internal/auth"
)

// details returns what procedures and endpoints are told of a client, beside
// realm and authid. The names are those of Crossbar.io's dynamic authenticators.
func (q *Query) details() map[string]any {
	h := q.Handshake
	d := map[string]any{
		"session": h.SessionID, "authmethod": q.Method, "authid": nil, "authrole": nil, "authextra": h.Extra,
		"transport": h.Transport.describe(),
	}
	for key, value := range map[string]string{"authid": q.AuthID, "authrole": h.AuthRole, "ticket": q.Ticket, "pubkey": q.PublicKey} {
		if value != "" {
			d[key] = value
		}
	}
	return d
}

// describe returns the transport as a dictionary.
func (t *Transport) describe() map[string]any {
	d := map[string]any{"type": t.Type, "network": t.Network, "peer": t.Peer, "serializer": t.Serializer, "tls": t.TLS != nil}
	if t.Request != nil {
		headers := make(map[string]any, len(t.Request.Header))
		for name, values := range t.Request.Header {
			list := make([]any, len(values))
			for i := range values {
				list[i] = values[i]
			}
			headers[name] = list
		}
		d["http_headers_received"] = headers
		d["http_path"] = t.Request.URL.Path
		d["http_query"] = t.Request.URL.RawQuery
	}
	if t.TLS != nil && len(t.TLS.PeerCertificates) > 0 {
		d["client_cert"] = describeCertificate(t.TLS.PeerCertificates[0])
	}
	return d
}

func describeCertificate(c *x509.Certificate) map[string]any {
	text := func(list []string) []any {
		all := make([]any, len(list))
		for i := range list {
			all[i] = list[i]
		}
		return all
	}
	var uris []string
	for _, u := range c.URIs {
		uris = append(uris, u.String())
	}
	return map[string]any{
		"subject": c.Subject.String(), "cn": c.Subject.CommonName, "issuer": c.Issuer.String(),
		"sha256": fingerprint(c), "not_after": c.NotAfter.UTC().Format(time.RFC3339),
		"dns": text(c.DNSNames), "email": text(c.EmailAddresses), "uri": text(uris),
	}
}

func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// principalOf reads the answer of a procedure or endpoint: nothing or false for
// nobody, a role, or a dictionary with the keys that Principal's fields have in
// JSON. Those of Crossbar.io's authenticators are understood, too.
func principalOf(answer any, q *Query) (*Principal, error) {
	switch v := answer.(type) {
	case nil:
		return nil, nil
	case bool:
		if !v {
			return nil, nil
		}
	case string:
		return &Principal{Role: v}, nil
	case map[string]any:
		r := answerReader{dict: v}
		p := r.principal()
		if realm := r.text("realm"); realm != "" && realm != q.Realm {
			r.fail("realm", "is another one than the client wants to join")
		}
		if err := errors.Join(r.errs...); err != nil {
			return nil, err
		}
		return p, nil
	}
	return nil, fmt.Errorf("the answer is a %T: it has to be a role, or a dictionary with a role", answer)
}

// answerReader reads a dictionary and keeps what is wrong with it.
type answerReader struct {
	dict map[string]any
	errs []error
}

func (r *answerReader) fail(key, text string) {
	r.errs = append(r.errs, fmt.Errorf("%s of the answer %s", key, text))
}

func (r *answerReader) text(key string) string {
	switch v := r.dict[key].(type) {
	case nil:
	case string:
		return v
	default:
		r.fail(key, "is no text")
	}
	return ""
}

func (r *answerReader) number(key string) int {
	switch v := r.dict[key].(type) {
	case nil:
		return 0
	case int64:
		return int(v)
	case uint64:
		if v <= math.MaxInt64 {
			return int(v)
		}
	case float64: // of JSON
		if v == math.Trunc(v) && math.Abs(v) <= 1<<53 {
			return int(v)
		}
	}
	r.fail(key, "is no whole number")
	return 0
}

func (r *answerReader) texts(key string) []string {
	switch v := r.dict[key].(type) {
	case nil:
		return nil
	case string:
		return []string{v}
	case []any:
		list := make([]string, len(v))
		for i := range v {
			var ok bool
			if list[i], ok = v[i].(string); !ok {
				r.fail(key, "is no list of texts")
				return nil
			}
		}
		return list
	}
	r.fail(key, "is no list of texts")
	return nil
}

func (r *answerReader) principal() *Principal {
	p := &Principal{
		AuthID: r.text("authid"), Role: r.text("role"), Ticket: r.text("ticket"), Secret: r.text("secret"),
		SCRAM: r.texts("scram"), Keys: append(r.texts("authorized_keys"), r.texts("pubkey")...),
	}
	if v := r.dict["extra"]; v != nil {
		var ok bool
		if p.Extra, ok = v.(map[string]any); !ok {
			r.fail("extra", "is no dictionary")
		}
	}
	switch v := r.dict["expires"].(type) {
	case nil:
	case string:
		var err error
		if p.Expires, err = time.Parse(time.RFC3339, v); err != nil {
			r.fail("expires", "is neither seconds since 1970 nor a time as in RFC 3339")
		}
	default:
		p.Expires = time.Unix(int64(r.number("expires")), 0)
	}
	if r.dict["stored-key"] == nil {
		p.Salt, p.Iterations, p.KeyLength = r.text("salt"), r.number("iterations"), r.number("keylen")
		return p
	}
	// Crossbar.io's form of a SCRAM credential.
	c := auth.SCRAMCredential{SCRAMCost: auth.SCRAMCost{KDF: r.text("kdf"), Iterations: r.number("iterations"), Memory: r.number("memory")}}
	for key, to := range map[string]*[]byte{"salt": &c.Salt, "stored-key": &c.StoredKey, "server-key": &c.ServerKey} {
		var err error
		if *to, err = auth.DecodeBinary(r.text(key)); err != nil {
			r.fail(key, "is "+err.Error())
		}
	}
	p.SCRAM = append(p.SCRAM, c.String())
	return p
}
