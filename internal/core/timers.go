package core

import (
	"time"
)

// The timeouts of calls (specification, advanced profile, section "Call
// Timeouts") are one heap. With progressive results it is the time to the
// first result and between results that counts.

// longest is the longest timeout that is taken for one.
const longest = 100 * 365 * 24 * time.Hour

// Timeout returns the time that CALL's timeout stands for; 0 means none.
func (r *Realm) Timeout(n uint64) time.Duration {
	if n > uint64(longest/r.cfg.TimeoutUnit) {
		return 0
	}
	return time.Duration(n) * r.cfg.TimeoutUnit
}

// TimeoutFor returns the least timeout of a CALL that stands for d or more.
func (r *Realm) TimeoutFor(d time.Duration) uint64 {
	return uint64(max(1, (d+r.cfg.TimeoutUnit-1)/r.cfg.TimeoutUnit))
}

// NextDeadline returns when Tick has something to do; the zero time when
// there is nothing that waits for a time.
func (r *Realm) NextDeadline() time.Time {
	if len(r.timers) == 0 {
		return time.Time{}
	}
	return r.timers[0].deadline
}

// Tick does what is due: it ends calls that have timed out, with ERROR
// wamp.error.timeout to the caller, and INTERRUPT to a callee that can be
// interrupted.
func (r *Realm) Tick(out *Out) {
	if len(r.timers) == 0 {
		return
	}
	now := r.cfg.Now()
	for len(r.timers) > 0 && !r.timers[0].deadline.After(now) {
		c := r.timers[0]
		r.interrupt(c, out)
		if c.all() != nil {
			r.finishAll(c, errTimeout, out)
			continue
		}
		r.failCall(c, errTimeout, out)
		r.endCall(c, out)
	}
}

// startTimer starts the timer of c anew, if it has a timeout.
func (r *Realm) startTimer(c *call) {
	if c.timeout == 0 {
		return
	}
	c.deadline = r.cfg.Now().Add(c.timeout)
	if c.timed == 0 {
		r.timers = append(r.timers, c)
		c.timed = len(r.timers)
	}
	r.fixTimer(c.timed - 1)
}

// restartTimer gives c its whole timeout again, if its timer runs.
func (r *Realm) restartTimer(c *call) {
	if c.timed != 0 {
		r.startTimer(c)
	}
}

func (r *Realm) stopTimer(c *call) {
	if c.timed == 0 {
		return
	}
	i, last := c.timed-1, len(r.timers)-1
	c.timed = 0
	moved := r.timers[last]
	r.timers[last] = nil
	r.timers = r.timers[:last]
	if i < last {
		r.timers[i] = moved
		moved.timed = i + 1
		r.fixTimer(i)
	}
}

// fixTimer moves the timer at index i up or down to its place.
func (r *Realm) fixTimer(i int) {
	h := r.timers
	for i > 0 && h[i].deadline.Before(h[(i-1)/2].deadline) {
		r.swapTimers(i, (i-1)/2)
		i = (i - 1) / 2
	}
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(h); child++ {
			if h[child].deadline.Before(h[least].deadline) {
				least = child
			}
		}
		if least == i {
			return
		}
		r.swapTimers(i, least)
		i = least
	}
}

func (r *Realm) swapTimers(i, j int) {
	h := r.timers
	h[i], h[j] = h[j], h[i]
	h[i].timed, h[j].timed = i+1, j+1
}
