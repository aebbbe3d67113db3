package router_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/wampeter/wampeter/router"
)

// Large messages share memory that is used again: each arrives as it was sent,
// to whoever reads late, in whatever serializer, while others are on their way.
func TestLargeMessagesKeepTheirBytes(t *testing.T) {
	_, addr := newRouter(t, router.Config{MaxQueue: 64 << 20})
	const rounds, open = 4, 4
	text := func(pair, i int) string {
		return strings.Repeat(fmt.Sprintf("%02d.%03d|", pair, i), 9_000+8_000*(i%5))
	}
	pairs := []struct{ caller, callee via }{
		{via{format: asCBOR}, via{format: asCBOR}},
		{via{format: asJSON}, via{format: asMsgpack, webSocket: true}},
		{via{format: asJSON, webSocket: true}, via{format: asJSON, webSocket: true}},
	}
	listener := via{format: asCBOR}.join(t, addr) // reads when all is over
	listener.subscribe(`{}`, "com.large")
	var running sync.WaitGroup
	for n, p := range pairs {
		callee, caller := p.callee.join(t, addr), p.caller.join(t, addr)
		procedure := fmt.Sprintf("com.echo%d", n)
		callee.register(`{}`, procedure)
		running.Go(func() {
			for i := range rounds * open {
				_, m := callee.answer()
				args := m[4].([]any)
				if args[0] != text(n, i) {
					t.Errorf("pair %d: invocation %d has other bytes than its call", n, i)
				}
				callee.send(fmt.Sprintf(`[70,%v,{},[%q]]`, m[1], args[0]))
			}
		})
		running.Go(func() {
			for round := range rounds {
				for i := range open {
					i += round * open
					caller.send(fmt.Sprintf(`[48,%d,{},%q,[%q]]`, i+1, procedure, text(n, i)))
				}
				caller.send(fmt.Sprintf(`[16,%d,{},"com.large",[%q]]`, 1000+round, text(n, round)))
				for range open {
					typ, m := caller.answer()
					if typ != 50 {
						t.Errorf("pair %d: answered by %.200v", n, m)
						return
					}
					if m[3].([]any)[0] != text(n, int(number(m[1]))-1) {
						t.Errorf("pair %d: result %v has other bytes than its call", n, m[1])
					}
				}
			}
		})
	}
	running.Wait()
	seen := make([]int, len(pairs))
	for range len(pairs) * rounds {
		_, m := listener.answer()
		got := m[4].([]any)[0].(string)
		var n, i int
		if _, err := fmt.Sscanf(got, "%02d.%03d|", &n, &i); err != nil || got != text(n, i) || i != seen[n] {
			t.Fatalf("event %.20q after %v, %v", got, seen, err)
		}
		seen[n]++
	}
}
