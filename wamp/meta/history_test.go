package meta_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamp/meta"
	"github.com/wampeter/wampeter/wamptest"
)

// Advanced profile, "Event History".
func TestHistory(t *testing.T) {
	keep := func(c *router.Config) {
		c.History = []router.History{{URI: "com.example.", Match: wamp.Prefix}}
	}
	everyRoad(t, func(t *testing.T, rt *wamptest.Router, s *wamp.Session) {
		ctx := t.Context()
		pub := rt.Session()
		var ids []uint64
		for i, topic := range []string{"com.example.a", "com.example.b", "com.example.a"} {
			ids = append(ids, must[uint64](t)(pub.Publish(ctx, topic, wamp.Args{i, "x"}, wamp.KW{"b": []byte{0xff}},
				wamp.Acknowledge(), wamp.DiscloseMe())))
		}
		sub := must[uint64](t)(meta.LookupSubscription(ctx, s, "com.example.", wamp.Prefix))

		events := must[[]meta.HistoryEvent](t)(meta.History(ctx, s, sub))
		if len(events) != 3 {
			t.Fatalf("%d events, want 3", len(events))
		}
		e := events[1]
		if e.Publication != ids[1] || e.Subscription != sub || e.Topic != "com.example.b" ||
			e.Publisher != pub.ID() || e.PublisherAuthID != pub.AuthID() || e.PublisherAuthRole != "anonymous" {
			t.Errorf("event: %+v", e)
		}
		if age := time.Since(e.Time); age < -time.Minute || age > time.Hour {
			t.Errorf("time of the event: %v", e.Time)
		}
		var payload struct {
			N int    `wamp:"0"`
			X string `wamp:"1"`
			B []byte `wamp:"b"`
		}
		if err := e.Decode(&payload); err != nil || payload.N != 1 || payload.X != "x" || string(payload.B) != "\xff" {
			t.Errorf("payload: %+v, %v", payload, err)
		}

		long := time.Now().Add(-time.Hour)
		for _, test := range []struct {
			name    string
			filters []meta.Filter
			want    []uint64
		}{
			{"limit", []meta.Filter{meta.Limit(2)}, ids[:2]},
			{"newest", []meta.Filter{meta.Limit(2), meta.Reverse()}, []uint64{ids[2], ids[1]}},
			{"topic", []meta.Filter{meta.Topic("com.example.b")}, ids[1:2]},
			{"from", []meta.Filter{meta.FromPublication(ids[1])}, ids[1:]},
			{"after", []meta.Filter{meta.AfterPublication(ids[1])}, ids[2:]},
			{"before", []meta.Filter{meta.BeforePublication(ids[1])}, ids[:1]},
			{"until", []meta.Filter{meta.UntilPublication(ids[1])}, ids[:2]},
			{"from time", []meta.Filter{meta.From(long)}, ids},
			{"after time", []meta.Filter{meta.After(long)}, ids},
			{"before time", []meta.Filter{meta.Before(long)}, nil},
			{"until time", []meta.Filter{meta.Until(long)}, nil},
			{"until its own time", []meta.Filter{meta.Until(events[0].Time.Add(time.Millisecond)), meta.Limit(1)}, ids[:1]},
		} {
			var got []uint64
			for _, e := range must[[]meta.HistoryEvent](t)(meta.History(ctx, s, sub, test.filters...)) {
				got = append(got, e.Publication)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s (-want +got)\n%s", test.name, diff)
			}
		}

		if _, err := meta.History(ctx, s, sub, meta.Limit(-1)); !errors.Is(err, wamp.ErrInvalidArgument) {
			t.Errorf("a limit of -1: %v", err)
		}
		other := must[*wamp.Subscription](t)(s.Subscribe(ctx, "com.other", wamp.EventFunc(ignore)))
		if _, err := meta.History(ctx, s, other.ID()); !errors.Is(err, meta.ErrHistoryUnavailable) {
			t.Errorf("a subscription without history: %v", err)
		}
	}, keep)
}
