package config

import (
	"encoding"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// reader fills a Config with what was said, and collects all mistakes.
type reader struct {
	getenv    func(string) (string, bool)
	ours      []string // names of variables in the environment that begin as ours do
	positions map[string]Pos
	files     []string
	mistakes  Mistakes
}

// newReader returns a reader that finds variables in environ.
func newReader(environ []string) *reader {
	vars := make(map[string]string, len(environ))
	var ours []string
	for _, v := range environ {
		if name, value, ok := strings.Cut(v, "="); ok {
			vars[name] = value
			if strings.HasPrefix(name, envName("")) {
				ours = append(ours, name)
			}
		}
	}
	slices.Sort(ours)
	return &reader{
		getenv:    func(name string) (string, bool) { v, ok := vars[name]; return v, ok },
		ours:      ours,
		positions: make(map[string]Pos),
	}
}

func (r *reader) bad(pos Pos, path, format string, args ...any) {
	r.mistakes = append(r.mistakes, newMistake(pos, path, format, args...))
}

// value fills v, which f describes, with n.
func (r *reader) value(n *node, v reflect.Value, f *field, path string) {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	r.positions[path] = n.pos
	switch shape, _ := shapeOf(v.Type()); shape {
	case sectionShape:
		r.section(n, v, f, path)
	case listShape:
		r.list(n, v, f, path)
	case freeShape:
		if n.kind != mapNode && !n.null() {
			r.bad(n.pos, path, "want a mapping of names to values")
			return
		}
		v.Set(reflect.ValueOf(r.free(n, path)))
	default:
		if n.kind != textNode {
			r.bad(n.pos, path, "want %s, not a %s", article(kindName(v.Type())), map[nodeKind]string{listNode: "list", mapNode: "mapping"}[n.kind])
			return
		}
		r.scalar(n, v, f, path)
	}
}

// section fills a struct.
func (r *reader) section(n *node, v reflect.Value, f *field, path string) {
	list := fields(v.Type())
	switch {
	case n.null():
		n = &node{kind: mapNode, pos: n.pos}
	case n.kind == textNode && f.short != "":
		n = n.named(f.short)
	case n.kind != mapNode:
		r.bad(n.pos, path, "want a mapping with keys such as %s", list[0].key)
		r.defaults(v)
		return
	}
	for i, k := range n.keys {
		if find(list, k.text) == nil {
			r.unknown(k, n.list[i], path, keysOf(list))
		}
	}
	for i := range list {
		f := &list[i]
		sub := v.FieldByIndex(f.index)
		if c := n.get(f.key); c != nil && !(c.null() && sub.Kind() != reflect.Pointer) {
			r.value(c, sub, f, join(path, f.key))
			continue
		}
		if f.required {
			r.bad(n.pos, path, "%s is missing: %s", f.key, firstSentence(f.doc))
		}
		r.defaultOf(sub, f)
	}
	if at := v.FieldByName("At"); at.IsValid() && at.Type() == reflect.TypeFor[Pos]() {
		at.Set(reflect.ValueOf(n.pos))
	}
}

func (r *reader) unknown(key, value *node, path string, keys []string) {
	pos := key.pos
	if pos == (Pos{}) {
		pos = value.pos
	}
	name := quoteKey(key.text)
	if guess := nearest(key.text, keys); guess != "" {
		r.bad(pos, join(path, name), "there is no such key; did you mean %s?", guess)
		return
	}
	r.bad(pos, join(path, name), "there is no such key; there are %s", oxford(keys, "and"))
}

// defaults fills a section of which nothing was said.
func (r *reader) defaults(v reflect.Value) {
	list := fields(v.Type())
	for i := range list {
		r.defaultOf(v.FieldByIndex(list[i].index), &list[i])
	}
}

func (r *reader) defaultOf(v reflect.Value, f *field) {
	if v.Kind() == reflect.Pointer {
		return // a section that is there only when it is named
	}
	switch shape, _ := shapeOf(v.Type()); {
	case shape == sectionShape:
		r.defaults(v)
	case f.def != "" && shape == scalarShape:
		// Without a position: nobody has said it.
		silent := &reader{positions: map[string]Pos{}}
		silent.scalar(&node{text: f.def}, v, f, "")
		r.mistakes = append(r.mistakes, silent.mistakes...)
	}
}

// list fills a slice. What is no list is a list of one.
func (r *reader) list(n *node, v reflect.Value, f *field, path string) {
	items := []*node{n}
	switch {
	case n.kind == listNode:
		items = n.list
	case n.null():
		items = nil
	}
	out := reflect.MakeSlice(v.Type(), 0, len(items))
	for i, c := range items {
		elem := reflect.New(v.Type().Elem()).Elem()
		at := fmt.Sprintf("%s[%d]", path, i)
		if c.null() && c.kind == textNode && c.text == "" {
			r.bad(c.pos, at, "there is nothing behind the dash")
			out = reflect.Append(out, elem)
			continue
		}
		r.value(c, elem, f, at)
		out = reflect.Append(out, elem)
	}
	v.Set(out)
}

// free returns a mapping that has no fields.
func (r *reader) free(n *node, path string) map[string]any {
	if n.null() {
		return nil
	}
	out := make(map[string]any, len(n.keys))
	for i, k := range n.keys {
		out[k.text] = r.any(n.list[i], join(path, quoteKey(k.text)))
	}
	return out
}

func (r *reader) any(n *node, path string) any {
	switch n.kind {
	case mapNode:
		return r.free(n, path)
	case listNode:
		list := make([]any, len(n.list))
		for i, c := range n.list {
			list[i] = r.any(c, fmt.Sprintf("%s[%d]", path, i))
		}
		return list
	}
	if !n.plain {
		return r.expand(n, path)
	}
	if n.null() {
		return nil
	}
	if i, err := strconv.ParseInt(n.text, 10, 64); err == nil {
		return i
	}
	if f, err := strconv.ParseFloat(n.text, 64); err == nil {
		return f
	}
	switch n.text {
	case "true", "false":
		return n.text == "true"
	}
	return r.expand(n, path)
}

// scalar fills a value that is written as text.
func (r *reader) scalar(n *node, v reflect.Value, f *field, path string) {
	before := len(r.mistakes)
	text := r.expand(n, path)
	if len(r.mistakes) > before {
		return
	}
	_, secret := v.Addr().Interface().(*Secret)
	bad := func(format string, args ...any) {
		if shown := strconv.Quote(text); !secret {
			if shown == `"`+text+`"` && text != "" && !strings.ContainsAny(text, " ") {
				shown = text
			}
			format, args = "%s: "+format, append([]any{shown}, args...)
		}
		r.bad(n.pos, path, format, args...)
	}
	switch p := v.Addr().Interface().(type) {
	case *Secret:
		r.secret(n, p, text, path)
		return
	case *Text:
		if *p = (Text{value: text}); strings.HasPrefix(text, "file:") {
			*p = Text{r.fromFile(n, text, path), text}
		}
		return
	case *Path:
		*p = Path(r.resolve(n.pos, text))
		return
	case encoding.TextUnmarshaler:
		if err := p.UnmarshalText([]byte(text)); err != nil {
			bad("%v", err)
			return
		}
		if a, ok := p.(*Address); ok && a.network == "unix" {
			a.text = r.resolve(n.pos, a.text)
		}
	default:
		r.builtin(v, text, bad)
	}
	if len(r.mistakes) > before {
		return
	}
	if len(f.enum) > 0 && !oneOf(text, f.enum) {
		bad("want %s", oxford(f.enum, "or"))
		return
	}
	if n.pos != (Pos{}) {
		bound(v, f, bad)
	}
}

// builtin fills a value of one of Go's own types.
func (r *reader) builtin(v reflect.Value, text string, bad func(string, ...any)) {
	switch v.Kind() {
	case reflect.Bool:
		switch text {
		case "true", "false":
			v.SetBool(text == "true")
		case "yes", "on", "no", "off", "1", "0":
			bad("want true or false, written so")
		default:
			bad("want true or false")
		}
	case reflect.Int, reflect.Int64:
		i, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			bad("want a whole number")
		}
		v.SetInt(i)
	case reflect.Uint8, reflect.Uint64:
		i, err := strconv.ParseUint(text, 10, v.Type().Bits())
		if err != nil {
			bad("want a whole number that is not negative")
		}
		v.SetUint(i)
	case reflect.Float64:
		x, err := strconv.ParseFloat(text, 64)
		if err != nil {
			bad("want a number")
		}
		v.SetFloat(x)
	default:
		v.SetString(text)
	}
}

// bound checks the limits of a number.
func bound(v reflect.Value, f *field, bad func(string, ...any)) {
	if f.min != "" && compare(v, f.min) < 0 {
		bad("want at least %s", f.min)
	}
	if f.max != "" && compare(v, f.max) > 0 {
		bad("want at most %s", f.max)
	}
}

// compare compares a number with one that is written in a tag.
func compare(v reflect.Value, text string) int {
	limit := reflect.New(v.Type())
	r := &reader{}
	r.scalar(&node{text: text}, limit.Elem(), &field{}, "")
	a, b := number(v), number(limit.Elem())
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func number(v reflect.Value) float64 {
	switch {
	case v.CanInt():
		return float64(v.Int())
	case v.CanUint():
		return float64(v.Uint())
	}
	return v.Float()
}

// secret takes a secret, or reads it from the file that it names.
func (r *reader) secret(n *node, s *Secret, text, path string) {
	*s = Secret{value: text, from: origin(n.text)}
	if strings.HasPrefix(text, "file:") {
		s.value, s.from = r.fromFile(n, text, path), text
	}
}

// origin returns what may be shown of how a secret was said: the variables of the
// environment. The text around them is secret, and so is what counts without them.
func origin(text string) string {
	var b strings.Builder
	named, end := false, 0
	secret := func(part string) {
		if part != "" && !strings.HasSuffix(b.String(), "(secret)") {
			b.WriteString("(secret)")
		}
	}
	for _, m := range reference.FindAllStringSubmatchIndex(text, -1) {
		if strings.HasPrefix(text[m[0]:], "$$") {
			continue
		}
		secret(text[end:m[0]])
		named, end = true, m[1]
		b.WriteString("${" + text[m[2]:m[3]])
		if m[4] >= 0 {
			b.WriteString(":-")
			secret(text[m[4]+len(":-") : m[5]])
		}
		b.WriteByte('}')
	}
	if !named {
		return ""
	}
	secret(text[end:])
	return b.String()
}

// fromFile reads the file that file:PATH names.
func (r *reader) fromFile(n *node, text, path string) string {
	name := r.resolve(n.pos, strings.TrimPrefix(text, "file:"))
	data, err := readFile(name)
	if err != nil {
		r.bad(n.pos, path, "%v", err)
		return ""
	}
	r.files = append(r.files, name)
	value := strings.TrimRight(string(data), "\r\n")
	if value == "" {
		r.bad(n.pos, path, "%s: the file is empty", name)
	}
	return value
}

// readFile reads a file that a configuration is made of.
func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s is larger than %v", name, Size(maxFile))
	}
	return os.ReadFile(name)
}

// resolve returns a path that was said at pos, from where the process is.
func (r *reader) resolve(pos Pos, path string) string {
	if path == "" || pos.File == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(pos.File), path)
}

var reference = regexp.MustCompile(`\$?\$\{([A-Z_][A-Z0-9_]*)(:-[^}]*)?\}`)

// expand replaces references to the environment in what a file says.
func (r *reader) expand(n *node, path string) string {
	if n.pos.File == "" || !strings.Contains(n.text, "${") {
		return n.text
	}
	return reference.ReplaceAllStringFunc(n.text, func(ref string) string {
		if strings.HasPrefix(ref, "$$") {
			return ref[1:]
		}
		m := reference.FindStringSubmatch(ref)
		if value, ok := r.getenv(m[1]); ok {
			return value
		}
		if m[2] == "" {
			r.bad(n.pos, path, "there is no %s in the environment; ${%s:-x} would be x then, and $${%s} is the text itself", m[1], m[1], m[1])
		}
		return strings.TrimPrefix(m[2], ":-")
	})
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func oneOf(text string, words []string) bool {
	for _, w := range words {
		if w == text {
			return true
		}
	}
	return false
}

// oxford writes a list of words as a sentence has it.
func oxford(words []string, and string) string {
	switch n := len(words); n {
	case 0:
		return "nothing"
	case 1:
		return words[0]
	default:
		return strings.Join(words[:n-1], ", ") + " " + and + " " + words[n-1]
	}
}

// firstSentence returns a documentation text up to its first full stop.
func firstSentence(doc string) string {
	s, _, _ := strings.Cut(doc, ". ")
	return strings.TrimSuffix(s, ".")
}
