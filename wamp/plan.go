package wamp

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
)

// shape says what a type makes of arguments and results.
type shape uint8

const (
	shapeValue  shape = iota // the one positional value
	shapeStruct              // a struct with tags
	shapeRaw                 // Result
	shapeNone                // struct{}
)

// plan is how a type binds, found out once.
type plan struct {
	shape   shape
	pointer bool // the type is a pointer to the struct
	fields  []field
	npos    int // number of positional fields: one more than the highest position
	rest    *field
	extra   *field
	uris    []field
	keyword bool // some field, or extra, takes keyword arguments
	err     error
}

// field is a field of a struct with tags.
type field struct {
	index    []int
	pos      int    // position, or -1
	name     string // keyword, or URI component
	required bool
	omitzero bool
}

// of returns the field of a struct.
func (f *field) of(rv reflect.Value) reflect.Value {
	if len(f.index) == 1 {
		return rv.Field(f.index[0])
	}
	return rv.FieldByIndex(f.index)
}

// maxFields bounds the keyword arguments of one struct, for a set of those
// that came.
const maxFields = 256

type fieldSet [maxFields / 64]uint64

func (s *fieldSet) add(i int)      { s[i/64] |= 1 << (i % 64) }
func (s *fieldSet) has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }

var plans sync.Map // reflect.Type to *plan

func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	p, _ := plans.LoadOrStore(t, newPlan(t))
	return p.(*plan)
}

func newPlan(t reflect.Type) *plan {
	switch t {
	case reflect.TypeFor[Result]():
		return &plan{shape: shapeRaw}
	case reflect.TypeFor[struct{}]():
		return &plan{shape: shapeNone}
	}
	p := &plan{}
	if t.Kind() == reflect.Pointer {
		p.pointer = true
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || !hasTags(t) {
		return &plan{shape: shapeValue, err: checkSerializable(t)}
	}
	p.shape = shapeStruct
	if err := p.addFields(t, nil); err != nil {
		p.err = fmt.Errorf("%v: %w", t, err)
	}
	return p
}

// checkSerializable reports a type that has no form in a message.
func checkSerializable(t reflect.Type) error {
	switch t.Kind() {
	case reflect.Func, reflect.Chan, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
	case reflect.Interface:
		if t != contextType {
			return nil
		}
	default:
		return nil
	}
	return fmt.Errorf("no message can hold a %v", t)
}

func hasTags(t reflect.Type) bool {
	for i := range t.NumField() {
		f := t.Field(i)
		if _, ok := f.Tag.Lookup("wamp"); ok {
			return true
		}
		if _, ok := f.Tag.Lookup("uri"); ok {
			return true
		}
		if f.Anonymous && f.Type.Kind() == reflect.Struct && hasTags(f.Type) {
			return true
		}
	}
	return false
}

func (p *plan) addFields(t reflect.Type, outer []int) error {
	for i := range t.NumField() {
		sf := t.Field(i)
		index := append(outer[:len(outer):len(outer)], i)
		wamp, isWAMP := sf.Tag.Lookup("wamp")
		uri, isURI := sf.Tag.Lookup("uri")
		switch {
		case !isWAMP && !isURI:
			if sf.Anonymous && sf.Type.Kind() == reflect.Struct {
				if err := p.addFields(sf.Type, index); err != nil {
					return err
				}
			}
			continue
		case !sf.IsExported():
			return fmt.Errorf("field %s has a tag and is not exported", sf.Name)
		case isWAMP && isURI:
			return fmt.Errorf("field %s has a wamp tag and a uri tag", sf.Name)
		}
		var err error
		if isURI {
			err = p.addURI(sf, index, uri)
		} else {
			err = p.addField(sf, index, wamp)
		}
		if err != nil {
			return fmt.Errorf("field %s: %w", sf.Name, err)
		}
	}
	if len(p.fields) > maxFields {
		return fmt.Errorf("more than %d fields", maxFields)
	}
	return nil
}

func (p *plan) addURI(sf reflect.StructField, index []int, tag string) error {
	if tag == "" {
		return fmt.Errorf("the uri tag names no component")
	}
	switch kind := sf.Type.Kind(); {
	case reflect.PointerTo(sf.Type).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
	case kind >= reflect.Bool && kind <= reflect.Float64 && kind != reflect.Uintptr, kind == reflect.String:
	default:
		return fmt.Errorf("a %v cannot hold a URI component", sf.Type)
	}
	p.uris = append(p.uris, field{index: index, name: tag})
	return nil
}

func (p *plan) addField(sf reflect.StructField, index []int, tag string) error {
	if tag == "-" {
		return nil
	}
	if err := checkSerializable(sf.Type); err != nil {
		return err
	}
	name, flags, _ := strings.Cut(tag, ",")
	f := field{index: index, pos: -1, name: name}
	for flag := range strings.SplitSeq(flags, ",") {
		switch flag {
		case "":
		case "required":
			f.required = true
		case "omitzero":
			f.omitzero = true
		case "rest":
			if name != "" || p.rest != nil || sf.Type.Kind() != reflect.Slice {
				return fmt.Errorf(`",rest" needs the only such field, a slice, and no name`)
			}
			p.rest = &f
		case "extra":
			if name != "" || p.extra != nil || sf.Type.Kind() != reflect.Map || sf.Type.Key().Kind() != reflect.String {
				return fmt.Errorf(`",extra" needs the only such field, a map by strings, and no name`)
			}
			p.extra = &f
			p.keyword = true
		default:
			return fmt.Errorf("unknown flag %q in the tag", flag)
		}
	}
	switch {
	case &f == p.rest || &f == p.extra:
		return nil
	case name == "":
		return fmt.Errorf("the tag has neither a position nor a name")
	}
	if n, err := strconv.Atoi(name); err == nil {
		if n < 0 || n >= maxFields {
			return fmt.Errorf("position %d is out of range", n)
		}
		f.pos = n
		p.npos = max(p.npos, n+1)
	} else {
		p.keyword = true
	}
	for _, other := range p.fields {
		if other.name == name {
			return fmt.Errorf("%q occurs twice", name)
		}
	}
	p.fields = append(p.fields, f)
	return nil
}

// checkURIs reports a component that the pattern does not have.
func (p *plan) checkURIs(pat *pattern) error {
	if p.err != nil {
		return p.err
	}
	for _, f := range p.uris {
		if _, ok := pat.find(f.name); !ok {
			return fmt.Errorf("the pattern has no component %q, which a field is bound to", f.name)
		}
	}
	return nil
}
