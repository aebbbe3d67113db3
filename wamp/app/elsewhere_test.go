package app_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamp/app"
	"github.com/wampeter/wampeter/wamptest"
)

// What users of other libraries do, in their words.

// overdrawn is an error with a payload.
type overdrawn struct {
	By int `wamp:"by"`
}

func (e *overdrawn) Error() string { return fmt.Sprint("overdrawn by ", e.By) }

// S000-16, S000-22, S000-26..29, asphalt-wamp: a root registry "app", mounted
// at "accounting", own prefix "acc"; two processes take turns by roundrobin,
// and a mapped error comes back as its type, with its payload.
func TestAsphalt(t *testing.T) {
	rt := wamptest.NewRouter(t)
	d := &wamp.Dialer{URLs: []string{rt.URL()}}
	for process := range 2 {
		a := app.New("app")
		acc := wamp.NewRegistry("acc", wamp.ProcedureDefaults(wamp.Invoke(wamp.RoundRobin)))
		check(t, a.Mount("accounting", acc))
		check(t, acc.Register("multiply", wamp.Func2(func(_ context.Context, a, b int) (string, error) {
			return fmt.Sprint(a*b, " by ", process), nil
		})))
		check(t, acc.Register("withdraw", wamp.Func1(func(_ context.Context, n int) (int, error) { return 0, &overdrawn{n} })))
		check(t, wamp.DefineError[*overdrawn](acc, "error.overdrawn"))
		check(t, a.Start(t.Context(), d))
		defer func() { check(t, a.Shutdown(t.Context())) }()
	}
	s := rt.Dial(d)
	check(t, wamp.DefineError[*overdrawn](s, "app.accounting.acc.error.overdrawn"))
	var answers []string
	for range 4 {
		text, err := wamp.Call[string](t.Context(), s, "app.accounting.acc.multiply", wamp.Args{6, 7})
		check(t, err)
		answers = append(answers, text)
	}
	if got := strings.Join(answers, ", "); got != "42 by 0, 42 by 1, 42 by 0, 42 by 1" {
		t.Error(got)
	}
	var over *overdrawn
	if _, err := wamp.Call[int](t.Context(), s, "app.accounting.acc.withdraw", wamp.Args{5}); !errors.As(err, &over) || over.By != 5 {
		t.Error(err)
	}
}

// connectProxy is an HTTP proxy that knows CONNECT alone, and counts.
func connectProxy(t *testing.T) (*url.URL, *atomic.Int32) {
	t.Helper()
	var tunnels sync.WaitGroup
	var used atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		used.Add(1)
		to, err := net.Dial("tcp", r.Host)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		from, _, err := http.NewResponseController(w).Hijack()
		check(t, err)
		_, _ = io.WriteString(from, "HTTP/1.1 200 OK\r\n\r\n")
		pass := func(a, b net.Conn) {
			_, _ = io.Copy(a, b)
			_ = a.Close()
			_ = b.Close()
		}
		tunnels.Go(func() { pass(to, from) })
		tunnels.Go(func() { pass(from, to) })
	}))
	t.Cleanup(func() { server.Close(); tunnels.Wait() })
	u, err := url.Parse(server.URL)
	check(t, err)
	return u, &used
}

// S002-8, S002-15..17, S002-22, S002-23, autobahn.twisted: an App connects
// through an HTTP proxy, over TLS, with a header of its own; the router
// restarts, and joined fires only after everything is registered again; the end
// says GOODBYE.
func TestAutobahnTwisted(t *testing.T) {
	proxy, used := connectProxy(t)
	var current atomic.Pointer[wamptest.Router]
	current.Store(wamptest.NewRouter(t))
	tokens := newJournal()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tokens.add("%s", r.Header.Get("X-Token"))
		current.Load().ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())

	a := app.New("com.app")
	check(t, a.Register("add", wamp.Func2(add)))
	j := observed(a)
	a.OnJoin(func(ctx context.Context, s *wamp.Session) error {
		sum, err := wamp.Call[int](ctx, current.Load().Session(), "com.app.add", wamp.Args{2, 3})
		j.add("joined, %d", sum)
		return err
	})
	attempt := 0
	stop := running(t, a, &wamp.Dialer{
		URLs:  []string{"wss" + strings.TrimPrefix(server.URL, "https")},
		Proxy: http.ProxyURL(proxy), TLS: &tls.Config{RootCAs: roots}, Backoff: quick,
		Header: func(context.Context) (http.Header, error) {
			attempt++
			return http.Header{"X-Token": {fmt.Sprint("token ", attempt)}}, nil
		},
	})
	j.wait(t, 1, "ready")
	old := current.Swap(wamptest.NewRouter(t))
	check(t, old.Close())
	j.wait(t, 2, "ready")
	check(t, stop())
	j.wait(t, 2, "joined, 5")
	j.wait(t, 1, "leave wamp.close.normal")
	if seen := tokens.all(); used.Load() < 2 || len(seen) < 2 || seen[0] != "token 1" || seen[1] != "token 2" {
		t.Error(used.Load(), seen)
	}
}

// S003-20, S003-22, aiowamp: one of two handlers on a topic is unsubscribed,
// then all; an unknown topic is an error; waiting for the end returns on
// GOODBYE and on a cut cable.
func TestAiowamp(t *testing.T) {
	rt := wamptest.NewRouter(t)
	p := wamptest.NewProxy(t, rt.Address())
	d := &wamp.Dialer{URLs: []string{p.RawSocketURL()}}
	s := rt.Dial(d)
	got := make(chan int, 10)
	for n := range 2 {
		_, err := s.Subscribe(t.Context(), "com.topic", wamp.Event(func(context.Context, struct{}) error { got <- n; return nil }))
		check(t, err)
	}
	publish := func() {
		_, err := s.Publish(t.Context(), "com.topic", wamp.ExcludeMe(false), wamp.Acknowledge())
		check(t, err)
	}
	publish()
	if <-got+<-got != 1 {
		t.Error("not both handlers")
	}
	check(t, s.Subscriptions("com.topic")[0].Unsubscribe(t.Context()))
	publish()
	if n := <-got; n != 1 {
		t.Error(n)
	}
	check(t, s.UnsubscribeAll(t.Context(), "com.topic"))
	if err := s.UnsubscribeAll(t.Context(), "com.topic"); !errors.Is(err, wamp.ErrNotSubscribed) {
		t.Error(err)
	}
	check(t, s.Close(t.Context()))
	<-s.Done()
	s = rt.Dial(d)
	p.Cut()
	<-s.Done()
	if err := s.Err(); !errors.Is(err, wamp.CloseTransportLost) {
		t.Error(err)
	}
}
