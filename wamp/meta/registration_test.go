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

func echo(_ context.Context, inv *wamp.Invocation) (wamp.Result, error) {
	return wamp.Result{Payload: inv.Payload}, nil
}

// Advanced profile, "Registration Meta API", procedures.
func TestRegistrations(t *testing.T) {
	everyRoad(t, func(t *testing.T, rt *wamptest.Router, s *wamp.Session) {
		ctx := t.Context()
		a, b := rt.Session(), rt.Session()
		register := func(s *wamp.Session, uri string, opts ...wamp.RegisterOption) uint64 {
			t.Helper()
			return must[*wamp.Registration](t)(s.Register(ctx, uri, wamp.HandlerFunc(echo), opts...)).ID()
		}
		exact := register(a, "com.example.add2", wamp.Invoke(wamp.RoundRobin))
		register(b, "com.example.add2", wamp.Invoke(wamp.RoundRobin))
		prefix := register(a, "com.example.")
		wildcard := register(b, "com..add3")

		list := must[meta.IDs](t)(meta.Registrations(ctx, s))
		if diff := cmp.Diff(meta.IDs{Exact: []uint64{exact}, Prefix: []uint64{prefix}, Wildcard: []uint64{wildcard}}, list); diff != "" {
			t.Errorf("list (-want +got)\n%s", diff)
		}
		same(t, list.All(), exact, prefix, wildcard)

		for _, test := range []struct {
			uri   string
			match wamp.MatchPolicy
			want  uint64
		}{
			{"com.example.add2", wamp.Exact, exact},
			{"com.example.add2", wamp.Prefix, 0},
			{"com.example.", wamp.Prefix, prefix},
			{"com..add3", wamp.Wildcard, wildcard},
			{"com.nothing", wamp.Exact, 0},
		} {
			if got := must[uint64](t)(meta.LookupRegistration(ctx, s, test.uri, test.match)); got != test.want {
				t.Errorf("lookup %s %v: %d, want %d", test.uri, test.match, got, test.want)
			}
		}
		for uri, want := range map[string]uint64{
			"com.example.add2": exact, "com.example.other": prefix, "com.elsewhere.add3": wildcard, "org.nothing": 0,
		} {
			if got := must[uint64](t)(meta.MatchRegistration(ctx, s, uri)); got != want {
				t.Errorf("match %s: %d, want %d", uri, got, want)
			}
		}

		got := must[meta.Registration](t)(meta.GetRegistration(ctx, s, exact))
		if age := time.Since(got.Created); age < -time.Minute || age > time.Hour {
			t.Errorf("created %v", got.Created)
		}
		got.Created = time.Time{}
		if diff := cmp.Diff(meta.Registration{ID: exact, URI: "com.example.add2", Match: wamp.Exact, Invoke: "roundrobin"}, got); diff != "" {
			t.Errorf("get (-want +got)\n%s", diff)
		}
		if got := must[meta.Registration](t)(meta.GetRegistration(ctx, s, prefix)); got.Match != wamp.Prefix || got.Invoke != wamp.Single.String() {
			t.Errorf("get: %+v", got)
		}

		if diff := cmp.Diff([]uint64{a.ID(), b.ID()}, must[[]uint64](t)(meta.Callees(ctx, s, exact))); diff != "" {
			t.Errorf("callees (-want +got)\n%s", diff)
		}
		if n := must[int](t)(meta.CountCallees(ctx, s, exact)); n != 2 {
			t.Errorf("%d callees, want 2", n)
		}
	})
}

func TestRemoveCallee(t *testing.T) {
	everyRoad(t, func(t *testing.T, rt *wamptest.Router, s *wamp.Session) {
		ctx := t.Context()
		callee := rt.Session()
		reg := must[*wamp.Registration](t)(callee.Register(ctx, "com.example.echo", wamp.HandlerFunc(echo)))
		if err := meta.RemoveCallee(ctx, s, reg.ID(), s.ID(), ""); !errors.Is(err, wamp.ErrNoSuchSession) {
			t.Errorf("a session that is no callee: %v", err)
		}
		if err := meta.RemoveCallee(ctx, s, reg.ID(), callee.ID(), "com.example.enough"); err != nil {
			t.Fatal(err)
		}
		receive(t, reg.Done())
		if _, err := wamp.Call[wamp.Result](ctx, s, "com.example.echo"); !errors.Is(err, wamp.ErrNoSuchProcedure) {
			t.Errorf("a call then: %v", err)
		}
		for _, err := range []error{
			meta.RemoveCallee(ctx, s, reg.ID(), callee.ID(), ""),
			second(meta.GetRegistration(ctx, s, reg.ID())),
			second(meta.Callees(ctx, s, reg.ID())),
			second(meta.CountCallees(ctx, s, reg.ID())),
		} {
			if !errors.Is(err, wamp.ErrNoSuchRegistration) {
				t.Errorf("when it is gone: %v", err)
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }
