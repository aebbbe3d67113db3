package transport

import "sync"

const (
	// SmallMessage is the size up to which a message is handed over as a view
	// into the read buffer. Larger ones are read into memory of their own.
	SmallMessage = 32 << 10

	// readBuffer is the size of a pooled read buffer. What remains of an
	// incomplete small frame, header included, always leaves room for more.
	readBuffer = 64 << 10
)

type buffer [readBuffer]byte

var buffers = sync.Pool{New: func() any { return new(buffer) }}

func getBuffer() *buffer  { return buffers.Get().(*buffer) }
func putBuffer(b *buffer) { buffers.Put(b) }
