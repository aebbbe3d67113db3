package config

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/wampeter/wampeter/router"
)

// socket listens on one address for as long as the address is in the
// configuration, whatever else about its listener changes: each version of the
// listener is a tenant, and connections that come in between wait.
type socket struct {
	address Address // where it really listens
	ln      net.Listener
	conns   chan net.Conn
	ended   chan struct{} // closed when accepting has failed for good
	err     error         // why; set before ended is closed
	running sync.WaitGroup
	done    chan struct{}
	once    sync.Once
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
	s := &socket{address: a, ln: ln, conns: make(chan net.Conn), ended: make(chan struct{}), done: make(chan struct{})}
	s.running.Go(s.accept)
	return s, nil
}

// accept hands connections to the tenant.
func (s *socket) accept() {
	defer close(s.ended)
	var wait time.Duration
	for {
		nc, err := s.ln.Accept()
		if err != nil {
			var temporary interface{ Temporary() bool }
			if !errors.As(err, &temporary) || !temporary.Temporary() {
				s.err = err
				return
			}
			// Most likely there are no file descriptors left.
			wait = min(max(2*wait, 5*time.Millisecond), time.Second)
			select {
			case <-time.After(wait):
			case <-s.done:
			}
			continue
		}
		wait = 0
		select {
		case s.conns <- nc:
		case <-s.done:
			_ = nc.Close()
		}
	}
}

// close stops listening.
func (s *socket) close() {
	s.once.Do(func() {
		close(s.done)
		_ = s.ln.Close()
	})
	s.running.Wait()
}

// tenant is the net.Listener of one version of a listener.
type tenant struct {
	*socket
	left chan struct{}
	once sync.Once
}

func (s *socket) tenant() *tenant { return &tenant{socket: s, left: make(chan struct{})} }

// Accept implements net.Listener.
func (t *tenant) Accept() (net.Conn, error) {
	select {
	case <-t.left: // before a connection that the next tenant may have
		return nil, net.ErrClosed
	default:
	}
	select {
	case nc := <-t.conns:
		return nc, nil
	case <-t.left:
		return nil, net.ErrClosed
	case <-t.ended:
		return nil, t.err
	}
}

// Close implements net.Listener: it leaves the socket to others.
func (t *tenant) Close() error {
	t.once.Do(func() { close(t.left) })
	return nil
}

// Addr implements net.Listener.
func (t *tenant) Addr() net.Addr { return t.ln.Addr() }

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
