package cli

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestByteSize(t *testing.T) {
	for text, want := range map[string]byteSize{
		"0": 0, "512": 512, "64KiB": 64 << 10, "16 MiB": 16 << 20, "1.5MB": 1_500_000, "2G": 2 << 30, "7B": 7, "1k": 1024,
	} {
		var b byteSize
		if err := b.Set(text); err != nil || b != want {
			t.Errorf("%q is %d, error %v; want %d", text, b, err, want)
		}
	}
	for _, text := range []string{"", "x", "MiB", "-1", "1e30", "NaN", "5 bytes", "99999999TiB"} {
		var b byteSize
		if err := b.Set(text); err == nil {
			t.Errorf("%q is %d, want an error", text, b)
		}
	}
	for b, want := range map[byteSize]string{0: "0", 1000: "1000", 16 << 20: "16MiB", 1 << 30: "1GiB", 1<<20 + 1: "1048577"} {
		if got := b.String(); got != want {
			t.Errorf("%d is written %q, want %q", int64(b), got, want)
		}
	}
}

func TestParseAddress(t *testing.T) {
	for _, test := range []struct {
		text  string
		want  string // as printed; "" for an error
		local bool
		url   string
	}{
		{"127.0.0.1:8080", "127.0.0.1:8080", true, "ws://127.0.0.1:8080/ws"},
		{"[::1]:0", "[::1]:0", true, "ws://[::1]:0/ws"},
		{"localhost:80", "localhost:80", true, "ws://localhost:80/ws"},
		{":8080", ":8080", false, "ws://:8080/ws"},
		{"0.0.0.0:8080", "0.0.0.0:8080", false, "ws://127.0.0.1:8080/ws"},
		{"[::]:8080", "[::]:8080", false, "ws://127.0.0.1:8080/ws"},
		{"192.0.2.1:8080", "192.0.2.1:8080", false, "ws://192.0.2.1:8080/ws"},
		{"unix:/run/x.sock", "unix:/run/x.sock", true, "unix:/run/x.sock"},
		{"unix:///run/x.sock", "unix:/run/x.sock", true, "unix:/run/x.sock"},
		{text: "8080"}, {text: "localhost"}, {text: "127.0.0.1:http"}, {text: "127.0.0.1:99999"}, {text: "127.0.0.1:-1"},
		{text: "ws://127.0.0.1:8080/ws"}, {text: "unix:"}, {text: ""},
	} {
		a, err := parseAddress(test.text)
		if test.want == "" {
			if err == nil {
				t.Errorf("%q is %v, want an error", test.text, a)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", test.text, err)
			continue
		}
		if a.String() != test.want || a.local(t.Context()) != test.local || a.url() != test.url {
			t.Errorf("%q is %s, local %t, URL %s; want %s, %t, %s", test.text, a, a.local(t.Context()), a.url(), test.want, test.local, test.url)
		}
	}
}

func TestValidateRun(t *testing.T) {
	if _, err := newRunConfig().validate(t.Context()); err != nil {
		t.Errorf("the defaults are wrong: %v", err)
	}
	c := newRunConfig()
	c.listen = []string{"nonsense", "0.0.0.0:1"}
	c.realms = []string{"a", "a", "b c", ""}
	c.origins = []string{"["}
	c.maxMessage, c.maxQueue, c.maxMemory, c.maxConnections = 1, 1, 1, -1
	c.keepAlive, c.pongTimeout = -1, 0
	c.tlsCert = "x"
	c.log = logConfig{"x", "y"}
	_, err := c.validate(t.Context())
	if exitCode(err) == exitOK || !errors.As(err, new(*usageError)) {
		t.Fatalf("error %v, want a usage error", err)
	}
	for _, want := range []string{
		"--listen nonsense", "--allow-open", "--realm a: given twice", `--realm "b c"`, `--realm ""`, "--origin [",
		"--max-message 1:", "--max-queue 1:", "--max-memory 1:", "--max-connections -1",
		"--keepalive -1ns", "--pong-timeout 0s", "--tls-cert and --tls-key", "--log-level x", "--log-format y",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing is said about %s:\n%v", want, err)
		}
	}
	c = newRunConfig()
	c.listen, c.allowOpen = []string{"0.0.0.0:1"}, true
	if _, err := c.validate(t.Context()); err != nil {
		t.Errorf("with --allow-open: %v", err)
	}
}

func TestListenUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	a := &address{"unix", path}
	ln, err := a.listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.listen(t.Context()); err == nil || !strings.Contains(err.Error(), "another program listens") {
		t.Errorf("error %v, want that somebody listens", err)
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	ln.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Fatal(err) // the stale socket
	}
	ln, err = a.listen(t.Context())
	if err != nil {
		t.Fatalf("with a stale socket: %v", err)
	}
	ln.Close()
	if _, err := os.Lstat(path); err == nil {
		t.Error("the socket's file is still there")
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := a.listen(t.Context()); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("error %v, want that the file is no socket", err)
	}
	a.text = filepath.Join(path, "missing", "s")
	if _, err := a.listen(t.Context()); err == nil {
		t.Error("listening in a folder that does not exist succeeded")
	}
}

func TestListenInUse(t *testing.T) {
	first := &address{"tcp", "127.0.0.1:0"}
	ln, err := first.listen(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if strings.HasSuffix(first.text, ":0") {
		t.Errorf("the address is still %s", first)
	}
	if _, err := first.listen(t.Context()); err == nil || !strings.Contains(err.Error(), "choose another port") {
		t.Errorf("error %v, want what to do", err)
	}
}
