package config

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestDecisions has the rules of the table that all ways to write rules have to
// agree on read from a file.
func TestDecisions(t *testing.T) {
	type rule struct {
		URI   string   `json:"uri"`
		Match string   `json:"match"`
		Allow []string `json:"allow,omitempty"`
		Deny  []string `json:"deny,omitempty"`
		Ask   any      `json:"ask,omitempty"`
	}
	var cases []struct {
		Name      string
		AuthID    string
		Session   uint64
		Rules     []rule
		Decisions []struct{ Action, URI, Match, Want, By string }
	}
	data, err := os.ReadFile("../internal/rules/testdata/decisions.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, c := range cases {
		for i := range c.Rules {
			r := &c.Rules[i]
			if r.Match == "" {
				r.Match = "exact"
			}
			if r.Ask == true {
				r.Ask = "somebody"
			}
		}
		file, err := json.Marshal(map[string]any{"realms": []any{map[string]any{
			"name":        "realm1",
			"authorizers": []any{map[string]any{"name": "somebody", "procedure": "com.example.authorize"}},
			"roles":       []any{map[string]any{"name": "user", "rules": c.Rules}},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		// A line for each rule, so that it shows which one counts.
		text := strings.ReplaceAll(strings.ReplaceAll(string(file), `"rules":[`, "\"rules\":[\n"), "},{", "},\n{")
		first := 1 + strings.Count(text[:strings.Index(text, `"rules":[`)], "\n") + 1
		loaded, err := Load(t.Context(), Source{File: "rules.json", Data: []byte(text)})
		if err != nil {
			t.Errorf("%s: %v\n%s", c.Name, err, text)
			continue
		}
		for _, d := range c.Decisions {
			if c.Session > 1 { // Can takes the session for 1
				d.URI = strings.ReplaceAll(d.URI, strconv.FormatUint(c.Session, 10), "1")
			}
			match := d.Match
			if match == "" {
				match = "exact"
			}
			got, err := loaded.Can(Question{Role: "user", AuthID: c.AuthID, Action: d.Action, URI: d.URI, Match: match})
			if err != nil {
				if d.Want != "deny" { // it is no URI, or a pattern to call
					t.Errorf("%s: %s %s %s: %v, want %s", c.Name, d.Action, match, d.URI, err, d.Want)
				}
				continue
			}
			n++
			want := map[string]bool{"allow": true}[d.Want]
			if got.Allow != want || (got.Ask != nil) != (d.Want == "ask") {
				t.Errorf("%s: %s %s %s: %+v, want %s", c.Name, d.Action, match, d.URI, got, d.Want)
			}
			where := ""
			if i, err := strconv.Atoi(d.By); err == nil {
				where = fmt.Sprintf("rules.json:%d:1", first+i-1)
			}
			if got.Where != where {
				t.Errorf("%s: %s %s %s: by %q, want %q (%s)", c.Name, d.Action, match, d.URI, got.Where, where, d.By)
			}
		}
	}
	if n < 150 {
		t.Errorf("only %d decisions were looked at", n)
	}
}
