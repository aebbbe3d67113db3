package wamp_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamptest"
)

// certificate returns a certificate for localhost, and who trusts it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// exercise uses a session for one of everything.
func exercise(t *testing.T, s *wamp.Session) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err := s.Register(ctx, "com.test.echo", wamp.HandlerFunc(func(_ context.Context, inv *wamp.Invocation) (wamp.Result, error) {
		return wamp.Return(inv.Payload), nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []wamp.Args{
		{int64(1) << 53, int64(-5), "text", nil, true, 1.5, []byte{0, 1, 2}, []any{int64(1)}, map[string]any{"a": []byte("b")}},
		{strings.Repeat("x", 1000)},
		{strings.Repeat("x", 40_000)},
		{strings.Repeat("x", 150_000), []byte(strings.Repeat("y", 50_000))},
	} {
		r, err := wamp.Call[wamp.Result](ctx, s, "com.test.echo", want, wamp.KW{"k": "v"})
		if err != nil {
			t.Fatal(err)
		}
		args, err := r.Args()
		// cmp alone takes seconds for this.
		if err != nil || !reflect.DeepEqual(want, args) {
			t.Fatalf("%v %.300s", err, cmp.Diff(want, args))
		}
	}
	events := make(chan string, 1)
	sub, err := s.Subscribe(ctx, "com.test.topic", wamp.Event(func(_ context.Context, text string) error {
		events <- text
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Publish(ctx, "com.test.topic", wamp.Args{"hi"}, wamp.Acknowledge(), wamp.ExcludeMe(false)); err != nil {
		t.Fatal(err)
	}
	if text := <-events; text != "hi" {
		t.Error(text)
	}
	if err := sub.Unsubscribe(ctx); err != nil {
		t.Error(err)
	}
	if err := s.Close(ctx); err != nil {
		t.Error(err)
	}
}

// S002-13..15, S002-18: each URL, serializer and TLS.
func TestTransports(t *testing.T) {
	cert, pool := certificate(t)
	rt := wamptest.NewRouter(t, func(c *router.Config) {
		c.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
		c.Compression = true
	})
	socket := filepath.Join(t.TempDir(), "wamp.sock")
	ln, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = rt.Serve(ln) })
	defer serving.Wait()
	defer rt.Close()
	address := rt.Address()

	for _, u := range []string{
		"ws://" + address + "/ws", "wss://" + address + "/ws", "rs://" + address, "rss://" + address,
		"unix:" + socket, "ws+unix:" + socket, "http://" + address + "/lp", "https://" + address + "/lp",
	} {
		for _, serializer := range []wamp.Serializer{wamp.CBOR, wamp.MessagePack, wamp.JSON} {
			for _, compression := range []bool{false, true} {
				if compression && !strings.HasPrefix(u, "ws") {
					continue
				}
				d := &wamp.Dialer{URLs: []string{u}, Serializers: []wamp.Serializer{serializer}, Compression: compression}
				if strings.HasPrefix(u, "wss") || strings.HasPrefix(u, "rss") || strings.HasPrefix(u, "https") {
					d.TLS = &tls.Config{RootCAs: pool}
				}
				t.Run(fmt.Sprintf("%s %s %v", u[:strings.Index(u, ":")], serializer, compression), func(t *testing.T) {
					s := rt.Dial(d)
					if s.Serializer() != serializer {
						t.Error(s.Serializer())
					}
					exercise(t, s)
				})
			}
		}
	}

	// The first serializer of the list is taken.
	for _, u := range []string{"ws://" + address + "/ws", "rs://" + address} {
		for _, list := range [][]wamp.Serializer{{wamp.JSON, wamp.CBOR}, {wamp.MessagePack, wamp.JSON}, {wamp.CBOR, wamp.JSON}} {
			if s := rt.Dial(&wamp.Dialer{URLs: []string{u}, Serializers: list}); s.Serializer() != list[0] {
				t.Error(u, list, s.Serializer())
			}
		}
	}

	// Without trust in the certificate there is no session.
	_, err = (&wamp.Dialer{URLs: []string{"wss://" + address + "/ws"}}).Dial(t.Context())
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Error(err)
	}
}

// S002-16: a proxy that knows CONNECT, and asks who wants to.
func TestProxy(t *testing.T) {
	rt := wamptest.NewRouter(t)
	var tunnels sync.WaitGroup
	var used atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, ok := r.BasicAuth(); ok || r.Method != http.MethodConnect {
			t.Error(r.Method, user, password)
		}
		if r.Header.Get("Proxy-Authorization") != "Basic am9lOnNlY3JldA==" {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		used.Add(1)
		to, err := net.Dial("tcp", r.Host)
		if err != nil {
			t.Error(err)
			return
		}
		from, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(from, "HTTP/1.1 200 OK\r\n\r\n")
		tunnels.Go(func() {
			_, _ = io.Copy(to, from)
			_ = to.Close()
		})
		tunnels.Go(func() {
			_, _ = io.Copy(from, to)
			_ = from.Close()
		})
	}))
	defer proxy.Close()
	defer tunnels.Wait()

	u, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	d := &wamp.Dialer{URLs: []string{rt.URL()}, Proxy: http.ProxyURL(u)}
	if _, err := d.Dial(t.Context()); err == nil || !strings.Contains(err.Error(), "407") {
		t.Error(err)
	}
	u.User = url.UserPassword("joe", "secret")
	exercise(t, rt.Dial(d))
	if used.Load() != 1 {
		t.Error(used.Load())
	}
}

// S002-17: headers are made anew for each attempt.
func TestHeader(t *testing.T) {
	rt := wamptest.NewRouter(t)
	seen := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Get("X-Attempt")
		rt.ServeHTTP(w, r)
	}))
	defer server.Close()
	attempt := 0
	d := &wamp.Dialer{
		URLs: []string{"ws" + strings.TrimPrefix(server.URL, "http")},
		Header: func(context.Context) (http.Header, error) {
			attempt++
			return http.Header{"X-Attempt": {fmt.Sprint(attempt)}}, nil
		},
	}
	for range 2 {
		_ = rt.Dial(d).Close(t.Context())
	}
	if a, b := <-seen, <-seen; a != "1" || b != "2" {
		t.Error(a, b)
	}
	d.Header = func(context.Context) (http.Header, error) { return nil, fmt.Errorf("no token") }
	if _, err := d.Dial(t.Context()); err == nil || !strings.Contains(err.Error(), "no token") {
		t.Error(err)
	}
}

// Two sessions, many goroutines, everything at once.
func TestUnderLoad(t *testing.T) {
	rt := wamptest.NewRouter(t)
	callee := rt.Dial(&wamp.Dialer{URLs: []string{rt.URL()}})
	caller := rt.Dial(&wamp.Dialer{URLs: []string{rt.RawSocketURL()}, Serializers: []wamp.Serializer{wamp.JSON}})
	_, err := callee.Register(t.Context(), "com.test.double", wamp.Func1(func(_ context.Context, n int) (int, error) { return 2 * n, nil }))
	if err != nil {
		t.Fatal(err)
	}
	var received atomic.Int32
	last := make(chan struct{})
	const callers, calls = 16, 100
	next := 0
	_, err = callee.Subscribe(t.Context(), "com.test.count", wamp.Event(func(_ context.Context, n int) error {
		if n != next {
			return fmt.Errorf("event %d, want %d", n, next)
		}
		next++
		if received.Add(1) == calls {
			close(last)
		}
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := range calls {
				n, err := wamp.Call[int](t.Context(), caller, "com.test.double", wamp.Args{c*calls + i})
				if err != nil || n != 2*(c*calls+i) {
					t.Errorf("%d %v", n, err)
					return
				}
			}
		})
	}
	for i := range calls {
		if _, err := caller.Publish(t.Context(), "com.test.count", wamp.Args{i}); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	<-last
}

// S002-18: Compression makes messages small on the wire; without it they are
// not.
func TestCompression(t *testing.T) {
	rt := wamptest.NewRouter(t, func(c *router.Config) { c.Compression = true })
	for _, compression := range []bool{false, true} {
		p := wamptest.NewProxy(t, rt.Address())
		var passed atomic.Int64
		p.Tap(func(_ bool, data []byte) { passed.Add(int64(len(data))) })
		s := rt.Dial(&wamp.Dialer{URLs: []string{p.URL()}, Compression: compression})
		_, err := s.Publish(t.Context(), "com.test.topic", wamp.Args{strings.Repeat("text ", 10_000)}, wamp.Acknowledge())
		if n := passed.Load(); err != nil || n < 10_000 != compression {
			t.Error(compression, n, err)
		}
	}
}
