package wamp

import (
	"crypto/ecdh"
	"errors"
	"fmt"
	"sync"

	"github.com/wampeter/wampeter/internal/e2ee"
	"github.com/wampeter/wampeter/internal/match"
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/uri"
)

// Cipher names how a [SealKey] encrypts (specification, advanced profile,
// "Payload Passthru Mode", attribute ppt_cipher).
type Cipher string

// The ciphers. Both authenticate what they encrypt. Prefer XSalsa20Poly1305
// unless hardware or rules ask for AES: its nonces are long enough to be random
// for as many messages as one likes, while a key of AES256GCM should be
// replaced after four billion.
const (
	XSalsa20Poly1305 = Cipher(e2ee.XSalsa20Poly1305)
	AES256GCM        = Cipher(e2ee.AES256GCM)
)

// SealKey is a key of a [KeyRing]. It is made by [PresetKey] or [AgreedKey].
type SealKey struct{ key *e2ee.Key }

// PresetKey returns the key for a secret of 32 random bytes that everyone who
// is to read the messages has. Everyone who has it can also write them. The id
// tells it from other keys in messages, where everyone sees it; with "" it is
// computed from the secret, so that equal secrets have equal ids.
func PresetKey(cipher Cipher, id string, secret []byte) (SealKey, error) {
	k, err := e2ee.Preset(e2ee.Cipher(cipher), id, secret)
	if err != nil {
		return SealKey{}, fmt.Errorf("preset key: %w", err)
	}
	return SealKey{k}, nil
}

// AgreedKey returns the key that two ends compute of the private X25519 key of
// the one and the public key of the other (crypto/ecdh.X25519). Calls and
// publications are sealed for the first of the peers alone. What comes in is
// taken from all of them, and nobody else can have written it; an answer is
// sealed for the peer who sealed the call. So one callee may serve callers with
// a key each.
func AgreedKey(cipher Cipher, own *ecdh.PrivateKey, peers ...*ecdh.PublicKey) (SealKey, error) {
	k, err := e2ee.Agree(e2ee.Cipher(cipher), own, peers...)
	if err != nil {
		return SealKey{}, fmt.Errorf("agreed key: %w", err)
	}
	return SealKey{k}, nil
}

// ID returns the id by which messages that this end is to open name the key.
// Of an agreed key, and of a preset one without another id, that is the
// specification's: the last 20 bytes of the SHA-256 of a public key, in hex
// with the checksum of EIP-55.
func (k SealKey) ID() string {
	if k.key == nil {
		return ""
	}
	return k.key.ID()
}

// KeyRing says which calls and events are encrypted from end to end, and by
// which keys. Sessions that are dialed with one ([Dialer.KeyRing]) do so by
// themselves, at both ends. What the ring has a key for never leaves in clear,
// and is never taken when it comes in clear:
//
//   - Call and Publish fail with wamp.error.feature_not_supported when the
//     router does not announce payload_passthru_mode.
//   - An invocation that cannot be opened is answered by
//     wamp.error.invalid_payload, and reported to Dialer.OnError.
//   - An event that cannot be opened is dropped, and reported there too.
//   - A result that cannot be opened is an error for the caller.
//
// The causes are ErrNotSealed, ErrNoKey and ErrTampered. URIs starting with
// "wamp." belong to the router and are not encrypted. What is protected, and
// what is not, is told in docs/encryption.md.
//
// The zero value holds no keys. A KeyRing may serve many sessions and be
// changed while it does. It must not be copied.
type KeyRing struct {
	mu    sync.RWMutex
	table *match.Table[[]SealKey]
}

// Errors of payloads that a [KeyRing] refuses, to be found with errors.Is.
var (
	// ErrNotSealed: the payload came in clear.
	ErrNotSealed = errors.New("it came in clear although the key ring has a key for its URI")

	// ErrNoKey: the payload names a key or a sender that the ring does not
	// have for the URI.
	ErrNoKey = e2ee.ErrNoKey

	// ErrTampered: the payload was changed on the way, was sealed for another
	// URI or as an answer to another call, or with another key than the one
	// that it names.
	ErrTampered = e2ee.ErrTampered
)

// Set gives a pattern its keys, in place of those that it had. The pattern is a
// URI, or as in Subscribe: "com.app.{id}.vitals", "com.app.{all...}". For a URI
// that many patterns match, the one counts that would serve a call of it
// (specification, advanced profile, "Pattern-based Registrations"): the URI
// itself, the longest prefix, the wildcard that is literal first. Keys of other
// patterns do not count.
//
// The first key seals. All of them open, so that keys can be exchanged: add the
// new one as second everywhere, then make it the first, then drop the old one.
func (k *KeyRing) Set(pattern string, keys ...SealKey) error {
	return k.set(pattern, Exact, false, keys)
}

// SetMatch is Set with the policy by which the pattern is compared.
func (k *KeyRing) SetMatch(policy MatchPolicy, pattern string, keys ...SealKey) error {
	return k.set(pattern, policy, true, keys)
}

func (k *KeyRing) set(given string, policy MatchPolicy, policySet bool, keys []SealKey) error {
	p, err := ringPattern(given, policy, policySet)
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		return fmt.Errorf("key ring, %q: no key; see Remove", given)
	}
	for _, key := range keys {
		if key.key == nil {
			return fmt.Errorf("key ring, %q: a SealKey is made by PresetKey or AgreedKey", given)
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.table == nil {
		k.table = match.New[[]SealKey]()
	}
	k.table.Put(msg.Match(p.match), p.uri, append([]SealKey(nil), keys...))
	return nil
}

// Remove takes a pattern out. What no other pattern matches goes in clear from
// then on.
func (k *KeyRing) Remove(pattern string) error {
	return k.remove(pattern, Exact, false)
}

// RemoveMatch is Remove for a pattern that was set by SetMatch.
func (k *KeyRing) RemoveMatch(policy MatchPolicy, pattern string) error {
	return k.remove(pattern, policy, true)
}

func (k *KeyRing) remove(given string, policy MatchPolicy, policySet bool) error {
	p, err := ringPattern(given, policy, policySet)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.table != nil {
		k.table.Delete(msg.Match(p.match), p.uri)
	}
	return nil
}

// ringPattern reads a pattern. One that no URI matches is refused, since what
// was meant by it would go in clear.
func ringPattern(given string, policy MatchPolicy, policySet bool) (*pattern, error) {
	p, err := parsePattern(given, policy, policySet)
	if err != nil {
		return nil, fmt.Errorf("key ring: %w", err)
	}
	switch u := []byte(p.uri); {
	case !match.Valid(msg.Match(p.match), u, false):
		err = fmt.Errorf("key ring: %q is no valid %v pattern", given, p.match)
	case uri.IsReserved(u):
		err = fmt.Errorf("key ring: %q belongs to the router, which has to read it", given)
	}
	return p, err
}

// keys returns the keys for a URI, nil when there are none. k may be nil.
func (k *KeyRing) keys(u string) []SealKey {
	if k == nil || uri.IsReserved([]byte(u)) {
		return nil
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	if k.table == nil {
		return nil
	}
	keys, _ := k.table.Best([]byte(u))
	return keys
}
