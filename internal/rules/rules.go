// Package rules decides who may do what: rules allow or deny actions on URIs
// and patterns, and of the rules that apply the most specific one counts.
//
// # Which rule counts
//
// A rule that neither allows nor denies an action says nothing about it. Of
// those that do, and whose URI or pattern covers the URI in question, the one
// with the longest fixed beginning counts: all of an exact URI, all of a
// prefix, and of a wildcard pattern what stands before its first empty
// component. Of equal beginnings an exact rule comes before a wildcard one and
// that before a prefix, and of two wildcard rules the one that names the
// leftmost component which the other leaves empty. A rule that covers less
// than another one therefore always comes before it. Of several rules with the
// same URI or pattern those that deny come first, then those that have somebody
// asked.
//
// Who registers or subscribes to a pattern is checked for all of it: one rule
// has to cover the whole pattern, and no rule that would come before it for
// any URI within may deny the action, or have somebody else asked about it.
//
// # Reserved URIs
//
// Calls of "wamp." procedures and subscriptions to "wamp." topics are denied
// unless a rule allows them whose own beginning lies in "wamp.". The few
// procedures that concern nobody but their caller are allowed unless a rule
// denies them.
//
// # Variables
//
// ${authid} and ${session} in a rule's URI stand for one component, or a part
// of one, of the session in question. A name that is not fit to be one (it is
// empty, or has a dot, white space or "#" in it) makes the rule allow nothing,
// and deny whatever might be meant.
package rules

import (
	"errors"
	"fmt"
	"strings"

	"github.com/wampeter/wampeter/internal/match"
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/uri"
)

// Actions is a set of actions.
type Actions uint8

// The actions.
const (
	Call Actions = 1 << iota
	Register
	Publish
	Subscribe

	// All is every action.
	All = Call | Register | Publish | Subscribe
)

const actions = 4

// actionNames are the names of the actions in their order.
var actionNames = [actions]string{"call", "register", "publish", "subscribe"}

// String returns the names of the actions, with commas between them.
func (a Actions) String() string {
	if a&All == All {
		return "all"
	}
	var names []string
	for i, name := range actionNames {
		if a&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if names == nil {
		return "nothing"
	}
	return strings.Join(names, ",")
}

// ParseAction returns the action with that name.
func ParseAction(name string) (Actions, bool) {
	for i, n := range actionNames {
		if n == name {
			return 1 << i, true
		}
	}
	return 0, false
}

// index returns the position of a single action.
func (a Actions) index() int {
	switch a {
	case Call:
		return 0
	case Register:
		return 1
	case Publish:
		return 2
	}
	return 3
}

// Rule allows or denies actions. What it does both, it denies.
type Rule struct {
	URI         string
	Match       msg.Match
	Allow, Deny Actions
	Ask         bool // what it allows, somebody else is to be asked about
}

func (r Rule) String() string {
	var does []string
	if r.Deny != 0 {
		does = append(does, "deny "+r.Deny.String())
	}
	if allow := r.Allow &^ r.Deny; allow != 0 {
		word := "allow "
		if r.Ask {
			word = "ask for "
		}
		does = append(does, word+allow.String())
	}
	if does == nil {
		does = []string{"nothing"}
	}
	return fmt.Sprintf("%s %q: %s", r.Match, r.URI, strings.Join(does, ", "))
}

// Verdict is what rules say about an action.
type Verdict uint8

// The verdicts. Undecided: no rule says anything.
const (
	Undecided Verdict = iota
	Allowed
	Denied
	Asked // somebody else decides
)

var verdictNames = [...]string{"undecided", "allow", "deny", "ask"}

func (v Verdict) String() string { return verdictNames[v] }

// Rules that nobody wrote.
const (
	None     = -1 // no rule applies
	Reserved = -2 // what is reserved is denied unless a rule of its own allows it
	Harmless = -3 // what concerns nobody but the caller
)

// Decision is a verdict with the rule that led to it: an index into the list
// that was compiled, or one of the constants.
type Decision struct {
	Verdict Verdict
	Rule    int
}

// Set is a compiled list of rules. It is not changed any more, and may be used
// by many goroutines.
type Set struct {
	table     table
	variable  []variable // rules with variables, which differ from session to session
	undecided Actions    // what no rule says anything about
}

// variable is a rule with variables in its URI.
type variable struct {
	Rule
	index int
}

// Compile makes a Set of rules. All mistakes in them are reported together,
// each with the position of its rule, from 1.
func Compile(list []Rule) (*Set, error) {
	s := &Set{undecided: All}
	s.table.init()
	var mistakes []error
	for i, r := range list {
		if err := r.check(); err != nil {
			mistakes = append(mistakes, fmt.Errorf("rule %d, %s %q: %w", i+1, r.Match, r.URI, err))
			continue
		}
		s.undecided &^= r.Allow | r.Deny
		if hasVariable(r.URI) {
			s.variable = append(s.variable, variable{r, i})
			continue
		}
		s.table.node(r.Match, r.URI).add(r, i)
	}
	if mistakes != nil {
		return nil, errors.Join(mistakes...)
	}
	s.table.reserve()
	s.table.finish()
	return s, nil
}

// check reports what is wrong with a rule.
func (r Rule) check() error {
	u := r.URI
	if hasVariable(u) {
		var err error
		// Whether the rest is a URI shows with a name that is one.
		if u, err = expand(u, "x", "1"); err != nil {
			return err
		}
		if r.Match == msg.Prefix && strings.HasSuffix(r.URI, "}") {
			return errors.New("a prefix must not end with a variable, or it would cover names that begin alike: put a dot after it")
		}
	} else if strings.Contains(u, "${") {
		return unknownVariable(u)
	}
	valid := false
	switch r.Match {
	case msg.Exact:
		valid = uri.Valid([]byte(u), false)
	case msg.Prefix:
		valid = uri.ValidPrefix([]byte(u), false)
	case msg.Wildcard:
		valid = uri.ValidWildcard([]byte(u), false)
		if _, ok := match.ShapeOf(u); valid && !ok {
			return fmt.Errorf("it has more than %d components", match.MaxComponents)
		}
	}
	switch {
	case r.Match != msg.Wildcard && strings.HasSuffix(u, "*"):
		// It would be valid, but is hardly meant.
		return fmt.Errorf("write match: prefix and %q for all URIs that begin so", strings.TrimSuffix(u, "*"))
	case strings.ContainsAny(u, "{}"): // likewise
		return errors.New("a rule has no {name}: leave that component empty and write match: wildcard, or end the URI before it and write match: prefix")
	case valid:
		return nil
	case r.Match == msg.Exact && strings.HasSuffix(u, ".") && uri.ValidPrefix([]byte(u), false):
		return errors.New("write match: prefix for all URIs that begin so")
	case r.Match != msg.Wildcard && strings.Contains(u, ".."):
		return errors.New("empty components are for match: wildcard")
	}
	return fmt.Errorf("not a valid URI for match: %s", r.Match)
}

// View is a Set as it is for one session.
type View struct {
	set *Set
	own []node // rules with variables
}

// For returns the rules for a session.
func (s *Set) For(authid string, session uint64) *View {
	v := &View{set: s}
	if len(s.variable) > 0 {
		v.own = s.expand(authid, session)
	}
	return v
}

// Decide says whether a single action is allowed on a URI or, for actions that
// can have patterns, on all of a pattern. It does not check that the URI is
// valid. For exact URIs it allocates nothing.
func (v *View) Decide(action Actions, policy msg.Match, u []byte) Decision {
	if v.set.undecided&action != 0 && !(uri.IsReserved(u) || policy != msg.Exact) {
		return Decision{Undecided, None}
	}
	q := query{action: action.index(), policy: policy, uri: u}
	if policy == msg.Wildcard {
		shape, ok := match.ShapeOf(u)
		if !ok {
			return Decision{Denied, None}
		}
		if shape.Mask() == 0 {
			q.policy = msg.Exact // it is the same
		}
	}
	q.head = headOf(q.policy, u)
	v.set.table.best(&q)
	for i := range v.own {
		if n := &v.own[i]; q.coveredBy(n) {
			q.take(n)
		}
	}
	if q.policy != msg.Exact && (q.found == nil || q.found.says[q.action].verdict != Denied) {
		v.set.table.restrict(&q)
		for i := range v.own {
			q.restrict(&v.own[i])
		}
	}
	return q.decision()
}

// harmless reports whether a procedure concerns nobody but its caller. What is
// in a testament is checked like any other PUBLISH.
func harmless(u []byte) bool {
	switch string(u) {
	case "wamp.session.add_testament", "wamp.session.flush_testaments":
		return true
	}
	return false
}
