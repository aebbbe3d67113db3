package wamp_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamptest"
)

// After Sync all events that were published before have been handled, however
// slow the handler is; and no others are waited for.
func TestSync(t *testing.T) {
	rt := wamptest.NewRouter(t)
	s := rt.Dial(&wamp.Dialer{URLs: []string{rt.URL()}})
	publisher := rt.Session()
	var mu sync.Mutex
	var got []int
	release := make(chan struct{})
	sub, err := s.Subscribe(t.Context(), "com.topic", wamp.Event(func(_ context.Context, n int) error {
		<-release
		mu.Lock()
		defer mu.Unlock()
		got = append(got, n)
		return nil
	}), wamp.Queue(4))
	check(t, err)
	check(t, sub.Sync(t.Context())) // nothing waits
	for i := range 5 {              // one is handled, and the queue is full
		_, err := publisher.Publish(t.Context(), "com.topic", wamp.Args{i}, wamp.Acknowledge())
		check(t, err)
	}
	// While the handler is at work there is no getting in step; the mark takes no
	// place in the queue.
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := sub.Sync(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "sync com.topic") {
		t.Error(err)
	}
	synced := make(chan error, 3)
	for range 3 {
		go func() { synced <- sub.Sync(t.Context()) }()
	}
	close(release)
	for range 3 {
		check(t, <-synced)
	}
	mu.Lock()
	if !slices.Equal(got, []int{0, 1, 2, 3, 4}) {
		t.Error(got)
	}
	mu.Unlock()
	check(t, sub.Unsubscribe(t.Context()))
	check(t, sub.Sync(t.Context()))
	check(t, s.Close(t.Context()))
	if sub.Sync(t.Context()) == nil {
		t.Error("in step with a router that is not there")
	}
}

// A handler that waits for itself is told so.
func TestSyncItself(t *testing.T) {
	rt := wamptest.NewRouter(t)
	s := rt.Session()
	itself := make(chan error, 1)
	_, err := s.Subscribe(t.Context(), "com.topic", wamp.EventFunc(func(ctx context.Context, e *wamp.EventInfo) error {
		itself <- e.Subscription.Sync(ctx)
		return nil
	}))
	check(t, err)
	_, err = rt.Session().Publish(t.Context(), "com.topic")
	check(t, err)
	if err := <-itself; err == nil || !strings.Contains(err.Error(), "itself") {
		t.Error(err)
	}
}

type baseKey struct{}

// Contexts of handlers have the values of Dialer.BaseContext, and do not end
// with it. A session tells how it is connected.
func TestBaseContextAndTransport(t *testing.T) {
	rt := wamptest.NewRouter(t)
	base, cancel := context.WithCancel(context.WithValue(t.Context(), baseKey{}, "value"))
	cancel()
	d := &wamp.Dialer{
		URLs: []string{rt.URL()}, Serializers: []wamp.Serializer{wamp.MessagePack},
		BaseContext: func() context.Context { return base },
	}
	s := rt.Dial(d)
	register(t, s, "com.value", wamp.Func0(func(ctx context.Context) (string, error) {
		return ctx.Value(baseKey{}).(string), ctx.Err()
	}))
	want(t, call[string](t, s, "com.value"), "value")
	tr := s.Transport()
	want(t, []string{tr.Name, tr.Network, tr.Peer, tr.Subprotocol}, []string{"websocket", "tcp", rt.Address(), "wamp.2.msgpack"})
	if tr.TLS != nil || tr.Local == "" {
		t.Error(tr)
	}
	want(t, rt.Session().Transport().Name, "pipe")
}
