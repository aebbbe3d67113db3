package router_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

var loopback = router.Peers{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}

// endpoint serves e on a loopback port.
func endpoint(t *testing.T, rt *router.Router, e router.Endpoint) (ln net.Listener, served chan error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served = make(chan error, 1)
	go func() { served <- rt.ServeEndpoint(ln, e) }()
	t.Cleanup(func() {
		_ = ln.Close()
		<-served
	})
	return ln, served
}

// TestEndpoints serves one router on listeners with different settings.
func TestEndpoints(t *testing.T) {
	rt := router.New(router.Config{Logger: slog.New(slog.DiscardHandler), Handler: http.NotFoundHandler()})
	t.Cleanup(func() { _ = rt.Close() })
	peers := make(chan string, 1)
	rt.OnSession(func(_ context.Context, s *router.Session) (func(), error) {
		peers <- s.Transport().Peer
		return nil, nil
	})
	all, _ := endpoint(t, rt, router.Endpoint{Forwarders: loopback, Origins: []string{"https://*.example.com"}})
	raw, _ := endpoint(t, rt, router.Endpoint{NoHTTP: true})
	web, _ := endpoint(t, rt, router.Endpoint{
		NoRawSocket: true, Path: "/wamp", LongPollPath: "-",
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "mine") }),
	})
	forwarded := func(context.Context) (http.Header, error) {
		return http.Header{"X-Forwarded-For": {"203.0.113.7"}, "Origin": {"https://app.example.com"}}, nil
	}
	for _, test := range []struct {
		url  string
		peer string // how it begins; "": no session
	}{
		{"ws://" + all.Addr().String() + "/ws", "203.0.113.7:0"},
		{"http://" + all.Addr().String() + "/lp", "203.0.113.7:0"},
		{"tcp://" + all.Addr().String(), "127.0.0.1:"},
		{"ws://" + raw.Addr().String() + "/ws", ""},
		{"tcp://" + raw.Addr().String(), "127.0.0.1:"},
		{"ws://" + web.Addr().String() + "/ws", ""},
		{"http://" + web.Addr().String() + "/lp", ""},
		{"ws://" + web.Addr().String() + "/wamp", ""}, // its origin is not allowed here
		{"tcp://" + web.Addr().String(), ""},
	} {
		s, err := (&wamp.Dialer{URLs: []string{test.url}, Header: forwarded}).Dial(t.Context())
		if err != nil {
			if test.peer != "" {
				t.Errorf("%s: %v", test.url, err)
			}
			continue
		}
		if peer := <-peers; test.peer == "" || !strings.HasPrefix(peer, test.peer) {
			t.Errorf("%s: the client is %s, want %q", test.url, peer, test.peer)
		}
		_ = s.Close(t.Context())
	}
	response, err := http.Get("http://" + web.Addr().String() + "/lp/open")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); string(body) != "mine" {
		t.Errorf("the handler says %q", body)
	}
}

// TestTakeOffListener closes a listener beneath a running router: who is
// connected stays.
func TestTakeOffListener(t *testing.T) {
	rt := router.New(router.Config{Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() { _ = rt.Close() })
	ln, served := endpoint(t, rt, router.Endpoint{})
	other, _ := endpoint(t, rt, router.Endpoint{})
	// Two are in the middle of their opening handshake.
	upgrade := upgradeRequest("wamp.2.json")
	half := func(begin, rest, answer string) (finish func()) {
		nc := open(t, ln.Addr().String())
		_, _ = io.WriteString(nc, begin)
		return func() {
			_, _ = io.WriteString(nc, rest)
			got := make([]byte, len(answer))
			if _, err := io.ReadFull(nc, got); err != nil || string(got) != answer {
				t.Errorf("the opening handshake is answered %q, error %v; want %q", got, err, answer)
			}
		}
	}
	defer half("\x7f", "\xf1\x00\x00", "\x7f\xf1\x00\x00")()
	defer half(upgrade[:20], upgrade[20:], "HTTP/1.1 101 ")()
	for i, url := range []string{"ws://%s/ws", "tcp://%s"} {
		s, err := (&wamp.Dialer{URLs: []string{fmt.Sprintf(url, ln.Addr())}}).Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close(context.Background()) })
		procedure := fmt.Sprintf("com.example.p%d", i)
		if _, err := s.Register(t.Context(), procedure, wamp.Func0(func(context.Context) (int, error) { return 7, nil })); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if n, err := wamp.Call[int](t.Context(), s, procedure); err != nil || n != 7 {
				t.Errorf("%s: result %d, error %v", procedure, n, err)
			}
		}()
	}
	_ = ln.Close()
	if err := <-served; !errors.Is(err, net.ErrClosed) {
		t.Errorf("error %v, want that the listener is closed", err)
	}
	served <- nil // for the cleanup
	s, err := (&wamp.Dialer{URLs: []string{"tcp://" + other.Addr().String()}}).Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close(t.Context())
}
