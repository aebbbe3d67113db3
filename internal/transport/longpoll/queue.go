package longpoll

import (
	"slices"

	"github.com/wampeter/wampeter/internal/transport"
)

// queue is output that waits for receive requests, in the framing Prefixed.
type queue struct {
	data []byte
	full int // bytes of data that are complete messages
}

// push appends what the capacity allows of bufs and returns how much that was.
// With whole set a message that is larger than the capacity is taken whole when
// it comes first.
func (q *queue) push(bufs [][]byte, whole bool) int {
	n := 0
	for _, b := range bufs {
		for len(b) > 0 {
			room := capacity - len(q.data)
			if whole && q.full == 0 {
				room = max(room, q.missing())
			}
			if room <= 0 {
				return n
			}
			room = min(room, len(b))
			q.data = append(q.data, b[:room]...)
			q.full += complete(q.data[q.full:])
			b = b[room:]
			n += room
		}
	}
	return n
}

// missing returns how many bytes more of the first message, which is not
// complete, can be told to be missing.
func (q *queue) missing() int {
	const head = 4
	if len(q.data) < head {
		return head - len(q.data)
	}
	size := int(q.data[0])<<24 | int(q.data[1])<<16 | int(q.data[2])<<8 | int(q.data[3])
	return head + size - len(q.data)
}

// take removes what answers a receive request; nil when no message is complete.
func (q *queue) take(p transport.Subprotocol) []byte {
	if q.full == 0 {
		return nil
	}
	out, rest := body(p, q.data[:q.full])
	used := q.full - len(rest)
	q.full -= used
	if q.data = q.data[used:]; q.full == 0 {
		// The answer may be a view of the same memory, and large.
		q.data = slices.Clone(q.data)
	}
	return out
}

// drop forgets everything but complete messages, or everything.
func (q *queue) drop(all bool) {
	if all || q.full == 0 {
		*q = queue{}
		return
	}
	q.data = q.data[:q.full]
}
