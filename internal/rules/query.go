package rules

import (
	"strings"

	"github.com/wampeter/wampeter/internal/match"
	"github.com/wampeter/wampeter/internal/msg"
)

// query is a question, and the answer so far.
type query struct {
	action int
	policy msg.Match // not Wildcard when no component is empty
	uri    []byte
	head   []byte // the fixed beginning

	found       *node // covers all that is asked for
	outside     *node // the same, without those in what is reserved
	restriction *node // counts before found for a part of it
}

// reserved is where the protocol's own procedures and topics are.
const reserved = "wamp."

// take notes a node that covers all that is asked for, if it counts before the
// one that was noted.
func (q *query) take(n *node) {
	if n.says[q.action].verdict == Undecided {
		return
	}
	if n.head < len(reserved) {
		q.outside = q.first(q.outside, n)
	}
	q.found = q.first(q.found, n)
}

// first returns which of two nodes counts.
func (q *query) first(a, b *node) *node {
	switch {
	case a == nil || b.before(a):
		return b
	case a.before(b) || strength[a.says[q.action].verdict] >= strength[b.says[q.action].verdict]:
		return a
	}
	return b // both have the same pattern
}

// restrict notes a node that counts before the one that was found for some of
// the URIs of the pattern that is asked for, and does not simply allow them.
func (q *query) restrict(n *node) {
	switch n.says[q.action].verdict {
	case Undecided, Allowed:
		return
	}
	if n != q.found && (q.found == nil || n.before(q.found)) && match.Overlap(q.policy, string(q.uri), n.policy, n.uri) {
		q.restriction = n
	}
}

// decision returns the answer.
func (q *query) decision() Decision {
	switch {
	case q.restriction != nil:
		return Decision{Denied, q.restriction.says[q.action].rule}
	case q.found == nil:
		return Decision{Undecided, None}
	}
	says := q.found.says[q.action]
	if says.rule == Reserved && q.action == Call.index() && q.policy == msg.Exact && harmless(q.uri) {
		if q.outside != nil && q.outside.says[q.action].verdict == Denied {
			says = q.outside.says[q.action]
		} else {
			says = saying{Allowed, Harmless}
		}
	}
	return Decision{says.verdict, says.rule}
}

// coveredBy reports whether n covers all that is asked for.
func (q *query) coveredBy(n *node) bool {
	switch n.policy {
	case msg.Prefix:
		return strings.HasPrefix(string(q.head), n.uri)
	case msg.Wildcard:
		return q.policy != msg.Prefix && match.Matches(msg.Wildcard, n.uri, q.uri)
	}
	return q.policy == msg.Exact && string(q.uri) == n.uri
}
