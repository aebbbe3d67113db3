package loadgen

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// prepareJoins prepares clients that connect, join, leave and disconnect over
// and over.
func (r *run) prepareJoins(setup context.Context) error {
	// The first one shows whether the router lets anybody in at all.
	s, err := r.open(setup, r.target, idleBuffer)
	if err != nil {
		return err
	}
	r.sessions = append(r.sessions, s)
	for i := range r.Clients {
		r.addWorker(fmt.Sprintf("client %d", i), true, r.joinAndLeave)
	}
	return nil
}

func (r *run) joinAndLeave(w *worker) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r.wg.Go(func() {
		select {
		case <-r.stopped:
			cancel()
		case <-ctx.Done():
		}
	})
	for {
		began := time.Now()
		s, err := r.open(ctx, r.target, idleBuffer)
		if err != nil {
			return err
		}
		joined := time.Since(began)
		err = s.within(ctx, func() error { return errors.Join(s.dialect.sayGoodbye(s), s.dialect.awaitGoodbye(s)) })
		s.Close()
		if err != nil {
			return fmt.Errorf("leaving: %w", err)
		}
		w.done.Add(1)
		if r.measuring.Load() {
			w.record(joined)
		}
	}
}

// hold opens idle sessions, keeps them for the configured duration, and
// reports what they cost.
func (r *run) hold(ctx context.Context, s Scenario) (*Report, error) {
	before, err := r.snapshot()
	if err != nil {
		return nil, err
	}
	setup, cancel := context.WithTimeoutCause(ctx, r.Timeout, fmt.Errorf("opening %d sessions took more than %v", r.Clients, r.Timeout))
	sessions, err := r.openAll(setup, r.Clients, r.target, idleBuffer)
	cancel()
	if err != nil {
		return nil, fmt.Errorf("%d of %d sessions opened: %w", len(r.sessions), r.Clients, err)
	}
	opened := time.Since(before.at)
	for i, each := range sessions {
		// A reader each, to answer pings and to notice the end.
		r.addWorker(fmt.Sprintf("session %d", i), false, func(*worker) error { return discard(each) })
	}
	r.start()
	if err := r.wait(ctx, r.Duration, 0); err != nil {
		return nil, err
	}
	after, err := r.snapshot()
	if err != nil {
		return nil, err
	}
	after.operations = int64(r.Clients)
	report := r.report(s, before, after)
	report.Seconds = opened.Seconds()
	report.PerSecond = float64(r.Clients) / report.Seconds
	if u := report.Router; u != nil {
		u.BytesPerSession = float64(u.PSS-u.PSSBefore) / float64(r.Clients)
	}
	return report, nil
}
