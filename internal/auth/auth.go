// Package auth is the mathematics of authentication methods, for both ends:
// what a challenge is, what answers it, how a secret is stored, and in which
// forms keys are written down. It does no input or output, and knows no
// sessions: who looks principals up and who sends what is decided above.
//
// The files are named after the methods (specification, advanced profile,
// section "Authentication").
package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Names of the methods, as HELLO, CHALLENGE and WELCOME have them.
const (
	MethodAnonymous  = "anonymous"
	MethodTicket     = "ticket"
	MethodCRA        = "wampcra"
	MethodSCRAM      = "wamp-scram" // as specified
	MethodScram      = "scram"      // as Autobahn and Crossbar.io speak it
	MethodCryptosign = "cryptosign"
	MethodTLS        = "tls"
	MethodCookie     = "cookie"
	MethodJWT        = "jwt"
)

// ErrDenied says that an answer proves nothing. It does not say why, since that
// is nobody's business but the log's: see the errors that wrap it.
var ErrDenied = errors.New("the answer to the challenge is wrong")

// denied is an error for the log.
type denied string

func (d denied) Error() string { return string(d) }
func (d denied) Unwrap() error { return ErrDenied }

// Equal reports whether two secrets are the same, in a time that depends on
// neither, nor on their lengths.
func Equal(a, b []byte) bool {
	x, y := sha256.Sum256(a), sha256.Sum256(b)
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// NewNonce returns 16 random bytes in base64.
func NewNonce() string {
	return base64.StdEncoding.EncodeToString(Random(16))
}

// Random returns n random bytes.
func Random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

// FakeText returns a text that looks like another one, always the same for the
// same name: of as many bytes, in hexadecimal digits or base64 if that is what
// the other one is in.
func FakeText(key []byte, name, like string) string {
	random := func(n int) []byte {
		var b []byte
		for i := 0; len(b) < n; i++ {
			b = append(b, hmacOf(key, fmt.Sprint(i, " text of nobody ", name))...)
		}
		return b[:n]
	}
	if raw, err := hex.DecodeString(like); err == nil {
		return hex.EncodeToString(random(len(raw)))
	}
	if raw, err := base64.StdEncoding.DecodeString(like); err == nil {
		return base64.StdEncoding.EncodeToString(random(len(raw)))
	}
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	text := random(len(like))
	for i := range text {
		text[i] = letters[int(text[i])%len(letters)]
	}
	return string(text)
}

// TextOf returns a text that may have come as bytes, which JSON writes in base64
// behind a zero (specification, section "Binary support in JSON"): Autobahn|Python
// sends the proofs of SCRAM like this.
func TextOf(s string) string {
	rest, ok := strings.CutPrefix(s, "\x00")
	if !ok {
		return s
	}
	text, err := base64.StdEncoding.DecodeString(rest)
	if err != nil {
		return s
	}
	return string(text)
}
