package config

import (
	"fmt"
	"io"
	"reflect"
	"strings"
)

// WriteSample writes a configuration to begin with, in which everything that can
// be said is explained. What is not set is there as a comment. ticket is the
// ticket of the user joe, hashed.
func WriteSample(w io.Writer, ticket string) error {
	s := &sample{}
	s.line("# Configuration of a Wampeter router. 'wampeter check' says what is wrong with it,")
	s.line("# 'wampeter config schema' prints a JSON Schema for editors. docs/configuration.md")
	s.line("# explains it at length.")
	c := sampleConfig(ticket)
	c.Complete()
	s.section(reflect.ValueOf(c).Elem(), 0, true)
	_, err := io.WriteString(w, s.b.String())
	return err
}

// sampleConfig is what the sample sets.
func sampleConfig(ticket string) *Config {
	address, _ := ParseAddress("127.0.0.1:8080") // is one
	return &Config{
		Listeners: []Listener{{Address: address}},
		Realms: []Realm{{Name: "realm1", RealmSettings: RealmSettings{
			Authentication: &Authentication{Anonymous: &Anonymous{Role: "guest"}, Ticket: &Method{}},
			Users:          []User{{AuthID: "joe", Role: "backend", Ticket: Secret{from: ticket}}},
			Roles: []Role{
				{Name: "guest", Rules: []Rule{
					{URI: "com.example.", Allow: Actions{"call", "subscribe"}},
					{URI: "com.example.internal.", Deny: Actions{"all"}},
				}},
				{Name: "backend", Rules: []Rule{{URI: "com.example.", Allow: Actions{"all"}}}},
			},
		}}},
	}
}

// sample writes a commented configuration.
type sample struct{ b strings.Builder }

func (s *sample) line(text string) { s.b.WriteString(text + "\n") }

// section writes the keys of a section; live says that it is set itself.
func (s *sample) section(v reflect.Value, depth int, live bool) {
	for _, f := range fields(v.Type()) {
		if depth == 0 {
			s.line("")
		}
		sub := v.FieldByIndex(f.index)
		set := live && !asDefault(sub, &f)
		s.doc(&f, depth)
		s.field(&f, sub, depth, set)
	}
}

func (s *sample) doc(f *field, depth int) {
	indent := strings.Repeat("  ", depth)
	text := f.doc
	if len(f.enum) > 0 && !strings.Contains(text, f.enum[0]) {
		text += " One of: " + strings.Join(f.enum, ", ") + "."
	}
	for _, line := range wrap(text, 78-len(indent)) {
		s.line(indent + "# " + line)
	}
}

// field writes a key, as a comment unless it is set.
func (s *sample) field(f *field, v reflect.Value, depth int, set bool) {
	prefix := strings.Repeat("  ", depth)
	if !set {
		prefix += "# "
	}
	shape, elem := shapeOf(f.typ)
	switch {
	case shape == sectionShape && set:
		s.line(prefix + f.key + ":")
		if v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		s.section(v, depth+1, true)
	case shape == sectionShape && depth == 0 && f.typ.Kind() != reflect.Pointer && !strings.HasSuffix(f.key, "_defaults"):
		s.line(prefix + f.key + ":")
		s.commented(elem, depth+1)
	case shape == sectionShape:
		s.line(prefix + f.key + ": {}")
	case shape == listShape && set:
		s.list(f, v, depth, prefix)
	case shape == listShape:
		s.line(prefix + f.key + ": []")
	case set:
		s.line(prefix + f.key + ": " + scalarText(v))
	case f.def != "":
		s.line(prefix + f.key + ": " + yamlText(f.def))
	default:
		s.line(prefix + f.key + ": " + zeroText(f, shape))
	}
}

// zeroText returns an example of a value without a default.
func zeroText(f *field, s shape) string {
	switch {
	case s == freeShape:
		return "{}"
	case len(f.enum) > 0:
		return f.enum[0]
	}
	switch kindName(f.typ) {
	case "true or false":
		return "false"
	case "number":
		return "0"
	}
	return `""`
}

// commented writes the keys of a section that is not set.
func (s *sample) commented(t reflect.Type, depth int) {
	for _, f := range fields(t) {
		for _, line := range wrap(f.doc, 76-2*depth) {
			s.line("#" + strings.Repeat("  ", depth) + " # " + line)
		}
		s.line("#" + strings.Repeat("  ", depth) + " " + f.key + ": " + yamlText(f.def))
	}
}

// list writes the elements of a list. Their keys are explained where the first
// one has them.
func (s *sample) list(f *field, v reflect.Value, depth int, prefix string) {
	if inner, _ := shapeOf(v.Type().Elem()); inner == scalarShape {
		e := &emitter{}
		e.field(f.key, v, 0)
		s.b.WriteString(prefix + e.b.String())
		return
	}
	s.line(prefix + f.key + ":")
	for i := range v.Len() {
		item := &sample{}
		if i == 0 {
			item.section(v.Index(i), depth+2, true)
		} else {
			e := &emitter{}
			e.section(v.Index(i), depth+2)
			item.b.WriteString(e.b.String())
		}
		s.b.WriteString(dash(item.b.String(), depth))
	}
}

// dash puts a list's dash before the first line of an element that is no
// comment, and what stands above it in front of all.
func dash(item string, depth int) string {
	indent := strings.Repeat("  ", depth+2)
	var out strings.Builder
	done := false
	for line := range strings.Lines(item) {
		if !done && !strings.HasPrefix(strings.TrimSpace(line), "#") {
			line = indent[2:] + "- " + strings.TrimPrefix(line, indent)
			done = true
		}
		out.WriteString(line)
	}
	return out.String()
}

// wrap breaks text into lines.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimSpace(fmt.Sprintf("%s %s", line, word))
	}
	return append(lines, line)
}
