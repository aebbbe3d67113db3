package meta_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamp/meta"
	"github.com/wampeter/wampeter/wamptest"
)

func ignore(context.Context, *wamp.EventInfo) error { return nil }

// Advanced profile, "Subscriptions Meta API", procedures.
func TestSubscriptions(t *testing.T) {
	everyRoad(t, func(t *testing.T, rt *wamptest.Router, s *wamp.Session) {
		ctx := t.Context()
		a, b := rt.Session(), rt.Session()
		subscribe := func(s *wamp.Session, uri string) uint64 {
			t.Helper()
			return must[*wamp.Subscription](t)(s.Subscribe(ctx, uri, wamp.EventFunc(ignore))).ID()
		}
		exact := subscribe(a, "com.example.door")
		subscribe(b, "com.example.door")
		prefix := subscribe(a, "com.example.")
		wildcard := subscribe(b, "com..door")

		list := must[meta.IDs](t)(meta.Subscriptions(ctx, s))
		if diff := cmp.Diff(meta.IDs{Exact: []uint64{exact}, Prefix: []uint64{prefix}, Wildcard: []uint64{wildcard}}, list); diff != "" {
			t.Errorf("list (-want +got)\n%s", diff)
		}
		for _, test := range []struct {
			uri   string
			match wamp.MatchPolicy
			want  uint64
		}{
			{"com.example.door", wamp.Exact, exact},
			{"com.example.", wamp.Prefix, prefix},
			{"com.example.", wamp.Wildcard, 0},
			{"com..door", wamp.Wildcard, wildcard},
		} {
			if got := must[uint64](t)(meta.LookupSubscription(ctx, s, test.uri, test.match)); got != test.want {
				t.Errorf("lookup %s %v: %d, want %d", test.uri, test.match, got, test.want)
			}
		}
		same(t, must[[]uint64](t)(meta.MatchSubscriptions(ctx, s, "com.example.door")), exact, prefix, wildcard)
		same(t, must[[]uint64](t)(meta.MatchSubscriptions(ctx, s, "com.other.door")), wildcard)
		same(t, must[[]uint64](t)(meta.MatchSubscriptions(ctx, s, "org.nothing")))

		got := must[meta.Subscription](t)(meta.GetSubscription(ctx, s, wildcard))
		if age := time.Since(got.Created); age < -time.Minute || age > time.Hour {
			t.Errorf("created %v", got.Created)
		}
		got.Created = time.Time{}
		if diff := cmp.Diff(meta.Subscription{ID: wildcard, URI: "com..door", Match: wamp.Wildcard}, got); diff != "" {
			t.Errorf("get (-want +got)\n%s", diff)
		}
		same(t, must[[]uint64](t)(meta.Subscribers(ctx, s, exact)), a.ID(), b.ID())
		if n := must[int](t)(meta.CountSubscribers(ctx, s, exact)); n != 2 {
			t.Errorf("%d subscribers, want 2", n)
		}
	})
}

func TestRemoveSubscriber(t *testing.T) {
	everyRoad(t, func(t *testing.T, rt *wamptest.Router, s *wamp.Session) {
		ctx := t.Context()
		subscriber := rt.Session()
		sub := must[*wamp.Subscription](t)(subscriber.Subscribe(ctx, "com.example.door", wamp.EventFunc(ignore)))
		if err := meta.RemoveSubscriber(ctx, s, sub.ID(), s.ID(), ""); !errors.Is(err, wamp.ErrNoSuchSession) {
			t.Errorf("a session that has not subscribed: %v", err)
		}
		if err := meta.RemoveSubscriber(ctx, s, sub.ID(), subscriber.ID(), "com.example.enough"); err != nil {
			t.Fatal(err)
		}
		receive(t, sub.Done())
		for _, err := range []error{
			meta.RemoveSubscriber(ctx, s, sub.ID(), subscriber.ID(), ""),
			second(meta.GetSubscription(ctx, s, sub.ID())),
			second(meta.Subscribers(ctx, s, sub.ID())),
			second(meta.CountSubscribers(ctx, s, sub.ID())),
			second(meta.History(ctx, s, sub.ID())),
		} {
			if !errors.Is(err, wamp.ErrNoSuchSubscription) {
				t.Errorf("when it is gone: %v", err)
			}
		}
	})
}
