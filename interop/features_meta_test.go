//go:build interop && unix

package interop

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
)

func featureRetention(t *testing.T, x, y, _ seat) {
	prefix := newURI()
	topic := prefix + ".topic"
	must(t, x.publish(topic, text("first"), with(dict{"retain": true})))
	must(t, x.publish(topic, text("second"), with(dict{"retain": true})))
	must(t, y.subscribe(topic, dict{"get_retained": true}))
	isCalled(t, y, gets(t, y, "event", topic, text("second")), "retained", true)
	must(t, y.subscribe(prefix, dict{"get_retained": true, "match": "prefix"}))
	details := gets(t, y, "event", prefix, text("second"))
	isCalled(t, y, details, "retained", true)
	isCalled(t, y, details, "topic", topic)
}

func featureHistory(t *testing.T, x, y, _ seat) {
	topic := keptTopics + newURI()
	for _, word := range []string{"one", "two", "three"} {
		must(t, x.publish(topic, text(word), acknowledged))
	}
	id := calls(t, y, "wamp.subscription.lookup", keptTopics, dict{"match": "prefix"})[0]
	events := callsWith(t, y, "wamp.subscription.get_events", payload{
		Args: []any{id}, Kwargs: dict{"topic": topic, "reverse": true, "limit": json.Number("2")},
	})
	if len(events) != 2 {
		t.Fatalf("%v got %d events instead of 2: %v", y.client, len(events), events)
	}
	for i, word := range []string{"three", "two"} {
		event, _ := events[i].(dict)
		if fmt.Sprint(event["args"]) != "["+word+"]" || fmt.Sprint(event["subscription"]) != fmt.Sprint(id) {
			t.Errorf("event %d of the history is %v at %v", i, event, y.client)
		}
	}
}

func featureSessionMeta(t *testing.T, x, y, w seat) {
	sessions := calls(t, x, "wamp.session.list")[0].([]any)
	for _, s := range []seat{x, y, w} {
		if !slices.Contains(sessions, any(s.id())) {
			t.Errorf("%v is not among the sessions", s.client)
		}
	}
	count := calls(t, x, "wamp.session.count", []any{"anonymous"})[0]
	if fmt.Sprint(count) != fmt.Sprint(len(sessions)) {
		t.Errorf("there are %v sessions, %d in the list", count, len(sessions))
	}
	details, _ := calls(t, x, "wamp.session.get", y.id())[0].(dict)
	if fmt.Sprint(details["session"]) != string(y.id()) || details["authid"] != y.authID() {
		t.Errorf("%v sees the session %v", x.client, details)
	}
	_, err := x.call("wamp.session.get", payload{Args: []any{number(1)}}, nil)
	isRefused(t, err, "wamp.error.no_such_session")

	must(t, y.subscribe("wamp.session.on_join", nil), y.subscribe("wamp.session.on_leave", nil))
	visitor := sit(t, meta(w), ours.on(webSocket, jsonFormat))
	joined, err := y.received()
	must(t, err)
	if details, _ := joined.each(asInteger).Args[0].(dict); joined.uri != "wamp.session.on_join" ||
		fmt.Sprint(details["session"]) != string(visitor.id()) || details["authid"] != visitor.authID() {
		t.Errorf("%v got %v", y.client, joined)
	}
	_, err = visitor.leave()
	must(t, err)
	gets(t, y, "event", "wamp.session.on_leave", payload{Args: []any{visitor.id(), visitor.authID(), "anonymous"}})
	must(t, y.unsubscribe("wamp.session.on_join"), y.unsubscribe("wamp.session.on_leave"))
}

// meta is the router that a session of our client is at.
func meta(w seat) server {
	return server{urls: map[string]string{webSocket: w.peer.(*native).session.URL()}}
}

func featureRegistrationMeta(t *testing.T, x, y, w seat) {
	created, deleted := "wamp.registration.on_create", "wamp.registration.on_delete"
	must(t, y.subscribe(created, nil), y.subscribe(deleted, nil))
	uri := newURI()
	must(t, w.register(uri, echo, nil))
	id := calls(t, x, "wamp.registration.lookup", uri)[0]
	event, err := y.received()
	must(t, err)
	args := event.each(asInteger).Args
	details, _ := args[1].(dict)
	if args[0] != any(w.id()) || details["uri"] != uri || fmt.Sprint(details["id"]) != fmt.Sprint(id) {
		t.Errorf("%v got %v", y.client, args)
	}
	if got, _ := calls(t, x, "wamp.registration.get", id)[0].(dict); got["uri"] != uri || got["match"] != "exact" {
		t.Errorf("%v sees the registration %v", x.client, got)
	}
	if got := calls(t, x, "wamp.registration.match", uri)[0]; got != id {
		t.Errorf("%s is matched by %v instead of %v", uri, got, id)
	}
	if got := fmt.Sprint(calls(t, x, "wamp.registration.list_callees", id)); got != fmt.Sprintf("[[%s]]", w.id()) {
		t.Errorf("the callees are %s", got)
	}
	must(t, w.unregister(uri))
	gets(t, y, "event", deleted, payload{Args: []any{w.id(), id}})
	must(t, y.unsubscribe(created), y.unsubscribe(deleted))
}

func featureSubscriptionMeta(t *testing.T, x, y, w seat) {
	joined, left := "wamp.subscription.on_subscribe", "wamp.subscription.on_unsubscribe"
	must(t, y.subscribe(joined, nil), y.subscribe(left, nil))
	uri := newURI()
	must(t, w.subscribe(uri, nil))
	id := calls(t, x, "wamp.subscription.lookup", uri)[0]
	gets(t, y, "event", joined, payload{Args: []any{w.id(), id}})
	if got, _ := calls(t, x, "wamp.subscription.get", id)[0].(dict); got["uri"] != uri || got["match"] != "exact" {
		t.Errorf("%v sees the subscription %v", x.client, got)
	}
	if got := fmt.Sprint(calls(t, x, "wamp.subscription.match", uri)); got != fmt.Sprintf("[[%v]]", id) {
		t.Errorf("%s is matched by %s", uri, got)
	}
	if got := fmt.Sprint(calls(t, x, "wamp.subscription.count_subscribers", id)); got != "[1]" {
		t.Errorf("there are %s subscribers", got)
	}
	must(t, w.unsubscribe(uri))
	gets(t, y, "event", left, payload{Args: []any{w.id(), id}})
	must(t, y.unsubscribe(joined), y.unsubscribe(left))
}

// featureRegistrationRevocation takes a registration from y, which has to bear
// it, whether it hears of that or not.
func featureRegistrationRevocation(t *testing.T, x, y, _ seat) {
	uri := newURI()
	must(t, y.register(uri, echo, nil))
	id := calls(t, x, "wamp.registration.lookup", uri)[0]
	calls(t, x, "wamp.registration.remove_callee", id, y.id(), "com.example.reason")
	_, err := x.call(uri, nothing, nil)
	isRefused(t, err, "wamp.error.no_such_procedure")
	isAlive(t, x, y)
}

func featureSubscriptionRevocation(t *testing.T, x, y, _ seat) {
	uri := newURI()
	must(t, y.subscribe(uri, nil))
	id := calls(t, x, "wamp.subscription.lookup", uri)[0]
	calls(t, x, "wamp.subscription.remove_subscriber", id, y.id(), "com.example.reason")
	must(t, x.publish(uri, text("unheard"), acknowledged))
	isAlive(t, x, y)
}

// isAlive tests that y goes on, and that no report has come before.
func isAlive(t *testing.T, x, y seat) {
	t.Helper()
	uri := newURI()
	must(t, y.register(uri, echo, nil))
	_, err := x.call(uri, text("still there"), nil)
	must(t, err)
	gets(t, y, "invocation", uri, text("still there"))
}

// featureTestament ends the session of x.
func featureTestament(t *testing.T, x, y, _ seat) {
	uri := newURI()
	must(t, y.subscribe(uri, nil))
	calls(t, x, "wamp.session.add_testament", uri, []any{"flushed"}, dict{})
	calls(t, x, "wamp.session.flush_testaments")
	calls(t, x, "wamp.session.add_testament", uri, []any{"last words"}, dict{"key": "value"})
	callsWith(t, x, "wamp.session.add_testament", payload{
		Args: []any{uri, []any{"first words"}, dict{}}, Kwargs: dict{"scope": "detached"},
	})
	_, err := x.leave()
	must(t, err)
	gets(t, y, "event", uri, text("first words"))
	gets(t, y, "event", uri, payload{Args: []any{"last words"}, Kwargs: dict{"key": "value"}})
}

// featureKill ends the session of y.
func featureKill(t *testing.T, x, y, _ seat) {
	const reason = "com.example.enough"
	callsWith(t, x, "wamp.session.kill", payload{Args: []any{y.id()}, Kwargs: dict{"reason": reason, "message": "enough"}})
	got, err := y.ended()
	must(t, err)
	if got != reason && (y.name == ours.name || !y.silentLeave) {
		t.Errorf("%v says it was killed for %q", y.client, got)
	}
}
