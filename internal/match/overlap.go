package match

import (
	"strings"

	"github.com/wampeter/wampeter/internal/msg"
)

// Overlap reports whether there is a URI that matches both of two patterns.
func Overlap(policyA msg.Match, a string, policyB msg.Match, b string) bool {
	switch {
	case policyA == msg.Exact:
		return Matches(policyB, b, []byte(a))
	case policyB == msg.Exact:
		return Matches(policyA, a, []byte(b))
	case policyA == msg.Prefix && policyB == msg.Prefix:
		return strings.HasPrefix(a, b) || strings.HasPrefix(b, a)
	case policyA == msg.Prefix:
		return prefixOverlaps(a, b)
	case policyB == msg.Prefix:
		return prefixOverlaps(b, a)
	}
	for {
		x, restA, moreA := strings.Cut(a, ".")
		y, restB, moreB := strings.Cut(b, ".")
		if x != "" && y != "" && x != y || moreA != moreB {
			return false
		}
		if !moreA {
			return true
		}
		a, b = restA, restB
	}
}

// prefixOverlaps reports whether some URI begins with prefix and matches a
// wildcard pattern.
func prefixOverlaps(prefix, pattern string) bool {
	for {
		p, restP, moreP := strings.Cut(prefix, ".")
		w, restW, moreW := strings.Cut(pattern, ".")
		if !moreP {
			return w == "" || strings.HasPrefix(w, p)
		}
		if !moreW || w != "" && w != p {
			return false
		}
		prefix, pattern = restP, restW
	}
}
