package wamp

import (
	"context"
	"errors"
	"testing"
)

// S002-10: procedures come first, then event handlers, each in the order of
// definition, and the second kind waits for the first.
func TestUseOrder(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	reg := NewRegistry("com", ProcedureDefaults(Invoke(RoundRobin), Option("x_a", 1)), SubscriptionDefaults(Option("x_b", 1)))
	handler := Func0(func(context.Context) (int, error) { return 0, nil })
	events := Event(func(context.Context, int) error { return nil })
	if err := errors.Join(
		reg.Subscribe("news", events, Option("x_b", 2)),
		reg.Register("b", handler),
		reg.Subscribe("us.{path...}", events),
		reg.Register("a", handler, Invoke(First), Option("x_a", 2)),
	); err != nil {
		t.Fatal(err)
	}
	used := async(t, func() (*Installed, error) { return s.Use(t.Context(), reg) })
	sc.expect(`[64, 1, {"invoke": "roundrobin", "x_a": 1}, "com.b"]`)
	sc.expect(`[64, 2, {"invoke": "first", "x_a": 2}, "com.a"]`)
	sc.send(`[65, 2, 12]`)
	sc.send(`[65, 1, 11]`)
	sc.expect(`[32, 3, {"x_b": 2}, "com.news"]`)
	sc.expect(`[32, 4, {"match": "prefix", "x_b": 1}, "com.us."]`)
	sc.send(`[33, 3, 21]`)
	sc.send(`[33, 4, 22]`)
	in, err := used()
	if err != nil {
		t.Fatal(err)
	}
	if in.Registrations[0].ID() != 11 || in.Registrations[1].ID() != 12 || in.Subscriptions[0].ID() != 21 || in.Subscriptions[1].ID() != 22 {
		t.Error(in.Registrations, in.Subscriptions)
	}
	removed := async(t, func() (int, error) { return 0, in.Remove(t.Context()) })
	sc.expect(`[34, 5, 22]`)
	sc.send(`[35, 5]`)
	sc.expect(`[34, 6, 21]`)
	sc.send(`[35, 6]`)
	sc.expect(`[66, 7, 12]`)
	sc.send(`[67, 7]`)
	sc.expect(`[66, 8, 11]`)
	sc.send(`[67, 8]`)
	if _, err := removed(); err != nil {
		t.Error(err)
	}
}

// A session that is lost while it is being furnished says so.
func TestUseLost(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	reg := NewRegistry("com")
	if err := reg.Register("a", Func0(func(context.Context) (int, error) { return 0, nil })); err != nil {
		t.Fatal(err)
	}
	used := async(t, func() (*Installed, error) { return s.Use(t.Context(), reg) })
	sc.expect(`[64, 1, {}, "com.a"]`)
	_ = sc.conn.Close()
	in, err := used()
	wantError(t, err, ErrClosed, CloseTransportLost)
	if len(in.Registrations) != 0 {
		t.Error(in.Registrations)
	}
}
