package router_test

import (
	"fmt"
	"testing"

	"github.com/wampeter/wampeter/router"
)

// clientFeatures announces everything that a client can announce.
const clientFeatures = `"progressive_call_results":true,"progressive_call_invocations":true,"call_timeout":true,` +
	`"call_canceling":true,"caller_identification":true,"call_trustlevels":true,"pattern_based_registration":true,` +
	`"shared_registration":true,"sharded_registration":true,"registration_revocation":true,"call_reroute":true,` +
	`"subscriber_blackwhite_listing":true,"publisher_exclusion":true,"publisher_identification":true,` +
	`"publication_trustlevels":true,"pattern_based_subscription":true,"sharded_subscription":true,` +
	`"event_history":true,"event_retention":true,"subscription_revocation":true,"payload_passthru_mode":true`

// full opens a session of a client that announces everything.
func full(t *testing.T, addr string) *wire {
	t.Helper()
	return joinWith(t, addr, clientFeatures)
}

// plain opens a session of a client that announces nothing.
func plain(t *testing.T, addr string) *wire {
	t.Helper()
	return joinWith(t, addr, "")
}

func joinWith(t *testing.T, addr, features string) *wire {
	t.Helper()
	w := dialWire(t, addr, 15)
	role := `{"features":{` + features + `}}`
	w.send(`[1,"realm1",{"roles":{"caller":` + role + `,"callee":` + role + `,"publisher":` + role + `,"subscriber":` + role + `}}]`)
	w.expect(`[2,"$session","*"]`)
	return w
}

// register registers and returns the id under the name reg.
func (w *wire) register(options, procedure string) {
	w.t.Helper()
	delete(w.vars, "reg")
	w.send(fmt.Sprintf(`[64,%d,%s,%q]`, w.next(), options, procedure))
	w.expect(fmt.Sprintf(`[65,%d,"$reg"]`, w.requests))
}

func (w *wire) subscribe(options, topic string) {
	w.t.Helper()
	delete(w.vars, "sub")
	w.send(fmt.Sprintf(`[32,%d,%s,%q]`, w.next(), options, topic))
	w.expect(fmt.Sprintf(`[33,%d,"$sub"]`, w.requests))
}

// next returns the next request id.
func (w *wire) next() int {
	w.requests++
	return w.requests
}

// Advanced profile, "Progressive Call Results".
func TestProgressiveResults(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	caller, callee := full(t, addr), full(t, addr)
	callee.register(`{}`, "com.p")
	caller.send(`[48,1,{"receive_progress":true},"com.p",[3]]`)
	callee.expect(`[68,1,"$reg",{"receive_progress":true},[3]]`)
	for i := range 3 {
		callee.send(fmt.Sprintf(`[70,1,{"progress":true},[%d]]`, i))
		caller.expect(fmt.Sprintf(`[50,1,{"progress":true},[%d]]`, i))
	}
	callee.send(`[70,1,{}]`)
	caller.expect(`[50,1,{}]`)

	// Progress that nobody asked for is dropped.
	caller.send(`[48,2,{},"com.p"]`)
	callee.expect(`[68,2,"$reg",{}]`)
	callee.send(`[70,2,{"progress":true},["not wanted"]]`)
	callee.send(`[70,2,{},["end"]]`)
	caller.expect(`[50,2,{},["end"]]`)

	// A callee that cannot be canceled is not asked for progress, where the
	// letter counts; autobahn-js and wampy.js do not announce that they can be.
	_, strict := newRouter(t, router.Config{Strict: true})
	for at, details := range map[string]string{strict: `{}`, addr: `{"receive_progress":true}`} {
		caller, old := full(t, at), joinWith(t, at, `"progressive_call_results":true`)
		old.register(`{}`, "com.old")
		caller.send(`[48,3,{"receive_progress":true},"com.old"]`)
		old.expect(`[68,1,"$reg",` + details + `]`)
	}
}

// Advanced profile, "Progressive Call Invocations", alone and as two-way
// streams.
func TestProgressiveInvocations(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	caller, callee := full(t, addr), full(t, addr)
	callee.register(`{}`, "com.p")
	caller.send(`[48,1,{"progress":true,"receive_progress":true},"com.p",["a"]]`)
	callee.expect(`[68,1,"$reg",{"receive_progress":true,"progress":true},["a"]]`)
	callee.send(`[70,1,{"progress":true},["A"]]`)
	caller.expect(`[50,1,{"progress":true},["A"]]`)
	caller.send(`[48,1,{"progress":true},"com.p",["b"]]`)
	callee.expect(`[68,1,"$reg",{"receive_progress":true,"progress":true},["b"]]`)
	caller.send(`[48,1,{},"com.p",["c"]]`)
	callee.expect(`[68,1,"$reg",{"receive_progress":true},["c"]]`)
	callee.send(`[70,1,{},["end"]]`)
	caller.expect(`[50,1,{},["end"]]`)
	caller.send(`[48,1,{},"com.p",["late"]]`) // a race, not a violation
	caller.sync()

	none := plain(t, addr)
	none.register(`{}`, "com.plain")
	caller.send(`[48,2,{"progress":true},"com.plain",["a"]]`)
	caller.expect(`[8,48,2,{},"wamp.error.feature_not_supported"]`)
}

// Advanced profile, "Call Canceling": the three modes, and what races with them.
func TestCancel(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	caller, callee, deaf := full(t, addr), full(t, addr), plain(t, addr)
	callee.register(`{}`, "com.p")
	deaf.register(`{}`, "com.deaf")
	call := func(procedure string) int {
		t.Helper()
		id := caller.next()
		caller.send(fmt.Sprintf(`[48,%d,{},%q]`, id, procedure))
		return id
	}
	cancel := func(id int, options string) { caller.send(fmt.Sprintf(`[49,%d,%s]`, id, options)) }
	canceled := func(id int) {
		t.Helper()
		caller.expect(fmt.Sprintf(`[8,48,%d,{},"wamp.error.canceled"]`, id))
	}

	id := call("com.p")
	callee.expect(`[68,1,"$reg",{}]`)
	cancel(id, `{"mode":"skip"}`)
	canceled(id)
	callee.send(`[70,1,{},["late"]]`)

	for i, options := range []string{`{"mode":"killnowait"}`, `{}`} {
		id = call("com.p")
		callee.expect(fmt.Sprintf(`[68,%d,"$reg",{}]`, 2+i))
		cancel(id, options)
		canceled(id)
		callee.expect(fmt.Sprintf(`[69,%d,{"mode":"killnowait"}]`, 2+i))
		callee.send(fmt.Sprintf(`[8,68,%d,{},"wamp.error.canceled"]`, 2+i))
	}

	id = call("com.p")
	callee.expect(`[68,4,"$reg",{}]`)
	cancel(id, `{"mode":"kill"}`)
	cancel(id, `{"mode":"kill"}`)
	callee.expect(`[69,4,{"mode":"kill"}]`)
	callee.send(`[70,4,{},["finished anyway"]]`)
	caller.expect(fmt.Sprintf(`[50,%d,{},["finished anyway"]]`, id))
	cancel(id, `{"mode":"kill"}`) // too late: ignored

	id = call("com.p")
	callee.expect(`[68,5,"$reg",{}]`)
	cancel(id, `{"mode":"gently"}`)
	caller.expect(fmt.Sprintf(`[8,49,%d,{},"wamp.error.invalid_argument"]`, id))
	callee.send(`[70,5,{}]`)
	caller.expect(fmt.Sprintf(`[50,%d,{}]`, id))

	// A callee without the feature is not interrupted.
	id = call("com.deaf")
	deaf.expect(`[68,1,"$reg",{}]`)
	cancel(id, `{"mode":"kill"}`)
	canceled(id)
	deaf.sync()
	caller.sync()
}

// Advanced profile, "Call Timeouts": forwarded to a callee that wants that.
func TestTimeoutForwarded(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	caller, callee := full(t, addr), full(t, addr)
	callee.register(`{"forward_timeout":true}`, "com.p")
	caller.send(`[48,1,{"timeout":5},"com.p"]`)
	callee.expect(`[68,1,"$reg",{"timeout":5}]`)
	callee.send(`[8,68,1,{},"wamp.error.timeout"]`)
	caller.expect(`[8,48,1,{},"wamp.error.timeout"]`)
}

// Advanced profile, "Caller Identification".
func TestCallerIdentification(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	caller, callee := full(t, addr), full(t, addr)
	callee.register(`{}`, "com.p")
	callee.vars["caller"] = caller.vars["session"]
	caller.send(`[48,1,{"disclose_me":true},"com.p"]`)
	m := decode(t, callee.receive()).([]any)
	details := m[3].(map[string]any)
	if fmt.Sprint(details["caller"]) != fmt.Sprint(caller.vars["session"]) || details["caller_authrole"] != "anonymous" ||
		details["caller_authid"] == "" {
		t.Errorf("details %v", details)
	}
	callee.register(`{"disclose_caller":true}`, "com.asks")
	caller.send(`[48,2,{},"com.asks"]`)
	m = decode(t, callee.receive()).([]any)
	if fmt.Sprint(m[3].(map[string]any)["caller"]) != fmt.Sprint(caller.vars["session"]) {
		t.Errorf("details %v", m[3])
	}
}

// Advanced profile, "Pattern-based Registrations": which one gets a call.
func TestPatternRegistrations(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	caller, callee := full(t, addr), full(t, addr)
	ids := map[string]any{}
	for _, p := range []struct{ match, uri string }{
		{"exact", "a1.b2.c3.d4.e55"}, {"prefix", "a1.b2.c3"}, {"prefix", "a1.b2.c3.d4"},
		{"wildcard", "a1.b2..d4.e5"}, {"wildcard", "a1.b2.c33..e5"}, {"wildcard", "a1.b2..d4.e5..g7"},
		{"wildcard", "a1.b2..d4..f6.g7"},
	} {
		callee.register(fmt.Sprintf(`{"match":%q}`, p.match), p.uri)
		ids[p.uri] = callee.vars["reg"]
	}
	for i, c := range []struct{ uri, want string }{
		{"a1.b2.c3.d4.e55", "a1.b2.c3.d4.e55"},
		{"a1.b2.c3.d98.e74", "a1.b2.c3"},
		{"a1.b2.c3.d4.e325", "a1.b2.c3.d4"},
		{"a1.b2.c55.d4.e5", "a1.b2..d4.e5"},
		{"a1.b2.c33.d4.e5", "a1.b2.c3"}, // a string prefix
		{"a1.b2.c88.d4.e5.f6.g7", "a1.b2..d4.e5..g7"},
	} {
		caller.send(fmt.Sprintf(`[48,%d,{},%q]`, i+1, c.uri))
		details := fmt.Sprintf(`{"procedure":%q}`, c.uri)
		if c.uri == c.want {
			details = `{}`
		}
		callee.vars["reg"] = ids[c.want]
		callee.expect(fmt.Sprintf(`[68,%d,"$reg",%s]`, i+1, details))
	}
	caller.send(`[48,100,{},"a2.b2.c2.d2.e2"]`)
	caller.expect(`[8,48,100,{},"wamp.error.no_such_procedure"]`)
}

// Advanced profile, "Shared Registration": the policies, and who may join.
func TestSharedRegistrations(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	caller, a, b, c := full(t, addr), full(t, addr), full(t, addr), full(t, addr)
	callees := []*wire{a, b, c}
	for _, policy := range []string{"roundrobin", "first", "last", "random"} {
		for _, w := range callees {
			w.register(fmt.Sprintf(`{"invoke":%q}`, policy), "com."+policy)
			if w.vars["reg"] != a.vars["reg"] {
				t.Errorf("%s: callees have different registrations", policy)
			}
		}
	}
	caller.send(`[64,1,{"invoke":"first"},"com.roundrobin"]`)
	caller.expect(`[8,64,1,{},"wamp.error.procedure_already_exists"]`)
	caller.send(`[64,2,{},"com.roundrobin"]`)
	caller.expect(`[8,64,2,{},"wamp.error.procedure_already_exists"]`)
	caller.send(`[64,3,{"invoke":"whoever"},"com.other"]`)
	caller.expect(`[8,64,3,{},"wamp.error.invalid_argument"]`)

	invocations := map[*wire]int{}
	expect := func(w *wire, id int) {
		t.Helper()
		invocations[w]++
		w.expect(fmt.Sprintf(`[68,%d,"*",{}]`, invocations[w]))
		w.send(fmt.Sprintf(`[70,%d,{}]`, invocations[w]))
		caller.expect(fmt.Sprintf(`[50,%d,{}]`, id))
	}
	for i, want := range []*wire{a, b, c, a, b} {
		caller.send(fmt.Sprintf(`[48,%d,{},"com.roundrobin"]`, i+10))
		expect(want, i+10)
	}
	caller.send(`[48,20,{},"com.first"]`)
	expect(a, 20)
	caller.send(`[48,21,{},"com.last"]`)
	expect(c, 21)
}

// "concurrency": calls beyond a callee's limit wait for it.
func TestConcurrency(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	caller, callee := full(t, addr), full(t, addr)
	callee.register(`{"concurrency":2}`, "com.p")
	for i := range 3 {
		caller.send(fmt.Sprintf(`[48,%d,{},"com.p",[%d]]`, i+1, i+1))
	}
	callee.expect(`[68,1,"$reg",{},[1]]`)
	callee.expect(`[68,2,"$reg",{},[2]]`)
	callee.sync()
	callee.send(`[70,2,{}]`)
	callee.expect(`[68,3,"$reg",{},[3]]`)
	caller.expect(`[50,2,{}]`)
}

// Advanced profile, "Registration Revocation", by "force_reregister".
func TestForceReregister(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	caller, old, successor := full(t, addr), full(t, addr), full(t, addr)
	old.register(`{}`, "com.p")
	caller.send(`[48,1,{},"com.p"]`)
	old.expect(`[68,1,"$reg",{}]`)
	successor.register(`{"force_reregister":true}`, "com.p")
	m := decode(t, old.receive()).([]any)
	if fmt.Sprint(m[0]) != "67" || fmt.Sprint(m[1]) != "0" ||
		fmt.Sprint(m[2].(map[string]any)["registration"]) != fmt.Sprint(old.vars["reg"]) {
		t.Fatalf("got %v", m)
	}
	old.send(`[70,1,{},["still valid"]]`)
	caller.expect(`[50,1,{},["still valid"]]`)
	caller.send(`[48,2,{},"com.p"]`)
	successor.expect(`[68,1,"$reg",{}]`)
}

// Advanced profile, "Call Rerouting".
func TestReroute(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	caller, a, b := full(t, addr), full(t, addr), full(t, addr)
	a.register(`{"invoke":"first"}`, "com.p")
	b.register(`{"invoke":"first"}`, "com.p")
	caller.send(`[48,1,{},"com.p",["x"]]`)
	a.expect(`[68,1,"$reg",{},["x"]]`)
	a.send(`[8,68,1,{},"wamp.error.unavailable"]`)
	b.expect(`[68,1,"$reg",{},["x"]]`)
	b.send(`[70,1,{}]`)
	caller.expect(`[50,1,{}]`)

	caller.send(`[48,2,{},"com.p"]`)
	a.expect(`[68,2,"$reg",{}]`)
	a.send(`[8,68,2,{},"wamp.error.unavailable"]`)
	b.expect(`[68,2,"$reg",{}]`)
	b.send(`[8,68,2,{},"wamp.error.unavailable"]`)
	caller.expect(`[8,48,2,{},"wamp.error.no_available_callee"]`)
}

// Sharded registrations: runmode "partition" keeps a key with its callee,
// runmode "all" asks every one.
func TestShardedRegistrations(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	caller, a, b := full(t, addr), full(t, addr), full(t, addr)
	a.register(`{"invoke":"partition","nkey":"a"}`, "com.p")
	b.register(`{"invoke":"partition","nkey":"b"}`, "com.p")
	owner := func(key string) *wire {
		t.Helper()
		id := caller.next()
		caller.send(fmt.Sprintf(`[48,%d,{"runmode":"partition","rkey":%s},"com.p"]`, id, key))
		caller.sync() // the call is routed
		// Whoever has it answers; the other one proves by a round trip that
		// nothing came.
		for _, w := range []*wire{a, b} {
			w.send(`[34,9007199254740992,1]`)
			m := decode(t, w.receive()).([]any)
			if fmt.Sprint(m[0]) == "68" {
				w.expect(`[8,34,9007199254740992,{},"wamp.error.no_such_subscription"]`)
				w.send(fmt.Sprintf(`[70,%v,{}]`, m[1]))
				caller.expect(fmt.Sprintf(`[50,%d,{}]`, id))
				return w
			}
		}
		t.Fatal("nobody got the call")
		return nil
	}
	seen := map[*wire]bool{}
	for key := range 20 {
		first := owner(fmt.Sprint(key))
		seen[first] = true
		for range 3 {
			if owner(fmt.Sprint(key)) != first {
				t.Fatalf("key %d moved", key)
			}
		}
	}
	if len(seen) != 2 {
		t.Error("one callee owns all of 20 keys")
	}
	caller.send(`[48,1000,{"runmode":"partition"},"com.p"]`)
	caller.expect(`[8,48,1000,{},"wamp.error.invalid_argument"]`)

	caller.send(`[48,1001,{"runmode":"all","receive_progress":true},"com.p",["count"]]`)
	caller.vars["a"], caller.vars["b"] = a.vars["session"], b.vars["session"]
	for _, w := range []*wire{a, b} {
		m := decode(t, w.receive()).([]any)
		if w == a {
			w.send(fmt.Sprintf(`[70,%v,{},[7]]`, m[1]))
			caller.expect(fmt.Sprintf(`[50,1001,{"progress":true,"callee":%v},[7]]`, a.vars["session"]))
		} else {
			w.send(fmt.Sprintf(`[8,68,%v,{},"com.failed",["no"]]`, m[1]))
		}
	}
	final := decode(t, caller.receive()).([]any)
	want := fmt.Sprintf("[map[args:[7] callee:%v] map[args:[no] callee:%v error:com.failed]]", a.vars["session"], b.vars["session"])
	if len(final) > 3 && len(final[3].([]any)) == 3 {
		t.Fatalf("too many answers: %v", final)
	}
	if len(final) < 4 || fmt.Sprint(final[3]) != want {
		t.Errorf("got  %v\nwant %s", final, want)
	}
}

// Advanced profile, "Shared Registration": with the policy "random" every callee
// gets some of the calls, in no fixed order.
func TestRandomPolicy(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	caller, callees := full(t, addr), []*wire{full(t, addr), full(t, addr), full(t, addr)}
	for _, w := range callees {
		w.register(`{"invoke":"random"}`, "com.p")
	}
	const n = 120
	for i := range n {
		caller.send(fmt.Sprintf(`[48,%d,{},"com.p",[%d]]`, i+1, i))
	}
	caller.sync() // all are routed
	total, inTurn := 0, true
	for i, w := range callees {
		got := 0
		w.send(`[34,9007199254740992,1]`)
		for {
			m := decode(t, w.receive()).([]any)
			if fmt.Sprint(m[0]) != "68" {
				break
			}
			if fmt.Sprint(m[4]) != fmt.Sprint([]any{3*got + i}) {
				inTurn = false
			}
			got++
		}
		if got == 0 {
			t.Errorf("callee %d got none of %d calls", i, n)
		}
		total += got
	}
	if total != n || inTurn {
		t.Errorf("%d of %d calls arrived, in turn: %v", total, n, inTurn)
	}
}
