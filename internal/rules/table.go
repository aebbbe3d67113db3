package rules

import (
	"cmp"
	"slices"
	"strings"

	"github.com/wampeter/wampeter/internal/match"
	"github.com/wampeter/wampeter/internal/msg"
)

// table holds rules by their pattern.
type table struct {
	nodes *match.Table[*node]

	// Nodes that may stand in the way of somebody who wants a whole pattern.
	// Those with an exact URI or a prefix are sorted by it.
	narrow []*node
	wild   []*node
}

// node is all rules of one pattern.
type node struct {
	uri    string
	policy msg.Match // not Wildcard when no component is empty
	head   int       // length of the fixed beginning
	mask   uint64    // of a wildcard pattern: its empty components, from the highest bit
	says   [actions]saying
}

// saying is what the rules of a node say about an action.
type saying struct {
	verdict Verdict
	rule    int
}

// before reports whether a counts before b, for a URI that both cover.
func (a *node) before(b *node) bool {
	if a.head != b.head {
		return a.head > b.head
	}
	if a.policy != b.policy {
		return rank[a.policy] < rank[b.policy]
	}
	return a.mask < b.mask
}

var rank = [...]int{msg.Exact: 0, msg.Wildcard: 1, msg.Prefix: 2}

// headOf returns the fixed beginning of a pattern.
func headOf[T ~string | ~[]byte](policy msg.Match, u T) T {
	if policy != msg.Wildcard {
		return u
	}
	for i := 0; i < len(u); i++ {
		if u[i] == '.' && (i == 0 || u[i-1] == '.') {
			return u[:i]
		}
	}
	return u // its last component is empty, or none
}

func (t *table) init() { t.nodes = match.New[*node]() }

// newNode returns a node for a pattern.
func newNode(policy msg.Match, u string) node {
	n := node{uri: u, policy: policy}
	if policy == msg.Wildcard {
		shape, _ := match.ShapeOf(u)
		if n.mask = shape.Mask(); n.mask == 0 {
			n.policy = msg.Exact // it is the same
		}
	}
	n.head = len(headOf(n.policy, u))
	return n
}

// node returns the node of a pattern in the table, made when there is none.
func (t *table) node(policy msg.Match, u string) *node {
	n := newNode(policy, u)
	if old, ok := t.nodes.Get(n.policy, []byte(u)); ok {
		return old
	}
	t.nodes.Put(n.policy, u, &n)
	if n.policy == msg.Wildcard {
		t.wild = append(t.wild, &n)
	} else {
		t.narrow = append(t.narrow, &n)
	}
	return &n
}

// add adds rule number index.
func (n *node) add(r Rule, index int) {
	allowed := Allowed
	if r.Ask {
		allowed = Asked
	}
	for i := range n.says {
		switch action := Actions(1 << i); {
		case r.Deny&action != 0:
			n.say(i, Denied, index)
		case r.Allow&action != 0:
			n.say(i, allowed, index)
		}
	}
}

// strength is the order of verdicts of the same pattern.
var strength = [...]int{Undecided: 0, Allowed: 1, Asked: 2, Denied: 3}

func (n *node) say(action int, v Verdict, rule int) {
	if s := &n.says[action]; strength[v] > strength[s.verdict] {
		*s = saying{v, rule}
	}
}

// reserve denies what is reserved, where no rule says anything else.
func (t *table) reserve() {
	n := t.node(msg.Prefix, reserved)
	for _, action := range []Actions{Call, Subscribe} {
		if s := &n.says[action.index()]; s.verdict == Undecided {
			*s = saying{Denied, Reserved}
		}
	}
}

// finish sorts what has been added.
func (t *table) finish() {
	restricts := func(n *node) bool {
		return slices.ContainsFunc(n.says[:], func(s saying) bool { return s.verdict == Denied || s.verdict == Asked })
	}
	other := func(n *node) bool { return !restricts(n) }
	t.narrow = slices.DeleteFunc(t.narrow, other)
	t.wild = slices.DeleteFunc(t.wild, other)
	slices.SortFunc(t.narrow, func(a, b *node) int { return strings.Compare(a.uri, b.uri) })
	slices.SortFunc(t.wild, func(a, b *node) int { return cmp.Or(-cmp.Compare(a.head, b.head), strings.Compare(a.uri, b.uri)) })
}

// best offers q the nodes that cover what it asks for.
func (t *table) best(q *query) {
	var few [16]*node
	for _, n := range t.nodes.AppendAll(few[:0], q.uri) {
		// A pattern is looked up as if it were a URI. Prefixes have no empty
		// components within, so what was found lies before the first one.
		if q.policy != msg.Prefix || n.policy == msg.Prefix {
			q.take(n)
		}
	}
}

// restrict offers q the nodes that may stand in its way.
func (t *table) restrict(q *query) {
	head := string(q.head)
	at, _ := slices.BinarySearchFunc(t.narrow, head, func(n *node, head string) int { return strings.Compare(n.uri, head) })
	for ; at < len(t.narrow) && strings.HasPrefix(t.narrow[at].uri, head) && q.restriction == nil; at++ {
		q.restrict(t.narrow[at])
	}
	for i := 0; i < len(t.wild) && q.restriction == nil; i++ {
		q.restrict(t.wild[i])
	}
}
