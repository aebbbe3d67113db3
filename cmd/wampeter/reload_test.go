package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/wampeter/wampeter/wamp"
)

const reloadedFile = `
listeners: [{address: "127.0.0.1:0", max_connections: %[1]d}]
realms:
  - name: com.example.app
    authentication: {ticket: }
    users:
      - {authid: joe, role: user, ticket: a}
      - {authid: guest%[1]d, role: guest, ticket: b}
    roles:
      - name: user
        rules:
          - {uri: com.example., allow: all}
          - {uri: com.example.other%[1]d., deny: all}
      - name: guest
        rules: [{uri: com.example., allow: subscribe}]
  - name: com.example.extra%[1]d
`

// TestReloadUnderLoad has a running router read its file again a hundred times,
// with other users, rules, realms and settings of the listener each time, while
// calls and events go through it: none is lost, none is late, and no session
// ends.
func TestReloadUnderLoad(t *testing.T) {
	file := filepath.Join(t.TempDir(), "wampeter.yaml")
	write := func(i int) {
		text := fmt.Sprintf(reloadedFile, 1000+i)
		if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	write(0)
	address, reloaded, stop := runRouter(t, file)
	defer stop()

	dial := func() *wamp.Session {
		s, err := (&wamp.Dialer{
			URLs: []string{"tcp://" + address}, Realm: "com.example.app", AuthID: "joe",
			Auth: []wamp.Authenticator{wamp.Ticket("a")}, MaxQueue: 64 << 20,
		}).Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	callee, subscriber := dial(), dial()
	double := func(_ context.Context, n int) (int, error) { return 2 * n, nil }
	if _, err := callee.Register(t.Context(), "com.example.double", wamp.Func1(double)); err != nil {
		t.Fatal(err)
	}
	const publishers = 3
	var next [publishers]int
	var events atomic.Int64
	arrived := make(chan struct{}, 1)
	_, err := subscriber.Subscribe(t.Context(), "com.example.news", wamp.EventFunc(func(_ context.Context, e *wamp.EventInfo) error {
		var who, n int
		if err := errors.Join(e.Arg(0, &who), e.Arg(1, &n)); err != nil {
			return err
		}
		if n != next[who] {
			t.Errorf("publisher %d: event %d, want %d", who, n, next[who])
		}
		next[who] = n + 1
		events.Add(1)
		select {
		case arrived <- struct{}{}:
		default:
		}
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	var working sync.WaitGroup
	var sent [publishers]int
	for who := range publishers {
		s := dial()
		working.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				if _, err := s.Publish(t.Context(), "com.example.news", wamp.Args{who, n}, wamp.Acknowledge()); err != nil {
					t.Errorf("publisher %d: %v", who, err)
					return
				}
				sent[who] = n + 1
				if r, err := wamp.Call[int](t.Context(), s, "com.example.double", wamp.Args{n}); err != nil || r != 2*n {
					t.Errorf("caller %d: result %d, error %v; want %d", who, r, err, 2*n)
					return
				}
			}
		})
	}
	for i := 1; i <= 100; i++ {
		write(i)
		reloaded()
	}
	cancel()
	working.Wait()
	total := int64(sent[0] + sent[1] + sent[2])
	if total < 100 {
		t.Errorf("there was hardly any load: %d events", total)
	}
	deadline := time.After(patience)
	for events.Load() < total {
		select {
		case <-deadline:
			t.Fatalf("%d events have come of %d", events.Load(), total)
		case <-arrived:
		}
	}
	for _, s := range []*wamp.Session{callee, subscriber} {
		if err := s.Close(t.Context()); err != nil {
			t.Errorf("a session has ended: %v", err)
		}
	}
}

// TestReloadLimits sends SIGHUP with a smaller limit of messages in the file: who
// is there keeps the one of before, on either transport, who comes has the new one.
func TestReloadLimits(t *testing.T) {
	file := filepath.Join(t.TempDir(), "wampeter.yaml")
	write := func(limit string) {
		text := "listeners: 127.0.0.1:0\nlimits: {max_message: " + limit + "}\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("1MiB")
	address, reload, stop := runRouter(t, file)
	defer stop()
	publish := func(s *wamp.Session) error {
		_, err := s.Publish(t.Context(), "com.example.large", wamp.Args{strings.Repeat("x", 100<<10)}, wamp.Acknowledge())
		return err
	}
	urls := []string{"tcp://" + address, "ws://" + address + "/ws", "http://" + address + "/lp"}
	dial := func(url string) *wamp.Session {
		s, err := (&wamp.Dialer{URLs: []string{url}}).Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	var before []*wamp.Session
	for _, url := range urls {
		before = append(before, dial(url))
	}
	write("4KiB")
	reload()
	for i, url := range urls {
		if err := publish(before[i]); err != nil {
			t.Errorf("%s, a session of before: %v", url, err)
		}
		_ = before[i].Close(t.Context())
		since := dial(url)
		if err := publish(since); err == nil {
			t.Errorf("%s, a new session: a message of 100 KiB is taken", url)
		}
		_ = since.Close(t.Context())
	}
}

var listening = regexp.MustCompile(`listening on (\S+) `)

// runRouter runs the real command with a configuration file. reload sends SIGHUP
// and waits until the file was read again.
func runRouter(t *testing.T, file string) (address string, reload, stop func()) {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "run", "--config", file)
	cmd.Args[0] = "wampeter" // by which TestMain knows what to be
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	m := listening.FindStringSubmatch(line)
	if m == nil {
		rest, _ := io.ReadAll(stderr)
		t.Fatalf("the router says %q, %v\n%s", line, err, rest)
	}
	done := make(chan string, 1000)
	var reading sync.WaitGroup
	reading.Go(func() {
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			if text := lines.Text(); strings.Contains(text, "configuration") {
				done <- text
			}
		}
	})
	return m[1], func() {
			t.Helper()
			if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
			select {
			case text := <-done:
				if !strings.Contains(text, "configuration read again") {
					t.Fatal(text)
				}
			case <-time.After(patience):
				t.Fatal("the router does not read its file again")
			}
		}, func() {
			_ = cmd.Process.Signal(os.Interrupt)
			reading.Wait()
			if err := cmd.Wait(); err != nil {
				t.Errorf("the router has ended with %v", err)
			}
		}
}
