package wamp

import "runtime"

// job is what a goroutine of the session has to do: handle invocations or events.
type job interface{ work() }

// jobs is a queue.
type jobs struct {
	list  []job
	first int // of list, that is not taken
}

// maxJobRoom is how much of an empty queue's memory is kept.
const maxJobRoom = 1024

func (q *jobs) empty() bool { return q.first == len(q.list) }

func (q *jobs) push(j job) {
	if len(q.list) == cap(q.list) && q.first > len(q.list)/2 {
		n := copy(q.list, q.list[q.first:])
		clear(q.list[n:])
		q.list, q.first = q.list[:n], 0
	}
	q.list = append(q.list, j)
}

func (q *jobs) take() job {
	j := q.list[q.first]
	q.list[q.first] = nil
	if q.first++; q.empty() {
		q.list, q.first = q.list[:0], 0
		if cap(q.list) > maxJobRoom {
			q.list = nil
		}
	}
	return j
}

// maxParked is how many goroutines of a session wait for the next job when they
// have done theirs. A new one would have to grow its stack again, which costs as
// much as decoding a call; one that waits keeps it.
const maxParked = 64

// do has a goroutine do j, after what it was given before; false when the session
// has ended. s.mu is held.
func (s *Session) do(j job) bool {
	if s.closed != nil {
		return false
	}
	s.jobs.push(j)
	s.wake()
	return true
}

// wake has one more goroutine take jobs, unless one is on its way. s.mu is held.
func (s *Session) wake() {
	if s.waking || s.jobs.empty() && !s.unflushed {
		return
	}
	s.waking = true
	if last := len(s.parked) - 1; last >= 0 {
		s.parked[last] <- struct{}{}
		s.parked = s.parked[:last]
		return
	}
	s.handlers++
	go s.worker()
}

// worker does jobs as long as there are any. A job may take as long as it likes,
// and holds up none that came after it: before each, the worker wakes another one
// for what is left. Where jobs are done quickly, that one finds nothing, and many
// jobs have cost one switch of goroutines.
func (s *Session) worker() {
	defer s.endHandlers() // also when a handler calls runtime.Goexit
	wake := make(chan struct{}, 1)
	for {
		s.mu.Lock()
		s.waking = false
		for s.unflushed || !s.jobs.empty() {
			if s.unflushed {
				s.unflushed = false
				s.wake()
				s.mu.Unlock()
				s.flushNow()
			} else {
				j := s.jobs.take()
				s.wake()
				s.mu.Unlock()
				j.work()
			}
			s.mu.Lock()
		}
		parks := s.park(wake)
		s.mu.Unlock()
		if !parks {
			return
		}
		if _, more := <-wake; !more {
			return
		}
	}
}

// park lets a goroutine wait for wake, which is closed when the session ends;
// false when there are enough that wait. s.mu is held.
func (s *Session) park(wake chan struct{}) bool {
	if s.closed != nil || len(s.parked) == maxParked {
		return false
	}
	s.parked = append(s.parked, wake)
	s.handlersEnded()
	return true
}

// endParked ends the goroutines that wait. s.mu is held.
func (s *Session) endParked() {
	for _, wake := range s.parked {
		close(wake)
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

// flush writes what is in the outbox: at once, or soon, together with what others
// are about to send. s.mu is not held.
func (s *Session) flush(soon bool) {
	if soon {
		s.flushSoon()
	} else {
		s.peer.Flush()
	}
}

// flushSoon has what is in the outbox written by a goroutine that runs after those
// which are ready to run now: callers, and handlers that end, at about the same time
// share one write, which costs more than all else that is done for a call. s.mu is
// not held.
func (s *Session) flushSoon() {
	if s.flushing.Swap(true) {
		return // the one that is on its way writes this too
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed == nil {
		s.unflushed = true // goes before all handlers, which may take long
		s.wake()
	}
}

func (s *Session) flushNow() {
	runtime.Gosched()
	s.flushing.Store(false)
	s.peer.Flush()
}
