package match

import (
	"bytes"
	"slices"
	"strings"
)

// prefixTree is a radix tree: each edge carries a piece of text, and the
// pieces on the way from the root spell the pattern. With the patterns "com.",
// "com.app.a" and "com.app.b":
//
//	root ─ "com." * ─ "app." ─ "a" *
//	                        └─ "b" *
type prefixTree[V any] struct {
	root prefixNode[V]
	n    int
}

type prefixNode[V any] struct {
	label    string // text of the edge that leads here
	set      bool   // a pattern ends here
	value    V
	first    []byte // first byte of each child's label
	children []*prefixNode[V]
}

func (n *prefixNode[V]) child(c byte) int { return bytes.IndexByte(n.first, c) }

// next returns the node that uri leads to from n and what remains of uri, nil
// when there is none.
func (n *prefixNode[V]) next(uri []byte) (*prefixNode[V], []byte) {
	if len(uri) == 0 {
		return nil, nil
	}
	i := n.child(uri[0])
	if i < 0 {
		return nil, nil
	}
	n = n.children[i]
	if len(uri) < len(n.label) || string(uri[:len(n.label)]) != n.label {
		return nil, nil
	}
	return n, uri[len(n.label):]
}

func (t *prefixTree[V]) get(uri []byte) (v V, ok bool) {
	n := &t.root
	for len(uri) > 0 {
		if n, uri = n.next(uri); n == nil {
			return v, false
		}
	}
	return n.value, n.set
}

func (t *prefixTree[V]) longest(uri []byte) (v V, ok bool) {
	if t.n == 0 {
		return v, false
	}
	for n := &t.root; n != nil; n, uri = n.next(uri) {
		if n.set {
			v, ok = n.value, true
		}
	}
	return v, ok
}

func (t *prefixTree[V]) appendAll(dst []V, uri []byte) []V {
	if t.n == 0 {
		return dst
	}
	for n := &t.root; n != nil; n, uri = n.next(uri) {
		if n.set {
			dst = append(dst, n.value)
		}
	}
	return dst
}

func (t *prefixTree[V]) put(uri string, v V) {
	n := &t.root
	for uri != "" {
		i := n.child(uri[0])
		if i < 0 {
			n = n.add(&prefixNode[V]{label: strings.Clone(uri)})
			uri = ""
			break
		}
		child := n.children[i]
		common := commonPrefix(uri, child.label)
		if common < len(child.label) {
			child = child.split(common)
			n.children[i] = child
		}
		n, uri = child, uri[common:]
	}
	if !n.set {
		n.set = true
		t.n++
	}
	n.value = v
}

func (n *prefixNode[V]) add(child *prefixNode[V]) *prefixNode[V] {
	n.first = append(n.first, child.label[0])
	n.children = append(n.children, child)
	return child
}

// split returns a new node for the first common bytes of n's label, with n
// below it.
func (n *prefixNode[V]) split(common int) *prefixNode[V] {
	upper := &prefixNode[V]{label: strings.Clone(n.label[:common])}
	n.label = strings.Clone(n.label[common:])
	upper.add(n)
	return upper
}

func (t *prefixTree[V]) delete(uri string) {
	var parent *prefixNode[V]
	n, at := &t.root, 0 // n is parent's child number at
	for uri != "" {
		i := n.child(uri[0])
		if i < 0 || !strings.HasPrefix(uri, n.children[i].label) {
			return
		}
		parent, at = n, i
		n = n.children[i]
		uri = uri[len(n.label):]
	}
	if !n.set {
		return
	}
	t.n--
	var none V
	n.set, n.value = false, none
	if parent == nil {
		return
	}
	switch len(n.children) {
	case 0:
		parent.remove(at)
		if !parent.set && len(parent.children) == 1 && parent != &t.root {
			parent.merge()
		}
	case 1:
		n.merge()
	}
}

func (n *prefixNode[V]) remove(i int) {
	n.first = slices.Delete(n.first, i, i+1)
	n.children = slices.Delete(n.children, i, i+1)
	if len(n.children) <= cap(n.children)/4 {
		n.first = append([]byte(nil), n.first...)
		n.children = append([]*prefixNode[V](nil), n.children...)
	}
}

// merge makes n and its only child one node.
func (n *prefixNode[V]) merge() {
	label := n.label
	*n = *n.children[0]
	n.label = label + n.label
}

func commonPrefix(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
