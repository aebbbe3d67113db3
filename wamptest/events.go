package wamptest

import (
	"context"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/wampeter/wampeter/wamp"
)

// EventLog is the events that a session got on a topic, in order, each to be
// taken once. Its methods fail the test instead of returning errors.
type EventLog[E any] struct {
	t   testing.TB
	sub *wamp.Subscription

	mu      sync.Mutex
	list    []logged[E]
	arrived chan struct{} // capacity 1
}

type logged[E any] struct {
	value E
	info  *wamp.EventInfo
}

// Events subscribes s to a topic or pattern and keeps what comes, until the end
// of the session. E takes the arguments by the rules of [wamp.Event], and an
// event that does not fit fails the test.
//
//	news := wamptest.Events[string](t, s, "com.example.news")
//	publish(…)
//	news.Expect("one", "two")
//	news.None()
func Events[E any](t testing.TB, s *wamp.Session, topic string, opts ...wamp.SubscribeOption) *EventLog[E] {
	t.Helper()
	l := &EventLog[E]{t: t, arrived: make(chan struct{}, 1)}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var err error
	if l.sub, err = s.Subscribe(ctx, topic, handlerOf(l), opts...); err != nil {
		t.Fatal(err)
	}
	return l
}

// handlerOf returns what puts events into l.
func handlerOf[E any](l *EventLog[E]) wamp.EventHandler {
	typed := wamp.Event(func(ctx context.Context, e E) error {
		l.mu.Lock()
		l.list = append(l.list, logged[E]{e, wamp.EventFromContext(ctx)})
		l.mu.Unlock()
		select {
		case l.arrived <- struct{}{}:
		default:
		}
		return nil
	})
	return wamp.EventFunc(func(ctx context.Context, e *wamp.EventInfo) error {
		if err := typed.HandleEvent(ctx, e); err != nil {
			l.t.Errorf("event on %s: %v", e.Topic, err)
		}
		return nil
	})
}

// Next returns the next event, and waits for it when it is not there yet.
func (l *EventLog[E]) Next() E {
	l.t.Helper()
	e, _ := l.NextInfo()
	return e
}

// NextInfo returns the next event likewise, with all that is known of it: its
// concrete topic, who published it.
func (l *EventLog[E]) NextInfo() (E, *wamp.EventInfo) {
	l.t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		if e, ok := l.take(); ok {
			return e.value, e.info
		}
		select {
		case <-l.arrived:
		case <-l.sub.Done():
			if e, ok := l.take(); ok {
				return e.value, e.info
			}
			l.t.Fatalf("no event on %s: the subscription has ended", l.sub.Topic())
		case <-timeout.C:
			l.t.Fatalf("no event on %s within %v", l.sub.Topic(), patience)
		}
	}
}

func (l *EventLog[E]) take() (e logged[E], ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.list) == 0 {
		return e, false
	}
	e = l.list[0]
	l.list = l.list[1:]
	return e, true
}

// Expect takes as many events as there are in want, and fails the test unless
// they are these, in this order.
func (l *EventLog[E]) Expect(want ...E) {
	l.t.Helper()
	for i, w := range want {
		if got := l.Next(); !reflect.DeepEqual(got, w) {
			l.t.Fatalf("event %d on %s is %+v, want %+v", i, l.sub.Topic(), got, w)
		}
	}
}

// None fails the test if there is an event that was not taken. It need not wait
// for one that might still come: whatever the router has taken before None was
// called, acknowledged publications for example, is there when it decides.
func (l *EventLog[E]) None() {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := l.sub.Sync(ctx); err != nil {
		l.t.Fatal(err)
	}
	if e, ok := l.take(); ok {
		l.t.Fatalf("unexpected event on %s: %+v", l.sub.Topic(), e.value)
	}
}
