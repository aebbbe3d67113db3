package loadgen

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/wampeter/wampeter/internal/msg"
)

// prepareFanout sets up one topic that all subscribers subscribe to.
func (r *run) prepareFanout(ctx context.Context) error {
	r.Topics = 1
	return r.prepareEvents(ctx, func(int) []int { return []int{0} }, r.Clients)
}

// prepareTopics deals out the topics to the subscribers, so that each event
// goes to one of them.
func (r *run) prepareTopics(ctx context.Context) error {
	if r.Topics < r.Clients || r.Topics < r.Publishers {
		return fmt.Errorf("%d topics are too few for %d subscribers and %d publishers", r.Topics, r.Clients, r.Publishers)
	}
	return r.prepareEvents(ctx, func(subscriber int) (topics []int) {
		for t := subscriber; t < r.Topics; t += r.Clients {
			topics = append(topics, t)
		}
		return topics
	}, 1)
}

// prepareEvents sets up subscribers and publishers. Each publication reaches
// receivers sessions.
func (r *run) prepareEvents(ctx context.Context, topicsOf func(subscriber int) []int, receivers int) error {
	if r.Rate > 0 && r.Publishers != 1 {
		return fmt.Errorf("a rate needs a single publisher, not %d", r.Publishers)
	}
	r.flow = &flow{
		limit: int64(r.Window) * int64(receivers), receivers: int64(receivers),
		wake: make(chan struct{}, 1), quiet: r.quiet, epoch: time.Now(),
	}
	subscribers, err := r.openAll(ctx, r.Clients, r.peer, busyBuffer/4)
	if err != nil {
		return err
	}
	if err := r.installForeign(ctx); err != nil {
		return err
	}
	for i, s := range subscribers {
		for _, t := range topicsOf(i) {
			topic := r.uri("topic", t)
			err := s.within(ctx, func() error { return s.dialect.subscribe(s, topic) })
			if err != nil {
				return fmt.Errorf("subscribing to %s: %w", topic, err)
			}
		}
		r.addWorker(fmt.Sprintf("subscriber %d", i), r.Rate > 0, func(w *worker) error { return r.takeEvents(s, w) })
	}
	publishers, err := r.openAll(ctx, r.Publishers, r.target, idleBuffer)
	if err != nil {
		return err
	}
	for i, s := range publishers {
		var events []template
		for t := i; t < r.Topics; t += r.Publishers {
			events = append(events, s.dialect.publish(s, r.uri("topic", t), r.args()))
		}
		// Neighbouring topics belong to neighbouring subscribers: shuffled, always
		// in the same way, they hit a subscriber as often as chance has it.
		rand.New(rand.NewPCG(1, uint64(i))).Shuffle(len(events), func(a, b int) { events[a], events[b] = events[b], events[a] })
		r.addWorker(fmt.Sprintf("publisher %d", i), false, func(*worker) error {
			if r.Rate > 0 {
				return r.publishAt(s, events)
			}
			return r.publish(r.flow, s, events)
		})
		r.addWorker(fmt.Sprintf("publisher %d", i), false, func(*worker) error { return discard(s) })
	}
	return nil
}

// foreignEach is how many patterns one session subscribes to. Routers bound that.
const foreignEach = 50_000

// installForeign has sessions of their own subscribe to Config.Patterns patterns
// that begin as the topics do and match none of them.
func (r *run) installForeign(ctx context.Context) error {
	for first := 0; first < r.Patterns; first += foreignEach {
		sessions, err := r.openAll(ctx, 1, r.peer, busyBuffer)
		if err != nil {
			return err
		}
		s := sessions[0]
		n := min(foreignEach, r.Patterns-first)
		err = s.within(ctx, func() error { return s.dialect.subscribeForeign(s, r.Prefix, first, n) })
		if err != nil {
			return fmt.Errorf("subscribing to %d patterns: %w", n, err)
		}
		r.addWorker("holder of patterns", false, func(*worker) error { return discard(s) })
	}
	return nil
}

// takeEvents counts a subscriber's events until the session is cut off.
func (r *run) takeEvents(s *session, w *worker) error {
	return eachEvents(s, func(first, n uint64) {
		if w.latency != nil && r.measuring.Load() {
			now := time.Now()
			for i := first; i < first+n; i++ {
				w.record(now.Sub(r.flow.due(i, r.Rate)))
			}
		}
		w.done.Add(int64(n))
		r.flow.release(int64(n))
	})
}

// eachEvents tells got of the events that come, in batches of which the first one
// has the number first, until the session is cut off.
func eachEvents(s *session, got func(first, n uint64)) error {
	for first, total := uint64(0), uint64(0); ; first = total {
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
			case m.typ == msg.Event:
				total++
			case m.typ == msg.Error, endsSession(m.typ):
				return refusal(m.typ, b)
			}
		}
		got(first, total-first)
	}
}

// publish publishes as fast as the subscribers take the events: half a window
// in one write whenever there is room for it.
func (r *run) publish(f *flow, s *session, events []template) error {
	batch := max(1, r.Window/2/r.Publishers)
	for i := 0; ; {
		if !f.acquire(int64(batch) * f.receivers) {
			return nil
		}
		for range batch {
			s.request++
			s.append(s.wire, events[i], s.request)
			if i++; i == len(events) {
				i = 0
			}
		}
		if err := s.flush(); err != nil {
			return err
		}
	}
}

// publishAt publishes at the configured rate, whatever the subscribers do.
// What is late is published at once, together.
func (r *run) publishAt(s *session, events []template) error {
	r.flow.began.Store(int64(time.Since(r.flow.epoch)))
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := uint64(0); ; {
		select {
		case <-timer.C:
		case <-r.quiet:
			return nil
		}
		for ; !time.Now().Before(r.flow.due(n, r.Rate)); n++ {
			s.request++
			s.append(s.wire, events[n%uint64(len(events))], s.request)
			r.flow.outstanding.Add(r.flow.receivers)
		}
		if err := s.flush(); err != nil {
			return err
		}
		timer.Reset(time.Until(r.flow.due(n, r.Rate)))
	}
}

// discard reads what a publisher gets: nothing but the end of its session.
func discard(s *session) error {
	for {
		b, err := s.receive()
		if err != nil {
			return err
		}
		if m, err := s.wire.scan(b); err != nil || m.typ == msg.Error || endsSession(m.typ) {
			return refusal(m.typ, b)
		}
	}
}

// A flow holds publishers back to what the subscribers take.
type flow struct {
	limit       int64 // deliveries that may be outstanding
	receivers   int64 // deliveries of each publication
	outstanding atomic.Int64
	lost        atomic.Int64
	wake        chan struct{}
	quiet       <-chan struct{}
	epoch       time.Time
	began       atomic.Int64 // when publishing at a rate began, in nanoseconds after epoch
}

// lostAfter is how long nothing arrives before what is outstanding counts as
// lost.
const lostAfter = 2 * time.Second

// acquire waits until n more deliveries may be outstanding, and adds them. It
// returns false when no more should be published.
func (f *flow) acquire(n int64) bool {
	for {
		select {
		case <-f.quiet:
			return false
		default:
		}
		before := f.outstanding.Load()
		switch {
		case before+n > max(f.limit, n):
		case f.outstanding.CompareAndSwap(before, before+n):
			f.signal() // for another publisher, if there is room
			return true
		default:
			continue
		}
		timeout := time.NewTimer(lostAfter)
		select {
		case <-f.wake:
		case <-f.quiet:
		case <-timeout.C:
			if f.outstanding.CompareAndSwap(before, 0) {
				f.lost.Add(before)
			}
		}
		timeout.Stop()
	}
}

// release says that n deliveries have arrived.
func (f *flow) release(n int64) {
	if n > 0 {
		f.outstanding.Add(-n)
		f.signal()
	}
}

// signal wakes a publisher when half the limit is free.
func (f *flow) signal() {
	if f.outstanding.Load() <= f.limit/2 {
		select {
		case f.wake <- struct{}{}:
		default:
		}
	}
}

// drain waits for what is outstanding after publishing has ended; what doesn't
// come within lostAfter of the event before it is lost.
func (f *flow) drain(ctx context.Context) {
	timer := time.NewTimer(lostAfter)
	defer timer.Stop()
	for {
		before := f.outstanding.Load()
		if before <= 0 {
			return
		}
		timer.Reset(lostAfter)
		select {
		case <-f.wake:
		case <-ctx.Done():
			return
		case <-timer.C:
			if f.outstanding.Load() == before {
				f.lost.Add(before)
				return
			}
		}
	}
}

// due is when the nth publication at the given rate should be made. Latency
// counts from there, so that a publisher held up does not hide delays.
func (f *flow) due(n uint64, rate float64) time.Time {
	return f.epoch.Add(time.Duration(f.began.Load() + int64(float64(n)/rate*float64(time.Second))))
}
