package app_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamp/app"
	"github.com/wampeter/wampeter/wamptest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// patience is how long a test waits before it fails.
const patience = 20 * time.Second

// quick is a Backoff for tests.
var quick = wamp.Backoff{Initial: time.Millisecond, Growth: 1, Jitter: time.Millisecond}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// journal is what happened, in order.
type journal struct {
	mu      sync.Mutex
	entries []string
	changed chan struct{}
}

func newJournal() *journal { return &journal{changed: make(chan struct{})} }

func (j *journal) add(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, fmt.Sprintf(format, args...))
	close(j.changed)
	j.changed = make(chan struct{})
}

func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]string(nil), j.entries...)
}

// count waits until there are n entries that are text.
func (j *journal) wait(t testing.TB, n int, text string) {
	t.Helper()
	timeout := time.After(patience)
	for {
		j.mu.Lock()
		found, changed := 0, j.changed
		for _, e := range j.entries {
			if e == text {
				found++
			}
		}
		j.mu.Unlock()
		if found >= n {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("waiting for %d times %q in %q", n, text, j.all())
		}
	}
}

// observed adds hooks to a that write a journal.
func observed(a *app.App) *journal {
	j := newJournal()
	a.OnConnect(func(context.Context, *wamp.Dialer) error { j.add("connect"); return nil })
	a.OnJoin(func(_ context.Context, s *wamp.Session) error { j.add("join"); return nil })
	a.OnReady(func(context.Context, *wamp.Session) error { j.add("ready"); return nil })
	a.OnLeave(func(_ context.Context, _ *wamp.Session, reason error) error {
		j.add("leave %s", why(reason))
		return nil
	})
	a.OnDisconnect(func(_ context.Context, reason error) error { j.add("disconnect %s", why(reason)); return nil })
	a.OnError(func(_ context.Context, err error) { j.add("error") })
	return j
}

// why is the URI in an error.
func why(err error) string {
	var closed *wamp.ClosedError
	var e *wamp.Error
	switch {
	case errors.As(err, &closed):
		return string(closed.Reason)
	case errors.As(err, &e):
		return string(e.URI)
	}
	return "other"
}

// running runs a, and returns what stops it and returns what Run did.
func running(t testing.TB, a *app.App, dialers ...*wamp.Dialer) func() error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	before := a.Done()
	go func() { ended <- a.Run(ctx, dialers...) }()
	for a.Done() == before { // an App that ran before is ready for nothing yet
		runtime.Gosched()
	}
	stop := sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(patience):
			return errors.New("Run does not return")
		}
	})
	t.Cleanup(func() { _ = stop() })
	return stop
}

func ready(t testing.TB, a *app.App) *wamp.Session {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := a.Ready(ctx)
	check(t, err)
	return s
}

// listen starts a router at an address, which is ":0" at first.
func listen(t testing.TB, address string) (*wamptest.Router, string) {
	t.Helper()
	var ln net.Listener
	var err error
	for range 100 {
		if ln, err = net.Listen("tcp", address); err == nil {
			break
		}
		time.Sleep(time.Millisecond) // the port is still being closed
	}
	check(t, err)
	rt := wamptest.NewRouter(t)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = rt.Serve(ln) // returns when the router is closed
	}()
	t.Cleanup(func() { _ = rt.Close(); <-served })
	return rt, ln.Addr().String()
}

func add(_ context.Context, a, b int) (int, error) { return a + b, nil }
