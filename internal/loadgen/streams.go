package loadgen

import (
	"context"
	"fmt"
	"time"

	"github.com/wampeter/wampeter/internal/msg"
)

// prepareProgress sets up a callee that answers each call by Config.Results
// progressive results and a final one, and callers that count them.
func (r *run) prepareProgress(ctx context.Context) error {
	r.progress = true
	procedure := r.uri("stream", 0)
	callee, err := r.openCallee(ctx, procedure)
	if err != nil {
		return err
	}
	callers, err := r.openAll(ctx, r.Clients, r.target, busyBuffer)
	if err != nil {
		return err
	}
	each, last := callee.dialect.progress(callee, r.args()), callee.dialect.yield(callee, r.args())
	r.addWorker("callee", false, func(*worker) error { return r.answerAtLength(callee, each, last) })
	for i, s := range callers {
		call := s.dialect.stream(s, procedure, r.args())
		r.addWorker(fmt.Sprintf("caller %d", i), false, func(w *worker) error { return r.takeResults(s, call, w) })
	}
	return nil
}

// progressBatch is how many results are written at once.
const progressBatch = 256

// answerAtLength yields many times to every invocation.
func (r *run) answerAtLength(s *session, each, last template) error {
	for {
		b, err := s.receive()
		if err != nil {
			return err
		}
		m, err := s.wire.scan(b)
		switch {
		case err != nil:
			return err
		case m.typ == msg.Error, endsSession(m.typ):
			return refusal(m.typ, b)
		case m.typ != msg.Invocation:
			continue
		}
		for n := range r.Results {
			s.append(s.wire, each, m.a)
			if n%progressBatch == progressBatch-1 {
				if err := s.flush(); err != nil {
					return err
				}
			}
		}
		s.append(s.wire, last, m.a)
		if err := s.flush(); err != nil {
			return err
		}
	}
}

// takeResults makes one call after the other and counts the results.
func (r *run) takeResults(s *session, call template, w *worker) error {
	for {
		s.request++
		s.append(s.wire, call, s.request)
		if err := s.flush(); err != nil {
			return err
		}
		for left := r.Results + 1; left > 0; {
			if err := s.fill(); err != nil {
				return err
			}
			done := 0
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
				case m.typ == msg.Result:
					done++
				case m.typ == msg.Error:
					r.refused.add(refusal(m.typ, b))
					left = 0
				case endsSession(m.typ):
					return refusal(m.typ, b)
				}
			}
			left -= done
			w.done.Add(int64(done))
		}
	}
}

// prepareFirehose sets up a caller that keeps Config.Window calls open, with a callee
// of its own, beside the paced caller.
func (r *run) prepareFirehose(ctx context.Context) error {
	if err := r.answerCalls(ctx, 0); err != nil {
		return err
	}
	callers, err := r.openAll(ctx, 1, r.target, busyBuffer)
	if err != nil {
		return err
	}
	c := r.newCaller(callers[0], r.uri("echo", 0))
	c.aside = true
	r.addWorker("firehose", false, c.work)
	return r.preparePaced(ctx, 1)
}

// prepareFlood sets up a publisher that keeps Config.Window events on their way to
// a subscriber, beside the paced caller.
func (r *run) prepareFlood(ctx context.Context) error {
	f := &flow{limit: int64(r.Window), receivers: 1, wake: make(chan struct{}, 1), quiet: r.quiet}
	subscribers, err := r.openAll(ctx, 1, r.peer, busyBuffer)
	if err != nil {
		return err
	}
	subscriber, topic := subscribers[0], r.uri("topic", 0)
	err = subscriber.within(ctx, func() error { return subscriber.dialect.subscribe(subscriber, topic) })
	if err != nil {
		return fmt.Errorf("subscribing to %s: %w", topic, err)
	}
	r.addWorker("subscriber", false, func(*worker) error {
		return eachEvents(subscriber, func(_, n uint64) { f.release(int64(n)) })
	})
	publishers, err := r.openAll(ctx, 1, r.target, idleBuffer)
	if err != nil {
		return err
	}
	publisher := publishers[0]
	event := publisher.dialect.publish(publisher, topic, r.args())
	r.addWorker("publisher", false, func(*worker) error { return r.publish(f, publisher, []template{event}) })
	r.addWorker("publisher", false, func(*worker) error { return discard(publisher) })
	return r.preparePaced(ctx, 0)
}

// preparePaced sets up a caller that calls procedure n Config.Rate times a second,
// which is what is measured, and its callee.
func (r *run) preparePaced(ctx context.Context, n int) error {
	if err := r.answerCalls(ctx, n); err != nil {
		return err
	}
	callers, err := r.openAll(ctx, 1, r.target, busyBuffer)
	if err != nil {
		return err
	}
	paced := callers[0]
	call := paced.dialect.call(paced, r.uri("echo", n), r.args())
	r.flow = &flow{epoch: time.Now(), quiet: r.quiet}
	r.addWorker("paced caller", false, func(*worker) error { return r.publishAt(paced, []template{call}) })
	r.addWorker("paced results", true, func(w *worker) error { return r.takePaced(paced, w) })
	return nil
}

// takePaced records how long after it was due each call was answered.
func (r *run) takePaced(s *session, w *worker) error {
	for {
		b, err := s.receive()
		if err != nil {
			return err
		}
		switch m, err := s.wire.scan(b); {
		case err != nil:
			return err
		case m.typ == msg.Error:
			r.refused.add(refusal(m.typ, b))
		case endsSession(m.typ):
			return refusal(m.typ, b)
		case m.typ == msg.Result && r.measuring.Load():
			w.record(time.Since(r.flow.due(m.a-1, r.Rate)))
			w.done.Add(1)
		}
	}
}
