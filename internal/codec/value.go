package codec

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/wampeter/wampeter/internal/msg"
)

// Raw is a value that is serialized already. Marshal transcodes it, and
// Unmarshal into a Raw keeps the bytes as they came.
type Raw struct {
	Format msg.Format // NoFormat: null
	Bytes  []byte     // one complete valid value
}

// Marshal appends v as one value in format f. Struct fields are named by their
// json (or cbor) tags; []byte is binary, in JSON U+0000 and base64.
//
// Types are written as encoding/json has it: a nil slice, map or pointer is
// null, time.Time is RFC 3339 text (its zero value null), a TextMarshaler is
// text, a json.Marshaler is what its JSON says, keys of maps become text.
// Arrays of bytes are binary like slices. Dictionaries have no order. What the
// format cannot hold is lost as in Transcode. Refused are strings that are not
// UTF-8, values nested deeper than [MaxDepth], and what encoding/json refuses:
// channels, functions, complex numbers.
func Marshal(dst []byte, f msg.Format, v any) ([]byte, error) {
	b := builder{f: f, b: dst}
	if err := b.any(v, MaxDepth); err != nil {
		return dst, err
	}
	return b.b, nil
}

// any writes v, whose lists and dictionaries may be nested depth levels. The
// types that payloads are mostly made of are written as they are met, all
// others by way of reflection.
func (b *builder) any(v any, depth int) error {
	switch v := v.(type) {
	case nil:
		b.null()
	case bool:
		b.bool(v)
	case int:
		b.int(int64(v))
	case int64:
		b.int(v)
	case int32:
		b.int(int64(v))
	case uint:
		b.uint(uint64(v))
	case uint64:
		b.uint(v)
	case uint32:
		b.uint(uint64(v))
	case float64:
		b.float(v)
	case float32:
		b.float(float64(v))
	case string:
		return b.goString(v)
	case []byte:
		if v == nil {
			b.null()
			return nil
		}
		b.bytes(v)
	case []any:
		return b.anyList(v, depth-1)
	case map[string]any:
		return b.anyDict(v, depth-1)
	case Raw:
		return b.raw(v, depth)
	case json.RawMessage:
		if v == nil {
			b.null()
			return nil
		}
		return b.rawJSON(v, depth)
	case json.Number:
		return b.rawJSON([]byte(v), depth)
	default:
		return b.reflected(v, depth)
	}
	return nil
}

func (b *builder) goString(s string) error {
	if !utf8.ValidString(s) {
		return errNotUTF8(s)
	}
	b.text([]byte(s))
	return nil
}

func (b *builder) anyList(list []any, depth int) error {
	if list == nil {
		b.null()
		return nil
	}
	if depth < 0 {
		return errValueDepth
	}
	b.list(len(list))
	for i, v := range list {
		if i > 0 {
			b.element()
		}
		if err := b.any(v, depth); err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
	}
	b.endList()
	return nil
}

func (b *builder) anyDict(dict map[string]any, depth int) error {
	if dict == nil {
		b.null()
		return nil
	}
	if depth < 0 {
		return errValueDepth
	}
	b.dict(len(dict))
	first := true
	for k, v := range dict {
		if !first {
			b.separate(',')
		}
		first = false
		if err := b.goString(k); err != nil {
			return err
		}
		b.separate(':')
		if err := b.any(v, depth); err != nil {
			return fmt.Errorf("key %q: %w", k, err)
		}
	}
	b.endDict()
	return nil
}

func errNotUTF8(s string) error {
	return fmt.Errorf("string %.40q is not UTF-8: send it as []byte", s)
}

var errValueDepth = fmt.Errorf("value is nested deeper than %d levels", MaxDepth)

func (b *builder) raw(r Raw, depth int) error {
	if r.Format == msg.NoFormat {
		b.null()
		return nil
	}
	t := transcoder{cursor: cursor{reader: reader{f: r.Format, data: r.Bytes}}, out: *b}
	return b.transcode(&t, depth)
}

func (b *builder) rawJSON(text []byte, depth int) error {
	t := transcoder{cursor: cursor{reader: reader{f: msg.JSON, data: text}}, out: *b}
	if err := b.transcode(&t, depth); err != nil {
		return fmt.Errorf("invalid JSON: %w", err)
	}
	return nil
}

// transcode writes all of what t reads. Broken data is no violation of the
// protocol while it has not been sent.
func (b *builder) transcode(t *transcoder, depth int) error {
	t.value(depth)
	t.reader.end()
	var broken *msg.Violation
	if errors.As(t.err, &broken) {
		return errors.New(broken.Text)
	}
	if t.err != nil {
		return t.err
	}
	b.b = t.out.b
	return nil
}

// Unmarshal reads the one value in data into what v points to. Into an any go
// nil, bool, int64 (uint64 beyond its range), float64, string, []byte, []any,
// map[string]any. Numbers never pass through float64 on the way to an integer;
// an integer that the target cannot hold is an error.
//
// A float that is a whole number goes into an integer, since JavaScript does
// not tell the two apart, and an integer into a float. Null leaves a target
// that has no nil as it is. Text does not go into a []byte nor binary into a
// string. Fields are matched as encoding/json does, and unknown ones ignored.
//
// A value of a type that the target cannot take is a *[TypeError], broken data
// a *[msg.Violation].
func Unmarshal(f msg.Format, data []byte, v any) error {
	c := cursor{reader: reader{f: f, data: data}}
	switch v := v.(type) {
	case *any:
		c.next()
		value := c.any(MaxDepth)
		if c.end(); c.err == nil {
			*v = value
		}
	case *string:
		c.intoString(v)
	case *int:
		if n, ok := c.integer(math.MinInt, math.MaxInt, "int"); ok {
			*v = int(n)
		}
	case *int64:
		if n, ok := c.integer(math.MinInt64, math.MaxInt64, "int64"); ok {
			*v = int64(n)
		}
	case *uint64:
		if n, ok := c.integer(0, math.MaxUint64, "uint64"); ok {
			*v = n
		}
	case *float64:
		c.intoFloat(v)
	case *bool:
		c.intoBool(v)
	case *[]byte:
		if c.intoBytes(v); c.kind == kindList {
			return unmarshalReflected(f, data, v) // of numbers, perhaps
		}
	case *[]any:
		intoTree(&c, v, kindList, "[]any")
	case *map[string]any:
		intoTree(&c, v, kindDict, "map[string]any")
	case *Raw:
		c.raw()
		if c.end(); c.err == nil {
			*v = Raw{Format: f, Bytes: append([]byte(nil), data...)}
		}
	case *json.RawMessage:
		t := transcoder{cursor: c, out: builder{f: msg.JSON}}
		t.value(MaxDepth)
		if t.end(); t.err != nil {
			return t.err
		}
		*v = t.out.b
	default:
		return unmarshalReflected(f, data, v)
	}
	return c.err
}
