package wamp

import "testing"

func TestMatchPolicyText(t *testing.T) {
	for _, want := range []MatchPolicy{Exact, Prefix, Wildcard} {
		text, err := want.MarshalText()
		var got MatchPolicy
		if err == nil {
			err = got.UnmarshalText(text)
		}
		if got != want || err != nil {
			t.Errorf("%v: %q, %v, %v", want, text, got, err)
		}
	}
	if err := new(MatchPolicy).UnmarshalText([]byte("regex")); err == nil {
		t.Error("there is no policy regex")
	}
}

func TestParsePattern(t *testing.T) {
	for pattern, want := range map[string]struct {
		uri   string
		match MatchPolicy
	}{
		"com.app.add2":        {"com.app.add2", Exact},
		"com.app.{id}.delete": {"com.app..delete", Wildcard},
		"com.us.{path...}":    {"com.us.", Prefix},
		"com.us.":             {"com.us.", Prefix},
		"com..delete":         {"com..delete", Wildcard},
	} {
		uri, match, err := ParsePattern(pattern)
		if uri != want.uri || match != want.match || err != nil {
			t.Errorf("%s is %q %v, %v; want %q %v", pattern, uri, match, err, want.uri, want.match)
		}
	}
	if _, _, err := ParsePattern("com.{id"); err == nil {
		t.Error("com.{id is no pattern")
	}
}
