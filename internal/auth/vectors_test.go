package auth

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// vectors are those of the specification, and some of the same kind.
type vectors struct {
	Cryptosign struct {
		Sign, Verify, Reject []struct {
			Name          string
			Seed          string  `json:"private_key_seed"`
			PublicKey     string  `json:"public_key"`
			Challenge     string  `json:"challenge"`
			ChannelID     *string `json:"channel_id"`
			SignedMessage string  `json:"signed_message"`
			Signature     string  `json:"signature"`
		}
	}
	SCRAM struct {
		Vectors []struct {
			Name        string
			AuthID      string
			Password    string
			KDF         string
			Salt        string
			Iterations  int
			Memory      int
			ClientNonce string `json:"client_nonce"`
			Nonce       string
			Binding     string `json:"channel_binding"`
			BindingData string `json:"cbind_data"`
			Expect      struct {
				Salted      string `json:"salted_password"`
				ClientKey   string `json:"client_key"`
				StoredKey   string `json:"stored_key"`
				ServerKey   string `json:"server_key"`
				Message     string `json:"auth_message"`
				Signature   string `json:"client_signature"`
				ClientProof string `json:"client_proof"`
				Server      string `json:"server_signature"`
			}
		}
	}
	CRA struct {
		Vectors []struct {
			Name, Secret, Challenge, Salt string
			Iterations, KeyLen            int
			DerivedKey                    string `json:"derived_key"`
			Signature                     string
		}
		Example struct {
			Fields    map[string]any `json:"challenge_fields"`
			Signature string
		} `json:"spec_example"`
	} `json:"wampcra"`
}

func readVectors(t *testing.T) *vectors {
	t.Helper()
	data, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	v := new(vectors)
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
	if len(v.Cryptosign.Sign) < 6 || len(v.Cryptosign.Verify) < 7 || len(v.Cryptosign.Reject) < 4 || len(v.SCRAM.Vectors) < 5 || len(v.CRA.Vectors) < 3 {
		t.Fatal("vectors are missing")
	}
	return v
}

// channel is the binding of a vector, which gives the id of the channel itself.
func channel(t *testing.T, id *string) Binding {
	t.Helper()
	if id == nil {
		return Binding{}
	}
	raw, err := hex.DecodeString(*id)
	if err != nil {
		t.Fatal(err)
	}
	return Binding{Type: BindingExporter, Data: raw}
}

func publicKey(t *testing.T, digits string) ed25519.PublicKey {
	t.Helper()
	key, err := ParsePublicKey(digits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestCryptosignVectors(t *testing.T) {
	v := readVectors(t).Cryptosign
	for _, c := range v.Sign {
		t.Run(c.Name, func(t *testing.T) {
			key, err := ParsePrivateKey([]byte(c.Seed), nil)
			if err != nil {
				t.Fatal(err)
			}
			if public, _ := PublicKey(key); public != c.PublicKey {
				t.Errorf("public key %s, want %s", public, c.PublicKey)
			}
			binding := channel(t, c.ChannelID)
			got, err := Sign(key, c.Challenge, binding)
			if err != nil || got != c.Signature {
				t.Errorf("signed %s, %v; want %s", got, err, c.Signature)
			}
			if err := VerifySignature(publicKey(t, c.PublicKey), c.Challenge, binding, got); err != nil {
				t.Error(err)
			}
		})
	}
	for _, c := range v.Verify {
		if err := VerifySignature(publicKey(t, c.PublicKey), c.Challenge, channel(t, c.ChannelID), c.Signature); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
	for _, c := range v.Reject {
		err := VerifySignature(publicKey(t, c.PublicKey), c.Challenge, channel(t, c.ChannelID), c.Signature)
		if !errors.Is(err, ErrDenied) {
			t.Errorf("%s: %v, want ErrDenied", c.Name, err)
		}
	}
}

// provedBy names the test of each part of the vectors.
var provedBy = map[string]string{
	"cryptosign.sign":           "TestCryptosignVectors",
	"cryptosign.verify":         "TestCryptosignVectors",
	"cryptosign.reject":         "TestCryptosignVectors",
	"cryptosign.eip712_chain":   "router/trustroot.TestVectors",
	"scram.vectors":             "TestSCRAMVectors",
	"scram.spec_example_defect": "TestSCRAMExampleDefect",
	"wampcra.vectors":           "TestCRAVectors",
	"wampcra.spec_example":      "TestCRAExample",
	"json_binary":               "internal/codec.TestBinaryVectors",
	"rawsocket":                 "internal/transport/rawsocket.TestVectors",
}

// TestEveryVector finds parts of the vectors that no test reads.
func TestEveryVector(t *testing.T) {
	data, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	found := make(map[string]bool)
	for name, v := range all {
		parts, _ := v.(map[string]any)
		switch {
		case name == "format" || name == "origin":
		case parts == nil:
			found[name] = true
		}
		for part := range parts {
			if part != "encoding" && name != "origin" {
				found[name+"."+part] = true
			}
		}
	}
	for name := range found {
		if provedBy[name] == "" {
			t.Errorf("no test is for the vectors %s", name)
		}
	}
	for name := range provedBy {
		if !found[name] {
			t.Errorf("there are no vectors %s", name)
		}
	}
}

func TestSCRAMVectors(t *testing.T) {
	for _, c := range readVectors(t).SCRAM.Vectors {
		t.Run(c.Name, func(t *testing.T) {
			salt, _ := base64.StdEncoding.DecodeString(c.Salt)
			data, _ := base64.StdEncoding.DecodeString(c.BindingData)
			cost := SCRAMCost{KDF: c.KDF, Iterations: c.Iterations, Memory: c.Memory}
			binding := Binding{Type: c.Binding, Data: data}

			salted, err := cost.SaltedPassword(c.Password, salt)
			if err != nil {
				t.Fatal(err)
			}
			keys := scramKeysOf(salted)
			for name, pair := range map[string][2]string{
				"salted password": {b64(salted), c.Expect.Salted},
				"client key":      {b64(keys.client), c.Expect.ClientKey},
				"stored key":      {b64(keys.stored), c.Expect.StoredKey},
				"server key":      {b64(keys.server), c.Expect.ServerKey},
			} {
				if pair[0] != pair[1] {
					t.Errorf("%s %s, want %s", name, pair[0], pair[1])
				}
			}

			client, err := NewSCRAMClient(MethodSCRAM, c.AuthID, c.ClientNonce, binding)
			if err != nil {
				t.Fatal(err)
			}
			challenge := SCRAMChallenge{SCRAMCost: cost, Nonce: c.Nonce, Salt: c.Salt}
			proof, err := client.Proof(c.Password, challenge)
			if err != nil {
				t.Fatal(err)
			}
			if got := client.x.message(); got != c.Expect.Message {
				t.Errorf("auth message %s\nwant %s", got, c.Expect.Message)
			}
			if got := b64(xor(keys.client, hmacOf(keys.stored, c.Expect.Message))); got != c.Expect.ClientProof {
				t.Errorf("client key and signature make the proof %s, want %s", got, c.Expect.ClientProof)
			}
			if got := b64(hmacOf(keys.stored, c.Expect.Message)); got != c.Expect.Signature {
				t.Errorf("client signature %s, want %s", got, c.Expect.Signature)
			}
			if proof != c.Expect.ClientProof {
				t.Errorf("proof %s, want %s", proof, c.Expect.ClientProof)
			}
			for _, verifier := range []string{c.Expect.Server, "v=" + c.Expect.Server} {
				if err := client.Verify(verifier); err != nil {
					t.Error(err)
				}
			}

			server := &SCRAMServer{
				credential: SCRAMCredential{SCRAMCost: cost, Salt: salt, StoredKey: keys.stored, ServerKey: keys.server},
				x:          scramExchange{method: MethodSCRAM, authID: c.AuthID, clientNonce: c.ClientNonce, binding: binding, challenge: challenge},
			}
			answer := SCRAMAnswer{Proof: proof, Nonce: c.Nonce, Binding: c.Binding, BindingData: c.BindingData}
			verifier, err := server.Verify(answer)
			if err != nil || verifier != c.Expect.Server {
				t.Errorf("verifier %s, %v; want %s", verifier, err, c.Expect.Server)
			}
			for name, wrong := range map[string]SCRAMAnswer{
				"proof":   {Proof: b64(make([]byte, 32)), Nonce: answer.Nonce, Binding: answer.Binding, BindingData: answer.BindingData},
				"nonce":   {Proof: proof, Nonce: answer.Nonce + "x", Binding: answer.Binding, BindingData: answer.BindingData},
				"binding": {Proof: proof, Nonce: answer.Nonce, Binding: "tls-unique", BindingData: answer.BindingData},
				"data":    {Proof: proof, Nonce: answer.Nonce, Binding: answer.Binding, BindingData: "AAAA"},
				"nothing": {},
			} {
				if _, err := server.Verify(wrong); !errors.Is(err, ErrDenied) {
					t.Errorf("wrong %s: %v, want ErrDenied", name, err)
				}
			}
		})
	}
}

// TestSCRAMExampleDefect has the exchange that the specification prints, with the
// proof and verifier of another one (RFC 7677): neither end takes them.
func TestSCRAMExampleDefect(t *testing.T) {
	const (
		clientNonce = "egVDf3DMJh0="
		nonce       = "egVDf3DMJh0=SBmkFIh7sSo="
		salt        = "aBc+fx0NAVA="
		proof       = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
		verifier    = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
	)
	cost := SCRAMCost{KDF: KDFPBKDF2, Iterations: 4096}
	challenge := SCRAMChallenge{SCRAMCost: cost, Nonce: nonce, Salt: salt}
	raw, err := base64.StdEncoding.DecodeString(salt)
	if err != nil {
		t.Fatal(err)
	}
	credential, err := NewSCRAMCredential("pencil", cost, raw)
	if err != nil {
		t.Fatal(err)
	}
	server := &SCRAMServer{
		credential: credential,
		x:          scramExchange{method: MethodSCRAM, authID: "user", clientNonce: clientNonce, challenge: challenge},
	}
	if _, err := server.Verify(SCRAMAnswer{Proof: proof, Nonce: nonce}); !errors.Is(err, ErrDenied) {
		t.Errorf("the proof: %v, want ErrDenied", err)
	}
	client, err := NewSCRAMClient(MethodSCRAM, "user", clientNonce, Binding{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Proof("pencil", challenge); err != nil {
		t.Fatal(err)
	}
	if err := client.Verify(verifier); err == nil {
		t.Error("the verifier is accepted")
	}
}

// TestCRAExample has the challenge that the specification prints. Its signature
// cannot be made, since the secret is not published.
func TestCRAExample(t *testing.T) {
	v := readVectors(t).CRA
	session := uint64(v.Example.Fields["session"].(float64))
	text := NewCRAChallenge("peter", "user", "userdb", session, time.Date(2014, 6, 22, 16, 36, 25, 448e6, time.UTC))
	var ours map[string]any
	if err := json.Unmarshal([]byte(text), &ours); err != nil {
		t.Fatal(err)
	}
	ours["nonce"] = v.Example.Fields["nonce"] // random
	if diff := cmp.Diff(v.Example.Fields, ours); diff != "" {
		t.Errorf("our challenge has other fields (-want +got):\n%s", diff)
	}
	if raw, err := base64.StdEncoding.DecodeString(v.Example.Signature); err != nil || len(raw) != 32 {
		t.Errorf("the signature has %d bytes, %v; ours have 32", len(raw), err)
	}
	for _, c := range v.Vectors {
		if err := CRAVerify([]byte(c.Secret), text, v.Example.Signature); !errors.Is(err, ErrDenied) {
			t.Errorf("%s: %v, want ErrDenied", c.Name, err)
		}
	}
}

func TestCRAVectors(t *testing.T) {
	for _, c := range readVectors(t).CRA.Vectors {
		key, err := CRAKey(c.Secret, CRASalt{Salt: c.Salt, Iterations: c.Iterations, KeyLength: c.KeyLen})
		if err != nil {
			t.Fatal(err)
		}
		if c.DerivedKey != "" && string(key) != c.DerivedKey {
			t.Errorf("%s: key %s, want %s", c.Name, key, c.DerivedKey)
		}
		if got := CRASign(key, c.Challenge); got != c.Signature {
			t.Errorf("%s: signature %s, want %s", c.Name, got, c.Signature)
		}
		if err := CRAVerify(key, c.Challenge, c.Signature); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
		for _, wrong := range [][2]string{{c.Challenge + " ", c.Signature}, {c.Challenge, ""}, {c.Challenge, c.Signature + "="}} {
			if err := CRAVerify(key, wrong[0], wrong[1]); !errors.Is(err, ErrDenied) {
				t.Errorf("%s: %v, want ErrDenied", c.Name, err)
			}
		}
	}
}

// TestDialectVectors takes credentials that Autobahn's derive_scram_credential
// gives.
func TestDialectVectors(t *testing.T) {
	for _, c := range [][3]string{
		{"3bc3ca01dd1d501ca1c22e1c5d7d16fe", "e796c2f0a51770303ee4616bc630a66774d51a55003154aff2a54ec7c4ac0e38", "8de7864c316f3c2356fd76cfdab696db55bc70e680fe5180e2f731e2345acca2"},
		{"ae1f0d2f422757809077785e660b62c6", "5f19358ff6f38e267b6ef1ea1d862514ec4e8745a84682259fd3894be09febb5", "0d8e7e9222a7c0e54c9e979aa342115699ff5696c45dc379b5ee241338a5861d"},
	} {
		salt, err := DecodeBinary(c[0])
		if err != nil {
			t.Fatal(err)
		}
		got, err := NewSCRAMCredential("secret123", SCRAMCost{KDF: KDFArgon2idText, Iterations: 4096, Memory: 512}, salt)
		if err != nil {
			t.Fatal(err)
		}
		if hex.EncodeToString(got.StoredKey) != c[1] || hex.EncodeToString(got.ServerKey) != c[2] {
			t.Errorf("credential %x %x, want %s %s", got.StoredKey, got.ServerKey, c[1], c[2])
		}
	}
}
