package app_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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

// S000-4, asphalt-wamp: my call gives up after a while, with Detach. Neither
// CANCEL nor a timeout is on the wire, the handler finishes, the late result is
// dropped when it comes, and the session is as good as before.
func TestAsphaltTimeout(t *testing.T) {
	rt := wamptest.NewRouter(t)
	p := wamptest.NewProxy(t, rt.Address())
	w := tap(t, p)
	callee := rt.Session()
	release, finished := make(chan struct{}), make(chan error, 1)
	for name, h := range map[string]wamp.Handler{
		"com.slow": wamp.Func0(func(ctx context.Context) (string, error) {
			<-release
			finished <- ctx.Err()
			return "late", nil
		}),
		"com.add": wamp.Func2(add),
	} {
		_, err := callee.Register(t.Context(), name, h)
		check(t, err)
	}
	s := rt.Dial(&wamp.Dialer{URLs: []string{p.RawSocketURL()}, Serializers: []wamp.Serializer{wamp.JSON}})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := wamp.Call[string](ctx, s, "com.slow", wamp.OnCancel(wamp.Detach)); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	close(release)
	check(t, <-finished)
	// Whatever comes of the first call comes before the answer to this one, if
	// the callee is asked one after the other.
	for sum := 0; sum != 5 || !strings.Contains(string(w.received()), `"late"`); {
		var err error
		sum, err = wamp.Call[int](t.Context(), s, "com.add", wamp.Args{2, 3})
		check(t, err)
	}
	sent := rawMessages(w.sent())
	if sent[1] != `[48,1,{},"com.slow"]` {
		t.Error(sent[1])
	}
	for _, m := range sent[2:] {
		if !strings.HasPrefix(m, "[48,") || !strings.HasSuffix(m, `{},"com.add",[2,3]]`) {
			t.Error(m)
		}
	}
}

// S001-23..25, S001-49, S001-50, the guide of Autobahn: three processes register
// customer.count, and each gives a reply; one fails, and two remain; a key is
// always with the same process. A handler on com.myapp.us. gets path, title and
// date; an event without a title is reported, and is not fatal.
func TestAutobahnGuide(t *testing.T) {
	rt := wamptest.NewRouter(t)
	dial := func(onError func(context.Context, *wamp.HandlerError)) *wamp.Session {
		return rt.Dial(&wamp.Dialer{URLs: []string{rt.URL()}, OnError: onError})
	}
	var broken atomic.Int32
	broken.Store(-1)
	var processes []*wamp.Session
	for i := range int32(3) {
		s := dial(nil)
		_, err := s.Register(t.Context(), "com.myapp.customer.count", wamp.Func0(func(context.Context) (int32, error) {
			if broken.Load() == i {
				return 0, wamp.URI("com.myapp.error.broken")
			}
			return i, nil
		}), wamp.Invoke(wamp.Partitioned), wamp.Shard(i))
		check(t, err)
		processes = append(processes, s)
	}
	caller := dial(nil)
	count := func() (values []int32, failures int) {
		for r, err := range wamp.CallAll[int32](t.Context(), caller, "com.myapp.customer.count") {
			switch {
			case err == nil:
				values = append(values, r.Value)
			case errors.Is(err, wamp.URI("com.myapp.error.broken")) && r.Callee == processes[1].ID():
				failures++
			default:
				t.Error(r, err)
			}
		}
		slices.Sort(values)
		return values, failures
	}
	if values, failures := count(); !slices.Equal(values, []int32{0, 1, 2}) || failures != 0 {
		t.Error(values, failures)
	}
	owner, err := wamp.Call[int32](t.Context(), caller, "com.myapp.customer.count", wamp.Partition(2391))
	check(t, err)
	for range 100 {
		if i, err := wamp.Call[int32](t.Context(), caller, "com.myapp.customer.count", wamp.Partition(2391)); i != owner || err != nil {
			t.Fatal(i, err)
		}
	}
	broken.Store(1)
	if values, failures := count(); !slices.Equal(values, []int32{0, 2}) || failures != 1 {
		t.Error(values, failures)
	}
	check(t, processes[1].Close(t.Context()))
	if values, failures := count(); !slices.Equal(values, []int32{0, 2}) || failures != 0 {
		t.Error(values, failures)
	}

	type concert struct {
		Path  string `uri:"0"`
		Title string `wamp:"0,required"`
		Date  string `wamp:"1"`
	}
	heard, reported := make(chan concert, 1), make(chan error, 1)
	listener := dial(func(_ context.Context, err *wamp.HandlerError) { reported <- err })
	_, err = listener.Subscribe(t.Context(), "com.myapp.us.", wamp.Event(func(_ context.Context, c concert) error {
		heard <- c
		return nil
	}))
	check(t, err)
	const topic = "com.myapp.us.newmexico.albuquerque.citycenter.on_concert"
	_, err = caller.Publish(t.Context(), topic, wamp.Acknowledge())
	check(t, err)
	if err := <-reported; !errors.Is(err, wamp.ErrInvalidArgument) || !strings.Contains(err.Error(), "argument 0 is missing") {
		t.Error(err)
	}
	_, err = caller.Publish(t.Context(), topic, wamp.Args{"Aida", "May"}, wamp.Acknowledge())
	check(t, err)
	if c := <-heard; c != (concert{"newmexico.albuquerque.citycenter.on_concert", "Aida", "May"}) {
		t.Error(c)
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
		tunnels.Add(1) // before Hijack: from then on Close does not wait for us
		defer tunnels.Done()
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
	httpProxy, used := connectProxy(t)
	first, second := wamptest.NewRouter(t), wamptest.NewRouter(t)
	network := wamptest.NewProxy(t, first.Address()) // behind TLS, where it can be read
	w := tap(t, network)
	behind, err := url.Parse("http://" + network.Address())
	check(t, err)
	reverse := httputil.NewSingleHostReverseProxy(behind)
	reverse.ErrorLog = log.New(io.Discard, "", 0)
	server := httptest.NewTLSServer(reverse)
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())

	a := app.New("com.app")
	check(t, a.Register("add", wamp.Func2(add)))
	j := observed(a)
	var current atomic.Pointer[wamptest.Router]
	current.Store(first)
	a.OnJoin(func(ctx context.Context, s *wamp.Session) error {
		sum, err := wamp.Call[int](ctx, current.Load().Session(), "com.app.add", wamp.Args{2, 3})
		j.add("joined, %d", sum)
		return err
	})
	attempt := 0
	stop := running(t, a, &wamp.Dialer{
		URLs:  []string{"wss" + strings.TrimPrefix(server.URL, "https") + "/ws"},
		Proxy: http.ProxyURL(httpProxy), TLS: &tls.Config{RootCAs: roots}, Backoff: quick,
		Serializers: []wamp.Serializer{wamp.JSON},
		Header: func(context.Context) (http.Header, error) {
			attempt++
			return http.Header{"X-Token": {fmt.Sprint("token ", attempt)}}, nil
		},
	})
	j.wait(t, 1, "ready")
	network.Forward(second.Address())
	current.Store(second)
	check(t, first.Close())
	j.wait(t, 2, "ready")
	if state := ready(t, a).Transport().TLS; state == nil || len(state.PeerCertificates) == 0 {
		t.Error("TLS state:", state)
	}
	check(t, stop())
	j.wait(t, 2, "joined, 5")
	j.wait(t, 1, "leave wamp.close.normal")
	for _, header := range []string{"X-Token: token 1\r\n", "X-Token: token 2\r\n"} {
		if !bytes.Contains(w.sent(), []byte(header)) {
			t.Errorf("no attempt with %q", header)
		}
	}
	if n := used.Load(); n < 2 {
		t.Error(n, "tunnels")
	}
	messages := webMessages(w.sent())
	if last := messages[len(messages)-1]; last != `[6,{},"wamp.close.normal"]` {
		t.Error(messages)
	}
	if !bytes.Contains(w.received(), []byte(`"wamp.close.goodbye_and_out"`)) {
		t.Error("the router has not answered")
	}
}

// S002-22, autobahn.twisted: stop ends retrying, at once.
func TestStopEndsRetrying(t *testing.T) {
	rt := wamptest.NewRouter(t)
	network := wamptest.NewProxy(t, rt.Address())
	a := app.New("")
	j := observed(a)
	stop := running(t, a, &wamp.Dialer{URLs: []string{network.URL()}, Backoff: wamp.Backoff{Initial: time.Hour}})
	j.wait(t, 1, "ready")
	network.Refuse()
	network.Cut()
	j.wait(t, 1, "error") // the session is lost, and the next attempt would come in hours
	check(t, stop())
}

// S002-23, asphalt-wamp: the graceful end, on the wire: no more events, no more
// calls, then GOODBYE.
func TestGracefulEnd(t *testing.T) {
	rt := wamptest.NewRouter(t)
	network := wamptest.NewProxy(t, rt.Address())
	w := tap(t, network)
	a := app.New("com")
	check(t, a.Register("add", wamp.Func2(add)))
	check(t, a.Subscribe("topic", wamp.Event(func(context.Context, struct{}) error { return nil })))
	check(t, a.Start(t.Context(), &wamp.Dialer{URLs: []string{network.RawSocketURL()}, Serializers: []wamp.Serializer{wamp.JSON}}))
	check(t, a.Shutdown(t.Context()))
	const hello, register, subscribe, unsubscribe, unregister, goodbye = 1, 64, 32, 34, 66, 6
	if got := types(t, rawMessages(w.sent())); !slices.Equal(got, []int{hello, register, subscribe, unsubscribe, unregister, goodbye}) {
		t.Error(got)
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
	for _, cut := range []func(){p.Cut, p.Reset, p.HalfOpen} { // the last one as if the cable were pulled
		s = rt.Dial(&wamp.Dialer{
			URLs: d.URLs, RawSocketPing: true, KeepAlive: 50 * time.Millisecond, KeepAliveTimeout: 50 * time.Millisecond,
		})
		cut()
		<-s.Done()
		if err := s.Err(); !errors.Is(err, wamp.CloseTransportLost) {
			t.Error(err)
		}
		p.Resume()
	}
	s = rt.Dial(d)
	check(t, rt.Shutdown(t.Context()))
	<-s.Done()
	if err := s.Err(); !errors.Is(err, wamp.CloseSystemShutdown) {
		t.Error(err)
	}
}
