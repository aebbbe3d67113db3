//go:build interop && unix

package interop

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/wampeter/wampeter/router"
)

// authPage authenticates by every method that autobahn-js has, with the right
// secret and with a wrong one, and by the cookie that a login was given. Then it
// sends what came of it.
const authPage = `<!DOCTYPE html>
<script src="/autobahn.js"></script>
<script>
const { password, seed, pubkey, wrongSeed, wrongPubkey } = %s
const unhex = text => Uint8Array.from(text.match(/../g), digits => parseInt(digits, 16))

function join (methods, authid, authextra, answer) {
	return new Promise(resolve => {
		const connection = new autobahn.Connection({
			url: 'ws://' + location.host + '/ws', realm: 'realm1', max_retries: 0,
			authmethods: methods, authid, authextra,
			onchallenge: (session, method, extra) => answer(method, extra)
		})
		connection.onopen = (session, details) => {
			const { authid, authrole, authmethod } = details
			resolve(authmethod + ' ' + authid + ' ' + authrole)
			connection.onclose = () => true
			connection.close()
		}
		connection.onclose = (reason, details) => {
			resolve(details.reason)
			return true
		}
		connection.open()
	})
}

function craAnswer (secret) {
	return (method, { challenge, salt, iterations, keylen }) => {
		const { sign, derive_key } = autobahn.auth_cra
		return sign(salt ? derive_key(secret, salt, iterations, keylen) : secret, challenge)
	}
}

function keyAnswer (seed) {
	const pair = autobahn.nacl.sign.keyPair.fromSeed(unhex(seed))
	return (method, extra) => autobahn.auth_cryptosign.sign_challenge(pair, extra)
}

async function all () {
	const results = {}
	results['no cookie yet'] = await join(['cookie'], 'joe', {}, () => '')
	results['wampcra'] = await join(['wampcra'], 'joe', {}, craAnswer(password))
	results['wampcra, wrong'] = await join(['wampcra'], 'joe', {}, craAnswer('wrong'))
	results['cryptosign'] = await join(['cryptosign'], null, { pubkey, channel_binding: null }, keyAnswer(seed))
	results['cryptosign, wrong'] = await join(['cryptosign'], 'joe', { pubkey: wrongPubkey }, keyAnswer(wrongSeed))
	results['ticket, wrong'] = await join(['ticket'], 'joe', {}, () => 'wrong')
	results['ticket'] = await join(['cookie', 'ticket'], 'joe', {}, () => password)
	results['cookie'] = await join(['cookie', 'ticket'], null, {}, () => '')
	return results
}

all().then(results => results, error => ({ broken: String(error.stack || error) }))
	.then(results => fetch('/results', { method: 'POST', body: JSON.stringify(results) }))
</script>
`

// TestBrowserAuthentication has a page in a browser without a screen
// authenticate.
func TestBrowserAuthentication(t *testing.T) {
	rt := router.New(router.Config{
		Logger: slog.New(slog.DiscardHandler), Cookies: &router.Cookies{},
		AuthLimits: router.AuthLimits{Failures: -1, Delay: -1},
	})
	t.Cleanup(func() { _ = rt.Close() })
	j := newJoe(t)
	table, err := router.NewTable(j.principal)
	must(t, err)
	rt.Realm(realm).Authenticate(router.Cookie(), router.Ticket(table), router.WAMPCRA(table), router.Cryptosign(table))

	right, wrong := j.proof("cryptosign", true), j.proof("cryptosign", false)
	secrets, err := json.Marshal(dict{
		"password": password, "seed": right.Key, "pubkey": right.PubKey, "wrongSeed": wrong.Key, "wrongPubkey": wrong.PubKey,
	})
	must(t, err)
	library, err := os.ReadFile(filepath.Join(env.modules, "node_modules", "autobahn-browser", "autobahn.min.js"))
	must(t, err)
	results := make(chan []byte, 1)
	mux := http.NewServeMux()
	mux.Handle("/ws", rt)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, authPage, secrets)
	})
	mux.HandleFunc("GET /autobahn.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = w.Write(library)
	})
	mux.HandleFunc("POST /results", func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		results <- body
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)

	said := chromium(t, server.URL)
	var body []byte
	select {
	case body = <-results:
	case <-time.After(2 * time.Minute):
		t.Fatalf("the page sends nothing; the browser says\n%s", said())
	}
	var got map[string]string
	must(t, json.Unmarshal(body, &got))
	const no = "wamp.error.authentication_denied"
	for what, want := range map[string]string{
		"no cookie yet": no, "wampcra": "wampcra joe user", "wampcra, wrong": no, "cryptosign": "cryptosign joe user",
		"cryptosign, wrong": no, "ticket": "ticket joe user", "ticket, wrong": no, "cookie": "cookie joe user",
	} {
		check(t, what, func(t *testing.T) {
			if got[what] != want {
				t.Errorf("%q, want %q; %s", got[what], want, got["broken"])
			}
		})
	}
}
