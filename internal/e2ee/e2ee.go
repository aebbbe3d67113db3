// Package e2ee encrypts payloads from one end to the other (specification,
// advanced profile, section "Payload Passthru Mode", the scheme "wamp"). It is
// the mathematics alone: what a key is, what it is called, and how bytes are
// sealed and opened. Which key is for which URI is package wamp's business.
//
// The specification names two ciphers and how keys are identified, and leaves
// the rest open. Ours is written down in docs/encryption.md.
package e2ee

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"

	nacl "golang.org/x/crypto/nacl/box"
)

// SecretSize is the size of a secret key of either cipher, and of X25519 keys,
// in bytes.
const SecretSize = 32

// The errors of Open. Neither says more, since whoever tampers with messages
// would learn from it.
var (
	// ErrNoKey means that the message names a key, or a sender, that is not
	// known here.
	ErrNoKey = errors.New("it is sealed with a key that is not known here")

	// ErrTampered means that the message was changed on the way, or was sealed
	// with another key than the one it names.
	ErrTampered = errors.New("it does not open: tampered with, or sealed with another key")
)

// Key opens messages, and seals those that are no answer.
type Key struct {
	id    string
	lanes []*Lane // one per peer, and one alone for a preset key
}

// Lane is one key between two ends. What one end seals on it only the two can
// open, and each knows that the other has sealed it, if it was not itself.
type Lane struct {
	cipher Cipher
	box    box
	self   []byte // public key of this end, sent before the box; nil of preset keys
	peer   []byte // that of the other end
	in     string // the key id in messages to this end
	out    string // that in messages to the other one
}

// Preset returns the key for a secret that both ends have. Its id names it in
// messages; an empty one stands for the id of the X25519 public key that
// belongs to the secret, which is what the specification says an id is.
func Preset(c Cipher, id string, secret []byte) (*Key, error) {
	if len(secret) != SecretSize {
		return nil, fmt.Errorf("a secret of %d bytes: %d are needed", len(secret), SecretSize)
	}
	box, err := c.box(secret)
	if err != nil {
		return nil, err
	}
	if id == "" {
		private, err := ecdh.X25519().NewPrivateKey(secret)
		if err != nil {
			return nil, err
		}
		id = ID(private.PublicKey())
	}
	return &Key{id: id, lanes: []*Lane{{cipher: c, box: box, in: id, out: id}}}, nil
}

// Agree returns the key that own agrees on with each of the peers. Messages
// that are no answer are sealed for the first of them, and opened from all.
func Agree(c Cipher, own *ecdh.PrivateKey, peers ...*ecdh.PublicKey) (*Key, error) {
	if own == nil || own.Curve() != ecdh.X25519() {
		return nil, errors.New("the private key is none of X25519")
	}
	if len(peers) == 0 {
		return nil, errors.New("no peer's public key")
	}
	k := &Key{id: ID(own.PublicKey())}
	for i, peer := range peers {
		if peer == nil || peer.Curve() != ecdh.X25519() {
			return nil, fmt.Errorf("the public key of peer %d is none of X25519", i)
		}
		box, err := c.agreed(own, peer)
		if err != nil {
			return nil, fmt.Errorf("the public key of peer %d: %w", i, err)
		}
		k.lanes = append(k.lanes, &Lane{
			cipher: c, box: box,
			self: own.PublicKey().Bytes(), peer: peer.Bytes(),
			in: k.id, out: ID(peer),
		})
	}
	return k, nil
}

// agreed returns the box for what X25519 makes of two keys. That of
// xsalsa20poly1305 is NaCl's crypto_box. The other cipher gets a key that has
// nothing to do with it, so that two keys may be used with both.
func (c Cipher) agreed(own *ecdh.PrivateKey, peer *ecdh.PublicKey) (box, error) {
	shared, err := own.ECDH(peer) // refuses keys of low order, as NaCl does not
	if err != nil {
		return nil, err
	}
	if c == XSalsa20Poly1305 {
		var key [SecretSize]byte
		nacl.Precompute(&key, (*[SecretSize]byte)(peer.Bytes()), (*[SecretSize]byte)(own.Bytes()))
		return c.box(key[:])
	}
	key, err := hkdf.Key(sha256.New, shared, nil, "wamp e2ee "+string(c), SecretSize)
	if err != nil {
		return nil, err
	}
	return c.box(key)
}

// ID returns the id in messages that are to be opened with the key.
func (k *Key) ID() string { return k.id }

// Default returns the lane for messages that are no answer.
func (k *Key) Default() *Lane { return k.lanes[0] }

// Find returns the lane that a message was sealed on by its sender, who named
// the cipher and the key. A known sender in a message proves nothing until it
// is opened.
func (k *Key) Find(cipher, id string, sealed []byte) (*Lane, error) {
	for _, l := range k.lanes {
		if l.Takes(cipher, id, sealed) {
			return l, nil
		}
	}
	return nil, ErrNoKey
}

// Takes reports whether a message says that it was sealed on this lane by the
// other end.
func (l *Lane) Takes(cipher, id string, sealed []byte) bool {
	return cipher == string(l.cipher) && SameID(id, l.in) && bytes.HasPrefix(sealed, l.peer)
}

// Cipher returns the name of the lane's cipher.
func (l *Lane) Cipher() string { return string(l.cipher) }

// KeyID returns the id of the key that the other end opens messages with.
func (l *Lane) KeyID() string { return l.out }

// Seal appends the sealed form of clear to dst, which must not overlap: the
// public key of this end unless the key is preset, a random nonce, and the
// ciphertext with its authenticator.
func (l *Lane) Seal(dst, clear []byte) []byte {
	return l.box.seal(append(dst, l.self...), clear)
}

// Open appends the clear form of a message that the lane takes to dst.
func (l *Lane) Open(dst, sealed []byte) ([]byte, error) {
	if len(sealed) < len(l.peer) {
		return dst, ErrTampered
	}
	clear, ok := l.box.open(dst, sealed[len(l.peer):])
	if !ok {
		return dst, ErrTampered
	}
	return clear, nil
}

// Nonce returns the nonce of a message that was sealed or opened on the lane,
// which no other message has.
func (l *Lane) Nonce(sealed []byte) []byte {
	n := len(l.peer)
	return sealed[n : n+l.box.nonceSize()]
}
