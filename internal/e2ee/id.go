package e2ee

import (
	"crypto/ecdh"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"golang.org/x/crypto/sha3"
)

// idSize is how many bytes of the hash of a public key are its id.
const idSize = 20

// ID returns the id of a public key: the last 20 bytes of its SHA-256, as
// hexadecimal digits whose case is the checksum of EIP-55 (specification,
// section "Payload Passthru Mode", note on ppt_keyid).
func ID(public *ecdh.PublicKey) string {
	sum := sha256.Sum256(public.Bytes())
	return checksummed(sum[len(sum)-idSize:])
}

// checksummed writes b as EIP-55 has it: a letter is upper case where the
// Keccak-256 hash of the lower-case digits has a nibble of 8 or more.
func checksummed(b []byte) string {
	digits := []byte(hex.EncodeToString(b))
	h := sha3.NewLegacyKeccak256()
	_, _ = h.Write(digits) // never fails
	sum := h.Sum(nil)
	for i, d := range digits {
		nibble := sum[i/2] >> 4
		if i%2 == 1 {
			nibble = sum[i/2] & 0xf
		}
		if d >= 'a' && nibble >= 8 {
			digits[i] = d - 'a' + 'A'
		}
	}
	return "0x" + string(digits)
}

// SameID reports whether a and b are the same id. The case of hexadecimal
// digits does not count, since it is a checksum for people who type them.
func SameID(a, b string) bool {
	return a == b || strings.HasPrefix(a, "0x") && strings.EqualFold(a, b)
}
