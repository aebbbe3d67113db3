package transport

import (
	"testing"
)

func TestBlockClass(t *testing.T) {
	last := -1
	for _, size := range []int{
		1, 512, 32 << 10, 32<<10 + 1, 40 << 10, 40<<10 + 1, 64 << 10, 64<<10 + 1,
		1 << 20, 1<<20 + 40, 16 << 20, 16<<20 + 100, 32 << 20, 32<<20 + 1,
	} {
		class, room := blockClass(size)
		if room < size || class >= len(blocks) || class >= 0 && class < last {
			t.Errorf("%d bytes: class %d of %d bytes, after %d", size, class, room, last)
		}
		if class >= 0 && room > size+size/4+1 {
			t.Errorf("%d bytes take %d", size, room)
		}
		if class < 0 && room != size {
			t.Errorf("%d bytes that are not used again take %d", size, room)
		}
		if class >= 0 {
			last = class
			if again, same := blockClass(room); again != class || same != room {
				t.Errorf("%d bytes: class %d of %d, of which the room is in class %d of %d", size, class, room, again, same)
			}
		}
	}
}

func TestBlockIsUsedAgain(t *testing.T) {
	message := make([]byte, 1<<20)
	var a Assembly
	a.Init(NewBudget(4 << 20))
	receive := func() {
		a.Expect(len(message))
		if _, err := a.Append(message); err != nil {
			t.Fatal(err)
		}
	}
	n := testing.AllocsPerRun(100, func() { receive(); a.Reset() })
	if n >= 1 && !raceEnabled { // with the race detector pools forget at random
		t.Errorf("%v allocations for a large message", n)
	}

	// What somebody holds or keeps is not given to others.
	receive()
	held := a.Block()
	held.Hold()
	a.Reset()
	for range 100 {
		receive()
		if a.Block() == held {
			t.Fatal("a block that is held was used again")
		}
		a.Reset()
	}
	held.Release()
	if (*Block)(nil).Keep() {
		t.Error("there is no block to keep")
	}
}

func TestBlockReleasedTwice(t *testing.T) {
	b, _ := NewBlock(100)
	b.Release()
	defer func() {
		if recover() == nil {
			t.Error("nobody noticed")
		}
	}()
	b.Release()
}
