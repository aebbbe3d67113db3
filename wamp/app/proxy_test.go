package app_test

import (
	"net"
	"sync"
	"testing"
)

// proxy passes TCP connections on to an address, as long as it is not told to
// do something else.
type proxy struct {
	ln   net.Listener
	to   string
	wait sync.WaitGroup

	mu    sync.Mutex
	gate  chan struct{} // closed while data passes
	pairs map[*pair]bool
}

// pair is a connection through the proxy.
type pair struct{ client, server net.Conn }

func newProxy(t testing.TB, to string) *proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	p := &proxy{ln: ln, to: to, gate: make(chan struct{}), pairs: make(map[*pair]bool)}
	close(p.gate)
	p.wait.Go(p.accept)
	t.Cleanup(func() {
		_ = ln.Close()
		p.resume()
		p.drop()
		p.wait.Wait()
	})
	return p
}

func (p *proxy) accept() {
	for {
		client, err := p.ln.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.to)
		if err != nil {
			_ = client.Close()
			continue
		}
		c := &pair{client, server}
		p.mu.Lock()
		p.pairs[c] = true
		p.mu.Unlock()
		p.wait.Go(func() { p.copy(c, server, client) })
		p.wait.Go(func() { p.copy(c, client, server) })
	}
}

// copy passes on what comes from one end, while the gate is open.
func (p *proxy) copy(c *pair, to, from net.Conn) {
	defer p.end(c)
	buf := make([]byte, 4<<10)
	for {
		n, err := from.Read(buf)
		p.mu.Lock()
		gate := p.gate
		p.mu.Unlock()
		<-gate
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *proxy) end(c *pair) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = c.client.Close()
	_ = c.server.Close()
	delete(p.pairs, c)
}

// drop cuts all connections.
func (p *proxy) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.pairs {
		_ = c.client.Close()
		_ = c.server.Close()
	}
}

// reset cuts them with a RST.
func (p *proxy) reset() {
	p.mu.Lock()
	for c := range p.pairs {
		_ = c.client.(*net.TCPConn).SetLinger(0)
	}
	p.mu.Unlock()
	p.drop()
}

// halfOpen cuts them at the router's end, which the client does not see.
func (p *proxy) halfOpen() {
	p.stall()
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.pairs {
		_ = c.server.Close()
	}
}

// stall holds everything back, and new connections too, until resume.
func (p *proxy) stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.gate:
		p.gate = make(chan struct{})
	default:
	}
}

func (p *proxy) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.gate:
	default:
		close(p.gate)
	}
}
