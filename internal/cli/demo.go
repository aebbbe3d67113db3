package cli

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// demo is the session behind run --demo, and what it does by itself.
type demo struct {
	session *wamp.Session
	cancel  context.CancelFunc
	ticking sync.WaitGroup
}

// The demonstration's pace.
const (
	demoTick  = time.Second
	demoDelay = 500 * time.Millisecond // of each step of demo.count
	demoSteps = 1000                   // at most
)

// startDemo opens a session in the realm, registers the procedures, and begins
// to publish.
func startDemo(ctx context.Context, rt *router.Router, realm string) (*demo, error) {
	s, err := rt.Session(ctx, realm)
	if err != nil {
		// The realm is not open to anybody; the demonstration is its own.
		if s, err = rt.Realm(realm).Local(); err != nil {
			return nil, fmt.Errorf("demo: %w", err)
		}
	}
	for name, h := range map[string]wamp.Handler{
		"demo.add2":  wamp.Func2(demoAdd),
		"demo.echo":  wamp.HandlerFunc(demoEcho),
		"demo.count": wamp.HandlerFunc(demoCount),
		"demo.fail":  wamp.HandlerFunc(demoFail),
		"demo.time":  wamp.Func0(demoTime),
	} {
		if _, err := s.Register(ctx, name, h); err != nil {
			return nil, fmt.Errorf("demo: %w", err)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	d := &demo{session: s, cancel: cancel}
	d.ticking.Go(func() { d.tick(ctx) })
	return d, nil
}

// stop ends what the demonstration does by itself. Its session ends with the
// router.
func (d *demo) stop() {
	d.cancel()
	d.ticking.Wait()
}

// tick publishes the time to demo.tick.
func (d *demo) tick(ctx context.Context) {
	ticker := time.NewTicker(demoTick)
	defer ticker.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			_, err := d.session.Publish(ctx, "demo.tick", wamp.Args{n}, wamp.KW{"time": now.UTC().Format(time.RFC3339)})
			if err != nil {
				return // the session has ended, and with it the router
			}
		}
	}
}

// demoText lists what there is to try, as commands.
func demoText(url, realm string) string {
	flags := clientFlagsFor(url, realm)
	text := "Demonstration; try:\n"
	for _, c := range []string{
		"call demo.add2 2 3",
		`call demo.echo hello '{"nested": [1, 2]}' name=joe`,
		"call demo.count 5 --progress",
		"call demo.fail 'no luck' code=7",
		"call demo.time --raw",
		"subscribe demo.tick --count 3",
	} {
		text += "  wampeter " + c + flags + "\n"
	}
	return text
}

// demoAdd adds numbers; integers stay integers.
func demoAdd(_ context.Context, a, b any) (any, error) {
	x, xInt := a.(int64)
	y, yInt := b.(int64)
	if sum := x + y; xInt && yInt && (sum > x) == (y > 0) {
		return sum, nil
	}
	fx, ok := number(a)
	fy, ok2 := number(b)
	if !ok || !ok2 {
		return nil, wamp.Errorf(wamp.ErrInvalidArgument, "demo.add2 adds two numbers")
	}
	return fx + fy, nil
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case uint64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// demoEcho returns its arguments.
func demoEcho(_ context.Context, inv *wamp.Invocation) (wamp.Result, error) {
	return wamp.Result{Payload: inv.Payload}, nil
}

// demoCount counts to its argument, slowly, with progressive results for those
// who want them.
func demoCount(ctx context.Context, inv *wamp.Invocation) (wamp.Result, error) {
	var none wamp.Result
	var n int
	if err := inv.Arg(0, &n); err != nil {
		return none, err
	}
	if n < 0 || n > demoSteps {
		return none, wamp.Errorf(wamp.ErrInvalidArgument, "demo.count counts from 0 to %d at most", demoSteps)
	}
	ticker := time.NewTicker(demoDelay)
	defer ticker.Stop()
	for i := range n {
		select {
		case <-ctx.Done():
			return none, context.Cause(ctx)
		case <-ticker.C:
		}
		if err := inv.Progress(wamp.Args{i + 1}); err != nil {
			return none, err
		}
	}
	return wamp.Return(wamp.Args{n}), nil
}

// demoFail fails with the arguments that it gets.
func demoFail(_ context.Context, inv *wamp.Invocation) (wamp.Result, error) {
	return wamp.Result{}, wamp.NewError("demo.error.failed", inv.Payload)
}

// demoTime returns the time.
func demoTime(context.Context) (string, error) { return time.Now().UTC().Format(time.RFC3339), nil }
