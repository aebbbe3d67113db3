package uri

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

type vector struct {
	URI          string
	Loose        bool
	LooseEmpty   bool `json:"loose_empty"`
	Strict       bool
	StrictEmpty  bool `json:"strict_empty"`
	LoosePrefix  bool `json:"loose_prefix"`
	StrictPrefix bool `json:"strict_prefix"`
}

// Basic profile, section "URIs".
func TestVectors(t *testing.T) {
	data, err := os.ReadFile("testdata/rules.json")
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Cases []vector `json:"uri_cases"`
	}
	if err := json.Unmarshal(data, &rules); err != nil {
		t.Fatal(err)
	}
	if len(rules.Cases) < 24 {
		t.Fatalf("only %d cases", len(rules.Cases))
	}
	for _, want := range rules.Cases {
		u := []byte(want.URI)
		got := vector{
			URI:          want.URI,
			Loose:        Valid(u, false),
			LooseEmpty:   ValidWildcard(u, false),
			Strict:       Valid(u, true),
			StrictEmpty:  ValidWildcard(u, true),
			LoosePrefix:  ValidPrefix(u, false),
			StrictPrefix: ValidPrefix(u, true),
		}
		if got != want {
			t.Errorf("got %+v\nwant %+v", got, want)
		}
	}
}

// What the reference expressions let pass or leave open.
func TestRefused(t *testing.T) {
	for _, u := range []string{
		"com.a\n", "com.\x00a", "\x00", "com.\xff", "com.\xc3", "\xed\xa0\x80", "com.a\u2028b", "com.a\u0085b",
		"com.a\x1cb", "com.a\x1fb", "com.a\u3000", "com.a\r", "com.a\v", "com.a\f",
	} {
		for _, strict := range []bool{false, true} {
			if Valid([]byte(u), strict) || ValidPrefix([]byte(u), strict) || ValidWildcard([]byte(u), strict) {
				t.Errorf("%q passes, strict %v", u, strict)
			}
		}
	}
	for _, u := range []string{"com.\u200bx", "com.\U0001f600", "com.\ufffd", "a.b-c.D"} {
		if !Valid([]byte(u), false) {
			t.Errorf("%q is refused", u)
		}
	}
}

func TestIsReserved(t *testing.T) {
	for u, want := range map[string]bool{
		"wamp": true, "wamp.": true, "wamp.session.on_join": true,
		"": false, "wam": false, "wampx": false, "wamper.x": false, "com.wamp": false, ".wamp": false, "Wamp.x": false,
	} {
		if got := IsReserved([]byte(u)); got != want {
			t.Errorf("IsReserved(%q) = %v", u, got)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	u := []byte("com.myapp.\u4e2d\u6587.topic")
	if n := testing.AllocsPerRun(100, func() {
		Valid(u, false)
		ValidPrefix(u, true)
		ValidWildcard(u, false)
		IsReserved(u)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The scanner agrees with the specification's expressions, whose \s is
// Unicode's, where those are not lax.
func FuzzValid(f *testing.F) {
	const space = `\s\x{85}\x{1c}-\x{1f}\p{Z}\x0b`
	comp := `[^` + space + `\.#\x00]`
	rules := []struct {
		re *regexp.Regexp
		ok func([]byte) bool
	}{
		{regexp.MustCompile(`^(` + comp + `+\.)*` + comp + `+\z`), func(u []byte) bool { return Valid(u, false) }},
		{regexp.MustCompile(`^(` + comp + `+\.)*` + comp + `*\z`), func(u []byte) bool { return ValidPrefix(u, false) }},
		{regexp.MustCompile(`^(` + comp + `+\.|\.)*(` + comp + `+)?\z`), func(u []byte) bool { return ValidWildcard(u, false) }},
		{regexp.MustCompile(`^([0-9a-z_]+\.)*[0-9a-z_]+\z`), func(u []byte) bool { return Valid(u, true) }},
		{regexp.MustCompile(`^([0-9a-z_]+\.)*[0-9a-z_]*\z`), func(u []byte) bool { return ValidPrefix(u, true) }},
		{regexp.MustCompile(`^([0-9a-z_]+\.|\.)*([0-9a-z_]+)?\z`), func(u []byte) bool { return ValidWildcard(u, true) }},
	}
	for _, seed := range []string{"", ".", "com.x", "com..x", "a.b.", "\u00a0", "\xff", "x\x00", "#", "\x1d", strings.Repeat("a.", 50)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, u []byte) {
		for _, rule := range rules {
			if got, want := rule.ok(u), utf8.Valid(u) && rule.re.Match(u); got != want {
				t.Errorf("%q: got %v, want %v by %v", u, got, want, rule.re)
			}
		}
	})
}

func BenchmarkValid(b *testing.B) {
	u := []byte("com.myapp.some.procedure")
	b.ReportAllocs()
	for b.Loop() {
		Valid(u, false)
	}
}
