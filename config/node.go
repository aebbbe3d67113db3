package config

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"go.yaml.in/yaml/v4"
)

// node is a part of what was said: text, a list, or a mapping.
type node struct {
	kind  nodeKind
	text  string
	plain bool // text without quotes, which may be null, a number, or a truth value
	list  []*node
	keys  []*node // of a mapping, in their order; list holds the values
	pos   Pos
}

type nodeKind uint8

const (
	textNode nodeKind = iota
	listNode
	mapNode
)

// Bounds of a file: aliases can make much of little.
const (
	maxFile  = 16 << 20
	maxNodes = 1_000_000
	maxDepth = 100
)

func (n *node) null() bool {
	return n.kind == textNode && n.plain && (n.text == "" || n.text == "~" || n.text == "null")
}

// get returns the value of a key, nil when there is none.
func (n *node) get(key string) *node {
	for i, k := range n.keys {
		if k.text == key {
			return n.list[i]
		}
	}
	return nil
}

// key returns the key itself, where it stands.
func (n *node) key(key string) *node {
	for _, k := range n.keys {
		if k.text == key {
			return k
		}
	}
	return nil
}

// set sets the value of a key.
func (n *node) set(key string, value *node) {
	for i, k := range n.keys {
		if k.text == key {
			n.list[i] = value
			return
		}
	}
	n.keys = append(n.keys, &node{text: key, pos: value.pos})
	n.list = append(n.list, value)
}

// parse reads a file. There is no node when its mistakes leave nothing to go on
// with; else they are of keys alone.
func parse(file string, data []byte) (*node, Mistakes) {
	p := &parser{file: file}
	if len(data) > maxFile {
		p.bad(nil, "the file is larger than %v", Size(maxFile))
		return nil, p.mistakes
	}
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		p.bad(nil, "%v", err)
		return nil, p.mistakes
	}
	var doc yaml.Node
	if err := loader.Load(&doc); err != nil {
		var syntax *yaml.LoadError
		switch {
		case errors.As(err, &syntax) && syntax.Mark.Line > 0:
			mark, text := syntax.Mark, syntax.Message
			if syntax.ContextMark.Line > 0 {
				mark, text = syntax.ContextMark, syntax.ContextMsg+": "+text // where it began
			}
			if indentedByTab(data, syntax.Mark.Line) {
				mark, text = syntax.Mark, "the line begins with a tab: indent by spaces"
			}
			p.mistakes = append(p.mistakes, &Mistake{Pos: Pos{File: file, Line: mark.Line, Column: mark.Column}, Text: "YAML: " + text})
		case empty(data):
			return &node{kind: mapNode, pos: Pos{File: file, Line: 1, Column: 1}}, nil
		default:
			p.bad(nil, "YAML: %v", err)
		}
		return nil, p.mistakes
	}
	var more yaml.Node
	if loader.Load(&more) == nil {
		p.bad(&more, "there is a second document in the file: one is enough")
		return nil, p.mistakes
	}
	root := p.convert(doc.Content[0], 0)
	if root != nil && root.null() {
		root = &node{kind: mapNode, pos: root.pos}
	}
	if root != nil && root.kind != mapNode {
		p.mistakes = append(p.mistakes, &Mistake{Pos: root.pos, Text: "want a mapping of keys to values, as 'wampeter init' writes it"})
		root = nil
	}
	if p.lost {
		root = nil
	}
	return root, p.mistakes
}

// indentedByTab reports whether there is a tab before the text of a line.
func indentedByTab(data []byte, line int) bool {
	lines := bytes.Split(data, []byte("\n"))
	if line > len(lines) {
		return false
	}
	text := lines[line-1]
	return bytes.IndexByte(text[:len(text)-len(bytes.TrimLeft(text, " \t"))], '\t') >= 0
}

// empty reports whether data is nothing but space and comments.
func empty(data []byte) bool {
	comment := false
	for _, c := range data {
		switch {
		case c == '\n':
			comment = false
		case comment || c == ' ' || c == '\t' || c == '\r':
		case c == '#':
			comment = true
		default:
			return false
		}
	}
	return true
}

// parser makes nodes of YAML's.
type parser struct {
	file     string
	nodes    int
	lost     bool // parts of the file have no node
	mistakes Mistakes
}

func (p *parser) at(n *yaml.Node) Pos {
	if n == nil {
		return Pos{File: p.file}
	}
	return Pos{File: p.file, Line: n.Line, Column: n.Column}
}

func (p *parser) bad(n *yaml.Node, format string, args ...any) *node {
	p.mistakes = append(p.mistakes, &Mistake{Pos: p.at(n), Text: fmt.Sprintf(format, args...)})
	return nil
}

// convert returns nil for what there is no node of.
func (p *parser) convert(n *yaml.Node, depth int) *node {
	p.nodes++
	if p.nodes > maxNodes || depth > maxDepth {
		p.lost = true
		switch {
		case p.nodes == maxNodes+1:
			p.bad(n, "there are more than %d values, aliases included", maxNodes)
		case p.nodes < maxNodes:
			p.bad(n, "lists and mappings are nested deeper than %d", maxDepth)
		}
		return nil
	}
	switch n.Kind {
	case yaml.AliasNode:
		return p.convert(n.Alias, depth+1)
	case yaml.ScalarNode:
		return &node{text: n.Value, plain: n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0, pos: p.at(n)}
	case yaml.SequenceNode:
		out := &node{kind: listNode, pos: p.at(n)}
		for _, c := range n.Content {
			if v := p.convert(c, depth+1); v != nil {
				out.list = append(out.list, v)
			}
		}
		return out
	case yaml.MappingNode:
		return p.mapping(n, depth)
	}
	p.lost = true
	return p.bad(n, "YAML of kind %d is not for a configuration", n.Kind)
}

func (p *parser) mapping(n *yaml.Node, depth int) *node {
	out := &node{kind: mapNode, pos: p.at(n)}
	var merged []*node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		v := p.convert(value, depth+1)
		switch {
		case key.Kind != yaml.ScalarNode:
			p.bad(key, "want a word for a key")
		case v == nil:
		case key.Tag == "!!merge":
			if v.kind == listNode {
				merged = append(merged, v.list...)
			} else {
				merged = append(merged, v)
			}
		case out.get(key.Value) != nil:
			p.bad(key, "the key %s was given before, in line %d", quoteKey(key.Value), out.key(key.Value).pos.Line)
		default:
			out.keys = append(out.keys, &node{text: key.Value, pos: p.at(key)})
			out.list = append(out.list, v)
		}
	}
	for _, m := range merged {
		if m.kind != mapNode {
			p.mistakes = append(p.mistakes, &Mistake{Pos: m.pos, Text: "<< merges mappings, and this is none"})
			continue
		}
		for i, k := range m.keys {
			if out.get(k.text) == nil {
				out.keys = append(out.keys, k)
				out.list = append(out.list, m.list[i])
			}
		}
	}
	return out
}

// quoteKey returns a key as it may stand in a message.
func quoteKey(key string) string {
	for _, c := range key {
		if !(c == '_' || c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z') {
			return strconv.Quote(key)
		}
	}
	if key == "" {
		return `""`
	}
	return key
}
