package transport

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestGiveWay has a goroutine that never waits give way, and then looks whether one
// that waited for a socket has been heard. Once is enough, but for now and then when
// Go's scheduler takes who gave way first.
func TestGiveWay(t *testing.T) {
	if !readiness {
		t.Skip("sockets are read in another way")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	giveWay() // opens what it needs
	for range 100 {
		a, b := connect(t, "unix") // what is written can be read at once
		var heard atomic.Bool
		var reader sync.WaitGroup
		reader.Go(func() {
			if _, err := a.Read(make([]byte, 1)); err == nil {
				heard.Store(true)
			}
		})
		for range 5 {
			giveWay() // and the reader waits
		}
		if _, err := b.Write([]byte{1}); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			giveWay()
		}
		if !heard.Load() {
			t.Error("the reader of a socket was not woken up")
		}
		a.Close()
		b.Close()
		reader.Wait()
	}
}

// TestGiveWayTogether has many goroutines give way at once.
func TestGiveWayTogether(t *testing.T) {
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range 200 {
				giveWay()
			}
		})
	}
	all.Wait()
}

func TestShare(t *testing.T) {
	for procs, length := range map[int]time.Duration{1: shareOfOne, 2: shareOfMany} {
		synctest.Test(t, func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			var s Share
			for range 3 { // a new share begins when one is over
				s.Work()
				time.Sleep(length - 1)
				if s.Work(); s.began.IsZero() {
					t.Errorf("with %d processors, a share is over before %v", procs, length)
				}
				time.Sleep(time.Nanosecond)
				if s.Work(); !s.began.IsZero() {
					t.Errorf("with %d processors, a share is not over after %v", procs, length)
				}
			}
			s.Work()
			time.Sleep(length - 1)
			s.Reset()
			s.Work()
			time.Sleep(time.Nanosecond)
			if s.Work(); s.began.IsZero() {
				t.Error("a share that was reset has not begun anew")
			}
		})
	}
}
