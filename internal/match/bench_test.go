package match

import (
	"fmt"
	"testing"

	"github.com/wampeter/wampeter/internal/msg"
)

// What a look-up costs with few and with many patterns, in several mixes.
func BenchmarkLookup(b *testing.B) {
	mixes := []struct {
		name string
		put  func(*Table[int], int)
	}{
		{"prefix", func(t *Table[int], i int) { t.Put(msg.Prefix, fmt.Sprintf("com.app%d.obj%d.", i%100, i), i) }},
		{"wildcard", func(t *Table[int], i int) { t.Put(msg.Wildcard, fmt.Sprintf("com..obj%d....get", i), i) }},
		{"mixed", func(t *Table[int], i int) {
			t.Put(msg.Prefix, fmt.Sprintf("com.app%d.obj%d.", i%100, i), i)
			t.Put(msg.Wildcard, fmt.Sprintf("com..obj%d....get", i), i)
			t.Put(msg.Wildcard, fmt.Sprintf("com.app%d.obj%d.....", i%100, i), i)
			t.Put(msg.Exact, fmt.Sprintf("com.app%d.obj%d.field.a.b.put", i%100, i), i)
		}},
		// The worst that a realm allows by default: 64 shapes, all with as many
		// components as the URI has, and none a match. Few patterns have few
		// shapes.
		{"shapes", func(t *Table[int], i int) {
			u := [...]string{"com", fmt.Sprintf("app%d", i), "obj7", "field", "a", "b", "put"}
			mask := i % 64
			pattern := ""
			for j, c := range u {
				if j > 0 {
					pattern += "."
				}
				if mask>>j&1 == 0 {
					pattern += c
				}
			}
			t.Put(msg.Wildcard, pattern, i)
		}},
	}
	uri := []byte("com.app7.obj7.field.a.b.get")
	for _, mix := range mixes {
		for _, n := range []int{10, 100_000} {
			table := New[int]()
			for i := range n {
				mix.put(table, i)
			}
			b.Run(fmt.Sprintf("%s/%d", mix.name, n), func(b *testing.B) {
				b.ReportAllocs()
				var dst []int
				for b.Loop() {
					dst = table.AppendAll(dst[:0], uri)
				}
			})
		}
	}
}
