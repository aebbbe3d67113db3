package jwt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// Key verifies tokens. Secret, PublicKey and ParseJWKS make them.
type Key struct {
	ID         string   // "kid" of the tokens that it is for; empty: of any
	algorithms []string // that it can be used with
	key        any      // for the library
	secret     bool
	digest     string // of the key itself, whatever its ID
}

// digest returns a short text that stands for a key. Of a secret it says no more
// than a token that was signed with it.
func digest(kind string, key []byte) string {
	sum := sha256.Sum256(append([]byte("wampeter "+kind+"\x00"), key...))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// minSecret is the size in bytes of the shortest secret: what HS256 asks for
// (RFC 7518, section 3.2).
const minSecret = 32

// Secret returns a key for HS256, HS384 and HS512, at least 32 bytes. Whoever
// has it can issue tokens.
func Secret(id string, secret []byte) (Key, error) {
	if len(secret) < minSecret {
		return Key{}, fmt.Errorf("secret of %d bytes: at least %d are needed, or it can be guessed from a token", len(secret), minSecret)
	}
	return Key{
		ID: id, key: slices.Clone(secret), algorithms: []string{"HS256", "HS384", "HS512"}, secret: true, digest: digest("secret", secret),
	}, nil
}

// PublicKey reads a public key or certificate in PEM: RSA from 2048 bits for RS
// and PS, P-256, P-384 and P-521 for ES, Ed25519 for EdDSA.
func PublicKey(id string, text []byte) (Key, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return Key{}, errors.New("public key: it is not in PEM")
	}
	var public any
	var err error
	switch block.Type {
	case "PUBLIC KEY":
		public, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		public, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		var c *x509.Certificate
		if c, err = x509.ParseCertificate(block.Bytes); err == nil {
			public = c.PublicKey
		}
	default:
		err = fmt.Errorf("a PEM block %q holds no public key", block.Type)
	}
	if err != nil {
		return Key{}, fmt.Errorf("public key: %w", err)
	}
	return publicKey(id, public)
}

func publicKey(id string, public crypto.PublicKey) (Key, error) {
	k := Key{ID: id, key: public}
	switch public := public.(type) {
	case *rsa.PublicKey:
		if public.N.BitLen() < 2048 {
			return Key{}, fmt.Errorf("RSA key of %d bits: at least 2048 are needed", public.N.BitLen())
		}
		k.algorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	case *ecdsa.PublicKey:
		algorithm := map[elliptic.Curve]string{elliptic.P256(): "ES256", elliptic.P384(): "ES384", elliptic.P521(): "ES512"}[public.Curve]
		if algorithm == "" {
			return Key{}, fmt.Errorf("elliptic curve %s: there are P-256, P-384 and P-521", public.Params().Name)
		}
		k.algorithms = []string{algorithm}
	case ed25519.PublicKey:
		k.algorithms = []string{"EdDSA"}
	default:
		return Key{}, fmt.Errorf("tokens cannot be signed with a key of type %T", public)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return Key{}, err
	}
	k.digest = digest("public key", der)
	return k, nil
}

// jwk is one key of a set (RFC 7517).
type jwk struct {
	Kty, Use, Kid, Alg, Crv string
	N, E, X, Y, K           string
	Ops                     []string `json:"key_ops"`
}

// ParseJWKS reads a JSON Web Key Set, or a single key. Keys that are not for
// signatures, or of kinds that are not known, are passed over.
func ParseJWKS(text []byte) ([]Key, error) {
	var set struct {
		Keys []jwk
		jwk
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	if set.Keys == nil && set.Kty != "" {
		set.Keys = []jwk{set.jwk}
	}
	var keys []Key
	for i, k := range set.Keys {
		if k.Use != "" && k.Use != "sig" || k.Ops != nil && !slices.Contains(k.Ops, "verify") && !slices.Contains(k.Ops, "sign") {
			continue
		}
		key, err := k.read()
		if errors.Is(err, errUnknownKind) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("key set: key %d, %q: %w", i+1, k.Kid, err)
		}
		if k.Alg != "" {
			if !slices.Contains(key.algorithms, k.Alg) {
				continue
			}
			key.algorithms = []string{k.Alg}
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("key set: there is no key in it for signatures")
	}
	return keys, nil
}

var errUnknownKind = errors.New("unknown kind of key")

func (k *jwk) read() (Key, error) {
	var err error
	number := func(text string) *big.Int {
		raw, e := base64.RawURLEncoding.DecodeString(text)
		if e != nil || len(raw) == 0 || len(raw) > 2048 {
			err = errors.Join(err, errors.New("a number in it is not in base64url"))
		}
		return new(big.Int).SetBytes(raw)
	}
	var public crypto.PublicKey
	switch {
	case k.Kty == "RSA":
		n, e := number(k.N), number(k.E)
		if err == nil && (!e.IsInt64() || e.Int64() < 3 || e.Int64() > 1<<31-1) {
			err = errors.New("its exponent is out of range")
		}
		if err == nil {
			public = &rsa.PublicKey{N: n, E: int(e.Int64())}
		}
	case k.Kty == "EC":
		curve := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[k.Crv]
		if curve == nil {
			return Key{}, errUnknownKind
		}
		public, err = ecPoint(curve, number(k.X), number(k.Y))
	case k.Kty == "OKP" && k.Crv == "Ed25519":
		raw, e := base64.RawURLEncoding.DecodeString(k.X)
		if e != nil || len(raw) != ed25519.PublicKeySize {
			return Key{}, errors.New("it is not 32 bytes in base64url")
		}
		public = ed25519.PublicKey(raw)
	case k.Kty == "oct":
		raw, e := base64.RawURLEncoding.DecodeString(k.K)
		if e != nil {
			return Key{}, errors.New("the secret is not in base64url")
		}
		return Secret(k.Kid, raw)
	default:
		return Key{}, errUnknownKind
	}
	if err != nil {
		return Key{}, err
	}
	return publicKey(k.Kid, public)
}

// ecPoint returns a public key, which has to be on its curve.
func ecPoint(curve elliptic.Curve, x, y *big.Int) (*ecdsa.PublicKey, error) {
	size := (curve.Params().BitSize + 7) / 8
	if x.BitLen() > size*8 || y.BitLen() > size*8 {
		return nil, errors.New("it is not on its curve")
	}
	point := append([]byte{4}, x.FillBytes(make([]byte, size))...)
	key, err := ecdsa.ParseUncompressedPublicKey(curve, append(point, y.FillBytes(make([]byte, size))...))
	if err != nil {
		return nil, errors.New("it is not on its curve")
	}
	return key, nil
}
