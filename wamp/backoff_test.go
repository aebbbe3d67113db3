package wamp_test

import (
	"math"
	"testing"
	"time"

	"github.com/wampeter/wampeter/wamp"
)

// S002-19, S002-20: the formula, and each setting alone.
func TestBackoff(t *testing.T) {
	const none = -1
	for _, tt := range []struct {
		name string
		b    wamp.Backoff
		n    int
		want time.Duration // before the jitter; none: no retry
		most time.Duration // of the jitter
	}{
		{"defaults", wamp.Backoff{}, 1, 1500 * time.Millisecond, time.Second},
		{"grown", wamp.Backoff{}, 3, 3375 * time.Millisecond, time.Second},
		{"capped", wamp.Backoff{}, 50, time.Minute, time.Second},
		{"very late", wamp.Backoff{}, math.MaxInt, time.Minute, time.Second},
		{"exponent", wamp.Backoff{Initial: time.Nanosecond, Growth: 1.01, Jitter: none}, 1000, 2, 1},
		{"initial", wamp.Backoff{Initial: 10 * time.Second}, 1, 15 * time.Second, time.Second},
		{"initial none", wamp.Backoff{Initial: none}, 7, 0, time.Second},
		{"growth", wamp.Backoff{Growth: 3}, 2, 9 * time.Second, time.Second},
		{"constant", wamp.Backoff{Growth: 1}, 20, time.Second, time.Second},
		{"max", wamp.Backoff{Max: 2 * time.Second}, 9, 2 * time.Second, time.Second},
		{"max none", wamp.Backoff{Max: none}, 9, 0, 0},
		{"jitter", wamp.Backoff{Jitter: time.Minute}, 1, 1500 * time.Millisecond, time.Minute},
		{"jitter none", wamp.Backoff{Jitter: none}, 1, 1500 * time.Millisecond, 0},
		{"retries", wamp.Backoff{MaxRetries: 3}, 3, 3375 * time.Millisecond, time.Second},
		{"no retries left", wamp.Backoff{MaxRetries: 3}, 4, none, 0},
		{"unlimited", wamp.Backoff{MaxRetries: -1}, 1000, time.Minute, time.Second},
		{"no retry", wamp.Backoff{NoRetry: true}, 1, none, 0},
	} {
		var least, largest time.Duration = math.MaxInt64, 0
		for range 200 {
			wait, ok := tt.b.Delay(tt.n)
			if ok != (tt.want != none) {
				t.Fatalf("%s: retry: %v", tt.name, ok)
			}
			least, largest = min(least, wait), max(largest, wait)
		}
		switch {
		case tt.want == none:
		case least < tt.want || largest > tt.want+tt.most:
			t.Errorf("%s: waits from %v to %v, want %v and up to %v", tt.name, least, largest, tt.want, tt.most)
		case tt.most >= time.Second && largest-least < tt.most/2:
			t.Errorf("%s: no jitter: from %v to %v", tt.name, least, largest)
		}
	}
}
