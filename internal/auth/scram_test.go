package auth

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// cheap is a cost for tests of what is not the cost.
var cheap = map[string]SCRAMCost{
	MethodSCRAM: {KDF: KDFPBKDF2, Iterations: 4096},
	MethodScram: {KDF: KDFArgon2idText, Iterations: 8, Memory: 512},
}

func credential(t *testing.T, method, password string) SCRAMCredential {
	t.Helper()
	c, err := NewSCRAMCredential(password, cheap[method], nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSCRAMExchange(t *testing.T) {
	bound := Binding{Type: BindingExporter, Data: bytes.Repeat([]byte{7}, 32)}
	for _, test := range []struct {
		name              string
		method            string
		authID            string
		password, attempt string
		client, server    Binding
		denied            bool
	}{
		{name: "plain", method: MethodSCRAM, authID: "alice", password: "pencil", attempt: "pencil"},
		{name: "dialect", method: MethodScram, authID: "alice", password: "pencil", attempt: "pencil"},
		{name: "name to escape", method: MethodSCRAM, authID: "a=b,c", password: "pencil", attempt: "pencil"},
		{name: "prepared", method: MethodSCRAM, authID: "user", password: "\u00aa\u00adx", attempt: "ax"},
		{name: "bound", method: MethodSCRAM, authID: "alice", password: "pencil", attempt: "pencil", client: bound, server: bound},
		{name: "other channel", method: MethodSCRAM, authID: "alice", password: "pencil", attempt: "pencil", client: bound, server: Binding{Type: BindingExporter, Data: make([]byte, 32)}, denied: true},
		{name: "wrong password", method: MethodSCRAM, authID: "alice", password: "pencil", attempt: "pen", denied: true},
		{name: "wrong password in the dialect", method: MethodScram, authID: "alice", password: "pencil", attempt: "pen", denied: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			nonce := NewNonce()
			client, err := NewSCRAMClient(test.method, test.authID, nonce, test.client)
			if err != nil {
				t.Fatal(err)
			}
			server, err := NewSCRAMServer(test.authID, nonce, credential(t, test.method, test.password), test.server)
			if err != nil {
				t.Fatal(err)
			}
			if err := client.Verify("AAAA"); err == nil {
				t.Error("a router is believed without a challenge")
			}
			challenge := server.Challenge()
			proof, err := client.Proof(test.attempt, challenge)
			if err != nil {
				t.Fatal(err)
			}
			answer := SCRAMAnswer{Proof: proof, Nonce: challenge.Nonce, Binding: test.client.Type, BindingData: b64(test.client.Data)}
			verifier, err := server.Verify(answer)
			if denied := errors.Is(err, ErrDenied); denied != test.denied {
				t.Fatalf("verified with %v", err)
			}
			if test.denied {
				return
			}
			if err := client.Verify(verifier); err != nil {
				t.Error(err)
			}
			if err := client.Verify(b64(make([]byte, 32))); err == nil {
				t.Error("a router that cannot prove itself is believed")
			}
		})
	}
}

func TestSCRAMReplay(t *testing.T) {
	for _, method := range []string{MethodSCRAM, MethodScram} {
		c := credential(t, method, "pencil")
		nonce := NewNonce()
		client, _ := NewSCRAMClient(method, "alice", nonce, Binding{})
		first, err := NewSCRAMServer("alice", nonce, c, Binding{})
		if err != nil {
			t.Fatal(err)
		}
		proof, err := client.Proof("pencil", first.Challenge())
		if err != nil {
			t.Fatal(err)
		}
		recorded := SCRAMAnswer{Proof: proof, Nonce: first.Challenge().Nonce}
		if _, err := first.Verify(recorded); err != nil {
			t.Fatal(err)
		}
		second, _ := NewSCRAMServer("alice", nonce, c, Binding{})
		if _, err := second.Verify(recorded); !errors.Is(err, ErrDenied) {
			t.Errorf("%s: a recorded answer gives %v", method, err)
		}
	}
}

// TestSCRAMClientRefuses lists what a client does not answer.
func TestSCRAMClientRefuses(t *testing.T) {
	good := func(method string) SCRAMChallenge {
		nonce := "AAECAwQFBgcICQoLDA0ODw=="
		server, err := NewSCRAMServer("alice", nonce, credential(t, method, "pencil"), Binding{})
		if err != nil {
			t.Fatal(err)
		}
		return server.Challenge()
	}
	for name, change := range map[string]func(*SCRAMChallenge){
		"foreign nonce":       func(c *SCRAMChallenge) { c.Nonce = NewNonce() + NewNonce() },
		"only our nonce":      func(c *SCRAMChallenge) { c.Nonce = "AAECAwQFBgcICQoLDA0ODw==" },
		"no salt":             func(c *SCRAMChallenge) { c.Salt = "?" },
		"unknown KDF":         func(c *SCRAMChallenge) { c.KDF = "scrypt" },
		"too much memory":     func(c *SCRAMChallenge) { c.KDF, c.Memory, c.Iterations = KDFArgon2id, 1<<30, 1 },
		"too many iterations": func(c *SCRAMChallenge) { c.KDF, c.Iterations = KDFPBKDF2, 1<<40 },
		"overflow":            func(c *SCRAMChallenge) { c.KDF, c.Memory, c.Iterations = KDFArgon2id, 1<<20, 1<<43 },
		"no iterations":       func(c *SCRAMChallenge) { c.Iterations = 0 },
	} {
		for _, method := range []string{MethodSCRAM, MethodScram} {
			client, err := NewSCRAMClient(method, "alice", "AAECAwQFBgcICQoLDA0ODw==", Binding{})
			if err != nil {
				t.Fatal(err)
			}
			challenge := good(method)
			change(&challenge)
			if _, err := client.Proof("pencil", challenge); err == nil {
				t.Errorf("%s, %s: answered", method, name)
			}
		}
	}
	if _, err := NewSCRAMClient(MethodSCRAM, "", "AAAA", Binding{}); err == nil {
		t.Error("no authid: accepted")
	}
	for _, weak := range []SCRAMCost{{KDF: KDFPBKDF2, Iterations: 1000}, {KDF: KDFArgon2id, Iterations: 1, Memory: 1024}} {
		if weak.Weak() == nil {
			t.Errorf("%+v is not weak", weak)
		}
	}
	for _, strong := range []SCRAMCost{{KDF: KDFPBKDF2, Iterations: 4096}, {KDF: KDFArgon2idText, Iterations: 4096, Memory: 512}} {
		if err := strong.Weak(); err != nil {
			t.Error(err)
		}
	}
}

func TestSCRAMServerRefuses(t *testing.T) {
	c := credential(t, MethodSCRAM, "pencil")
	for _, nonce := range []string{"", "ü", strings.Repeat("AAAA", 100)} {
		if _, err := NewSCRAMServer("alice", nonce, c, Binding{}); err == nil {
			t.Errorf("nonce %q: accepted", nonce)
		}
	}
	if _, err := NewSCRAMServer("\u0007", NewNonce(), c, Binding{}); !errors.Is(err, ErrDenied) {
		t.Errorf("an authid that SASLprep forbids: %v", err)
	}
}

func TestFakeSCRAM(t *testing.T) {
	key := Random(32)
	cost := cheap[MethodSCRAM]
	first, again := FakeSCRAM(key, "nobody", cost), FakeSCRAM(key, "nobody", cost)
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("the salt of somebody unknown changes:\n%s", diff)
	}
	if other := FakeSCRAM(key, "somebody", cost); bytes.Equal(first.Salt, other.Salt) {
		t.Error("two unknown users have the same salt")
	}
	if other := FakeSCRAM(Random(32), "nobody", cost); bytes.Equal(first.Salt, other.Salt) {
		t.Error("the salt does not depend on the router's secret")
	}
	if real := credential(t, MethodSCRAM, "pencil"); len(real.Salt) != len(first.Salt) {
		t.Errorf("a fake salt has %d bytes, a real one %d", len(first.Salt), len(real.Salt))
	}
	if err := first.Check(); err != nil {
		t.Error(err)
	}
}

func TestSCRAMCredentialText(t *testing.T) {
	for _, method := range []string{MethodSCRAM, MethodScram} {
		c := credential(t, method, "pencil")
		got, err := ParseSCRAMCredential(c.String())
		if err != nil {
			t.Fatalf("%s: %v", c, err)
		}
		if diff := cmp.Diff(c, got); diff != "" {
			t.Error(diff)
		}
	}
	for _, bad := range []string{
		"", "$scram$", "$scram$pbkdf2$i=4096$AAAA$BBBB$CCCC", "$scram$scrypt$i=1$" + strings.Repeat("$", 2),
		"$scram$pbkdf2$i=x$AAAAAAAAAAAAAAAAAAAAAA$" + strings.Repeat("A", 43) + "$" + strings.Repeat("A", 43),
	} {
		if _, err := ParseSCRAMCredential(bad); err == nil {
			t.Errorf("%q: accepted", bad)
		}
	}
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
