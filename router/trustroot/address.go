package trustroot

import (
	"encoding/hex"
	"fmt"
	"strings"

	"golang.org/x/crypto/sha3"
)

// Address is that of an account of Ethereum: the last 20 bytes of the Keccak-256
// of its public key.
type Address [20]byte

// ParseAddress reads an address, "0x" and 40 hexadecimal digits of any case.
func ParseAddress(text string) (a Address, err error) {
	if err := parseHex(a[:], text); err != nil {
		return Address{}, fmt.Errorf("%q is no address: want 0x and 40 hexadecimal digits", shorten(text))
	}
	return a, nil
}

// String returns the address with the case of its digits as a checksum (EIP-55).
func (a Address) String() string {
	digits := []byte(hex.EncodeToString(a[:]))
	sum := keccak(digits)
	for i, d := range digits {
		if nibble := sum[i/2] >> (4 - i%2*4) & 15; d >= 'a' && nibble >= 8 {
			digits[i] = d - 'a' + 'A'
		}
	}
	return "0x" + string(digits)
}

// keccak returns the Keccak-256 of what the parts are together. It is not
// SHA3-256, which pads in another way.
func keccak(parts ...[]byte) (sum [32]byte) {
	h := sha3.NewLegacyKeccak256()
	for _, p := range parts {
		h.Write(p)
	}
	h.Sum(sum[:0])
	return sum
}

// parseHex reads as many bytes as there is room for; "0x" may be missing.
func parseHex(to []byte, text string) error {
	text = strings.TrimPrefix(text, "0x")
	if len(text) != 2*len(to) {
		return fmt.Errorf("want %d hexadecimal digits", 2*len(to))
	}
	_, err := hex.Decode(to, []byte(text))
	return err
}

// shorten returns the beginning of a text of somebody else's.
func shorten(text string) string {
	if len(text) > 64 {
		return text[:64] + "…"
	}
	return text
}
