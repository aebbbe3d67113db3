package router_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// known opens a session of a client that announces everything, and notes its
// authid.
func known(t *testing.T, addr string) *wire {
	t.Helper()
	w := dialWire(t, addr, 15)
	role := `{"features":{` + clientFeatures + `}}`
	w.send(`[1,"realm1",{"roles":{"caller":` + role + `,"callee":` + role + `,"publisher":` + role + `,"subscriber":` + role + `}}]`)
	w.expect(`[2,"$session","$welcome"]`)
	w.vars["authid"] = w.vars["welcome"].(map[string]any)["authid"]
	delete(w.vars, "welcome")
	return w
}

// publish publishes with acknowledgement. Events to oneself come before it.
func (w *wire) publish(options, topic, payload string) {
	w.t.Helper()
	w.publishOnly(options, topic, payload)
	w.published()
}

func (w *wire) publishOnly(options, topic, payload string) {
	w.t.Helper()
	if options != "" {
		options = "," + options
	}
	if payload != "" {
		payload = "," + payload
	}
	w.send(fmt.Sprintf(`[16,%d,{"acknowledge":true%s},%q%s]`, w.next(), options, topic, payload))
}

func (w *wire) published() {
	w.t.Helper()
	delete(w.vars, "pub")
	w.expect(fmt.Sprintf(`[17,%d,"$pub"]`, w.requests))
}

// silent checks that nothing has come for these sessions.
func silent(t *testing.T, all ...*wire) {
	t.Helper()
	for _, w := range all {
		w.sync()
	}
}

// Advanced profile, "Subscriber Black- and Whitelisting".
func TestBlackWhiteListing(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	pub, a, b := known(t, addr), known(t, addr), known(t, addr)
	for _, w := range []*wire{pub, a, b} {
		w.subscribe(`{}`, "com.t")
	}
	pub.vars["a"], pub.vars["a_authid"] = a.vars["session"], a.vars["authid"]
	pub.vars["b"], pub.vars["b_authid"] = b.vars["session"], b.vars["authid"]
	for _, c := range []struct {
		options string
		want    []*wire
	}{
		{`"exclude":["$a"]`, []*wire{b}},
		{`"exclude":["$a","$b"]`, nil},
		{`"exclude":[]`, []*wire{a, b}},
		{`"eligible":["$a"]`, []*wire{a}},
		{`"eligible":["$a","$b",1]`, []*wire{a, b}},
		{`"eligible":[]`, nil},
		{`"exclude_authid":["$a_authid"]`, []*wire{b}},
		{`"eligible_authid":["$a_authid"]`, []*wire{a}},
		{`"eligible_authid":[]`, nil},
		{`"exclude_authrole":["anonymous"]`, nil},
		{`"exclude_authrole":["admin"]`, []*wire{a, b}},
		{`"eligible_authrole":["anonymous"]`, []*wire{a, b}},
		{`"eligible_authrole":["admin"]`, nil},
		{`"eligible":["$a","$b"],"exclude_authid":["$b_authid"]`, []*wire{a}},
		{`"eligible":["$a"],"eligible_authid":["$b_authid"]`, nil},
		{`"eligible":["$session"]`, nil}, // being eligible is not to be included
	} {
		pub.publish(c.options, "com.t", fmt.Sprintf(`[%q]`, c.options))
		for _, w := range []*wire{a, b} {
			if slices.Contains(c.want, w) {
				w.vars["pub"] = pub.vars["pub"]
				w.expect(fmt.Sprintf(`[36,"$sub","$pub",{},[%q]]`, c.options))
			}
		}
		silent(t, pub, a, b)
	}
	pub.publishOnly(`"eligible":["$session"],"exclude_me":false`, "com.t", `["me"]`)
	pub.expect(`[36,"$sub","*",{},["me"]]`)
	pub.published()
	silent(t, a, b)
}

// Advanced profile, "Publisher Exclusion".
func TestPublisherExclusion(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	pub, other := full(t, addr), full(t, addr)
	for _, match := range []string{"exact", "prefix", "wildcard"} {
		for _, w := range []*wire{pub, other} {
			w.subscribe(fmt.Sprintf(`{"match":%q}`, match), "com.t")
		}
		details := `{"topic":"com.t"}`
		if match == "exact" {
			details = `{}`
		}
		for options, mine := range map[string]bool{"": false, `"exclude_me":true`: false, `"exclude_me":false`: true} {
			pub.publishOnly(options, "com.t", "")
			if mine {
				pub.expect(`[36,"$sub","*",` + details + `]`)
			}
			pub.published()
			other.expect(`[36,"$sub","*",` + details + `]`)
			silent(t, pub)
		}
		for _, w := range []*wire{pub, other} {
			w.send(fmt.Sprintf(`[34,%d,"$sub"]`, w.next()))
			w.expect(fmt.Sprintf(`[35,%d]`, w.requests))
		}
	}
}

// Advanced profile, "Publisher Identification", by request and by the router's
// policy.
func TestPublisherIdentification(t *testing.T) {
	_, addr := newRouter(t, router.Config{Policies: []router.Policy{
		{URI: "com.secret", Disclose: router.Never},
		{URI: "com.open.", Match: wamp.Prefix, AuthRoles: []string{"anonymous"}, Disclose: router.Always},
		{URI: "com.admin.", Match: wamp.Prefix, AuthRoles: []string{"admin"}, Disclose: router.Always},
	}})
	pub, sub := known(t, addr), known(t, addr)
	sub.vars["publisher"], sub.vars["id"] = pub.vars["session"], pub.vars["authid"]
	const disclosed = `[36,"$sub","*",{"publisher":"$publisher","publisher_authid":"$id","publisher_authrole":"anonymous"}]`

	sub.subscribe(`{}`, "com.t")
	pub.publish(`"disclose_me":true`, "com.t", "")
	sub.expect(disclosed)
	pub.publish("", "com.t", "")
	sub.expect(`[36,"$sub","*",{}]`)

	sub.subscribe(`{}`, "com.open.t")
	pub.publish("", "com.open.t", "")
	sub.expect(disclosed)

	sub.subscribe(`{}`, "com.admin.t")
	pub.publish("", "com.admin.t", "")
	sub.expect(`[36,"$sub","*",{}]`)

	// Where it is forbidden nothing is published.
	sub.subscribe(`{}`, "com.secret")
	pub.publishOnly(`"disclose_me":true`, "com.secret", "")
	pub.expect(fmt.Sprintf(`[8,16,%d,{},"wamp.error.option_disallowed.disclose_me"]`, pub.requests))
	pub.send(fmt.Sprintf(`[16,%d,{"disclose_me":true},"com.secret"]`, pub.next()))
	silent(t, pub, sub)
	pub.publish("", "com.secret", "")
	sub.expect(`[36,"$sub","*",{}]`)
}

// Advanced profile, "Caller Identification": the router's policy.
func TestCallerDisclosurePolicy(t *testing.T) {
	_, addr := newRouter(t, router.Config{Policies: []router.Policy{
		{URI: "com.secret", Disclose: router.Never},
		{URI: "com.open", Disclose: router.Always},
	}})
	caller, callee := known(t, addr), known(t, addr)
	callee.vars["caller"], callee.vars["id"] = caller.vars["session"], caller.vars["authid"]
	callee.register(`{}`, "com.open")
	caller.send(`[48,1,{},"com.open"]`)
	callee.expect(`[68,1,"$reg",{"caller":"$caller","caller_authid":"$id","caller_authrole":"anonymous"}]`)
	callee.register(`{}`, "com.secret")
	caller.send(`[48,2,{"disclose_me":true},"com.secret"]`)
	caller.expect(`[8,48,2,{},"wamp.error.option_disallowed.disclose_me"]`)
	caller.send(`[48,3,{},"com.secret"]`)
	callee.expect(`[68,2,"$reg",{}]`)
}

// Advanced profile, "Call Trust Levels" and "Publication Trust Levels".
func TestTrustLevels(t *testing.T) {
	_, addr := newRouter(t, router.Config{Policies: []router.Policy{
		{URI: "com.high.", Match: wamp.Prefix, TrustLevel: new(uint64(7))},
		{URI: "com..low", Match: wamp.Wildcard, TrustLevel: new(uint64(0))},
		{Match: wamp.Prefix, AuthRoles: []string{"admin"}, TrustLevel: new(uint64(9))},
	}})
	a, b := full(t, addr), full(t, addr)
	for uri, details := range map[string]string{
		"com.high.t": `{"trustlevel":7}`,
		"com.x.low":  `{"trustlevel":0}`,
		"com.other":  `{}`,
	} {
		b.subscribe(`{}`, uri)
		a.publish("", uri, "")
		b.expect(`[36,"$sub","*",` + details + `]`)
		b.register(`{}`, uri)
		a.send(fmt.Sprintf(`[48,%d,{},%q]`, a.next(), uri))
		b.expect(`[68,"*","$reg",` + details + `]`)
	}
}

// Advanced profile, "Pattern-based Subscriptions": every subscription that
// matches gets the event, as one publication.
func TestPatternSubscriptions(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	pub, sub, other := full(t, addr), full(t, addr), full(t, addr)
	ids := map[string]any{}
	for _, p := range []struct{ match, uri string }{
		{"exact", "com.a.created"}, {"prefix", "com.a"}, {"prefix", "com.a.cr"}, {"wildcard", "com..created"},
		{"wildcard", ".a."}, {"prefix", "com.b"}, {"wildcard", "com..deleted"}, {"wildcard", "com.."},
	} {
		sub.subscribe(fmt.Sprintf(`{"match":%q}`, p.match), p.uri)
		ids[p.match+" "+p.uri] = sub.vars["sub"]
	}
	other.subscribe(`{"match":"prefix"}`, "com.a")
	if other.vars["sub"] != ids["prefix com.a"] {
		t.Error("sessions with the same pattern have different subscriptions")
	}
	for topic, want := range map[string][]string{
		"com.a.created":   {"exact com.a.created", "prefix com.a", "prefix com.a.cr", "wildcard com..created", "wildcard .a.", "wildcard com.."},
		"com.a":           {"prefix com.a"},
		"com.abc":         {"prefix com.a"}, // a string prefix
		"com.a.created.x": {"prefix com.a", "prefix com.a.cr"},
		"com.b.created":   {"prefix com.b", "wildcard com..created", "wildcard com.."},
		"com.c":           nil,
	} {
		pub.publish("", topic, `[1]`)
		left := map[string]string{}
		for _, p := range want {
			details := fmt.Sprintf("map[topic:%s]", topic)
			if p == "exact "+topic {
				details = "map[]"
			}
			left[fmt.Sprint(ids[p])] = details
		}
		for range want {
			m := decode(t, sub.receive()).([]any)
			if fmt.Sprint(m[0]) != "36" || left[fmt.Sprint(m[1])] != fmt.Sprint(m[3]) || m[2] != pub.vars["pub"] {
				t.Fatalf("%s: got %v, want publication %v to one of %v", topic, m, pub.vars["pub"], left)
			}
			delete(left, fmt.Sprint(m[1]))
		}
		silent(t, sub)
	}
	for _, bad := range []string{`{},"com..a"`, `{"match":"prefix"},"com a"`, `{"match":"wildcard"},"com.#"`} {
		sub.send(fmt.Sprintf(`[32,%d,%s]`, sub.next(), bad))
		sub.expect(fmt.Sprintf(`[8,32,%d,{},"wamp.error.invalid_uri"]`, sub.requests))
	}
}

// "Sharded Subscription": an event with a key goes to one member of the group
// and to everybody outside it, one without a key to all.
func TestShardedSubscriptions(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	pub, a, b, outside := full(t, addr), full(t, addr), full(t, addr), full(t, addr)
	a.subscribe(`{"nkey":"a"}`, "com.t")
	b.subscribe(`{"nkey":"b"}`, "com.t")
	outside.subscribe(`{}`, "com.t")
	owner := func(key string) *wire {
		t.Helper()
		pub.publish(`"rkey":`+key, "com.t", `[`+key+`]`)
		outside.expect(`[36,"$sub","*",{},[` + key + `]]`)
		var got []*wire
		for _, w := range []*wire{a, b} {
			w.send(`[34,9007199254740992,1]`)
			if m := decode(t, w.receive()).([]any); fmt.Sprint(m[0]) == "36" {
				got = append(got, w)
				w.expect(`[8,34,9007199254740992,{},"wamp.error.no_such_subscription"]`)
			}
		}
		if len(got) != 1 {
			t.Fatalf("%d members of the group got the event", len(got))
		}
		return got[0]
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
		t.Error("one member owns all of 20 keys")
	}
	pub.publish("", "com.t", `["all"]`)
	for _, w := range []*wire{a, b, outside} {
		w.expect(`[36,"$sub","*",{},["all"]]`)
	}
}

// Advanced profile, "Subscription Revocation", by
// wamp.subscription.remove_subscriber.
func TestSubscriptionRevocation(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	admin, told, untold := full(t, addr), full(t, addr), plain(t, addr)
	for _, w := range []*wire{told, untold} {
		w.subscribe(`{}`, "com.t")
		admin.vars["sub"], admin.vars["victim"] = w.vars["sub"], w.vars["session"]
		admin.answers("wamp.subscription.remove_subscriber", `["$sub","$victim","com.reason"]`, ``)
		admin.fails("wamp.subscription.remove_subscriber", `["$sub","$victim"]`, `wamp.error.no_such_subscription`)
		if w == told {
			w.expect(`[35,0,{"subscription":"$sub","reason":"com.reason"}]`)
		}
		admin.publish("", "com.t", "")
		silent(t, w)
	}
	told.subscribe(`{}`, "com.t")
	admin.vars["sub"] = told.vars["sub"]
	admin.fails("wamp.subscription.remove_subscriber", `["$sub","$session"]`, `wamp.error.no_such_session`)
	admin.fails("wamp.subscription.remove_subscriber", `["$sub"]`, `wamp.error.invalid_argument`)
	told.sync()
}

// "Event Retention": what a subscriber that asks is sent after SUBSCRIBED.
func TestEventRetention(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	pub := known(t, addr)
	pub.publish(`"retain":true`, "com.a.temperature", `[20]`)
	pub.publish(`"retain":true`, "com.a.temperature", `[21],{"unit":"C"}`)
	last := pub.vars["pub"]
	pub.publish("", "com.a.temperature", `[99]`) // not retained
	pub.publish(`"retain":true`, "com.a.humidity", `[50]`)
	pub.publish(`"retain":true`, "com.b.temperature", `[30]`)

	sub := known(t, addr)
	sub.vars["pub"] = last
	sub.subscribe(`{"get_retained":true}`, "com.a.temperature")
	sub.expect(`[36,"$sub","$pub",{"retained":true},[21],{"unit":"C"}]`)
	pub.publish(`"retain":true`, "com.a.temperature", `[22]`)
	sub.expect(`[36,"$sub","*",{},[22]]`) // as it happens it is no retained one
	sub.subscribe(`{}`, "com.a.humidity")
	silent(t, sub)

	// A pattern brings the last one of each topic, in the order of publishing.
	sub.subscribe(`{"get_retained":true,"match":"prefix"}`, "com.a.")
	sub.expect(`[36,"$sub","*",{"retained":true,"topic":"com.a.humidity"},[50]]`)
	sub.expect(`[36,"$sub","*",{"retained":true,"topic":"com.a.temperature"},[22]]`)
	sub.subscribe(`{"get_retained":true,"match":"wildcard"}`, "com..temperature")
	sub.expect(`[36,"$sub","*",{"retained":true,"topic":"com.b.temperature"},[30]]`)
	sub.expect(`[36,"$sub","*",{"retained":true,"topic":"com.a.temperature"},[22]]`)
	silent(t, sub)

	// Those who may not have the last one get the last one that they may have;
	// the publisher is excluded here too.
	pub.vars["id"] = sub.vars["authid"]
	pub.publish(`"retain":true`, "com.c", `["all"]`)
	pub.publish(`"retain":true,"exclude_authid":["$id"],"exclude_me":false`, "com.c", `["others"]`)
	sub.subscribe(`{"get_retained":true}`, "com.c")
	sub.expect(`[36,"$sub","*",{"retained":true},["all"]]`)
	third := full(t, addr)
	third.subscribe(`{"get_retained":true}`, "com.c")
	third.expect(`[36,"$sub","*",{"retained":true},["others"]]`)
	pub.subscribe(`{"get_retained":true}`, "com.c")
	pub.expect(`[36,"$sub","*",{"retained":true},["others"]]`)
	pub.subscribe(`{"get_retained":true}`, "com.b.temperature")
	silent(t, pub)

	// Disclosure is kept with it.
	pub.publish(`"retain":true,"disclose_me":true`, "com.d", "")
	sub.vars["publisher"], sub.vars["id"] = pub.vars["session"], pub.vars["authid"]
	sub.subscribe(`{"get_retained":true}`, "com.d")
	sub.expect(`[36,"$sub","*",{"retained":true,"publisher":"$publisher","publisher_authid":"$id","publisher_authrole":"anonymous"}]`)

	// Clearing, which takes an empty payload.
	pub.publish(`"retain":true,"_retain_clear":true`, "com.d", "")
	third.subscribe(`{"get_retained":true}`, "com.d")
	silent(t, third)
	pub.publish(`"retain":true,"_retain_clear":true`, "com.d", `[1]`)
	third.expect(`[36,"$sub","*",{},[1]]`)
	third.subscribe(`{"get_retained":true}`, "com.d") // once more, to ask
	third.expect(`[36,"$sub","*",{"retained":true},[1]]`)
}

// "Event Retention": the oldest topics make room.
func TestRetentionBounded(t *testing.T) {
	_, addr := newRouter(t, router.Config{Retention: router.Retention{Topics: 2}})
	pub, sub := full(t, addr), full(t, addr)
	for _, topic := range []string{"com.a", "com.b", "com.c", "com.b"} {
		pub.publish(`"retain":true`, topic, "")
	}
	sub.subscribe(`{"get_retained":true,"match":"prefix"}`, "com.")
	sub.expect(`[36,"$sub","*",{"retained":true,"topic":"com.c"}]`)
	sub.expect(`[36,"$sub","*",{"retained":true,"topic":"com.b"}]`)
	silent(t, sub)
}
