package rules

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/uri"
)

// The variables.
const (
	varAuthID  = "${authid}"
	varSession = "${session}"
)

func hasVariable(u string) bool {
	return strings.Contains(u, varAuthID) || strings.Contains(u, varSession)
}

func unknownVariable(u string) error {
	_, rest, _ := strings.Cut(u, "${")
	name, _, closed := strings.Cut(rest, "}")
	if !closed {
		return fmt.Errorf("a variable is not closed")
	}
	return fmt.Errorf("there is no variable ${%s}: ${authid} and ${session} are", name)
}

// expand puts values in the place of variables.
func expand(u, authid, session string) (string, error) {
	var b strings.Builder
	for {
		at := strings.Index(u, "${")
		if at < 0 {
			b.WriteString(u)
			return b.String(), nil
		}
		b.WriteString(u[:at])
		u = u[at:]
		switch {
		case strings.HasPrefix(u, varAuthID):
			b.WriteString(authid)
			u = u[len(varAuthID):]
		case strings.HasPrefix(u, varSession):
			b.WriteString(session)
			u = u[len(varSession):]
		default:
			return "", unknownVariable(u)
		}
	}
}

// expand returns the rules with variables as they are for one session.
func (s *Set) expand(authid string, session uint64) []node {
	list := make([]node, 0, len(s.variable))
	id := strconv.FormatUint(session, 10)
	fit := fits(authid)
	for _, v := range s.variable {
		r := v.Rule
		if !fit && strings.Contains(r.URI, varAuthID) {
			if r.Deny == 0 {
				continue
			}
			r.Allow = 0
			r.Match, r.URI = broaden(r.Match, r.URI)
		}
		r.URI, _ = expand(r.URI, authid, id) // it was tried
		n := newNode(r.Match, r.URI)
		n.add(r, v.index)
		list = append(list, n)
	}
	return list
}

// fits reports whether a name can stand for a part of one component of a URI.
func fits(name string) bool {
	return !strings.Contains(name, ".") && uri.Valid([]byte(name), false)
}

// broaden returns a pattern that covers what u is for any authid.
func broaden(policy msg.Match, u string) (msg.Match, string) {
	if policy == msg.Prefix {
		u, _, _ = strings.Cut(u, varAuthID)
		return policy, u
	}
	components := strings.Split(u, ".")
	for i, c := range components {
		if strings.Contains(c, varAuthID) {
			components[i] = ""
		}
	}
	return msg.Wildcard, strings.Join(components, ".")
}
