package config

import (
	"encoding"
	"reflect"
	"strings"
)

// field is one key of a section, as the tags describe it.
type field struct {
	key   string
	index []int
	typ   reflect.Type

	doc      string
	def      string
	flag     string // name of the flag of 'wampeter run'
	arg      string // what its value is called
	usage    string // its help text
	short    string // key that an element of the list is when it is no mapping
	enum     []string
	min, max string
	required bool
}

// fields returns the keys of a section in the order in which they are declared.
func fields(t reflect.Type) []field {
	var list []field
	for i := range t.NumField() {
		sf := t.Field(i)
		key, options, _ := strings.Cut(sf.Tag.Get("yaml"), ",")
		switch {
		case options == "inline":
			for _, f := range fields(sf.Type) {
				f.index = append([]int{i}, f.index...)
				list = append(list, f)
			}
			continue
		case key == "" || key == "-" || !sf.IsExported():
			continue
		}
		list = append(list, field{
			key: key, index: []int{i}, typ: sf.Type,
			doc: sf.Tag.Get("doc"), def: sf.Tag.Get("default"),
			flag: sf.Tag.Get("flag"), arg: sf.Tag.Get("arg"), usage: sf.Tag.Get("usage"),
			short: sf.Tag.Get("short"), enum: strings.Fields(sf.Tag.Get("enum")),
			min: sf.Tag.Get("min"), max: sf.Tag.Get("max"),
			required: sf.Tag.Get("required") != "",
		})
	}
	return list
}

func find(list []field, key string) *field {
	for i := range list {
		if list[i].key == key {
			return &list[i]
		}
	}
	return nil
}

func keysOf(list []field) []string {
	keys := make([]string, len(list))
	for i, f := range list {
		keys[i] = f.key
	}
	return keys
}

var textType = reflect.TypeFor[encoding.TextUnmarshaler]()

// shape is how a value is written.
type shape uint8

const (
	scalarShape  shape = iota // text
	sectionShape              // a mapping with fields
	listShape                 // a list, of elem
	freeShape                 // a mapping of any keys to any values
)

// shapeOf returns the shape of values of type t, and the type beneath pointers
// and lists.
func shapeOf(t reflect.Type) (s shape, elem reflect.Type) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case reflect.PointerTo(t).Implements(textType):
		return scalarShape, t
	case t.Kind() == reflect.Struct:
		return sectionShape, t
	case t.Kind() == reflect.Slice:
		return listShape, t.Elem()
	case t.Kind() == reflect.Map:
		return freeShape, t.Elem()
	}
	return scalarShape, t
}

// setting is a field that has one place in the whole configuration, so that it
// can be set from outside of the file.
type setting struct {
	field
	path string
}

// env is the name of the setting in the environment.
func (s *setting) env() string { return envName(s.path) }

func envName(path string) string {
	return "WAMPETER_" + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// list reports whether the setting is a list.
func (s *setting) list() bool {
	shape, _ := shapeOf(s.typ)
	return shape == listShape
}

// settings returns everything that can be set by the environment.
func settings() []setting {
	var out []setting
	var walk func(t reflect.Type, prefix string)
	walk = func(t reflect.Type, prefix string) {
		for _, f := range fields(t) {
			path := prefix + f.key
			shape, elem := shapeOf(f.typ)
			switch {
			case shape == sectionShape && f.typ.Kind() != reflect.Pointer:
				walk(elem, path+".")
			case shape == scalarShape, shape == listShape && settable(elem, f.short):
				out = append(out, setting{f, path})
			}
		}
	}
	walk(reflect.TypeFor[Config](), "")
	return out
}

// settable reports whether an element of a list can be written as text.
func settable(elem reflect.Type, short string) bool {
	shape, _ := shapeOf(elem)
	return shape == scalarShape || short != ""
}
