// Package match finds the patterns that a URI matches (specification, advanced
// profile, sections "Pattern-based Registrations" and "Pattern-based
// Subscriptions"). A pattern is
//
//	exact     the URI itself
//	prefix    any URI that begins with it, as text: "com.my" matches "com.myapp"
//	wildcard  any URI with as many components, where an empty component of the
//	          pattern stands for any one: "com..create" matches "com.user.create"
//
// What a look-up costs does not depend on how many patterns there are. Exact
// patterns are a map. Prefixes are a radix tree over bytes, which is walked
// once. A wildcard pattern that matches a URI differs from it only in which
// components are empty; so for each such shape in use with as many components
// as the URI has there is one probe of a hash table, made from the hashes of
// the components. The number of shapes is what a realm has to limit. Shapes
// are tried in the order of the specification's precedence, so that the best
// pattern is the first one found.
//
// Tables hold whatever value the owner gives them, and own their keys: URIs
// are passed as views and are not kept. Look-ups allocate nothing. Memory
// shrinks again when patterns are deleted. A table is not safe for concurrent
// use.
package match

import (
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/uri"
)

// MaxComponents is how many components a wildcard pattern may have. Longer
// URIs match no wildcard pattern.
const MaxComponents = 64

// Valid reports whether pattern is a URI, or a pattern of its policy that a
// table can hold, by the loose or the strict rules.
func Valid(policy msg.Match, pattern []byte, strict bool) bool {
	switch policy {
	case msg.Exact:
		return uri.Valid(pattern, strict)
	case msg.Prefix:
		return uri.ValidPrefix(pattern, strict)
	case msg.Wildcard:
		_, ok := ShapeOf(pattern)
		return ok && uri.ValidWildcard(pattern, strict)
	}
	return false
}

// Table maps patterns to values. A pattern is a matching policy and a URI: the
// same URI under another policy is another pattern.
type Table[V any] struct {
	exact    stringMap[V]
	prefix   prefixTree[V]
	wildcard wildcardTable[V]
}

// New returns an empty table.
func New[V any]() *Table[V] {
	t := &Table[V]{}
	t.wildcard.init()
	return t
}

// Len returns the number of patterns.
func (t *Table[V]) Len() int { return len(t.exact.m) + t.prefix.n + t.wildcard.n }

// Shapes returns the number of distinct shapes among the wildcard patterns.
func (t *Table[V]) Shapes() int { return t.wildcard.shapes }

// HasShape reports whether there is a wildcard pattern of shape s.
func (t *Table[V]) HasShape(s Shape) bool { return t.wildcard.has(s) }

// Get returns the value of the pattern that is itself uri.
func (t *Table[V]) Get(policy msg.Match, uri []byte) (V, bool) {
	switch policy {
	case msg.Prefix:
		return t.prefix.get(uri)
	case msg.Wildcard:
		return t.wildcard.get(uri)
	}
	v, ok := t.exact.m[string(uri)]
	return v, ok
}

// Put sets the value of a pattern. A wildcard pattern has at most
// MaxComponents components.
func (t *Table[V]) Put(policy msg.Match, uri string, v V) {
	switch policy {
	case msg.Prefix:
		t.prefix.put(uri, v)
	case msg.Wildcard:
		t.wildcard.put(uri, v)
	default:
		t.exact.put(uri, v)
	}
}

// Delete removes a pattern, if it is there.
func (t *Table[V]) Delete(policy msg.Match, uri string) {
	switch policy {
	case msg.Prefix:
		t.prefix.delete(uri)
	case msg.Wildcard:
		t.wildcard.delete([]byte(uri))
	default:
		t.exact.delete(uri)
	}
}

// Matches reports whether one pattern matches uri.
func Matches(policy msg.Match, pattern string, uri []byte) bool {
	switch policy {
	case msg.Prefix:
		return len(uri) >= len(pattern) && string(uri[:len(pattern)]) == pattern
	case msg.Wildcard:
		return matches(pattern, uri)
	}
	return string(uri) == pattern
}

// Exact returns the value of the exact pattern uri.
func (t *Table[V]) Exact(uri []byte) (V, bool) {
	v, ok := t.exact.m[string(uri)]
	return v, ok
}

// Best returns the value of the pattern that is to serve a call of uri: the
// exact one, else the longest prefix, else the wildcard with a literal at the
// leftmost component in which those that match differ.
func (t *Table[V]) Best(uri []byte) (V, bool) {
	if v, ok := t.exact.m[string(uri)]; ok {
		return v, true
	}
	if v, ok := t.prefix.longest(uri); ok {
		return v, true
	}
	return t.wildcard.best(uri)
}

// AppendAll appends the values of all patterns that match uri: the exact one,
// the prefixes from the shortest to the longest, the wildcards from the best
// to the worst.
func (t *Table[V]) AppendAll(dst []V, uri []byte) []V {
	if v, ok := t.exact.m[string(uri)]; ok {
		dst = append(dst, v)
	}
	dst = t.prefix.appendAll(dst, uri)
	return t.wildcard.appendAll(dst, uri)
}

// stringMap is a map that gives memory back.
type stringMap[V any] struct {
	m    map[string]V
	peak int // length since m was made
}

// leastPeak is the size below which shrinking is not worth the work.
const leastPeak = 64

func (s *stringMap[V]) put(key string, v V) {
	if s.m == nil {
		s.m = make(map[string]V)
	}
	s.m[key] = v
	s.peak = max(s.peak, len(s.m))
}

func (s *stringMap[V]) delete(key string) {
	delete(s.m, key)
	if s.peak < leastPeak || len(s.m) > s.peak/4 {
		return
	}
	// Go's maps keep their size: move on to a smaller one.
	smaller := make(map[string]V, len(s.m))
	for k, v := range s.m {
		smaller[k] = v
	}
	s.m, s.peak = smaller, len(smaller)
}
