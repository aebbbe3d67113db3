package wamp

import (
	"context"
	"fmt"
	"testing"
)

// Goroutines that have nothing to do wait for the next call, but no more than
// maxParked of them, and they end with the session.
func TestParkedWorkers(t *testing.T) {
	const calls = maxParked + 6
	sc := newScript(t)
	s := sc.join(sc.dialer())
	begun, release := make(chan struct{}, calls), make(chan struct{})
	registered := async(t, func() (*Registration, error) {
		return s.Register(t.Context(), "com.x", Func0(func(context.Context) (int, error) {
			begun <- struct{}{}
			<-release
			return 1, nil
		}))
	})
	sc.expect(`[64, 1, {}, "com.x"]`)
	sc.send(`[65, 1, 11]`)
	reg := must[*Registration](t)(registered())
	for i := range calls {
		sc.send(fmt.Sprintf(`[68, %d, 11, {}]`, i+1))
	}
	for range calls {
		<-begun
	}
	close(release)
	for range calls {
		sc.read()
	}
	parked := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.handlers != len(s.parked) {
			t.Errorf("%d goroutines, %d of which wait", s.handlers, len(s.parked))
		}
		return len(s.parked)
	}
	drain := func() {
		t.Helper()
		if err := s.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
	}

	drained := async(t, func() (int, error) { return 0, s.Drain(t.Context()) })
	sc.expect(`[66, 2, 11]`)
	sc.send(fmt.Sprintf(`[68, %d, 11, {}]`, calls+1)) // on its way when the router heard of it
	sc.expect(fmt.Sprintf(`[70, %d, {}, [1]]`, calls+1))
	sc.send(`[67, 2]`)
	must[int](t)(drained())
	<-reg.Done()
	if n := parked(); n != maxParked {
		t.Errorf("%d goroutines wait, want %d", n, maxParked)
	}
	drain() // again: nothing runs, though goroutines wait

	sc.hangUp(s)
	if n := parked(); n != 0 {
		t.Errorf("%d goroutines are left", n)
	}
}
