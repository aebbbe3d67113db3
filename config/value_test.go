package config

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSize(t *testing.T) {
	for text, want := range map[string]Size{
		"0": 0, "512": 512, "64KiB": 64 << 10, "16 MiB": 16 << 20, "1.5MB": 1_500_000, "2G": 2 << 30, "7B": 7, "1k": 1024,
	} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
			t.Errorf("%q is %d, error %v; want %d", text, s, err, want)
		}
	}
	for _, text := range []string{"", "x", "MiB", "-1", "1e30", "NaN", "5 bytes", "99999999TiB"} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %d, want an error", text, s)
		}
	}
	for s, want := range map[Size]string{0: "0", 1000: "1000", 16 << 20: "16MiB", 1 << 30: "1GiB", 1<<20 + 1: "1048577"} {
		if got := s.String(); got != want {
			t.Errorf("%d is written %q, want %q", int64(s), got, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for text, want := range map[string]string{"5s": "5s", "0": "0s", "90s": "1m30s", "2m": "2m", "120m": "2h", "1h0m5s": "1h0m5s", "250ms": "250ms"} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || d.String() != want {
			t.Errorf("%q is %v, error %v; want %s", text, d, err, want)
		}
	}
	for text, want := range map[string]string{"10": "10s or 10ms", "": "5s", "5 s": "5s", "soon": "5s"} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is %v, error %v; want %q in it", text, d, err, want)
		}
	}
}

func TestNetwork(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.0/8": "10.0.0.0/8", "10.1.2.3": "10.1.2.3", "::1": "::1", "2001:db8::/32": "2001:db8::/32", "unix": "unix", "::ffff:10.1.2.3": "10.1.2.3",
	} {
		var n Network
		if err := n.UnmarshalText([]byte(text)); err != nil || n.String() != want {
			t.Errorf("%q is %v, error %v; want %s", text, n, err, want)
		}
	}
	for text, want := range map[string]string{"10.1.2.3/8": "write 10.0.0.0/8", "": "want a network", "10.0.0.0/33": "want a network", "example.com": "want a network"} {
		var n Network
		if err := n.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is %v, error %v; want %q in it", text, n, err, want)
		}
	}
}

func TestAddress(t *testing.T) {
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
		a, err := ParseAddress(test.text)
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
		if a.String() != test.want || a.Local(t.Context()) != test.local || a.URL("/ws") != test.url {
			t.Errorf("%q is %s, local %t, URL %s; want %s, %t, %s", test.text, a, a.Local(t.Context()), a.URL("/ws"), test.want, test.local, test.url)
		}
	}
}

// TestSecret checks that no way to print a secret shows it.
func TestSecret(t *testing.T) {
	s := NewSecret("hunter2")
	for _, text := range []string{s.String(), scalarText(reflect.ValueOf(s))} {
		if strings.Contains(text, "hunter2") || text == "" {
			t.Errorf("the secret is shown as %q", text)
		}
	}
	if s.Value() != "hunter2" {
		t.Errorf("the secret is %q", s.Value())
	}
}

func TestListenUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	a := Address{"unix", path}
	s, err := listen(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := listen(t.Context(), a); err == nil || !strings.Contains(err.Error(), "another program listens") {
		t.Errorf("error %v, want that somebody listens", err)
	}
	s.ln.(*net.UnixListener).SetUnlinkOnClose(false)
	s.close()
	if _, err := os.Lstat(path); err != nil {
		t.Fatal(err) // the stale socket
	}
	s, err = listen(t.Context(), a)
	if err != nil {
		t.Fatalf("with a stale socket: %v", err)
	}
	s.close()
	if _, err := os.Lstat(path); err == nil {
		t.Error("the socket's file is still there")
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := listen(t.Context(), a); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("error %v, want that the file is no socket", err)
	}
	a.text = filepath.Join(path, "missing", "s")
	if _, err := listen(t.Context(), a); err == nil {
		t.Error("listening in a folder that does not exist succeeded")
	}
}

func TestListenInUse(t *testing.T) {
	first, err := listen(context.Background(), Address{"tcp", "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer first.close()
	if strings.HasSuffix(first.address.text, ":0") {
		t.Errorf("the address is still %s", first.address)
	}
	if _, err := listen(t.Context(), first.address); err == nil || !strings.Contains(err.Error(), "choose another port") {
		t.Errorf("error %v, want what to do", err)
	}
}
