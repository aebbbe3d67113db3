package wamp_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamptest"
)

// S001-27, S001-33, S000-6, S000-7, S003-14: a registration is a handle; what
// fails is an error with a URI. Handlers are functions that take the arguments
// of the call.
func TestGuideRegister(t *testing.T) {
	callee, caller, _ := socketed(t)
	var handler wamp.Handler = wamp.Func2(multiply)
	r := register(t, callee, "com.multiply", handler, wamp.DiscloseCaller())
	if r.ID() == 0 || r.Procedure() != "com.multiply" {
		t.Error(r.ID(), r.Procedure())
	}
	_, err := caller.Register(t.Context(), "com.multiply", handler)
	var e *wamp.Error
	if !errors.As(err, &e) || !errors.Is(err, wamp.ErrProcedureAlreadyExists) || e.Origin != wamp.OriginRemote {
		t.Error(err)
	}
	want(t, call[int](t, caller, "com.multiply", wamp.Args{2, 3}), 6)
	check(t, r.Unregister(t.Context()))
	<-r.Done()
	if err := r.Unregister(t.Context()); !errors.Is(err, wamp.ErrNotRegistered) {
		t.Error(err)
	}
	if _, err := wamp.Call[int](t.Context(), caller, "com.multiply", wamp.Args{2, 3}); !errors.Is(err, wamp.ErrNoSuchProcedure) {
		t.Error(err)
	}
}

// S001-34, S001-36, S001-37, S000-10, S003-7: a procedure knows its caller, and
// publishes to all others on its own session; it may call, register and
// subscribe as well.
func TestGuideInvocation(t *testing.T) {
	callee, caller, _ := socketed(t)
	register(t, callee, "com.helper", wamp.Func0(func(context.Context) (int, error) { return 7, nil }))
	register(t, callee, "com.task.delete", wamp.Func1(func(ctx context.Context, id string) (int, error) {
		inv := wamp.FromContext(ctx)
		s := inv.Session
		if inv.Caller != caller.ID() || inv.CallerAuthID != caller.AuthID() || inv.Procedure != "com.task.delete" {
			return 0, fmt.Errorf("%+v", inv)
		}
		own, err := s.Register(ctx, "com.own", wamp.Func2(multiply))
		if err != nil {
			return 0, err
		}
		sub, err := s.Subscribe(ctx, "com.own", wamp.Event(messageReceived))
		if err != nil {
			return 0, err
		}
		n, err := wamp.Call[int](ctx, s, "com.helper")
		if err != nil {
			return 0, err
		}
		_, err = s.Publish(ctx, "com.task.on_delete", wamp.Args{id}, wamp.Exclude(inv.Caller), wamp.Acknowledge())
		return n, errors.Join(err, own.Unregister(ctx), sub.Unsubscribe(ctx))
	}))
	events := make(chan string, 4)
	for i, s := range []*wamp.Session{caller, callee} {
		_, err := s.Subscribe(t.Context(), "com.task.on_delete", wamp.Event(func(_ context.Context, id string) error {
			events <- fmt.Sprint(i, " ", id)
			return nil
		}))
		check(t, err)
	}
	want(t, call[int](t, caller, "com.task.delete", wamp.Args{"t130"}, wamp.DiscloseMe()), 7)
	// The caller is excluded, the session that publishes gets no event of its
	// own unless it wants to.
	_, err := callee.Publish(t.Context(), "com.task.on_delete", wamp.Args{"end"}, wamp.ExcludeMe(false), wamp.Acknowledge())
	check(t, err)
	got := []string{<-events, <-events}
	slices.Sort(got)
	want(t, got, []string{"0 end", "1 end"})
}

// S001-38..43, S001-48: patterns of procedures, given as WAMP writes them or
// with names, whose components reach the handler.
func TestGuidePatterns(t *testing.T) {
	callee, caller, _ := socketed(t)
	type task struct {
		ID string `uri:"0"`
	}
	register(t, callee, "com.task..delete", wamp.HandlerFunc(func(_ context.Context, inv *wamp.Invocation) (wamp.Result, error) {
		return wamp.Return(wamp.Args{strings.Split(inv.Procedure, ".")[2]}), nil
	}), wamp.Match(wamp.Wildcard)) // S001-38
	register(t, callee, "com.task..start", wamp.Typed(func(_ context.Context, in task) (string, error) { return in.ID, nil }))              // S001-39
	register(t, callee, "com.item..get_name", wamp.Typed(func(_ context.Context, in task) (string, error) { return "item " + in.ID, nil })) // S001-40
	register(t, callee, "com.{type}.{id}.get_name", wamp.Typed(func(_ context.Context, in struct {
		Type string `uri:"type"`
		ID   int    `uri:"id"`
	}) (string, error) { // S001-41, S001-42
		if in.Type != "product" {
			return "", wamp.Errorf("com.error.no_such_object_type", "%s", in.Type)
		}
		return fmt.Sprint(in.Type, in.ID), nil
	}))
	register(t, callee, "com.files.{path...}", wamp.Typed(func(_ context.Context, in struct {
		Path string `uri:"path"`
	}) (string, error) { // S001-43
		return in.Path, nil
	}))
	for uri, expect := range map[string]string{
		"com.task.t130.delete":     "t130",
		"com.task.t130.start":      "t130",
		"com.item.7.get_name":      "item 7",
		"com.product.8.get_name":   "product8",
		"com.files.proc.echo":      "proc.echo",
		"com.files.x":              "x",
		"com.customer.1.get_name":  "com.error.no_such_object_type",
		"com.product.abc.get_name": "wamp.error.invalid_argument",
		"com.task.delete":          "wamp.error.no_such_procedure",
	} {
		got, err := wamp.Call[string](t.Context(), caller, uri)
		var e *wamp.Error
		if errors.As(err, &e) {
			got = string(e.URI)
		}
		if got != expect {
			t.Errorf("%s: %q, want %q", uri, got, expect)
		}
	}
}

// S001-48..50: the guide's table of patterns and topics, in both directions,
// with the one correction that the protocol demands: com.myapp....on_concert
// does match com.myapp.de.bavaria.munich.on_concert.
func TestGuideMatchTable(t *testing.T) {
	const app = "com.myapp."
	topics := []string{
		app + "us.montana.billings", app + "us.montana.billings.on_concert", app + "us.montana.billings.on_challenge",
		app + "us.montana.helena.on_concert", app + "us.newmexico.albuquerque", app + "us.newmexico.albuquerque.on_concert",
		app + "us.newmexico.albuquerque.citycenter.on_concert", app + "de.bavaria.munich.on_concert",
		app + "task.t130.delete", app + "task.delete",
	}
	subscriber, publisher, _ := socketed(t)
	for pattern, matching := range map[string][]int{
		app + "...on_concert":          {1, 3, 5, 7}, // com.myapp....on_concert
		app + "us.montana..on_concert": {1, 3},
		app + "us...on_concert":        {1, 3, 5},
		app + "us.":                    {0, 1, 2, 3, 4, 5, 6},
		app + "task..delete":           {8},
		app + "task.{id}.delete":       {8},
		app + "us.{path...}":           {0, 1, 2, 3, 4, 5, 6},
		app + "{a}.{b}.{c}.on_concert": {1, 3, 5, 7},
		app + "us.montana.billings":    {0},
	} {
		got := make(chan string, len(topics)+1)
		sub, err := subscriber.Subscribe(t.Context(), pattern, wamp.EventFunc(func(_ context.Context, e *wamp.EventInfo) error {
			got <- e.Topic
			return nil
		}))
		check(t, err)
		last, err := subscriber.Subscribe(t.Context(), "com.last", wamp.EventFunc(func(context.Context, *wamp.EventInfo) error {
			got <- "last"
			return nil
		}))
		check(t, err)
		for _, topic := range topics {
			_, err := publisher.Publish(t.Context(), topic)
			check(t, err)
		}
		var all []string
		for range matching {
			select {
			case topic := <-got:
				all = append(all, topic)
			case <-time.After(10 * time.Second):
				t.Fatalf("%s: got %v, want more", pattern, all)
			}
		}
		check(t, sub.Unsubscribe(t.Context()))
		_, err = publisher.Publish(t.Context(), "com.last")
		check(t, err)
		for topic := <-got; topic != "last"; topic = <-got {
			all = append(all, topic)
		}
		var expect []string
		for _, i := range matching {
			expect = append(expect, topics[i])
		}
		if !slices.Equal(all, expect) {
			t.Errorf("%s:\ngot  %v\nwant %v", pattern, all, expect)
		}
		check(t, last.Unsubscribe(t.Context()))
	}
}

// S001-45, S001-49, S001-50, S000-14, S000-15: events fill the handler's
// fields, components of the topic first; one that does not fit is reported, and
// is not fatal.
func TestGuideEvents(t *testing.T) {
	subscriber, publisher, reported := socketed(t)
	got := make(chan any, 4)
	type product struct {
		ID    int     `wamp:"0"`
		Label string  `wamp:"1"`
		Price float64 `wamp:"2"`
	}
	type concert struct {
		Country string `uri:"0"`
		State   string `uri:"1"`
		City    string `uri:"2"`
		Title   string `wamp:"0,required"`
		Date    string `wamp:"1"`
	}
	type local struct {
		Path  string `uri:"path"`
		Title string `wamp:"0,required"`
		Date  string `wamp:"1"`
	}
	for topic, h := range map[string]wamp.EventHandler{
		"com.product.on_create":   wamp.Event(func(_ context.Context, e product) error { got <- e; return nil }),
		"com.myapp....on_concert": wamp.Event(func(_ context.Context, e concert) error { got <- e; return nil }),
		"com.local.us.{path...}":  wamp.Event(func(_ context.Context, e local) error { got <- e; return nil }),
	} {
		_, err := subscriber.Subscribe(t.Context(), topic, h)
		check(t, err)
	}
	for _, tt := range []struct {
		topic string
		args  wamp.Args
		want  any
	}{
		{"com.product.on_create", wamp.Args{7, "chair", 9.5}, product{7, "chair", 9.5}},
		{"com.myapp.us.montana.billings.on_concert", wamp.Args{"Aida", "May"}, concert{"us", "montana", "billings", "Aida", "May"}},
		{"com.local.us.newmexico.albuquerque.citycenter.on_concert", wamp.Args{"Aida", "May"}, local{"newmexico.albuquerque.citycenter.on_concert", "Aida", "May"}},
	} {
		_, err := publisher.Publish(t.Context(), tt.topic, tt.args)
		check(t, err)
		want(t, <-got, tt.want)
	}
	_, err := publisher.Publish(t.Context(), "com.local.us.x") // no title
	check(t, err)
	failed := <-reported
	if !errors.Is(failed, wamp.ErrInvalidArgument) || !strings.Contains(failed.Error(), "argument 0") {
		t.Error(failed)
	}
	_, err = publisher.Publish(t.Context(), "com.local.us.x", wamp.Args{"Tosca"})
	check(t, err)
	want(t, <-got, any(local{"x", "Tosca", ""}))
}

// S001-46, S000-11..13, S003-9, S003-11: publications are not acknowledged
// unless asked, a refusal is an error then and silent otherwise. Options that
// have no function go by name, on every operation.
func TestGuidePublish(t *testing.T) {
	_, s, _ := socketed(t)
	id, err := s.Publish(t.Context(), "com.topic", wamp.Args{1}, wamp.KW{"a": 2})
	if id != 0 || err != nil {
		t.Error(id, err)
	}
	id, err = s.Publish(t.Context(), "com.topic", wamp.Acknowledge())
	if id == 0 || err != nil {
		t.Error(id, err)
	}
	const refused = "wamp.not.yours"
	if _, err := s.Publish(t.Context(), refused); err != nil {
		t.Error(err)
	}
	var e *wamp.Error
	if _, err := s.Publish(t.Context(), refused, wamp.Acknowledge()); !errors.As(err, &e) {
		t.Error(err)
	}
	if _, err := s.Subscribe(t.Context(), "not a topic", wamp.Event(messageReceived)); !errors.As(err, &e) {
		t.Error(err)
	}
	custom := wamp.Option("x_custom", 1)
	r := register(t, s, "com.multiply", wamp.Func2(multiply), custom)
	want(t, call[int](t, s, "com.multiply", wamp.Args{2, 2}, custom), 4)
	sub, err := s.Subscribe(t.Context(), "com.topic", wamp.Event(messageReceived), custom)
	check(t, err)
	check(t, errors.Join(r.Unregister(t.Context()), sub.Unsubscribe(t.Context())))
}

// A router refuses an impossible URI without a word; the error says what is wrong
// with it.
func TestInvalidURIs(t *testing.T) {
	s, _, _ := socketed(t)
	handler, listener := wamp.Func2(multiply), wamp.Event(func(context.Context, none) error { return nil })
	for _, tt := range []struct {
		do   func(uri string) error
		uri  string
		text string
	}{
		{func(uri string) error { _, err := wamp.Call[none](t.Context(), s, uri); return err }, "", "is empty"},
		{func(uri string) error { _, err := wamp.Call[none](t.Context(), s, uri); return err }, "com..add", "empty components"},
		{func(uri string) error { _, err := wamp.Call[none](t.Context(), s, uri); return err }, "com.a b", "white space"},
		{func(uri string) error { _, err := s.Register(t.Context(), uri, handler); return err }, "wamp.mine", "router's own"},
		{func(uri string) error { _, err := s.Subscribe(t.Context(), uri, listener); return err }, "com.#", "#"},
		{func(uri string) error { _, err := s.Publish(t.Context(), uri, wamp.Acknowledge()); return err }, "wamp.x", "router's own"},
	} {
		err := tt.do(tt.uri)
		if !errors.Is(err, wamp.ErrInvalidURI) || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%q: %v", tt.uri, err)
		}
	}
}

// S000-24, S003-15: one function serves with options and without; the policy of
// matching is part of the URI, or an option.
func TestGuideOptions(t *testing.T) {
	callee, caller, _ := socketed(t)
	reg := wamp.NewRegistry("com")
	check(t, reg.Register("", wamp.Func2(multiply)))
	check(t, reg.Register("prefixed", wamp.Func2(multiply), wamp.Match(wamp.Prefix)))
	check(t, reg.Register("wild..card", wamp.Func2(multiply)))
	use(t, callee, reg)
	for _, uri := range []string{"com.multiply", "com.prefixed.x", "com.wild.x.card"} {
		want(t, call[int](t, caller, uri, wamp.Args{3, 4}), 12)
	}
}

// S002-2, S002-24: a Dialer and a Registry make sessions, as many as are
// needed; S002-11: the zero Dialer has the usual realm and URL.
func TestGuideFactory(t *testing.T) {
	rt := wamptest.NewRouter(t)
	var dialed string
	d := &wamp.Dialer{NetDial: func(ctx context.Context, network, address string) (net.Conn, error) {
		dialed = address
		return new(net.Dialer).DialContext(ctx, network, rt.Address())
	}}
	seen := make(map[uint64]bool)
	for range 3 {
		s, err := d.Dial(t.Context())
		check(t, err)
		seen[s.ID()] = true
		want(t, []string{s.Realm(), s.URL(), dialed}, []string{"realm1", "ws://localhost:8080/ws", "localhost:8080"})
		check(t, s.Close(t.Context()))
	}
	want(t, len(seen), 3)
}

// S003-2: what has an id can be printed.
func TestGuidePrintable(t *testing.T) {
	s, _, _ := socketed(t)
	r := register(t, s, "com.x", wamp.Func2(multiply))
	sub, err := s.Subscribe(t.Context(), "com.{a}", wamp.Event(messageReceived))
	check(t, err)
	want(t, fmt.Sprint(s, ", ", r, ", ", sub), fmt.Sprintf("session %d in realm1, registration %d of com.x, subscription %d to com.{a}", s.ID(), r.ID(), sub.ID()))
}

// Events that need no order are handled together, as many as the subscription
// says, and no more.
func TestEventConcurrency(t *testing.T) {
	s, publisher, _ := socketed(t)
	const n = 3
	together := make(chan none, 10)
	release := make(chan none)
	sub, err := s.Subscribe(t.Context(), "com.topic", wamp.Event(func(context.Context, none) error {
		together <- none{}
		<-release
		return nil
	}), wamp.Concurrency(n))
	check(t, err)
	for range n + 2 {
		_, err := publisher.Publish(t.Context(), "com.topic", wamp.Acknowledge())
		check(t, err)
	}
	for range n {
		<-together
	}
	// An answer says that all events have arrived.
	_, err = s.Publish(t.Context(), "com.other", wamp.Acknowledge())
	check(t, err)
	want(t, len(together), 0)
	close(release)
	check(t, sub.Sync(t.Context()))
}
