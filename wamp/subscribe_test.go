package wamp

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func (sc *script) subscribe(s *Session, want, answer, topic string, h EventHandler, opts ...SubscribeOption) *Subscription {
	sc.t.Helper()
	wait := async(sc.t, func() (*Subscription, error) { return s.Subscribe(sc.t.Context(), topic, h, opts...) })
	sc.expect(want)
	sc.send(answer)
	sub, err := wait()
	if err != nil {
		sc.t.Fatal(err)
	}
	return sub
}

// collect returns a handler that passes events on.
func collect[E any]() (EventHandler, chan E) {
	ch := make(chan E, 100)
	return Event(func(_ context.Context, e E) error {
		ch <- e
		return nil
	}), ch
}

func TestSubscribe(t *testing.T) {
	sc := newScript(t)
	d := sc.dialer()
	reported := make(chan *HandlerError, 10)
	d.OnError = func(_ context.Context, err *HandlerError) { reported <- err }
	s := sc.join(d)
	type concert struct {
		Path  string `uri:"path"`
		Title string `wamp:"0,required"`
		Date  string `wamp:"1"`
	}
	h, concerts := collect[concert]()
	sub := sc.subscribe(s, `[32, 1, {"match": "prefix"}, "us."]`, `[33, 1, 21]`, "us.{path...}", h)
	if sub.ID() != 21 || sub.Topic() != "us.{path...}" {
		t.Error(sub.ID(), sub.Topic())
	}
	sc.send(`[36, 21, 1, {"topic": "us.montana.billings"}, ["Boss", "2026-11-21"]]`)
	if diff := cmp.Diff(concert{"montana.billings", "Boss", "2026-11-21"}, <-concerts); diff != "" {
		t.Error(diff)
	}
	sc.send(`[36, 21, 2, {"topic": "us.x"}]`)
	wantText(t, <-reported, "event handler of us.x", "argument 0 is missing")

	raw := make(chan *EventInfo, 1)
	sc.subscribe(s, `[32, 2, {"get_retained": true}, "com.raw"]`, `[33, 2, 22]`, "com.raw",
		EventFunc(func(ctx context.Context, e *EventInfo) error {
			if EventFromContext(ctx) != e || FromContext(ctx) != nil {
				t.Error("the context does not know the event")
			}
			raw <- e
			return errors.New("odd")
		}), GetRetained())
	sc.send(`[36, 22, 5, {"publisher": 9, "publisher_authid": "joe", "publisher_authrole": "user", "retained": true, "trustlevel": 3}, [], {"a": 1}]`)
	e := <-raw
	if e.Topic != "com.raw" || e.Publication != 5 || e.Publisher != 9 || e.PublisherAuthID != "joe" ||
		e.PublisherAuthRole != "user" || !e.Retained || e.TrustLevel != 3 || e.Session != s {
		t.Errorf("%+v", e)
	}
	wantText(t, <-reported, "odd")
	sc.send(`[36, 99, 5, {}]`) // of a subscription that is gone
}

// The event is in the same segment as SUBSCRIBED.
func TestEventRightAfterSubscribed(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	for i := range 50 {
		h, events := collect[int]()
		wait := async(t, func() (*Subscription, error) { return s.Subscribe(t.Context(), "com.x", h) })
		sc.expect(fmt.Sprintf(`[32, %d, {}, "com.x"]`, i+1))
		both := [2]string{fmt.Sprintf(`[33, %d, %d]`, i+1, i+1), fmt.Sprintf(`[36, %d, 1, {}, [%d]]`, i+1, i)}
		sc.sendTogether(both[:]...)
		if n := <-events; n != i {
			t.Fatal(n)
		}
		must[*Subscription](t)(wait())
	}
}

func TestEventsInOrder(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	const n = 500
	h, events := collect[int]()
	sc.subscribe(s, `[32, 1, {}, "com.x"]`, `[33, 1, 21]`, "com.x", h)
	go func() {
		for i := range n {
			sc.send(fmt.Sprintf(`[36, 21, 1, {}, [%d]]`, i))
		}
	}()
	for i := range n {
		if got := <-events; got != i {
			t.Fatalf("got %d, want %d", got, i)
		}
	}
}

func TestSeveralHandlers(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	h1, events1 := collect[int]()
	h2, events2 := collect[int]()
	sub1 := sc.subscribe(s, `[32, 1, {}, "com.x"]`, `[33, 1, 21]`, "com.x", h1)
	sub2 := sc.subscribe(s, `[32, 2, {}, "com.x"]`, `[33, 2, 21]`, "com.x", h2)
	sc.send(`[36, 21, 1, {}, [1]]`)
	if <-events1 != 1 || <-events2 != 1 {
		t.Error("wrong event")
	}
	if err := sub1.Unsubscribe(t.Context()); err != nil {
		t.Error(err)
	}
	<-sub1.Done()
	wantError(t, sub1.Unsubscribe(t.Context()), ErrNotSubscribed)
	sc.send(`[36, 21, 1, {}, [2]]`)
	if <-events2 != 2 || len(events1) > 0 {
		t.Error("wrong event")
	}
	wait := async(t, func() (int, error) { return 0, sub2.Unsubscribe(t.Context()) })
	sc.expect(`[34, 3, 21]`)
	sc.send(`[36, 21, 1, {}, [3]]`)
	sc.send(`[35, 3]`)
	if _, err := wait(); err != nil || len(events2) > 0 {
		t.Error(err, len(events2))
	}

	// The last handler goes while another SUBSCRIBE is under way: the router
	// must not end what it is about to confirm.
	sub1 = sc.subscribe(s, `[32, 4, {}, "com.x"]`, `[33, 4, 22]`, "com.x", h1)
	wait2 := async(t, func() (*Subscription, error) { return s.Subscribe(t.Context(), "com.x", h2) })
	sc.expect(`[32, 5, {}, "com.x"]`)
	if err := sub1.Unsubscribe(t.Context()); err != nil {
		t.Error(err)
	}
	sc.send(`[33, 5, 22]`)
	sub2 = must[*Subscription](t)(wait2())
	sc.send(`[36, 22, 1, {}, [4]]`)
	if <-events2 != 4 || len(events1) > 0 {
		t.Error("wrong event")
	}

	// The same, and the other one is refused: now it is to be ended.
	wait2 = async(t, func() (*Subscription, error) { return s.Subscribe(t.Context(), "com.x", h1) })
	sc.expect(`[32, 6, {}, "com.x"]`)
	if err := sub2.Unsubscribe(t.Context()); err != nil {
		t.Error(err)
	}
	sc.send(`[8, 32, 6, {}, "wamp.error.not_authorized"]`)
	_, err := wait2()
	wantError(t, err, ErrNotAuthorized)
	sc.expect(`[34, 7, 22]`)

	// Given up while SUBSCRIBE is under way: it is undone.
	ctx, cancel := context.WithCancel(t.Context())
	wait2 = async(t, func() (*Subscription, error) { return s.Subscribe(ctx, "com.x", h1) })
	sc.expect(`[32, 8, {}, "com.x"]`)
	cancel()
	_, err = wait2()
	wantError(t, err, context.Canceled)
	sc.send(`[33, 8, 23]`)
	sc.expect(`[34, 9, 23]`)

	// Revoked by the router.
	sub1 = sc.subscribe(s, `[32, 10, {}, "com.x"]`, `[33, 10, 24]`, "com.x", h1)
	sc.send(`[35, 0, {"subscription": 24, "reason": "wamp.x"}]`)
	<-sub1.Done()
	wantError(t, sub1.Unsubscribe(t.Context()), ErrNotSubscribed)
}

func TestOverflow(t *testing.T) {
	for _, tt := range []struct {
		policy Overflow
		want   []int
	}{
		{DropNewest, []int{0, 1, 2}},
		{DropOldest, []int{0, 3, 4}},
	} {
		sc := newScript(t)
		s := sc.join(sc.dialer())
		started, release, got := make(chan struct{}, 10), make(chan struct{}), make(chan int, 10)
		sub := sc.subscribe(s, `[32, 1, {}, "com.x"]`, `[33, 1, 21]`, "com.x", Event(func(_ context.Context, n int) error {
			started <- struct{}{}
			<-release
			got <- n
			return nil
		}), Queue(2), OnOverflow(tt.policy))
		sc.send(`[36, 21, 1, {}, [0]]`)
		<-started
		for i := 1; i < 5; i++ {
			sc.send(fmt.Sprintf(`[36, 21, 1, {}, [%d]]`, i))
		}
		// An answer that comes after the events says that they are queued.
		wait := async(t, func() (int, error) { return Call[int](t.Context(), s, "com.y") })
		sc.expect(`[48, 2, {}, "com.y"]`)
		sc.send(`[50, 2, {}, [1]]`)
		must[int](t)(wait())
		close(release)
		for _, want := range tt.want {
			if n := <-got; n != want {
				t.Errorf("%v: got %d, want %d", tt.policy, n, want)
			}
		}
		if sub.Dropped() != 2 {
			t.Error(sub.Dropped())
		}
	}
}

func TestSlowHandler(t *testing.T) {
	t.Run("by default", func(t *testing.T) { testSlowHandler(t, EndSession) })
	t.Run("instead of the dialer's policy", func(t *testing.T) { testSlowHandler(t, DropNewest, OnOverflow(EndSession)) })
}

func testSlowHandler(t *testing.T, dialer Overflow, opts ...SubscribeOption) {
	sc := newScript(t)
	d := sc.dialer()
	d.Overflow = dialer
	s := sc.join(d)
	sub := sc.subscribe(s, `[32, 1, {}, "com.x"]`, `[33, 1, 21]`, "com.x", Event(func(ctx context.Context, _ int) error {
		<-ctx.Done()
		return ctx.Err()
	}), append(opts, Queue(1))...)
	for i := range 3 {
		sc.send(fmt.Sprintf(`[36, 21, 1, {}, [%d]]`, i))
	}
	sc.expect(`[6, {"message": "the handler of com.x is too slow"}, "wamp.error.limit_exceeded"]`)
	sc.expectEnd()
	_ = sc.conn.Close()
	<-s.Done()
	wantError(t, s.Err(), ErrClosed, ErrSlowHandler)
	<-sub.Done()
}

func TestPublish(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	if id, err := s.Publish(t.Context(), "com.x", Args{"hi"}, KW{"a": []byte{1}}); id != 0 || err != nil {
		t.Error(id, err)
	}
	sc.expect(`[16, 1, {}, "com.x", ["hi"], {"a": "\u0000AQ=="}]`)
	_, _ = s.Publish(t.Context(), "com.x", ExcludeMe(false), Exclude(1, 2), ExcludeAuthID("a"), ExcludeAuthRole("b"),
		Eligible(3), EligibleAuthID("c"), EligibleAuthRole("d"), Retain(), Partition(7), DiscloseMe(), Option("x_y", 1))
	sc.expect(`[16, 2, {"exclude_me": false, "exclude": [1, 2], "exclude_authid": ["a"], "exclude_authrole": ["b"],
		"eligible": [3], "eligible_authid": ["c"], "eligible_authrole": ["d"], "retain": true, "rkey": 7, "disclose_me": true, "x_y": 1}, "com.x"]`)

	wait := async(t, func() (uint64, error) { return s.Publish(t.Context(), "com.x", Acknowledge()) })
	sc.expect(`[16, 3, {"acknowledge": true}, "com.x"]`)
	sc.send(`[17, 3, 9007199254740992]`)
	if id, err := wait(); id != 1<<53 || err != nil {
		t.Error(id, err)
	}
	wait = async(t, func() (uint64, error) { return s.Publish(t.Context(), "com.x", Acknowledge()) })
	sc.expect(`[16, 4, {"acknowledge": true}, "com.x"]`)
	sc.send(`[8, 16, 4, {}, "wamp.error.not_authorized"]`)
	_, err := wait()
	wantError(t, err, ErrNotAuthorized)
	wantText(t, err, "publish com.x")
}
