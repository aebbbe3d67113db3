package e2ee

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func newPrivate(t *testing.T) *ecdh.PrivateKey {
	t.Helper()
	k, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// The keys and the message of "Cryptography in NaCl" (D. J. Bernstein), and
// what crypto_box makes of them.
const (
	aliceSecret = "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"
	bobSecret   = "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"
	bobPublic   = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
	boxKey      = "1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389"
	boxNonce    = "69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37"
	boxClear    = "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffc" +
		"e5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f41db66cce314adb31" +
		"0e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde" +
		"048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f93776384864" +
		"5e0705"
	boxSealed = "f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce" +
		"48332ea7164d96a4476fb8c531a1186ac0dfc17c98dce87b4da7f011ec48c972" +
		"71d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae" +
		"90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b3" +
		"7973f622a43d14a6599b1f654cb45a74e355a5"
)

// Both ciphers with known answers, as messages of a preset key.
func TestPresetVectors(t *testing.T) {
	for _, tc := range []struct {
		name                       string
		cipher                     Cipher
		secret, nonce, clear, want string
	}{
		{"Cryptography in NaCl, section 10", XSalsa20Poly1305, boxKey, boxNonce, boxClear, boxSealed},
		{
			// The authenticator alone, of no bytes.
			"GCM specification, test case 13", AES256GCM, strings.Repeat("00", 32), strings.Repeat("00", 12),
			"", "530f8afbc74536b9a963b4f1c4cb738b",
		},
		{
			"GCM specification, test case 14", AES256GCM, strings.Repeat("00", 32), strings.Repeat("00", 12),
			strings.Repeat("00", 16), "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919",
		},
		{
			"GCM specification, test case 15", AES256GCM,
			"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
			"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72" +
				"1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
			"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa" +
				"8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad" +
				"b094dac5d93471bdec1a502270e3cc6c",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			key, err := Preset(tc.cipher, "k1", unhex(t, tc.secret))
			if err != nil {
				t.Fatal(err)
			}
			sealed := append(unhex(t, tc.nonce), unhex(t, tc.want)...)
			lane, err := key.Find(string(tc.cipher), "k1", sealed)
			if err != nil {
				t.Fatal(err)
			}
			clear, err := lane.Open(nil, sealed)
			if err != nil || !bytes.Equal(clear, unhex(t, tc.clear)) {
				t.Errorf("%v %x", err, clear)
			}
			if !bytes.Equal(lane.Nonce(sealed), unhex(t, tc.nonce)) {
				t.Errorf("nonce %x", lane.Nonce(sealed))
			}
		})
	}
}

// Keys by X25519 are NaCl's crypto_box, with the sender's public key before it.
func TestAgreedVectors(t *testing.T) {
	alice, err := ecdh.X25519().NewPrivateKey(unhex(t, aliceSecret))
	if err != nil {
		t.Fatal(err)
	}
	bob, err := ecdh.X25519().NewPrivateKey(unhex(t, bobSecret))
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(bob.PublicKey().Bytes()); got != bobPublic {
		t.Fatal(got)
	}
	key, err := Agree(XSalsa20Poly1305, bob, newPrivate(t).PublicKey(), alice.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	sealed := slices.Concat(alice.PublicKey().Bytes(), unhex(t, boxNonce), unhex(t, boxSealed))
	lane, err := key.Find("xsalsa20poly1305", ID(bob.PublicKey()), sealed)
	if err != nil {
		t.Fatal(err)
	}
	clear, err := lane.Open(nil, sealed)
	if err != nil || hex.EncodeToString(clear) != boxClear {
		t.Errorf("%v %x", err, clear)
	}
	if lane.KeyID() != ID(alice.PublicKey()) {
		t.Error(lane.KeyID())
	}
}

// The examples of EIP-55.
func TestChecksum(t *testing.T) {
	for _, want := range []string{
		"0x52908400098527886E0F7030069857D2E4169EE7",
		"0xde709f2102306220921060314715629080e2fb77",
		"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
		"0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
		"0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
		"0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
	} {
		if got := checksummed(unhex(t, strings.ToLower(want[2:]))); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if !SameID(want, strings.ToLower(want)) || SameID(want, want[:41]+"0") && want[41] != '0' {
			t.Error(want)
		}
	}
	if SameID("Key", "key") {
		t.Error("ids of applications are compared as they are")
	}
}

// ends returns two keys of each kind that belong together.
func ends(t *testing.T) map[string][2]*Key {
	t.Helper()
	secret := make([]byte, SecretSize)
	_, _ = rand.Read(secret)
	a, b := newPrivate(t), newPrivate(t)
	all := make(map[string][2]*Key)
	for _, c := range []Cipher{XSalsa20Poly1305, AES256GCM} {
		preset, err := Preset(c, "", secret)
		if err != nil {
			t.Fatal(err)
		}
		same, err := Preset(c, "", secret)
		if err != nil {
			t.Fatal(err)
		}
		all["preset "+string(c)] = [2]*Key{preset, same}
		here, err := Agree(c, a, b.PublicKey())
		if err != nil {
			t.Fatal(err)
		}
		there, err := Agree(c, b, newPrivate(t).PublicKey(), a.PublicKey())
		if err != nil {
			t.Fatal(err)
		}
		all["agreed "+string(c)] = [2]*Key{here, there}
	}
	return all
}

func TestRoundTrip(t *testing.T) {
	for name, keys := range ends(t) {
		t.Run(name, func(t *testing.T) {
			out := keys[0].Default()
			for _, clear := range []string{"", "x", strings.Repeat("long ", 10_000)} {
				sealed := out.Seal([]byte("before"), []byte(clear))[len("before"):]
				again := out.Seal(nil, []byte(clear))
				if bytes.Equal(sealed, again) {
					t.Error("the same message was sealed the same way twice")
				}
				in, err := keys[1].Find(out.Cipher(), out.KeyID(), sealed)
				if err != nil {
					t.Fatal(err)
				}
				got, err := in.Open([]byte("after"), sealed)
				if err != nil || string(got) != "after"+clear {
					t.Fatalf("%v %.100q", err, got)
				}
				if !bytes.Equal(in.Nonce(sealed), out.Nonce(sealed)) {
					t.Error("the ends see different nonces")
				}
				// The answer goes back on the same lane.
				answer := in.Seal(nil, []byte("answer"))
				if !out.Takes(in.Cipher(), in.KeyID(), answer) {
					t.Error("the answer is not taken")
				}
				got, err = out.Open(nil, answer)
				if err != nil || string(got) != "answer" {
					t.Errorf("%v %q", err, got)
				}
			}
		})
	}
}

// Every bit counts, and so does every length.
func TestTampering(t *testing.T) {
	for name, keys := range ends(t) {
		t.Run(name, func(t *testing.T) {
			out := keys[0].Default()
			sealed := out.Seal(nil, []byte("secret"))
			opens := func(b []byte) bool {
				in, err := keys[1].Find(out.Cipher(), out.KeyID(), b)
				if err != nil {
					return false
				}
				_, err = in.Open(nil, b)
				if err != nil && !errors.Is(err, ErrTampered) {
					t.Error(err)
				}
				return err == nil
			}
			if !opens(sealed) {
				t.Fatal("it does not open unchanged")
			}
			for bit := range len(sealed) * 8 {
				b := bytes.Clone(sealed)
				b[bit/8] ^= 1 << (bit % 8)
				if opens(b) {
					t.Fatalf("opens with bit %d of byte %d flipped", bit%8, bit/8)
				}
			}
			for n := range sealed {
				if opens(sealed[:n]) {
					t.Fatalf("opens cut to %d bytes", n)
				}
			}
			if opens(append(bytes.Clone(sealed), 0)) {
				t.Error("opens with a byte more")
			}
		})
	}
}

// What was sealed with other keys, or names another key or cipher, is refused.
func TestOtherKeys(t *testing.T) {
	all := ends(t)
	for name, keys := range all {
		out := keys[0].Default()
		sealed := out.Seal(nil, []byte("secret"))
		for other, theirs := range ends(t) {
			if lane, err := theirs[1].Find(out.Cipher(), theirs[1].ID(), sealed); err == nil {
				if _, err := lane.Open(nil, sealed); !errors.Is(err, ErrTampered) {
					t.Errorf("%s opens %s: %v", other, name, err)
				}
			}
			if _, err := theirs[1].Find(out.Cipher(), out.KeyID(), sealed); !errors.Is(err, ErrNoKey) {
				t.Errorf("%s takes %s: %v", other, name, err)
			}
		}
		for _, c := range []string{"", "aes128", "AES256GCM"} {
			if _, err := keys[1].Find(c, out.KeyID(), sealed); !errors.Is(err, ErrNoKey) {
				t.Errorf("%s with cipher %q: %v", name, c, err)
			}
		}
	}
}

// The two ciphers do not share an agreed key.
func TestCiphersAreSeparate(t *testing.T) {
	own, peer := newPrivate(t), newPrivate(t).PublicKey()
	gcm, err := AES256GCM.agreed(own, peer)
	if err != nil {
		t.Fatal(err)
	}
	salsa, err := XSalsa20Poly1305.agreed(own, peer)
	if err != nil {
		t.Fatal(err)
	}
	same, err := AES256GCM.box(salsa.(*secretBox)[:])
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := same.open(nil, gcm.seal(nil, []byte("x"))); ok {
		t.Error("both use the same key")
	}
}

func TestRefusedKeys(t *testing.T) {
	own, peer := newPrivate(t), newPrivate(t).PublicKey()
	p256, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	lowOrder, err := ecdh.X25519().NewPublicKey(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	for name, newKey := range map[string]func() (*Key, error){
		"short secret":   func() (*Key, error) { return Preset(AES256GCM, "k", make([]byte, 31)) },
		"unknown cipher": func() (*Key, error) { return Preset("rot13", "k", make([]byte, 32)) },
		"agreed, too":    func() (*Key, error) { return Agree("rot13", own, peer) },
		"no own key":     func() (*Key, error) { return Agree(AES256GCM, nil, peer) },
		"no peer":        func() (*Key, error) { return Agree(AES256GCM, own) },
		"nil peer":       func() (*Key, error) { return Agree(AES256GCM, own, peer, nil) },
		"other curve":    func() (*Key, error) { return Agree(AES256GCM, p256, peer) },
		"peer's curve":   func() (*Key, error) { return Agree(AES256GCM, own, p256.PublicKey()) },
		"low order":      func() (*Key, error) { return Agree(AES256GCM, own, lowOrder) },
	} {
		if k, err := newKey(); err == nil || k != nil {
			t.Errorf("%s: %v %v", name, k, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	secret := make([]byte, SecretSize)
	var keys []*Key
	for _, c := range []Cipher{XSalsa20Poly1305, AES256GCM} {
		k, err := Preset(c, "k", secret)
		if err != nil {
			f.Fatal(err)
		}
		keys = append(keys, k)
		f.Add(k.Default().Seal(nil, []byte("clear")))
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		for _, k := range keys {
			l := k.Default()
			clear, err := l.Open(nil, sealed)
			if err != nil {
				continue
			}
			if again, err := l.Open(nil, l.Seal(nil, clear)); err != nil || !bytes.Equal(again, clear) {
				t.Errorf("%v %q %q", err, clear, again)
			}
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	for _, c := range []Cipher{XSalsa20Poly1305, AES256GCM} {
		for _, size := range []int{100, 10_000} {
			b.Run(string(c)+"/"+map[int]string{100: "100B", 10_000: "10kB"}[size], func(b *testing.B) {
				k, err := Preset(c, "k", make([]byte, SecretSize))
				if err != nil {
					b.Fatal(err)
				}
				clear, dst := make([]byte, size), make([]byte, 0, size+100)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					k.Default().Seal(dst, clear)
				}
			})
		}
	}
}
