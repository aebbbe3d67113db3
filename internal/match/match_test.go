package match

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/wampeter/wampeter/internal/msg"
)

func policy(t *testing.T, name string) msg.Match {
	t.Helper()
	p, ok := msg.ParseMatch(name)
	if !ok {
		t.Fatalf("no policy %q", name)
	}
	return p
}

type rules struct {
	Matches []struct {
		Match, Pattern string
		Hits, Misses   []string
	} `json:"match_cases"`
	Precedence []struct {
		Name          string
		Registrations []struct {
			ID         int
			URI, Match string
		}
		Calls []struct {
			URI  string
			Want *int
		}
	}
}

func vectors(t *testing.T) rules {
	t.Helper()
	data, err := os.ReadFile("testdata/rules.json")
	if err != nil {
		t.Fatal(err)
	}
	var r rules
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Matches) < 4 || len(r.Precedence) < 3 {
		t.Fatal("vectors are missing")
	}
	return r
}

// Advanced profile, sections "Prefix Matching" and "Wildcard Matching".
func TestHits(t *testing.T) {
	for _, c := range vectors(t).Matches {
		table := New[int]()
		table.Put(policy(t, c.Match), c.Pattern, 7)
		check := func(u string, want bool) {
			t.Helper()
			if _, ok := table.Best([]byte(u)); ok != want {
				t.Errorf("%s %q, %q: hit %v", c.Match, c.Pattern, u, ok)
			}
			if all := table.AppendAll(nil, []byte(u)); (len(all) == 1) != want {
				t.Errorf("%s %q, %q: all %v", c.Match, c.Pattern, u, all)
			}
		}
		for _, u := range c.Hits {
			check(u, true)
		}
		for _, u := range c.Misses {
			check(u, false)
		}
	}
}

// Advanced profile, section "Pattern-based Registrations", "Design Aspects".
func TestPrecedence(t *testing.T) {
	for _, set := range vectors(t).Precedence {
		table := New[int]()
		for _, r := range set.Registrations {
			table.Put(policy(t, r.Match), r.URI, r.ID)
		}
		for _, c := range set.Calls {
			got, ok := table.Best([]byte(c.URI))
			if ok != (c.Want != nil) || ok && got != *c.Want {
				t.Errorf("%s: %q got %v, %v", set.Name, c.URI, got, ok)
			}
		}
	}
}

func TestOrderOfAll(t *testing.T) {
	table := New[string]()
	for _, p := range []string{"exact a.b.c", "prefix a.b", "prefix ", "prefix a.", "wildcard ..c", "wildcard a..c", "wildcard a.b.", "wildcard ..", "wildcard .b.", "prefix b", "wildcard a.b.c.", "wildcard a.b"} {
		kind, u, _ := strings.Cut(p, " ")
		table.Put(policy(t, kind), u, p)
	}
	want := []string{"exact a.b.c", "prefix ", "prefix a.", "prefix a.b", "wildcard a.b.", "wildcard a..c", "wildcard .b.", "wildcard ..c", "wildcard .."}
	if got := table.AppendAll(nil, []byte("a.b.c")); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestShapeOf(t *testing.T) {
	const first = uint64(1) << 63
	for pattern, want := range map[string]Shape{
		"":                                   {1, first},
		"a":                                  {1, 0},
		".":                                  {2, first | first>>1},
		"a..c":                               {3, first >> 1},
		"..c":                                {3, first | first>>1},
		"a.b.":                               {3, first >> 2},
		"a.b.c":                              {3, 0},
		strings.Repeat(".", MaxComponents-1): {MaxComponents, ^uint64(0)},
	} {
		if got, ok := ShapeOf(pattern); !ok || got != want {
			t.Errorf("%q: %+v, %v", pattern, got, ok)
		}
	}
	if _, ok := ShapeOf(strings.Repeat(".", MaxComponents)); ok {
		t.Error("too many components pass")
	}
}

func TestLongURI(t *testing.T) {
	table := New[int]()
	table.Put(msg.Wildcard, strings.Repeat("a.", MaxComponents-1), 1)
	table.Put(msg.Prefix, "a.", 2)
	if got := table.AppendAll(nil, []byte(strings.Repeat("a.", MaxComponents-1)+"x")); !slices.Equal(got, []int{2, 1}) {
		t.Errorf("got %v", got)
	}
	if got := table.AppendAll(nil, []byte(strings.Repeat("a.", 100_000)+"x")); !slices.Equal(got, []int{2}) {
		t.Errorf("got %v", got)
	}
}

// naive is the table as the specification describes it.
type naive struct {
	policy msg.Match
	uri    string
	value  int
}

func (n naive) matches(u string) bool {
	switch n.policy {
	case msg.Prefix:
		return strings.HasPrefix(u, n.uri)
	case msg.Wildcard:
		p, c := strings.Split(n.uri, "."), strings.Split(u, ".")
		if len(p) != len(c) {
			return false
		}
		for i := range p {
			if p[i] != "" && p[i] != c[i] {
				return false
			}
		}
		return true
	}
	return n.uri == u
}

// better compares two patterns that match the same URI.
func better(a, b naive) bool {
	if a.policy != b.policy {
		return a.policy < b.policy
	}
	if a.policy == msg.Prefix {
		return len(a.uri) > len(b.uri)
	}
	x, y := strings.Split(a.uri, "."), strings.Split(b.uri, ".")
	for i := range x {
		if x[i] != y[i] {
			return x[i] != ""
		}
	}
	return false
}

// Random tables against a list that is searched from end to end.
func TestAgainstNaive(t *testing.T) {
	component := rapid.SampledFrom([]string{"", "", "a", "b", "ab", "aa", "abc"})
	drawURI := func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(component, 1, 5).Draw(t, "components"), ".")
	}
	rapid.Check(t, func(t *rapid.T) {
		table := New[int]()
		var model []naive
		for step := range rapid.IntRange(1, 120).Draw(t, "steps") {
			u := drawURI(t)
			p := rapid.SampledFrom([]msg.Match{msg.Exact, msg.Prefix, msg.Wildcard}).Draw(t, "policy")
			at := slices.IndexFunc(model, func(n naive) bool { return n.policy == p && n.uri == u })
			switch rapid.SampledFrom([]string{"put", "put", "delete", "find"}).Draw(t, "action") {
			case "put":
				table.Put(p, u, step)
				if at >= 0 {
					model[at].value = step
				} else {
					model = append(model, naive{p, u, step})
				}
			case "delete":
				if at < 0 && len(model) > 0 && rapid.Bool().Draw(t, "existing") {
					at = rapid.IntRange(0, len(model)-1).Draw(t, "at")
					p, u = model[at].policy, model[at].uri
				}
				table.Delete(p, u)
				if at >= 0 {
					model = slices.Delete(model, at, at+1)
				}
			case "find":
				v, ok := table.Get(p, []byte(u))
				if ok != (at >= 0) || ok && v != model[at].value {
					t.Fatalf("Get(%v, %q) = %v, %v", p, u, v, ok)
				}
			}
			if table.Len() != len(model) {
				t.Fatalf("Len() = %d of %d", table.Len(), len(model))
			}
			checkShapes(t, table, model)
			u = drawURI(t)
			hits := slices.DeleteFunc(slices.Clone(model), func(n naive) bool { return !n.matches(u) })
			var want []int
			best := -1
			for _, n := range model {
				if Matches(n.policy, n.uri, []byte(u)) != n.matches(u) {
					t.Fatalf("Matches(%v, %q, %q)", n.policy, n.uri, u)
				}
			}
			for i, n := range hits {
				want = append(want, n.value)
				if best < 0 || better(n, hits[best]) {
					best = i
				}
			}
			got, ok := table.Best([]byte(u))
			if ok != (best >= 0) || ok && got != hits[best].value {
				t.Fatalf("Best(%q) = %v, %v of %+v", u, got, ok, hits)
			}
			all := table.AppendAll(nil, []byte(u))
			slices.Sort(all)
			slices.Sort(want)
			if !slices.Equal(all, want) {
				t.Fatalf("AppendAll(%q) = %v, want %v", u, all, want)
			}
		}
		for _, n := range model {
			table.Delete(n.policy, n.uri)
		}
		if table.Len() != 0 || table.Shapes() != 0 || len(table.prefix.root.children) != 0 {
			t.Fatalf("%d patterns, %d shapes are left", table.Len(), table.Shapes())
		}
	})
}

func checkShapes(t *rapid.T, table *Table[int], model []naive) {
	shapes := make(map[Shape]bool)
	for _, n := range model {
		if n.policy == msg.Wildcard {
			s, _ := ShapeOf(n.uri)
			shapes[s] = true
			if !table.HasShape(s) {
				t.Fatalf("shape of %q is missing", n.uri)
			}
		}
	}
	if table.Shapes() != len(shapes) {
		t.Fatalf("Shapes() = %d, want %d", table.Shapes(), len(shapes))
	}
}

func TestMemoryComesBack(t *testing.T) {
	table := New[int]()
	const n = 20_000
	for i := range n {
		u := fmt.Sprintf("com.%d.x.%d", i%100, i)
		table.Put(msg.Exact, u, i)
		table.Put(msg.Prefix, u, i)
		table.Put(msg.Wildcard, u+".", i)
	}
	for i := range n {
		u := fmt.Sprintf("com.%d.x.%d", i%100, i)
		table.Delete(msg.Exact, u)
		table.Delete(msg.Prefix, u)
		table.Delete(msg.Wildcard, u+".")
	}
	if table.exact.peak > leastPeak || len(table.wildcard.entries) > leastSlots || cap(table.prefix.root.children) != 0 {
		t.Errorf("left: exact %d, wildcard %d, prefix %d", table.exact.peak, len(table.wildcard.entries), cap(table.prefix.root.children))
	}
}

func TestNoAllocation(t *testing.T) {
	table := New[int]()
	table.Put(msg.Exact, "com.a.b", 1)
	table.Put(msg.Prefix, "com.", 2)
	table.Put(msg.Wildcard, "com..b", 3)
	hit, other := []byte("com.a.b"), []byte("com.a-name-longer-than-any-buffer-on-the-stack.b")
	dst := make([]int, 0, 8)
	if n := testing.AllocsPerRun(100, func() {
		table.Best(hit)
		table.Best(other)
		table.Exact(hit)
		table.Get(msg.Wildcard, other)
		dst = table.AppendAll(dst[:0], other)
		dst = table.AppendAll(dst[:0], hit)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestValid(t *testing.T) {
	long := strings.Repeat(".", MaxComponents) // one component too many
	for _, tt := range []struct {
		pattern string
		policy  msg.Match
		want    bool
	}{
		{"com.a", msg.Exact, true},
		{"com..a", msg.Exact, false},
		{"com.", msg.Prefix, true},
		{"", msg.Prefix, true},
		{"com..a", msg.Prefix, false},
		{"com..a", msg.Wildcard, true},
		{"com. .a", msg.Wildcard, false},
		{long[1:], msg.Wildcard, true},
		{long, msg.Wildcard, false},
		{"com.a", msg.Wildcard + 1, false},
	} {
		if got := Valid(tt.policy, []byte(tt.pattern), false); got != tt.want {
			t.Errorf("%v %q: %v", tt.policy, tt.pattern, got)
		}
	}
	if Valid(msg.Exact, []byte("com.A"), true) {
		t.Error("strict rules do not count")
	}
}
