package router_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/wampeter/wampeter/router"
)

// Basic profile, "URIs": loose by default, strict by configuration.
func TestStrictURIs(t *testing.T) {
	_, loose := newRouter(t, router.Config{})
	_, strict := newRouter(t, router.Config{StrictURI: true})
	for topic, ok := range map[string]bool{
		"com.example.topic_1": true,
		"com.Example.topic":   false,
		"com.example.topic-1": false,
		"com.beispiel.grüße":  false,
		"*":                   false,
	} {
		w := join(t, loose)
		w.publish("", topic, "")
		w = join(t, strict)
		if ok {
			w.publish("", topic, "")
			continue
		}
		for _, request := range []string{
			`[16,%d,{"acknowledge":true},%q]`, `[32,%d,{},%q]`, `[48,%d,{},%q]`, `[64,%d,{},%q]`,
		} {
			w.send(fmt.Sprintf(request, w.next(), topic))
			w.expect(fmt.Sprintf(`[8,%s,%d,{},"wamp.error.invalid_uri"]`, request[1:3], w.requests))
		}
	}
}

// Basic profile, "IDs": those of sessions and publications are random over the
// whole range, all others are within it.
func TestIDs(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	seen := map[any]bool{}
	large := 0
	check := func(id any) {
		t.Helper()
		n, err := id.(json.Number).Int64()
		if err != nil || n < 1 || n > 1<<53 || seen[id] {
			t.Fatalf("id %v", id)
		}
		seen[id] = true
		if n > 1<<40 {
			large++
		}
	}
	for i := range 20 {
		w := join(t, addr)
		check(w.vars["session"])
		w.publish("", "com.t", "")
		check(w.vars["pub"])
		w.subscribe(`{}`, fmt.Sprintf("com.t%d", i))
		check(w.vars["sub"])
		w.register(`{}`, fmt.Sprintf("com.t%d", i))
		check(w.vars["reg"])
	}
	if large < 60 {
		t.Errorf("only %d of %d ids are large: they are not spread over the range", large, len(seen))
	}
}

// Basic profile, "Extensibility": attributes that nobody knows are ignored, and
// so is the message by which some subscribers tell what they have received.
func TestExtensions(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	w := dialWire(t, addr, 15)
	w.send(`[1,"realm1",{"roles":{"caller":{"x":1,"features":{"later":true}},"callee":{},"publisher":{},"subscriber":{},"poet":{}},"_ours":[1]}]`)
	w.expect(`[2,"$session","*"]`)
	const options = `{"_ours":{"a":[1]},"x_theirs":null,"later":true}`
	w.register(options, "com.p")
	w.subscribe(options, "com.t")
	w.send(`[16,3,{"acknowledge":true,"exclude_me":false,"_ours":1},"com.t"]`)
	for range 2 { // in any order
		switch m := decode(t, w.receive()).([]any); fmt.Sprint(m[0]) {
		case "17":
		case "36":
			w.send(fmt.Sprintf(`[337,%v]`, m[2]))
		default:
			t.Fatalf("got %v", m)
		}
	}
	w.send(`[48,4,` + options + `,"com.p"]`)
	w.expect(`[68,1,"$reg",{}]`)
	w.send(`[70,1,` + options + `]`)
	w.expect(`[50,4,{}]`)
	w.send(`[49,4,` + options + `]`)
	w.sync()
}
