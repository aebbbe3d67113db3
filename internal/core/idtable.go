package core

import "math/bits"

// idTable maps IDs to records: open addressing with linear probing, at most
// three quarters full. It is a map that, once it has grown, neither allocates
// nor leaves anything behind when records come and go.
type idTable[V any] struct {
	slots []idSlot[V] // a power of two
	n     int
	mul   uint64 // odd, secret: clients choose IDs, and must not choose collisions
}

type idSlot[V any] struct {
	id uint64 // 0: free
	v  *V
}

const (
	leastIDSlots = 8
	mostIdle     = 1024 // slots that an empty table keeps
)

func (t *idTable[V]) home(id uint64) int {
	return int((id * t.mul) >> (64 - uint(bits.Len(uint(len(t.slots)-1)))))
}

func (t *idTable[V]) get(id uint64) *V {
	if t.n == 0 || id == 0 {
		return nil
	}
	last := len(t.slots) - 1
	for i := t.home(id); ; i = (i + 1) & last {
		switch t.slots[i].id {
		case id:
			return t.slots[i].v
		case 0:
			return nil
		}
	}
}

// put adds a record whose id is not in the table.
func (t *idTable[V]) put(id uint64, v *V) {
	if 4*(t.n+1) > 3*len(t.slots) {
		old := t.slots
		t.slots = make([]idSlot[V], max(leastIDSlots, 2*len(old)))
		for _, s := range old {
			if s.id != 0 {
				t.insert(s)
			}
		}
	}
	t.insert(idSlot[V]{id, v})
	t.n++
}

func (t *idTable[V]) insert(s idSlot[V]) {
	last := len(t.slots) - 1
	i := t.home(s.id)
	for t.slots[i].id != 0 {
		i = (i + 1) & last
	}
	t.slots[i] = s
}

// remove takes the record id out, if it is there.
func (t *idTable[V]) remove(id uint64) {
	if t.n == 0 || id == 0 {
		return
	}
	last := len(t.slots) - 1
	i := t.home(id)
	for t.slots[i].id != id {
		if t.slots[i].id == 0 {
			return
		}
		i = (i + 1) & last
	}
	t.n--
	if t.n == 0 && len(t.slots) > mostIdle {
		t.slots = nil
		return
	}
	// Close the gap, so that probes still end at the first free slot.
	for j := (i + 1) & last; t.slots[j].id != 0; j = (j + 1) & last {
		if (j-t.home(t.slots[j].id))&last >= (j-i)&last {
			t.slots[i] = t.slots[j]
			i = j
		}
	}
	t.slots[i] = idSlot[V]{}
}

// appendAll appends all records, in no particular order.
func (t *idTable[V]) appendAll(dst []*V) []*V {
	for _, s := range t.slots {
		if s.id != 0 {
			dst = append(dst, s.v)
		}
	}
	return dst
}
