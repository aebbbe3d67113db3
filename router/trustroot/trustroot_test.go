package trustroot

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"go.uber.org/goleak"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// vectors are those of the specification.
type vectors struct {
	Trustroot, PubKey string
	Certificates      []struct {
		PrimaryType string          `json:"primary_type"`
		Domain      json.RawMessage `json:"domain"`
		Message     json.RawMessage `json:"message"`
		Types       map[string][][2]string
		Signature   string
		Recovered   string `json:"recovered_signer"`
		Expected    string `json:"expected_signer"`
		Verified    bool
	}
}

func readVectors(t testing.TB) *vectors {
	t.Helper()
	data, err := os.ReadFile("../../internal/auth/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all struct {
		Cryptosign struct {
			Chain vectors `json:"eip712_chain"`
		}
	}
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	v := &all.Cryptosign.Chain
	if len(v.Certificates) != 3 {
		t.Fatal("vectors are missing")
	}
	return v
}

// chain returns the certificates as a client sends them.
func (v *vectors) chain(t testing.TB) []byte {
	t.Helper()
	var list []any
	for _, c := range v.Certificates {
		list = append(list, []any{map[string]any{"primaryType": c.PrimaryType, "domain": c.Domain, "message": c.Message}, c.Signature})
	}
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// vectorRoot is the trust root of the specification's example.
var vectorRoot = Root{
	Address: "0xf766Dc789CF04CD18aE75af2c5fAf2DA6650Ff57", Realm: "0xA6e693CC4A2b4F1400391a728D26369D9b82ef96",
	Contract: "0xf766Dc789CF04CD18aE75af2c5fAf2DA6650Ff57", Role: "user",
}

func newRoots(t testing.TB, list ...Root) *Roots {
	t.Helper()
	roots, err := New(list...)
	if err != nil {
		t.Fatal(err)
	}
	return roots
}

func TestVectors(t *testing.T) {
	v := readVectors(t)
	chain, err := ParseJSON(v.chain(t))
	if err != nil {
		t.Fatal(err)
	}
	if hex.EncodeToString(chain.Delegate.Key[:]) != v.PubKey {
		t.Errorf("the key is %x, want %s", chain.Delegate.Key, v.PubKey)
	}
	for i, c := range v.Certificates {
		anchor, hash, typeHash := &chain.Delegate.Anchor, chain.Delegate.digest(), delegateTypeHash
		if i > 0 {
			a := &chain.Authorities[i-1]
			anchor, hash, typeHash = &a.Anchor, a.digest(), authorityTypeHash
		}
		by, err := anchor.signer(hash)
		if err != nil || by.String() != c.Expected || c.Expected != c.Recovered || !c.Verified {
			t.Errorf("certificate %d is signed by %s, %v; want %s", i+1, by, err, c.Expected)
		}
		var members []string
		for _, m := range c.Types[c.PrimaryType] {
			members = append(members, m[1]+" "+m[0])
		}
		if keccak([]byte(c.PrimaryType+"("+strings.Join(members, ",")+")")) != typeHash {
			t.Errorf("certificate %d: the type is another one: %s", i+1, members)
		}
	}
	if err := chain.verify(); err != nil {
		t.Error(err)
	}
	address, err := ParseAddress(v.Trustroot)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newRoots(t, vectorRoot).find(t.Context(), address, chain)
	if err != nil || p.AuthID != "0xf5173a6111B2A6B3C20fceD53B2A8405EC142bF6" || p.Role != "user" || p.Keys[0] != v.PubKey || !p.Expires.IsZero() {
		t.Errorf("found %+v, %v", p, err)
	}
	text, err := json.Marshal(chain)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	if text2, _ := json.Marshal(again); !bytes.Equal(text, text2) {
		t.Errorf("%s\nbecame %s", text, text2)
	}
}

// TestAddresses has the examples of EIP-55.
func TestAddresses(t *testing.T) {
	for _, text := range []string{
		"0x52908400098527886E0F7030069857D2E4169EE7", "0xde709f2102306220921060314715629080e2fb77",
		"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
	} {
		a, err := ParseAddress(strings.ToLower(text))
		if err != nil || a.String() != text {
			t.Errorf("%s is read as %s, %v", text, a, err)
		}
	}
	for _, text := range []string{"", "0x", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeg", strings.Repeat("0", 100)} {
		if _, err := ParseAddress(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func TestCapabilities(t *testing.T) {
	for i, name := range capabilityNames {
		if c, err := ParseCapabilities(name); err != nil || c != 1<<i || c.String() != name {
			t.Errorf("%s is read as %s, %v", name, c, err)
		}
	}
	if c, err := ParseCapabilities("consumer", "root_ca"); err != nil || c != Consumer|RootCA || c.String() != "root_ca, consumer" {
		t.Errorf("read as %s, %v", c, err)
	}
	if _, err := ParseCapabilities("relay"); err == nil {
		t.Error("a capability that does not exist is accepted")
	}
	if got := (Gateway | 1<<9).String(); got != "gateway, 0x200" {
		t.Error(got)
	}
}

func TestMistakes(t *testing.T) {
	for want, change := range map[string]func(*Root){
		"address":          func(r *Root) { r.Address = "" },
		"realm":            func(r *Root) { r.Realm = "realm1" },
		"contract":         func(r *Root) { r.Contract = "0x" },
		"role":             func(r *Root) { r.Role = "" },
		"max age":          func(r *Root) { r.MaxAge = -1 },
		"capabilities":     func(r *Root) { r.Capabilities = 1 << 8 },
		"trust root 2: ro": func(r *Root) { r.Role = "" },
	} {
		bad := vectorRoot
		change(&bad)
		if _, err := New(vectorRoot, bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// account is one of Ethereum.
type account struct{ key *secp256k1.PrivateKey }

func newAccount(t testing.TB) account {
	t.Helper()
	key, err := secp256k1.GeneratePrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	return account{key}
}

func (a account) address() Address {
	sum := keccak(a.key.PubKey().SerializeUncompressed()[1:])
	return Address(sum[12:])
}

func (a account) sign(to *Anchor, hash [32]byte) {
	compact := ecdsa.SignCompact(a.key, hash[:], false)
	copy(to.Signature[:], compact[1:])
	to.Signature[64] = compact[0]
}

// family is a chain of certificates with the accounts that sign them.
type family struct {
	Chain
	delegate account
	issuers  []account // of Authorities
}

var (
	testRealm    = Address{1}
	testContract = Address{2}
)

// newFamily returns a chain with as many authorities, which is not signed yet.
func newFamily(t testing.TB, key ed25519.PrivateKey, authorities int) *family {
	t.Helper()
	anchor := Anchor{ChainID: 1, Contract: testContract, ValidFrom: 1000}
	f := &family{delegate: newAccount(t)}
	f.Delegate = Delegate{Anchor: anchor, Delegate: f.delegate.address(), Key: [32]byte(key.Public().(ed25519.PublicKey)), BootedAt: uint64(time.Now().UnixNano())}
	owners := []account{f.delegate} // each is certified by the next, the last by itself
	for len(owners) < authorities {
		owners = append(owners, newAccount(t))
	}
	for i := range owners {
		issuer := owners[min(i+1, authorities-1)]
		a := Authority{Anchor: anchor, Issuer: issuer.address(), Subject: owners[i].address(), Realm: testRealm, Capabilities: Consumer | Provider}
		if i > 0 {
			a.Capabilities |= IntermediateCA
		}
		if i == authorities-1 {
			a.Capabilities |= RootCA
		}
		f.Authorities = append(f.Authorities, a)
		f.issuers = append(f.issuers, issuer)
	}
	return f
}

func (f *family) sign() {
	f.delegate.sign(&f.Delegate.Anchor, f.Delegate.digest())
	for i := range f.Authorities {
		a := &f.Authorities[i]
		f.issuers[i].sign(&a.Anchor, a.digest())
	}
}

func (f *family) last() *Authority { return &f.Authorities[len(f.Authorities)-1] }

func (f *family) root() Root {
	return Root{Address: f.last().Issuer.String(), Realm: testRealm.String(), Contract: testContract.String(), Role: "device"}
}

func (f *family) text(t testing.TB) []byte {
	t.Helper()
	text, err := json.Marshal(&f.Chain)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

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

func newKey(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return key
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

// on has all certificates be of another blockchain.
func (f *family) on(chain uint64) {
	f.Delegate.ChainID = chain
	for i := range f.Authorities {
		f.Authorities[i].ChainID = chain
	}
}

// order returns some of the certificates, in another order.
func (f *family) order(t *testing.T, order ...int) []byte {
	t.Helper()
	var all, some []json.RawMessage
	if err := json.Unmarshal(f.text(t), &all); err != nil {
		t.Fatal(err)
	}
	for _, i := range order {
		some = append(some, all[i])
	}
	text, err := json.Marshal(some)
	if err != nil {
		t.Fatal(err)
	}
	return text
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

// TestSession looks at what handlers see, and at when the session ends.
func TestSession(t *testing.T) {
	key := newKey(t)
	f := newFamily(t, key, 2)
	f.Delegate.Meta = "hello"
	f.sign()
	root := f.root()
	root.MaxAge = time.Hour
	rt := newRouter(t, new(journal), router.Cryptosign(nil, router.TrustRoots(newRoots(t, root))))
	sessions := make(chan *router.Session, 1)
	rt.Realm("realm1").OnSession(func(_ context.Context, s *router.Session) (func(), error) {
		sessions <- s
		return nil, nil
	})
	if _, err := login(t, rt, "", wamp.Cryptosign(key, wamp.Certificates(root.Address, f.text(t)))); err != nil {
		t.Fatal(err)
	}
	id := (<-sessions).Identity()
	if c, ok := id.Value.(*Chain); !ok || c.Delegate.Meta != "hello" || c.Authorities[0].Capabilities != Consumer|Provider {
		t.Errorf("the value is %+v", id.Value)
	}
	if want := time.Unix(0, int64(f.Delegate.BootedAt)).Add(time.Hour); !id.Expires.Equal(want) {
		t.Errorf("it ends at %s, want %s", id.Expires, want)
	}
}

// TestRevalidate replaces the trust roots under a session.
func TestRevalidate(t *testing.T) {
	key := newKey(t)
	f := newFamily(t, key, 2)
	f.sign()
	root := f.root()
	changed := func(change func(*Root)) Root {
		r := root
		change(&r)
		return r
	}
	anybody := router.Lookup(func(context.Context, *router.Query) (*router.Principal, error) {
		return &router.Principal{Role: "device", AuthID: "x"}, nil
	})
	for name, test := range map[string]struct {
		next router.Authenticator
		stay bool
	}{
		"the same":          {router.Cryptosign(nil, router.TrustRoots(newRoots(t, root))), true},
		"another, too":      {router.Cryptosign(nil, router.TrustRoots(newRoots(t, vectorRoot, root))), true},
		"another":           {router.Cryptosign(nil, router.TrustRoots(newRoots(t, vectorRoot))), false},
		"no roots":          {router.Cryptosign(anybody), false},
		"another role":      {router.Cryptosign(nil, router.TrustRoots(newRoots(t, changed(func(r *Root) { r.Role = "user" })))), false},
		"more capabilities": {router.Cryptosign(nil, router.TrustRoots(newRoots(t, changed(func(r *Root) { r.Capabilities = Gateway })))), false},
		"shorter age":       {router.Cryptosign(nil, router.TrustRoots(newRoots(t, changed(func(r *Root) { r.MaxAge = 1 })))), false},
		"no block": {router.Cryptosign(nil, router.TrustRoots(newRoots(t, changed(func(r *Root) {
			r.Block = func(context.Context) (uint64, error) { return 0, errors.New("the node is down") }
		})))), true},
	} {
		rt := newRouter(t, new(journal), router.Cryptosign(anybody, router.TrustRoots(newRoots(t, root))))
		s, err := login(t, rt, "", wamp.Cryptosign(key, wamp.Certificates(root.Address, f.text(t))))
		if err != nil {
			t.Fatal(err)
		}
		if err := rt.Realm("realm1").Configure(router.RealmConfig{Authenticators: []router.Authenticator{test.next}}); err != nil {
			t.Fatal(err)
		}
		_, err = s.Publish(t.Context(), "com.example.x", wamp.Acknowledge())
		if stays := err == nil; stays != test.stay {
			t.Errorf("%s: the session stays: %v, %v", name, stays, err)
		}
	}
}

// TestBlockUnknown refuses everybody while the current block is not known, and
// blames nobody.
func TestBlockUnknown(t *testing.T) {
	key := newKey(t)
	f := newFamily(t, key, 2)
	f.sign()
	root := f.root()
	root.Block = func(context.Context) (uint64, error) { return 0, errors.New("the node is down") }
	log := new(journal)
	rt := newRouter(t, log, router.Cryptosign(nil, router.TrustRoots(newRoots(t, root))))
	_, err := login(t, rt, "", wamp.Cryptosign(key, wamp.Certificates(root.Address, f.text(t))))
	if !errors.Is(err, wamp.URI("wamp.error.authentication_failed")) || strings.Contains(err.Error(), "node") {
		t.Errorf("the client hears %v", err)
	}
	if !strings.Contains(log.String(), "the node is down") {
		t.Errorf("the log has %s", log)
	}
}
