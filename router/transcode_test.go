package router_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/wampeter/wampeter/router"
)

// Payloads cross from every serializer to every other one, and back.
func TestPayloadsAcross(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	payloads := []string{
		`[]`, `[[]]`, `[{}]`, `[null,true,false]`, `[0,-1,23,24,255,256,65535,65536,4294967295,4294967296]`,
		`[-24,-25,-128,-129,-32768,-32769,-2147483648,-2147483649]`,
		`[9007199254740991,9007199254740992,9007199254740993,-9007199254740993,9223372036854775807,-9223372036854775808]`,
		`[18446744073709551615]`, `[1.5,-2.25,0.1,1e300,5e-324]`,
		`["","a","ä","\u20ac","\ud83d\ude00","\"\\\/\b\f\n\r\t\u0001\u007f\u2028"]`,
		`["\u0000AAEC","\u0000","\u0000/+8="]`, // binaries
		`[["nested",{"a":{"b":[1,[2,[3]]]}}]]`, `[],{"k":1}`, `[1],{"":{},"ä":[null],"long key that does not fit into a short head of anything":1}`,
		`["` + strings.Repeat("x", 31) + `","` + strings.Repeat("y", 32) + `","` + strings.Repeat("z", 256) + `"]`,
		`["` + strings.Repeat("ä", 20_000) + `"]`, `[` + strings.Repeat(`{"a":[1,2,"x"]},`, 1000) + `0]`,
		`[` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `]`,
	}
	for n, from := range vias() {
		to := vias()[3*(n%3)+(n+n/3)%3] // each serializer meets each
		caller, callee := from.join(t, addr), to.join(t, addr)
		callee.send(fmt.Sprintf(`[64,1,{},"com.p%d"]`, n))
		callee.expect(`[65,1,"*"]`)
		for i, p := range payloads {
			caller.send(fmt.Sprintf(`[48,%d,{},"com.p%d",%s]`, i+1, n, p))
			callee.expect(fmt.Sprintf(`[68,%d,"*",{},%s]`, i+1, p))
			callee.send(fmt.Sprintf(`[8,68,%d,{},"com.e",%s]`, i+1, p))
			caller.expect(fmt.Sprintf(`[8,48,%d,{},"com.e",%s]`, i+1, p))
		}
	}
}

// Events keep their order whatever their sizes are, and so however they are
// queued: copied, by reference, or transcoded later.
func TestOrderOfSizes(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	var subscribers []*wire
	for _, v := range vias() {
		w := v.join(t, addr)
		w.send(`[32,1,{},"com.t"]`)
		w.expect(`[33,1,"*"]`)
		subscribers = append(subscribers, w)
	}
	sizes := []int{0, 3000, 10, 40_000, 2047, 17_000, 1, 1, 2500, 70_000}
	const rounds = 4
	var publishers sync.WaitGroup
	for n, v := range []via{{format: asJSON}, {webSocket: true, format: asMsgpack}} {
		w := v.join(t, addr)
		publishers.Go(func() {
			for i := range rounds * len(sizes) {
				w.send(fmt.Sprintf(`[16,%d,{},"com.t",[%d,%d,"%s"]]`, i+1, n, i, strings.Repeat("x", sizes[i%len(sizes)])))
			}
		})
	}
	var readers sync.WaitGroup
	for _, w := range subscribers {
		readers.Go(func() {
			var next [2]int64
			for range 2 * rounds * len(sizes) {
				_, m := w.answer()
				args := m[4].([]any)
				from, seq := number(args[0]), number(args[1])
				if next[from] != seq || len(args[2].(string)) != sizes[int(seq)%len(sizes)] {
					t.Errorf("event %d of %d where %d has to follow", seq, from, next[from])
					return
				}
				next[from]++
			}
		})
	}
	publishers.Wait()
	readers.Wait()
}

// What counts is the size of the message that a client would get, not of the
// one that was sent.
func TestPayloadThatShrinks(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	callee, caller := dialRawSocket(t, addr, asCBOR, 1), join(t, addr) // takes 1024 bytes
	callee.hello("realm1")
	callee.send(`[64,1,{},"com.p"]`)
	callee.expect(`[65,1,"*"]`)
	text := strings.Repeat(`\u0001`, 800)
	caller.send(`[48,1,{},"com.p",["` + text + `"]]`)
	callee.expect(`[68,1,"*",{},["` + text + `"]]`)
	caller.send(`[48,2,{},"com.p",["` + text + text + `"]]`)
	caller.expect(`[8,48,2,{},"wamp.error.payload_size_exceeded"]`)
	caller.send(`[48,3,{},"com.p"]`)
	callee.expect(`[68,3,"*",{}]`)
}

// Config.StrictIDs: request ids count from 1 in every session.
func TestStrictIDs(t *testing.T) {
	_, addr := newRouter(t, router.Config{StrictIDs: true})
	for _, requests := range [][]string{
		{`[32,2,{},"com.t"]`},
		{`[32,1,{},"com.t"]`, `[32,1,{},"com.t"]`},
		{`[32,1,{},"com.t"]`, `[16,3,{},"com.t"]`},
		{`[48,1,{},"com.p"]`, `[64,2,{},"com.p"]`, `[48,4,{},"com.p"]`},
	} {
		w := join(t, addr)
		for i, r := range requests {
			w.send(r)
			if i < len(requests)-1 {
				w.receive()
			}
		}
		w.expect(`[3,"*","wamp.error.protocol_violation"]`)
		w.expectEnd()
	}
	w := join(t, addr)
	for range 2 {
		w.send(`[64,1,{},"com.p"]`)
		w.expect(`[65,1,"$reg"]`)
		w.send(`[48,2,{},"com.p"]`)
		w.expect(`[68,1,"*",{}]`)
		w.send(`[49,2,{}]`) // CANCEL, YIELD and ERROR are no requests of their own
		w.expect(`[69,1,"*"]`)
		w.expect(`[8,48,2,{},"wamp.error.canceled"]`)
		w.send(`[70,1,{}]`)
		w.send(`[66,3,"$reg"]`)
		w.expect(`[67,3]`)
		w.send(`[6,{},"wamp.close.normal"]`)
		w.expect(`[6,{},"wamp.close.goodbye_and_out"]`)
		delete(w.vars, "session")
		w.hello("realm1")
	}
}
