package wamp

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/wampeter/wampeter/internal/msg"
)

// pattern is the URI of a registration or subscription, as WAMP has it, and
// the names of its free components.
type pattern struct {
	uri   string
	match MatchPolicy
	free  []free
}

// free is a component that is not fixed.
type free struct {
	name string // "" when it has only its number
	at   int    // index among the components; of a prefix, where the rest of the URI begins, in bytes
}

// parsePattern reads a URI template such as "task.{id}.delete" or
// "us.{path...}", or a pattern as WAMP writes it: "task..delete", "us.". The
// latter tells its policy by its form unless match gives one.
func parsePattern(s string, match MatchPolicy, matchSet bool) (*pattern, error) {
	if strings.ContainsAny(s, "{}") {
		p, err := parseTemplate(s)
		if err != nil {
			return nil, fmt.Errorf("pattern %q: %w", s, err)
		}
		if matchSet && match != p.match {
			return nil, fmt.Errorf("pattern %q is a %v pattern, and the option says %v", s, p.match, match)
		}
		return p, nil
	}
	p := &pattern{uri: s, match: match}
	if !matchSet {
		p.match = matchOf(s)
	}
	switch p.match {
	case Prefix:
		p.free = []free{{at: len(s)}}
	case Wildcard:
		for i, c := range strings.Split(s, ".") {
			if c == "" {
				p.free = append(p.free, free{at: i})
			}
		}
	}
	return p, nil
}

// matchOf tells the policy of a pattern by its form: an empty component makes
// it a wildcard pattern, a trailing dot alone a prefix.
func matchOf(s string) MatchPolicy {
	switch i := strings.Index("."+s+".", ".."); {
	case s == "" || i < 0:
		return Exact
	case i == len(s):
		return Prefix
	}
	return Wildcard
}

func parseTemplate(s string) (*pattern, error) {
	p := &pattern{match: Wildcard}
	components := strings.Split(s, ".")
	// The dots of "{path...}" are no separators.
	if strings.Contains(s, "...}") {
		last := len(components) - 4
		name, ok := "", false
		if strings.HasSuffix(s, "...}") && last >= 0 {
			name, ok = strings.CutPrefix(components[last], "{")
		}
		if !ok || name == "" || strings.ContainsAny(s[:strings.LastIndex(s, "{")], "{}") {
			return nil, fmt.Errorf("{name...} stands for the rest of a URI: it has to come last, and to be its only free component")
		}
		p.match = Prefix
		p.uri = s[:strings.LastIndex(s, "{")]
		p.free = []free{{name: name, at: len(p.uri)}}
		return p, nil
	}
	for i, c := range components {
		if !strings.ContainsAny(c, "{}") {
			if c == "" {
				p.free = append(p.free, free{at: i})
			}
			continue
		}
		name := strings.TrimSuffix(strings.TrimPrefix(c, "{"), "}")
		if len(name) != len(c)-2 || name == "" || strings.ContainsAny(name, "{}") {
			return nil, fmt.Errorf("component %q is neither fixed nor a {name}", c)
		}
		for _, other := range p.free {
			if other.name == name {
				return nil, fmt.Errorf("component {%s} occurs twice", name)
			}
		}
		p.free = append(p.free, free{name: name, at: i})
		components[i] = ""
	}
	p.uri = strings.Join(components, ".")
	return p, nil
}

// find returns the free component with that name or number.
func (p *pattern) find(name string) (free, bool) {
	for i, c := range p.free {
		if c.name == name || strconv.Itoa(i) == name {
			return c, true
		}
	}
	return free{}, false
}

// component returns what stands in uri in place of the free component; false
// when there is no such component, or uri is too short.
func (p *pattern) component(uri, name string) (string, bool) {
	c, ok := p.find(name)
	if !ok {
		return "", false
	}
	if p.match == Prefix {
		if c.at > len(uri) {
			return "", false
		}
		return uri[c.at:], true
	}
	for range c.at {
		if _, uri, ok = strings.Cut(uri, "."); !ok {
			return "", false
		}
	}
	uri, _, _ = strings.Cut(uri, ".")
	return uri, true
}

func (p *pattern) options(o *msg.Options) {
	if p.match != Exact {
		o.Set |= msg.KeyMatch
		o.Match = msg.Match(p.match)
	}
}
