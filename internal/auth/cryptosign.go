package auth

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
)

// challengeSize is the size in bytes of a cryptosign challenge.
const challengeSize = 32

// NewChallenge returns 32 random bytes in hexadecimal digits.
func NewChallenge() string { return hex.EncodeToString(Random(challengeSize)) }

// Sign answers a cryptosign challenge: the signature followed by what was
// signed, which is the challenge, combined with the id of the channel if it is
// bound to one.
func Sign(key crypto.Signer, challenge string, binding Binding) (string, error) {
	message, err := signedMessage(challenge, binding)
	if err != nil {
		return "", err
	}
	signature, err := key.Sign(rand.Reader, message, crypto.Hash(0))
	if err != nil {
		return "", fmt.Errorf("sign the challenge: %w", err)
	}
	if len(signature) != ed25519.SignatureSize {
		return "", fmt.Errorf("a signature of %d bytes is not one of Ed25519", len(signature))
	}
	return hex.EncodeToString(append(signature, message...)), nil
}

// VerifySignature checks the answer to a cryptosign challenge. That it is a
// signature is not enough: what was signed has to be this challenge on this
// channel, else a recorded answer would be good for ever. Errors wrap
// ErrDenied.
func VerifySignature(key ed25519.PublicKey, challenge string, binding Binding, answer string) error {
	message, err := signedMessage(challenge, binding)
	if err != nil {
		return err
	}
	raw, err := hex.DecodeString(answer)
	if err != nil || len(raw) != ed25519.SignatureSize+challengeSize || len(key) != ed25519.PublicKeySize {
		return denied("cryptosign: the answer is not a signature and the message signed, 96 bytes in hexadecimal digits")
	}
	signature, signed := raw[:ed25519.SignatureSize], raw[ed25519.SignatureSize:]
	fresh := Equal(signed, message)
	if !ed25519.Verify(key, signed, signature) {
		return denied("cryptosign: the signature was made with another key")
	}
	if !fresh {
		return denied("cryptosign: another challenge was signed, or it was signed for another channel")
	}
	return nil
}

func signedMessage(challenge string, binding Binding) ([]byte, error) {
	raw, err := hex.DecodeString(challenge)
	if err != nil || len(raw) != challengeSize {
		return nil, errors.New("a challenge is 32 bytes in hexadecimal digits")
	}
	id := binding.channelID()
	if id == nil {
		return raw, nil
	}
	if len(id) != challengeSize {
		return nil, fmt.Errorf("the id of the channel has %d bytes instead of %d", len(id), challengeSize)
	}
	return xor(raw, id), nil
}

// PublicKey returns the public key of a signer in hexadecimal digits.
func PublicKey(key crypto.Signer) (string, error) {
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return "", fmt.Errorf("cryptosign takes Ed25519 keys, and this is one of type %T", key.Public())
	}
	return hex.EncodeToString(public), nil
}
