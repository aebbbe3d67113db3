package router

import (
	"time"

	"github.com/wampeter/wampeter/internal/session"
)

// pace slows a client down that sends faster than somebody reads, by not
// reading from it for a moment. That is worth a little to spare a receiver that
// makes progress from being disconnected, and it is limited, since the client's
// other receivers wait too: of each second 100 ms for calls, 10 ms for events.
type pace struct {
	credit time.Duration
	last   time.Time
}

const (
	maxCredit = 100 * time.Millisecond
	tick      = time.Millisecond
)

// wait returns when fewer than enough bytes wait for slow, or when the credit
// is used up.
func (p *pace) wait(slow *session.Peer, enough int, events bool) {
	share, limit := time.Duration(10), maxCredit
	if events {
		share, limit = 100, maxCredit/10
	}
	now := time.Now()
	if p.last.IsZero() {
		p.credit = limit
	} else {
		p.credit = min(p.credit+now.Sub(p.last)/share, limit)
	}
	for p.credit >= tick && slow.Queued() > enough {
		time.Sleep(tick)
		p.credit -= tick
	}
	p.last = time.Now()
}
