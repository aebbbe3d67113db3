package rules

import (
	"fmt"
	"testing"

	"github.com/wampeter/wampeter/internal/msg"
)

// mixed returns a Set of so many rules of all kinds.
func mixed(tb testing.TB, n int) *Set {
	list := make([]Rule, n)
	for i := range list {
		switch i % 4 {
		case 0:
			list[i] = Rule{URI: fmt.Sprintf("com.app%d.get", i), Allow: Call}
		case 1:
			list[i] = Rule{URI: fmt.Sprintf("com.app%d.", i%1000), Match: msg.Prefix, Allow: All}
		case 2:
			list[i] = Rule{URI: fmt.Sprintf("com..obj%d.put", i), Match: msg.Wildcard, Allow: Call}
		case 3:
			list[i] = Rule{URI: fmt.Sprintf("com.app%d.secret", i), Deny: All}
		}
	}
	set, err := Compile(list)
	if err != nil {
		tb.Fatal(err)
	}
	return set
}

// What a decision costs, with few rules and with many.
func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{10, 100, 100_000} {
		view := mixed(b, n).For("joe", 1)
		for _, q := range []struct {
			name  string
			match msg.Match
			uri   string
		}{
			{"exact", msg.Exact, "com.app4.get"},
			{"prefix", msg.Exact, "com.app5.some.thing.else"},
			{"wildcard", msg.Exact, "com.x.obj2.put"},
			{"none", msg.Exact, "org.example.some.thing"},
			{"pattern", msg.Prefix, "com.app5.some."},
		} {
			b.Run(fmt.Sprintf("%s/%d", q.name, n), func(b *testing.B) {
				b.ReportAllocs()
				u := []byte(q.uri)
				for b.Loop() {
					view.Decide(Call, q.match, u)
				}
			})
		}
	}
}

func TestNoAllocation(t *testing.T) {
	view := mixed(t, 100).For("joe", 1)
	uris := [][]byte{[]byte("com.app4.get"), []byte("com.app5.some.thing"), []byte("com.x.obj2.put"), []byte("org.example")}
	if n := testing.AllocsPerRun(100, func() {
		for _, u := range uris {
			view.Decide(Call, msg.Exact, u)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
