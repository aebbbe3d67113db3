package config

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
)

// WriteSchema writes the JSON Schema (draft 2020-12) of a configuration file,
// by which editors complete and check.
func WriteSchema(w io.Writer) error {
	s := &schema{defs: make(map[string]any)}
	root := s.section(reflect.TypeFor[Config]())
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "Configuration of a Wampeter router"
	root["$defs"] = s.defs
	b, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", b)
	return err
}

// schema collects the definitions of sections.
type schema struct{ defs map[string]any }

type object = map[string]any

func (s *schema) section(t reflect.Type) object {
	properties, required := object{}, []string{}
	for _, f := range fields(t) {
		p := s.value(f.typ, &f)
		p["description"] = f.doc
		if f.def != "" {
			p["default"] = schemaDefault(&f)
		}
		properties[f.key] = p
		if f.required {
			required = append(required, f.key)
		}
	}
	o := object{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}

func schemaDefault(f *field) any {
	_, t := shapeOf(f.typ)
	switch t.Kind() {
	case reflect.Bool:
		return f.def == "true"
	case reflect.Int, reflect.Uint64, reflect.Float64:
		if n, err := strconv.ParseFloat(f.def, 64); err == nil {
			return n
		}
	}
	return f.def
}

// named returns a reference to a section's definition.
func (s *schema) named(t reflect.Type) object {
	if s.defs[t.Name()] == nil {
		s.defs[t.Name()] = true // for a section within itself
		s.defs[t.Name()] = s.section(t)
	}
	return object{"$ref": "#/$defs/" + t.Name()}
}

// elsewhere is a text with a reference to the environment.
var elsewhere = object{"type": "string", "pattern": `\$\{`}

func either(list ...any) object { return object{"anyOf": list} }

// value returns what a value of type t may be.
func (s *schema) value(t reflect.Type, f *field) object {
	shape, elem := shapeOf(t)
	switch shape {
	case sectionShape:
		return either(s.named(elem), object{"type": "null"})
	case freeShape:
		return object{"type": []string{"object", "null"}}
	case listShape:
		item := s.value(elem, f)
		if es, et := shapeOf(elem); es == sectionShape {
			if item = s.named(et); f.short != "" {
				item = either(item, object{"type": []string{"string", "number"}})
			}
		}
		return either(object{"type": "array", "items": item}, item, object{"type": "null"})
	}
	return s.scalar(elem, f)
}

func (s *schema) scalar(t reflect.Type, f *field) object {
	switch t {
	case reflect.TypeFor[Duration]():
		return either(object{"type": "string", "pattern": `^-?([0-9.]+(ns|us|µs|ms|s|m|h))+$|^0$`}, object{"const": 0}, elsewhere)
	case reflect.TypeFor[Size]():
		return either(object{"type": "integer", "minimum": 0}, object{"type": "string", "pattern": `^ *[0-9.]+ *([kKMGT]i?B?|B)? *$`}, elsewhere)
	case reflect.TypeFor[Action]():
		return object{"enum": slices.Concat(allActions, []Action{"all"})}
	}
	if len(f.enum) > 0 {
		list := []any{object{"enum": f.enum}, elsewhere}
		if _, err := strconv.ParseFloat(f.enum[0], 64); err == nil { // 1.2 is a number to YAML
			list = append(list, object{"type": "number"})
		}
		return either(list...)
	}
	switch t.Kind() {
	case reflect.Bool:
		return either(object{"type": "boolean"}, elsewhere)
	case reflect.Int, reflect.Int64, reflect.Uint64, reflect.Float64:
		number := object{"type": "integer"}
		if t.Kind() == reflect.Float64 {
			number["type"] = "number"
		}
		for key, text := range map[string]string{"minimum": f.min, "maximum": f.max} {
			if n, err := strconv.ParseFloat(text, 64); err == nil {
				number[key] = n
			}
		}
		return either(number, elsewhere)
	}
	return object{"type": []string{"string", "number", "boolean"}}
}
