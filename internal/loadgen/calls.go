package loadgen

import (
	"context"
	"fmt"
	"time"

	"github.com/wampeter/wampeter/internal/msg"
)

// prepareCalls sets up one callee and Config.Clients callers.
func (r *run) prepareCalls(ctx context.Context) error {
	if err := r.answerCalls(ctx, 0); err != nil {
		return err
	}
	callers, err := r.openAll(ctx, r.Clients, r.target, busyBuffer)
	if err != nil {
		return err
	}
	for i, s := range callers {
		c := r.newCaller(s, r.uri("echo", 0))
		r.addWorker(fmt.Sprintf("caller %d", i), true, c.work)
	}
	return nil
}

// answerCalls sets up a callee of procedure n, which answers each call at once.
func (r *run) answerCalls(ctx context.Context, n int) error {
	s, err := r.openCallee(ctx, r.uri("echo", n))
	if err != nil {
		return err
	}
	yield := s.dialect.yield(s, r.args())
	r.addWorker(fmt.Sprintf("callee %d", n), false, func(*worker) error { return answer(s, yield) })
	return nil
}

// openCallee opens a session that has registered a procedure.
func (r *run) openCallee(ctx context.Context, procedure string) (*session, error) {
	callees, err := r.openAll(ctx, 1, r.peer, busyBuffer)
	if err != nil {
		return nil, err
	}
	s := callees[0]
	if err := s.within(ctx, func() error { return s.dialect.register(s, procedure) }); err != nil {
		return nil, fmt.Errorf("registering %s: %w", procedure, err)
	}
	return s, nil
}

// answer yields to every invocation until the session is cut off.
func answer(s *session, yield template) error {
	for {
		if err := s.fill(); err != nil {
			return err
		}
		for {
			b, ok, err := s.next()
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			switch m, err := s.wire.scan(b); {
			case err != nil:
				return err
			case m.typ == msg.Invocation:
				s.append(s.wire, yield, m.a)
			case m.typ == msg.Error, endsSession(m.typ):
				return refusal(m.typ, b)
			}
		}
		if err := s.flush(); err != nil {
			return err
		}
	}
}

// A caller keeps window calls open.
type caller struct {
	*run
	*session
	call   template
	window int
	aside  bool        // its calls are not those that are counted
	sent   []time.Time // by request ID, modulo its length
	mask   uint64
}

// newCaller makes s a caller of the procedure.
func (r *run) newCaller(s *session, procedure string) *caller {
	c := &caller{run: r, session: s, call: s.dialect.call(s, procedure, r.args()), window: r.Window}
	for c.mask = 1; c.mask < uint64(4*r.Window); c.mask *= 2 {
	}
	c.sent = make([]time.Time, c.mask)
	c.mask--
	return c
}

func (c *caller) work(w *worker) error {
	now := time.Now()
	for range c.window {
		c.send(now)
	}
	for {
		if err := c.flush(); err != nil {
			return err
		}
		if err := c.fill(); err != nil {
			return err
		}
		// One look at the clock per batch: the time that the generator needs
		// for the batch counts as part of the latency of the calls it sends.
		now = time.Now()
		measuring, done := c.measuring.Load() && !c.aside, int64(0)
		for {
			b, ok, err := c.next()
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			m, err := c.wire.scan(b)
			switch {
			case err != nil:
				return err
			case m.typ == msg.Result:
				done++
				if measuring {
					w.record(now.Sub(c.sent[m.a&c.mask]))
				}
			case m.typ == msg.Error:
				c.refused.add(refusal(m.typ, b))
			case endsSession(m.typ):
				return refusal(m.typ, b)
			default:
				continue
			}
			c.send(now)
		}
		if !c.aside {
			w.done.Add(done)
		}
	}
}

func (c *caller) send(now time.Time) {
	c.request++
	c.sent[c.request&c.mask] = now
	c.append(c.wire, c.call, c.request)
}
