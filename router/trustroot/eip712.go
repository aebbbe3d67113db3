package trustroot

import (
	"encoding/binary"
	"errors"

	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
)

// What is hashed for the types, with their members in the order of the
// specification (EIP-712, "Definition of encodeType"). What a client says of the
// types does not count: a signature by other ones does not fit.
var (
	delegateTypeHash = keccak([]byte(delegateType + "(uint256 chainId,address verifyingContract,uint256 validFrom," +
		"address delegate,bytes32 csPubKey,uint64 bootedAt,string meta)"))
	authorityTypeHash = keccak([]byte(authorityType + "(uint256 chainId,address verifyingContract,uint256 validFrom," +
		"address issuer,address subject,address realm,uint64 capabilities,string meta)"))
	domainHash = hashWords(keccak([]byte("EIP712Domain(string name,string version)")), keccak([]byte("WMP")), keccak([]byte("1")))
)

// word is a member of a type, encoded.
type word = [32]byte

func hashWords(words ...word) word {
	b := make([]byte, 0, 32*len(words))
	for i := range words {
		b = append(b, words[i][:]...)
	}
	return keccak(b)
}

func wordOf(n uint64) (w word) {
	binary.BigEndian.PutUint64(w[24:], n)
	return w
}

func wordOfAddress(a Address) (w word) {
	copy(w[12:], a[:])
	return w
}

// digest returns what is signed: the hash of a structure within its domain.
func digest(structure word) word {
	return keccak([]byte{0x19, 0x01}, domainHash[:], structure[:])
}

func (d *Delegate) digest() word {
	return digest(hashWords(
		delegateTypeHash, wordOf(d.ChainID), wordOfAddress(d.Contract), wordOf(d.ValidFrom),
		wordOfAddress(d.Delegate), d.Key, wordOf(d.BootedAt), keccak([]byte(d.Meta)),
	))
}

func (a *Authority) digest() word {
	return digest(hashWords(
		authorityTypeHash, wordOf(a.ChainID), wordOfAddress(a.Contract), wordOf(a.ValidFrom),
		wordOfAddress(a.Issuer), wordOfAddress(a.Subject), wordOfAddress(a.Realm), wordOf(uint64(a.Capabilities)), keccak([]byte(a.Meta)),
	))
}

// signer returns the account that has signed a hash. Every signature is one by
// some account or none: it says who signed only if that is who should have.
func (a *Anchor) signer(hash word) (Address, error) {
	// Ethereum puts the number that helps to find the key behind r and s, the
	// library expects it before them.
	v := a.Signature[64]
	if v < 27 {
		v += 27
	}
	if v != 27 && v != 28 {
		return Address{}, errors.New("it ends in neither 1b nor 1c")
	}
	key, _, err := ecdsa.RecoverCompact(append([]byte{v}, a.Signature[:64]...), hash[:])
	if err != nil {
		return Address{}, err
	}
	sum := keccak(key.SerializeUncompressed()[1:])
	return Address(sum[12:]), nil
}
