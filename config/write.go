package config

import (
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Write writes the configuration as YAML, without secrets: of these it says
// where they are from, if it says anything. Unless all is set, what is as it
// would be without being said is left out.
//
// What listeners and realms have inherited is written with each of them.
func (c *Config) Write(w io.Writer, all bool) error {
	e := &emitter{all: all, skip: []string{"listener_defaults", "realm_defaults"}}
	e.section(reflect.ValueOf(c).Elem(), 0)
	_, err := io.WriteString(w, e.b.String())
	return err
}

// Complete sets everything in c that has a default and is zero, for a
// configuration that was put together by a program.
func (c *Config) Complete() { complete(reflect.ValueOf(c).Elem()) }

func complete(v reflect.Value) {
	for _, f := range fields(v.Type()) {
		sub := v.FieldByIndex(f.index)
		if sub.Kind() == reflect.Pointer {
			if sub.IsNil() {
				continue
			}
			sub = sub.Elem()
		}
		switch shape, elem := shapeOf(sub.Type()); {
		case shape == sectionShape:
			complete(sub)
		case shape == listShape:
			if s, _ := shapeOf(elem); s == sectionShape {
				for i := range sub.Len() {
					complete(sub.Index(i))
				}
			}
		case shape == scalarShape && sub.IsZero():
			new(reader).defaultOf(sub, &f)
		}
	}
}

// emitter writes YAML.
type emitter struct {
	b    strings.Builder
	all  bool
	bare bool     // secrets as they are
	skip []string // keys at the top that are left out
}

func (e *emitter) section(v reflect.Value, depth int) {
	for _, f := range fields(v.Type()) {
		if depth == 0 && slices.Contains(e.skip, f.key) {
			continue
		}
		sub := v.FieldByIndex(f.index)
		if len(f.enum) > 0 && sub.String() == "" {
			continue // none of the words that there are
		}
		if e.all && sub.Kind() != reflect.Pointer || f.required || !asDefault(sub, &f) {
			e.field(f.key, sub, depth)
		}
	}
}

func (e *emitter) field(key string, v reflect.Value, depth int) {
	fmt.Fprintf(&e.b, "%s%s:", strings.Repeat("  ", depth), yamlText(key))
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	shape, elem := shapeOf(v.Type())
	switch shape {
	case sectionShape:
		before := e.b.Len()
		e.b.WriteByte('\n')
		e.section(v, depth+1)
		if e.b.Len() == before+1 {
			e.trim(before)
			e.b.WriteString(" {}\n")
		}
	case listShape:
		e.list(v, elem, depth)
	case freeShape:
		e.free(v.Interface(), depth)
	default:
		e.b.WriteByte(' ')
		e.b.WriteString(e.scalar(v))
		e.b.WriteByte('\n')
	}
}

// trim takes back what was written from n on.
func (e *emitter) trim(n int) {
	text := e.b.String()[:n]
	e.b.Reset()
	e.b.WriteString(text)
}

func (e *emitter) list(v reflect.Value, elem reflect.Type, depth int) {
	if shape, _ := shapeOf(elem); shape == scalarShape || v.Len() == 0 {
		words := make([]string, v.Len())
		for i := range words {
			words[i] = e.scalar(v.Index(i))
		}
		fmt.Fprintf(&e.b, " [%s]\n", strings.Join(words, ", "))
		return
	}
	e.b.WriteByte('\n')
	for i := range v.Len() {
		before := e.b.Len()
		e.section(v.Index(i), depth+2)
		item := e.b.String()[before:]
		e.trim(before)
		e.b.WriteString(strings.Repeat("  ", depth+1) + "- " + strings.TrimLeft(item, " "))
	}
}

// free writes a mapping without fields as JSON, which is YAML, too.
func (e *emitter) free(v any, _ int) {
	b, err := json.Marshal(v)
	if err != nil {
		b = []byte("{}") // it was read from text, so it can be written
	}
	fmt.Fprintf(&e.b, " %s\n", b)
}

// asDefault reports whether a value is what it is without being said.
func asDefault(v reflect.Value, f *field) bool {
	if v.Kind() == reflect.Pointer {
		return v.IsNil()
	}
	switch shape, _ := shapeOf(v.Type()); shape {
	case sectionShape:
		for _, sub := range fields(v.Type()) {
			if !asDefault(v.FieldByIndex(sub.index), &sub) {
				return false
			}
		}
		return true
	case listShape, freeShape:
		return v.Len() == 0
	}
	def := reflect.New(v.Type()).Elem()
	new(reader).defaultOf(def, f)
	return reflect.DeepEqual(v.Interface(), def.Interface())
}

// scalar returns a value as it is written.
func (e *emitter) scalar(v reflect.Value) string {
	if s, ok := v.Interface().(Secret); ok && e.bare && s.from == "" {
		return yamlText(reference.ReplaceAllString(s.value, "$$$0"))
	}
	if !e.bare && v.Kind() == reflect.String && passwordInURL.MatchString(v.String()) {
		v = reflect.ValueOf(passwordInURL.ReplaceAllString(v.String(), "$1(secret)@"))
	}
	return scalarText(v)
}

// passwordInURL is what is secret of a URL.
var passwordInURL = regexp.MustCompile(`^(\w+://[^/?#@:]*:)[^/?#@]*@`)

// scalarText returns a value as it is written in YAML.
func scalarText(v reflect.Value) string {
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		if text, err := m.MarshalText(); err == nil {
			return yamlText(string(text))
		}
	}
	switch v.Kind() {
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.String:
		return yamlText(reference.ReplaceAllString(v.String(), "$$$0"))
	}
	return fmt.Sprint(v.Interface())
}

var (
	plainText = regexp.MustCompile(`^[A-Za-z/_][A-Za-z0-9_./$+-]*([:@=][A-Za-z0-9_./$+-]+)*$`)
	timeText  = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?[A-Za-z]+[A-Za-z0-9.]*$|^[0-9.]+:[0-9]+$|^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+(/[0-9]+)?$`)
	wordText  = regexp.MustCompile(`^(?i:true|false|null|yes|no|on|off|y|n|\.nan|\.inf)$`)
)

// yamlText writes text so that YAML reads it as text, or as the number that it
// is.
func yamlText(s string) string {
	if (plainText.MatchString(s) && !wordText.MatchString(s)) || timeText.MatchString(s) && !strings.ContainsAny(s, "eE") {
		return s
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && strconv.FormatInt(n, 10) == s {
		return s
	}
	b, err := json.Marshal(s)
	if err != nil {
		return `""`
	}
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(b))
}
