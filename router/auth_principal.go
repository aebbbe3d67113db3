package router

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/wampeter/wampeter/internal/auth"
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/wamp"
)

// Principal is somebody who may open sessions, and what the router keeps to
// recognize him by. Which of the secrets are needed depends on the methods that
// he uses; none has to be kept as it is, see HashTicket, SaltSecret and
// HashPassword.
type Principal struct {
	AuthID string `json:"authid,omitempty"` // the name; empty in answers: that which the client gives
	Role   string `json:"role,omitempty"`

	// Ticket is for the method ticket: a hash that HashTicket returns, or for
	// development the ticket itself.
	Ticket string `json:"ticket,omitempty"`

	// Secret is for the method wampcra: the secret itself, or with a Salt what
	// SaltSecret made of it.
	Secret     string `json:"secret,omitempty"`
	Salt       string `json:"salt,omitempty"`
	Iterations int    `json:"iterations,omitempty"` // of PBKDF2; default 1000
	KeyLength  int    `json:"keylen,omitempty"`     // in bytes; default 32

	// SCRAM is for the methods wamp-scram and scram, one credential for each:
	// what HashPassword returns.
	SCRAM []string `json:"scram,omitempty"`

	// Keys is for the method cryptosign: Ed25519 public keys, each 64
	// hexadecimal digits or a line "ssh-ed25519 …" of OpenSSH.
	Keys []string `json:"authorized_keys,omitempty"`

	Extra   map[string]any `json:"extra,omitempty"`  // for the client: WELCOME.Details.authextra
	Expires time.Time      `json:"expires,omitzero"` // when sessions end
	Value   any            `json:"-"`                // becomes Identity.Value

	// Evidence becomes Identity.Evidence; empty: with cryptosign the public key.
	Evidence string `json:"-"`

	secrets *secrets
}

// Query says whom an Authenticator looks for.
type Query struct {
	Method    string // of authentication
	Realm     string
	AuthID    string // that the client gives, often empty with cryptosign
	Ticket    string // with the method ticket: what the client sent
	PublicKey string // with cryptosign: the client's key, 64 hexadecimal digits

	// Certificate is the client's, with the method tls. It was verified.
	Certificate *x509.Certificate

	Handshake *Handshake // all that is known of the client
}

// Principals is where Authenticators look up who may open a session: a Table, a
// function (Lookup), a WAMP procedure (Procedure), or an HTTP endpoint
// (Webhook). Only a Table, and a Principal that everybody is, are asked again
// when a realm is configured anew: see Revalidator.
type Principals interface {
	// Find returns a principal; nil when there is none. An error that is a
	// wamp.URI or *wamp.Error refuses the client, as if there were none; with
	// any other error the authentication has failed.
	Find(ctx context.Context, q *Query) (*Principal, error)

	// Provider is the name of the source for clients and the meta API.
	Provider() string
}

// Lookup makes Principals of a function. Of the method ticket the function may
// check the ticket itself: a Principal without Ticket is one whose ticket is
// right.
func Lookup(f func(ctx context.Context, q *Query) (*Principal, error)) Principals { return lookup(f) }

type lookup func(ctx context.Context, q *Query) (*Principal, error)

func (f lookup) Find(ctx context.Context, q *Query) (*Principal, error) { return f(ctx, q) }
func (lookup) Provider() string                                         { return "function" }
func (lookup) checksTickets() bool                                      { return true }

// Find implements Principals: everybody is this one principal, unless he says
// that he is another.
func (p Principal) Find(_ context.Context, q *Query) (*Principal, error) {
	if p.AuthID != "" && q.AuthID != "" && p.AuthID != q.AuthID {
		return nil, nil
	}
	return &p, nil
}

// Provider implements Principals.
func (Principal) Provider() string { return "static" }

// secrets are those of a Principal, read.
type secrets struct {
	ticket *auth.StoredTicket
	cra    []byte
	salt   auth.CRASalt
	scram  []auth.SCRAMCredential
	keys   []ed25519.PublicKey
}

// read returns the secrets of p.
func (p *Principal) read() (*secrets, error) {
	if p.secrets != nil {
		return p.secrets, nil
	}
	s := new(secrets)
	var errs []error
	if p.Ticket != "" {
		ticket, err := auth.ParseTicket(p.Ticket)
		errs = append(errs, err)
		s.ticket = &ticket
	}
	if p.Secret != "" {
		s.cra = []byte(p.Secret)
	}
	if p.Salt != "" {
		s.salt = auth.CRASalt{Salt: p.Salt, Iterations: p.Iterations, KeyLength: p.KeyLength}.WithDefaults()
		errs = append(errs, s.salt.Check())
	}
	for _, text := range p.SCRAM {
		c, err := auth.ParseSCRAMCredential(text)
		errs = append(errs, err)
		s.scram = append(s.scram, c)
	}
	for i, text := range p.Keys {
		key, err := auth.ParsePublicKey(text)
		if err != nil {
			err = fmt.Errorf("key %d: %w", i+1, err)
		}
		errs = append(errs, err)
		s.keys = append(s.keys, key)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return s, nil
}

// Table is a list of principals.
type Table struct {
	list  []*Principal
	byID  map[string]*Principal
	byKey map[string][]*Principal // by public key in hexadecimal digits
}

// NewTable makes a Table. The error names everything that is wrong with the
// principals.
func NewTable(principals ...Principal) (*Table, error) {
	t := &Table{byID: make(map[string]*Principal), byKey: make(map[string][]*Principal)}
	var errs []error
	for i := range principals {
		p := principals[i]
		name := p.AuthID
		if name == "" {
			name = fmt.Sprintf("number %d", i+1)
			errs = append(errs, fmt.Errorf("principal %s: it has no authid", name))
		}
		if p.Role == "" {
			errs = append(errs, fmt.Errorf("principal %s: it has no role", name))
		}
		if t.byID[p.AuthID] != nil {
			errs = append(errs, fmt.Errorf("principal %s: there are two of that name", name))
		}
		s, err := p.read()
		if err != nil {
			errs = append(errs, fmt.Errorf("principal %s: %w", name, err))
			continue
		}
		p.secrets = s
		t.byID[p.AuthID] = &p
		t.list = append(t.list, &p)
		for _, key := range s.keys {
			digits := hex.EncodeToString(key)
			t.byKey[digits] = append(t.byKey[digits], &p)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return t, nil
}

// Find implements Principals: by name, or when the client gives none, by the key
// of cryptosign, if that is the key of one principal alone.
func (t *Table) Find(_ context.Context, q *Query) (*Principal, error) {
	if q.AuthID != "" {
		return t.byID[q.AuthID], nil
	}
	if of := t.byKey[q.PublicKey]; q.PublicKey != "" && len(of) == 1 {
		return of[0], nil
	}
	return nil, nil
}

// Provider implements Principals.
func (t *Table) Provider() string { return "static" }

// like returns a principal whose secrets have the form that those of somebody
// unknown would have, always the same one for the same name.
func (t *Table) like(authID string, has func(*secrets) bool) *secrets {
	n := uint32(2166136261) // FNV-1a
	for i := range len(authID) {
		n = (n ^ uint32(authID[i])) * 16777619
	}
	for i := range t.list {
		if s := t.list[(int(n%uint32(len(t.list)))+i)%len(t.list)].secrets; has(s) {
			return s
		}
	}
	return nil
}

// method is what the authenticators of this package have in common.
type method struct {
	name string
	from Principals
}

// Method implements Authenticator.
func (m *method) Method() string { return m.name }

// nobodysKey is what the salts of those who do not exist are made of. It stays
// when authenticators are replaced: a salt that changes then would be nobody's.
var nobodysKey = auth.Random(32)

// nobody names somebody unknown, whose salts differ by realm and method as those
// of somebody known do.
func (m *method) nobody(h *Handshake) string { return m.name + "\x00" + h.Realm + "\x00" + h.AuthID }

// query returns the beginning of a Query.
func (m *method) query(h *Handshake) *Query {
	return &Query{Method: m.name, Realm: h.Realm, AuthID: h.AuthID, Handshake: h}
}

// find looks a principal up. Without one, why says why there is none, for the
// log. An error says that nobody can tell.
func (m *method) find(ctx context.Context, q *Query) (p *Principal, s *secrets, why error, err error) {
	p, err = m.from.Find(ctx, q)
	if refused(err) {
		return nil, nil, err, nil
	}
	if ctx.Err() != nil {
		return nil, nil, nil, context.Cause(ctx)
	}
	if err != nil {
		// What it is is not for the client to know.
		return nil, nil, nil, fmt.Errorf("look up %s: %v", quote(q.AuthID), err)
	}
	if p == nil {
		return nil, nil, errUnknown, nil
	}
	if p.Role == "" {
		return nil, nil, nil, fmt.Errorf("principal %s has no role", quote(q.AuthID))
	}
	if s, err = p.read(); err != nil {
		return nil, nil, nil, fmt.Errorf("principal %s: %w", quote(q.AuthID), err)
	}
	return p, s, nil, nil
}

// refused reports whether err says that a client is not wanted, rather than that
// something does not work.
func refused(err error) bool {
	var e *wamp.Error
	var u wamp.URI
	switch {
	case errors.As(err, &u):
	case errors.As(err, &e):
		u = e.URI
	default:
		return false
	}
	return !slices.Contains(broken, u)
}

// broken are the errors of procedures that say nothing about the client.
var broken = []wamp.URI{
	msg.ErrNoSuchProcedure, msg.ErrUnavailable, msg.ErrNoAvailableCallee, msg.ErrTimeout, msg.ErrCanceled,
	msg.ErrRuntimeError, msg.ErrInvalidArgument, msg.ErrInvalidPayload, msg.ErrPayloadSizeExceeded, msg.ErrNetworkFailure,
}

// identity returns who p is.
func (m *method) identity(p *Principal, q *Query) *Identity {
	id := &Identity{
		AuthID: p.AuthID, Role: p.Role, Method: m.name, Provider: m.from.Provider(),
		Extra: p.Extra, Expires: p.Expires, Value: p.Value, Evidence: cmp.Or(p.Evidence, q.PublicKey),
	}
	if id.AuthID == "" {
		id.AuthID = q.AuthID
	}
	return id
}

// Revalidate implements Revalidator. Principals that are neither in a table nor
// the only one there is stay who they are.
func (m *method) Revalidate(id *Identity) *Identity {
	if only, ok := m.from.(Principal); ok {
		again := *id
		again.Role = only.Role
		if only.AuthID != "" && only.AuthID != id.AuthID {
			return nil
		}
		return &again
	}
	t, ok := m.from.(*Table)
	if !ok {
		return id
	}
	p := t.byID[id.AuthID]
	if p == nil || !p.secrets.serves(m.name, id.Evidence) {
		return nil
	}
	return m.identity(p, &Query{PublicKey: id.Evidence})
}

// serves reports whether the secrets are good for a method, and for the key that
// a session was opened with.
func (s *secrets) serves(method, key string) bool {
	switch method {
	case auth.MethodTicket:
		return s.ticket != nil
	case auth.MethodCRA:
		return s.cra != nil
	case auth.MethodSCRAM, auth.MethodScram:
		return slices.ContainsFunc(s.scram, func(c auth.SCRAMCredential) bool { return c.Method() == method })
	case auth.MethodCryptosign:
		return slices.ContainsFunc(s.keys, func(k ed25519.PublicKey) bool { return hex.EncodeToString(k) == key })
	}
	return true
}
