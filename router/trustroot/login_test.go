package trustroot

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamptest"
)

// journal is a log that can be read.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// login opens a session at a router with one realm.
func login(t *testing.T, rt *wamptest.Router, authID string, a wamp.Authenticator) (*wamp.Session, error) {
	t.Helper()
	d := wamp.Dialer{URLs: []string{rt.URL()}, Realm: "realm1", AuthID: authID, Auth: []wamp.Authenticator{a}, Logger: slog.New(slog.DiscardHandler)}
	s, err := d.Dial(t.Context())
	if err == nil {
		t.Cleanup(func() { _ = s.Close(context.Background()) })
	}
	return s, err
}

func newRouter(t *testing.T, log *journal, a ...router.Authenticator) *wamptest.Router {
	t.Helper()
	rt := wamptest.NewRouter(t, func(c *router.Config) {
		c.Logger = slog.New(slog.NewTextHandler(log, nil))
		c.AuthLimits = router.AuthLimits{Failures: -1, AuthIDFailures: -1, Delay: -1}
	})
	if err := rt.Realm("realm1").Configure(router.RealmConfig{Authenticators: a}); err != nil {
		t.Fatal(err)
	}
	return rt
}

// TestLogin logs in by chains that are good and by chains that break one rule
// each. The log has the rule, the client hears that it is not accepted.
func TestLogin(t *testing.T) {
	at := func(block uint64) func(context.Context) (uint64, error) {
		return func(context.Context) (uint64, error) { return block, nil }
	}
	type attempt struct {
		*family
		root      Root
		trustroot string
		authID    string
		key       ed25519.PrivateKey
		text      []byte // nil: the family's
	}
	nested := func(change func(*family)) func(*attempt) { return func(a *attempt) { change(a.family) } }
	for name, test := range map[string]struct {
		length int            // number of authorities; 0: 2
		change func(*attempt) // before it is signed
		spoil  func(*attempt) // after it was signed
		why    string         // in the log; empty: it is accepted
	}{
		"good":                    {},
		"the root is the issuer":  {length: 1},
		"the longest":             {length: maxChain - 1},
		"too long":                {length: maxChain, why: "want a list of 1 to 8"},
		"authid":                  {change: func(a *attempt) { a.authID = a.Delegate.Delegate.String() }},
		"authid in small letters": {change: func(a *attempt) { a.authID = strings.ToLower(a.Delegate.Delegate.String()) }},
		"another authid":          {change: func(a *attempt) { a.authID = "alice" }, why: "another authid"},
		"no trust root":           {change: func(a *attempt) { a.trustroot = "" }, why: "is no address"},
		"unknown trust root":      {change: func(a *attempt) { a.trustroot = testRealm.String() }, why: "there is no such trust root"},
		"another trust root":      {change: func(a *attempt) { a.root.Address = testRealm.String(); a.trustroot = a.root.Address }, why: "CCR-4: the last certificate is that of"},
		"signed with another key": {change: func(a *attempt) { a.key = newKey(t) }, why: "no secret for this method"},
		"certificate for another key": {change: func(a *attempt) {
			a.Delegate.Key = [32]byte(newKey(t).Public().(ed25519.PublicKey))
		}, why: "no secret for this method"},

		"another chain":                {change: nested(func(f *family) { f.Authorities[0].ChainID = 5 }), why: "certificate 2: CCR-1: chainId"},
		"another chain of delegate":    {change: nested(func(f *family) { f.Delegate.ChainID = 5 }), why: "certificate 1: CCR-1: chainId"},
		"another contract":             {change: nested(func(f *family) { f.last().Contract = testRealm }), why: "certificate 3: CCR-1: verifyingContract"},
		"not valid yet":                {change: func(a *attempt) { a.root.Block = at(999) }, why: "CCR-1: it is valid from block 1000"},
		"just valid":                   {change: func(a *attempt) { a.root.Block = at(1000) }},
		"valid in a thousand years":    {change: nested(func(f *family) { f.Delegate.ValidFrom = 1 << 33 }), why: "CCR-1: it is valid from block"},
		"of another chain, not dated":  {change: func(a *attempt) { a.root.ChainID = 280; a.Delegate.ValidFrom = 1 << 33; a.on(280) }},
		"another realm":                {change: nested(func(f *family) { f.Authorities[0].Realm = testContract }), why: "certificate 2: CCR-2"},
		"another realm of the root":    {change: nested(func(f *family) { f.last().Realm = testContract }), why: "certificate 3: CCR-2"},
		"not signed by itself":         {change: nested(func(f *family) { f.last().Subject = testRealm }), why: "CCR-4"},
		"gap":                          {length: 3, change: nested(func(f *family) { f.Authorities[1].Subject = testRealm }), why: "CCR-5"},
		"root younger":                 {change: nested(func(f *family) { f.last().ValidFrom++ }), why: "certificate 3: CCR-6, CCR-9"},
		"authority younger":            {change: nested(func(f *family) { f.Authorities[0].ValidFrom++ }), why: "certificate 2: CCR-6, CCR-9"},
		"more than the root may":       {change: nested(func(f *family) { f.Authorities[0].Capabilities |= Gateway }), why: "CCR-7"},
		"more than its issuer may":     {length: 3, change: nested(func(f *family) { f.last().Capabilities |= Gateway; f.Authorities[0].Capabilities |= Gateway }), why: "CCR-7"},
		"certificate of another":       {change: nested(func(f *family) { f.Authorities[0].Subject = testRealm }), why: "CCR-8"},
		"no root":                      {change: nested(func(f *family) { f.last().Capabilities &^= RootCA }), why: "lacks the capability to be one"},
		"issued by a delegate":         {length: 3, change: nested(func(f *family) { f.Authorities[0].Capabilities, f.Authorities[1].Capabilities = Consumer, Consumer }), why: "lacks the capability to issue"},
		"unknown capability":           {change: nested(func(f *family) { f.Authorities[0].Capabilities |= 1 << 8; f.last().Capabilities |= 1 << 8 }), why: "do not exist"},
		"capability needed":            {change: func(a *attempt) { a.root.Capabilities = Consumer | Provider }},
		"capability missing":           {change: func(a *attempt) { a.root.Capabilities = Consumer | PublicRelay }, why: "the delegate lacks the capabilities public_relay"},
		"young":                        {change: func(a *attempt) { a.root.MaxAge = time.Hour }},
		"expired":                      {change: func(a *attempt) { a.root.MaxAge = time.Hour; a.Delegate.BootedAt -= uint64(time.Hour) }, why: "has expired"},
		"booted in the future":         {change: func(a *attempt) { a.root.MaxAge = time.Hour; a.Delegate.BootedAt += uint64(time.Hour) }, why: "in the future"},
		"root signed by another":       {change: nested(func(f *family) { f.issuers[1] = f.delegate }), why: "CCR-10, CCR-11: certificate 3"},
		"authority signed by another":  {change: nested(func(f *family) { f.issuers[0] = f.delegate }), why: "CCR-10, CCR-11: certificate 2"},
		"delegate signed by another":   {change: nested(func(f *family) { f.delegate = newAccount(t) }), why: "CCR-12"},
		"changed":                      {spoil: func(a *attempt) { a.Delegate.Meta = "!" }, why: "CCR-12"},
		"no signature":                 {spoil: func(a *attempt) { a.Delegate.Signature = [65]byte{} }, why: "the signature is none"},
		"signature of another form":    {spoil: func(a *attempt) { a.last().Signature[64] = 29 }, why: "neither 1b nor 1c"},
		"the other way round":          {spoil: func(a *attempt) { a.text = a.order(t, 2, 1, 0) }, why: "CCR-3"},
		"authorities in another order": {length: 3, spoil: func(a *attempt) { a.text = a.order(t, 0, 2, 1, 3) }, why: "CCR-8"},
		"two delegates":                {spoil: func(a *attempt) { a.text = a.order(t, 0, 0, 1, 2) }, why: "CCR-3"},
		"no certificates":              {spoil: func(a *attempt) { a.text = []byte("[]") }, why: "want a list of 1 to 8"},
		"the delegate alone":           {spoil: func(a *attempt) { a.text = a.order(t, 0) }, why: "the chain ends with the delegate"},
	} {
		t.Run(name, func(t *testing.T) {
			key := newKey(t)
			length := test.length
			if length == 0 {
				length = 2
			}
			a := &attempt{family: newFamily(t, key, length), key: key}
			a.root = a.family.root()
			a.trustroot = a.root.Address
			if test.change != nil {
				test.change(a)
			}
			a.sign()
			if test.spoil != nil {
				test.spoil(a)
			}
			if a.text == nil {
				a.text = a.family.text(t)
			}
			log := new(journal)
			other := vectorRoot // which is not asked
			rt := newRouter(t, log, router.Cryptosign(nil, router.TrustRoots(newRoots(t, other, a.root))))
			s, err := login(t, rt, a.authID, wamp.Cryptosign(a.key, wamp.Certificates(a.trustroot, a.text)))
			if test.why == "" {
				if err != nil {
					t.Fatalf("%v\n%s", err, log)
				}
				if s.AuthID() != a.Delegate.Delegate.String() || s.AuthRole() != "device" || s.AuthMethod() != "cryptosign" || s.Details()["authprovider"] != "trustroot" {
					t.Errorf("WELCOME %v", s.Details())
				}
				return
			}
			if !errors.Is(err, wamp.ErrAuthenticationDenied) || strings.Contains(err.Error(), test.why) {
				t.Errorf("the client hears %v", err)
			}
			if !strings.Contains(log.String(), test.why) {
				t.Errorf("the reason is not in the log: %s", log)
			}
		})
	}
}

// TestAuthoritiesKnown sends the certificate of the delegate alone.
func TestAuthoritiesKnown(t *testing.T) {
	key := newKey(t)
	f := newFamily(t, key, 3)
	f.sign()
	authorities, err := ParseAuthorities(f.order(t, 2, 3, 1))
	if err != nil {
		t.Fatal(err)
	}
	root := f.root()
	root.Authorities = authorities
	rt := newRouter(t, new(journal), router.Cryptosign(nil, router.TrustRoots(newRoots(t, root))))
	if _, err := login(t, rt, "", wamp.Cryptosign(key, wamp.Certificates(root.Address, f.order(t, 0)))); err != nil {
		t.Error(err)
	}
	other := newFamily(t, key, 1)
	other.sign()
	if _, err := login(t, rt, "", wamp.Cryptosign(key, wamp.Certificates(root.Address, other.order(t, 0)))); !errors.Is(err, wamp.ErrAuthenticationDenied) {
		t.Errorf("a delegate that nobody has certified: %v", err)
	}
	for _, text := range []string{"", "{}", "[1]", "[] []", string(f.order(t, 0))} {
		if _, err := ParseAuthorities([]byte(text)); err == nil {
			t.Errorf("%s is accepted", text)
		}
	}
}

// TestBesideUsers has clients with certificates and clients whose key is known,
// and a router that looks at no certificates.
func TestBesideUsers(t *testing.T) {
	known, certified := newKey(t), newKey(t)
	f := newFamily(t, certified, 2)
	f.sign()
	users, err := router.NewTable(router.Principal{AuthID: "alice", Role: "user", Keys: []string{hex.EncodeToString(known.Public().(ed25519.PublicKey))}})
	if err != nil {
		t.Fatal(err)
	}
	root := f.root()
	with := wamp.Certificates(root.Address, f.text(t))
	both := newRouter(t, new(journal), router.Cryptosign(users, router.TrustRoots(newRoots(t, root))))
	none := newRouter(t, new(journal), router.Cryptosign(users))
	for name, test := range map[string]struct {
		rt   *wamptest.Router
		a    wamp.Authenticator
		want string
	}{
		"known key":                        {both, wamp.Cryptosign(known), "alice"},
		"certificates":                     {both, wamp.Cryptosign(certified, with), f.Delegate.Delegate.String()},
		"a key without its certificates":   {both, wamp.Cryptosign(certified), ""},
		"certificates for another key":     {both, wamp.Cryptosign(known, with), ""},
		"known key, nobody trusts roots":   {none, wamp.Cryptosign(known, with), "alice"},
		"certified, nobody trusts roots":   {none, wamp.Cryptosign(certified, with), ""},
		"certificates that are not a list": {both, wamp.Cryptosign(known, wamp.Certificates(root.Address, []byte("{}"))), ""},
	} {
		s, err := login(t, test.rt, "", test.a)
		if got := (err == nil); got != (test.want != "") {
			t.Errorf("%s: %v", name, err)
		} else if got && s.AuthID() != test.want {
			t.Errorf("%s: it is %s", name, s.AuthID())
		}
	}
}
