package wamp

import (
	"context"
	"testing"
)

// Two that end the same registration at the same time both succeed, though the
// router knows it no more when the second one asks.
func TestDrainTwice(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	registered := async(t, func() (*Registration, error) {
		return s.Register(t.Context(), "com.x", Func0(func(context.Context) (int, error) { return 1, nil }))
	})
	sc.expect(`[64, 1, {}, "com.x"]`)
	sc.send(`[65, 1, 11]`)
	reg := must[*Registration](t)(registered())

	drain := func() (int, error) { return 0, s.Drain(t.Context()) }
	first := async(t, drain)
	sc.expect(`[66, 2, 11]`)
	second := async(t, drain)
	sc.expect(`[66, 3, 11]`)
	sc.send(`[67, 2]`)
	sc.send(`[8, 66, 3, {}, "wamp.error.no_such_registration"]`)
	must[int](t)(first())
	must[int](t)(second())
	<-reg.Done()
	sc.hangUp(s)
}
