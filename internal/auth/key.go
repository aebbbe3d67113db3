package auth

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// maxKeyFile is the size in bytes of the largest file that is read as a key.
const maxKeyFile = 64 << 10

// ErrPassphrase says that a key is encrypted, and that the passphrase is
// missing or wrong.
var ErrPassphrase = errors.New("the key is encrypted, and the passphrase is missing or wrong")

// ParsePrivateKey reads an Ed25519 key in any form that cryptosign keys come
// in: 32 bytes, or their hexadecimal digits; the key files of Autobahn and
// Crossbar.io with their line "private-key-ed25519: …"; OpenSSH private keys,
// encrypted or not; PKCS #8 as OpenSSL writes it.
func ParsePrivateKey(data, passphrase []byte) (ed25519.PrivateKey, error) {
	if len(data) > maxKeyFile {
		return nil, fmt.Errorf("a key of %d bytes is none", len(data))
	}
	if len(data) == ed25519.SeedSize && !isHex(data) {
		return ed25519.NewKeyFromSeed(data), nil
	}
	text := bytes.TrimSpace(data)
	switch {
	case bytes.HasPrefix(text, []byte("-----BEGIN ")):
		return parsePEM(text, passphrase)
	case isHex(text):
		return seedKey(string(text))
	}
	if value, ok := keyFileTag(string(text), "private-key-ed25519"); ok {
		return seedKey(value)
	}
	return nil, errors.New("no Ed25519 private key: it has to be 64 hexadecimal digits, a key file with private-key-ed25519, an OpenSSH private key, or PKCS #8")
}

func isHex(b []byte) bool {
	_, err := hex.DecodeString(string(b))
	return err == nil && len(b) > 0
}

// seedKey makes a key of its seed in hexadecimal digits. Some programs write
// the public key behind it.
func seedKey(digits string) (ed25519.PrivateKey, error) {
	raw, err := hex.DecodeString(digits)
	if err != nil || len(raw) != ed25519.SeedSize && len(raw) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("an Ed25519 private key has 64 hexadecimal digits, and this has %d characters", len(digits))
	}
	key := ed25519.NewKeyFromSeed(raw[:ed25519.SeedSize])
	if len(raw) == ed25519.PrivateKeySize && !bytes.Equal(raw, key) {
		return nil, errors.New("the two halves of the private key do not belong together")
	}
	return key, nil
}

func parsePEM(text, passphrase []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("the PEM block of the key is damaged")
	}
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "OPENSSH PRIVATE KEY":
		key, err = parseOpenSSH(text, passphrase)
	default:
		err = fmt.Errorf("a PEM block %q holds no Ed25519 key", block.Type)
	}
	if err != nil {
		return nil, err
	}
	switch key := key.(type) {
	case ed25519.PrivateKey:
		return key, nil
	case *ed25519.PrivateKey:
		return *key, nil
	}
	return nil, fmt.Errorf("cryptosign takes Ed25519 keys, and this is a %T", key)
}

func parseOpenSSH(text, passphrase []byte) (any, error) {
	key, err := ssh.ParseRawPrivateKey(text)
	var missing *ssh.PassphraseMissingError
	if !errors.As(err, &missing) {
		return key, err
	}
	if len(passphrase) == 0 {
		return nil, ErrPassphrase
	}
	key, err = ssh.ParseRawPrivateKeyWithPassphrase(text, passphrase)
	if errors.Is(err, x509.IncorrectPasswordError) {
		return nil, ErrPassphrase
	}
	return key, err
}

// ParsePublicKey reads an Ed25519 public key: 64 hexadecimal digits, a line of
// an OpenSSH authorized_keys or .pub file, or a key file of Autobahn and
// Crossbar.io with its line "public-key-ed25519: …".
func ParsePublicKey(text string) (ed25519.PublicKey, error) {
	if len(text) > maxKeyFile {
		return nil, fmt.Errorf("a key of %d bytes is none", len(text))
	}
	text = strings.TrimSpace(text)
	if value, ok := keyFileTag(text, "public-key-ed25519"); ok {
		text = value
	}
	if raw, err := hex.DecodeString(text); err == nil && len(raw) == ed25519.PublicKeySize {
		return raw, nil
	}
	line, _, _, _, err := ssh.ParseAuthorizedKey([]byte(text))
	if err != nil {
		return nil, errors.New("no Ed25519 public key: it has to be 64 hexadecimal digits, a line ssh-ed25519 …, or a key file with public-key-ed25519")
	}
	if crypto, ok := line.(ssh.CryptoPublicKey); ok {
		if key, ok := crypto.CryptoPublicKey().(ed25519.PublicKey); ok {
			return key, nil
		}
	}
	return nil, fmt.Errorf("cryptosign takes Ed25519 keys, and this is of type %s", line.Type())
}

// keyFileTag returns the value of a tag in a key file: lines "tag: value" behind
// the first empty one.
func keyFileTag(text, tag string) (string, bool) {
	behind := false
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			behind = true
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if ok && behind && strings.EqualFold(strings.TrimSpace(name), tag) {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}

// FormatKeyFile writes a key file as Autobahn and Crossbar.io read it; without
// the private key when public is set. tags such as "creator" come first.
func FormatKeyFile(key ed25519.PrivateKey, public bool, title string, tags [][2]string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n\n", title)
	for _, tag := range tags {
		fmt.Fprintf(&b, "%s: %s\n", tag[0], tag[1])
	}
	fmt.Fprintf(&b, "public-key-ed25519: %x\n", []byte(key.Public().(ed25519.PublicKey)))
	if !public {
		fmt.Fprintf(&b, "private-key-ed25519: %x\n", key.Seed())
	}
	return b.Bytes()
}

// FormatOpenSSH writes a private key as OpenSSH reads it, encrypted when there
// is a passphrase.
func FormatOpenSSH(key ed25519.PrivateKey, comment string, passphrase []byte) ([]byte, error) {
	var block *pem.Block
	var err error
	if len(passphrase) > 0 {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, comment, passphrase)
	} else {
		block, err = ssh.MarshalPrivateKey(key, comment)
	}
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(block), nil
}

// FormatAuthorizedKey writes a public key as a line of authorized_keys.
func FormatAuthorizedKey(key ed25519.PublicKey, comment string) (string, error) {
	public, err := ssh.NewPublicKey(key)
	if err != nil {
		return "", err
	}
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public)))
	return strings.TrimSpace(line + " " + comment), nil
}
