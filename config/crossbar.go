package config

import (
	"fmt"
	"io"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
)

// Import is what became of another router's configuration.
type Import struct {
	Config *Config

	// Lost is what could not be carried over, and what should be looked at, in
	// the order in which it was written.
	Lost Mistakes
}

// ImportCrossbar turns the node configuration of a Crossbar.io router, JSON or
// YAML, into one of Wampeter. It fails when there is nothing in it that could be.
//
// What Crossbar.io has by transport (authentication) and Wampeter by realm is
// united.
func ImportCrossbar(file string, data []byte) (*Import, error) {
	root, mistakes := parse(file, data)
	if len(mistakes) > 0 {
		return nil, mistakes.err()
	}
	x := &crossbar{config: &Config{}, dir: filepath.Dir(file), used: make(map[*node]bool), settings: make(map[string]*RealmSettings)}
	node := x.at(root, "")
	node.ignore("version", "$schema")
	if c, ok := node.sub("controller"); ok {
		c.lose("the node's own process is not configured here")
	}
	workers := node.list("workers")
	for _, w := range workers {
		x.worker(w)
	}
	if len(x.config.Realms) == 0 {
		return nil, fmt.Errorf("%s: there is no worker of type router with a realm in it", file)
	}
	x.finish()
	node.leftovers()
	x.config.Complete()
	return &Import{Config: x.config, Lost: x.lost.sorted()}, nil
}

// Write writes the configuration, with secrets, and with what was lost as
// comments in front.
func (i *Import) Write(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Imported from a Crossbar.io node configuration.\n")
	if len(i.Lost) > 0 {
		b.WriteString("#\n# To be looked at, or not carried over:\n")
	}
	for _, m := range i.Lost {
		for n, line := range wrap(m.Error(), 96) {
			b.WriteString("#" + map[bool]string{true: " - ", false: "   "}[n == 0] + line + "\n")
		}
	}
	b.WriteString("\n")
	e := &emitter{bare: true, skip: []string{"listener_defaults"}}
	e.section(reflect.ValueOf(i.Config).Elem(), 0)
	_, err := io.WriteString(w, b.String()+e.b.String())
	return err
}

// crossbar is an import under way.
type crossbar struct {
	config   *Config
	settings map[string]*RealmSettings // by the realm's name
	lost     Mistakes
	used     map[*node]bool // values that were looked at

	dir        string // of the file, to which paths in it are relative
	moved      bool   // there are such paths
	transports []crossTransport
	sizes      []Size // limits of messages
}

// crossNode is a value in the file.
type crossNode struct {
	x    *crossbar
	n    *node
	path string
}

func (x *crossbar) at(n *node, path string) crossNode { return crossNode{x, n, path} }

func (c crossNode) note(format string, args ...any) {
	c.x.lost = append(c.x.lost, &Mistake{Pos: c.n.pos, Path: c.path, Text: fmt.Sprintf(format, args...)})
}

// lose says why a value, with all that is in it, was not carried over.
func (c crossNode) lose(why string) {
	c.note("not carried over: %s", why)
	c.take()
}

// take marks a value, with all that is in it, as dealt with.
func (c crossNode) take() {
	c.x.used[c.n] = true
	for i := range c.n.list {
		c.x.at(c.n.list[i], "").take()
	}
}

func (c crossNode) sub(key string) (crossNode, bool) {
	if c.n.kind != mapNode {
		return crossNode{}, false
	}
	v := c.n.get(key)
	if v == nil {
		return crossNode{}, false
	}
	c.x.used[v] = true
	return c.x.at(v, join(c.path, quoteKey(key))), true
}

func (c crossNode) ignore(keys ...string) {
	for _, key := range keys {
		if v, ok := c.sub(key); ok {
			v.take()
		}
	}
}

// list returns the elements of a list.
func (c crossNode) list(key string) (list []crossNode) {
	v, ok := c.sub(key)
	if !ok || v.n.kind != listNode {
		return nil
	}
	for i, e := range v.n.list {
		c.x.used[e] = true
		list = append(list, c.x.at(e, fmt.Sprintf("%s[%d]", v.path, i)))
	}
	return list
}

// entries returns the values of a mapping, in their order, by name.
func (c crossNode) entries(yield func(string, crossNode) bool) {
	for _, k := range c.n.keys {
		v, _ := c.sub(k.text)
		if !yield(k.text, v) {
			return
		}
	}
}

// text returns a value as text. What refers to the environment as Crossbar.io
// writes it, $NAME, is written as it is here.
func (c crossNode) text(key string) string {
	v, ok := c.sub(key)
	if !ok || v.n.kind != textNode {
		return ""
	}
	if name, ok := strings.CutPrefix(v.n.text, "$"); ok && reference.MatchString("${"+name+"}") {
		return "${" + name + "}"
	}
	return v.n.text
}

func (c crossNode) secret(key string) Secret {
	text := c.text(key)
	if strings.HasPrefix(text, "${") {
		return Secret{from: text}
	}
	return Secret{value: text}
}

func (c crossNode) number(key string) int {
	n, _ := strconv.Atoi(c.text(key)) // 0 for what is none
	return n
}

func (c crossNode) yes(key string) bool { return c.text(key) == "true" }

// leftovers reports what nobody has looked at.
func (c crossNode) leftovers() {
	for i, v := range c.n.list {
		path := fmt.Sprintf("%s[%d]", c.path, i)
		if c.n.kind == mapNode {
			path = join(c.path, quoteKey(c.n.keys[i].text))
		}
		sub := c.x.at(v, path)
		if !c.x.used[v] {
			sub.note("not carried over: there is nothing like it here")
			continue
		}
		sub.leftovers()
	}
}

func (x *crossbar) worker(w crossNode) {
	w.ignore("id")
	if kind := w.text("type"); kind != "router" {
		if kind == "proxy" {
			x.proxy(w)
			return
		}
		why := map[string]string{
			"container": "components run as programs of their own, which connect as clients",
			"guest":     "programs are started by the system, by systemd for instance",
		}[kind]
		if why == "" {
			why = "workers of type " + kind + " do not exist here"
		}
		w.lose(why)
		return
	}
	if o, ok := w.sub("options"); ok {
		o.lose("the router is one process for all realms")
	}
	if m, ok := w.sub("manhole"); ok {
		m.lose("there is no shell into the router")
	}
	for _, r := range w.list("realms") {
		x.realm(r)
	}
	for _, c := range w.list("components") {
		c.lose("components run as programs of their own, which connect as clients")
	}
	for _, t := range w.list("transports") {
		x.transport(t)
	}
}

// proxy carries over the transports of a worker that takes connections for
// others.
func (x *crossbar) proxy(w crossNode) {
	for _, key := range []string{"options", "connections", "routes"} {
		if v, ok := w.sub(key); ok {
			v.lose("the router takes connections itself, on all cores")
		}
	}
	for _, t := range w.list("transports") {
		x.transport(t)
	}
}

// finish does what needs the whole file.
func (x *crossbar) finish() {
	x.authenticate()
	for _, size := range x.sizes {
		x.config.Limits.MaxMessage = max(x.config.Limits.MaxMessage, size)
	}
	if x.moved {
		x.lost = append(x.lost, &Mistake{Text: fmt.Sprintf("paths were relative to %s; here they are relative to the folder of the file, for which the current one was taken", x.dir)})
	}
	realms := x.config.Realms
	for i := range realms {
		realms[i].RealmSettings = *x.settings[realms[i].Name]
	}
	x.config.Complete()
	if open := x.config.openRealm(); open != "" {
		for i := range x.config.Listeners {
			if l := &x.config.Listeners[i]; !l.local() {
				x.config.AllowOpen = true
				x.lost = append(x.lost, &Mistake{Text: fmt.Sprintf(
					"other machines can connect to %s, and in %s anonymous clients may do everything: allow_open is set, since Crossbar.io allows it", l.Address, open)})
				break
			}
		}
	}
}
