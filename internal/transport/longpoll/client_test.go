package longpoll

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
)

var jsonOnly = []transport.Subprotocol{{Format: msg.JSON}}

// dial opens a connection, with defaults.
func dial(t *testing.T, u string, o ClientOptions) (transport.Conn, error) {
	t.Helper()
	var err error
	if o.URL, err = url.Parse(u); err != nil {
		t.Fatal(err)
	}
	if o.Subprotocols == nil {
		o.Subprotocols = jsonOnly
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := Dial(ctx, &o)
	if err == nil {
		t.Cleanup(func() { c.Close() })
	}
	return c, err
}

// fake is a server that answers as it is told: the key is the last part of the
// path, and an empty answer to open stands for the right one.
func fake(t *testing.T, answers map[string]http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		verb := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
		switch h := answers[verb]; {
		case h != nil:
			h(w, r)
		case verb == "open":
			fmt.Fprint(w, `{"protocol": "wamp.2.json", "transport": "a b"}`)
		case verb == "receive":
			w.WriteHeader(http.StatusGone)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func text(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

func TestDialErrors(t *testing.T) {
	for _, tt := range []struct {
		name string
		open http.HandlerFunc
		want string
	}{
		{"refused", text(400, "none of the protocols"), "400 Bad Request: none of the protocols"},
		{"redirect", http.RedirectHandler("https://elsewhere.example/", http.StatusTemporaryRedirect).ServeHTTP, "https://elsewhere.example/, which is not followed"},
		{"a page", text(200, "<html>"), "none of a long-poll server"},
		{"other protocol", text(200, `{"protocol": "wamp.2.cbor", "transport": "x"}`), `chose protocol "wamp.2.cbor"; offered were wamp.2.json`},
		{"no id", text(200, `{"protocol": "wamp.2.json"}`), "transport id"},
		{"id leads elsewhere", text(200, `{"protocol": "wamp.2.json", "transport": ".."}`), "transport id"},
		{"id with a path", text(200, `{"protocol": "wamp.2.json", "transport": "../admin"}`), "transport id"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := dial(t, fake(t, map[string]http.HandlerFunc{"open": tt.open}), ClientOptions{})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Dial: %v", err)
			}
		})
	}
}

func TestDialCanceled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	u := fake(t, map[string]http.HandlerFunc{"open": func(_ http.ResponseWriter, r *http.Request) {
		cancel(stop)
		<-r.Context().Done()
	}})
	base, _ := url.Parse(u)
	if _, err := Dial(ctx, &ClientOptions{URL: base, Subprotocols: jsonOnly}); !errors.Is(err, stop) {
		t.Errorf("Dial: %v", err)
	}
}

// What other servers answer: any success, empty answers, the header and cookies
// that they want to see again.
func TestOtherServers(t *testing.T) {
	var receives atomic.Int32
	closed := make(chan string, 1)
	sent := make(chan string, 1)
	steps := []http.HandlerFunc{text(200, ""), text(204, ""), text(202, "[1]"), func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush() // of unknown length, and empty
	}, func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush()
		fmt.Fprint(w, "[2]")
	}}
	u := fake(t, map[string]http.HandlerFunc{
		"open": func(w http.ResponseWriter, _ *http.Request) {
			http.SetCookie(w, &http.Cookie{Name: "sticky", Value: "node7"})
			w.WriteHeader(http.StatusCreated)
			fmt.Fprint(w, `{"protocol": "wamp.2.json", "transport": "a b"}`)
		},
		"receive": func(w http.ResponseWriter, r *http.Request) {
			if n := int(receives.Add(1)); n <= len(steps) {
				steps[n-1](w, r)
				return
			}
			<-r.Context().Done()
		},
		"send": func(w http.ResponseWriter, r *http.Request) {
			cookie, _ := r.Cookie("sticky")
			user, password, _ := r.BasicAuth()
			sent <- fmt.Sprint(r.URL.Path, r.URL.RawQuery, cookie, r.Header.Get("X-Extra"), user, password)
			w.WriteHeader(http.StatusNoContent)
		},
		"close": func(_ http.ResponseWriter, r *http.Request) { closed <- r.URL.Path },
	})
	c, err := dial(t, strings.Replace(u, "//", "//joe:secret@", 1)+"/base/?token=1", ClientOptions{Header: http.Header{"x-extra": {"7"}}})
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 2)
	done := serve(c, &recorder{message: func(data []byte) error { got <- string(data); return nil }})
	for _, want := range []string{"[1]", "[2]"} {
		if m := await(t, got); m != want {
			t.Errorf("received %q, want %q", m, want)
		}
	}
	if err := c.Write([][]byte{frame("[3]")}); err != nil {
		t.Error(err)
	}
	if s := await(t, sent); s != "/base/a b/sendtoken=1sticky=node77joesecret" {
		t.Errorf("the server saw %s", s)
	}
	c.Close()
	if err := await(t, done); err != net.ErrClosed {
		t.Errorf("Serve: %v", err)
	}
	if p := await(t, closed); p != "/base/a b/close" {
		t.Errorf("closed %s", p)
	}
	if _, err := c.TryWrite(nil); err != net.ErrClosed {
		t.Errorf("TryWrite: %v", err)
	}
	if err := c.Write([][]byte{frame("[4]")}); err != net.ErrClosed {
		t.Errorf("Write: %v", err)
	}
}

func TestReceiveErrors(t *testing.T) {
	batched := []transport.Subprotocol{{Format: msg.JSON, Batched: true}}
	openBatched := text(200, `{"protocol": "wamp.2.json.batched", "transport": "x"}`)
	is := func(target error) func(error) bool { return func(err error) bool { return errors.Is(err, target) } }
	code := func(n int) func(error) bool { return func(err error) bool { return closeCode(err) == n } }
	for _, tt := range []struct {
		name    string
		answers map[string]http.HandlerFunc
		p       []transport.Subprotocol
		want    func(error) bool
	}{
		{"gone", nil, nil, is(io.EOF)},
		{"forgotten", map[string]http.HandlerFunc{"receive": text(404, "")}, nil, is(errLost)},
		{"server error", map[string]http.HandlerFunc{"receive": text(502, "upstream")}, nil, func(err error) bool {
			return strings.Contains(err.Error(), "502 Bad Gateway: upstream")
		}},
		{"too large", map[string]http.HandlerFunc{"receive": text(200, sized('x', 1001))}, nil, code(1009)},
		{"endless", map[string]http.HandlerFunc{"receive": func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := io.WriteString(w, sized('x', 10_000)); err != nil {
					return
				}
			}
		}}, nil, code(1009)},
		{"broken batch", map[string]http.HandlerFunc{"open": openBatched, "receive": text(200, "[1]")}, batched, code(1002)},
		{"cut off", map[string]http.HandlerFunc{"receive": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "[1")
		}}, nil, is(io.ErrUnexpectedEOF)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := dial(t, fake(t, tt.answers), ClientOptions{Subprotocols: tt.p, Limits: transport.Limits{MaxMessage: 1000}})
			if err != nil {
				t.Fatal(err)
			}
			if err := await(t, serve(c, &recorder{})); err == nil || !tt.want(err) {
				t.Errorf("Serve: %v", err)
			}
			c.Close()
			c.Drain() // has nothing left to wait for
		})
	}
}

func TestSendErrors(t *testing.T) {
	c, err := dial(t, fake(t, map[string]http.HandlerFunc{"send": text(400, "malformed")}), ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Write([][]byte{frame("[1]")}); err == nil || !strings.Contains(err.Error(), "400 Bad Request: malformed") {
		t.Errorf("Write: %v", err)
	}
	if err := c.Write([][]byte{{0, 0, 0, 2, '['}}); err == nil || !strings.Contains(err.Error(), "no complete message") {
		t.Errorf("Write of half a message: %v", err)
	}
}

// A handler's error ends Serve, and the server is told.
func TestHandlerError(t *testing.T) {
	closed := make(chan struct{}, 1)
	c, err := dial(t, fake(t, map[string]http.HandlerFunc{
		"receive": text(200, "[1]"),
		"close":   func(http.ResponseWriter, *http.Request) { closed <- struct{}{} },
	}), ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	stop := errors.New("stop")
	if err := await(t, serve(c, &recorder{message: func([]byte) error { return stop }})); err != stop {
		t.Errorf("Serve: %v", err)
	}
	await(t, closed)
}

// After a breach, what still comes is of no interest.
func TestDrain(t *testing.T) {
	var receives atomic.Int32
	c, err := dial(t, fake(t, map[string]http.HandlerFunc{"receive": func(w http.ResponseWriter, _ *http.Request) {
		switch receives.Add(1) {
		case 1:
			fmt.Fprint(w, sized('x', 1001))
		case 2:
			fmt.Fprint(w, "[2]")
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}}), ClientOptions{Limits: transport.Limits{MaxMessage: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	if err := await(t, serve(c, &recorder{})); closeCode(err) != 1009 {
		t.Errorf("Serve: %v", err)
	}
	if err := c.CloseWrite(); err != nil {
		t.Error(err)
	}
	c.Drain()
	if n := receives.Load(); n != 3 {
		t.Errorf("%d receives", n)
	}
}
