package config

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Source is where a configuration comes from.
type Source struct {
	// File is the path of the file; empty: there is none. Data is what is in
	// it; nil: it is read.
	File string
	Data []byte

	// Environ are variables of the environment, as os.Environ returns them.
	Environ []string

	// Set has the last word.
	Set []Setting

	// Probe has certificates looked at, too, which otherwise Start does.
	Probe bool
}

// Setting is a value that a command line gives.
type Setting struct {
	Path   string   // such as limits.max_message
	Values []string // more than one for a list
	Name   string   // by which it is blamed, such as --max-message
	YAML   bool     // the one value is YAML
}

// Load reads a configuration and checks it. ctx bounds looking up the names of
// hosts to listen on. The error consists of Mistakes,
// unless the file cannot be read.
func Load(ctx context.Context, s Source) (*Config, error) {
	r := newReader(s.Environ)
	root := &node{kind: mapNode}
	if s.File != "" {
		data := s.Data
		if data == nil {
			var err error
			if data, err = readFile(s.File); err != nil {
				return nil, fmt.Errorf("configuration: %w", err)
			}
		}
		r.files = append(r.files, s.File)
		if root, r.mistakes = parse(s.File, data); root == nil {
			return nil, r.mistakes.err()
		}
	}
	o := &overlay{root: root, r: r}
	o.environment()
	for _, set := range s.Set {
		o.flag(set)
	}
	o.complete()
	c := &Config{}
	r.section(root, reflect.ValueOf(c).Elem(), &field{}, "")
	c.positions, c.files = r.positions, r.files
	// Of what could not be read nothing more can be said.
	bad := func(path, format string, args ...any) {
		if !r.blamed(path) {
			r.bad(c.At(path), path, format, args...)
		}
	}
	c.check(ctx, bad)
	if s.Probe {
		c.probe(bad)
	}
	if err := r.mistakes.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// blamed reports whether there is a mistake in what stands at path already.
func (r *reader) blamed(path string) bool {
	return slices.ContainsFunc(r.mistakes, func(m *Mistake) bool { return m.Path != "" && m.Path == path })
}

// At returns where something was said; for what was not said, where the section
// around it is.
func (c *Config) At(path string) Pos {
	for {
		if pos, ok := c.positions[path]; ok && pos != (Pos{}) {
			return pos
		}
		i := strings.LastIndexAny(path, ".[")
		if i < 0 {
			return c.positions[""]
		}
		path = path[:i]
	}
}

// Files returns the files that the configuration was read from, secrets
// included.
func (c *Config) Files() []string { return slices.Clone(c.files) }

// overlay puts on top of what a file says what was said elsewhere.
type overlay struct {
	root *node
	r    *reader
	over []string // paths that were set
}

// environment applies the environment.
func (o *overlay) environment() {
	o.misspelled()
	for _, s := range settings() {
		value, _ := o.r.getenv(s.env())
		if value == "" {
			continue // as good as none, as everywhere in shells
		}
		pos := Pos{Name: "$" + s.env()}
		n := &node{text: value, pos: pos}
		if s.list() {
			n = &node{kind: listNode, pos: pos}
			for word := range strings.SplitSeq(value, ",") {
				if word = strings.TrimSpace(word); word != "" {
					n.list = append(n.list, &node{text: word, pos: pos})
				}
			}
		}
		o.put(s.path, n)
	}
}

// misspelled reports variables that begin like those of a section and are none of
// its settings. Others that begin like ours may be somebody else's: container
// platforms tell programs of services by WAMPETER_PORT and the like.
func (o *overlay) misspelled() {
	var known, sections []string
	for _, s := range settings() {
		known = append(known, s.env())
		if section, _, ok := strings.Cut(s.path, "."); ok {
			sections = append(sections, envName(section)+"_")
		}
	}
	for _, name := range o.r.ours {
		if slices.Contains(known, name) || !slices.ContainsFunc(sections, func(s string) bool { return strings.HasPrefix(name, s) }) {
			continue
		}
		hint := ""
		if guess := nearestOf(name, known); guess != "" {
			hint = "; did you mean $" + guess + "?"
		}
		o.r.bad(Pos{Name: "$" + name}, "", "there is no setting of that name%s", hint)
	}
}

// nearestOf is nearest for names in capital letters.
func nearestOf(name string, known []string) string {
	lower := make([]string, len(known))
	for i, k := range known {
		lower[i] = strings.ToLower(k)
	}
	return strings.ToUpper(nearest(name, lower))
}

// flag applies a setting of a command line.
func (o *overlay) flag(s Setting) {
	pos := Pos{Name: s.Name}
	if s.YAML {
		n, mistakes := parse("", []byte("value: "+s.Values[0]))
		if len(mistakes) > 0 {
			o.r.bad(pos, s.Path, "%s: %s", s.Values[0], mistakes[0].Text)
			return
		}
		n = n.get("value")
		n.claim(pos)
		o.put(s.Path, n)
		return
	}
	n := &node{kind: listNode, pos: pos}
	for _, v := range s.Values {
		n.list = append(n.list, &node{text: v, pos: pos})
	}
	i := slices.IndexFunc(settings(), func(t setting) bool { return t.path == s.Path })
	switch {
	case s.Path == "realms":
		o.addRealms(n)
		return
	case i >= 0 && !settings()[i].list():
		n = n.list[len(n.list)-1]
	}
	o.put(s.Path, n)
}

// claim says that everything in n was said at pos.
func (n *node) claim(pos Pos) {
	n.pos = pos
	for _, k := range n.keys {
		k.pos = pos
	}
	for _, c := range n.list {
		c.claim(pos)
	}
}

// addRealms adds realms to those of the file.
func (o *overlay) addRealms(names *node) {
	list := o.root.get("realms")
	if list == nil || list.kind != listNode {
		o.root.set("realms", names)
		return
	}
	known := make(map[string]bool)
	for _, r := range list.list {
		known[nameOf(r)] = true
	}
	out := &node{kind: listNode, pos: list.pos, list: slices.Clone(list.list)}
	for _, n := range names.list {
		if !known[n.text] {
			out.list = append(out.list, n)
		}
	}
	o.root.set("realms", out)
}

// nameOf returns the name of a realm.
func nameOf(n *node) string {
	if n.kind == mapNode {
		if n = n.get("name"); n == nil {
			return ""
		}
	}
	return n.text
}

// put sets what is at path, such as realms[0].name.
func (o *overlay) put(path string, value *node) {
	if strings.HasPrefix(path, "listeners[") || strings.HasPrefix(path, "realms[") {
		o.standard()
	}
	if !o.putIn(o.root, reflect.TypeFor[Config](), path, value) {
		o.r.bad(value.pos, path, "there is no %s to set it in", path)
		return
	}
	o.over = append(o.over, path)
}

// putIn sets what is at path in n, a section of type t; of a type that is not known
// it is nil.
func (o *overlay) putIn(n *node, t reflect.Type, path string, value *node) bool {
	key, rest, more := strings.Cut(path, ".")
	key, index, indexed := strings.Cut(key, "[")
	if n.kind != mapNode {
		return false
	}
	f := &field{}
	var elem reflect.Type
	if t != nil && find(fields(t), key) != nil {
		f = find(fields(t), key)
		_, elem = shapeOf(f.typ)
	}
	switch {
	case indexed:
		i, err := strconv.Atoi(strings.TrimSuffix(index, "]"))
		list := n.get(key)
		if list != nil && list.kind != listNode && !list.null() { // a list of one
			list = &node{kind: listNode, pos: list.pos, list: []*node{list}}
			n.set(key, list)
		}
		if err != nil || list == nil || i < 0 || i >= len(list.list) {
			return false
		}
		if !more {
			list.list[i] = value
			return true
		}
		if at := list.list[i]; at.kind == textNode && f.short != "" && !at.null() {
			list.list[i] = at.named(f.short)
		}
		n = list.list[i]
	case !more:
		n.set(key, value)
		return true
	default:
		sub := n.get(key)
		if sub == nil || sub.null() {
			sub = &node{kind: mapNode, pos: value.pos}
			n.set(key, sub)
		}
		n = sub
	}
	if elem != nil && elem.Kind() != reflect.Struct {
		elem = nil
	}
	return o.putIn(n, elem, rest, value)
}

// named returns a mapping in which n is the value of a key.
func (n *node) named(key string) *node {
	return &node{kind: mapNode, pos: n.pos, keys: []*node{{text: key}}, list: []*node{n}}
}

// standard adds what is there when nothing is said.
func (o *overlay) standard() {
	if o.root.get("listeners") == nil {
		o.root.set("listeners", &node{text: "127.0.0.1:8080"})
	}
	if o.root.get("realms") == nil && o.root.get("templates") == nil && o.root.get("default_realm") == nil {
		o.root.set("realms", &node{text: "realm1"})
	}
}

// complete adds what is there when nothing is said, and what is inherited.
func (o *overlay) complete() {
	o.standard()
	o.inherit("listeners", "listener_defaults", "address")
	o.inherit("realms", "realm_defaults", "name")
	o.inherit("templates", "realm_defaults", "")
	o.inherit("default_realm", "realm_defaults", "")
}

// inherit gives every element of a list, or the one section, the keys of defaults
// that it does not have. What was set from outside of the file goes before its
// own.
func (o *overlay) inherit(of, from, short string) {
	n, defaults := o.root.get(of), o.root.get(from)
	if n == nil || defaults == nil || defaults.kind != mapNode {
		return
	}
	var give func(n *node) *node
	give = func(n *node) *node {
		switch {
		case n.kind == listNode:
			out := *n
			out.list = slices.Clone(n.list)
			for i, c := range out.list {
				out.list[i] = give(c)
			}
			return &out
		case n.null():
			n = &node{kind: mapNode, pos: n.pos}
		case n.kind == textNode && short != "":
			n = n.named(short)
		case n.kind != mapNode:
			return n
		}
		own := n.copy()
		for _, path := range o.over {
			if sub, ok := strings.CutPrefix(path, from+"."); ok && own.get(before(sub)) != nil {
				o.putIn(own, nil, sub, at(defaults, sub))
			}
		}
		for i, k := range defaults.keys {
			if own.get(k.text) == nil {
				own.set(k.text, defaults.list[i])
			}
		}
		return own
	}
	o.root.set(of, give(n))
}

// copy returns a copy, whose values can be set without changing n.
func (n *node) copy() *node {
	out := *n
	out.keys, out.list = slices.Clone(n.keys), slices.Clone(n.list)
	for i, c := range out.list {
		out.list[i] = c.copy()
	}
	return &out
}

func before(path string) string {
	key, _, _ := strings.Cut(path, ".")
	return key
}

// at returns what was put at path.
func at(n *node, path string) *node {
	for key := range strings.SplitSeq(path, ".") {
		n = n.get(key)
	}
	return n
}

// DefaultFiles are where 'wampeter run' looks for a file when it is given none:
// $WAMPETER_CONFIG, or else the first that exists of wampeter.yaml here, in the
// user's and in the system's folder for configurations.
func DefaultFiles(getenv func(string) string) []string {
	if name := getenv("WAMPETER_CONFIG"); name != "" {
		return []string{name}
	}
	list := []string{"wampeter.yaml"}
	if dir, err := os.UserConfigDir(); err == nil {
		list = append(list, filepath.Join(dir, "wampeter", "wampeter.yaml"))
	}
	return append(list, filepath.FromSlash("/etc/wampeter/wampeter.yaml"))
}
