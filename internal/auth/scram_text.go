package auth

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// scramPrefix begins a credential that is written as text.
const scramPrefix = "$scram$"

// String returns the credential in the form in which it may be stored, like
// "$scram$argon2id13$i=3,m=4096$salt$stored$server", the last three in base64
// without padding.
func (c SCRAMCredential) String() string {
	cost := "i=" + strconv.Itoa(c.Iterations)
	if c.KDF != KDFPBKDF2 {
		cost += ",m=" + strconv.Itoa(c.Memory)
	}
	b64 := base64.RawStdEncoding.EncodeToString
	return scramPrefix + strings.Join([]string{c.KDF, cost, b64(c.Salt), b64(c.StoredKey), b64(c.ServerKey)}, "$")
}

// ParseSCRAMCredential reads what String returns.
func ParseSCRAMCredential(text string) (SCRAMCredential, error) {
	var c SCRAMCredential
	rest, ok := strings.CutPrefix(text, scramPrefix)
	parts := strings.Split(rest, "$")
	if !ok || len(parts) != 5 {
		return c, fmt.Errorf("a SCRAM credential has the form %skdf$i=…,m=…$salt$stored key$server key", scramPrefix)
	}
	c.KDF = parts[0]
	for field := range strings.SplitSeq(parts[1], ",") {
		name, value, _ := strings.Cut(field, "=")
		n, err := strconv.Atoi(value)
		switch {
		case err == nil && name == "i":
			c.Iterations = n
		case err == nil && name == "m":
			c.Memory = n
		default:
			return c, fmt.Errorf("SCRAM credential: %q is neither i= nor m= with a number", field)
		}
	}
	var err error
	for i, to := range []*[]byte{&c.Salt, &c.StoredKey, &c.ServerKey} {
		if *to, err = DecodeBinary(parts[2+i]); err != nil {
			return c, fmt.Errorf("SCRAM credential: %w", err)
		}
	}
	if err := c.Check(); err != nil {
		return c, fmt.Errorf("SCRAM credential: %w", err)
	}
	return c, nil
}

// DecodeBinary reads bytes that somebody wrote in hexadecimal digits, as
// Crossbar.io's configuration has them when they are 16 or 32, or in base64
// with or without padding.
func DecodeBinary(text string) ([]byte, error) {
	if len(text) == 32 || len(text) == 64 {
		if b, err := hex.DecodeString(text); err == nil {
			return b, nil
		}
	}
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return nil, fmt.Errorf("%d characters that are neither base64 nor hexadecimal digits", len(text))
	}
	return b, nil
}
