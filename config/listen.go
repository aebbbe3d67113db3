package config

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/wampeter/wampeter/router"
)

// socket listens on one address for as long as the address is in the
// configuration, whatever else about its listener changes: each version of the
// listener is a tenant. Connections that come in between wait in the kernel.
type socket struct {
	address Address // where it really listens
	ln      deadlineListener
}

// deadlineListener is what listeners of TCP and Unix sockets are.
type deadlineListener interface {
	net.Listener
	SetDeadline(time.Time) error
}

// listen listens on an address.
func listen(ctx context.Context, a Address) (*socket, error) {
	if a.network == "unix" {
		if err := removeStale(ctx, a.text); err != nil {
			return nil, fmt.Errorf("listening on %s: %w", a, err)
		}
	}
	ln, err := listenConfig().Listen(ctx, a.network, a.text)
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
	return &socket{address: a, ln: ln.(deadlineListener)}, nil
}

// tenant is the net.Listener of one version of a listener.
type tenant struct {
	*socket
	left atomic.Bool
}

// tenant lets one in. The one before has left, and its Accept has returned.
func (s *socket) tenant() *tenant {
	_ = s.ln.SetDeadline(time.Time{}) // what is wrong with the socket, Accept says
	return &tenant{socket: s}
}

// Accept implements net.Listener.
func (t *tenant) Accept() (net.Conn, error) {
	nc, err := t.ln.Accept()
	if err != nil && t.left.Load() {
		err = net.ErrClosed
	}
	return nc, err
}

// Close implements net.Listener: it leaves the socket to others. A second time
// it does nothing, since somebody else may be the tenant then.
func (t *tenant) Close() error {
	if t.left.Swap(true) {
		return nil
	}
	return t.ln.SetDeadline(time.Unix(1, 0)) // which ends Accept
}

// Addr implements net.Listener.
func (t *tenant) Addr() net.Addr { return t.ln.Addr() }

// close stops listening.
func (s *socket) close() { _ = s.ln.Close() }

// endpoint returns the listener as the router takes it.
func (l *Listener) endpoint(files *tlsFiles) router.Endpoint {
	e := router.Endpoint{
		Path:           l.Path,
		LongPollPath:   l.LongPollPath,
		NoRawSocket:    l.Kind == "websocket",
		NoHTTP:         l.Kind == "rawsocket",
		Origins:        l.Origins,
		Compression:    l.Compression,
		MaxConnections: l.MaxConnections,
		ProxyProtocol:  peers(l.ProxyProtocol),
		Forwarders:     peers(l.Forwarders),
	}
	if files != nil {
		e.TLS, e.TLSOnly = files.listener(), l.TLS.Only
	}
	return e
}

// listenError says what can be done about err.
func listenError(a Address, err error) error {
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
