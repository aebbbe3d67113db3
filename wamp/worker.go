package wamp

import "runtime"

// job is what a goroutine of the session has to do: handle invocations or events,
// or write.
type job interface{ work() }

// maxParked is how many goroutines of a session wait for the next job when they
// have done theirs. A new one would have to grow its stack again, which costs as
// much as decoding a call; one that waits keeps it.
const maxParked = 64

// do has a goroutine do j; false when the session has ended. s.mu is held.
func (s *Session) do(j job) bool {
	if last := len(s.parked) - 1; last >= 0 {
		s.parked[last] <- j
		s.parked = s.parked[:last]
		return true
	}
	if !s.startHandlers() {
		return false
	}
	go s.worker(j)
	return true
}

// worker does j and what comes after.
func (s *Session) worker(j job) {
	defer s.endHandlers() // also when a handler calls runtime.Goexit
	next := make(chan job, 1)
	for j != nil {
		j.work()
		if !s.park(next) {
			return
		}
		j = <-next
	}
}

// park has the next job given to next, which is closed when the session ends;
// false when there are goroutines enough that wait.
func (s *Session) park(next chan job) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed != nil || len(s.parked) == maxParked {
		return false
	}
	s.parked = append(s.parked, next)
	s.handlersEnded()
	return true
}

// endParked ends the goroutines that wait. s.mu is held.
func (s *Session) endParked() {
	for _, next := range s.parked {
		close(next)
	}
	s.parked = nil
}

// startHandlers counts a goroutine that runs handlers; false when the session
// has ended, and none may start. s.mu is held.
func (s *Session) startHandlers() bool {
	if s.closed != nil {
		return false
	}
	s.handlers++
	return true
}

// endHandlers is called by such a goroutine when it is about to end.
func (s *Session) endHandlers() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handlers--
	s.handlersEnded()
}

// handlersEnded tells those who wait when no handler runs. s.mu is held.
func (s *Session) handlersEnded() {
	if s.handlers > len(s.parked) {
		return
	}
	if s.closed != nil {
		close(s.idle)
	}
	if s.drained != nil {
		close(s.drained)
		s.drained = nil
	}
}

// flushSoon has what is in the outbox written by a goroutine that runs after those
// which are ready to run now: handlers that end at about the same time share one
// write, which costs more than all else that is done for a call. s.mu is not held.
func (s *Session) flushSoon() {
	if s.flushing.Swap(true) {
		return // the one that is on its way writes this too
	}
	s.mu.Lock()
	s.do((*flusher)(s)) // not when the session has ended
	s.mu.Unlock()
}

// flusher is the Session as a job.
type flusher Session

func (f *flusher) work() {
	runtime.Gosched()
	f.flushing.Store(false)
	f.peer.Flush()
}
