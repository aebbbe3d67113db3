package auth

import (
	"bytes"
	"errors"
	"testing"
)

func FuzzParsePrivateKey(f *testing.F) {
	for _, name := range []string{"openssh", "openssh_encrypted", "pkcs8.pem"} {
		f.Add(keyFile(f, name))
	}
	f.Add([]byte(pkcs8Seed))
	f.Add([]byte("t\n\nprivate-key-ed25519: " + pkcs8Seed))
	f.Fuzz(func(t *testing.T, data []byte) {
		key, err := ParsePrivateKey(data, nil)
		if err != nil {
			return
		}
		if _, err := Sign(key, NewChallenge(), Binding{}); err != nil {
			t.Errorf("a key that was read does not sign: %v", err)
		}
	})
}

func FuzzParsePublicKey(f *testing.F) {
	f.Add(string(keyFile(f, "openssh.pub")))
	f.Add(pkcs8Public)
	f.Add("t\n\npublic-key-ed25519: " + pkcs8Public)
	f.Fuzz(func(t *testing.T, text string) {
		key, err := ParsePublicKey(text)
		if err != nil {
			return
		}
		line, err := FormatAuthorizedKey(key, "")
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParsePublicKey(line); err != nil || !again.Equal(key) {
			t.Errorf("%q: read back as %x, %v; was %x", line, again, err, key)
		}
	})
}

func FuzzParseTicket(f *testing.F) {
	f.Add(HashTicket("x", TicketCost{Memory: 8, Iterations: 1, Threads: 1}))
	f.Add("plain")
	f.Fuzz(func(t *testing.T, stored string) {
		ticket, err := ParseTicket(stored)
		if err != nil || ticket.Hashed() && ticket.cost.Memory*ticket.cost.Iterations > 1<<12 {
			return
		}
		if err := ticket.Verify(stored + "x"); !errors.Is(err, ErrDenied) {
			t.Errorf("%q opens with another ticket: %v", stored, err)
		}
	})
}

func FuzzParseSCRAMCredential(f *testing.F) {
	c, err := NewSCRAMCredential("pencil", SCRAMCost{KDF: KDFPBKDF2, Iterations: 1}, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(c.String())
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseSCRAMCredential(text)
		if err != nil {
			return
		}
		again, err := ParseSCRAMCredential(c.String())
		if err != nil || again.SCRAMCost != c.SCRAMCost && c.KDF != KDFPBKDF2 ||
			!bytes.Equal(again.Salt, c.Salt) || !bytes.Equal(again.StoredKey, c.StoredKey) {
			t.Errorf("%q became %q: %v", text, c, err)
		}
	})
}

// FuzzSCRAMServer lets a client say anything.
func FuzzSCRAMServer(f *testing.F) {
	c, err := NewSCRAMCredential("pencil", SCRAMCost{KDF: KDFPBKDF2, Iterations: 1}, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("alice", NewNonce(), "AAAA", "AAAA", "tls-unique", "AAAA")
	f.Fuzz(func(t *testing.T, authID, nonce, proof, answered, binding, data string) {
		for _, c := range []SCRAMCredential{c, {SCRAMCost: SCRAMCost{KDF: KDFArgon2idText, Iterations: 1, Memory: 8}, Salt: c.Salt, StoredKey: c.StoredKey, ServerKey: c.ServerKey}} {
			s, err := NewSCRAMServer(authID, nonce, c, Binding{})
			if err != nil {
				continue
			}
			if _, err := s.Verify(SCRAMAnswer{Proof: proof, Nonce: answered, Binding: binding, BindingData: data}); !errors.Is(err, ErrDenied) {
				t.Errorf("verified with %v", err)
			}
		}
	})
}

// FuzzSCRAMClient lets a router say anything that does not cost much.
func FuzzSCRAMClient(f *testing.F) {
	f.Add("AAAA", "AAAAAAAA", "AAAA", "pbkdf2", 1, 8, "v=AAAA")
	f.Fuzz(func(t *testing.T, nonce, both, salt, kdf string, iterations, memory int, verifier string) {
		for _, method := range []string{MethodSCRAM, MethodScram} {
			c, err := NewSCRAMClient(method, "alice", nonce, Binding{})
			if err != nil {
				t.Fatal(err)
			}
			if iterations > 100 || memory > 100 {
				continue
			}
			_, err = c.Proof("pencil", SCRAMChallenge{SCRAMCost: SCRAMCost{kdf, iterations, memory}, Nonce: both, Salt: salt})
			if err == nil && c.Verify(verifier) == nil {
				t.Error("a router that was not there is believed")
			}
		}
	})
}

func FuzzVerifySignature(f *testing.F) {
	key := bytes.Repeat([]byte{1}, 32)
	f.Add(NewChallenge(), "00")
	f.Fuzz(func(t *testing.T, challenge, answer string) {
		if VerifySignature(key, challenge, Binding{}, answer) == nil {
			t.Error("verified")
		}
	})
}
