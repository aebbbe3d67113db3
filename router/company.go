package router

import "runtime"

// company lets other readers that are ready go before a reader flushes, so that
// what they put into the same outboxes is written together with what is there:
// many callers of one callee then share a write. Where that spares nothing, it is
// tried more and more rarely.
type company struct {
	skip uint8 // turns to pass until it is tried again, when the last try spared nothing
	left uint8 // of them
}

// maxSkip is how many turns of a reader pass, at most, between two tries.
const maxSkip = 63

// due reports whether it is to be tried in this turn.
func (c *company) due() bool {
	if c.left > 0 {
		c.left--
		return false
	}
	return true
}

// wait lets the others go. note must follow.
func (c *company) wait() { runtime.Gosched() }

// note takes down whether the try has spared a write.
func (c *company) note(spared bool) {
	if c.skip = min(2*c.skip+1, maxSkip); spared {
		c.skip = 0
	}
	c.left = c.skip
}
