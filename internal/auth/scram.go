package auth

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/xdg-go/stringprep"
	"golang.org/x/crypto/argon2"
)

// Key derivation functions of SCRAM, by the names that CHALLENGE has for them.
const (
	KDFPBKDF2       = "pbkdf2"
	KDFArgon2id     = "argon2id13"  // of wamp-scram
	KDFArgon2idText = "argon2id-13" // of the dialect: the key is the base64 text of the hash
)

// SCRAMCost is how a password is turned into keys. KDF also tells the two
// dialects apart.
type SCRAMCost struct {
	KDF        string
	Iterations int
	Memory     int // KiB, of Argon2
}

// Method returns the authentication method that a password derived with c
// serves.
func (c SCRAMCost) Method() string {
	if c.KDF == KDFArgon2idText {
		return MethodScram
	}
	return MethodSCRAM
}

// Check reports what makes c unfit for use: an unknown function, or numbers
// that would take a computer's time or memory away.
func (c SCRAMCost) Check() error {
	switch c.KDF {
	case KDFPBKDF2:
		if c.Iterations < 1 || c.Iterations > maxIterations {
			return fmt.Errorf("%s with %d iterations: from 1 to %d are possible", c.KDF, c.Iterations, maxIterations)
		}
		return nil
	case KDFArgon2id, KDFArgon2idText:
		switch {
		case c.Memory < 8 || c.Memory > maxMemory:
			return fmt.Errorf("%s with %d KiB of memory: from 8 to %d are possible", c.KDF, c.Memory, maxMemory)
		case c.Iterations < 1 || c.Iterations > maxArgonWork/c.Memory:
			return fmt.Errorf("%s with %d iterations over %d KiB: the product is from 8 to %d", c.KDF, c.Iterations, c.Memory, maxArgonWork)
		}
		return nil
	}
	return fmt.Errorf("key derivation function %q: there are %s and %s, and %s in Autobahn's dialect",
		c.KDF, KDFArgon2id, KDFPBKDF2, KDFArgon2idText)
}

// Weak reports why passwords derived with c are too easy to guess for a client
// to let a router see what they make; nil when they are not. A router that is
// none could ask for such a cost.
func (c SCRAMCost) Weak() error {
	const (
		minPBKDF2 = 4096 // RFC 7677, section 4
		minArgon2 = 4096 // KiB times iterations
	)
	switch {
	case c.KDF == KDFPBKDF2 && c.Iterations < minPBKDF2:
		return fmt.Errorf("the router asks for %d iterations of %s; fewer than %d are too easy to guess", c.Iterations, c.KDF, minPBKDF2)
	case c.KDF != KDFPBKDF2 && c.Memory*c.Iterations < minArgon2:
		return fmt.Errorf("the router asks for %d iterations of %s over %d KiB; a product below %d is too easy to guess", c.Iterations, c.KDF, c.Memory, minArgon2)
	}
	return nil
}

// SaltedPassword returns the secret that a password and a salt make. It takes
// its time, which is the purpose. The password is prepared by SASLprep, except
// in the dialect, whose implementations do not.
func (c SCRAMCost) SaltedPassword(password string, salt []byte) ([]byte, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if c.KDF == KDFArgon2idText {
		hash := argon2.IDKey([]byte(password), salt, uint32(c.Iterations), uint32(c.Memory), 1, sha256.Size)
		return base64.RawStdEncoding.AppendEncode(nil, hash), nil
	}
	password, err := SASLprep(password)
	if err != nil {
		return nil, fmt.Errorf("password: %w", err)
	}
	if c.KDF == KDFArgon2id {
		return argon2.IDKey([]byte(password), salt, uint32(c.Iterations), uint32(c.Memory), 1, sha256.Size), nil
	}
	return pbkdf2.Key(sha256.New, password, salt, c.Iterations, sha256.Size)
}

// SASLprep prepares a name or password (RFC 4013).
func SASLprep(text string) (string, error) {
	prepared, err := stringprep.SASLprep.Prepare(text)
	if err != nil {
		return "", fmt.Errorf("not allowed by SASLprep: %w", err)
	}
	return prepared, nil
}

// SCRAMCredential is what a router stores of a password. Whoever steals it
// cannot log in with it, and has to guess the password.
type SCRAMCredential struct {
	SCRAMCost
	Salt      []byte // random, of this user alone
	StoredKey []byte // proves the client
	ServerKey []byte // proves the router
}

// NewSCRAMCredential derives a credential from a password, with a random salt
// when salt is nil.
func NewSCRAMCredential(password string, cost SCRAMCost, salt []byte) (SCRAMCredential, error) {
	if salt == nil {
		salt = Random(16)
	}
	salted, err := cost.SaltedPassword(password, salt)
	if err != nil {
		return SCRAMCredential{}, err
	}
	keys := scramKeysOf(salted)
	return SCRAMCredential{SCRAMCost: cost, Salt: salt, StoredKey: keys.stored, ServerKey: keys.server}, nil
}

// Check reports what makes c unfit for use.
func (c *SCRAMCredential) Check() error {
	switch {
	case len(c.StoredKey) != sha256.Size:
		return fmt.Errorf("stored key of %d bytes: it has %d", len(c.StoredKey), sha256.Size)
	case len(c.ServerKey) != sha256.Size:
		return fmt.Errorf("server key of %d bytes: it has %d", len(c.ServerKey), sha256.Size)
	case len(c.Salt) < 8:
		return fmt.Errorf("salt of %d bytes: at least 8 are needed", len(c.Salt))
	}
	return c.SCRAMCost.Check()
}

// FakeSCRAM returns a credential that no password fits, for a user that there
// is not: always the same salt for the same user, so that asking twice tells
// nothing. key is a secret of the router.
func FakeSCRAM(key []byte, authID string, cost SCRAMCost) SCRAMCredential {
	salt := hmacOf(key, "salt of nobody "+authID)
	return SCRAMCredential{
		SCRAMCost: cost,
		Salt:      salt[:16],
		StoredKey: hmacOf(key, "stored key of nobody "+authID),
		ServerKey: hmacOf(key, "server key of nobody "+authID),
	}
}

type scramKeys struct{ client, stored, server []byte }

func scramKeysOf(salted []byte) scramKeys {
	client := hmacOf(salted, "Client Key")
	stored := sha256.Sum256(client)
	return scramKeys{client: client, stored: stored[:], server: hmacOf(salted, "Server Key")}
}

func hmacOf(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

func xor(a, b []byte) []byte {
	c := make([]byte, len(a))
	for i := range a {
		c[i] = a[i] ^ b[i]
	}
	return c
}
