package rules

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/wampeter/wampeter/internal/msg"
)

// testCase is an entry of testdata/decisions.json.
type testCase struct {
	Name    string
	AuthID  *string
	Session uint64
	Rules   []struct {
		URI, Match  string
		Allow, Deny []string
		Ask         bool
	}
	Decisions []struct {
		Action, URI, Match, Want, By string
	}
}

func (c *testCase) rules(t *testing.T) []Rule {
	list := make([]Rule, len(c.Rules))
	for i, r := range c.Rules {
		list[i] = Rule{URI: r.URI, Match: policy(t, r.Match), Allow: parse(t, r.Allow), Deny: parse(t, r.Deny), Ask: r.Ask}
	}
	return list
}

func policy(t *testing.T, name string) msg.Match {
	t.Helper()
	if name == "" {
		return msg.Exact
	}
	m, ok := msg.ParseMatch(name)
	if !ok {
		t.Fatalf("no policy %q", name)
	}
	return m
}

func parse(t *testing.T, names []string) (a Actions) {
	t.Helper()
	for _, name := range names {
		action, ok := ParseAction(name)
		if !ok {
			t.Fatalf("no action %q", name)
		}
		a |= action
	}
	return a
}

// by says who made a decision as decisions.json has it.
func (d Decision) by() string {
	switch d.Rule {
	case None:
		return "none"
	case Reserved:
		return "reserved"
	case Harmless:
		return "harmless"
	}
	return strconv.Itoa(d.Rule + 1)
}

func TestDecisions(t *testing.T) {
	data, err := os.ReadFile("testdata/decisions.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []testCase
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			list := c.rules(t)
			set, err := Compile(list)
			if err != nil {
				t.Fatal(err)
			}
			authid := "somebody"
			if c.AuthID != nil {
				authid = *c.AuthID
			}
			view := set.For(authid, c.Session)
			for _, d := range c.Decisions {
				n++
				action, m := parse(t, []string{d.Action}), policy(t, d.Match)
				got := view.Decide(action, m, []byte(d.URI))
				verdict := got.Verdict
				if verdict == Undecided {
					verdict = Denied
				}
				if verdict.String() != d.Want || got.by() != d.By {
					t.Errorf("%s %s %q: %v by %s, want %s by %s", d.Action, m, d.URI, got.Verdict, got.by(), d.Want, d.By)
				}
				if naive := decideNaively(list, authid, c.Session, action, m, d.URI); got.Verdict != naive.Verdict || m == msg.Exact && got != naive {
					t.Errorf("%s %s %q: %+v, by definition %+v", d.Action, m, d.URI, got, naive)
				}
			}
		})
	}
	if n < 150 {
		t.Errorf("only %d decisions", n)
	}
}

func TestMistakes(t *testing.T) {
	_, err := Compile([]Rule{
		{URI: "com.app.*", Allow: Call},
		{URI: "com..x", Allow: Call},
		{URI: "com..x", Match: msg.Prefix, Allow: Call},
		{URI: "com.a b", Allow: Call},
		{URI: "com.fine", Allow: Call},
		{URI: "com.${user}.x", Allow: Call},
		{URI: "com.${authid.x", Allow: Call},
		{URI: "com.${authid}${role}", Allow: Call},
		{URI: "com.${authid}", Match: msg.Prefix, Allow: Call},
		{URI: "com.${authid}..x", Allow: Call},
		{URI: strings.Repeat(".", 64), Match: msg.Wildcard, Allow: Call},
		{URI: "", Allow: Call},
		{URI: "com.{id}.delete", Allow: Call},
		{URI: "com.app.", Allow: Call},
	})
	if err == nil {
		t.Fatal("all of it passes")
	}
	want := []string{
		`rule 1, exact "com.app.*": write match: prefix and "com.app." for all URIs that begin so`,
		`rule 2, exact "com..x": empty components are for match: wildcard`,
		`rule 3, prefix "com..x": empty components are for match: wildcard`,
		`rule 4, exact "com.a b": not a valid URI for match: exact`,
		`rule 6, exact "com.${user}.x": there is no variable ${user}: ${authid} and ${session} are`,
		`rule 7, exact "com.${authid.x": a variable is not closed`,
		`rule 8, exact "com.${authid}${role}": there is no variable ${role}: ${authid} and ${session} are`,
		`rule 9, prefix "com.${authid}": a prefix must not end with a variable, or it would cover names that begin alike: put a dot after it`,
		`rule 10, exact "com.${authid}..x": empty components are for match: wildcard`,
		fmt.Sprintf(`rule 11, wildcard %q: it has more than 64 components`, strings.Repeat(".", 64)),
		`rule 12, exact "": not a valid URI for match: exact`,
		`rule 13, exact "com.{id}.delete": a rule has no {name}: leave that component empty and write match: wildcard, or end the URI before it and write match: prefix`,
		`rule 14, exact "com.app.": write match: prefix for all URIs that begin so`,
	}
	if got := strings.Split(err.Error(), "\n"); !equal(got, want) {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

func equal(a, b []string) bool { return strings.Join(a, "\n") == strings.Join(b, "\n") }

func TestString(t *testing.T) {
	for want, r := range map[string]Rule{
		`prefix "com.": deny call, ask for register,publish`: {URI: "com.", Match: msg.Prefix, Allow: Call | Register | Publish, Deny: Call, Ask: true},
		`exact "com.a": allow all`:                           {URI: "com.a", Allow: All},
		`exact "com.a": nothing`:                             {URI: "com.a"},
	} {
		if got := r.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := Actions(0).String(); got != "nothing" {
		t.Error(got)
	}
}
