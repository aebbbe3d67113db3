package natsload

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// joins sets up clients that connect and disconnect over and over. Connecting
// includes the greeting and a PING that the server answers.
func (r *run) joins() {
	for range r.Clients {
		r.wg.Go(func() {
			for {
				select {
				case <-r.ended:
					return
				default:
				}
				nc, err := nats.Connect(r.URL, nats.NoReconnect())
				if err != nil {
					r.fail(err)
					return
				}
				nc.Close()
				r.done.Add(1)
			}
		})
	}
}

// openers is how many connections are opened at the same time.
const openers = 32

// idle opens connections that do nothing, and measures the memory they take.
// They are plain sockets: ten thousand clients of nats.go have buffers of a
// gigabyte.
func (r *run) idle(ctx context.Context) (*Report, error) {
	before, err := readUsage(r.PID)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	conns := make([]net.Conn, r.Clients)
	errs := make([]error, openers)
	var opening sync.WaitGroup
	for o := range openers {
		opening.Go(func() {
			for i := o; i < len(conns) && errs[o] == nil; i += openers {
				conns[i], errs[o] = dialIdle(ctx, r.URL)
			}
		})
	}
	opening.Wait()
	elapsed := time.Since(began)
	defer func() {
		for _, c := range conns {
			if c != nil {
				c.Close()
			}
		}
	}()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	for _, c := range conns {
		r.wg.Go(func() { answerPings(c) })
	}
	if err := sleep(ctx, r.Duration); err != nil {
		return nil, err
	}
	after, err := readUsage(r.PID)
	if err != nil {
		return nil, err
	}
	return &Report{
		Operations: int64(r.Clients), Seconds: elapsed.Seconds(),
		Router: &Usage{
			CPUMicros:       perOperation(after.cpu-before.cpu, int64(r.Clients)),
			BytesPerSession: float64(after.pss-before.pss) / float64(r.Clients),
		},
		GeneratorMicros: perOperation(after.own-before.own, int64(r.Clients)),
	}, nil
}

// dialIdle greets the server as any client does.
func dialIdle(ctx context.Context, raw string) (net.Conn, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, err
	}
	c, err := new(net.Dialer).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, err
	}
	br := bufio.NewReaderSize(c, 2048)
	if _, err = br.ReadString('\n'); err == nil { // INFO
		_, err = fmt.Fprint(c, "CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"go\",\"protocol\":1}\r\nPING\r\n")
	}
	for err == nil {
		var line string
		if line, err = br.ReadString('\n'); strings.HasPrefix(line, "PONG") {
			return c, nil
		}
	}
	c.Close()
	return nil, fmt.Errorf("greeting nats-server: %w", err)
}

// answerPings reads until the connection is closed. Nothing but PING comes.
func answerPings(c net.Conn) {
	var b [64]byte
	for {
		n, err := c.Read(b[:])
		if err != nil {
			return
		}
		if strings.HasPrefix(string(b[:n]), "PING") {
			if _, err := c.Write([]byte("PONG\r\n")); err != nil {
				return
			}
		}
	}
}
