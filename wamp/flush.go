package wamp

import "runtime"

// flushSoon has what is in the outbox written by a goroutine that runs after those
// which are ready to run now: handlers that end at about the same time share one
// write, which costs more than all else that is done for a call. s.mu is not held.
func (s *Session) flushSoon() {
	if s.flushing.Swap(true) {
		return // the one that is on its way writes this too
	}
	s.mu.Lock()
	runs := s.startHandlers()
	s.mu.Unlock()
	if !runs {
		return // the session has ended
	}
	go func() {
		defer s.endHandlers()
		runtime.Gosched()
		s.flushing.Store(false)
		s.peer.Flush()
	}()
}
