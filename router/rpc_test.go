package router_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wampeter/wampeter/router"
)

// Basic profile, "Remote Procedure Calls".
func TestCalls(t *testing.T) { everyVia(t, testCalls) }

func testCalls(t *testing.T, via via) {
	_, addr := newRouter(t, router.Config{})
	caller, callee := via.join(t, addr), via.join(t, addr)

	callee.send(`[64,1,{},"com.p"]`)
	callee.expect(`[65,1,"$reg"]`)
	callee.send(`[64,2,{},"com.p"]`)
	callee.expect(`[8,64,2,{},"wamp.error.procedure_already_exists"]`)
	caller.send(`[64,1,{},"com.p"]`)
	caller.expect(`[8,64,1,{},"wamp.error.procedure_already_exists"]`)

	// The payload goes through as it is, whatever is in it.
	payload := `[1,"zwei",[3,{"vier":null}],9007199254740993,1.50,"\u0000AAEC"],{"key":"\ud83d\ude00","":{}}`
	caller.send(`[48,2,{"unknown":[1],"timeout":0},"com.p",` + payload + `]`)
	callee.expect(`[68,1,"$reg",{},` + payload + `]`)
	callee.send(`[70,1,{},[],{"sum":5}]`)
	caller.expect(`[50,2,{},[],{"sum":5}]`)

	caller.send(`[48,3,{},"com.p"]`)
	callee.expect(`[68,2,"$reg",{}]`)
	callee.send(`[8,68,2,{"ignored":1},"com.error",["no"],{"why":1}]`)
	caller.expect(`[8,48,3,{},"com.error",["no"],{"why":1}]`)
	callee.send(`[70,2,{},["late"]]`) // answered already: ignored

	caller.send(`[48,4,{},"com.nothing"]`)
	caller.expect(`[8,48,4,{},"wamp.error.no_such_procedure"]`)
	for _, bad := range []string{"", "com..p", "com.p.", "com.p q", "com.#"} {
		caller.send(fmt.Sprintf(`[48,5,{},%q]`, bad))
		caller.expect(`[8,48,5,{},"wamp.error.invalid_uri"]`)
		caller.send(fmt.Sprintf(`[64,6,{},%q]`, bad))
		caller.expect(`[8,64,6,{},"wamp.error.invalid_uri"]`)
	}
	caller.send(`[64,7,{},"wamp.mine"]`)
	caller.expect(`[8,64,7,{},"wamp.error.invalid_uri"]`)

	// A call of one's own procedure.
	callee.send(`[48,3,{},"com.p",["self"]]`)
	callee.expect(`[68,3,"$reg",{},["self"]]`)
	callee.send(`[70,3,{}]`)
	callee.expect(`[50,3,{}]`)

	// UNREGISTER: running calls finish, further ones find nothing.
	caller.send(`[48,8,{},"com.p"]`)
	callee.expect(`[68,4,"$reg",{}]`)
	caller.vars["reg"] = callee.vars["reg"]
	caller.send(`[66,9,"$reg"]`)
	caller.expect(`[8,66,9,{},"wamp.error.no_such_registration"]`)
	callee.send(`[66,4,"$reg"]`)
	callee.expect(`[67,4]`)
	callee.send(`[66,5,"$reg"]`)
	callee.expect(`[8,66,5,{},"wamp.error.no_such_registration"]`)
	caller.send(`[48,10,{},"com.p"]`)
	caller.expect(`[8,48,10,{},"wamp.error.no_such_procedure"]`)
	callee.send(`[70,4,{},["done"]]`)
	caller.expect(`[50,8,{},["done"]]`)
}

func TestCalleeLeaves(t *testing.T) { everyVia(t, testCalleeLeaves) }

func testCalleeLeaves(t *testing.T, via via) {
	_, addr := newRouter(t, router.Config{})
	for name, end := range map[string]func(*wire){
		"goodbye":   func(w *wire) { w.send(`[6,{},"wamp.close.normal"]`) },
		"lost":      func(w *wire) { _ = w.nc.Close() },
		"violation": func(w *wire) { w.sendBytes([]byte("]")) },
	} {
		t.Run(name, func(t *testing.T) {
			caller, callee := via.join(t, addr), via.join(t, addr)
			callee.send(`[64,1,{},"com.p"]`)
			callee.expect(`[65,1,"$reg"]`)
			caller.send(`[48,1,{},"com.p"]`)
			callee.expect(`[68,1,"$reg",{}]`)
			end(callee)
			m := decode(t, caller.receive()).([]any)
			if len(m) < 5 || fmt.Sprint(m[:3]) != "[8 48 1]" || m[4] != "wamp.error.canceled" {
				t.Fatalf("got %v", m)
			}
			caller.send(`[48,2,{},"com.p"]`)
			caller.expect(`[8,48,2,{},"wamp.error.no_such_procedure"]`)
		})
	}
}

func TestCallerLeaves(t *testing.T) { everyVia(t, testCallerLeaves) }

func testCallerLeaves(t *testing.T, via via) {
	_, addr := newRouter(t, router.Config{})
	caller, callee := via.join(t, addr), via.join(t, addr)
	callee.send(`[64,1,{},"com.p"]`)
	callee.expect(`[65,1,"$reg"]`)
	caller.send(`[48,1,{},"com.p"]`)
	callee.expect(`[68,1,"$reg",{}]`)
	_ = caller.nc.Close()
	callee.expect(`[69,1,{"mode":"killnowait"}]`)
	callee.send(`[70,1,{},["late"]]`)
	callee.sync()

	// A callee that cannot be interrupted hears nothing.
	plain := via.dial(t, addr)
	plain.send(`[1,"realm1",{"roles":{"callee":{},"subscriber":{}}}]`)
	plain.expect(`[2,"*","*"]`)
	plain.send(`[64,1,{},"com.plain"]`)
	plain.expect(`[65,1,"$reg"]`)
	caller = via.join(t, addr)
	caller.send(`[48,1,{},"com.plain"]`)
	plain.expect(`[68,1,"$reg",{}]`)
	_ = caller.nc.Close()
	plain.send(`[70,1,{}]`)
	plain.sync()
}

// Basic profile: "Payload Size Exceeded".
func TestPayloadTooBig(t *testing.T) {
	_, addr := newRouter(t, router.Config{MaxMessage: 1 << 20})
	big, small := join(t, addr), dialWire(t, addr, 3) // takes 4 KiB
	small.hello("realm1")
	small.send(`[64,1,{},"com.small"]`)
	small.expect(`[65,1,"$reg"]`)
	text := strings.Repeat("x", 5000)
	big.send(`[48,1,{},"com.small",["` + text + `"]]`)
	big.expect(`[8,48,1,{},"wamp.error.payload_size_exceeded"]`)
	big.send(`[48,2,{},"com.small"]`)
	small.expect(`[68,2,"$reg",{}]`)
	small.send(`[70,2,{}]`)
	big.expect(`[50,2,{}]`)

	big.send(`[64,3,{},"com.big"]`)
	big.expect(`[65,3,"$reg"]`)
	small.send(`[48,2,{},"com.big"]`)
	big.expect(`[68,1,"$reg",{}]`)
	big.send(`[70,1,{},["` + text + `"]]`)
	small.expect(`[8,48,2,{},"wamp.error.payload_size_exceeded"]`)

	// EVENTs that do not fit are left out.
	small.send(`[32,3,{},"com.t"]`)
	small.expect(`[33,3,"$sub"]`)
	big.send(`[16,4,{"acknowledge":true},"com.t",["` + text + `"]]`)
	big.expect(`[17,4,"*"]`)
	big.send(`[16,5,{"acknowledge":true},"com.t",["y"]]`)
	big.expect(`[17,5,"$pub"]`)
	small.vars["pub"] = big.vars["pub"]
	small.expect(`[36,"$sub","$pub",{},["y"]]`)

	// A message beyond what the router takes ends its sender alone.
	big.sendBytes([]byte(`[48,6,{},"com.small",["` + strings.Repeat("x", 1<<20) + `"]]`))
	big.expect(`[3,"*","wamp.error.protocol_violation"]`)
	small.sync()
}

// Advanced profile, "Call Timeouts": the realm's one timer serves them all.
func TestCallTimeout(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	caller, callee := join(t, addr), join(t, addr)
	callee.send(`[64,1,{},"com.p"]`)
	callee.expect(`[65,1,"$reg"]`)
	caller.send(`[48,1,{"timeout":60000},"com.p"]`)
	callee.expect(`[68,1,"$reg",{}]`)
	caller.send(`[48,2,{"timeout":10},"com.p"]`)
	callee.expect(`[68,2,"$reg",{}]`)
	caller.expect(`[8,48,2,{},"wamp.error.timeout"]`)
	callee.expect(`[69,2,{"mode":"killnowait"}]`)
	caller.send(`[48,3,{"timeout":5},"com.p"]`)
	callee.expect(`[68,3,"$reg",{}]`)
	caller.expect(`[8,48,3,{},"wamp.error.timeout"]`)
	callee.expect(`[69,3,{"mode":"killnowait"}]`)
	callee.send(`[70,1,{}]`)
	caller.expect(`[50,1,{}]`)
}
