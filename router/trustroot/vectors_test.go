package trustroot

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
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
