package transport

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestGiveWayTogether has many goroutines give way at once.
func TestGiveWayTogether(t *testing.T) {
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for n := range uint64(200) {
				giveWay(n)
			}
		})
	}
	all.Wait()
}

func TestShare(t *testing.T) {
	for procs, length := range map[int]time.Duration{1: shareOfOne, 2: shareOfMany} {
		synctest.Test(t, func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			lasts := func(s *Share, length time.Duration) {
				t.Helper()
				s.Work()
				time.Sleep(length - time.Nanosecond)
				if s.Work(); s.began.IsZero() {
					t.Errorf("with %d processors, a share is over before %v", procs, length)
				}
				time.Sleep(time.Nanosecond)
				if s.Work(); !s.began.IsZero() {
					t.Errorf("with %d processors, a share is not over after %v", procs, length)
				}
			}
			var s Share
			lasts(&s, length)
			lasts(&s, length) // a new one has begun

			s.Work()
			time.Sleep(length - time.Nanosecond)
			s.Reset()
			lasts(&s, length)

			s.owed = 3 * time.Millisecond
			lasts(&s, 3*time.Millisecond)
			lasts(&s, length)
		})
	}
}

// TestShareBesideWork has a goroutine that gives way get as much time as one that
// computes and never does.
func TestShareBesideWork(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var stop atomic.Bool
	var work sync.WaitGroup
	work.Go(func() {
		for !stop.Load() {
		}
	})
	var s Share
	for s.owed < time.Millisecond {
		s.Work()
	}
	stop.Store(true)
	work.Wait()
	if s.owed > maxOwed {
		t.Errorf("it is owed %v, more than %v", s.owed, maxOwed)
	}
}
