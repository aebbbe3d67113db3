package e2ee

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"

	"golang.org/x/crypto/nacl/secretbox"
)

// Cipher is the name of an authenticated cipher, as in ppt_cipher.
type Cipher string

// The ciphers that the specification knows.
const (
	XSalsa20Poly1305 Cipher = "xsalsa20poly1305" // NaCl's secretbox
	AES256GCM        Cipher = "aes256gcm"
)

// box seals and opens with one key: nonce, ciphertext and authenticator in a
// row. Both append to dst, and dst must not overlap with what is read.
type box interface {
	nonceSize() int
	seal(dst, clear []byte) []byte
	open(dst, sealed []byte) ([]byte, bool)
}

func (c Cipher) box(secret []byte) (box, error) {
	switch c {
	case XSalsa20Poly1305:
		b := new(secretBox)
		copy(b[:], secret)
		return b, nil
	case AES256GCM:
		block, err := aes.NewCipher(secret)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, err
		}
		return gcmBox{aead}, nil
	}
	return nil, fmt.Errorf("cipher %q: there are %s and %s", string(c), XSalsa20Poly1305, AES256GCM)
}

// secretBox is NaCl's secretbox with the nonce before it, as PyNaCl writes it.
type secretBox [SecretSize]byte

const secretNonce = 24

func (*secretBox) nonceSize() int { return secretNonce }

func (b *secretBox) seal(dst, clear []byte) []byte {
	var nonce [secretNonce]byte
	_, _ = rand.Read(nonce[:]) // never fails
	return secretbox.Seal(append(dst, nonce[:]...), clear, &nonce, (*[SecretSize]byte)(b))
}

func (b *secretBox) open(dst, sealed []byte) ([]byte, bool) {
	if len(sealed) < secretNonce+secretbox.Overhead {
		return dst, false
	}
	return secretbox.Open(dst, sealed[secretNonce:], (*[secretNonce]byte)(sealed), (*[SecretSize]byte)(b))
}

// gcmBox is AES-256-GCM with the nonce before it. There are no additional
// data.
type gcmBox struct{ aead cipher.AEAD }

// gcmNonce is the size of the nonce that cipher.NewGCMWithRandomNonce writes.
const gcmNonce = 12

func (gcmBox) nonceSize() int { return gcmNonce }

func (b gcmBox) seal(dst, clear []byte) []byte { return b.aead.Seal(dst, nil, clear, nil) }

func (b gcmBox) open(dst, sealed []byte) ([]byte, bool) {
	clear, err := b.aead.Open(dst, nil, sealed, nil)
	return clear, err == nil
}
