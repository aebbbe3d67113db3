package longpoll

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wampeter/wampeter/internal/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience ends tests that would hang.
const patience = 10 * time.Second

// recorder keeps what a connection reads, and passes it on when asked to.
type recorder struct {
	mu       sync.Mutex
	messages []string
	message  func(data []byte) error
}

func (r *recorder) Message(data []byte, _ *transport.Block) error {
	r.mu.Lock()
	r.messages = append(r.messages, string(data))
	r.mu.Unlock()
	if r.message != nil {
		return r.message(data)
	}
	return nil
}

func (r *recorder) Idle(bool)      {}
func (r *recorder) Control([]byte) {}
func (r *recorder) Alive()         {}

func (r *recorder) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.messages...)
}

// frame returns messages as a connection takes them.
func frame(messages ...string) []byte {
	f := transport.Framing{Kind: transport.Prefixed}
	var b []byte
	for _, m := range messages {
		var mark transport.Mark
		b, mark = f.Begin(b, len(m))
		b = f.End(append(b, m...), mark)
	}
	return b
}

// batch returns messages as they are on the wire.
func batch(p transport.Subprotocol, messages ...string) string {
	if !p.Text() {
		return string(frame(messages...))
	}
	return strings.Join(messages, "\x1e") + "\x1e"
}

// always returns limits that stay as they are.
func always(l transport.Limits) func() transport.Limits {
	return func() transport.Limits { return l }
}

// start serves o over HTTP and returns the base URL. Connections are handed to
// the channel, and are closed when the test ends, when OnConn is nil.
func start(t *testing.T, o Options) (*Server, *url.URL, <-chan transport.Conn) {
	t.Helper()
	conns := make(chan transport.Conn, 100)
	release := make(chan struct{})
	if o.OnConn == nil {
		o.OnConn = func(c transport.Conn) {
			conns <- c
			<-release
		}
	}
	s := NewServer(o)
	mux := http.NewServeMux()
	mux.Handle("/lp/", s)
	hs := httptest.NewServer(mux)
	t.Cleanup(func() {
		close(release)
		s.Close()
		hs.Close()
	})
	u, err := url.Parse(hs.URL + "/lp")
	if err != nil {
		t.Fatal(err)
	}
	return s, u, conns
}

// serve runs c.Serve.
func serve(c transport.Conn, h transport.Handler) <-chan error {
	done := make(chan error, 1)
	go func() { done <- c.Serve(h) }()
	return done
}

func await[T any](t *testing.T, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatal("nothing has come")
	}
	panic("unreachable")
}

// answer is what a server said to a request.
type answer struct {
	status int
	body   string
	header http.Header
}

// post sends a request by hand.
func post(t *testing.T, u string, body string) answer {
	t.Helper()
	a, err := tryPost(u, body)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func tryPost(u string, body string) (answer, error) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	response, err := client.Post(u, "application/json", strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, string(b), response.Header}, err
}

// receive starts a receive request.
func receive(t *testing.T, base string) <-chan answer {
	t.Helper()
	got := make(chan answer, 1)
	go func() {
		a, err := tryPost(base+"/receive", "")
		if err != nil {
			a.body = err.Error()
		}
		got <- a
	}()
	return got
}

// open opens a connection by hand and returns the URL of its requests.
func open(t *testing.T, u *url.URL, protocol string) string {
	t.Helper()
	a := post(t, u.String()+"/open?x=1", `{"protocols": ["wamp.2.unknown", "`+protocol+`"]}`)
	var r openResponse
	if err := json.Unmarshal([]byte(a.body), &r); err != nil || a.status != http.StatusOK || r.Protocol != protocol {
		t.Fatalf("open: %d %s", a.status, a.body)
	}
	return u.String() + "/" + r.Transport
}

// waiting waits until n receive requests of c are held.
func waiting(t *testing.T, c transport.Conn, n int) {
	t.Helper()
	sc := c.(*conn)
	deadline := time.After(patience)
	sc.mu.Lock()
	defer sc.mu.Unlock()
	for sc.receiving != n {
		ch := sc.change()
		sc.mu.Unlock()
		select {
		case <-ch:
		case <-deadline:
			sc.mu.Lock()
			t.Fatalf("%d receive requests are held, not %d", sc.receiving, n)
		}
		sc.mu.Lock()
	}
}

func closeCode(err error) int {
	var broken *transport.Error
	if errors.As(err, &broken) {
		return broken.Code
	}
	return 0
}

func sized(c byte, n int) string { return string(bytes.Repeat([]byte{c}, n)) }

// count returns the number of connections that s knows.
func count(s *Server) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}
