package codec

import (
	"github.com/wampeter/wampeter/internal/msg"
)

// Elements appends the elements of list, one complete valid list in format f,
// to dst, each as its bytes. Entries does the same for a dictionary. What is
// no list has no elements.
func Elements(dst [][]byte, f msg.Format, list []byte) [][]byte {
	c := cursor{reader: reader{f: f, data: list}}
	c.next()
	if c.kind != kindList {
		return dst
	}
	for frame := c.open(); c.more(&frame); {
		value := c.raw()
		if c.err != nil {
			break
		}
		dst = append(dst, value)
	}
	return dst
}

// Entries calls yield for each entry of dict, one complete valid dictionary in
// format f, until yield returns false. Keys are text, as Transcode makes them,
// and valid until yield returns.
func Entries(f msg.Format, dict []byte, yield func(key, value []byte) bool) {
	c := cursor{reader: reader{f: f, data: dict}}
	c.next()
	if c.kind != kindDict {
		return
	}
	for frame := c.open(); c.more(&frame); {
		key := c.keyText()
		value := c.raw()
		if c.err != nil || !yield(key, value) {
			return
		}
	}
}

// raw passes over the next value and returns its bytes.
func (c *cursor) raw() []byte {
	if c.f == msg.JSON {
		c.pos = jsonSpace(c.data, c.pos)
	}
	start := c.pos
	c.skip(MaxDepth)
	return c.data[start:c.pos:c.pos]
}

// AppendList appends a list of values that are serialized already, and
// AppendDict a dictionary.
func AppendList(dst []byte, f msg.Format, elements [][]byte) []byte {
	b := builder{f: f, b: dst}
	b.list(len(elements))
	for i, e := range elements {
		if i > 0 {
			b.element()
		}
		b.b = append(b.b, e...)
	}
	b.endList()
	return b.b
}

// AppendDict appends a dictionary of entries whose values are serialized in
// format f already, the value of keys[i] being values[i].
func AppendDict(dst []byte, f msg.Format, keys []string, values [][]byte) []byte {
	b := builder{f: f, b: dst}
	b.dict(len(keys))
	for i, k := range keys {
		b.key(k)
		b.b = append(b.b, values[i]...)
	}
	b.endDict()
	return b.b
}
