//go:build unix

package router_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// hundred returns 100 rules of all kinds, of which one allows com.bench.echo.
func hundred() []router.Rule {
	rules := []router.Rule{{URI: "com.bench.", Match: wamp.Prefix, Allow: router.AllActions}}
	for i := len(rules); i < 100; i++ {
		r := router.Rule{URI: fmt.Sprintf("com.app%d.get", i), Allow: router.ActCall}
		switch i % 4 {
		case 1:
			r.URI, r.Match = fmt.Sprintf("com.app%d.", i), wamp.Prefix
		case 2:
			r.URI, r.Match = fmt.Sprintf("com..obj%d.put", i), wamp.Wildcard
		case 3:
			r.Allow, r.Deny = 0, router.AllActions
		}
		rules = append(rules, r)
	}
	return rules
}

// What a call costs, sockets and clients included, without rules, with 100, with
// an Authorizer whose decisions hold, and with one that is asked each time.
func BenchmarkAuthorizedCall(b *testing.B) {
	yes := func(hold time.Duration) router.Authorizer {
		return router.AuthorizerFunc(func(context.Context, *router.Request) (router.Decision, error) {
			return router.Decision{Allow: true, TTL: hold}, nil
		})
	}
	for _, c := range []struct {
		name  string
		rules []router.Rule
	}{
		{"open", nil},
		{"100 rules", hundred()},
		{"held", []router.Rule{{URI: "", Match: wamp.Prefix, Allow: router.AllActions, Ask: yes(time.Hour)}}},
		{"asked", []router.Rule{{URI: "", Match: wamp.Prefix, Allow: router.AllActions, Ask: yes(0)}}},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkCalls(b, c.rules) })
	}
}

func benchmarkCalls(b *testing.B, rules []router.Rule) {
	rt := router.New(router.Config{Logger: slog.New(slog.DiscardHandler)})
	defer rt.Close()
	if rules != nil {
		if err := rt.Realm("realm1").Permit("anonymous", rules...); err != nil {
			b.Fatal(err)
		}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	served := make(chan struct{})
	go func() { _ = rt.Serve(ln); close(served) }()
	callee, caller := benchWire(b, ln), benchWire(b, ln)
	callee.send(`[64,1,{},"com.bench.echo"]`)
	callee.receive()
	go func() {
		for {
			m, err := callee.read()
			if err != nil {
				return
			}
			var id, reg uint64
			if _, err := fmt.Sscanf(string(m), "[68,%d,%d,", &id, &reg); err != nil {
				return
			}
			callee.buffer(fmt.Sprintf(`[70,%d,{},["a payload of some bytes"]]`, id))
			if callee.in.Buffered() == 0 {
				_ = callee.out.Flush()
			}
		}
	}()
	const ahead = 64
	sent := 0
	call := func() {
		sent++
		caller.buffer(fmt.Sprintf(`[48,%d,{},"com.bench.echo",["a payload of some bytes"]]`, sent))
	}
	for range ahead {
		call()
	}
	b.ReportAllocs()
	before := cpu()
	for b.Loop() {
		if caller.in.Buffered() == 0 {
			_ = caller.out.Flush()
		}
		caller.receive()
		call()
	}
	b.ReportMetric(float64(cpu()-before)/float64(b.N), "cpu-ns/op")
	_ = caller.nc.Close()
	_ = callee.nc.Close()
	_ = rt.Close()
	<-served
}

// benchClient is a client that is as cheap as can be.
type benchClient struct {
	b   *testing.B
	nc  net.Conn
	in  *bufio.Reader
	out *bufio.Writer
	buf []byte
}

func benchWire(b *testing.B, ln net.Listener) *benchClient {
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	c := &benchClient{b: b, nc: nc, in: bufio.NewReaderSize(nc, 64<<10), out: bufio.NewWriterSize(nc, 64<<10)}
	_, _ = nc.Write([]byte{0x7f, 0xf1, 0, 0})
	if _, err := io.ReadFull(c.in, make([]byte, 4)); err != nil {
		b.Fatal(err)
	}
	c.send(`[1,"realm1",{"roles":{"caller":{},"callee":{}}}]`)
	c.receive()
	return c
}

func (c *benchClient) buffer(text string) {
	var head [4]byte
	binary.BigEndian.PutUint32(head[:], uint32(len(text)))
	_, _ = c.out.Write(head[:])
	_, _ = c.out.WriteString(text)
}

func (c *benchClient) send(text string) {
	c.buffer(text)
	_ = c.out.Flush()
}

func (c *benchClient) read() ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint32(head[:]))
	if cap(c.buf) < n {
		c.buf = make([]byte, n)
	}
	_, err := io.ReadFull(c.in, c.buf[:n])
	return c.buf[:n], err
}

func (c *benchClient) receive() {
	if _, err := c.read(); err != nil {
		c.b.Fatal(err)
	}
}

// cpu returns the time that the process has used, in nanoseconds.
func cpu() int64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u.Utime.Nano() + u.Stime.Nano()
}
