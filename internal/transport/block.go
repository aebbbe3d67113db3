package transport

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// Block is memory that large messages are read into. It is used again for
// other messages when nobody refers to it any more: to allocate, clear and
// collect a megabyte costs as much as to copy it through a socket.
//
// Whoever is given a Block may use it until it returns. To go on using it he
// calls Hold, and Release when he is done, or Keep. A nil Block stands for
// memory that is not a Block's; its methods do nothing.
type Block struct {
	buf   []byte
	refs  atomic.Int32
	class int // of blocks; below 0: not used again
}

// Blocks are pooled by size, four sizes from one power of two to the next, so
// that a fifth of a Block at most is not used. Smaller ones are not worth it.
const (
	minBlockBits = 15
	maxBlockBits = 25
)

var blocks [4 * (maxBlockBits - minBlockBits)]sync.Pool

// blockClass returns the class of blocks with room for size bytes, and how many
// they have room for.
func blockClass(size int) (class, room int) {
	if size <= 1<<minBlockBits || size > 1<<maxBlockBits {
		return -1, size
	}
	n := bits.Len(uint(size-1)) - 1 // 2^n < size <= 2^(n+1)
	quarter := 1 << (n - 2)
	i := (size - 1<<n + quarter - 1) / quarter // 1 to 4
	return 4*(n-minBlockBits) + i - 1, 1<<n + i*quarter
}

// NewBlock returns memory for size bytes, and the Block that it is in, to which
// the caller refers.
func NewBlock(size int) (*Block, []byte) {
	b := getBlock(size)
	return b, b.buf[:size:size]
}

// getBlock returns a Block with room for size bytes or a little more, to which
// the caller refers.
func getBlock(size int) *Block {
	class, room := blockClass(size)
	if class >= 0 {
		if b, ok := blocks[class].Get().(*Block); ok {
			b.refs.Store(1)
			return b
		}
	}
	b := &Block{buf: make([]byte, room), class: class}
	b.refs.Store(1)
	return b
}

// Hold adds a reference, for which Release has to be called.
func (b *Block) Hold() {
	if b != nil {
		b.refs.Add(1)
	}
}

// Release gives a reference back. After the last one the memory belongs to
// somebody else.
func (b *Block) Release() {
	if b == nil {
		return
	}
	switch n := b.refs.Add(-1); {
	case n < 0:
		panic("transport: a Block was released more often than it was held")
	case n == 0 && b.class >= 0:
		if raceEnabled {
			// Whoever uses it still is found out by tests that compare bytes.
			for i := range b.buf {
				b.buf[i] = 0xdb
			}
		}
		blocks[b.class].Put(b)
	}
}

// Keep makes the memory the caller's for good: it is never used for another
// message. It reports whether there is a Block at all.
func (b *Block) Keep() bool {
	b.Hold()
	return b != nil
}
