package router_test

import (
	"fmt"
	"testing"

	"github.com/wampeter/wampeter/router"
)

// Basic profile, "Publish and Subscribe".
func TestEvents(t *testing.T) { everyVia(t, testEvents) }

func testEvents(t *testing.T, via via) {
	_, addr := newRouter(t, router.Config{})
	pub, a, b := via.join(t, addr), via.join(t, addr), via.join(t, addr)
	for _, w := range []*wire{pub, a, b} {
		w.send(`[32,1,{},"com.t"]`)
		w.expect(`[33,1,"$sub"]`)
		w.send(`[32,2,{},"com.t"]`) // again: the same subscription
		w.expect(`[33,2,"$sub"]`)
	}

	pub.send(`[16,3,{},"com.t",["one"],{"k":[1]}]`)
	a.expect(`[36,"$sub","$pub",{},["one"],{"k":[1]}]`)
	b.vars["pub"] = a.vars["pub"]
	b.expect(`[36,"$sub","$pub",{},["one"],{"k":[1]}]`)

	// Acknowledged, to oneself too, and without arguments.
	pub.send(`[16,4,{"acknowledge":true,"exclude_me":false},"com.t"]`)
	seen := map[string]bool{}
	for range 2 {
		seen[fmt.Sprint(decode(t, pub.receive()).([]any)[0])] = true
	}
	if !seen["17"] || !seen["36"] {
		t.Fatalf("PUBLISHED and EVENT expected, got %v", seen)
	}
	a.expect(`[36,"$sub","*",{}]`)
	b.expect(`[36,"$sub","*",{}]`)

	// Refusals are told to those who asked.
	pub.send(`[16,5,{},"com..t"]`)
	pub.send(`[16,6,{"acknowledge":true},"com..t"]`)
	pub.expect(`[8,16,6,{},"wamp.error.invalid_uri"]`)
	pub.send(`[16,7,{"acknowledge":true},"wamp.session.on_join"]`)
	pub.expect(`[8,16,7,{},"wamp.error.invalid_uri"]`)
	pub.send(`[16,8,{"acknowledge":true},"com.nobody.listens"]`)
	pub.expect(`[17,8,"*"]`)
	pub.send(`[32,9,{},"com..t"]`)
	pub.expect(`[8,32,9,{},"wamp.error.invalid_uri"]`)

	// After UNSUBSCRIBED no event comes.
	a.send(`[34,3,"$sub"]`)
	a.expect(`[35,3]`)
	pub.send(`[16,10,{"acknowledge":true},"com.t",[2]]`)
	pub.expect(`[17,10,"*"]`)
	b.expect(`[36,"$sub","*",{},[2]]`)
	a.sync()
	a.send(`[34,4,"$sub"]`)
	a.expect(`[8,34,4,{},"wamp.error.no_such_subscription"]`)
}

// Events of one publisher reach a subscriber in the order of publishing, across
// topics ("Ordering Guarantees").
func TestEventOrder(t *testing.T) { everyVia(t, testEventOrder) }

func testEventOrder(t *testing.T, via via) {
	_, addr := newRouter(t, router.Config{})
	pub, sub := via.join(t, addr), via.join(t, addr)
	sub.send(`[32,1,{},"com.a"]`)
	sub.expect(`[33,1,"$a"]`)
	sub.send(`[32,2,{},"com.b"]`)
	sub.expect(`[33,2,"$b"]`)
	const n = 500
	go func() {
		for i := range n {
			topic := "com.a"
			if i%3 == 0 {
				topic = "com.b"
			}
			pub.send(fmt.Sprintf(`[16,%d,{},%q,[%d]]`, i+1, topic, i))
		}
	}()
	for i := range n {
		topic := "$a"
		if i%3 == 0 {
			topic = "$b"
		}
		sub.expect(fmt.Sprintf(`[36,%q,"*",{},[%d]]`, topic, i))
	}
}
