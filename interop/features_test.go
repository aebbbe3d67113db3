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
// session, of our client. Some features end the session of one of them.
var features = []struct {
	name string
	run  func(t *testing.T, x, y, w seat)
	ends part
}{
	{name: "progress", run: featureProgress},
	{name: "cancel", run: featureCancel},
	{name: "timeout", run: featureTimeout},
	{name: "pattern registration", run: featurePatternRegistration},
	{name: "pattern subscription", run: featurePatternSubscription},
	{name: "shared registration", run: featureSharedRegistration},
	{name: "lists", run: featureLists},
	{name: "caller identification", run: featureCaller},
	{name: "publisher identification", run: featurePublisher},
	{name: "retention", run: featureRetention},
	{name: "history", run: featureHistory},
	{name: "session meta", run: featureSessionMeta},
	{name: "registration meta", run: featureRegistrationMeta},
	{name: "subscription meta", run: featureSubscriptionMeta},
	{name: "registration revocation", run: featureRegistrationRevocation},
	{name: "subscription revocation", run: featureSubscriptionRevocation},
	{name: "testament", run: featureTestament, ends: active},
	{name: "kill", run: featureKill, ends: passive},
}

// part is the part that a make takes in a feature.
type part string

const (
	active  part = "/active"
	passive part = "/passive"
)

// parts are what the make has to take part in.
func (m *maker) parts() []string {
	var all []string
	for _, f := range features {
		for _, p := range []part{active, passive} {
			if m.has(f.name, p) {
				all = append(all, m.name+": "+f.name+string(p))
			}
		}
	}
	return all
}

func (m *maker) has(feature string, p part) bool { return !slices.Contains(m.lacks, feature+string(p)) }

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
	seats := [2]seat{sit(t, r, p.a), sit(t, r, p.b)}
	w := sit(t, r, ours.on(webSocket, cbor))
	for _, f := range features {
		for i, way := range []string{"forth", "back"} {
			x, y := &seats[i], &seats[1-i]
			if !x.has(f.name, active) || !y.has(f.name, passive) {
				continue
			}
			if !check(t, f.name+"/"+way, func(t *testing.T) { f.run(t, *x, *y, w) }) {
				return // after a failure nothing is as it should be
			}
			met.took(x.name + ": " + f.name + string(active))
			met.took(y.name + ": " + f.name + string(passive))
			switch f.ends {
			case active:
				*x = sit(t, r, x.client)
			case passive:
				*y = sit(t, r, y.client)
			}
		}
	}
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
