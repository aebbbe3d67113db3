package transport

import (
	"runtime"
	"sync/atomic"
	"time"
)

// A Share is the time that a goroutine which does not wait for anything may have
// before others come first. Go looks which sockets have become readable when no
// goroutine can run, and otherwise every ten milliseconds: on as many cores as are
// kept busy by readers that always have input, nobody else would be heard for that
// long. The zero Share has just begun.
type Share struct {
	began time.Time
	owed  time.Duration // the least that it is long
}

// How long a share is: with one processor of Go's, and with several, of which one
// that has nothing to do looks at the sockets all the time, and is woken up for
// nothing by who gives way. That costs some 2 µs, and 10.
//
// Who gives way to goroutines that never do, since they compute, gets as much time
// as they have taken, up to what Go lets a goroutine have at once.
const (
	shareOfOne  = 50 * time.Microsecond
	shareOfMany = 250 * time.Microsecond
	maxOwed     = 10 * time.Millisecond
)

// Work is called from time to time while there is work, without a lock held. When
// the goroutine has had its share, it lets those that can run go first, and has Go
// look for others.
func (s *Share) Work() {
	now := time.Now()
	if s.began.IsZero() {
		s.began = now
		return
	}
	had := now.Sub(s.began)
	if had < shareOfOne || had < s.owed || had < shareOfMany && runtime.GOMAXPROCS(0) > 1 {
		return
	}
	n := ways.Add(1)
	giveWay(n)
	s.Reset()
	if ways.Load() == n { // the others were none that give way
		s.owed = min(time.Since(now), maxOwed)
	}
}

// ways counts how often somebody has given way.
var ways atomic.Uint64

// Reset begins a new share, for a goroutine that has waited.
func (s *Share) Reset() { *s = Share{} }
