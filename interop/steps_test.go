//go:build interop && unix

package interop

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// seat is one end of a meeting: a client and its peer, now joined.
type seat struct {
	client
	peer
}

// meeting is two seats at one router.
type meeting struct {
	router server
	a, b   seat
}

// steps are what every pair of clients does at every router, each in both
// directions: x is the caller or publisher, y the callee or subscriber.
var steps = []struct {
	name string
	run  func(t *testing.T, m *meeting, x, y seat)
}{
	{"call", stepCall},
	{"error", stepError},
	{"register", stepRegister},
	{"event", stepEvent},
	{"acknowledge", stepAcknowledge},
	{"exclude", stepExclude},
	{"unsubscribe", stepUnsubscribe},
}

// meet lets two clients join a router, go through all steps and leave.
func meet(t *testing.T, r server, p pair) {
	m := &meeting{router: r, a: sit(t, r, p.a), b: sit(t, r, p.b)}
	ok := true
	step := func(name string, f func(t *testing.T)) {
		ok = ok && check(t, name, f) // after a failure nothing is as it should be
	}
	for _, s := range steps {
		step(s.name+"/forth", func(t *testing.T) { s.run(t, m, m.a, m.b) })
		step(s.name+"/back", func(t *testing.T) { s.run(t, m, m.b, m.a) })
	}
	step("leave", func(t *testing.T) { stepLeave(t, m) })
	if ok {
		met.add(r, p)
	}
}

func sit(t *testing.T, r server, c client) seat {
	t.Helper()
	peer, err := c.join(t, c, r.url(c.transport))
	if err != nil {
		t.Fatalf("%v: %v", c, err)
	}
	return seat{c, peer}
}

// serial numbers the URIs, so that no step meets the remains of another.
var serial atomic.Int64

func newURI() string { return fmt.Sprintf("com.example.t%d", serial.Add(1)) }

// must ends the test if one of several operations failed.
func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// payloads are what the two clients can both express.
func (m *meeting) payloads() []payload {
	all := []payload{nothing, rich, binary, onlyNamed}
	if !m.a.doubles && !m.b.doubles && !m.router.doubles {
		all = append(all, exact)
	}
	return all
}

// same compares a payload with what a client should see of it. from are the
// clients that it passed through before.
func same(t *testing.T, what string, c client, want, got payload, from ...client) {
	t.Helper()
	number := asIs
	for _, sender := range from {
		if sender.sendsFloats() {
			number = asInteger
		}
	}
	if diff := cmp.Diff(c.sees(want).each(number), got.each(number)); diff != "" {
		t.Errorf("%s at %v (-want +got):\n%s", what, c, diff)
	}
}

// arrives takes the next report of a peer and compares it with what another
// client sent.
func arrives(t *testing.T, s seat, kind, uri string, want payload, from seat) {
	t.Helper()
	got, err := s.received()
	if err != nil {
		t.Fatalf("%s of %s at %v: %v", kind, uri, s.client, err)
	}
	if got.kind != kind || got.uri != uri {
		t.Fatalf("%v got %s of %s instead of %s of %s", s.client, got.kind, got.uri, kind, uri)
	}
	same(t, kind, s.client, want, got.payload, from.client)
}

func text(s string) payload { return payload{Args: []any{s}} }

// isRefused tests for an ERROR and returns its payload.
func isRefused(t *testing.T, err error, uri string) payload {
	t.Helper()
	var got *refusal
	if !errors.As(err, &got) {
		t.Fatalf("got %v instead of the error %s", err, uri)
	}
	if got.URI != uri {
		t.Errorf("got the error %s instead of %s", got.URI, uri)
	}
	return got.payload
}

// stepCall: arguments reach the callee, and the result the caller, unchanged.
func stepCall(t *testing.T, m *meeting, x, y seat) {
	uri := newURI()
	must(t, y.register(uri, echo, nil))
	for _, p := range m.payloads() {
		got, err := x.call(uri, x.sees(p), nil)
		must(t, err)
		arrives(t, y, "invocation", uri, p, x)
		same(t, "result", x.client, p, got, x.client, y.client)
	}
	must(t, y.unregister(uri))
}

// stepError: a callee's error reaches the caller with its URI and payload.
func stepError(t *testing.T, m *meeting, x, y seat) {
	uri := newURI()
	must(t, y.register(uri, fail, nil))
	for _, p := range m.payloads() {
		_, err := x.call(uri, x.sees(p), nil)
		arrives(t, y, "invocation", uri, p, x)
		if m.router.callError != "" {
			same(t, "error", x.client, text(refused), isRefused(t, err, m.router.callError))
			continue
		}
		same(t, "error", x.client, p, isRefused(t, err, refused), x.client, y.client)
	}
	must(t, y.unregister(uri))
}

// stepRegister: a procedure has one callee, and none once it is unregistered.
func stepRegister(t *testing.T, m *meeting, x, y seat) {
	uri := newURI()
	_, err := x.call(uri, nothing, nil)
	isRefused(t, err, "wamp.error.no_such_procedure")
	must(t, y.register(uri, echo, nil))
	if !m.router.shared {
		isRefused(t, x.register(uri, echo, nil), "wamp.error.procedure_already_exists")
	}
	must(t, y.unregister(uri))
	_, err = x.call(uri, nothing, nil)
	isRefused(t, err, "wamp.error.no_such_procedure")
	must(t, x.register(uri, echo, nil))
	_, err = y.call(uri, y.sees(onlyNamed), nil)
	must(t, err)
	arrives(t, x, "invocation", uri, onlyNamed, y)
	must(t, x.unregister(uri))
}

// stepEvent: events arrive unchanged and in order.
func stepEvent(t *testing.T, m *meeting, x, y seat) {
	uri := newURI()
	must(t, y.subscribe(uri, nil))
	for _, p := range m.payloads() {
		must(t, x.publish(uri, x.sees(p), nil))
	}
	for _, p := range m.payloads() {
		arrives(t, y, "event", uri, p, x)
	}
	must(t, y.unsubscribe(uri))
}

// stepAcknowledge: a publication is acknowledged, with subscribers and without.
func stepAcknowledge(t *testing.T, m *meeting, x, y seat) {
	uri := newURI()
	must(t, x.publish(uri, x.sees(rich), dict{"acknowledge": true}))
	must(t, y.subscribe(uri, nil))
	must(t, x.publish(uri, x.sees(onlyNamed), dict{"acknowledge": true}))
	arrives(t, y, "event", uri, onlyNamed, x)
	must(t, y.unsubscribe(uri))
}

// stepExclude: a publisher gets its own event only when it asks for that.
func stepExclude(t *testing.T, m *meeting, x, y seat) {
	uri := newURI()
	must(t, x.subscribe(uri, nil), y.subscribe(uri, nil))
	must(t, x.publish(uri, text("from x"), dict{"acknowledge": true}))
	arrives(t, y, "event", uri, text("from x"), x)
	must(t, y.publish(uri, text("from y"), dict{"acknowledge": true}))
	arrives(t, x, "event", uri, text("from y"), y)
	if !x.alwaysExcluded {
		must(t, x.publish(uri, text("to all"), dict{"exclude_me": false}))
		arrives(t, x, "event", uri, text("to all"), x)
		arrives(t, y, "event", uri, text("to all"), x)
	}
	must(t, x.unsubscribe(uri), y.unsubscribe(uri))
}

// stepUnsubscribe: no event arrives once the subscription has ended.
func stepUnsubscribe(t *testing.T, m *meeting, x, y seat) {
	uri := newURI()
	must(t, y.subscribe(uri, nil))
	must(t, x.publish(uri, text("first"), nil))
	arrives(t, y, "event", uri, text("first"), x)
	must(t, y.unsubscribe(uri))
	must(t, x.publish(uri, text("unheard"), dict{"acknowledge": true}))
	must(t, y.subscribe(uri, nil))
	must(t, x.publish(uri, text("last"), nil))
	arrives(t, y, "event", uri, text("last"), x)
	must(t, y.unsubscribe(uri))
}

// stepLeave: a session leaves in the orderly way and takes its registrations
// with it.
func stepLeave(t *testing.T, m *meeting) {
	uri := newURI()
	must(t, m.a.register(uri, echo, nil))
	leaves(t, m.router, m.a)
	if !m.router.lingering {
		_, err := m.b.call(uri, nothing, nil)
		isRefused(t, err, "wamp.error.no_such_procedure")
	}
	leaves(t, m.router, m.b)
}

func leaves(t *testing.T, r server, s seat) {
	t.Helper()
	reason, err := s.leave()
	must(t, err)
	if reason != r.farewell && !s.silentLeave {
		t.Errorf("%v: the router answered GOODBYE with %q instead of %q", s.client, reason, r.farewell)
	}
}
