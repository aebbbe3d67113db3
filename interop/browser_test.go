//go:build interop && unix

package interop

import (
	"bufio"
	"context"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wampeter/wampeter/internal/readme"
	"github.com/wampeter/wampeter/wamp"
)

// TestBrowser does what the README of examples/browser says, and opens its page
// in a browser without a screen. The page speaks WAMP by autobahn-js; what it
// shows is asked by WAMP as well, by the README's last commands.
func TestBrowser(t *testing.T) {
	const pageOpen = 2 // the terminal that needs it
	readme.Run(t, "../examples/browser/README.md", "..", func(terminal int, port string) {
		if terminal == pageOpen {
			openPage(t, port)
		}
	})
}

// openPage opens the page and waits until it has done what it does by itself.
func openPage(t *testing.T, port string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	s, err := (&wamp.Dialer{URLs: []string{"ws://localhost:" + port + "/ws"}}).Dial(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close(ctx) }()
	ready := make(chan struct{}, 1)
	_, err = s.Subscribe(ctx, "com.example.browser.page.ready", wamp.Event(func(context.Context, struct{}) error {
		ready <- struct{}{}
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	said := chromium(t, "http://localhost:"+port+"/")
	select {
	case <-ready:
	case <-ctx.Done():
		t.Fatalf("the page does not get ready; the browser says\n%s", said())
	}
}

// chromium opens a page, until the test is over, and returns what tells what the
// browser had to say.
func chromium(t *testing.T, url string) func() string {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("chromium is missing: install it (Debian: apt-get install chromium)")
	}
	cmd := exec.Command(path, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic",
		"--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking", "--disable-component-update",
		"--disable-sync", "--remote-debugging-port=0", "--enable-logging=stderr", "--user-data-dir="+t.TempDir(), url)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it has children
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan []string, 1)
	lines <- nil
	read := make(chan struct{})
	go func() {
		defer close(read)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			lines <- append(<-lines, scanner.Text())
		}
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-read
		_ = cmd.Wait()
	})
	return func() string {
		all := <-lines
		defer func() { lines <- all }()
		return strings.Join(all, "\n")
	}
}
