package codec

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
)

// TypeError says that a value cannot go into the Go type it was to be read
// into.
type TypeError struct {
	Value string // what came, such as `string "x"`
	Type  string // the Go type that was expected
	Field string // the struct field that it was for, empty if none
	Hint  string // why not, where the two do not say it; may be empty
}

// Error returns text such as `cannot use string "x" as int`.
func (e *TypeError) Error() string {
	s := "cannot use " + e.Value + " as " + e.Type
	if e.Field != "" {
		s += " in field " + e.Field
	}
	if e.Hint != "" {
		s += ": " + e.Hint
	}
	return s
}

// Hints of a TypeError.
const (
	hintRange    = "it is out of range"
	hintFraction = "it has a fraction"
	hintInexact  = "a float beyond 2^53 is no exact integer"
	hintBinary   = "binary is expected, which JSON writes as a string of U+0000 and base64"
	hintText     = "text is expected"
)

// only reads the next value, which is to be the only one.
func (c *cursor) only() {
	c.next()
	c.pass()
}

// pass passes over the rest of the value that next has found, and checks that
// it was the only one.
func (c *cursor) pass() {
	if c.kind == kindList || c.kind == kindDict {
		c.skip(MaxDepth)
	}
	if c.end(); c.err != nil {
		c.kind = kindOther
	}
}

// mismatch ends reading: the value cannot be a target. Null can: it leaves the
// target as it is.
func (c *cursor) mismatch(target, hint string) {
	if c.err == nil && c.kind != kindNull {
		c.err = &TypeError{Value: c.describe(), Type: target, Hint: hint}
	}
}

// describe tells what the current value is, in the words of an error.
func (c *cursor) describe() string {
	switch c.kind {
	case kindNull:
		return "null"
	case kindBool:
		return strconv.FormatBool(c.num != 0)
	case kindUint:
		return "number " + strconv.FormatUint(c.num, 10)
	case kindInt:
		return "number " + strconv.FormatInt(int64(c.num), 10)
	case kindNumber:
		return "number " + strconv.FormatFloat(c.float(), 'g', -1, 64)
	case kindString:
		if b, ok := c.binary(); ok {
			return binaryOf(len(b))
		}
		return "string " + strconv.Quote(shorten(c.string()))
	case kindBytes:
		b, _ := c.binary()
		return binaryOf(len(b))
	case kindList:
		return "a list"
	}
	return "a dictionary"
}

// shorten cuts s after 40 characters.
func shorten(s string) string {
	n := 0
	for i := range s {
		if n++; n > 40 {
			return s[:i] + "…"
		}
	}
	return s
}

func binaryOf(n int) string { return fmt.Sprintf("binary of %d bytes", n) }

// string returns text as a Go string.
func (c *cursor) string() string {
	if c.form == formPlain {
		return string(c.text)
	}
	return string(c.appendText(nil))
}

// binary returns a copy of the bytes, if the value is binary.
func (c *cursor) binary() (b []byte, ok bool) {
	switch {
	case c.kind == kindBytes:
		return c.appendText(make([]byte, 0, len(c.text))), true
	case c.isMarked():
		return c.appendMarked(make([]byte, 0, base64.StdEncoding.DecodedLen(len(c.text))))
	}
	return nil, false
}

// integer reads an integer between least and most; ok is false when there was
// none, because of an error or a null.
func (c *cursor) integer(least int64, most uint64, target string) (n uint64, ok bool) {
	c.only()
	k, n := c.kind, c.num
	if k == kindNumber && isWhole(c.float()) {
		k, n = signed(int64(c.float()))
	}
	switch k {
	case kindUint:
		ok = n <= most
	case kindInt:
		ok = int64(n) >= least
	case kindNumber:
		hint := hintInexact
		if f := c.float(); f != math.Trunc(f) {
			hint = hintFraction
		}
		c.mismatch(target, hint)
		return 0, false
	default:
		c.mismatch(target, "")
		return 0, false
	}
	if !ok {
		c.mismatch(target, hintRange)
	}
	return n, ok
}

func (c *cursor) intoFloat(v *float64) {
	c.only()
	switch c.kind {
	case kindUint:
		*v = float64(c.num)
	case kindInt:
		*v = float64(int64(c.num))
	case kindNumber:
		*v = c.float()
	default:
		c.mismatch("float64", "")
	}
}

func (c *cursor) intoBool(v *bool) {
	c.only()
	if c.kind == kindBool {
		*v = c.num != 0
		return
	}
	c.mismatch("bool", "")
}

func (c *cursor) intoString(v *string) {
	c.only()
	if c.kind == kindString {
		if _, ok := c.binary(); !ok {
			*v = c.string()
			return
		}
	}
	if c.kind == kindString || c.kind == kindBytes {
		c.mismatch("string", hintText)
		return
	}
	c.mismatch("string", "")
}

func (c *cursor) intoBytes(v *[]byte) {
	c.only()
	if b, ok := c.binary(); ok {
		*v = b
		return
	}
	switch c.kind {
	case kindNull:
		*v = nil
	case kindString:
		c.mismatch("[]byte", hintBinary)
	default:
		c.mismatch("[]byte", "")
	}
}

// intoTree reads a list or dictionary, as k says, whose Go type is T.
func intoTree[T any](c *cursor, v *T, k kind, target string) {
	c.next()
	if c.kind == k {
		value := c.any(MaxDepth)
		if c.end(); c.err == nil {
			*v = value.(T)
		}
		return
	}
	c.pass()
	c.mismatch(target, "")
	if c.err == nil { // null
		var zero T
		*v = zero
	}
}

// any returns the value that next has found as plain Go values. Its lists and
// dictionaries may be nested depth levels.
func (c *cursor) any(depth int) any {
	switch c.kind {
	case kindBool:
		return c.num != 0
	case kindUint:
		if c.num > math.MaxInt64 {
			return c.num
		}
		return int64(c.num)
	case kindInt:
		return int64(c.num)
	case kindNumber:
		return c.float()
	case kindString:
		if b, ok := c.binary(); ok {
			return b
		}
		return c.string()
	case kindBytes:
		b, _ := c.binary()
		return b
	case kindList:
		return c.anyList(depth - 1)
	case kindDict:
		return c.anyDict(depth - 1)
	}
	return nil
}

// maxPrealloc bounds what is allocated for a length that was only claimed.
const maxPrealloc = 1024

func (c *cursor) anyList(depth int) []any {
	if depth < 0 {
		c.fail(errTooDeep(c.f, c.pos))
		return nil
	}
	f := c.open()
	list := make([]any, 0, min(max(f.left, 0), maxPrealloc))
	for c.more(&f) {
		c.next()
		list = append(list, c.any(depth))
	}
	return list
}

func (c *cursor) anyDict(depth int) map[string]any {
	if depth < 0 {
		c.fail(errTooDeep(c.f, c.pos))
		return nil
	}
	f := c.open()
	dict := make(map[string]any, min(max(f.left, 0), maxPrealloc))
	for c.more(&f) {
		key := c.keyString()
		c.next()
		dict[key] = c.any(depth)
	}
	return dict
}

// keyString reads a key as Transcode would write it.
func (c *cursor) keyString() string { return string(c.keyText()) }

// keyText is keyString without a copy.
func (c *cursor) keyText() []byte {
	c.nextKey()
	if c.kind == kindString && c.form == formPlain {
		return c.text
	}
	return c.appendKey(nil)
}
