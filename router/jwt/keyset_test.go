package jwt_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	gojwt "github.com/golang-jwt/jwt/v5"

	"github.com/wampeter/wampeter/router/jwt"
)

// jwkOf writes a public key as others would.
func jwkOf(t testing.TB, kid string, public crypto.PublicKey) map[string]any {
	t.Helper()
	b64 := base64.RawURLEncoding.EncodeToString
	k := map[string]any{"kid": kid, "use": "sig"}
	switch p := public.(type) {
	case *rsa.PublicKey:
		k["kty"], k["n"], k["e"] = "RSA", b64(p.N.Bytes()), b64(big.NewInt(int64(p.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := p.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		half := (len(point) - 1) / 2
		k["kty"], k["crv"], k["x"], k["y"] = "EC", p.Params().Name, b64(point[1:1+half]), b64(point[1+half:])
	case ed25519.PublicKey:
		k["kty"], k["crv"], k["x"], k["alg"] = "OKP", "Ed25519", b64(p), "EdDSA"
	}
	return k
}

func setOf(t testing.TB, keys ...map[string]any) []byte {
	t.Helper()
	text, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestParseJWKS(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ec, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	_, ed, _ := ed25519.GenerateKey(nil)
	encryption := jwkOf(t, "enc", &rsaKey.PublicKey)
	encryption["use"] = "enc"
	unknown := map[string]any{"kty": "PQ", "kid": "new"}
	keys, err := jwt.ParseJWKS(setOf(t, jwkOf(t, "r", &rsaKey.PublicKey), jwkOf(t, "e", &ec.PublicKey), jwkOf(t, "d", ed.Public()), encryption, unknown))
	if err != nil || len(keys) != 3 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	a := newAuthenticator(t, jwt.Config{Keys: jwt.StaticKeys(keys...)})
	for kid, sign := range map[string]struct {
		method gojwt.SigningMethod
		key    any
		good   bool
	}{
		"r": {gojwt.SigningMethodRS256, rsaKey, true}, "e": {gojwt.SigningMethodES384, ec, true}, "d": {gojwt.SigningMethodEdDSA, ed, true},
		"enc": {gojwt.SigningMethodRS256, rsaKey, false}, "": {gojwt.SigningMethodEdDSA, ed, true}, "other": {gojwt.SigningMethodEdDSA, ed, false},
	} {
		if _, err := a.Verify(t.Context(), "realm1", issue(t, sign.method, sign.key, kid, nil)); (err == nil) != sign.good {
			t.Errorf("kid %q: %v", kid, err)
		}
	}
	// A single key is a set, too.
	one, _ := json.Marshal(jwkOf(t, "d", ed.Public()))
	if keys, err := jwt.ParseJWKS(one); err != nil || len(keys) != 1 {
		t.Errorf("a single key: %v", err)
	}
	small, _ := rsa.GenerateKey(rand.Reader, 1024)
	off := jwkOf(t, "x", &ec.PublicKey)
	off["y"] = off["x"]
	short := jwkOf(t, "x", ed.Public())
	short["x"] = "AAAA"
	bad := [][]byte{nil, []byte("[]"), []byte("{}"), setOf(t), setOf(t, off), setOf(t, short), setOf(t, map[string]any{"kty": "oct", "k": "AAAA"}), setOf(t, map[string]any{"kty": "RSA", "n": "?", "e": "AQAB"})}
	if small != nil {
		bad = append(bad, setOf(t, jwkOf(t, "small", &small.PublicKey)))
	}
	for _, text := range bad {
		if _, err := jwt.ParseJWKS(text); err == nil {
			t.Errorf("%s is accepted", text)
		}
	}
}

func FuzzParseJWKS(f *testing.F) {
	_, ed, _ := ed25519.GenerateKey(nil)
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	f.Add(setOf(f, jwkOf(f, "d", ed.Public()), jwkOf(f, "e", &ec.PublicKey)))
	f.Add([]byte(`{"kty":"oct","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY","alg":"HS256"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if keys, err := jwt.ParseJWKS(text); err == nil && len(keys) == 0 {
			t.Error("no keys, and no error")
		}
	})
}

// keyFile returns what writes a file of keys, each time a second later than
// before as far as the file knows.
func keyFile(t *testing.T, path string) func(set []byte) {
	at := time.Now().Add(-time.Hour)
	return func(set []byte) {
		t.Helper()
		if err := os.WriteFile(path, set, 0o600); err != nil {
			t.Fatal(err)
		}
		at = at.Add(time.Second)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFile exchanges the keys in a file.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	_, first, _ := ed25519.GenerateKey(nil)
	_, second, _ := ed25519.GenerateKey(nil)
	var trouble []error
	source := &jwt.File{Path: path, OnError: func(err error) { trouble = append(trouble, err) }}
	a := newAuthenticator(t, jwt.Config{Keys: source})
	verify := func(key ed25519.PrivateKey, kid string) error {
		_, err := a.Verify(t.Context(), "realm1", issue(t, gojwt.SigningMethodEdDSA, key, kid, nil))
		return err
	}
	write := keyFile(t, path)
	if err := verify(first, "1"); err == nil {
		t.Error("without a file")
	}
	write(setOf(t, jwkOf(t, "1", first.Public())))
	if err := verify(first, "1"); err != nil {
		t.Error(err)
	}
	write([]byte("half a fi"))
	for range 2 {
		if err := verify(first, "1"); err != nil {
			t.Errorf("while the file is broken: %v", err)
		}
	}
	if len(trouble) != 1 {
		t.Errorf("reported %v", trouble)
	}
	write(setOf(t, jwkOf(t, "2", second.Public())))
	if err := verify(second, "2"); err != nil {
		t.Error(err)
	}
	if err := verify(first, "1"); err == nil {
		t.Error("a key that was taken away is good")
	}
}

// issuer publishes keys.
type issuer struct {
	*httptest.Server
	mu       sync.Mutex
	set      []byte
	status   int
	requests atomic.Int32
}

func newIssuer(t *testing.T) *issuer {
	i := &issuer{status: http.StatusOK}
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		i.requests.Add(1)
		i.mu.Lock()
		defer i.mu.Unlock()
		w.WriteHeader(i.status)
		_, _ = w.Write(i.set)
	}))
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) publish(status int, set []byte) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.status, i.set = status, set
}

func TestURL(t *testing.T) {
	_, first, _ := ed25519.GenerateKey(nil)
	_, second, _ := ed25519.GenerateKey(nil)
	i := newIssuer(t)
	i.publish(http.StatusOK, setOf(t, jwkOf(t, "1", first.Public())))
	a := newAuthenticator(t, jwt.Config{Keys: &jwt.URL{URL: i.URL, MinAge: time.Nanosecond}})
	verify := func(key ed25519.PrivateKey, kid string) error {
		_, err := a.Verify(t.Context(), "realm1", issue(t, gojwt.SigningMethodEdDSA, key, kid, nil))
		return err
	}
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if err := verify(first, "1"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := i.requests.Load(); n != 1 {
		t.Errorf("%d requests for ten tokens", n)
	}
	// A key that is new is fetched when a token names it.
	i.publish(http.StatusOK, setOf(t, jwkOf(t, "1", first.Public()), jwkOf(t, "2", second.Public())))
	if err := verify(second, "2"); err != nil {
		t.Error(err)
	}
	// When the issuer is down, the keys stay.
	i.publish(http.StatusInternalServerError, nil)
	if err := errors.Join(verify(first, "1"), verify(second, "2")); err != nil {
		t.Error(err)
	}
	for name, set := range map[string][]byte{
		"secret": setOf(t, map[string]any{"kty": "oct", "k": base64.RawURLEncoding.EncodeToString(secret)}),
		"huge":   []byte(`{"keys":[` + strings.Repeat(" ", 2<<20) + `]}`), "text": []byte("x"),
	} {
		i.publish(http.StatusOK, set)
		fresh := newAuthenticator(t, jwt.Config{Keys: &jwt.URL{URL: i.URL}})
		if _, err := fresh.Verify(t.Context(), "realm1", issue(t, gojwt.SigningMethodHS256, secret, "", nil)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// roundTrip is an http.RoundTripper.
type roundTrip func() (*http.Response, error)

func (f roundTrip) RoundTrip(*http.Request) (*http.Response, error) { return f() }

// TestURLInTime watches when keys are fetched.
func TestURLInTime(t *testing.T) {
	_, key, _ := ed25519.GenerateKey(nil)
	set := setOf(t, jwkOf(t, "1", key.Public()))
	synctest.Test(t, func(t *testing.T) {
		requests, down := 0, false
		source := &jwt.URL{URL: "https://id.example.com/keys", Client: &http.Client{Transport: roundTrip(func() (*http.Response, error) {
			if requests++; down {
				return nil, errors.New("no route to host")
			}
			rec := httptest.NewRecorder()
			_, _ = rec.Write(set)
			return rec.Result(), nil
		})}}
		find := func(kid string, wantKeys, wantRequests int) {
			t.Helper()
			keys, err := source.Find(context.Background(), kid)
			if len(keys) != wantKeys || requests != wantRequests || wantKeys == 1 && err != nil {
				t.Errorf("%d keys, %d requests, %v; want %d and %d", len(keys), requests, err, wantKeys, wantRequests)
			}
		}
		find("1", 1, 1)
		find("1", 1, 1)
		find("2", 0, 1) // it was fetched just now
		time.Sleep(11 * time.Second)
		find("2", 0, 2)
		find("2", 0, 2)
		find("1", 1, 2)
		time.Sleep(16 * time.Minute)
		find("1", 1, 3)
		down = true
		time.Sleep(23 * time.Hour)
		find("1", 1, 4)
		time.Sleep(2 * time.Hour)
		find("1", 0, 5) // too old
		find("1", 0, 5)
		down = false
		time.Sleep(time.Minute)
		find("1", 1, 6)
	})
}
