package loadgen

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/wampeter/wampeter/internal/msg"
)

// A Step is what operations cost at one size of the router. Costs are CPU time of
// the router's process in microseconds; without a process, time that has passed.
type Step struct {
	Sessions  int     `json:"sessions"`
	Items     int     `json:"items"`        // subscriptions, and as many registrations
	Join      float64 `json:"join_us"`      // on the way from the step before
	Subscribe float64 `json:"subscribe_us"` // the same
	Register  float64 `json:"register_us"`
	Publish   float64 `json:"publish_us"` // an event for one of the subscriptions
	Call      float64 `json:"call_us"`    // of one of the procedures
	Leave     float64 `json:"leave_us"`   // of this step's sessions, for each of their subscriptions
	PSS       int64   `json:"pss"`

	more int // items that came with this step
}

// firstStep is the smallest size, and stepFactor what follows grows by.
const (
	firstStep  = 10
	stepFactor = 10
)

// scaleOperations is how many calls and events are measured at each size.
const scaleOperations = 4000

// holder is how many subscriptions and registrations one session has once there
// are as many sessions as there are to be.
const holder = 1000

// scale grows a router by steps: sessions with a subscription and a registration
// each, up to Config.Clients of them, and from then on sessions with many, up to
// Config.Topics subscriptions. Then they leave.
func (r *run) scale(ctx context.Context, s Scenario) (*Report, error) {
	if r.target.relay || r.peer.relay {
		return nil, errors.New("the relay knows neither sessions nor subscriptions")
	}
	g := &growth{run: r, got: make(chan struct{}, 1)}
	began, err := r.snapshot()
	if err != nil {
		return nil, err
	}
	var steps []Step
	for size := firstStep; ; size *= stepFactor {
		size = min(size, max(r.Topics, r.Clients))
		if g.items < r.Clients {
			size = min(size, r.Clients)
		}
		step, err := g.grow(ctx, size)
		if err != nil {
			return nil, fmt.Errorf("at %d sessions with %d subscriptions: %w", len(r.sessions), g.items, err)
		}
		steps = append(steps, *step)
		if size >= max(r.Topics, r.Clients) {
			break
		}
	}
	for i := len(steps) - 1; i >= 0; i-- {
		if err := g.shrink(ctx, &steps[i]); err != nil {
			return nil, err
		}
	}
	after, err := r.snapshot()
	if err != nil {
		return nil, err
	}
	after.operations = int64(steps[len(steps)-1].Sessions)
	report := r.report(s, began, after)
	report.Steps = steps
	return report, nil
}

// A growth is the state of scale.
type growth struct {
	*run
	items  int
	groups [][]*session // those of each step
	caller *session     // publishes too
	got    chan struct{}
}

// cost measures what f costs per operation.
func (g *growth) cost(n int, f func() error) (float64, error) {
	var before, after usage
	if err := g.meter.readCPU(&before); err != nil {
		return 0, err
	}
	began := time.Now()
	if err := f(); err != nil {
		return 0, err
	}
	elapsed := time.Since(began)
	if err := g.meter.readCPU(&after); err != nil {
		return 0, err
	}
	if g.PID != 0 {
		elapsed = after.cpu - before.cpu
	}
	return micros(elapsed) / float64(max(n, 1)), nil
}

// grow makes the router as large as size, and measures.
func (g *growth) grow(ctx context.Context, size int) (step *Step, err error) {
	if g.caller == nil {
		first, err := g.openAll(ctx, 1, g.target, busyBuffer)
		if err != nil {
			return nil, err
		}
		g.caller = first[0]
	}
	step = &Step{Items: size}
	sessions := size - g.items
	if size > g.Clients {
		sessions = (size - g.items + holder - 1) / holder
	}
	var group []*session
	if step.Join, err = g.cost(sessions, func() (err error) {
		group, err = g.openAll(ctx, sessions, g.peer, idleBuffer)
		return err
	}); err != nil {
		return nil, err
	}
	g.groups = append(g.groups, group)
	for _, each := range g.groups {
		step.Sessions += len(each)
	}
	first, more := g.items, size-g.items
	step.more = more
	g.items = size
	ask := func(request func(s *session, uri string) template, kind string, want msg.Type) (float64, error) {
		return g.cost(more, func() error { return g.askAll(ctx, group, first, request, kind, want) })
	}
	if step.Subscribe, err = ask(func(s *session, uri string) template {
		return s.wire.template(msg.Subscribe, dict{}, uri)
	}, "topic", msg.Subscribed); err != nil {
		return nil, err
	}
	if step.Register, err = ask(func(s *session, uri string) template {
		return s.wire.template(msg.Register, dict{}, uri)
	}, "echo", msg.Registered); err != nil {
		return nil, err
	}
	for _, s := range group {
		yield := s.dialect.yield(s, g.args())
		g.wg.Go(func() { g.serve(s, yield) })
	}
	if step.Publish, err = g.cost(scaleOperations, func() error { return g.publishSome(ctx) }); err != nil {
		return nil, err
	}
	if step.Call, err = g.cost(scaleOperations, func() error { return g.callSome(ctx) }); err != nil {
		return nil, err
	}
	var u usage
	if err := g.meter.readMemory(&u); err != nil {
		return nil, err
	}
	step.PSS = u.pss
	return step, nil
}

// askAll has the sessions of a group subscribe or register, dealt out evenly.
func (g *growth) askAll(ctx context.Context, group []*session, first int, request func(*session, string) template, kind string, want msg.Type) error {
	end := g.items
	for i, s := range group {
		from, to := first+(end-first)*i/len(group), first+(end-first)*(i+1)/len(group)
		err := s.within(ctx, func() error {
			for n := from; n < to; {
				asked := s.request
				for ; n < to && s.request < asked+100; n++ {
					s.request++
					s.append(s.wire, request(s, g.uri(kind, n)), s.request)
				}
				for id := asked + 1; id <= s.request; id++ {
					if err := s.await(want, id); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// serve answers invocations and counts events, until the session is over.
func (g *growth) serve(s *session, yield template) {
	for {
		b, err := s.receive()
		if err != nil {
			return
		}
		m, err := s.wire.scan(b)
		switch {
		case err != nil || endsSession(m.typ):
			g.fail(errors.Join(err, refusal(m.typ, b)))
			return
		case m.typ == msg.Event:
			g.got <- struct{}{}
		case m.typ == msg.Invocation:
			s.append(s.wire, yield, m.a)
			if s.flush() != nil {
				return
			}
		}
	}
}

// scaleBatch is how many events or calls are under way.
const scaleBatch = 32

func (g *growth) publishSome(ctx context.Context) error {
	s := g.caller
	for done := 0; done < scaleOperations; done += scaleBatch {
		for range scaleBatch {
			s.request++
			s.append(s.wire, s.dialect.publish(s, g.uri("topic", rand.IntN(g.items)), g.args()), s.request)
		}
		if err := s.flush(); err != nil {
			return err
		}
		for range scaleBatch {
			select {
			case <-g.got:
			case <-g.failed:
				return g.failure
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
	return nil
}

func (g *growth) callSome(ctx context.Context) error {
	s := g.caller
	return s.within(ctx, func() error {
		for done := 0; done < scaleOperations; done += scaleBatch {
			for range scaleBatch {
				s.request++
				s.append(s.wire, s.dialect.call(s, g.uri("echo", rand.IntN(g.items)), g.args()), s.request)
			}
			if err := s.flush(); err != nil {
				return err
			}
			for left := scaleBatch; left > 0; {
				b, err := s.receive()
				if err != nil {
					return err
				}
				switch m, err := s.wire.scan(b); {
				case err != nil:
					return err
				case m.typ == msg.Result:
					left--
				case m.typ == msg.Error, endsSession(m.typ):
					return refusal(m.typ, b)
				}
			}
		}
		return nil
	})
}

// shrink ends the sessions of the last step without a word, and waits until the
// router has noticed.
func (g *growth) shrink(ctx context.Context, step *Step) (err error) {
	group := g.groups[len(g.groups)-1]
	g.groups = g.groups[:len(g.groups)-1]
	step.Leave, err = g.cost(step.more, func() error {
		for _, s := range group {
			s.Close()
		}
		return sleep(ctx, scaleSettle+time.Duration(len(group))*scaleSettleEach)
	})
	if g.PID == 0 {
		step.Leave = 0 // the time that passes is ours
	}
	return err
}

// How long a router may take to notice that sessions have ended.
const (
	scaleSettle     = 300 * time.Millisecond
	scaleSettleEach = 200 * time.Microsecond
)

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
