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
	callees, err := r.openAll(ctx, 1, r.peer, busyBuffer)
	if err != nil {
		return err
	}
	callee, procedure := callees[0], r.uri("stream", 0)
	err = callee.within(ctx, func() error { return callee.dialect.register(callee, procedure) })
	if err != nil {
		return fmt.Errorf("registering %s: %w", procedure, err)
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

// prepareFirehose sets up a caller that keeps Config.Window calls open, and one
// that makes Config.Rate calls a second and is the one that is measured. Each has
// a callee of its own.
func (r *run) prepareFirehose(ctx context.Context) error {
	callees, err := r.openAll(ctx, 2, r.peer, busyBuffer)
	if err != nil {
		return err
	}
	for i, s := range callees {
		procedure := r.uri("echo", i)
		if err := s.within(ctx, func() error { return s.dialect.register(s, procedure) }); err != nil {
			return fmt.Errorf("registering %s: %w", procedure, err)
		}
		yield := s.dialect.yield(s, r.args())
		r.addWorker(fmt.Sprintf("callee %d", i), false, func(*worker) error { return answer(s, yield) })
	}
	callers, err := r.openAll(ctx, 2, r.target, busyBuffer)
	if err != nil {
		return err
	}
	hose, paced := callers[0], callers[1]
	c := r.newCaller(hose, r.uri("echo", 0))
	c.aside = true
	r.addWorker("firehose", false, c.work)
	call := paced.dialect.call(paced, r.uri("echo", 1), r.args())
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
