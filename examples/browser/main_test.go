package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamptest"
)

// What the page needs is there: files beside the router, procedures, ticks. That
// the page does what it should is tested in a browser, in interop.
func TestServer(t *testing.T) {
	rt := wamptest.NewRouter(t)
	realm := rt.Realm(wamptest.Realm)
	if err := realm.Mount("", procedures()); err != nil {
		t.Fatal(err)
	}
	library := filepath.Join(t.TempDir(), "autobahn.min.js")
	if err := os.WriteFile(library, []byte("var autobahn;"), 0o600); err != nil {
		t.Fatal(err)
	}
	handler, err := routes(rt.Router, library)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()
	for path, text := range map[string]string{"/": "autobahn-js", "/page.js": "onopen", "/autobahn.min.js": "var autobahn"} {
		resp, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(body), text) {
			t.Error(path, resp.Status, err)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	s := rt.Dial(&wamp.Dialer{URLs: []string{"ws" + strings.TrimPrefix(server.URL, "http") + "/ws"}})
	ticks := wamptest.Events[int](t, s, "com.example.browser.tick")
	local, err := realm.Local()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- tick(ctx, local, time.Millisecond) }()
	ticks.Expect(1, 2, 3)
	cancel()
	<-ended
	if sum, err := wamp.Call[int](t.Context(), s, "com.example.browser.add2", wamp.Args{2, 5}); sum != 7 || err != nil {
		t.Error(sum, err)
	}
	if text, err := wamp.Call[string](t.Context(), s, "com.example.browser.work", wamp.Args{2}); text != "2 steps" || err != nil {
		t.Error(text, err)
	}
	if err := run(t.Context(), "localhost:0", t.TempDir()); err == nil || !strings.Contains(err.Error(), "npm ci") {
		t.Error(err)
	}
}
