package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// address is where a router listens.
type address struct {
	network string // "tcp" or "unix"
	text    string // host:port, or the path of the socket; after listen, where it really is
}

// parseAddress reads host:port or unix:PATH.
func parseAddress(text string) (*address, error) {
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		if path = strings.TrimPrefix(path, "//"); path == "" {
			return nil, errors.New("want a path, as in unix:/run/wampeter.sock")
		}
		return &address{"unix", path}, nil
	}
	if strings.Contains(text, "://") {
		return nil, errors.New("want an address, not a URL, as in 127.0.0.1:8080; it serves WebSocket and RawSocket alike")
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return nil, errors.New("want host:port or unix:PATH, as in 127.0.0.1:8080, [::1]:8080 or unix:/run/wampeter.sock")
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return nil, fmt.Errorf("port %q is no number from 0, for any free one, to 65535", port)
	}
	return &address{"tcp", net.JoinHostPort(host, port)}, nil
}

// local reports whether only programs on this machine can connect.
func (a *address) local(ctx context.Context) bool {
	if a.network == "unix" {
		return true
	}
	host, _, _ := net.SplitHostPort(a.text)
	if host == "" {
		return false // every interface
	}
	ips, err := net.DefaultResolver.LookupIPAddr(ctx, host)
	for _, ip := range ips {
		if !ip.IP.IsLoopback() {
			return false
		}
	}
	return err == nil || host == "localhost" // what cannot be looked up cannot be listened on either
}

// String returns the address as it is given to --listen.
func (a *address) String() string {
	if a.network == "unix" {
		return "unix:" + a.text
	}
	return a.text
}

// url returns the URL by which a client on this machine reaches the address.
func (a *address) url() string {
	if a.network == "unix" {
		return "unix:" + a.text
	}
	host, port, _ := net.SplitHostPort(a.text)
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "ws://" + net.JoinHostPort(host, port) + "/ws"
}

// listen listens on the address.
func (a *address) listen(ctx context.Context) (net.Listener, error) {
	if a.network == "unix" {
		if err := removeStale(ctx, a.text); err != nil {
			return nil, fmt.Errorf("listening on %s: %w", a, err)
		}
	}
	var config net.ListenConfig
	ln, err := config.Listen(ctx, a.network, a.text)
	if err != nil {
		return nil, listenError(a, err)
	}
	if tcp, ok := ln.Addr().(*net.TCPAddr); ok {
		host, _, _ := net.SplitHostPort(a.text)
		if host == "" {
			host = tcp.IP.String()
		}
		a.text = net.JoinHostPort(host, strconv.Itoa(tcp.Port))
	}
	return ln, nil
}

// listenError says what can be done about err.
func listenError(a *address, err error) error {
	hint := ""
	switch {
	case errors.Is(err, errInUse):
		hint = "; another program listens there: stop it, or choose another port with --listen"
	case errors.Is(err, errNoSuchAddress):
		hint = "; this machine has no such address: 127.0.0.1 is for this machine alone, 0.0.0.0 for all its networks"
	case errors.Is(err, fs.ErrPermission) && a.network == "tcp":
		hint = "; ports below 1024 need a privilege: choose another one"
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		hint = "; the folder has to exist and to be writable"
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err // without the address, which is said already
	}
	return fmt.Errorf("listening on %s: %w%s", a, err, hint)
}

// removeStale removes the socket file at path that a router which could not
// clean up has left behind. It fails when somebody listens there, or when the
// file is something else.
func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return errors.New("there is a file of this name that is no socket: remove it, or choose another path")
	}
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		_ = conn.Close()
		return errors.New("another program listens there: stop it, or choose another path")
	case errors.Is(err, errRefused):
		return os.Remove(path)
	}
	return fmt.Errorf("there is a socket of this name, and it cannot be told whether somebody listens: %w", err)
}
