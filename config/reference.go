package config

import (
	"fmt"
	"io"
	"reflect"
	"strings"
)

// WriteReference writes the tables of what can be said in a configuration file,
// as Markdown.
func WriteReference(w io.Writer) error {
	r := &tables{seen: make(map[reflect.Type]bool)}
	r.section("The file", reflect.TypeFor[Config](), "", true)
	_, err := io.WriteString(w, r.b.String())
	return err
}

// tables writes a table for each section.
type tables struct {
	b    strings.Builder
	seen map[reflect.Type]bool
}

type subsection struct {
	path  string
	typ   reflect.Type
	outer bool // it can be set from outside of the file
}

// section writes the table of a section, and then those of the sections in it.
func (r *tables) section(title string, t reflect.Type, path string, outer bool) {
	fmt.Fprintf(&r.b, "\n## %s\n\n", title)
	var subs []subsection
	for _, f := range fields(t) {
		shape, elem := shapeOf(f.typ)
		at := join(path, f.key)
		fmt.Fprintf(&r.b, "- **`%s`**: %s", f.key, kindOf(&f))
		if f.required {
			r.b.WriteString(", required")
		}
		fmt.Fprintf(&r.b, ". %s", f.doc)
		r.b.WriteString(details(&f, at, outer))
		r.b.WriteByte('\n')
		optional := f.typ.Kind() == reflect.Pointer
		switch shape {
		case sectionShape:
			subs = append(subs, subsection{at, elem, outer && !optional})
		case listShape:
			if s, e := shapeOf(elem); s == sectionShape {
				subs = append(subs, subsection{at + "[]", e, false})
			}
		}
	}
	for _, s := range subs {
		if r.seen[s.typ] {
			continue
		}
		if s.path != "listener_defaults" && s.path != "realm_defaults" { // their keys are those of listeners and realms
			r.seen[s.typ] = true
		}
		if s.path == "default_realm" {
			fmt.Fprintf(&r.b, "\n## `default_realm`\n\nThe keys of `realm_defaults`.\n")
			continue
		}
		if s.path == "realms[]" || s.path == "templates[]" || s.path == "listeners[]" {
			r.only(s)
			continue
		}
		r.section("`"+s.path+"`", s.typ, s.path, s.outer)
	}
}

// only writes the table of a section whose other keys are inherited.
func (r *tables) only(s subsection) {
	from := "realm_defaults"
	if s.path == "listeners[]" {
		from = "listener_defaults"
	}
	fmt.Fprintf(&r.b, "\n## `%s`\n\nThe keys of `%s`, and:\n\n", s.path, from)
	for _, f := range fields(s.typ) {
		if len(f.index) == 1 {
			required := ""
			if f.required {
				required = ", required"
			}
			fmt.Fprintf(&r.b, "- **`%s`**: %s%s. %s%s\n", f.key, kindOf(&f), required, f.doc, details(&f, "", false))
		}
	}
}

// kindOf says what a value is.
func kindOf(f *field) string {
	if len(f.enum) > 0 {
		return "`" + strings.Join(f.enum, "`, `") + "`"
	}
	return kindName(f.typ)
}

// details says what else there is to know of a field.
func details(f *field, path string, outer bool) string {
	var list []string
	if f.def != "" {
		list = append(list, "default `"+f.def+"`")
	}
	if f.min != "" && f.min != "0" && f.min != "0s" && f.min != "1ms" {
		list = append(list, "at least `"+f.min+"`")
	}
	if f.max != "" {
		list = append(list, "at most `"+f.max+"`")
	}
	if outer {
		shape, elem := shapeOf(f.typ)
		if shape == scalarShape || shape == listShape && settable(elem, f.short) {
			list = append(list, "`"+envName(path)+"`")
		}
	}
	if f.flag != "" {
		list = append(list, "`--"+f.flag+"`")
	}
	if len(list) == 0 {
		return ""
	}
	return " (" + strings.Join(list, "; ") + ")"
}
