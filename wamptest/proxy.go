package wamptest

import (
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy is a network between a client and a router that can be made to fail.
// It passes TCP connections on to an address:
//
//	rt := wamptest.NewRouter(t)
//	network := wamptest.NewProxy(t, rt.Address())
//	a.Start(t.Context(), &wamp.Dialer{URLs: []string{network.URL()}})
//	network.Cut() // and see that the program comes back
//
// Faults are injected for all connections at once. Its methods may be called
// concurrently.
type Proxy struct {
	ln   net.Listener
	work sync.WaitGroup

	mu     sync.Mutex
	to     string
	gate   chan struct{} // closed while data passes
	delay  time.Duration
	budget int64 // bytes that still pass; negative: no limit
	refuse bool
	tap    func(toRouter bool, data []byte)
	pairs  map[*pair]struct{}
	closed bool
}

// pair is a connection through a Proxy.
type pair struct {
	client, router net.Conn
	ended          chan struct{} // closed when either end is
	once           sync.Once
}

// NewProxy starts a Proxy in front of a host and port, such as [Router.Address].
// It is closed when the test is over.
func NewProxy(t testing.TB, to string) *Proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{ln: ln, to: to, gate: make(chan struct{}), budget: -1, pairs: make(map[*pair]struct{})}
	close(p.gate)
	p.work.Go(p.accept)
	t.Cleanup(func() {
		_ = ln.Close()
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		p.Cut()
		p.work.Wait()
	})
	return p
}

// Address returns the host and port to connect to.
func (p *Proxy) Address() string { return p.ln.Addr().String() }

// URL returns the URL for WebSocket, as [Router.URL] is without the Proxy.
func (p *Proxy) URL() string { return "ws://" + p.Address() + "/ws" }

// RawSocketURL returns the URL for RawSocket.
func (p *Proxy) RawSocketURL() string { return "rs://" + p.Address() }

// Forward has later connections passed on to another host and port, that of a
// router which has taken the first one's place for example.
func (p *Proxy) Forward(to string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.to = to
}

// Connections returns how many connections there are.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.pairs)
}

// Tap has f called with all that passes, in pieces of any size, in order for
// each direction of a connection. f must not keep data. nil: no longer.
func (p *Proxy) Tap(f func(toRouter bool, data []byte)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tap = f
}

// Cut ends all connections in the way of a peer that closes them.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.pairs {
		c.end()
	}
}

// Reset ends all connections in the way of a peer whose system has forgotten
// them: with a TCP RST.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.pairs {
		_ = c.client.(*net.TCPConn).SetLinger(0)
		_ = c.router.(*net.TCPConn).SetLinger(0)
		c.end()
	}
}

// HalfOpen ends all connections at the router's end alone: the client does not
// see that, and what it sends goes nowhere, as with a cable that is pulled.
// New connections wait until Resume.
func (p *Proxy) HalfOpen() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stall()
	for c := range p.pairs {
		_ = c.router.Close()
	}
}

// Stall holds everything back, in both directions and for new connections too,
// until Resume.
func (p *Proxy) Stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stall()
}

func (p *Proxy) stall() {
	select {
	case <-p.gate:
		p.gate = make(chan struct{})
	default:
	}
}

// Resume ends Stall, HalfOpen, Refuse, Delay and CutAfter: from now on everything
// passes. Connections that have been cut stay so.
func (p *Proxy) Resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse, p.delay, p.budget = false, 0, -1
	select {
	case <-p.gate:
	default:
		close(p.gate)
	}
}

// Refuse has new connections closed at once, until Resume. Those that are there
// stay.
func (p *Proxy) Refuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = true
}

// Delay has each piece of data wait for d before it passes on, in both
// directions; 0: no longer.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// CutAfter lets n more bytes pass, of all connections and both directions
// together, then cuts all connections, wherever in a message that may be, and
// those that come later as soon as they send anything, until Resume.
func (p *Proxy) CutAfter(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.budget = int64(n)
}

func (p *Proxy) accept() {
	for {
		client, err := p.ln.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		refuse, to := p.refuse, p.to
		p.mu.Unlock()
		if refuse {
			_ = client.Close()
			continue
		}
		router, err := net.Dial("tcp", to)
		if err != nil {
			_ = client.Close() // nobody is there
			continue
		}
		c := &pair{client: client, router: router, ended: make(chan struct{})}
		p.mu.Lock()
		p.pairs[c] = struct{}{}
		if p.closed {
			c.end()
		}
		p.mu.Unlock()
		p.work.Go(func() {
			var ways sync.WaitGroup
			ways.Go(func() { p.pass(c, true) })
			ways.Go(func() { p.pass(c, false) })
			ways.Wait()
			p.mu.Lock()
			delete(p.pairs, c)
			p.mu.Unlock()
		})
	}
}

// end closes both ends.
func (c *pair) end() {
	c.once.Do(func() {
		_ = c.client.Close()
		_ = c.router.Close()
		close(c.ended)
	})
}

// pass passes on what comes from one end, as the faults allow.
func (p *Proxy) pass(c *pair, toRouter bool) {
	from, to := c.router, c.client
	if toRouter {
		from, to = c.client, c.router
	}
	buf := make([]byte, 4<<10)
	for {
		n, err := from.Read(buf)
		if !p.hold(c) {
			return
		}
		data, last := p.admit(buf[:n])
		if len(data) > 0 {
			if tap := p.tapped(); tap != nil {
				tap(toRouter, data)
			}
			if _, err := to.Write(data); err != nil {
				c.end()
				return
			}
		}
		if last {
			p.Cut()
			return
		}
		if err != nil {
			c.end()
			return
		}
	}
}

// hold waits while nothing is to pass; false when the connection ended first.
func (p *Proxy) hold(c *pair) bool {
	p.mu.Lock()
	gate, delay := p.gate, p.delay
	p.mu.Unlock()
	if delay > 0 {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-c.ended:
			return false
		}
	}
	select {
	case <-gate:
		return true
	case <-c.ended:
		return false
	}
}

// admit returns what of data may pass, and whether nothing may after it.
func (p *Proxy) admit(data []byte) ([]byte, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.budget < 0 {
		return data, false
	}
	if p.budget < int64(len(data)) {
		data = data[:p.budget]
	}
	p.budget -= int64(len(data))
	return data, p.budget == 0
}

func (p *Proxy) tapped() func(bool, []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tap
}
