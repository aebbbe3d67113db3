package loadgen

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A run is one execution of a scenario: what it opened, the workers that make
// its load, and what they counted.
type run struct {
	Config
	target, peer *target // of callers and publishers, of callees and subscribers
	relay        relayDialect
	progress     bool // sessions announce progressive results
	meter        *meter

	sessions []*session // closed by stop
	workers  []*worker
	flow     *flow // of events; nil otherwise

	wg        sync.WaitGroup
	measuring atomic.Bool
	quiet     chan struct{} // closed: publish no more
	hushOnce  sync.Once
	stopped   chan struct{} // closed: the workers' errors don't matter any more
	failed    chan struct{} // closed: failure is set
	failOnce  sync.Once
	failure   error
	refused   refusals
}

// A worker is a goroutine that makes load or takes it.
type worker struct {
	name string
	// work returns when the session that it uses is cut off, or before with the
	// reason, or with nil when there is no more to do.
	work func(*worker) error

	done    atomic.Int64 // operations
	latency *hdrhistogram.Histogram
	_       [64]byte // keeps the counters of two workers apart
}

// addWorker prepares a worker. timed ones record latencies.
func (r *run) addWorker(name string, timed bool, work func(*worker) error) {
	w := &worker{name: name, work: work}
	if timed {
		w.latency = newHistogram()
	}
	r.workers = append(r.workers, w)
}

// newHistogram holds latencies from a microsecond to a minute within 1 %.
func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(int64(time.Microsecond), int64(time.Minute), 2)
}

func (w *worker) record(d time.Duration) {
	// Beyond a minute there is only "a minute or more".
	_ = w.latency.RecordValue(min(int64(d), int64(time.Minute)))
}

// start sets all workers to work.
func (r *run) start() {
	for _, w := range r.workers {
		r.wg.Go(func() {
			err := w.work(w)
			select {
			case <-r.stopped:
			default:
				if err != nil {
					r.fail(fmt.Errorf("%s: %w", w.name, err))
				}
			}
		})
	}
}

// fail ends the run with err, unless it has failed before.
func (r *run) fail(err error) {
	r.failOnce.Do(func() {
		r.failure = err
		close(r.failed)
	})
}

// stop ends all workers and closes all sessions. Further calls do nothing.
func (r *run) stop() {
	select {
	case <-r.stopped:
		return
	default:
	}
	close(r.stopped)
	r.hush()
	for _, s := range r.sessions {
		s.cutOff()
	}
	r.wg.Wait()
	// Some routers take it badly when a peer is gone while they write to it. So
	// everybody says good-bye and then reads on up to the answer.
	end := time.Now().Add(goodbyeTime)
	for _, s := range r.sessions {
		s.out = s.out[:0]
		s.cut = s.cut || s.SetDeadline(end) != nil || s.dialect.sayGoodbye(s) != nil
	}
	for _, s := range r.sessions {
		if !s.cut {
			_ = s.dialect.awaitGoodbye(s) // it is closed in any case
		}
		s.Close()
	}
}

// goodbyeTime is how long stop waits for answers to its good-byes.
const goodbyeTime = 2 * time.Second

// hush ends publishing. Further calls do nothing.
func (r *run) hush() { r.hushOnce.Do(func() { close(r.quiet) }) }

// wait returns after d, or once count operations (0: no limit) were done since
// it was called. It fails when ctx ends or the run does.
func (r *run) wait(ctx context.Context, d time.Duration, count int64) error {
	end := time.NewTimer(d)
	defer end.Stop()
	var poll <-chan time.Time
	if count > 0 {
		t := time.NewTicker(2 * time.Millisecond)
		defer t.Stop()
		poll = t.C
	}
	start := r.operations()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-r.failed:
			return r.failure
		case <-end.C:
			return nil
		case <-poll:
			if r.operations()-start >= count {
				return nil
			}
		}
	}
}

// operations is what all workers have done so far.
func (r *run) operations() int64 {
	var n int64
	for _, w := range r.workers {
		n += w.done.Load()
	}
	return n
}

// refusals counts operations that were answered by ERROR and keeps the first.
type refusals struct {
	mu    sync.Mutex
	count int64
	first string
}

func (f *refusals) add(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.count++; f.first == "" {
		f.first = err.Error()
	}
}

// uri names one of the generator's procedures or topics.
func (r *run) uri(kind string, i int) string {
	return fmt.Sprintf("%s.%s%d", r.Prefix, kind, i)
}

// args is the payload of every message: one text, bytes, or records.
func (r *run) args() []any {
	if r.Payload == NoPayload {
		return nil
	}
	b := make([]byte, r.Payload)
	for i := range b {
		b[i] = 'a' + byte(i%26)
	}
	switch r.Kind {
	case "binary":
		return []any{b}
	case "records":
		return records(r.Payload)
	}
	return []any{string(b)}
}

// records makes dictionaries as applications send them, of some size octets in
// JSON.
func records(size int) []any {
	var list []any
	for i := 0; size > 0; i++ {
		record := dict{
			{"id", 100_000 + i}, {"name", fmt.Sprintf("customer %d", i)}, {"active", i%3 != 0},
			{"address", dict{{"street", "Hauptstraße 1"}, {"city", "Wien"}, {"zip", 1010 + i%200}}},
			{"tags", []any{"new", "a \"special\" one", "x"}}, {"balance", i * 37},
		}
		list = append(list, record)
		size -= len(jsonWire{}.appendValue(nil, record)) + 1
	}
	return []any{list}
}
