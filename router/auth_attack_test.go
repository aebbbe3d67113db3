package router_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wampeter/wampeter/internal/auth"
	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// attempt is a handshake by hand.
type attempt struct {
	*wire
	method string
	client *auth.SCRAMClient
	extra  map[string]any // of CHALLENGE
}

const denied = `[3,{"message":"the authentication was not accepted"},"wamp.error.authentication_denied"]`

// begin sends HELLO and takes the CHALLENGE. key is the public key for
// cryptosign.
func begin(t *testing.T, v via, addr, method, authID, key string) *attempt {
	t.Helper()
	a := &attempt{wire: v.dial(t, addr), method: method}
	nonce := auth.NewNonce()
	extra := map[string]any{"nonce": nonce, "channel_binding": nil}
	if method == "cryptosign" {
		extra = map[string]any{"pubkey": key}
	}
	if method == "wamp-scram" || method == "scram" {
		var err error
		if a.client, err = auth.NewSCRAMClient(method, authID, nonce, auth.Binding{}); err != nil {
			t.Fatal(err)
		}
	}
	hello, err := json.Marshal([]any{1, "closed", map[string]any{
		"authid": authID, "authmethods": []string{method}, "authextra": extra, "roles": map[string]any{"caller": map[string]any{}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	a.send(string(hello))
	var challenge [3]json.RawMessage
	body := a.receive()
	if err := json.Unmarshal(body, &challenge); err != nil || string(challenge[0]) != "4" {
		t.Fatalf("%s: got %s, want CHALLENGE", method, body)
	}
	if err := json.Unmarshal(challenge[2], &a.extra); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *attempt) text(key string) string { s, _ := a.extra[key].(string); return s }

func (a *attempt) number(key string) int { n, _ := a.extra[key].(float64); return int(n) }

// answer returns the AUTHENTICATE for the challenge.
func (a *attempt) answer(password string, key any) string {
	a.t.Helper()
	signature, details := password, map[string]any{}
	var err error
	switch a.method {
	case "wampcra":
		var k []byte
		k, err = auth.CRAKey(password, auth.CRASalt{Salt: a.text("salt"), Iterations: a.number("iterations"), KeyLength: a.number("keylen")})
		signature = auth.CRASign(k, a.text("challenge"))
	case "wamp-scram", "scram":
		c := auth.SCRAMChallenge{Nonce: a.text("nonce"), Salt: a.text("salt")}
		c.SCRAMCost = auth.SCRAMCost{KDF: a.text("kdf"), Iterations: a.number("iterations"), Memory: a.number("memory")}
		signature, err = a.client.Proof(password, c)
		details["nonce"] = c.Nonce
	case "cryptosign":
		signature, err = auth.Sign(key.(ed25519.PrivateKey), a.text("challenge"), auth.Binding{})
	}
	if err != nil {
		a.t.Fatal(err)
	}
	text, err := json.Marshal([]any{5, signature, details})
	if err != nil {
		a.t.Fatal(err)
	}
	return string(text)
}

// closed starts a router whose realm "closed" alice and bob can join.
func closed(t *testing.T, cfg router.Config) (*router.Router, string, ed25519.PrivateKey) {
	t.Helper()
	rt, addr := newRouter(t, cfg)
	table, key := people(t)
	rt.Realm("closed").Authenticate(everyMethod(table)...)
	return rt, addr, key
}

var challenging = []string{"wampcra", "wamp-scram", "scram", "cryptosign"}

// TestReplay records handshakes that succeed and plays their answers again.
func TestReplay(t *testing.T) {
	_, addr, key := closed(t, router.Config{AuthLimits: unlimited})
	everyVia(t, func(t *testing.T, v via) {
		for _, method := range challenging {
			first := begin(t, v, addr, method, "alice", publicText(key))
			recorded := first.answer("alice's secret", key)
			first.send(recorded)
			first.expect(`[2,"$session","*"]`)

			again := begin(t, v, addr, method, "alice", publicText(key))
			if again.text("challenge") == first.text("challenge") && again.text("nonce") == first.text("nonce") {
				t.Errorf("%s: the same challenge twice", method)
			}
			again.send(recorded)
			again.expect(denied)
			again.expectEnd()
		}
	})
}

// TestSwappedChallenges has two clients answer each other's challenges.
func TestSwappedChallenges(t *testing.T) {
	_, addr, key := closed(t, router.Config{AuthLimits: unlimited})
	for _, method := range challenging {
		one := begin(t, via{}, addr, method, "alice", publicText(key))
		other := begin(t, via{}, addr, method, "alice", publicText(key))
		a, b := one.answer("alice's secret", key), other.answer("alice's secret", key)
		one.send(b)
		other.send(a)
		one.expect(denied)
		other.expect(denied)
	}
}

// TestUnknownStaysWhoItIs replaces the authenticators of a realm, as a reload of a
// configuration does: the salts of those who exist stay, and so must those of
// others. By another method both have another one.
func TestUnknownStaysWhoItIs(t *testing.T) {
	rt, addr, key := closed(t, router.Config{AuthLimits: unlimited})
	table, _ := people(t)
	seen := make(map[string]string)
	for range 2 {
		for _, method := range []string{"wampcra", "wamp-scram", "scram"} {
			salt := begin(t, via{}, addr, method, "nobody", publicText(key)).text("salt")
			if was, ok := seen[method]; ok && was != salt {
				t.Errorf("%s: the salt of somebody unknown is %s, and was %s", method, salt, was)
			}
			for other, was := range seen {
				if other != method && was == salt {
					t.Errorf("%s and %s have the same salt of somebody unknown", method, other)
				}
			}
			seen[method] = salt
		}
		if err := rt.Realm("closed").Configure(router.RealmConfig{Authenticators: everyMethod(table)}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestUnknownLooksLikeKnown compares what a client can see of somebody who does
// not exist with what it can see of bob.
func TestUnknownLooksLikeKnown(t *testing.T) {
	_, addr, key := closed(t, router.Config{AuthLimits: unlimited})
	// form is what a challenge looks like, whatever is in it.
	form := func(a *attempt) map[string]string {
		f := make(map[string]string)
		for k, v := range a.extra {
			switch v := v.(type) {
			case string:
				f[k] = fmt.Sprintf("text of %d", len(strings.ReplaceAll(v, "nobody", "alice")))
			default:
				f[k] = fmt.Sprint(v)
			}
		}
		return f
	}
	for _, method := range challenging {
		known := begin(t, via{}, addr, method, "alice", publicText(key))
		var forms []map[string]string
		for i := range 20 {
			nobody := begin(t, via{}, addr, method, fmt.Sprintf("nobo%d", i/10), publicText(key))
			again := begin(t, via{}, addr, method, fmt.Sprintf("nobo%d", i/10), publicText(key))
			if nobody.text("salt") != again.text("salt") {
				t.Errorf("%s: the salt of somebody unknown changes", method)
			}
			forms = append(forms, form(nobody))
			nobody.send(nobody.answer("x", key))
			nobody.expect(denied)
		}
		known.send(known.answer("x", newKey(t)))
		known.expect(denied)
		// bob's secrets have other forms than alice's: nobody's are like one of them.
		bob := begin(t, via{}, addr, method, "bob", publicText(key))
		for _, f := range forms {
			delete(f, "challenge") // it holds the name
			a, b := form(known), form(bob)
			delete(a, "challenge")
			delete(b, "challenge")
			if !cmp.Equal(f, a) && !cmp.Equal(f, b) {
				t.Errorf("%s: a challenge for nobody is %v, for alice %v, for bob %v", method, f, a, b)
			}
		}
	}
}

// TestNeverFinished leaves handshakes open.
func TestNeverFinished(t *testing.T) {
	rt, addr, key := closed(t, router.Config{AuthLimits: unlimited, HandshakeTimeout: 200 * time.Millisecond})
	var open []*attempt
	for _, method := range append([]string{"ticket"}, challenging...) {
		open = append(open, begin(t, via{}, addr, method, "alice", publicText(key)))
	}
	for _, a := range open {
		a.expect(`[3,{"message":"*"},"*"]`)
		a.expectEnd()
	}
	if stats := rt.AuthStats(); stats.Accepted != 0 || stats.Denied != 0 {
		t.Errorf("counted %+v", stats)
	}
	// The connection is gone before the answer.
	a := begin(t, via{}, addr, "wampcra", "alice", "")
	_ = a.nc.Close()
}

// TestBrokenAnswers sends what is no answer to any challenge.
func TestBrokenAnswers(t *testing.T) {
	_, addr, key := closed(t, router.Config{AuthLimits: unlimited})
	for _, method := range challenging {
		for _, answer := range []string{
			`[5,"",{}]`, `[5,"\u0000",{}]`, `[5,"` + strings.Repeat("00", 96) + `",{}]`, `[5,"` + strings.Repeat("A", 43) + `=",{"nonce":7}]`,
			`[5,"` + strings.Repeat("x", 100_000) + `",{"channel_binding":"tls-unique","cbind_data":[]}]`,
		} {
			a := begin(t, via{}, addr, method, "alice", publicText(key))
			a.send(answer)
			a.expect(denied)
			a.expectEnd()
		}
	}
	for _, hello := range []string{
		`{"authid":"alice","authmethods":["cryptosign"],"authextra":{"pubkey":"00"},"roles":{"caller":{}}}`,
		`{"authid":"alice","authmethods":["cryptosign"],"authextra":{"pubkey":"xx"},"roles":{"caller":{}}}`,
		`{"authid":"alice","authmethods":["wamp-scram"],"authextra":{"nonce":"?"},"roles":{"caller":{}}}`,
		`{"authid":"alice","authmethods":["wamp-scram"],"authextra":{"nonce":"AAAA","channel_binding":"tls-unique"},"roles":{"caller":{}}}`,
		`{"authid":"alice","authmethods":["wamp-scram"],"roles":{"caller":{}}}`,
	} {
		w := dialWire(t, addr, 15)
		w.send(`[1,"closed",` + hello + `]`)
		w.expect(`[3,{"message":"*"},"wamp.error.authentication_failed"]`)
		w.expectEnd()
	}
}

// counting is a log that counts its lines and keeps them.
type counting struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (c *counting) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.Write(p)
}

func (c *counting) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String()
}

// from dials from an address of its own.
func from(address string) func(ctx context.Context, network, to string) (net.Conn, error) {
	return func(ctx context.Context, network, to string) (net.Conn, error) {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
		return d.DialContext(ctx, network, to)
	}
}

// TestGuessing sends 10,000 wrong passwords, while alice works from another
// address, bob comes back to the one that they come from, and carol logs in from
// elsewhere for the first time.
func TestGuessing(t *testing.T) {
	var log counting
	rt, addr, _ := closed(t, router.Config{
		Logger:     slog.New(slog.NewTextHandler(&log, nil)),
		AuthLimits: router.AuthLimits{Delay: time.Millisecond, Window: time.Hour},
	})
	if _, err := login(t, wamp.Dialer{URLs: []string{"tcp://" + addr}, NetDial: from("127.0.0.1")}, "bob", wamp.WAMPCRA("bob's secret")); err != nil {
		t.Fatal(err)
	}
	alice, err := login(t, wamp.Dialer{URLs: []string{"tcp://" + addr}, NetDial: from("127.0.0.9")}, "alice", wamp.Ticket("alice's secret"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := alice.Register(t.Context(), "com.example.echo", wamp.Func1(func(_ context.Context, n int) (int, error) { return n, nil })); err != nil {
		t.Fatal(err)
	}

	const guesses = 10_000
	var next, refusals, limited atomic.Int64
	var wg sync.WaitGroup
	hello := []byte(`[1,"closed",{"authid":"alice","authmethods":["ticket"],"roles":{"caller":{}}}]`)
	guess := func(n int64) string {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			return err.Error()
		}
		defer nc.Close()
		_ = nc.SetDeadline(time.Now().Add(patience))
		var f rawSocket
		var answer [4]byte
		_, _ = nc.Write(append([]byte{0x7f, 0xf1, 0, 0}, f.frame(hello)...))
		if _, err := io.ReadFull(nc, answer[:]); err != nil {
			return err.Error()
		}
		body, err := f.read(nc)
		if err == nil && bytes.HasPrefix(body, []byte("[4,")) {
			_, _ = nc.Write(f.frame(fmt.Appendf(nil, `[5,"guess %d",{}]`, n)))
			body, err = f.read(nc)
		}
		if err != nil {
			return err.Error()
		}
		return string(body)
	}
	for range 8 {
		wg.Go(func() {
			for n := next.Add(1); n <= guesses; n = next.Add(1) {
				switch got := guess(n); {
				case strings.Contains(got, "wamp.error.limit_exceeded"):
					limited.Add(1)
				case strings.Contains(got, "wamp.error.authentication_denied"):
					refusals.Add(1)
				default:
					t.Errorf("guess %d: %.200s", n, got)
					return
				}
			}
		})
	}
	for i := range 100 {
		if n, err := wamp.Call[int](t.Context(), alice, "com.example.echo", wamp.Args{i}); err != nil || n != i {
			t.Errorf("alice is disturbed: %d, %v", n, err)
		}
	}
	wg.Wait()
	if refusals.Load() > 20+8 || refusals.Load()+limited.Load() != guesses {
		t.Errorf("%d guesses were tried, %d were not", refusals.Load(), limited.Load())
	}
	// Whoever has logged in from there still can, and from elsewhere everybody.
	for _, d := range []struct{ address, authID string }{{"127.0.0.1", "bob"}, {"127.0.0.9", "alice"}, {"127.0.0.8", "alice"}, {"127.0.0.7", "bob"}} {
		if _, err := login(t, wamp.Dialer{URLs: []string{"tcp://" + addr}, NetDial: from(d.address)}, d.authID, wamp.WAMPCRA(d.authID+"'s secret")); err != nil {
			t.Errorf("%s from %s: %v", d.authID, d.address, err)
		}
	}
	if _, err := login(t, wamp.Dialer{URLs: []string{"tcp://" + addr}}, "alice", wamp.Ticket("alice's secret")); !errors.Is(err, wamp.ErrLimitExceeded) {
		t.Errorf("alice, from where they guess: %v", err)
	}
	stats := rt.AuthStats()
	if stats.Denied != uint64(refusals.Load()) || stats.Limited != uint64(limited.Load())+1 || stats.Accepted != 6 {
		t.Errorf("counted %+v", stats)
	}
	text := log.String()
	if strings.Contains(text, "guess ") || strings.Contains(text, "secret\"") || strings.Count(text, "authentication denied") != int(refusals.Load()) ||
		strings.Count(text, "too many failed logins") != 1 || strings.Count(text, "\n") > 60 {
		t.Errorf("log:\n%.3000s", text)
	}
}

// TestGuessingByHeader counts what a TransportAuthenticator denies, although its
// clients offer no method.
func TestGuessingByHeader(t *testing.T) {
	rt, addr := newRouter(t, router.Config{AuthLimits: router.AuthLimits{Failures: 2, Delay: -1}})
	rt.Realm("closed").Authenticate(router.TransportAuthenticator(func(_ context.Context, h *router.Handshake) (*router.Identity, error) {
		if h.Transport.Request.Header.Get("Authorization") != "Bearer right" {
			return nil, router.Deny(errors.New("another token"))
		}
		return &router.Identity{AuthID: "alice", Role: "user"}, nil
	}))
	try := func(token string) error {
		_, err := login(t, wamp.Dialer{URLs: []string{"ws://" + addr + "/ws"}, Header: func(context.Context) (http.Header, error) {
			return http.Header{"Authorization": {"Bearer " + token}}, nil
		}}, "")
		return err
	}
	for range 2 {
		if err := try("wrong"); !errors.Is(err, wamp.ErrAuthenticationDenied) {
			t.Error(err)
		}
	}
	if err := try("right"); !errors.Is(err, wamp.URI("wamp.error.limit_exceeded")) {
		t.Errorf("after two wrong ones: %v", err)
	}
	if stats := rt.AuthStats(); stats.Denied != 2 || stats.Limited != 1 {
		t.Errorf("counted %+v", stats)
	}
}
