//go:build !unix

package transport

// readiness tells that sockets can be asked whether they are ready.
const readiness = false

func (s *Socket) readReady(uintptr) bool  { return true }
func (s *Socket) writeReady(uintptr) bool { return true }
