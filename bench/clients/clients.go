// Package clients measures what a typed call costs its caller's and its callee's
// process: with Wampeter's client library, and with nats.go and its package micro.
//
// Both do the same: a structure of two numbers goes out, their sum comes back,
// from many goroutines of the caller at the same time. NATS leaves the payload to
// its users, who take JSON; Wampeter's serializer is that of the wire.
package clients

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/wampeter/wampeter/wamp"

	"github.com/wampeter/wampeter/bench/natsload"
)

// Config says what to run.
type Config struct {
	Library          string // "wamp" or "nats"
	URL              string
	Serializer       string // of wamp
	Callers          int    // goroutines that call
	Warmup, Duration time.Duration
	CalleePID        int
}

type numbers struct {
	X int `json:"x"`
	Y int `json:"y"`
}

const procedure = "com.example.bench.add"

func (c *Config) dial(ctx context.Context) (*wamp.Session, error) {
	d := &wamp.Dialer{URLs: []string{c.URL}, Realm: "realm1", Serializers: []wamp.Serializer{wamp.Serializer(c.Serializer)}}
	return d.Dial(ctx)
}

// Serve is the callee's process. It ends with ctx.
func Serve(ctx context.Context, c Config) error {
	if c.Library == "nats" {
		nc, err := nats.Connect(c.URL)
		if err != nil {
			return err
		}
		defer nc.Close()
		service, err := micro.AddService(nc, micro.Config{Name: "bench", Version: "1.0.0"})
		if err != nil {
			return err
		}
		defer func() { _ = service.Stop() }()
		err = service.AddEndpoint("add", micro.HandlerFunc(func(r micro.Request) {
			var in numbers
			if err := json.Unmarshal(r.Data(), &in); err != nil {
				_ = r.Error("400", err.Error(), nil)
				return
			}
			_ = r.RespondJSON(in.X + in.Y)
		}), micro.WithEndpointSubject(procedure))
		if err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	}
	s, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close(context.WithoutCancel(ctx)) }()
	add := wamp.Func2(func(_ context.Context, x, y int) (int, error) { return x + y, nil })
	if _, err := s.Register(ctx, procedure, add); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// Run is the caller's process. The report's Router is the callee's process.
func Run(ctx context.Context, c Config) (*natsload.Report, error) {
	call, closed, err := c.caller(ctx)
	if err != nil {
		return nil, err
	}
	defer closed()
	// The callee may not be there yet.
	for began := time.Now(); ; {
		if err = call(ctx); err == nil {
			break
		}
		if time.Since(began) > 10*time.Second {
			return nil, fmt.Errorf("first call: %w", err)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	var (
		done    atomic.Int64
		ended   atomic.Bool
		running sync.WaitGroup
		failure = make(chan error, c.Callers)
	)
	for range c.Callers {
		running.Go(func() {
			for !ended.Load() {
				if err := call(ctx); err != nil {
					failure <- err
					return
				}
				done.Add(1)
			}
		})
	}
	report, err := natsload.Measure(ctx, c.CalleePID, c.Warmup, c.Duration, &done)
	ended.Store(true)
	running.Wait()
	select {
	case failed := <-failure:
		err = errors.Join(err, failed)
	default:
	}
	return report, err
}

// caller returns what makes one call.
func (c *Config) caller(ctx context.Context) (call func(context.Context) error, closed func(), err error) {
	in := numbers{1000, 337}
	check := func(sum int) error {
		if sum != in.X+in.Y {
			return fmt.Errorf("the sum is %d", sum)
		}
		return nil
	}
	if c.Library == "nats" {
		nc, err := nats.Connect(c.URL)
		if err != nil {
			return nil, nil, err
		}
		return func(ctx context.Context) error {
			data, err := json.Marshal(in)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
			defer cancel()
			m, err := nc.RequestWithContext(ctx, procedure, data)
			if err != nil {
				return err
			}
			var sum int
			if err := json.Unmarshal(m.Data, &sum); err != nil {
				return err
			}
			return check(sum)
		}, nc.Close, nil
	}
	s, err := c.dial(ctx)
	if err != nil {
		return nil, nil, err
	}
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		sum, err := wamp.Call[int](ctx, s, procedure, wamp.Args{in.X, in.Y})
		if err != nil {
			return err
		}
		return check(sum)
	}, func() { _ = s.Close(context.WithoutCancel(ctx)) }, nil
}
