package wamp

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/wampeter/wampeter/internal/auth"
)

// authRouter plays the router's end of a handshake.
type authRouter struct {
	*script
	hello  map[string]any // HELLO.Details
	dialed func() (*Session, error)
}

func newAuthRouter(t *testing.T, authID string, methods ...Authenticator) *authRouter {
	t.Helper()
	sc := newScript(t)
	d := sc.dialer()
	d.AuthID, d.Auth = authID, methods
	r := &authRouter{script: sc, dialed: async(t, func() (*Session, error) { return d.Dial(t.Context()) })}
	sc.accept()
	var hello [3]json.RawMessage
	text := sc.read()
	if err := json.Unmarshal([]byte(text), &hello); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if err := json.Unmarshal(hello[2], &r.hello); err != nil {
		t.Fatal(err)
	}
	return r
}

// extra returns a value of HELLO.Details.authextra.
func (r *authRouter) extra(key string) string {
	extra, _ := r.hello["authextra"].(map[string]any)
	return detail(extra, key)
}

func (r *authRouter) challenge(method string, extra map[string]any) {
	r.t.Helper()
	text, err := json.Marshal([]any{4, method, extra})
	if err != nil {
		r.t.Fatal(err)
	}
	r.send(string(text))
}

// answer reads AUTHENTICATE.
func (r *authRouter) answer() (signature string, details map[string]any) {
	r.t.Helper()
	var m [3]json.RawMessage
	text := r.read()
	if err := json.Unmarshal([]byte(text), &m); err != nil || string(m[0]) != "5" {
		r.t.Fatalf("got %s, want AUTHENTICATE", text)
	}
	if err := errors.Join(json.Unmarshal(m[1], &signature), json.Unmarshal(m[2], &details)); err != nil {
		r.t.Fatal(err)
	}
	return signature, details
}

func (r *authRouter) welcome(method string, extra map[string]any) {
	r.t.Helper()
	text, err := json.Marshal([]any{2, 77, map[string]any{"authmethod": method, "authextra": extra, "roles": map[string]any{"broker": map[string]any{}}}})
	if err != nil {
		r.t.Fatal(err)
	}
	r.send(string(text))
}

// accepted waits for the session.
func (r *authRouter) accepted() {
	r.t.Helper()
	s, err := r.dialed()
	if err != nil {
		r.t.Fatal(err)
	}
	r.hangUp(s)
}

// refused expects ABORT with a reason, and Dial to fail.
func (r *authRouter) refused(reason string, errs ...error) {
	r.t.Helper()
	if got := r.read(); !strings.HasPrefix(got, "[3,") || !strings.Contains(got, reason) {
		r.t.Errorf("got %s, want ABORT %s", got, reason)
	}
	_ = r.conn.Close()
	_, err := r.dialed()
	wantError(r.t, err, errs...)
}

func TestWAMPCRA(t *testing.T) {
	const challenge = `{"nonce": "x",  "session":1}`
	for name, salt := range map[string]auth.CRASalt{"plain": {}, "salted": {Salt: "NaCl", Iterations: 100, KeyLength: 16}} {
		t.Run(name, func(t *testing.T) {
			r := newAuthRouter(t, "peter", WAMPCRA("secret2"))
			extra := map[string]any{"challenge": challenge}
			if salt.Salt != "" {
				extra["salt"], extra["iterations"], extra["keylen"] = salt.Salt, salt.Iterations, salt.KeyLength
			}
			r.challenge("wampcra", extra)
			signature, _ := r.answer()
			key, err := auth.CRAKey("secret2", salt)
			if err != nil {
				t.Fatal(err)
			}
			if err := auth.CRAVerify(key, challenge, signature); err != nil {
				t.Error(err)
			}
			r.welcome("wampcra", nil)
			r.accepted()
		})
	}
}

func TestWAMPCRARefused(t *testing.T) {
	for _, extra := range []map[string]any{
		{}, {"challenge": 1},
		{"challenge": "x", "salt": "y", "iterations": 1 << 40, "keylen": 32},
		{"challenge": "x", "salt": "y", "iterations": 1000, "keylen": 1 << 40},
		{"challenge": "x", "salt": "y", "iterations": "many", "keylen": 32},
	} {
		r := newAuthRouter(t, "peter", WAMPCRA("secret2"))
		r.challenge("wampcra", extra)
		r.refused("wamp.error.authentication_failed")
	}
}

// scramRouter is a router that knows joe's password in either dialect.
func (r *authRouter) scram(method, password string) *auth.SCRAMServer {
	r.t.Helper()
	cost := auth.SCRAMCost{KDF: auth.KDFArgon2id, Iterations: 1, Memory: 4096}
	if method == "scram" {
		cost.KDF = auth.KDFArgon2idText
	}
	c, err := auth.NewSCRAMCredential(password, cost, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	server, err := auth.NewSCRAMServer("joe", r.extra("nonce"), c, auth.Binding{})
	if err != nil {
		r.t.Fatal(err)
	}
	return server
}

func scramExtra(c auth.SCRAMChallenge) map[string]any {
	return map[string]any{"nonce": c.Nonce, "salt": c.Salt, "kdf": c.KDF, "iterations": c.Iterations, "memory": c.Memory}
}

func TestSCRAM(t *testing.T) {
	for method, verifier := range map[string]string{"wamp-scram": "verifier", "scram": "scram_server_signature"} {
		for name, test := range map[string]struct {
			password string
			verifier func(string) any
			refused  bool
		}{
			"good":              {"pencil", func(v string) any { return v }, false},
			"no verifier":       {"pencil", func(string) any { return nil }, true},
			"wrong verifier":    {"pencil", func(string) any { return auth.NewNonce() }, true},
			"verifier is bytes": {"pencil", func(string) any { return 7 }, true},
		} {
			t.Run(method+" "+name, func(t *testing.T) {
				r := newAuthRouter(t, "joe", AutobahnSCRAM(test.password), SCRAM(test.password))
				server := r.scram(method, "pencil")
				r.challenge(method, scramExtra(server.Challenge()))
				proof, details := r.answer()
				answer := auth.SCRAMAnswer{Proof: proof, Nonce: detail(details, "nonce")}
				v, err := server.Verify(answer)
				if err != nil {
					t.Fatal(err)
				}
				r.welcome(method, map[string]any{verifier: test.verifier(v)})
				if test.refused {
					r.refused("wamp.error.cannot_authenticate", ErrRouterUnproven)
					return
				}
				r.accepted()
			})
		}
	}
}

func TestSCRAMRouterRefused(t *testing.T) {
	for name, change := range map[string]func(map[string]any){
		"foreign nonce": func(m map[string]any) { m["nonce"] = auth.NewNonce() },
		"weak":          func(m map[string]any) { m["kdf"], m["iterations"] = "pbkdf2", 1 },
		"too costly":    func(m map[string]any) { m["memory"] = 1 << 40 },
		"unknown KDF":   func(m map[string]any) { m["kdf"] = "scrypt" },
		"no iterations": func(m map[string]any) { delete(m, "iterations") },
		"half a number": func(m map[string]any) { m["memory"] = 0.5 },
	} {
		t.Run(name, func(t *testing.T) {
			r := newAuthRouter(t, "joe", SCRAM("pencil"))
			extra := scramExtra(r.scram("wamp-scram", "pencil").Challenge())
			change(extra)
			r.challenge("wamp-scram", extra)
			r.refused("wamp.error.authentication_failed")
		})
	}
	t.Run("welcome at once", func(t *testing.T) {
		r := newAuthRouter(t, "joe", SCRAM("pencil"))
		r.welcome("wamp-scram", map[string]any{"verifier": auth.NewNonce()})
		r.refused("wamp.error.cannot_authenticate", ErrRouterUnproven)
	})
	t.Run("allowed to be weak", func(t *testing.T) {
		r := newAuthRouter(t, "joe", SCRAM("pencil", AllowWeakHash()))
		extra := scramExtra(r.scram("wamp-scram", "pencil").Challenge())
		extra["kdf"], extra["iterations"] = "pbkdf2", 1
		r.challenge("wamp-scram", extra)
		_, _ = r.answer()
		r.send(`[3,{},"wamp.error.authentication_denied"]`)
		r.expectEnd()
		_, err := r.dialed()
		wantError(t, err, ErrAuthenticationDenied)
	})
}

func newKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

func TestCryptosign(t *testing.T) {
	key := newKey(t)
	r := newAuthRouter(t, "", Cryptosign(key))
	if _, ok := r.hello["authid"]; ok || r.extra("pubkey") != fmt.Sprintf("%x", public(key)) || r.extra("challenge") != "" {
		t.Errorf("HELLO %v", r.hello)
	}
	challenge := auth.NewChallenge()
	r.challenge("cryptosign", map[string]any{"challenge": challenge, "channel_binding": nil})
	signature, _ := r.answer()
	if err := auth.VerifySignature(public(key), challenge, auth.Binding{}, signature); err != nil {
		t.Error(err)
	}
	r.welcome("cryptosign", nil)
	r.accepted()
}

func TestCryptosignRouter(t *testing.T) {
	key, router, other := newKey(t), newKey(t), newKey(t)
	sign := func(by ed25519.PrivateKey, challenge string) string {
		s, err := auth.Sign(by, challenge, auth.Binding{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	digits := func(k ed25519.PrivateKey) string { return fmt.Sprintf("%x", public(k)) }
	for name, test := range map[string]struct {
		extra func(challenge string) map[string]any
		good  bool
	}{
		"good": {func(c string) map[string]any {
			return map[string]any{"pubkey": digits(router), "signature": sign(router, c)}
		}, true},
		"other key": {func(c string) map[string]any {
			return map[string]any{"pubkey": digits(other), "signature": sign(other, c)}
		}, false},
		"signed by another": {func(c string) map[string]any {
			return map[string]any{"pubkey": digits(router), "signature": sign(other, c)}
		}, false},
		"another challenge": {func(c string) map[string]any {
			return map[string]any{"pubkey": digits(router), "signature": sign(router, auth.NewChallenge())}
		}, false},
		"no signature": {func(string) map[string]any { return map[string]any{"pubkey": digits(router)} }, false},
		"no key":       {func(c string) map[string]any { return map[string]any{"signature": sign(router, c)} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newAuthRouter(t, "joe", Cryptosign(key, RouterKey(public(router))))
			extra := test.extra(r.extra("challenge"))
			extra["challenge"] = auth.NewChallenge()
			r.challenge("cryptosign", extra)
			if !test.good {
				r.refused("wamp.error.authentication_failed", ErrRouterUnproven)
				return
			}
			_, _ = r.answer()
			r.welcome("cryptosign", nil)
			r.accepted()
		})
	}
	t.Run("welcome at once", func(t *testing.T) {
		r := newAuthRouter(t, "joe", Cryptosign(key, RouterKey(public(router))))
		r.welcome("cryptosign", nil)
		r.refused("wamp.error.cannot_authenticate", ErrRouterUnproven)
	})
}

// Several methods are offered at once, and a router may ask for more than one.
func TestSeveralMethods(t *testing.T) {
	r := newAuthRouter(t, "joe", Ticket("a"), JWT(func(context.Context) (string, error) { return "x.y.z", nil }), SCRAM("pencil"), Cryptosign(newKey(t)))
	if got := fmt.Sprint(r.hello["authmethods"]); got != "[ticket jwt wamp-scram cryptosign]" {
		t.Error(got)
	}
	for method, want := range map[string]string{"jwt": "x.y.z", "ticket": "a"} {
		r.challenge(method, map[string]any{})
		if got, _ := r.answer(); got != want {
			t.Errorf("%s is answered with %q", method, got)
		}
	}
	r.welcome("ticket", nil)
	r.accepted()
}

// Who offers less than a proof by the router gets none.
func TestWelcomeWithoutChallenge(t *testing.T) {
	for _, a := range []Authenticator{Anonymous(), Ticket("a"), WAMPCRA("a"), ClientCertificate(), Cookie(), Cryptosign(newKey(t))} {
		r := newAuthRouter(t, "joe", a)
		r.welcome(a.Method(), nil)
		r.accepted()
	}
	r := newAuthRouter(t, "joe", SCRAM("pencil"), Anonymous())
	r.welcome("anonymous", nil)
	r.accepted()
}

// A client does not tell strangers why it has no answer.
func TestNoAnswer(t *testing.T) {
	mine := errors.New("/home/joe/token: permission denied")
	r := newAuthRouter(t, "joe", TicketFunc(func(context.Context) (string, error) { return "", mine }), Cookie())
	r.challenge("ticket", map[string]any{})
	text := r.read()
	if strings.Contains(text, "joe") || !strings.Contains(text, "authentication_failed") {
		t.Error(text)
	}
	_ = r.conn.Close()
	_, err := r.dialed()
	wantError(t, err, mine)

	r = newAuthRouter(t, "joe", Cookie())
	r.challenge("cookie", map[string]any{})
	r.refused("authentication_failed")
}

func TestAuthMisuse(t *testing.T) {
	for name, test := range map[string]struct {
		authID  string
		extra   map[string]any
		methods []Authenticator
	}{
		"no authid":              {"", nil, []Authenticator{SCRAM("pencil")}},
		"binding without TLS":    {"joe", nil, []Authenticator{SCRAM("pencil", TLSExporter)}},
		"unknown binding":        {"joe", nil, []Authenticator{Cryptosign(newKey(t), ChannelBinding("tls-magic"))}},
		"binding in the dialect": {"joe", nil, []Authenticator{AutobahnSCRAM("pencil", TLSExporter)}},
		"no key":                 {"joe", nil, []Authenticator{Cryptosign(nil)}},
		"two keys":               {"joe", nil, []Authenticator{Cryptosign(newKey(t)), Cryptosign(newKey(t))}},
		"another key":            {"joe", map[string]any{"pubkey": "00"}, []Authenticator{Cryptosign(newKey(t))}},
		"forbidden name":         {"\u0007", nil, []Authenticator{SCRAM("pencil")}},
	} {
		t.Run(name, func(t *testing.T) {
			sc := newScript(t)
			d := sc.dialer()
			d.AuthID, d.Auth, d.AuthExtra = test.authID, test.methods, test.extra
			dialed := async(t, func() (*Session, error) { return d.Dial(t.Context()) })
			sc.accept()
			sc.expectEnd() // without HELLO
			if _, err := dialed(); err == nil {
				t.Error("no error")
			}
			if len(d.AuthExtra) != len(test.extra) {
				t.Error("the Dialer was changed")
			}
		})
	}
}
