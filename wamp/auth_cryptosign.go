package wamp

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"os"

	"github.com/wampeter/wampeter/internal/auth"
	"github.com/wampeter/wampeter/internal/codec"
	"github.com/wampeter/wampeter/internal/msg"
)

type cryptosignConfig struct {
	key     crypto.Signer
	binding ChannelBinding
	routers []ed25519.PublicKey

	trustroot string
	chain     []byte // in JSON; nil: none
}

type cryptosignOption func(*cryptosignConfig)

func (f cryptosignOption) applyCryptosign(c *cryptosignConfig) { f(c) }

// RouterKey refuses routers that do not prove by a signature that they have one
// of these keys (specification, advanced profile, "Router Authentication").
func RouterKey(keys ...ed25519.PublicKey) CryptosignOption {
	return cryptosignOption(func(c *cryptosignConfig) { c.routers = append(c.routers, keys...) })
}

// Certificates are for routers that do not know the key, but trust whoever has
// issued certificates for it (specification, advanced profile, "Trustroots and
// Certificates"). trustroot is the address of the last issuer, "0x" and 40
// hexadecimal digits. chain is a list in JSON of pairs, each of a certificate and
// its signature, the one for the key first; the router may have all others.
func Certificates(trustroot string, chain []byte) CryptosignOption {
	return cryptosignOption(func(c *cryptosignConfig) { c.trustroot, c.chain = trustroot, chain })
}

// Cryptosign authenticates by an Ed25519 key, whose public half the router
// knows (specification, advanced profile, "Cryptosign-based Authentication").
// key is an ed25519.PrivateKey, see [ReadKey], or whatever else signs with one,
// such as a hardware token. Dialer.AuthID may be empty: the router finds the
// principal by the key.
func Cryptosign(key crypto.Signer, opts ...CryptosignOption) Authenticator {
	c := &cryptosignConfig{key: key}
	for _, o := range opts {
		o.applyCryptosign(c)
	}
	return c
}

func (c *cryptosignConfig) Method() string { return auth.MethodCryptosign }

func (c *cryptosignConfig) Start(_ context.Context, h *Handshake) (Proof, error) {
	if c.key == nil {
		return nil, errors.New("there is no key")
	}
	public, err := auth.PublicKey(c.key)
	if err != nil {
		return nil, err
	}
	p := &cryptosignProof{cryptosignConfig: c}
	if p.bound, err = bindChannel(h, c.binding); err != nil {
		return nil, err
	}
	if err := h.SetExtra("pubkey", public); err != nil {
		return nil, err
	}
	if c.chain != nil {
		var list []any
		if err := codec.Unmarshal(msg.JSON, c.chain, &list); err != nil {
			return nil, fmt.Errorf("certificates: %w", err)
		}
		if err := errors.Join(h.SetExtra("trustroot", c.trustroot), h.SetExtra("certificates", list)); err != nil {
			return nil, err
		}
	}
	if len(c.routers) > 0 {
		p.challenge = auth.NewChallenge()
		if err := h.SetExtra("challenge", p.challenge); err != nil {
			return nil, err
		}
	}
	return p, nil
}

type cryptosignProof struct {
	*cryptosignConfig
	bound     auth.Binding
	challenge string // to the router
	proved    bool   // the router has signed it
}

func (p *cryptosignProof) Respond(_ context.Context, extra map[string]any) (string, map[string]any, error) {
	if got := detail(extra, "channel_binding"); p.bound.Type != "" && got != p.bound.Type {
		return "", nil, fmt.Errorf("%w: it does not bind the authentication to the channel, by %s", ErrRouterUnproven, p.bound.Type)
	}
	// The router comes first, so that nobody else gets a signature of ours.
	if p.challenge != "" {
		if err := p.router(extra); err != nil {
			return "", nil, fmt.Errorf("%w: %w", ErrRouterUnproven, err)
		}
		p.proved = true
	}
	signature, err := auth.Sign(p.key, detail(extra, "challenge"), p.bound)
	return signature, nil, err
}

// router checks the router's signature.
func (p *cryptosignProof) router(extra map[string]any) error {
	signature := detail(extra, "signature")
	if signature == "" {
		return errors.New("it does not sign the challenge that it was sent")
	}
	raw, err := hex.DecodeString(detail(extra, "pubkey"))
	if err != nil || len(raw) != ed25519.PublicKeySize {
		return errors.New("it does not name its key")
	}
	for _, key := range p.routers {
		if key.Equal(ed25519.PublicKey(raw)) {
			return auth.VerifySignature(key, p.challenge, p.bound, signature)
		}
	}
	return fmt.Errorf("its key is %x, which is not one that is expected", raw)
}

func (p *cryptosignProof) Verify(map[string]any) error {
	if p.challenge != "" && !p.proved {
		return fmt.Errorf("%w: it did not ask for a signature, so that it had to give none", ErrRouterUnproven)
	}
	return nil
}

// ReadKey reads the private key for [Cryptosign] from a file. See [ParseKey].
func ReadKey(file string, passphrase []byte) (ed25519.PrivateKey, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cryptosign key: %w", err)
	}
	key, err := auth.ParsePrivateKey(data, passphrase)
	if err != nil {
		return nil, fmt.Errorf("cryptosign key %s: %w", file, err)
	}
	return key, nil
}

// ParseKey reads an Ed25519 private key in any of the forms that there are: 64
// hexadecimal digits, the 32 bytes that they stand for, the key files of
// Autobahn and Crossbar.io ("private-key-ed25519: …"), OpenSSH's private keys,
// which may be encrypted by a passphrase, and PKCS #8.
func ParseKey(data, passphrase []byte) (ed25519.PrivateKey, error) {
	key, err := auth.ParsePrivateKey(data, passphrase)
	if err != nil {
		return nil, fmt.Errorf("cryptosign key: %w", err)
	}
	return key, nil
}

// ErrPassphrase is in the error of ReadKey and ParseKey when the key is
// encrypted, and the passphrase missing or wrong.
var ErrPassphrase = auth.ErrPassphrase

// ParsePublicKey reads an Ed25519 public key: 64 hexadecimal digits, a line
// "ssh-ed25519 …" of OpenSSH, or a key file of Autobahn and Crossbar.io with its
// line "public-key-ed25519: …".
func ParsePublicKey(text string) (ed25519.PublicKey, error) {
	key, err := auth.ParsePublicKey(text)
	if err != nil {
		return nil, fmt.Errorf("cryptosign key: %w", err)
	}
	return key, nil
}
