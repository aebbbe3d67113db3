package longpoll

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
)

func TestRequests(t *testing.T) {
	refuses := func(err error) Options {
		return Options{Open: func(*http.Request, http.Header) error { return err }}
	}
	const proposal = `{"protocols": ["wamp.2.cbor", "wamp.2.json"]}`
	for _, tt := range []struct {
		name         string
		o            Options
		method, path string
		body, origin string
		status       int
		text         string
	}{
		{"open", Options{}, "POST", "/lp/open", proposal, "", 200, `{"protocol":"wamp.2.cbor","transport":`},
		{"client's order, server's choice", Options{Formats: []msg.Format{msg.JSON}}, "POST", "/open", proposal, "", 200, `"wamp.2.json"`},
		{"no overlap", Options{}, "POST", "/lp/open", `{"protocols": ["wamp.2.ubjson"]}`, "", 400, "supported are wamp.2.json"},
		{"no protocols", Options{}, "POST", "/lp/open", `{}`, "", 400, "supported are"},
		{"no JSON", Options{}, "POST", "/lp/open", `protocols`, "", 400, "not of the form"},
		{"trailing garbage", Options{}, "POST", "/lp/open", proposal + "x", "", 400, "not of the form"},
		{"huge", Options{}, "POST", "/lp/open", `{"x": "` + sized('x', maxOpen) + `"}`, "", 400, "too large"},
		{"unknown id", Options{}, "POST", "/lp/ABC/receive", "", "", 404, "no such connection"},
		{"unknown id, send", Options{}, "POST", "/lp/ABC/send", "[]", "", 404, ""},
		{"unknown id, close", Options{}, "POST", "/lp/ABC/close", "", "", 404, ""},
		{"nothing", Options{}, "POST", "/", "", "", 404, ""},
		{"get", Options{}, "GET", "/lp/open", "", "", 405, "POST"},
		{"own page", Options{}, "POST", "/lp/open", proposal, "http://example.com", 200, ""},
		{"foreign page", Options{}, "POST", "/lp/open", proposal, "https://evil.example", 403, "evil.example"},
		{"foreign page, preflight", Options{}, "OPTIONS", "/lp/open", "", "https://evil.example", 403, ""},
		{"listed page", Options{Origins: []string{"https://*.example.org"}}, "POST", "/lp/open", proposal, "https://a.example.org", 200, ""},
		{"listed page, preflight", Options{Origins: []string{"*"}}, "OPTIONS", "/lp/open", "", "https://a.example.org", 204, ""},
		{"veto", refuses(errors.New("go away")), "POST", "/lp/open", proposal, "", 403, "go away"},
		{"veto with status", refuses(&transport.Refusal{Status: 429, Text: "slow down"}), "POST", "/lp/open", proposal, "", 429, "slow down"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.o.OnConn = func(c transport.Conn) { _ = c.Serve(&recorder{}) }
			s := NewServer(tt.o)
			defer s.Close()
			r := httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, strings.NewReader(tt.body))
			if tt.origin != "" {
				r.Header.Set("Origin", tt.origin)
			}
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.text) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			allowed := w.Header().Get("Access-Control-Allow-Origin")
			if want := tt.origin; (allowed == want) == (tt.status == 403 && want != "") {
				t.Errorf("allowed origin %q", allowed)
			}
		})
	}
}

func TestInfo(t *testing.T) {
	_, u, conns := start(t, Options{Open: func(r *http.Request, h http.Header) error {
		h.Set("Set-Cookie", "tracking=1")
		return nil
	}})
	a := post(t, u.String()+"/open", `{"protocols": ["wamp.2.json.batched"]}`)
	if a.header.Get("Set-Cookie") == "" {
		t.Error("the header of Open is missing")
	}
	i := await(t, conns).Info()
	if i.Transport != "longpoll" || i.Network != "tcp" || i.Local != u.Host || i.Peer == "" || i.Subprotocol != "wamp.2.json.batched" ||
		i.Request.Context().Err() != nil || i.Request.URL.Path != "/lp/open" {
		t.Errorf("%+v", i)
	}
}

func TestMaxConns(t *testing.T) {
	_, u, conns := start(t, Options{MaxConns: 2})
	ids := map[string]bool{open(t, u, "wamp.2.json"): true, open(t, u, "wamp.2.json"): true}
	for id := range ids {
		if len(id) < len(u.String())+len("/")+50 {
			t.Errorf("id %s can be guessed", id)
		}
	}
	if len(ids) != 2 {
		t.Error("two connections have the same id")
	}
	if a := post(t, u.String()+"/open", `{"protocols": ["wamp.2.json"]}`); a.status != http.StatusServiceUnavailable {
		t.Errorf("open: %d", a.status)
	}
	c := await(t, conns)
	done := serve(c, &recorder{})
	post(t, u.String()+"/"+c.(*conn).id+"/close", "")
	await(t, done)
	c.Close()
	open(t, u, "wamp.2.json")
}

// Close ends held requests, writers and readers, and leaves nothing behind.
func TestServerClose(t *testing.T) {
	done := make(chan error, 2)
	conns := make(chan transport.Conn, 1)
	s, u, _ := start(t, Options{OnConn: func(c transport.Conn) {
		conns <- c
		done <- c.Serve(&recorder{})
	}})
	base := open(t, u, "wamp.2.json")
	c := await(t, conns)
	held := receive(t, base)
	waiting(t, c, 1)
	other := open(t, u, "wamp.2.json")
	slow := await(t, conns)
	wrote := make(chan error, 1)
	go func() { wrote <- slow.Write([][]byte{frame(sized('a', 2*capacity))}) }()
	s.Close()
	if a := await(t, held); a.status != http.StatusGone {
		t.Errorf("held: %d %s", a.status, a.body)
	}
	for range 2 {
		if err := await(t, done); err != net.ErrClosed {
			t.Errorf("Serve: %v", err)
		}
	}
	if err := await(t, wrote); err == nil {
		t.Error("Write succeeds")
	}
	for _, path := range []string{base + "/receive", other + "/send", u.String() + "/open"} {
		if a := post(t, path, ""); a.status != http.StatusServiceUnavailable {
			t.Errorf("after Close: %d", a.status)
		}
	}
}

// Requests outlast the timeouts of the server that they come from.
func TestTimeoutsOfServer(t *testing.T) {
	blocked := make(chan struct{})
	conns := make(chan transport.Conn, 1)
	s := NewServer(Options{Hold: 300 * time.Millisecond, OnConn: func(c transport.Conn) {
		conns <- c
		_ = c.Serve(&recorder{message: func([]byte) error { <-blocked; return nil }})
	}})
	hs := httptest.NewUnstartedServer(s)
	hs.Config.ReadTimeout, hs.Config.WriteTimeout = 100*time.Millisecond, 100*time.Millisecond
	hs.Start()
	defer hs.Close()
	defer s.Close()
	u, err := url.Parse(hs.URL)
	if err != nil {
		t.Fatal(err)
	}
	base := open(t, u, "wamp.2.json")
	await(t, conns)
	for _, m := range []string{"[1]", sized('x', capacity)} {
		post(t, base+"/send", m)
	}
	last := make(chan answer, 1)
	go func() {
		a, err := tryPost(base+"/send", "[3]") // waits for room
		if err != nil {
			a.body = err.Error()
		}
		last <- a
	}()
	if a := post(t, base+"/receive", ""); a.status != http.StatusOK || a.body != "" {
		t.Errorf("receive: %d %q", a.status, a.body)
	}
	close(blocked)
	if a := await(t, last); a.status != http.StatusAccepted {
		t.Errorf("send: %d %s", a.status, a.body)
	}
}

// FuzzBody sends messages through what both ends do to them.
func FuzzBody(f *testing.F) {
	f.Add([]byte("one message"), uint8(3), uint8(0))
	f.Add(bytes.Repeat([]byte("many"), 20_000), uint8(200), uint8(3))
	f.Fuzz(func(t *testing.T, in []byte, size, which uint8) {
		p := transport.Subprotocols(nil, true)[which%6]
		if p.Text() {
			in = bytes.ReplaceAll(in, []byte{transport.RecordSeparator}, nil) // in no JSON text
		}
		var messages []string
		for n := int(size) + 1; len(in) > 0; n *= 2 {
			n := min(n, len(in))
			messages = append(messages, string(in[:n]))
			in = in[n:]
		}
		data := frame(messages...)
		if complete(append(data[:len(data):len(data)], 0, 0, 0, 9, 'x')) != len(data) {
			t.Fatal("an incomplete message counts as complete")
		}
		var q queue
		var r recorder
		for rest := data; len(rest) > 0 || q.full > 0; {
			n := q.push([][]byte{rest}, true)
			rest = rest[n:]
			if len(q.data) > capacity && q.full != len(q.data) {
				t.Fatalf("%d bytes wait", len(q.data))
			}
			b := q.take(p)
			if b == nil {
				t.Fatal("no message")
			}
			var a transport.Assembly
			size := int64(len(b))
			if which >= 128 {
				size = -1
			}
			if err := readBody(&a, bytes.NewReader(b), size, p, len(b)); err != nil {
				t.Fatal(err)
			}
			if err := deliver(&r, p, &a); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(messages, r.all()); diff != "" {
			t.Error(diff)
		}
	})
}
