package transport

import (
	"runtime"
	"time"
)

// A Share is the time that a goroutine which does not wait for anything may have
// before others come first. Go looks which sockets have become readable when no
// goroutine can run, and otherwise every ten milliseconds: on as many cores as are
// kept busy by readers that always have input, nobody else would be heard for that
// long. The zero Share has just begun.
type Share struct{ began time.Time }

// How long a share is: with one processor of Go's, and with several, of which one
// that has nothing to do looks at the sockets all the time, and is woken up for
// nothing by who gives way. That costs some 2 µs, and 10.
const (
	shareOfOne  = 50 * time.Microsecond
	shareOfMany = 250 * time.Microsecond
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
	if had >= shareOfMany || had >= shareOfOne && runtime.GOMAXPROCS(0) == 1 {
		giveWay()
		s.Reset()
	}
}

// Reset begins a new share, for a goroutine that has waited.
func (s *Share) Reset() { s.began = time.Time{} }
