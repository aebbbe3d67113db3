package wamp

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"sync"

	"github.com/wampeter/wampeter/internal/codec"
	"github.com/wampeter/wampeter/internal/msg"
)

func invalidArgument(format string, args ...any) *Error {
	return Errorf(ErrInvalidArgument, format, args...)
}

// decodeArgument decodes data into what v points to. The rest says which
// argument it is, for the error.
func decodeArgument(f msg.Format, data []byte, v any, format string, args ...any) error {
	if err := codec.Unmarshal(f, data, v); err != nil {
		return mismatch(err, reflect.TypeOf(v).Elem(), fmt.Sprintf(format, args...))
	}
	return nil
}

// mismatch explains why an argument cannot be decoded into a t.
func mismatch(err error, t reflect.Type, what string) error {
	var e *codec.TypeError
	if !errors.As(err, &e) {
		return invalidArgument("%s: %v", what, err)
	}
	expects := expected(t)
	if e.Field != "" {
		what += ", field " + e.Field
		expects = e.Type
	}
	text := fmt.Sprintf("%s: got %s, expected %s", what, e.Value, expects)
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return invalidArgument("%s", text)
}

// expected tells a person what a type takes.
func expected(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch kind := t.Kind(); {
	case kind == reflect.Bool:
		return "true or false"
	case kind == reflect.Int || kind == reflect.Int64:
		return "an integer"
	case kind >= reflect.Int8 && kind <= reflect.Int32:
		return fmt.Sprintf("an integer of %d bits", t.Bits())
	case kind >= reflect.Uint && kind <= reflect.Uintptr:
		return fmt.Sprintf("a non-negative integer of %d bits", t.Bits())
	case kind == reflect.Float32 || kind == reflect.Float64:
		return "a number"
	case kind == reflect.String:
		return "a string"
	case kind == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return "bytes"
	case kind == reflect.Slice || kind == reflect.Array:
		return "a list"
	case kind == reflect.Map || kind == reflect.Struct:
		return "a dictionary"
	}
	return t.String()
}

// scalars is memory to decode the commonest types into, so that they cost no
// allocation: a target that codec.Unmarshal is given lives on the heap.
type scalars struct {
	int    int
	int64  int64
	float  float64
	string string
	bool   bool
}

// decodeScalar decodes data when T is one of the commonest types, else known is
// false.
func decodeScalar[T any](sc *scalars, f msg.Format, data []byte) (v T, known bool, err error) {
	*sc = scalars{}
	switch p := any(&v).(type) {
	case *int:
		err = codec.Unmarshal(f, data, &sc.int)
		*p = sc.int
	case *int64:
		err = codec.Unmarshal(f, data, &sc.int64)
		*p = sc.int64
	case *float64:
		err = codec.Unmarshal(f, data, &sc.float)
		*p = sc.float
	case *string:
		err = codec.Unmarshal(f, data, &sc.string)
		*p = sc.string
	case *bool:
		err = codec.Unmarshal(f, data, &sc.bool)
		*p = sc.bool
	default:
		return v, false, nil
	}
	return v, true, err
}

// decodePositional decodes positional argument i.
func decodePositional[T any](sc *scalars, f msg.Format, data []byte, i int) (T, error) {
	v, known, err := decodeScalar[T](sc, f, data)
	switch {
	case !known:
		return decodeOther[T](f, data, i)
	case err != nil:
		return v, mismatch(err, reflect.TypeFor[T](), fmt.Sprintf("argument %d", i))
	}
	return v, nil
}

func decodeOther[T any](f msg.Format, data []byte, i int) (T, error) {
	var v T
	err := codec.Unmarshal(f, data, &v)
	if err != nil {
		err = mismatch(err, reflect.TypeFor[T](), fmt.Sprintf("argument %d", i))
	}
	return v, err
}

// decodeResult makes an R of a result.
func decodeResult[R any](p *incoming, callee uint64) (R, error) {
	var none R
	switch pl := planOf(reflect.TypeFor[R]()); pl.shape {
	case shapeNone:
		return none, nil
	case shapeRaw:
		return any(Result{Payload: p.received(), Callee: callee}).(R), nil
	case shapeStruct:
		return decodeStruct[R](pl, &p.Payload, nil)
	}
	return decodeFirst[R](&p.Payload)
}

// decodeFirst makes a value of the first positional argument.
func decodeFirst[T any](p *msg.Payload) (T, error) {
	var few [8][]byte
	list, err := elements(few[:0], p)
	switch {
	case err != nil:
		err = invalidArgument("%v", err)
	case len(list) == 0:
		err = missing(reflect.TypeFor[T](), 0)
	default:
		sc := scalarsPool.Get().(*scalars)
		defer scalarsPool.Put(sc)
		return decodePositional[T](sc, p.Format, list[0], 0)
	}
	var none T
	return none, err
}

var scalarsPool = sync.Pool{New: func() any { return new(scalars) }}

func decodeStruct[T any](pl *plan, p *msg.Payload, component func(string) (string, bool)) (T, error) {
	var v T
	err := pl.decode(p, &v, component)
	return v, err
}

// decodeAny is decodeResult into what v points to.
func decodeAny(p *msg.Payload, v any) error {
	t := reflect.TypeOf(v)
	if t == nil || t.Kind() != reflect.Pointer || reflect.ValueOf(v).IsNil() {
		return fmt.Errorf("decode into %T: not a pointer", v)
	}
	pl := planOf(t.Elem())
	switch pl.shape {
	case shapeNone:
		return nil
	case shapeRaw:
		*v.(*Result) = Result{Payload: received(p)}
		return nil
	}
	return pl.decode(p, v, nil)
}

// decode binds p to v, a pointer to a value of the plan's type. component
// looks up components of the URI; nil when there are none.
func (pl *plan) decode(p *msg.Payload, v any, component func(string) (string, bool)) error {
	if pl.err != nil {
		return pl.err
	}
	var few [8][]byte
	list, err := elements(few[:0], p)
	if err != nil {
		return invalidArgument("%v", err)
	}
	if pl.shape == shapeValue {
		if len(list) == 0 {
			return missing(reflect.TypeOf(v).Elem(), 0)
		}
		return decodeArgument(p.Format, list[0], v, "argument %d", 0)
	}
	rv := reflect.ValueOf(v).Elem()
	if pl.pointer {
		if rv.IsNil() {
			rv.Set(reflect.New(rv.Type().Elem()))
		}
		rv = rv.Elem()
	}
	if err := pl.decodeArgs(p.Format, list, rv); err != nil {
		return err
	}
	if pl.keyword {
		if err := pl.decodeKwargs(p, rv); err != nil {
			return err
		}
	}
	for i := range pl.uris {
		f := &pl.uris[i]
		text, ok := "", false
		if component != nil {
			text, ok = component(f.name)
		}
		if !ok {
			continue
		}
		fv := f.of(rv)
		if err := setText(fv, text); err != nil {
			return invalidArgument("URI component %q: got %q, expected %s", f.name, text, expected(fv.Type()))
		}
	}
	return nil
}

// missing is the error for a value of type t that is not there; nil when the
// type has a value for that.
func missing(t reflect.Type, i int) error {
	switch t.Kind() {
	case reflect.Pointer, reflect.Interface:
		return nil
	}
	return invalidArgument("argument %d is missing, expected %s", i, expected(t))
}

func (pl *plan) decodeArgs(format msg.Format, list [][]byte, rv reflect.Value) error {
	for i := range pl.fields {
		f := &pl.fields[i]
		if f.pos < 0 {
			continue
		}
		if f.pos >= len(list) {
			if f.required {
				return invalidArgument("argument %d is missing, expected %s", f.pos, expected(f.of(rv).Type()))
			}
			continue
		}
		ptr := f.of(rv).Addr().Interface()
		if err := codec.Unmarshal(format, list[f.pos], ptr); err != nil {
			return mismatch(err, reflect.TypeOf(ptr).Elem(), fmt.Sprintf("argument %d", f.pos))
		}
	}
	if pl.rest == nil || len(list) <= pl.npos {
		return nil
	}
	more := list[pl.npos:]
	slice := pl.rest.of(rv)
	slice.Set(reflect.MakeSlice(slice.Type(), len(more), len(more)))
	for i, data := range more {
		if err := decodeArgument(format, data, slice.Index(i).Addr().Interface(), "argument %d", pl.npos+i); err != nil {
			return err
		}
	}
	return nil
}

func (pl *plan) decodeKwargs(p *msg.Payload, rv reflect.Value) error {
	var seen fieldSet
	var err error
	if p.Kwargs != nil {
		codec.Entries(p.Format, p.Kwargs, func(key, data []byte) bool {
			i := pl.keywordField(key)
			if i < 0 {
				err = pl.decodeExtra(p.Format, key, data, rv)
				return err == nil
			}
			seen.add(i)
			ptr := pl.fields[i].of(rv).Addr().Interface()
			if bad := codec.Unmarshal(p.Format, data, ptr); bad != nil {
				err = mismatch(bad, reflect.TypeOf(ptr).Elem(), fmt.Sprintf("keyword argument %q", key))
			}
			return err == nil
		})
		if err != nil {
			return err
		}
	}
	for i := range pl.fields {
		if f := &pl.fields[i]; f.required && f.pos < 0 && !seen.has(i) {
			return invalidArgument("keyword argument %q is missing, expected %s", f.name, expected(f.of(rv).Type()))
		}
	}
	return nil
}

func (pl *plan) keywordField(key []byte) int {
	for i := range pl.fields {
		if f := &pl.fields[i]; f.pos < 0 && f.name == string(key) {
			return i
		}
	}
	return -1
}

func (pl *plan) decodeExtra(format msg.Format, name, data []byte, rv reflect.Value) error {
	if pl.extra == nil {
		return nil
	}
	key := string(name)
	m := pl.extra.of(rv)
	if m.IsNil() {
		m.Set(reflect.MakeMap(m.Type()))
	}
	v := reflect.New(m.Type().Elem())
	if err := decodeArgument(format, data, v.Interface(), "keyword argument %q", key); err != nil {
		return err
	}
	m.SetMapIndex(reflect.ValueOf(key).Convert(m.Type().Key()), v.Elem())
	return nil
}

// setText sets v, of a kind that newPlan admits, to what text says.
func setText(v reflect.Value, text string) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	switch kind := v.Kind(); {
	case kind == reflect.String:
		v.SetString(text)
	case kind == reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return err
		}
		v.SetBool(b)
	case v.CanInt():
		n, err := strconv.ParseInt(text, 10, v.Type().Bits())
		if err != nil {
			return err
		}
		v.SetInt(n)
	case v.CanUint():
		n, err := strconv.ParseUint(text, 10, v.Type().Bits())
		if err != nil {
			return err
		}
		v.SetUint(n)
	default:
		n, err := strconv.ParseFloat(text, v.Type().Bits())
		if err != nil {
			return err
		}
		v.SetFloat(n)
	}
	return nil
}
