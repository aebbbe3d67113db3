package trustroot

import (
	"crypto/ed25519"
	"encoding/json"
	"testing"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
)

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

func newKey(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
