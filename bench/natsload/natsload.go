// Package natsload measures a nats-server in the way that `wampeter bench`
// measures a WAMP router: the same scenarios, in NATS's own protocol, through
// its own client nats.go. A call is a request whose reply goes to an inbox of
// the caller's, an event is a published message.
package natsload

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Serve runs a nats-server on host and port until ctx ends. It logs nothing and
// keeps its defaults, except that messages of 1 MiB and a few octets may pass.
func Serve(ctx context.Context, host string, port int) error {
	s, err := server.NewServer(&server.Options{
		Host: host, Port: port, NoLog: true, NoSigs: true, MaxPayload: 8 << 20,
	})
	if err != nil {
		return err
	}
	s.Start()
	<-ctx.Done()
	s.Shutdown()
	s.WaitForShutdown()
	return nil
}

// Version is that of the nats-server that Serve runs.
const Version = server.VERSION

// Config says what to run. The fields mean what the flags of `wampeter bench`
// of the same names mean; nothing has a default.
type Config struct {
	URL, Scenario                                string
	Clients, Window, Publishers, Topics, Payload int
	Rate                                         float64
	Results                                      int
	Warmup, Duration                             time.Duration
	PID                                          int
}

// Report is the part of `wampeter bench`'s report that is compared.
type Report struct {
	Operations      int64   `json:"operations"`
	Seconds         float64 `json:"seconds"`
	Lost            int64   `json:"lost"`
	Router          *Usage  `json:"router"`
	GeneratorMicros float64 `json:"generator_cpu_us"`
}

// Usage is what the server's process used.
type Usage struct {
	CPUMicros       float64 `json:"cpu_us"`
	BytesPerSession float64 `json:"bytes_per_session"`
}

// run is one execution of a scenario.
type run struct {
	Config
	done  atomic.Int64
	flow  *flow
	ended chan struct{}
	wg    sync.WaitGroup

	mu      sync.Mutex
	failure error
	conns   []*nats.Conn
}

// Run executes the scenario.
func Run(ctx context.Context, c Config) (*Report, error) {
	r := &run{Config: c, ended: make(chan struct{})}
	defer func() {
		close(r.ended)
		for _, nc := range r.conns {
			nc.Close()
		}
		r.wg.Wait()
	}()
	var err error
	switch c.Scenario {
	case "call", "callers", "pipeline", "large":
		err = r.calls()
	case "progress":
		err = r.streams()
	case "fanout", "paced":
		r.Topics = 1
		err = r.events(func(int) []int { return []int{0} }, c.Clients)
	case "topics":
		err = r.events(func(subscriber int) (topics []int) {
			for t := subscriber; t < c.Topics; t += c.Clients {
				topics = append(topics, t)
			}
			return topics
		}, 1)
	case "join":
		r.joins()
	case "idle":
		return r.idle(ctx)
	default:
		err = fmt.Errorf("unknown scenario %q", c.Scenario)
	}
	if err != nil {
		return nil, err
	}
	return r.measure(ctx)
}

func (r *run) measure(ctx context.Context) (*Report, error) {
	rep, err := Measure(ctx, r.PID, r.Warmup, r.Duration, &r.done)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	err = r.failure
	r.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if r.flow != nil {
		rep.Lost = r.flow.lost.Load()
	}
	return rep, nil
}

// Measure reports what this process and another one use for each of the operations
// that are done in the meantime.
func Measure(ctx context.Context, pid int, warmup, duration time.Duration, done *atomic.Int64) (*Report, error) {
	if err := sleep(ctx, warmup); err != nil {
		return nil, err
	}
	began, first := time.Now(), done.Load()
	before, err := readUsage(pid)
	if err != nil {
		return nil, err
	}
	if err := sleep(ctx, duration); err != nil {
		return nil, err
	}
	elapsed, n := time.Since(began), done.Load()-first
	after, err := readUsage(pid)
	if err != nil {
		return nil, err
	}
	return &Report{
		Operations: n, Seconds: elapsed.Seconds(),
		Router:          &Usage{CPUMicros: perOperation(after.cpu-before.cpu, n)},
		GeneratorMicros: perOperation(after.own-before.own, n),
	}, nil
}

func perOperation(d time.Duration, n int64) float64 {
	return float64(d) / float64(time.Microsecond) / float64(max(n, 1))
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// connect opens a connection that lasts until the run ends.
func (r *run) connect() (*nats.Conn, error) {
	nc, err := nats.Connect(r.URL, nats.NoReconnect(), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { r.fail(err) }))
	if err == nil {
		r.conns = append(r.conns, nc)
	}
	return nc, err
}

func (r *run) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failure == nil {
		r.failure = err
	}
}

func (r *run) payload() []byte { return []byte(strings.Repeat("a", max(r.Payload, 0))) }

// calls sets up a responder, and callers that keep Window requests open.
func (r *run) calls() error {
	callee, err := r.connect()
	if err != nil {
		return err
	}
	payload := r.payload()
	_, err = callee.Subscribe("bench.echo", func(m *nats.Msg) {
		if err := m.Respond(payload); err != nil {
			r.fail(err)
		}
	})
	if err == nil {
		err = callee.Flush()
	}
	for range r.Clients {
		if err != nil {
			return err
		}
		err = r.caller(payload)
	}
	return err
}

func (r *run) caller(payload []byte) error {
	nc, err := r.connect()
	if err != nil {
		return err
	}
	inbox := nc.NewInbox()
	// A number per request, as a caller needs to tell the replies apart.
	var request atomic.Int64
	send := func() {
		n := request.Add(1)
		if err := nc.PublishRequest("bench.echo", replySubject(inbox, n), payload); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
			r.fail(err)
		}
	}
	sub, err := nc.Subscribe(inbox+".*", func(*nats.Msg) {
		r.done.Add(1)
		send()
	})
	if err != nil {
		return err
	}
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return err
	}
	if err := nc.Flush(); err != nil {
		return err
	}
	for range r.Window {
		send()
	}
	return nil
}

func replySubject(inbox string, n int64) string {
	var b [64]byte
	s := append(append(b[:0], inbox...), '.')
	return string(appendInt(s, n))
}
