package wamp

import (
	"math"
	"math/rand/v2"
	"time"
)

// Backoff says how long to wait before a connection is tried again, and how
// often. The zero value waits 1.5 to 2.5 s at first and up to 61 s later, for
// ever. Each field works alone; those that are 0 have their defaults.
//
// Before retry n, counted from 1, the wait is
//
//	min(Initial * Growth^min(n, 100), Max) + a random part of Jitter
type Backoff struct {
	Initial time.Duration // default 1 s; negative: 0
	Growth  float64       // default 1.5; 1 keeps the wait as it is
	Max     time.Duration // default 60 s; negative: retries come at once, without any wait
	Jitter  time.Duration // default 1 s; negative: none

	// MaxRetries is after how many retries in a row to give up; 0 and
	// negative: never. A session that lasted 10 s starts the count, and n,
	// anew.
	MaxRetries int

	// NoRetry gives up after the first failure.
	NoRetry bool
}

// Defaults of Backoff.
const (
	DefaultBackoffInitial = time.Second
	DefaultBackoffGrowth  = 1.5
	DefaultBackoffMax     = time.Minute
	DefaultBackoffJitter  = time.Second
)

// maxExponent bounds n in Backoff's formula.
const maxExponent = 100

// Delay returns the wait before retry n, counted from 1; false when there is to
// be no such retry.
func (b Backoff) Delay(n int) (time.Duration, bool) {
	if b.NoRetry || b.MaxRetries > 0 && n > b.MaxRetries {
		return 0, false
	}
	if b.Max < 0 {
		return 0, true
	}
	initial := orDefault(b.Initial, DefaultBackoffInitial)
	growth := b.Growth
	if growth == 0 {
		growth = DefaultBackoffGrowth
	}
	longest := orDefault(b.Max, DefaultBackoffMax)
	wait := longest
	if grown := float64(initial) * math.Pow(growth, float64(min(n, maxExponent))); grown < float64(longest) {
		wait = time.Duration(grown)
	}
	if jitter := orDefault(b.Jitter, DefaultBackoffJitter); jitter > 0 {
		wait += rand.N(jitter)
	}
	return wait, true
}

// orDefault returns d, its default when it is 0, and 0 when it is negative.
func orDefault(d, def time.Duration) time.Duration {
	switch {
	case d == 0:
		return def
	case d < 0:
		return 0
	}
	return d
}
