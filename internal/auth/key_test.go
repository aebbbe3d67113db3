package auth

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	pkcs8Seed   = "5208eabe818ecfd5efd866d01661f2b6a562f7da7d762a490dae3559c673a2c9"
	pkcs8Public = "a86fe18aae6eeb9f24cdbe0c9ef00d407b73e3f4ee7fe86ba5da176a083b4abe"
)

func keyFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "keys", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestKeys reads one key in all its forms. The files were made by ssh-keygen
// and OpenSSL.
func TestKeys(t *testing.T) {
	openssh, err := ParsePublicKey(string(keyFile(t, "openssh.pub")))
	if err != nil {
		t.Fatal(err)
	}
	seed, _ := hex.DecodeString(pkcs8Seed)
	for _, test := range []struct {
		name       string
		data       string
		passphrase string
		public     string
	}{
		{"32 bytes", string(seed), "", pkcs8Public},
		{"digits", pkcs8Seed + "\n", "", pkcs8Public},
		{"upper case digits", strings.ToUpper(pkcs8Seed), "", pkcs8Public},
		{"both halves", pkcs8Seed + pkcs8Public, "", pkcs8Public},
		{"PKCS #8", string(keyFile(t, "pkcs8.pem")), "", pkcs8Public},
		{"OpenSSH", string(keyFile(t, "openssh")), "", hex.EncodeToString(openssh)},
		{"OpenSSH, encrypted", string(keyFile(t, "openssh_encrypted")), "correct horse", hex.EncodeToString(openssh)},
		{"key file", "Crossbar.io node private key - KEEP THIS SAFE!\n\ncreator: a@b\nprivate-key-ed25519: " + pkcs8Seed + "\n", "", pkcs8Public},
	} {
		key, err := ParsePrivateKey([]byte(test.data), []byte(test.passphrase))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if public, _ := PublicKey(key); public != test.public {
			t.Errorf("%s: public key %s, want %s", test.name, public, test.public)
		}
	}
}

func TestKeysRefused(t *testing.T) {
	for name, data := range map[string]string{
		"nothing":         "",
		"31 bytes":        pkcs8Seed[:62],
		"halves differ":   pkcs8Seed + pkcs8Seed,
		"text":            "secret",
		"public key file": "title\n\npublic-key-ed25519: " + pkcs8Public,
		"tag in a title":  "private-key-ed25519: " + pkcs8Seed,
		"certificate":     "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		"damaged":         "-----BEGIN OPENSSH PRIVATE KEY-----\n",
		"damaged inside":  "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
		"huge":            strings.Repeat("a", maxKeyFile+1),
	} {
		if _, err := ParsePrivateKey([]byte(data), nil); err == nil {
			t.Errorf("%s: taken for a private key", name)
		}
	}
	for _, passphrase := range []string{"", "wrong"} {
		if _, err := ParsePrivateKey(keyFile(t, "openssh_encrypted"), []byte(passphrase)); !errors.Is(err, ErrPassphrase) {
			t.Errorf("passphrase %q: %v", passphrase, err)
		}
	}
	for _, data := range []string{"", "ssh-ed25519", "ssh-ed25519 AAAA x", pkcs8Public[:60], string(keyFile(t, "rsa.pub")), strings.Repeat("a", maxKeyFile+1)} {
		if _, err := ParsePublicKey(data); err == nil {
			t.Errorf("%.40q: taken for a public key", data)
		}
	}
}

// TestKeysWritten writes keys in the forms of others and reads them back.
func TestKeysWritten(t *testing.T) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	public := key.Public().(ed25519.PublicKey)
	for _, passphrase := range []string{"", "pass"} {
		text, err := FormatOpenSSH(key, "me", []byte(passphrase))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParsePrivateKey(text, []byte(passphrase)); err != nil || !got.Equal(key) {
			t.Errorf("OpenSSH, passphrase %q: %v", passphrase, err)
		}
	}
	tags := [][2]string{{"creator", "me"}, {"created-at", "2026-01-02T03:04:05.000Z"}}
	if got, err := ParsePrivateKey(FormatKeyFile(key, false, "private key", tags), nil); err != nil || !got.Equal(key) {
		t.Errorf("key file: %v", err)
	}
	file := FormatKeyFile(key, true, "public key", tags)
	if got, err := ParsePublicKey(string(file)); err != nil || !got.Equal(public) {
		t.Errorf("public key file: %v", err)
	}
	if strings.Contains(string(file), hex.EncodeToString(key.Seed())) {
		t.Error("the public key file holds the private key")
	}
	line, err := FormatAuthorizedKey(public, "me@here")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParsePublicKey(`restrict,command="x" ` + line); err != nil || !got.Equal(public) {
		t.Errorf("%s: %v", line, err)
	}
}
