package router_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// Advanced profile, "Event History": every filter of
// wamp.subscription.get_events, and what is not kept.
func TestEventHistory(t *testing.T) {
	_, addr := newRouter(t, router.Config{History: []router.History{
		{URI: "com.h", Match: wamp.Prefix},
		{URI: "com.short", Limit: 2},
	}})
	// The realm has to outlive its sessions for this; one stays.
	pub, reader := known(t, addr), known(t, addr)

	// Events are kept before anybody has subscribed. The times of the first
	// and the last one differ.
	reader.answers("wamp.subscription.lookup", `["com.h",{"match":"prefix"}]`, `,["$h"]`)
	var publications []any
	publish := func(topic string) {
		t.Helper()
		pub.publish("", topic, fmt.Sprintf(`[%d],{"n":%d}`, len(publications), len(publications)))
		publications = append(publications, pub.vars["pub"])
	}
	for range 3 {
		publish("com.h.a")
	}
	publish("com.h.b")
	get := func(query string) []map[string]any {
		t.Helper()
		reader.send(fmt.Sprintf(`[48,%d,{},"wamp.subscription.get_events",["$h"],{%s}]`, reader.next(), query))
		m := decode(t, reader.receive()).([]any)
		if fmt.Sprint(m[0]) != "50" {
			t.Fatalf("get_events {%s}: %v", query, m)
		}
		var events []map[string]any
		if len(m) > 3 {
			for _, e := range m[3].([]any) {
				events = append(events, e.(map[string]any))
			}
		}
		return events
	}
	first := get(`"limit":1`)[0]["timestamp"]
	for get(`"limit":1,"reverse":true`)[0]["timestamp"] == first {
		publish("com.h.b")
	}
	last := get(`"limit":1,"reverse":true`)[0]["timestamp"]
	n := len(publications)
	reader.vars["p1"], reader.vars["p2"] = publications[1], publications[2]
	reader.vars["first"], reader.vars["last"] = first, last

	all := get("")
	if len(all) != n {
		t.Fatalf("%d of %d events were kept", len(all), n)
	}
	for i, e := range all {
		topic := "com.h.b"
		if i < 3 {
			topic = "com.h.a"
		}
		pattern := fmt.Sprintf(`{"timestamp":"*","subscription":"$h","publication":%v,"details":{"topic":%q},"args":[%d],"kwargs":{"n":%d}}`,
			publications[i], topic, i, i)
		if !reader.match(decode(t, []byte(pattern)), e) {
			t.Errorf("event %d is %v, want %s", i, e, pattern)
		}
	}

	indices := func(events []map[string]any) string {
		var list []string
		for _, e := range events {
			list = append(list, fmt.Sprint(e["args"].([]any)[0]))
		}
		return strings.Join(list, " ")
	}
	sequence := func(from, to int) string {
		var list []string
		for i := from; i < to; i++ {
			list = append(list, fmt.Sprint(i))
		}
		return strings.Join(list, " ")
	}
	for query, want := range map[string]string{
		`"limit":2`:                                            sequence(0, 2),
		`"limit":2,"reverse":true`:                             fmt.Sprint(n-1, " ", n-2),
		`"topic":"com.h.a"`:                                    sequence(0, 3),
		`"topic":"com.h.b"`:                                    sequence(3, n),
		`"topic":"com.h"`:                                      "",
		`"from_publication":"$p1"`:                             sequence(1, n),
		`"after_publication":"$p1"`:                            sequence(2, n),
		`"before_publication":"$p1"`:                           sequence(0, 1),
		`"until_publication":"$p1"`:                            sequence(0, 2),
		`"from_publication":"$p1","until_publication":"$p2"`:   "1 2",
		`"after_publication":"$p1","before_publication":"$p2"`: "",
		`"from_publication":1`:                                 "", // never was one
		`"from_time":"2000-01-01T00:00:00Z"`:                   sequence(0, n),
		`"after_time":"2000-01-01T00:00:00.5+02:00"`:           sequence(0, n),
		`"before_time":"2000-01-01T00:00:00Z"`:                 "",
		`"until_time":"2000-01-01T00:00:00Z"`:                  "",
		`"after_time":"3000-01-01T00:00:00Z"`:                  "",
		`"until_time":"3000-01-01T00:00:00Z"`:                  sequence(0, n),
		`"from_time":"$first"`:                                 sequence(0, n),
		`"from_publication":"$p1","topic":"com.h.a","from_time":"$first","limit":1,"reverse":true`: "2",
		`"limit":null,"topic":null`: sequence(0, n),
	} {
		if got := indices(get(query)); got != want {
			t.Errorf("{%s} gave %q, want %q", query, got, want)
		}
	}
	if got := indices(get(`"from_time":"$last"`)); got == "" || strings.HasPrefix(got, "0") || !strings.HasSuffix(got, fmt.Sprint(n-1)) {
		t.Errorf("from the last one's time on: %q", got)
	}
	if got := indices(get(`"before_time":"$last"`)); !strings.HasPrefix(got, "0") || strings.HasSuffix(got, fmt.Sprint(n-1)) {
		t.Errorf("before the last one's time: %q", got)
	}

	// The times that are told are those that count.
	if got := indices(get(`"until_time":"$first"`)); !strings.HasPrefix(got, "0") {
		t.Errorf("until the first one's time: %q", got)
	}
	if got := indices(get(`"after_time":"$last"`)); got != "" {
		t.Errorf("after the last one's time: %q", got)
	}

	for _, bad := range []string{
		`"limit":0`, `"limit":-1`, `"limit":"all"`, `"reverse":1`, `"topic":1`, `"from_time":"yesterday"`,
		`"until_time":1`, `"after_publication":"x"`, `"before_publication":0`,
	} {
		reader.fails("wamp.subscription.get_events", `["$h"],{`+bad+`}`, "wamp.error.invalid_argument")
	}
	reader.fails("wamp.subscription.get_events", `[1]`, "wamp.error.no_such_subscription")
	reader.fails("wamp.subscription.get_events", ``, "wamp.error.invalid_argument")

	// A subscription whose events are not kept.
	reader.subscribe(`{}`, "com.h.a")
	reader.fails("wamp.subscription.get_events", `["$sub"]`, "wamp.error.history_unavailable")

	// Subscribers come and go.
	reader.subscribe(`{"match":"prefix"}`, "com.h")
	if reader.vars["sub"] != reader.vars["h"] {
		t.Error("subscribing gives another subscription than the history's")
	}
	reader.send(fmt.Sprintf(`[34,%d,"$sub"]`, reader.next()))
	reader.expect(fmt.Sprintf(`[35,%d]`, reader.requests))
	if got := len(get("")); got != n {
		t.Errorf("%d events are left of %d", got, n)
	}

	// Events for certain sessions are not kept, those for certain users and
	// roles are, for them.
	pub.vars["reader"], pub.vars["id"] = reader.vars["session"], reader.vars["authid"]
	for _, options := range []string{
		`"eligible":["$reader"]`, `"exclude":[1]`, `"exclude_authid":["$id"]`, `"eligible_authrole":["admin"]`,
	} {
		pub.publish(options, "com.h.c", `["lost"]`)
	}
	pub.publish(`"eligible_authid":["$id"],"disclose_me":true`, "com.h.c", `["found"]`)
	found := get(`"topic":"com.h.c"`)
	if indices(found) != "found" {
		t.Fatalf("got %v", found)
	}
	details := found[0]["details"].(map[string]any)
	if details["publisher"] != pub.vars["session"] || details["publisher_authid"] != pub.vars["authid"] {
		t.Errorf("a disclosed publisher is lost: %v", details)
	}

	// The limit.
	for i := range 5 {
		pub.publish("", "com.short", fmt.Sprintf(`[%d]`, i))
	}
	reader.answers("wamp.subscription.lookup", `["com.short"]`, `,["$short"]`)
	reader.vars["h"] = reader.vars["short"]
	if got := indices(get("")); got != "3 4" {
		t.Errorf("of five events there are %q", got)
	}
}
