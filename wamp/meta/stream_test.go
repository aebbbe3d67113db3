package meta_test

import (
	"context"
	"errors"
	"iter"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamp/meta"
	"github.com/wampeter/wampeter/wamptest"
)

// collect takes the first n events of a stream, which act causes once it is
// ready.
func collect[E any](t *testing.T, n int, act func(), open func(...meta.StreamOption) iter.Seq2[E, error]) []E {
	t.Helper()
	var got []E
	for e, err := range open(meta.Ready(act)) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, e); len(got) == n {
			break
		}
	}
	return got
}

// opens fixes the first arguments of a function that returns a stream.
func opens[E any](ctx context.Context, s *wamp.Session, f func(context.Context, *wamp.Session, ...meta.StreamOption) iter.Seq2[E, error]) func(...meta.StreamOption) iter.Seq2[E, error] {
	return func(opts ...meta.StreamOption) iter.Seq2[E, error] { return f(ctx, s, opts...) }
}

// Advanced profile, "Session Meta API", events.
func TestSessionStreams(t *testing.T) {
	everyRoad(t, func(t *testing.T, rt *wamptest.Router, s *wamp.Session) {
		ctx := t.Context()
		var a, b *wamp.Session
		joined := collect(t, 2, func() { a, b = rt.Session(), rt.Session() }, opens(ctx, s, meta.Joins))
		for i, joiner := range []*wamp.Session{a, b} {
			if got := joined[i]; got.ID != joiner.ID() || got.AuthID != joiner.AuthID() || got.AuthRole != "anonymous" {
				t.Errorf("joined: %+v, want session %d", got, joiner.ID())
			}
		}
		left := collect(t, 1, func() { _ = a.Close(ctx) }, opens(ctx, s, meta.Leaves))
		if diff := cmp.Diff([]meta.Left{{ID: a.ID(), AuthID: a.AuthID(), AuthRole: "anonymous"}}, left); diff != "" {
			t.Errorf("left (-want +got)\n%s", diff)
		}
		// Both loops have been left, and with them their subscriptions.
		if list := must[meta.IDs](t)(meta.Subscriptions(ctx, s)); len(list.All()) != 0 {
			t.Errorf("subscriptions that are left: %v", list)
		}
	})
}

// Advanced profile, "Registration Meta API", events.
func TestRegistrationStreams(t *testing.T) {
	everyRoad(t, func(t *testing.T, rt *wamptest.Router, s *wamp.Session) {
		ctx := t.Context()
		callee := rt.Session()
		var reg *wamp.Registration
		register := func() {
			reg = must[*wamp.Registration](t)(callee.Register(ctx, "com.example.", wamp.HandlerFunc(echo), wamp.Invoke(wamp.First)))
		}
		unregister := func() {
			if err := reg.Unregister(ctx); err != nil {
				t.Error(err)
			}
		}
		created := collect(t, 1, register, opens(ctx, s, meta.RegistrationsCreated))[0]
		r := created.Registration
		if created.Session != callee.ID() || r.ID != reg.ID() || r.URI != "com.example." || r.Match != wamp.Prefix || r.Invoke != "first" || r.Created.IsZero() {
			t.Errorf("created: %+v", created)
		}
		check := func(what string, got []meta.Membership) {
			t.Helper()
			if diff := cmp.Diff([]meta.Membership{{Session: callee.ID(), ID: reg.ID()}}, got); diff != "" {
				t.Errorf("%s (-want +got)\n%s", what, diff)
			}
		}
		check("deleted", collect(t, 1, unregister, opens(ctx, s, meta.RegistrationsDeleted)))
		check("registered", collect(t, 1, register, opens(ctx, s, meta.Registered)))
		check("unregistered", collect(t, 1, unregister, opens(ctx, s, meta.Unregistered)))
	})
}

// Advanced profile, "Subscriptions Meta API", events.
func TestSubscriptionStreams(t *testing.T) {
	everyRoad(t, func(t *testing.T, rt *wamptest.Router, s *wamp.Session) {
		ctx := t.Context()
		subscriber := rt.Session()
		var sub *wamp.Subscription
		subscribe := func() {
			sub = must[*wamp.Subscription](t)(subscriber.Subscribe(ctx, "com..door", wamp.EventFunc(ignore)))
		}
		unsubscribe := func() {
			if err := sub.Unsubscribe(ctx); err != nil {
				t.Error(err)
			}
		}
		created := collect(t, 1, subscribe, opens(ctx, s, meta.SubscriptionsCreated))[0]
		c := created.Subscription
		if created.Session != subscriber.ID() || c.ID != sub.ID() || c.URI != "com..door" || c.Match != wamp.Wildcard || c.Created.IsZero() {
			t.Errorf("created: %+v", created)
		}
		check := func(what string, got []meta.Membership) {
			t.Helper()
			if diff := cmp.Diff([]meta.Membership{{Session: subscriber.ID(), ID: sub.ID()}}, got); diff != "" {
				t.Errorf("%s (-want +got)\n%s", what, diff)
			}
		}
		check("deleted", collect(t, 1, unsubscribe, opens(ctx, s, meta.SubscriptionsDeleted)))
		check("subscribed", collect(t, 1, subscribe, opens(ctx, s, meta.Subscribed)))
		check("unsubscribed", collect(t, 1, unsubscribe, opens(ctx, s, meta.Unsubscribed)))
	})
}

// lastError is the error that a stream ends with.
func lastError[E any](t *testing.T, stream iter.Seq2[E, error]) error {
	t.Helper()
	var last error
	for _, err := range stream {
		last = err
	}
	if last == nil {
		t.Error("the stream has ended without an error")
	}
	return last
}

func TestStreamEnds(t *testing.T) {
	t.Run("context", func(t *testing.T) {
		s := wamptest.NewRouter(t).Session()
		ctx, cancel := context.WithCancel(t.Context())
		if err := lastError(t, meta.Joins(ctx, s, meta.Ready(cancel))); !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
		if err := lastError(t, meta.Joins(ctx, s)); !errors.Is(err, context.Canceled) {
			t.Errorf("with a context that had ended before: %v", err)
		}
	})
	t.Run("session", func(t *testing.T) {
		rt := wamptest.NewRouter(t)
		s, killer := rt.Session(), rt.Session()
		kill := func() {
			if err := meta.KillSession(t.Context(), killer, s.ID(), "", ""); err != nil {
				t.Error(err)
			}
		}
		if err := lastError(t, meta.Joins(t.Context(), s, meta.Ready(kill))); !errors.Is(err, wamp.CloseKilled) {
			t.Errorf("ended with %v", err)
		}
	})
	t.Run("revocation", func(t *testing.T) {
		rt := wamptest.NewRouter(t)
		s, remover := rt.Session(), rt.Session()
		remove := func() {
			id := must[uint64](t)(meta.LookupSubscription(t.Context(), remover, meta.TopicJoin, wamp.Exact))
			if err := meta.RemoveSubscriber(t.Context(), remover, id, s.ID(), ""); err != nil {
				t.Error(err)
			}
		}
		if err := lastError(t, meta.Joins(t.Context(), s, meta.Ready(remove))); !errors.Is(err, meta.ErrRevoked) {
			t.Errorf("ended with %v", err)
		}
	})
}

// A loop that is too slow loses its stream, not its session.
func TestStreamSlow(t *testing.T) {
	rt := wamptest.NewRouter(t)
	ctx, s := t.Context(), rt.Session()
	var err error
	n := 0
	overrun := func() {
		// One event is with the handler, one waits; the third is too many.
		for range 3 {
			rt.Session()
		}
		// The router answers this after it has sent the events.
		must[int](t)(meta.CountSessions(ctx, s))
	}
	for _, err = range meta.Joins(ctx, s, meta.Buffer(1), meta.Ready(overrun)) {
		n++
	}
	if n != 1 || !errors.Is(err, wamp.ErrSlowHandler) {
		t.Errorf("%d steps, the last with %v", n, err)
	}
	must[int](t)(meta.CountSessions(ctx, s))
}

// The topics are there for handlers, too.
func TestTopics(t *testing.T) {
	rt := wamptest.NewRouter(t)
	s := rt.Session()
	joined := make(chan meta.Session, 1)
	must[*wamp.Subscription](t)(s.Subscribe(t.Context(), meta.TopicJoin, wamp.Event(func(_ context.Context, j meta.Session) error {
		joined <- j
		return nil
	})))
	if want, got := rt.Session().ID(), receive(t, joined).ID; got != want {
		t.Errorf("joined: %d, want %d", got, want)
	}
}
