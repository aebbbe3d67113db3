package wamp

import (
	"fmt"

	"github.com/wampeter/wampeter/internal/msg"
)

// MarshalText returns the policy's name in the protocol.
func (m MatchPolicy) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText takes a policy's name in the protocol: exact, prefix or
// wildcard.
func (m *MatchPolicy) UnmarshalText(text []byte) error {
	policy, ok := msg.ParseMatch(string(text))
	if !ok {
		return fmt.Errorf("there is no matching policy %.40q: want exact, prefix or wildcard", text)
	}
	*m = MatchPolicy(policy)
	return nil
}

// ParsePattern returns the URI and the policy that WAMP has for a pattern as
// it is given to Register and Subscribe; see the package documentation.
func ParsePattern(pattern string) (uri string, match MatchPolicy, err error) {
	p, err := parsePattern(pattern, Exact, false)
	if err != nil {
		return "", Exact, err
	}
	return p.uri, p.match, nil
}
