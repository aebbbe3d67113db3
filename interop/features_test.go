//go:build interop && unix

package interop

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// Topics and procedures below these are treated in a special way by the router.
const (
	keptTopics = "com.example.kept"
	openURIs   = "com.example.open"
)

// features are the features of the advanced profile that the makes have. Active
// is the caller or publisher x, passive the callee or subscriber y. w is a third
// session, of our client.
var features = []struct {
	name string
	run  func(t *testing.T, x, y, w seat)
}{
	{"progress", featureProgress},
	{"cancel", featureCancel},
	{"timeout", featureTimeout},
	{"pattern registration", featurePatternRegistration},
	{"pattern subscription", featurePatternSubscription},
	{"shared registration", featureSharedRegistration},
	{"lists", featureLists},
	{"caller identification", featureCaller},
	{"publisher identification", featurePublisher},
	{"retention", featureRetention},
	{"history", featureHistory},
	{"session meta", featureSessionMeta},
	{"registration meta", featureRegistrationMeta},
	{"subscription meta", featureSubscriptionMeta},
	{"registration revocation", featureRegistrationRevocation},
	{"subscription revocation", featureSubscriptionRevocation},
	{"testament", nil}, // ends a session: see TestFeatures
	{"kill", nil},
}

// parts are what the make has to take part in.
func (m *maker) parts() []string {
	var all []string
	for _, f := range features {
		for _, part := range []string{f.name + "/active", f.name + "/passive"} {
			if !slices.Contains(m.lacks, part) {
				all = append(all, m.name+": "+part)
			}
		}
	}
	return all
}

func (m *maker) has(part string) bool { return !slices.Contains(m.lacks, part) }

// TestFeatures lets every make go through the features that it has at our
// router, in two combinations of transport and serializer, with our client and
// with another make at the other end.
func TestFeatures(t *testing.T) {
	t.Parallel()
	for _, p := range []pair{
		{asyncio.on(rawSocket, msgpack), ours.on(webSocket, jsonFormat)},
		{twisted.on(webSocket, cbor), ours.on(rawSocket, msgpack)},
		{autobahnJS.on(webSocket, jsonFormat), ours.on(rawSocket, cbor)},
		{wampy.on(webSocket, msgpack), ours.on(webSocket, cbor)},
		{autobahnJS.on(webSocket, cbor), asyncio.on(webSocket, jsonFormat)},
		{wampy.on(webSocket, jsonFormat), twisted.on(rawSocket, jsonFormat)},
		{wampy.on(webSocket, cbor), autobahnJS.on(webSocket, msgpack)},
	} {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			showFeatures(t, p)
		})
	}
}

func showFeatures(t *testing.T, p pair) {
	r := startFeatureful(t)
	a, b, w := sit(t, r, p.a), sit(t, r, p.b), sit(t, r, ours.on(webSocket, cbor))
	ok := true
	try := func(name, way string, x, y seat, run func(t *testing.T, x, y, w seat)) {
		if !ok || !x.has(name+"/active") || !y.has(name+"/passive") {
			return // after a failure nothing is as it should be
		}
		ok = check(t, name+"/"+way, func(t *testing.T) { run(t, x, y, w) })
		met.took(x.name + ": " + name + "/active")
		met.took(y.name + ": " + name + "/passive")
	}
	for _, f := range features {
		if f.run != nil {
			try(f.name, "forth", a, b, f.run)
			try(f.name, "back", b, a, f.run)
		}
	}
	// Sessions end now: a leaves a testament, b is killed, and the other way
	// round by new ones.
	try("testament", "forth", a, b, featureTestament)
	a = sit(t, r, p.a)
	try("testament", "back", b, a, featureTestament)
	b = sit(t, r, p.b)
	try("kill", "forth", a, b, featureKill)
	b = sit(t, r, p.b)
	try("kill", "back", b, a, featureKill)
}

// startFeatureful starts a router in this process, with a configuration that
// the features need. Each pair has one of its own, so that nobody else appears
// in the meta API.
func startFeatureful(t *testing.T) server {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	r := router.New(router.Config{
		Realms:   []string{realm},
		Policies: []router.Policy{{URI: openURIs, Match: wamp.Prefix, Disclose: router.Always}},
		History:  []router.History{{URI: keptTopics, Match: wamp.Prefix}},
		Logger:   slog.New(slog.DiscardHandler),
	})
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = r.Serve(ln)
	}()
	t.Cleanup(func() {
		_ = r.Close()
		<-served
	})
	address := ln.Addr().String()
	return server{
		name:     "wampeter",
		urls:     map[string]string{webSocket: "ws://" + address + "/ws", rawSocket: "tcp://" + address},
		farewell: "wamp.close.goodbye_and_out",
	}
}

// gets takes the next report of a peer and returns its details.
func gets(t *testing.T, s seat, kind, uri string, want payload) dict {
	t.Helper()
	got, err := s.received()
	if err != nil {
		t.Fatalf("%s of %s at %v: %v", kind, uri, s.client, err)
	}
	if got.kind != kind || got.uri != uri {
		t.Fatalf("%v got %s of %s %v instead of %s of %s", s.client, got.kind, got.uri, got.payload, kind, uri)
	}
	equal(t, kind, s, want, got.payload)
	return got.details
}

// equal compares payloads, in which integers may have become floating point
// numbers on the way.
func equal(t *testing.T, what string, s seat, want, got payload) {
	t.Helper()
	if diff := cmp.Diff(want.each(asInteger), got.each(asInteger)); diff != "" {
		t.Errorf("%s at %v (-want +got):\n%s", what, s.client, diff)
	}
}

// calls calls a procedure, of the meta API for example, and returns its results.
func calls(t *testing.T, s seat, uri string, args ...any) []any {
	t.Helper()
	return callsWith(t, s, uri, payload{Args: args})
}

func callsWith(t *testing.T, s seat, uri string, p payload) []any {
	t.Helper()
	result, err := s.call(uri, p, nil)
	if err != nil {
		t.Fatalf("%s by %v: %v", uri, s.client, err)
	}
	return result.each(asInteger).Args
}

// isCalled tests for a detail.
func isCalled(t *testing.T, s seat, details dict, key string, want any) {
	t.Helper()
	if got := transform(details[key], asInteger); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("at %v %s is %v instead of %v", s.client, key, got, want)
	}
}

func number(n uint64) json.Number { return json.Number(fmt.Sprint(n)) }

func (s seat) id() json.Number {
	session, _ := s.who()
	return number(session)
}

func (s seat) authID() string {
	_, authid := s.who()
	return authid
}

var acknowledged = dict{"acknowledge": true}

// with returns options with acknowledge.
func with(o dict) dict {
	o["acknowledge"] = true
	return o
}

func featureProgress(t *testing.T, x, y, _ seat) {
	uri := newURI()
	must(t, y.register(uri, progress, nil))
	sent := payload{Args: []any{"one", json.Number("2"), []any{"three"}}}
	result, err := x.call(uri, sent, dict{"receive_progress": true})
	must(t, err)
	gets(t, y, "invocation", uri, sent)
	for _, arg := range sent.Args {
		gets(t, x, "progress", uri, payload{Args: []any{arg}})
	}
	equal(t, "result", x, sent, result)
}

func featureCancel(t *testing.T, x, y, _ seat) {
	uri := newURI()
	must(t, y.register(uri, wait, nil))
	must(t, x.begin(uri, nothing, nil))
	gets(t, y, "invocation", uri, nothing)
	must(t, x.cancel(uri, x.cancelMode))
	_, err := x.end(uri)
	isRefused(t, err, "wamp.error.canceled")
	interrupted(t, y, uri)
}

func featureTimeout(t *testing.T, x, y, _ seat) {
	uri := newURI()
	must(t, y.register(uri, wait, nil))
	_, err := x.call(uri, nothing, dict{"timeout": 50})
	isRefused(t, err, "wamp.error.timeout")
	gets(t, y, "invocation", uri, nothing)
	interrupted(t, y, uri)
}

func interrupted(t *testing.T, y seat, uri string) {
	t.Helper()
	if !y.uninterrupted {
		gets(t, y, "interrupted", uri, nothing)
	}
}

func featurePatternRegistration(t *testing.T, x, y, _ seat) {
	prefix, wildcard := newURI(), newURI()+"..end"
	must(t, y.register(prefix, echo, dict{"match": "prefix"}))
	must(t, y.register(wildcard, echo, dict{"match": "wildcard"}))
	middle := wildcard[:len(wildcard)-len(".end")] + "middle.end"
	for called, pattern := range map[string]string{prefix + ".a.b": prefix, middle: wildcard} {
		_, err := x.call(called, text(called), nil)
		must(t, err)
		details := gets(t, y, "invocation", pattern, text(called))
		isCalled(t, y, details, "procedure", called)
	}
	_, err := x.call(middle+".more", nothing, nil)
	isRefused(t, err, "wamp.error.no_such_procedure")
}

func featurePatternSubscription(t *testing.T, x, y, _ seat) {
	prefix := newURI()
	wildcard := prefix + "..end"
	must(t, y.subscribe(prefix, dict{"match": "prefix"}))
	must(t, x.publish(prefix+".a", text("one"), acknowledged))
	isCalled(t, y, gets(t, y, "event", prefix, text("one")), "topic", prefix+".a")
	must(t, y.subscribe(wildcard, dict{"match": "wildcard"}))
	must(t, x.publish(prefix+".a.end", text("both"), acknowledged))
	seen := map[string]bool{}
	for range 2 {
		got, err := y.received()
		must(t, err)
		seen[got.uri] = true
		isCalled(t, y, got.details, "topic", prefix+".a.end")
	}
	if !seen[prefix] || !seen[wildcard] {
		t.Errorf("%v got the event for %v", y.client, seen)
	}
}

func featureSharedRegistration(t *testing.T, x, y, w seat) {
	for policy, want := range map[string][]seat{
		"roundrobin": {x, y, x}, "first": {x, x}, "last": {y, y},
	} {
		uri := newURI()
		must(t, x.register(uri, echo, dict{"invoke": policy}), y.register(uri, echo, dict{"invoke": policy}))
		for _, callee := range want {
			_, err := w.call(uri, text(policy), nil)
			must(t, err)
			gets(t, callee, "invocation", uri, text(policy))
		}
	}
	uri := newURI()
	must(t, x.register(uri, echo, dict{"invoke": "random"}), y.register(uri, echo, dict{"invoke": "random"}))
	if n := fmt.Sprint(calls(t, x, "wamp.registration.count_callees", calls(t, x, "wamp.registration.lookup", uri)[0])); n != "[2]" {
		t.Errorf("a procedure with the policy random has %s callees", n)
	}
}

func featureLists(t *testing.T, x, y, w seat) {
	uri := newURI()
	must(t, y.subscribe(uri, nil), w.subscribe(uri, nil))
	for i, c := range []struct {
		options  dict
		toY, toW bool
	}{
		{dict{"exclude": []any{y.id()}}, false, true},
		{dict{"eligible": []any{y.id()}}, true, false},
		{dict{"exclude_authid": []any{y.authID(), "nobody"}}, false, true},
		{dict{"eligible_authid": []any{y.authID()}}, true, false},
		{dict{"exclude_authrole": []any{"anonymous"}}, false, false},
		{dict{"eligible_authrole": []any{"anonymous", "admin"}}, true, true},
		{dict{}, true, true},
	} {
		marked := text(fmt.Sprint(i))
		must(t, x.publish(uri, marked, with(c.options)))
		if c.toY {
			gets(t, y, "event", uri, marked)
		}
		if c.toW {
			gets(t, w, "event", uri, marked)
		}
	}
}

// asking returns a URI and the options with which x is made known: by its own
// wish, or by the router's policy where its library has no option for that.
func asking(x seat) (uri string, o dict) {
	if x.neverAsks {
		return openURIs + newURI(), dict{}
	}
	return newURI(), dict{"disclose_me": true}
}

func featureCaller(t *testing.T, x, y, _ seat) {
	uri, o := asking(x)
	must(t, y.register(uri, echo, nil))
	_, err := x.call(uri, nothing, o)
	must(t, err)
	isIdentified(t, y, gets(t, y, "invocation", uri, nothing), "caller", x)
	if x.neverAsks {
		return
	}
	_, err = x.call(uri, nothing, nil)
	must(t, err)
	isCalled(t, y, gets(t, y, "invocation", uri, nothing), "caller", nil)
}

func featurePublisher(t *testing.T, x, y, _ seat) {
	uri, o := asking(x)
	must(t, y.subscribe(uri, nil))
	must(t, x.publish(uri, nothing, with(o)))
	isIdentified(t, y, gets(t, y, "event", uri, nothing), "publisher", x)
	if x.neverAsks {
		return
	}
	must(t, x.publish(uri, nothing, acknowledged))
	isCalled(t, y, gets(t, y, "event", uri, nothing), "publisher", nil)
}

func isIdentified(t *testing.T, y seat, details dict, party string, x seat) {
	t.Helper()
	isCalled(t, y, details, party, x.id())
	isCalled(t, y, details, party+"_authid", x.authID())
	isCalled(t, y, details, party+"_authrole", "anonymous")
}

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

// TestProgressiveInvocations lets wampy.js, which does not announce the feature,
// send the input of one call in parts. No make has callees for that, so the
// callee is messages by hand.
func TestProgressiveInvocations(t *testing.T) {
	t.Parallel()
	r := startFeatureful(t)
	for _, format := range everyFormat {
		c := wampy.on(webSocket, format)
		check(t, c.String(), func(t *testing.T) {
			uri := newURI()
			received := make(chan []any, 1)
			failed := make(chan error, 1)
			callee := dialByHand(t, r.url(rawSocket))
			must(t, callee.register(uri))
			go func() {
				parts, err := callee.serveOne()
				received <- parts
				failed <- err
			}()
			caller := sit(t, r, c)
			sent := text("one")
			sent.Args = append(sent.Args, json.Number("2"), "three")
			result, err := caller.peer.(*foreign).stream(uri, sent)
			must(t, err, <-failed)
			equal(t, "input", caller, sent, payload{Args: <-received})
			equal(t, "result", caller, text("done"), result)
			gets(t, caller, "progress", uri, text("first part seen"))
		})
	}
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
