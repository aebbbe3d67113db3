package match

import (
	"testing"

	"github.com/wampeter/wampeter/internal/msg"
)

// Whether two patterns overlap is compared with trying every URI of up to three
// short components.
func TestOverlap(t *testing.T) {
	components := []string{"a", "b", "ab"}
	var uris []string
	for _, x := range components {
		uris = append(uris, x)
		for _, y := range components {
			uris = append(uris, x+"."+y)
			for _, z := range components {
				uris = append(uris, x+"."+y+"."+z)
			}
		}
	}
	type pattern struct {
		policy msg.Match
		uri    string
	}
	patterns := []pattern{
		{msg.Prefix, ""}, {msg.Prefix, "a"}, {msg.Prefix, "a."}, {msg.Prefix, "b"}, {msg.Prefix, "a.a"}, {msg.Prefix, "a.b."}, {msg.Prefix, "ab.a.b"},
		{msg.Wildcard, "."}, {msg.Wildcard, ".."}, {msg.Wildcard, "a."}, {msg.Wildcard, ".b"}, {msg.Wildcard, "a..b"}, {msg.Wildcard, ".a."},
		{msg.Exact, "a"}, {msg.Exact, "ab"}, {msg.Exact, "a.b"}, {msg.Exact, "a.b.ab"},
	}
	for _, p := range patterns {
		for _, q := range patterns {
			want := false
			for _, u := range uris {
				want = want || Matches(p.policy, p.uri, []byte(u)) && Matches(q.policy, q.uri, []byte(u))
			}
			if got := Overlap(p.policy, p.uri, q.policy, q.uri); got != want {
				t.Errorf("%v and %v: %v, want %v", p, q, got, want)
			}
		}
	}
}
