package router_test

import (
	"fmt"
	"testing"

	"github.com/wampeter/wampeter/router"
)

// call sends a CALL.
func (w *wire) call(procedure, payload string) {
	w.t.Helper()
	if payload != "" {
		payload = "," + payload
	}
	w.send(fmt.Sprintf(`[48,%d,{},%q%s]`, w.next(), procedure, payload))
}

// answers calls a procedure and expects a result, whose payload begins with a
// comma.
func (w *wire) answers(procedure, payload, want string) {
	w.t.Helper()
	w.call(procedure, payload)
	w.expect(fmt.Sprintf(`[50,%d,{}%s]`, w.requests, want))
}

// fails calls a procedure and expects an error.
func (w *wire) fails(procedure, payload, uri string) {
	w.t.Helper()
	w.call(procedure, payload)
	w.expect(fmt.Sprintf(`[8,48,%d,{},%q]`, w.requests, uri))
}

// watch opens a session that hears all events of an API, in order.
func watch(t *testing.T, addr, prefix string) *wire {
	t.Helper()
	w := full(t, addr)
	w.subscribe(`{"match":"prefix"}`, prefix)
	return w
}

// hears expects an event of the meta API.
func (w *wire) hears(topic, payload string) {
	w.t.Helper()
	w.expect(fmt.Sprintf(`[36,"$sub","*",{"topic":%q},%s]`, topic, payload))
}

// subscribeAll subscribes to everything, its own subscription included.
func (w *wire) subscribeAll() {
	w.t.Helper()
	w.subscribe(`{"match":"prefix"}`, "")
	w.hears("wamp.subscription.on_create", `["$session",`+fmt.Sprintf(subscriptionDetails, "", "prefix")+`]`)
	w.hears("wamp.subscription.on_subscribe", `["$session","$sub"]`)
}

const sessionDetails = `{"session":%q,"authid":%q,"authrole":"anonymous","authmethod":"anonymous","authprovider":"static"}`

// Advanced profile, "Session Meta API": procedures.
func TestSessionMeta(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	a, b := known(t, addr), known(t, addr)
	a.vars["b"], a.vars["b_authid"] = b.vars["session"], b.vars["authid"]

	for _, roles := range []string{``, `[null]`, `[["anonymous","admin"]]`} {
		a.answers("wamp.session.count", roles, `,[2]`)
		a.answers("wamp.session.list", roles, `,[["$session","$b"]]`)
	}
	a.answers("wamp.session.count", `[["admin"]]`, `,[0]`)
	a.answers("wamp.session.list", `[["admin"]]`, `,[[]]`)
	a.answers("wamp.session.get", `["$session"]`, `,[`+fmt.Sprintf(sessionDetails, "$session", "$authid")+`]`)
	a.answers("wamp.session.get", `["$b"]`, `,[`+fmt.Sprintf(sessionDetails, "$b", "$b_authid")+`]`)

	// autobahn-js and wampy.js write large integers as floating point numbers.
	a.answers("wamp.session.get", fmt.Sprintf(`[%v.0]`, b.vars["session"]), `,[`+fmt.Sprintf(sessionDetails, "$b", "$b_authid")+`]`)

	a.fails("wamp.session.count", `["anonymous"]`, "wamp.error.invalid_argument")
	a.fails("wamp.session.list", `[[1]]`, "wamp.error.invalid_argument")
	a.fails("wamp.session.get", `[1]`, "wamp.error.no_such_session")
	a.fails("wamp.session.get", ``, "wamp.error.invalid_argument")
	a.fails("wamp.session.get", `["1"]`, "wamp.error.invalid_argument")
	a.fails("wamp.session.nothing", ``, "wamp.error.no_such_procedure")
}

// Advanced profile, "Session Meta API": events.
func TestSessionMetaEvents(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	w := watch(t, addr, "wamp.session.")
	for name, leave := range map[string]func(*wire){
		"goodbye": func(s *wire) {
			s.send(`[6,{},"wamp.close.normal"]`)
			s.expect(`[6,{},"wamp.close.goodbye_and_out"]`)
		},
		"lost":      func(s *wire) { _ = s.nc.Close() },
		"violation": func(s *wire) { s.sendBytes([]byte("]")) },
	} {
		t.Run(name, func(t *testing.T) {
			s := known(t, addr)
			w.vars["s"], w.vars["id"] = s.vars["session"], s.vars["authid"]
			w.hears("wamp.session.on_join", `[`+fmt.Sprintf(sessionDetails, "$s", "$id")+`]`)
			leave(s)
			w.hears("wamp.session.on_leave", `["$s","$id","anonymous"]`)
		})
	}
	// Nobody but the router publishes there.
	w.publishOnly("", "wamp.session.on_join", `[1]`)
	w.expect(fmt.Sprintf(`[8,16,%d,{},"wamp.error.invalid_uri"]`, w.requests))
}

// Advanced profile, "Session Meta API": the ways to kill sessions.
func TestKillProcedures(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	killer := known(t, addr)
	w := watch(t, addr, "wamp.session.on_leave")
	victim := func() *wire {
		s := known(t, addr)
		s.register(`{}`, "com.p")
		killer.vars["s"], killer.vars["id"] = s.vars["session"], s.vars["authid"]
		w.vars["s"], w.vars["id"] = s.vars["session"], s.vars["authid"]
		return s
	}
	// gone expects GOODBYE; then the session has left the realm already, and
	// the connection ends with the answer.
	gone := func(s *wire, details, reason string) {
		t.Helper()
		s.expect(fmt.Sprintf(`[6,%s,%q]`, details, reason))
		killer.fails("com.p", ``, "wamp.error.no_such_procedure")
		s.send(`[48,99,{},"wamp.session.count"]`) // crossed it
		s.send(`[6,{},"wamp.close.goodbye_and_out"]`)
		s.expectEnd()
		killer.fails("wamp.session.get", `["$s"]`, "wamp.error.no_such_session")
	}

	s := victim()
	killer.fails("wamp.session.kill", `["$s"],{"reason":"not a uri"}`, "wamp.error.invalid_uri")
	killer.fails("wamp.session.kill", `["$s"],{"message":1}`, "wamp.error.invalid_argument")
	killer.fails("wamp.session.kill", `["$session"]`, "wamp.error.no_such_session")
	killer.fails("wamp.session.kill", `[1]`, "wamp.error.no_such_session")
	killer.fails("wamp.session.kill", ``, "wamp.error.invalid_argument")
	s.sync()
	killer.answers("wamp.session.kill", `["$s"],{"reason":"com.bad.behaviour","message":"enough"}`, ``)
	w.hears("wamp.session.on_leave", `["$s","$id","anonymous"]`)
	gone(s, `{"message":"enough"}`, "com.bad.behaviour")

	s = victim()
	killer.answers("wamp.session.kill", `["$s"]`, ``)
	w.hears("wamp.session.on_leave", `["$s","$id","anonymous"]`)
	gone(s, `{}`, "wamp.close.killed")

	s = victim()
	killer.answers("wamp.session.kill_by_authid", `["nobody"]`, `,[[]]`)
	killer.answers("wamp.session.kill_by_authid", `["$authid"]`, `,[[]]`) // one's own is spared
	killer.fails("wamp.session.kill_by_authid", `[1]`, "wamp.error.invalid_argument")
	killer.fails("wamp.session.kill_by_authid", `["$id"],{"reason":"no uri"}`, "wamp.error.invalid_uri")
	killer.answers("wamp.session.kill_by_authid", `["$id"],{"reason":"com.x"}`, `,[["$s"]]`)
	w.hears("wamp.session.on_leave", `["$s","$id","anonymous"]`)
	gone(s, `{}`, "com.x")

	killer.answers("wamp.session.kill_by_authrole", `["admin"]`, `,[0]`)
	killer.fails("wamp.session.kill_by_authrole", ``, "wamp.error.invalid_argument")
	killer.fails("wamp.session.kill_by_authrole", `["anonymous"],{"reason":"no uri"}`, "wamp.error.invalid_uri")
	s = victim()
	killer.answers("wamp.session.kill_by_authrole", `["anonymous"]`, `,[2]`) // and the one who watches
	gone(s, `{}`, "wamp.close.killed")
	w.expect(`[6,{},"wamp.close.killed"]`)
}

// Advanced profile, "Session Meta API": nobody hears of what kill_all does, and
// no testament is published.
func TestKillAll(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	killer, a, b := known(t, addr), known(t, addr), known(t, addr)
	killer.subscribeAll()
	for _, w := range []*wire{a, b} {
		w.answers("wamp.session.add_testament", `["com.testament",[],{}]`, ``)
	}
	killer.fails("wamp.session.kill_all", `[],{"reason":"no uri"}`, "wamp.error.invalid_uri")
	killer.answers("wamp.session.kill_all", `[],{"reason":"com.maintenance","message":"back soon"}`, `,[2]`)
	for _, w := range []*wire{a, b} {
		w.expect(`[6,{"message":"back soon"},"com.maintenance"]`)
	}
	silent(t, killer)
	killer.answers("wamp.session.list", ``, `,[["$session"]]`)
	killer.answers("wamp.session.kill_all", ``, `,[0]`)
}

const registrationDetails = `{"id":"$reg","created":"*","uri":%q,"match":%q,"invoke":%q}`

// Advanced profile, "Registration Meta API": procedures.
func TestRegistrationMeta(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	a, b := full(t, addr), full(t, addr)
	a.vars["b"] = b.vars["session"]
	a.answers("wamp.registration.list", ``, `,[{"exact":[],"prefix":[],"wildcard":[]}]`)
	a.register(`{"match":"prefix"}`, "com.p")
	a.vars["prefix"] = a.vars["reg"]
	a.register(`{"match":"wildcard"}`, "com..x")
	a.vars["wildcard"] = a.vars["reg"]
	a.register(`{"invoke":"roundrobin"}`, "com.p")
	b.register(`{"invoke":"roundrobin"}`, "com.p")

	a.answers("wamp.registration.list", ``, `,[{"exact":["$reg"],"prefix":["$prefix"],"wildcard":["$wildcard"]}]`)
	for query, want := range map[string]string{
		`["com.p"]`:                        `"$reg"`,
		`["com.p",{}]`:                     `"$reg"`,
		`["com.p",null]`:                   `"$reg"`,
		`["com.p",{"match":"exact"}]`:      `"$reg"`,
		`["com.p",{"match":"prefix"}]`:     `"$prefix"`,
		`["com..x",{"match":"wildcard"}]`:  `"$wildcard"`,
		`["com.p",{"match":"wildcard"}]`:   `null`,
		`["com.p.x",{"match":"prefix"}]`:   `null`, // it is no search
		`["com.q.x",{"match":"wildcard"}]`: `null`,
	} {
		a.answers("wamp.registration.lookup", query, `,[`+want+`]`)
	}
	for query, want := range map[string]string{
		`["com.p"]`:   `"$reg"`,
		`["com.p.x"]`: `"$prefix"`,
		`["com.q.x"]`: `"$wildcard"`,
		`["org.x"]`:   `null`,
	} {
		a.answers("wamp.registration.match", query, `,[`+want+`]`)
	}
	a.answers("wamp.registration.get", `["$reg"]`, `,[`+fmt.Sprintf(registrationDetails, "com.p", "exact", "roundrobin")+`]`)
	a.answers("wamp.registration.list_callees", `["$reg"]`, `,[["$session","$b"]]`)
	a.answers("wamp.registration.count_callees", `["$reg"]`, `,[2]`)
	a.answers("wamp.registration.count_callees", `["$prefix"]`, `,[1]`)

	for _, procedure := range []string{"get", "list_callees", "count_callees", "remove_callee"} {
		a.fails("wamp.registration."+procedure, `[1,1]`, "wamp.error.no_such_registration")
		a.fails("wamp.registration."+procedure, ``, "wamp.error.invalid_argument")
		a.fails("wamp.registration."+procedure, `["com.p"]`, "wamp.error.invalid_argument")
	}
	for _, procedure := range []string{"lookup", "match"} {
		a.fails("wamp.registration."+procedure, ``, "wamp.error.invalid_argument")
		a.fails("wamp.registration."+procedure, `[1]`, "wamp.error.invalid_argument")
	}
	a.fails("wamp.registration.lookup", `["com.p",{"match":"fuzzy"}]`, "wamp.error.invalid_argument")
}

// Advanced profile, "Registration Meta API": events and their order.
func TestRegistrationMetaEvents(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	w := watch(t, addr, "wamp.registration.")
	a, b := full(t, addr), full(t, addr)
	w.vars["a"], w.vars["b"] = a.vars["session"], b.vars["session"]

	a.register(`{"match":"prefix","invoke":"last"}`, "com.p")
	w.vars["reg"] = a.vars["reg"]
	w.hears("wamp.registration.on_create", `["$a",`+fmt.Sprintf(registrationDetails, "com.p", "prefix", "last")+`]`)
	w.hears("wamp.registration.on_register", `["$a","$reg"]`)
	b.register(`{"match":"prefix","invoke":"last"}`, "com.p")
	w.hears("wamp.registration.on_register", `["$b","$reg"]`)
	a.register(`{"match":"prefix","invoke":"last"}`, "com.p") // once more
	a.send(fmt.Sprintf(`[66,%d,"$reg"]`, a.next()))
	a.expect(fmt.Sprintf(`[67,%d]`, a.requests))
	w.hears("wamp.registration.on_unregister", `["$a","$reg"]`)
	_ = b.nc.Close()
	w.hears("wamp.registration.on_unregister", `["$b","$reg"]`)
	w.hears("wamp.registration.on_delete", `["$b","$reg"]`)
	silent(t, w)
}

// Advanced profile, "Registration Revocation", by
// wamp.registration.remove_callee.
func TestRegistrationRevocation(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	admin, told, untold := full(t, addr), full(t, addr), plain(t, addr)
	for _, w := range []*wire{told, untold} {
		w.register(`{}`, "com.p")
		admin.vars["reg"], admin.vars["victim"] = w.vars["reg"], w.vars["session"]
		admin.fails("wamp.registration.remove_callee", `["$reg","$session"]`, "wamp.error.no_such_session")
		admin.fails("wamp.registration.remove_callee", `["$reg"]`, "wamp.error.invalid_argument")
		admin.call("com.p", ``)
		pending := admin.requests
		w.expect(`[68,1,"$reg",{}]`)
		admin.answers("wamp.registration.remove_callee", `["$reg","$victim"],{"reason":"com.reason"}`, ``)
		if w == told {
			w.expect(`[67,0,{"registration":"$reg","reason":"com.reason"}]`)
		}
		admin.fails("com.p", ``, "wamp.error.no_such_procedure")
		w.send(`[70,1,{},["still valid"]]`)
		admin.expect(fmt.Sprintf(`[50,%d,{},["still valid"]]`, pending))
		silent(t, w)
	}
}

const subscriptionDetails = `{"id":"$sub","created":"*","uri":%q,"match":%q}`

// Advanced profile, "Subscription Meta API": procedures.
func TestSubscriptionMeta(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	a, b := full(t, addr), full(t, addr)
	a.vars["b"] = b.vars["session"]
	a.answers("wamp.subscription.list", ``, `,[{"exact":[],"prefix":[],"wildcard":[]}]`)
	a.answers("wamp.subscription.match", `["com.t"]`, `,[null]`)
	a.subscribe(`{"match":"prefix"}`, "com.t")
	a.vars["prefix"] = a.vars["sub"]
	a.subscribe(`{"match":"wildcard"}`, "com..x")
	a.vars["wildcard"] = a.vars["sub"]
	a.subscribe(`{}`, "com.t")
	b.subscribe(`{}`, "com.t")

	a.answers("wamp.subscription.list", ``, `,[{"exact":["$sub"],"prefix":["$prefix"],"wildcard":["$wildcard"]}]`)
	for query, want := range map[string]string{
		`["com.t"]`:                       `"$sub"`,
		`["com.t",{"match":"prefix"}]`:    `"$prefix"`,
		`["com..x",{"match":"wildcard"}]`: `"$wildcard"`,
		`["com.t",{"match":"wildcard"}]`:  `null`,
		`["com.t.x",{"match":"prefix"}]`:  `null`,
	} {
		a.answers("wamp.subscription.lookup", query, `,[`+want+`]`)
	}
	a.answers("wamp.subscription.match", `["com.t.y"]`, `,[["$prefix"]]`)
	a.answers("wamp.subscription.match", `["com.q.x"]`, `,[["$wildcard"]]`)
	a.call("wamp.subscription.match", `["com.t"]`)
	m := decode(t, a.receive()).([]any)
	if list := m[3].([]any)[0].([]any); len(list) != 2 {
		t.Errorf("com.t is matched by %v", list)
	}
	a.answers("wamp.subscription.get", `["$sub"]`, `,[`+fmt.Sprintf(subscriptionDetails, "com.t", "exact")+`]`)
	a.answers("wamp.subscription.list_subscribers", `["$sub"]`, `,[["$session","$b"]]`)
	a.answers("wamp.subscription.count_subscribers", `["$sub"]`, `,[2]`)

	for _, procedure := range []string{"get", "list_subscribers", "count_subscribers", "remove_subscriber", "get_events"} {
		a.fails("wamp.subscription."+procedure, `[1,1]`, "wamp.error.no_such_subscription")
		a.fails("wamp.subscription."+procedure, ``, "wamp.error.invalid_argument")
	}
	for _, procedure := range []string{"lookup", "match"} {
		a.fails("wamp.subscription."+procedure, ``, "wamp.error.invalid_argument")
		a.fails("wamp.subscription."+procedure, `[1]`, "wamp.error.invalid_argument")
	}
}

// Advanced profile, "Subscription Meta API": events and their order, and none
// about the subscriptions of the meta API's own events.
func TestSubscriptionMetaEvents(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	w := watch(t, addr, "wamp.subscription.")
	a, b := full(t, addr), full(t, addr)
	w.vars["a"], w.vars["b"] = a.vars["session"], b.vars["session"]
	w.vars["meta"] = w.vars["sub"]
	hears := func(topic, payload string) {
		t.Helper()
		w.expect(fmt.Sprintf(`[36,"$meta","*",{"topic":%q},%s]`, topic, payload))
	}

	for _, meta := range []string{"wamp.subscription.on_subscribe", "wamp.session.on_join", "wamp.other"} {
		a.subscribe(`{}`, meta)
		a.send(fmt.Sprintf(`[34,%d,"$sub"]`, a.next()))
		a.expect(fmt.Sprintf(`[35,%d]`, a.requests))
	}
	a.subscribe(`{"match":"wildcard"}`, "com..t")
	w.vars["sub"] = a.vars["sub"]
	hears("wamp.subscription.on_create", `["$a",`+fmt.Sprintf(subscriptionDetails, "com..t", "wildcard")+`]`)
	hears("wamp.subscription.on_subscribe", `["$a","$sub"]`)
	b.subscribe(`{"match":"wildcard"}`, "com..t")
	hears("wamp.subscription.on_subscribe", `["$b","$sub"]`)
	a.subscribe(`{"match":"wildcard"}`, "com..t") // once more
	a.send(fmt.Sprintf(`[34,%d,"$sub"]`, a.next()))
	a.expect(fmt.Sprintf(`[35,%d]`, a.requests))
	hears("wamp.subscription.on_unsubscribe", `["$a","$sub"]`)
	_ = b.nc.Close()
	hears("wamp.subscription.on_unsubscribe", `["$b","$sub"]`)
	hears("wamp.subscription.on_delete", `["$b","$sub"]`)
	silent(t, w)
}

// Advanced profile, "Session Testament".
func TestTestaments(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	heir := known(t, addr)
	for name, die := range map[string]func(*wire){
		"goodbye": func(w *wire) { w.send(`[6,{},"wamp.close.normal"]`) },
		"lost":    func(w *wire) { _ = w.nc.Close() },
		"killed": func(w *wire) {
			heir.vars["victim"] = w.vars["session"]
			heir.call("wamp.session.kill", `["$victim"]`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			topic := "com.testament." + name
			heir.subscribe(`{}`, topic)
			w := known(t, addr)
			add := func(payload string) {
				t.Helper()
				w.answers("wamp.session.add_testament", fmt.Sprintf(`[%q,%s`, topic, payload), ``)
			}
			w.vars["heir"], w.vars["id"] = heir.vars["session"], heir.vars["authid"]
			heir.vars["dead"], heir.vars["dead_authid"] = w.vars["session"], w.vars["authid"]
			add(`["flushed"],{}],{"scope":"detached"}`)
			w.answers("wamp.session.flush_testaments", `[],{"scope":"detached"}`, ``)
			add(`["third"],{"k":1}]`)
			add(`["fourth"],{}],{"scope":"destroyed","publish_options":{"disclose_me":true}}`)
			add(`["first"],{}],{"scope":"detached"}`)
			add(`["second"],{}],{"scope":"detached","publish_options":{"eligible":["$heir"],"unknown":1}}`)
			add(`["not for you"],{}],{"publish_options":{"exclude_authid":["$id"]}}`)
			add(`[],{}],{"publish_options":{"retain":true}}`)
			silent(t, heir) // nothing yet

			die(w)
			heir.expect(`[36,"$sub","*",{},["first"]]`)
			heir.expect(`[36,"$sub","*",{},["second"]]`)
			heir.expect(`[36,"$sub","*",{},["third"],{"k":1}]`)
			heir.expect(`[36,"$sub","*",{"publisher":"$dead","publisher_authid":"$dead_authid","publisher_authrole":"anonymous"},["fourth"]]`)
			heir.expect(`[36,"$sub","*",{}]`)
			if name == "killed" {
				heir.expect(fmt.Sprintf(`[50,%d,{}]`, heir.requests))
			}
			silent(t, heir)
			heir.subscribe(`{"get_retained":true}`, topic)
			heir.expect(`[36,"$sub","*",{"retained":true}]`)
		})
	}

	w := known(t, addr)
	for payload, uri := range map[string]string{
		``:                                       "wamp.error.invalid_argument",
		`[1,[],{}]`:                              "wamp.error.invalid_argument",
		`["com.t",{},{}]`:                        "wamp.error.invalid_argument",
		`["com.t",[],[]]`:                        "wamp.error.invalid_argument",
		`["com.t",[],{}],{"scope":"later"}`:      "wamp.error.invalid_argument",
		`["com.t",[],{}],{"publish_options":[]}`: "wamp.error.invalid_argument",
		`["com.t",[],{}],{"publish_options":{"eligible":[-1]}}`: "wamp.error.invalid_argument",
		`["com..t",[],{}]`:               "wamp.error.invalid_uri",
		`["wamp.session.on_join",[],{}]`: "wamp.error.invalid_uri",
	} {
		w.fails("wamp.session.add_testament", payload, uri)
	}
	w.fails("wamp.session.flush_testaments", `[],{"scope":"later"}`, "wamp.error.invalid_argument")
	for range 64 {
		w.answers("wamp.session.add_testament", `["com.t",[],{}]`, ``)
	}
	w.fails("wamp.session.add_testament", `["com.t",[],{}]`, "wamp.error.limit_exceeded")
	w.answers("wamp.session.flush_testaments", ``, ``)
}

// What the end of a session brings, in its order.
func TestLeaveOrder(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	w := full(t, addr)
	w.subscribeAll()
	w.vars["all"] = w.vars["sub"]
	hears := func(topic, payload string) {
		t.Helper()
		w.expect(fmt.Sprintf(`[36,"$all","*",{"topic":%q},%s]`, topic, payload))
	}
	s := known(t, addr)
	w.vars["s"], w.vars["id"] = s.vars["session"], s.vars["authid"]
	hears("wamp.session.on_join", `["*"]`)
	s.register(`{}`, "com.p")
	w.vars["reg"] = s.vars["reg"]
	hears("wamp.registration.on_create", `["$s","*"]`)
	hears("wamp.registration.on_register", `["$s","$reg"]`)
	s.subscribe(`{}`, "com.t")
	w.vars["sub"] = s.vars["sub"]
	hears("wamp.subscription.on_create", `["$s","*"]`)
	hears("wamp.subscription.on_subscribe", `["$s","$sub"]`)
	s.answers("wamp.session.add_testament", `["com.testament",["last words"],{}]`, ``)

	_ = s.nc.Close()
	hears("wamp.subscription.on_unsubscribe", `["$s","$sub"]`)
	hears("wamp.subscription.on_delete", `["$s","$sub"]`)
	hears("wamp.registration.on_unregister", `["$s","$reg"]`)
	hears("wamp.registration.on_delete", `["$s","$reg"]`)
	hears("com.testament", `["last words"]`)
	hears("wamp.session.on_leave", `["$s","$id","anonymous"]`)
	silent(t, w)
}
