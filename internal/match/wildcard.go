package match

import (
	"bytes"
	"hash/maphash"
	"math/bits"
	"slices"
)

// Shape is what wildcard patterns have in common that match a URI at the same
// cost: their number of components, and which of them are empty.
type Shape struct {
	components int
	mask       uint64 // bit 63 for the first component, and so on; set: empty
}

// Mask returns which components are empty: bit 63 for the first one, and so on.
// Of two shapes with as many components, the one with the lower mask comes
// first in the specification's precedence.
func (s Shape) Mask() uint64 { return s.mask }

// ShapeOf returns the shape of a wildcard pattern; false when it has more than
// MaxComponents components.
func ShapeOf[T ~string | ~[]byte](pattern T) (Shape, bool) {
	s := Shape{components: 1}
	start := 0
	for i := 0; ; i++ {
		if i < len(pattern) && pattern[i] != '.' {
			continue
		}
		if s.components > MaxComponents {
			return Shape{}, false
		}
		if i == start {
			s.mask |= 1 << (64 - s.components)
		}
		if i == len(pattern) {
			return s, true
		}
		start = i + 1
		s.components++
	}
}

// wildcardTable is a hash table of wildcard patterns, with the shapes that
// occur in it. Its hash is the exclusive or of the hashes of the literal
// components, so that the hashes for all shapes follow from one pass over the
// URI, and of the shape. The hash is keyed: nobody outside can choose patterns
// that collide.
type wildcardTable[V any] struct {
	seed   maphash.Seed
	n      int
	shapes int
	byLen  [MaxComponents + 1][]shapeUse // in order of precedence

	// Open addressing with linear probing, at most half full. Most look-ups
	// find nothing; those are told by filter, which has one bit set for each
	// pattern, 16 bits or more for each of them, and stays in the processor's
	// cache.
	entries []wildcardEntry[V]
	filter  []uint64
	stale   int // patterns that have gone since filter was made
}

type shapeUse struct {
	mask   uint64
	spread uint64 // spread(mask)
	n      int    // patterns
}

type wildcardEntry[V any] struct {
	used    bool
	hash    uint64
	mask    uint64
	pattern string
	value   V
}

const leastSlots = 16

func (t *wildcardTable[V]) init() { t.seed = maphash.MakeSeed() }

// terms hashes the components of uri into dst and returns their number; 0 when
// there are too many.
func (t *wildcardTable[V]) terms(uri []byte, dst *[MaxComponents]uint64) int {
	n := 0
	for {
		if n == MaxComponents {
			return 0
		}
		i := bytes.IndexByte(uri, '.')
		component := uri
		if i >= 0 {
			component = uri[:i]
		}
		// Rotation tells equal components in different places apart.
		dst[n] = bits.RotateLeft64(maphash.Bytes(t.seed, component), n)
		n++
		if i < 0 {
			return n
		}
		uri = uri[i+1:]
	}
}

// spread makes the shape a part of the hash.
func spread(mask uint64) uint64 { return mask * 0x9e3779b97f4a7c15 }

// hash returns the hash of all n components.
func hash(terms *[MaxComponents]uint64, n int) (h uint64) {
	for _, term := range terms[:n] {
		h ^= term
	}
	return h
}

// without returns h without the terms of the components that mask has.
func without(h uint64, terms *[MaxComponents]uint64, mask uint64) uint64 {
	for m := mask; m != 0; m &= m - 1 {
		h ^= terms[63-bits.TrailingZeros64(m)]
	}
	return h
}

// matches reports whether pattern matches uri.
func matches(pattern string, uri []byte) bool {
	i := 0 // in uri
	for p := 0; ; {
		if p == len(pattern) || pattern[p] == '.' {
			// An empty component, or the end of an equal one.
			if p == 0 || pattern[p-1] == '.' {
				for i < len(uri) && uri[i] != '.' {
					i++
				}
			}
			if p == len(pattern) {
				return i == len(uri)
			}
		}
		if i == len(uri) || uri[i] != pattern[p] {
			return false
		}
		i++
		p++
	}
}

func (t *wildcardTable[V]) best(uri []byte) (v V, ok bool) {
	if t.n == 0 {
		return v, false
	}
	var terms [MaxComponents]uint64
	n := t.terms(uri, &terms)
	all := hash(&terms, n)
	for _, s := range t.byLen[n] {
		h := without(all^s.spread, &terms, s.mask)
		if !t.mayHave(h) {
			continue
		}
		if e := t.find(h, uri, s.mask); e != nil {
			return e.value, true
		}
	}
	return v, false
}

func (t *wildcardTable[V]) appendAll(dst []V, uri []byte) []V {
	if t.n == 0 {
		return dst
	}
	var terms [MaxComponents]uint64
	n := t.terms(uri, &terms)
	all := hash(&terms, n)
	for _, s := range t.byLen[n] {
		h := without(all^s.spread, &terms, s.mask)
		if !t.mayHave(h) {
			continue
		}
		if e := t.find(h, uri, s.mask); e != nil {
			dst = append(dst, e.value)
		}
	}
	return dst
}

// bit returns where h has its bit in the filter: the word, and a mask.
func (t *wildcardTable[V]) bit(h uint64) (int, uint64) {
	return int(h>>32) & (len(t.filter) - 1), 1 << (h >> 58)
}

// mayHave reports whether there may be a pattern with hash h.
func (t *wildcardTable[V]) mayHave(h uint64) bool {
	word, mask := t.bit(h)
	return t.filter[word]&mask != 0
}

// find returns the pattern with hash h that matches uri, and whose shape has
// that mask; nil when there is none.
func (t *wildcardTable[V]) find(h uint64, uri []byte, mask uint64) *wildcardEntry[V] {
	last := len(t.entries) - 1
	for i := int(h) & last; t.entries[i].used; i = (i + 1) & last {
		if e := &t.entries[i]; e.hash == h && e.mask == mask && matches(e.pattern, uri) {
			return e
		}
	}
	return nil
}

// slot returns the slot of pattern itself, -1 when it is not there.
func (t *wildcardTable[V]) slot(pattern []byte, h uint64) int {
	if t.n == 0 {
		return -1
	}
	last := len(t.entries) - 1
	for i := int(h) & last; t.entries[i].used; i = (i + 1) & last {
		if e := &t.entries[i]; e.hash == h && e.pattern == string(pattern) {
			return i
		}
	}
	return -1
}

func (t *wildcardTable[V]) key(pattern []byte) (Shape, uint64) {
	s, _ := ShapeOf(pattern)
	var terms [MaxComponents]uint64
	n := t.terms(pattern, &terms)
	return s, without(hash(&terms, n)^spread(s.mask), &terms, s.mask)
}

func (t *wildcardTable[V]) get(uri []byte) (v V, ok bool) {
	_, h := t.key(uri)
	if i := t.slot(uri, h); i >= 0 {
		return t.entries[i].value, true
	}
	return v, false
}

func (t *wildcardTable[V]) put(pattern string, v V) {
	view := []byte(pattern)
	s, h := t.key(view)
	if i := t.slot(view, h); i >= 0 {
		t.entries[i].value = v
		return
	}
	if 2*(t.n+1) > len(t.entries) {
		t.resize(max(leastSlots, 2*len(t.entries)))
	}
	t.insert(wildcardEntry[V]{used: true, hash: h, mask: s.mask, pattern: pattern, value: v})
	t.n++
	uses := t.byLen[s.components]
	i, found := findShape(uses, s.mask)
	if !found {
		uses = slices.Insert(uses, i, shapeUse{mask: s.mask, spread: spread(s.mask)})
		t.byLen[s.components] = uses
		t.shapes++
	}
	uses[i].n++
}

func (t *wildcardTable[V]) delete(pattern []byte) {
	s, h := t.key(pattern)
	i := t.slot(pattern, h)
	if i < 0 {
		return
	}
	t.clear(i)
	t.n--
	t.stale++
	switch {
	case len(t.entries) > leastSlots && t.n <= len(t.entries)/8:
		t.resize(len(t.entries) / 2)
	case t.stale > len(t.entries)/2:
		t.resize(len(t.entries)) // for a new filter
	}
	uses := t.byLen[s.components]
	at, _ := findShape(uses, s.mask)
	if uses[at].n--; uses[at].n == 0 {
		t.byLen[s.components] = slices.Delete(uses, at, at+1)
		t.shapes--
	}
}

func (t *wildcardTable[V]) has(s Shape) bool {
	_, found := findShape(t.byLen[s.components], s.mask)
	return found
}

func findShape(uses []shapeUse, mask uint64) (int, bool) {
	// The lower mask has its first empty component further to the right.
	return slices.BinarySearchFunc(uses, mask, func(u shapeUse, mask uint64) int {
		switch {
		case u.mask < mask:
			return -1
		case u.mask > mask:
			return 1
		}
		return 0
	})
}

func (t *wildcardTable[V]) insert(e wildcardEntry[V]) {
	last := len(t.entries) - 1
	i := int(e.hash) & last
	for t.entries[i].used {
		i = (i + 1) & last
	}
	t.entries[i] = e
	word, mask := t.bit(e.hash)
	t.filter[word] |= mask
}

// clear empties slot i and closes the gap, so that probes still end at the
// first free slot.
func (t *wildcardTable[V]) clear(i int) {
	last := len(t.entries) - 1
	for j := (i + 1) & last; t.entries[j].used; j = (j + 1) & last {
		home := int(t.entries[j].hash) & last
		if (j-home)&last >= (j-i)&last {
			t.entries[i] = t.entries[j]
			i = j
		}
	}
	t.entries[i] = wildcardEntry[V]{}
}

// resize moves all patterns into a table of so many slots.
func (t *wildcardTable[V]) resize(slots int) {
	old := t.entries
	t.entries, t.filter, t.stale = make([]wildcardEntry[V], slots), make([]uint64, slots/8), 0
	for _, e := range old {
		if e.used {
			t.insert(e)
		}
	}
}
