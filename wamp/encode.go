package wamp

import (
	"fmt"
	"reflect"

	"github.com/wampeter/wampeter/internal/codec"
	"github.com/wampeter/wampeter/internal/msg"
)

// encodeIn appends v as arguments: the fields of a struct with tags, unless
// single, else the one positional argument.
func encodeIn(dst []byte, f msg.Format, v any, single bool) ([]byte, msg.Payload, error) {
	if !single && v != nil {
		switch pl := planOf(reflect.TypeOf(v)); pl.shape {
		case shapeStruct:
			return pl.encode(dst, f, v)
		case shapeRaw:
			r := v.(Result)
			return r.encode(dst, f)
		case shapeNone:
			return dst, msg.Payload{Format: f}, nil
		}
	}
	start := len(dst)
	dst, err := codec.Marshal(dst, f, []any{v})
	if err != nil {
		return dst, msg.Payload{}, err
	}
	return dst, split(f, dst, start, len(dst)), nil
}

// encode appends the fields of v, a struct of the plan's type or a pointer to
// one.
func (pl *plan) encode(dst []byte, f msg.Format, v any) ([]byte, msg.Payload, error) {
	var none msg.Payload
	if pl.err != nil {
		return dst, none, pl.err
	}
	rv := reflect.ValueOf(v)
	if pl.pointer {
		if rv.IsNil() {
			return dst, none, fmt.Errorf("arguments are a nil %T", v)
		}
		rv = rv.Elem()
	}
	args, err := pl.values(f, rv)
	if err != nil {
		return dst, none, err
	}
	keys, values, err := pl.keywords(f, rv)
	if err != nil {
		return dst, none, err
	}
	start := len(dst)
	if len(args) > 0 {
		dst = codec.AppendList(dst, f, args)
	}
	middle := len(dst)
	if len(keys) > 0 {
		dst = codec.AppendDict(dst, f, keys, values)
	}
	return dst, split(f, dst, start, middle), nil
}

// values returns the serialized positional arguments. Positions that no field
// has are null.
func (pl *plan) values(f msg.Format, rv reflect.Value) ([][]byte, error) {
	args := make([][]byte, pl.npos)
	n := 0
	for i := range pl.fields {
		fd := &pl.fields[i]
		if fd.pos < 0 {
			continue
		}
		fv := fd.of(rv)
		if fd.omitzero && fv.IsZero() {
			continue
		}
		data, err := codec.Marshal(nil, f, fv.Interface())
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", fd.pos, err)
		}
		args[fd.pos] = data
		n = max(n, fd.pos+1)
	}
	if pl.rest != nil {
		rest := pl.rest.of(rv)
		for i := range rest.Len() {
			data, err := codec.Marshal(nil, f, rest.Index(i).Interface())
			if err != nil {
				return nil, fmt.Errorf("argument %d: %w", pl.npos+i, err)
			}
			args = append(args, data)
			n = len(args)
		}
	}
	args = args[:n]
	for i := range args {
		if args[i] == nil {
			args[i], _ = codec.Marshal(nil, f, nil) // null can always be written
		}
	}
	return args, nil
}

func (pl *plan) keywords(f msg.Format, rv reflect.Value) (keys []string, values [][]byte, err error) {
	if !pl.keyword {
		return nil, nil, nil
	}
	add := func(key string, v reflect.Value) {
		var data []byte
		if data, err = codec.Marshal(nil, f, v.Interface()); err != nil {
			err = fmt.Errorf("keyword argument %q: %w", key, err)
			return
		}
		keys, values = append(keys, key), append(values, data)
	}
	for i := range pl.fields {
		fd := &pl.fields[i]
		if fd.pos >= 0 {
			continue
		}
		if fv := fd.of(rv); !fd.omitzero || !fv.IsZero() {
			if add(fd.name, fv); err != nil {
				return nil, nil, err
			}
		}
	}
	if pl.extra == nil {
		return keys, values, nil
	}
	for it := pl.extra.of(rv).MapRange(); it.Next(); {
		if key := it.Key().String(); pl.keywordField([]byte(key)) < 0 {
			if add(key, it.Value()); err != nil {
				return nil, nil, err
			}
		}
	}
	return keys, values, nil
}

// resultOf makes the raw result of what a typed handler returned.
func resultOf[R any](pl *plan, r R) Result {
	switch pl.shape {
	case shapeNone:
		return Result{}
	case shapeRaw:
		return any(r).(Result)
	}
	return Result{Payload: Payload{in: r, single: pl.shape == shapeValue}}
}
