package natsload

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

func appendInt(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }

func topic(i int) string { return fmt.Sprintf("bench.topic%d", i) }

// events sets up subscribers and publishers. Each message reaches receivers
// subscribers.
func (r *run) events(topicsOf func(subscriber int) []int, receivers int) error {
	r.flow = &flow{
		limit: int64(r.Window) * int64(receivers), receivers: int64(receivers),
		wake: make(chan struct{}, 1), ended: r.ended,
	}
	for i := range r.Clients {
		nc, err := r.connect()
		if err != nil {
			return err
		}
		for _, t := range topicsOf(i) {
			sub, err := nc.Subscribe(topic(t), func(*nats.Msg) {
				r.done.Add(1)
				r.flow.release()
			})
			if err != nil {
				return err
			}
			if err := sub.SetPendingLimits(-1, -1); err != nil {
				return err
			}
		}
		if err := nc.Flush(); err != nil {
			return err
		}
	}
	payload := r.payload()
	for i := range r.Publishers {
		nc, err := r.connect()
		if err != nil {
			return err
		}
		var topics []string
		for t := i; t < r.Topics; t += r.Publishers {
			topics = append(topics, topic(t))
		}
		rand.New(rand.NewPCG(1, uint64(i))).Shuffle(len(topics), func(a, b int) { topics[a], topics[b] = topics[b], topics[a] })
		r.wg.Go(func() {
			publish := r.publish
			if r.Rate > 0 {
				publish = r.publishAt
			}
			if err := publish(nc, topics, payload); err != nil {
				r.fail(err)
			}
		})
	}
	return nil
}

// publish publishes half a window whenever there is room for it.
func (r *run) publish(nc *nats.Conn, topics []string, payload []byte) error {
	batch := max(1, r.Window/2/r.Publishers)
	for i := 0; r.flow.acquire(int64(batch) * r.flow.receivers); {
		for range batch {
			if err := nc.Publish(topics[i], payload); err != nil {
				return err
			}
			if i++; i == len(topics) {
				i = 0
			}
		}
	}
	return nil
}

// publishAt publishes at the configured rate.
func (r *run) publishAt(nc *nats.Conn, topics []string, payload []byte) error {
	began := time.Now()
	due := func(n int) time.Time { return began.Add(time.Duration(float64(n) / r.Rate * float64(time.Second))) }
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := 0; ; {
		select {
		case <-timer.C:
		case <-r.ended:
			return nil
		}
		for ; !time.Now().Before(due(n)); n++ {
			if err := nc.Publish(topics[n%len(topics)], payload); err != nil {
				return err
			}
		}
		timer.Reset(time.Until(due(n)))
	}
}

// A flow holds publishers back to what the subscribers take, as that of
// `wampeter bench` does.
type flow struct {
	limit, receivers  int64
	outstanding, lost atomic.Int64
	wake              chan struct{}
	ended             <-chan struct{}
}

const lostAfter = 2 * time.Second

func (f *flow) acquire(n int64) bool {
	for {
		select {
		case <-f.ended:
			return false
		default:
		}
		before := f.outstanding.Load()
		switch {
		case before+n > max(f.limit, n):
		case f.outstanding.CompareAndSwap(before, before+n):
			f.signal()
			return true
		default:
			continue
		}
		timeout := time.NewTimer(lostAfter)
		select {
		case <-f.wake:
		case <-f.ended:
		case <-timeout.C:
			if f.outstanding.CompareAndSwap(before, 0) {
				f.lost.Add(before)
			}
		}
		timeout.Stop()
	}
}

// release says that one message has arrived.
func (f *flow) release() {
	f.outstanding.Add(-1)
	f.signal()
}

func (f *flow) signal() {
	if f.outstanding.Load() <= f.limit/2 {
		select {
		case f.wake <- struct{}{}:
		default:
		}
	}
}
