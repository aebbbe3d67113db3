package wamp

// backlog is payloads that wait for the application to take them, in order.
type backlog struct {
	list []incoming
	size int // bytes
}

// Limits of a backlog. A single payload may be of any size.
const (
	maxBacklog      = 1024
	maxBacklogBytes = 16 << 20
)

// push adds a payload; false when there is no room for it.
func (b *backlog) push(in incoming) bool {
	size := in.Size()
	if len(b.list) >= maxBacklog || len(b.list) > 0 && b.size+size > maxBacklogBytes {
		return false
	}
	b.size += size
	b.list = append(b.list, in)
	return true
}

// pop takes out the oldest payload; false when there is none.
func (b *backlog) pop() (incoming, bool) {
	if len(b.list) == 0 {
		return incoming{}, false
	}
	in := b.list[0]
	b.list[0] = incoming{}
	b.list = b.list[1:]
	b.size -= in.Size()
	return in, true
}
