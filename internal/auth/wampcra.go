package auth

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
)

// Limits of what a challenge may ask a client to compute.
const (
	maxIterations = 10_000_000 // of PBKDF2: some seconds
	maxKeyLength  = 1024
	maxMemory     = 1 << 20 // KiB for Argon2
	maxArgonWork  = 1 << 23 // KiB times iterations: some seconds
)

// CRASalt says how a WAMP-CRA secret was salted. The zero value: it was not.
type CRASalt struct {
	Salt       string // as text, used as it is
	Iterations int    // of PBKDF2 with SHA-256; default 1000
	KeyLength  int    // bytes; default 32
}

// WithDefaults returns s with its zero numbers replaced, if there is a salt.
func (s CRASalt) WithDefaults() CRASalt {
	if s.Salt != "" && s.Iterations == 0 {
		s.Iterations = 1000
	}
	if s.Salt != "" && s.KeyLength == 0 {
		s.KeyLength = 32
	}
	return s
}

// Check reports numbers that would take a computer's time away.
func (s CRASalt) Check() error {
	switch {
	case s.Salt == "":
	case s.Iterations < 1 || s.Iterations > maxIterations:
		return fmt.Errorf("%d iterations: from 1 to %d are possible", s.Iterations, maxIterations)
	case s.KeyLength < 1 || s.KeyLength > maxKeyLength:
		return fmt.Errorf("key of %d bytes: from 1 to %d are possible", s.KeyLength, maxKeyLength)
	}
	return nil
}

// CRAKey returns the key that signs challenges: the secret itself, or when it
// is salted, the base64 *text* of what PBKDF2 makes of it. The specification
// does not say so; all implementations do.
func CRAKey(secret string, s CRASalt) ([]byte, error) {
	if s.Salt == "" {
		return []byte(secret), nil
	}
	s = s.WithDefaults()
	if err := s.Check(); err != nil {
		return nil, err
	}
	key, err := pbkdf2.Key(sha256.New, secret, []byte(s.Salt), s.Iterations, s.KeyLength)
	if err != nil {
		return nil, err
	}
	return base64.StdEncoding.AppendEncode(nil, key), nil
}

// CRASign returns the signature of a challenge, which is signed byte for byte
// as it came.
func CRASign(key []byte, challenge string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(challenge))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// CRAVerify checks the signature of a challenge.
func CRAVerify(key []byte, challenge, signature string) error {
	if !Equal([]byte(CRASign(key, challenge)), []byte(signature)) {
		return denied("wampcra: the signature was made with another secret, or of another challenge")
	}
	return nil
}

// CRAChallenge is what the text of a challenge says.
type CRAChallenge struct {
	AuthID       string `json:"authid"`
	AuthRole     string `json:"authrole"`
	AuthMethod   string `json:"authmethod"`
	AuthProvider string `json:"authprovider"`
	Nonce        string `json:"nonce"`
	Timestamp    string `json:"timestamp"`
	Session      uint64 `json:"session"`
}

// NewCRAChallenge returns the text of a fresh challenge. session is the id that
// the session is to have.
func NewCRAChallenge(authID, authRole, provider string, session uint64, now time.Time) string {
	text, _ := json.Marshal(CRAChallenge{ // strings and a number cannot fail
		AuthID: authID, AuthRole: authRole, AuthMethod: MethodCRA, AuthProvider: provider,
		Nonce: NewNonce(), Timestamp: now.UTC().Format("2006-01-02T15:04:05.000Z"), Session: session,
	})
	return string(text)
}
