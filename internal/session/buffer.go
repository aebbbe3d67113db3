package session

import "sync"

// envelope is what a message has around its payload, as a rule.
const envelope = 128

// bufferSizes are the sizes of pooled buffers. A peer's output moves to the next
// one as it grows, so that a burst leaves no garbage, and a peer with little output
// never has much memory.
var bufferSizes = [...]int{2 << 10, 16 << 10, 64 << 10, 256 << 10}

var buffers [len(bufferSizes)]sync.Pool

// getBuffer returns an empty buffer with room for need bytes.
func getBuffer(need int) *[]byte {
	for i, size := range bufferSizes {
		if need > size {
			continue
		}
		if b, ok := buffers[i].Get().(*[]byte); ok {
			return b
		}
		b := make([]byte, 0, size)
		return &b
	}
	b := make([]byte, 0, need+need/2) // not pooled
	return &b
}

// putBuffer keeps b for others. One that grew beyond its size counts as the size
// that it has room for.
func putBuffer(b *[]byte) {
	for i := len(bufferSizes) - 1; i >= 0; i-- {
		if cap(*b) >= bufferSizes[i] {
			if cap(*b) <= 2*bufferSizes[i] {
				*b = (*b)[:0]
				buffers[i].Put(b)
			}
			return
		}
	}
}
