package rules

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/uri"
)

// pattern is what a rule covers, by the definitions alone.
type pattern struct {
	match msg.Match
	uri   string
}

func (p pattern) matches(u string) bool {
	switch p.match {
	case msg.Prefix:
		return strings.HasPrefix(u, p.uri)
	case msg.Wildcard:
		a, b := strings.Split(p.uri, "."), strings.Split(u, ".")
		if len(a) != len(b) {
			return false
		}
		for i := range a {
			if a[i] != "" && a[i] != b[i] {
				return false
			}
		}
		return true
	}
	return u == p.uri
}

// beginning returns the fixed beginning.
func (p pattern) beginning() string {
	if p.match == msg.Wildcard {
		list := strings.Split(p.uri, ".")
		if at := slices.Index(list, ""); at >= 0 {
			return strings.Join(append(list[:at:at], ""), ".")
		}
	}
	return p.uri
}

// exact reports whether the pattern covers one URI alone.
func (p pattern) exact() bool {
	return p.match == msg.Exact || p.match == msg.Wildcard && !slices.Contains(strings.Split(p.uri, "."), "")
}

// before is the order of patterns as the package's comment has it: below 0, 0
// or above.
func (p pattern) before(q pattern) int {
	if d := len(q.beginning()) - len(p.beginning()); d != 0 {
		return d
	}
	kind := func(p pattern) int {
		switch {
		case p.exact():
			return 0
		case p.match == msg.Wildcard:
			return 1
		}
		return 2
	}
	if d := kind(p) - kind(q); d != 0 || p.match != msg.Wildcard {
		return d
	}
	a, b := strings.Split(p.uri, "."), strings.Split(q.uri, ".")
	for i := range min(len(a), len(b)) {
		if (a[i] == "") != (b[i] == "") {
			if a[i] == "" {
				return 1
			}
			return -1
		}
	}
	return 0
}

// covers reports whether p covers all of q.
func (p pattern) covers(q pattern) bool {
	switch {
	case q.exact():
		return p.matches(q.uri)
	case p.exact():
		return false
	case p.match == msg.Prefix:
		return strings.HasPrefix(q.beginning(), p.uri)
	}
	return q.match == msg.Wildcard && p.matches(q.uri)
}

// meets reports whether a URI is covered by both.
func (p pattern) meets(q pattern) bool {
	switch {
	case p.exact():
		return q.matches(p.uri)
	case q.exact():
		return p.matches(q.uri)
	}
	a, b := strings.Split(p.uri, "."), strings.Split(q.uri, ".")
	for i := range min(len(a), len(b)) {
		lastA, lastB := p.match == msg.Prefix && i == len(a)-1, q.match == msg.Prefix && i == len(b)-1
		switch x, y := a[i], b[i]; {
		case lastA && lastB:
			return strings.HasPrefix(x, y) || strings.HasPrefix(y, x)
		case lastA:
			return strings.HasPrefix(y, x) || q.match == msg.Wildcard && y == ""
		case lastB:
			return strings.HasPrefix(x, y) || p.match == msg.Wildcard && x == ""
		case x != "" && y != "" && x != y:
			return false
		}
	}
	return len(a) == len(b)
}

// wrote is a rule with its variables replaced.
type wrote struct {
	pattern
	verdict Verdict
	rule    int
}

// writes returns what a list of rules says about an action.
func writes(list []Rule, authid string, session uint64, action Actions) []wrote {
	var all []wrote
	fit := !strings.Contains(authid, ".") && uri.Valid([]byte(authid), false)
	for i, r := range list {
		w := wrote{pattern{r.Match, r.URI}, Undecided, i}
		switch {
		case r.Deny&action != 0:
			w.verdict = Denied
		case r.Allow&action != 0 && r.Ask:
			w.verdict = Asked
		case r.Allow&action != 0:
			w.verdict = Allowed
		default:
			continue
		}
		if strings.Contains(w.uri, "${authid}") && !fit {
			if w.verdict != Denied {
				continue
			}
			if w.match == msg.Prefix {
				w.uri, _, _ = strings.Cut(w.uri, "${authid}")
			} else {
				list := strings.Split(w.uri, ".")
				for i := range list {
					if strings.Contains(list[i], "${authid}") {
						list[i] = ""
					}
				}
				w.match, w.uri = msg.Wildcard, strings.Join(list, ".")
			}
		}
		w.uri = strings.NewReplacer("${authid}", authid, "${session}", strconv.FormatUint(session, 10)).Replace(w.uri)
		all = append(all, w)
	}
	return all
}

// first returns the rule that comes first of those that keep admits.
func first(all []wrote, keep func(wrote) bool) *wrote {
	var best *wrote
	for i := range all {
		w := &all[i]
		if !keep(*w) {
			continue
		}
		if best == nil || w.before(best.pattern) < 0 || w.before(best.pattern) == 0 && strength[w.verdict] > strength[best.verdict] {
			best = w
		}
	}
	return best
}

// decideNaively looks at every rule.
func decideNaively(list []Rule, authid string, session uint64, action Actions, m msg.Match, u string) Decision {
	q := pattern{m, u}
	all := writes(list, authid, session, action)
	own := len(all)
	if action&(Call|Subscribe) != 0 {
		all = append(all, wrote{pattern{msg.Prefix, "wamp."}, Undecided, Reserved})
		if !slices.ContainsFunc(all[:own], func(w wrote) bool { return w.pattern == all[own].pattern }) {
			all[own].verdict = Denied
		} else {
			all = all[:own]
		}
	}
	found := first(all, func(w wrote) bool { return w.covers(q) })
	if !q.exact() && (found == nil || found.verdict != Denied) {
		stands := first(all, func(w wrote) bool {
			return (w.verdict == Denied || w.verdict == Asked) && w.meets(q) && !(found != nil && w == *found) &&
				(found == nil || w.before(found.pattern) < 0)
		})
		if stands != nil {
			return Decision{Denied, stands.rule}
		}
	}
	if found == nil {
		return Decision{Undecided, None}
	}
	if found.rule == Reserved && action == Call && m == msg.Exact &&
		(u == "wamp.session.add_testament" || u == "wamp.session.flush_testaments") {
		outside := first(all, func(w wrote) bool { return w.covers(q) && len(w.beginning()) < len("wamp.") })
		if outside == nil || outside.verdict != Denied {
			return Decision{Allowed, Harmless}
		}
		found = outside
	}
	return Decision{found.verdict, found.rule}
}

// universe is all URIs of up to four components out of a few names.
var universe = func() (all []string) {
	names := []string{"a", "b", "ab", "wamp"}
	last := []string{""}
	for range 4 {
		var next []string
		for _, u := range last {
			for _, n := range names {
				next = append(next, strings.TrimPrefix(u+"."+n, "."))
			}
		}
		all = append(all, next...)
		last = next
	}
	return all
}()

// covered returns which URIs of the universe a pattern covers.
func (p pattern) covered() (set []string) {
	for _, u := range universe {
		if p.matches(u) {
			set = append(set, u)
		}
	}
	return set
}

func subset(a, b []string) bool {
	return !slices.ContainsFunc(a, func(u string) bool { return !slices.Contains(b, u) })
}

// drawPattern draws a valid pattern of up to three components.
func drawPattern(t *rapid.T) pattern {
	name := rapid.SampledFrom([]string{"a", "b", "ab", "wamp"})
	list := rapid.SliceOfN(name, 1, 3).Draw(t, "components")
	p := pattern{match: rapid.SampledFrom([]msg.Match{msg.Exact, msg.Prefix, msg.Wildcard}).Draw(t, "match")}
	switch p.match {
	case msg.Prefix:
		if rapid.Bool().Draw(t, "dot") {
			list[len(list)-1] = ""
		}
	case msg.Wildcard:
		for i := range list {
			if rapid.Bool().Draw(t, "empty") {
				list[i] = ""
			}
		}
	}
	p.uri = strings.Join(list, ".")
	return p
}

func drawRules(t *rapid.T) []Rule {
	list := make([]Rule, rapid.IntRange(0, 8).Draw(t, "rules"))
	subset := rapid.Custom(func(t *rapid.T) Actions { return Actions(rapid.IntRange(0, int(All)).Draw(t, "actions")) })
	for i := range list {
		p := drawPattern(t)
		list[i] = Rule{URI: p.uri, Match: p.match, Ask: rapid.IntRange(0, 3).Draw(t, "ask") == 0}
		if rapid.Bool().Draw(t, "deny") {
			list[i].Deny = subset.Draw(t, "deny")
		} else {
			list[i].Allow = subset.Draw(t, "allow")
		}
	}
	return list
}

// Random rules: a decision is the one that the definition leads to, no narrower
// deny is overruled, and who may have a pattern may have every URI in it.
func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := drawRules(t)
		set, err := Compile(list)
		if err != nil {
			t.Fatal(err)
		}
		view := set.For("joe", 1)
		action := rapid.SampledFrom([]Actions{Call, Register, Publish, Subscribe}).Draw(t, "action")
		decisions := make(map[string]Decision, len(universe))
		all := writes(list, "joe", 1, action)
		sets := make([][]string, len(all))
		for i, w := range all {
			sets[i] = w.covered()
		}
		for _, u := range universe {
			got := view.Decide(action, msg.Exact, []byte(u))
			decisions[u] = got
			if want := decideNaively(list, "joe", 1, action, msg.Exact, u); got != want {
				t.Fatalf("%v %s: %+v, by definition %+v", action, u, got, want)
			}
			if got.Verdict != Allowed && got.Verdict != Asked || got.Rule < 0 {
				continue
			}
			allows := slices.IndexFunc(all, func(w wrote) bool { return w.rule == got.Rule })
			for i, w := range all {
				if w.verdict == Denied && w.matches(u) && subset(sets[i], sets[allows]) {
					t.Fatalf("%v %s is allowed by %v although %v denies it", action, u, list[got.Rule], list[w.rule])
				}
			}
		}
		for range 8 {
			q := drawPattern(t)
			got := view.Decide(action, q.match, []byte(q.uri))
			if want := decideNaively(list, "joe", 1, action, q.match, q.uri); got.Verdict != want.Verdict {
				t.Fatalf("%v %v: %+v, by definition %+v", action, q, got, want)
			}
			if got.Verdict != Allowed && got.Verdict != Asked {
				continue
			}
			for _, u := range q.covered() {
				if one := decisions[u]; one.Verdict != Allowed && one.Verdict != got.Verdict {
					t.Fatalf("%v %v: %+v, but %s: %+v", action, q, got, u, one)
				}
			}
		}
	})
}

// The definitions that the tests go by agree with counting.
func TestDefinitions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, q := drawPattern(t), drawPattern(t)
		a, b := p.covered(), q.covered()
		if got, want := p.covers(q), subset(b, a); got != want {
			t.Errorf("%v covers %v: %v", p, q, got)
		}
		if got, want := p.meets(q), slices.ContainsFunc(a, func(u string) bool { return slices.Contains(b, u) }); got != want {
			t.Errorf("%v meets %v: %v", p, q, got)
		}
		if subset(a, b) && !subset(b, a) && p.before(q) >= 0 {
			t.Errorf("%v covers less than %v and does not come before it", p, q)
		}
	})
}

// Whatever a user is called, he is allowed what is named after him and nothing
// that is named after others.
func FuzzAuthID(f *testing.F) {
	for _, id := range []string{"joe", "", ".", "a.b", "joe.", ".joe", "#", "a b", "${authid}", "${session}", "*", "\x00", "\xff", "é", "joe\n", "..", "x-"} {
		f.Add(id, "jim")
	}
	set, err := Compile([]Rule{
		{URI: "user.${authid}.", Match: msg.Prefix, Allow: All},
		{URI: "wild..${authid}.", Match: msg.Wildcard, Allow: All},
		{URI: "exact.${authid}", Allow: All},
		{URI: "part.u-${authid}-x.y", Allow: All},
		{URI: "open.", Match: msg.Prefix, Allow: All},
		{URI: "open.${authid}.closed", Deny: All},
	})
	if err != nil {
		f.Fatal(err)
	}
	allows := func(authid, u string) bool {
		return set.For(authid, 1).Decide(Call, msg.Exact, []byte(u)).Verdict == Allowed
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		named := func(id string) []string {
			return []string{"user." + id + ".x", "user." + id + ".x.y", "wild.x." + id + ".y", "exact." + id, "part.u-" + id + "-x.y"}
		}
		fit := !strings.Contains(a, ".") && uri.Valid([]byte(a), false)
		for _, u := range named(a) {
			if allows(a, u) != fit {
				t.Errorf("%q, %q: %v", a, u, !fit)
			}
		}
		if a != b {
			for _, u := range named(b) {
				if allows(a, u) && uri.Valid([]byte(u), false) {
					t.Errorf("%q is allowed %q of %q", a, u, b)
				}
			}
		}
		for _, u := range []string{"user.x", "user.", "user..x", "wild.x..y", "wild...", "exact.", "exact", "part.u--x.y", "user.any.x", "user.any.x.y"} {
			if a != "any" && allows(a, u) {
				t.Errorf("%q is allowed %q", a, u)
			}
		}
		if u := "open." + a + ".closed"; allows(a, u) && uri.Valid([]byte(u), false) && fit {
			t.Errorf("%q is allowed %q", a, u)
		}
		if !fit && allows(a, "open.any.closed") {
			t.Errorf("%q is allowed what nobody can be called after", a)
		}
	})
}
