package meta_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamp/meta"
	"github.com/wampeter/wampeter/wamptest"
)

// Advanced profile, "Session Testament".
func TestTestaments(t *testing.T) {
	everyRoad(t, func(t *testing.T, rt *wamptest.Router, s *wamp.Session) {
		ctx := t.Context()
		heir, other := rt.Session(), rt.Session()
		type event struct {
			Topic  string
			Args   wamp.Args
			Kwargs wamp.KW
		}
		subscribe := func(s *wamp.Session) <-chan event {
			events := make(chan event, 10)
			must[*wamp.Subscription](t)(s.Subscribe(ctx, "com.example.gone.", wamp.EventFunc(func(_ context.Context, e *wamp.EventInfo) error {
				args, _ := e.Args()
				kwargs, _ := e.Kwargs()
				events <- event{e.Topic, args, kwargs}
				return nil
			})))
			return events
		}
		left, leftOther := subscribe(heir), subscribe(other)

		add := func(scope meta.Scope, topic string, opts ...wamp.PublishOption) {
			t.Helper()
			if err := meta.AddTestament(ctx, s, scope, topic, opts...); err != nil {
				t.Fatal(err)
			}
		}
		add(meta.Detached, "com.example.gone.flushed")
		if err := meta.FlushTestaments(ctx, s, meta.Detached); err != nil {
			t.Fatal(err)
		}
		add(meta.Destroyed, "com.example.gone.first", wamp.Args{"joe", 7}, wamp.KW{"why": nil}, wamp.Acknowledge())
		add(meta.Destroyed, "com.example.gone.second", wamp.Exclude(other.ID()))
		add(meta.Detached, "com.example.gone.before")
		if err := meta.AddTestament(ctx, s, meta.Destroyed, "not a uri"); !errors.Is(err, wamp.ErrInvalidURI) {
			t.Errorf("a topic that is no URI: %v", err)
		}
		if err := meta.AddTestament(ctx, s, "never", "com.example.gone"); !errors.Is(err, wamp.ErrInvalidArgument) {
			t.Errorf("a scope that there is not: %v", err)
		}
		if err := meta.AddTestament(ctx, s, meta.Destroyed, "com.example.gone", wamp.Args{func() {}}); err == nil {
			t.Error("an argument that cannot be sent")
		}

		if err := s.Close(ctx); err != nil {
			t.Fatal(err)
		}
		first := event{"com.example.gone.first", wamp.Args{"joe", int64(7)}, wamp.KW{"why": nil}}
		want := []event{{Topic: "com.example.gone.before"}, first, {Topic: "com.example.gone.second"}}
		if diff := cmp.Diff(want, []event{receive(t, left), receive(t, left), receive(t, left)}); diff != "" {
			t.Errorf("testaments (-want +got)\n%s", diff)
		}
		must[uint64](t)(heir.Publish(ctx, "com.example.gone.end", wamp.Acknowledge()))
		want = []event{{Topic: "com.example.gone.before"}, first, {Topic: "com.example.gone.end"}}
		if diff := cmp.Diff(want, []event{receive(t, leftOther), receive(t, leftOther), receive(t, leftOther)}); diff != "" {
			t.Errorf("testaments, with one excluded (-want +got)\n%s", diff)
		}
	})
}
