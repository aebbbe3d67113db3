package wamp_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamptest"
)

func multiply(_ context.Context, a, b int) (int, error) { return a * b, nil }

func divide(_ context.Context, a, b int) (int, error) {
	if b == 0 {
		return 0, &insufficient{"divisor", 1}
	}
	return a / b, nil
}

var received = make(chan string, 16)

func messageReceived(_ context.Context, text string) error {
	received <- text
	return nil
}

func use(t *testing.T, s *wamp.Session, reg *wamp.Registry) *wamp.Installed {
	t.Helper()
	in, err := s.Use(t.Context(), reg)
	check(t, err)
	return in
}

func procedures(in *wamp.Installed) []string {
	var names []string
	for _, r := range in.Registrations {
		names = append(names, r.Procedure())
	}
	return names
}

// S000-20..23, S000-25, S002-1, S002-3..5, S001-31, S001-47: a registry with
// a prefix and defaults, whose names come from its functions, is put on a
// session as a whole; the functions stay ordinary functions.
func TestRegistry(t *testing.T) {
	callee, caller, _ := socketed(t)
	reg := wamp.NewRegistry("foo", wamp.ProcedureDefaults(wamp.Invoke(wamp.RoundRobin)), wamp.SubscriptionDefaults(wamp.Queue(7)))
	check(t, reg.Register("", wamp.Func2(multiply)))
	check(t, reg.Register("", wamp.Func2(divide), wamp.Invoke(wamp.Single)))
	check(t, reg.Subscribe("", wamp.Event(messageReceived)))
	check(t, wamp.DefineError[*insufficient](reg, "error.insufficient"))
	check(t, reg.Err())
	if reg.Prefix() != "foo" {
		t.Error(reg.Prefix())
	}

	in := use(t, callee, reg)
	if diff := cmp.Diff([]string{"foo.multiply", "foo.divide"}, procedures(in)); diff != "" {
		t.Error(diff)
	}
	product, err := wamp.Call[int](t.Context(), caller, "foo.multiply", wamp.Args{6, 7})
	if err != nil || product != 42 {
		t.Error(product, err)
	}
	_, err = caller.Publish(t.Context(), "foo.message_received", wamp.Args{"hello"})
	check(t, err)
	if text := <-received; text != "hello" {
		t.Error(text)
	}
	// The default and the entry's own option, as the router has them.
	_, err = caller.Register(t.Context(), "foo.multiply", wamp.Func2(multiply), wamp.Invoke(wamp.RoundRobin))
	check(t, err)
	_, err = caller.Register(t.Context(), "foo.divide", wamp.Func2(divide), wamp.Invoke(wamp.RoundRobin))
	if !errors.Is(err, wamp.ErrProcedureAlreadyExists) {
		t.Error(err)
	}
	// The error, behind the prefix; the caller uses the registry for it.
	_, err = wamp.Call[int](t.Context(), caller, "foo.divide", wamp.Args{1, 0})
	var poor *insufficient
	if !errors.Is(err, wamp.URI("foo.error.insufficient")) || errors.As(err, &poor) {
		t.Error(err)
	}
	errorsOnly := wamp.NewRegistry("foo")
	check(t, wamp.DefineError[*insufficient](errorsOnly, "error.insufficient"))
	use(t, caller, errorsOnly)
	_, err = wamp.Call[int](t.Context(), caller, "foo.divide", wamp.Args{1, 0})
	if !errors.As(err, &poor) || poor.Who != "divisor" {
		t.Error(err)
	}

	check(t, in.Remove(t.Context()))
	check(t, in.Remove(t.Context()))
	if len(callee.Registrations(""))+len(callee.Subscriptions("")) != 0 {
		t.Error(callee.Registrations(""), callee.Subscriptions(""))
	}
	if n, _ := divide(t.Context(), 8, 2); n != 4 {
		t.Error(n)
	}
}

// S000-26..28: registries are mounted, and their prefixes add up; a root
// without prefix is legal. Definitions may follow the mount.
func TestRegistryMount(t *testing.T) {
	callee, caller, _ := socketed(t)
	root := wamp.NewRegistry("app")
	accounting := wamp.NewRegistry("acc")
	check(t, root.Mount("accounting", accounting))
	check(t, accounting.Register("multiply", wamp.Func2(multiply)))
	check(t, accounting.Register("divide", wamp.Func2(divide)))
	check(t, wamp.DefineError[*insufficient](accounting, "error.insufficient"))
	bare := wamp.NewRegistry("")
	check(t, bare.Register("{id}.get", wamp.Typed(func(_ context.Context, in struct {
		ID string `uri:"id"`
	}) (string, error) {
		return in.ID, nil
	})))
	check(t, bare.Subscribe("wamp.session.on_join", wamp.Event(func(context.Context, struct{}) error { return nil })))
	check(t, root.Mount("items", bare))
	check(t, root.Mount("", wamp.NewRegistry("empty")))
	own := wamp.NewRegistry("own")
	check(t, own.Register("divide", wamp.Func2(divide)))
	check(t, root.Mount("", own))
	top := wamp.NewRegistry("")
	check(t, top.Mount("", root))
	check(t, wamp.DefineError[*insufficient](top, "other.insufficient"))

	in := use(t, callee, top)
	want := []string{"app.accounting.acc.multiply", "app.accounting.acc.divide", "app.items.{id}.get", "app.own.divide"}
	if diff := cmp.Diff(want, procedures(in)); diff != "" {
		t.Error(diff)
	}
	if len(in.Subscriptions) != 1 || in.Subscriptions[0].Topic() != "wamp.session.on_join" {
		t.Error(in.Subscriptions)
	}
	id, err := wamp.Call[string](t.Context(), caller, "app.items.t130.get")
	if err != nil || id != "t130" {
		t.Error(id, err)
	}
	// Handlers answer with the URIs of their own registry, else of the one
	// around it.
	_, err = wamp.Call[int](t.Context(), caller, "app.accounting.acc.divide", wamp.Args{1, 0})
	if !errors.Is(err, wamp.URI("app.accounting.acc.error.insufficient")) {
		t.Error(err)
	}
	_, err = wamp.Call[int](t.Context(), caller, "app.own.divide", wamp.Args{1, 0})
	if !errors.Is(err, wamp.URI("other.insufficient")) {
		t.Error(err)
	}
}

// Mistakes are errors of the definition, and all of them are in Err.
func TestRegistryMistakes(t *testing.T) {
	root := wamp.NewRegistry("app")
	sub := wamp.NewRegistry("sub")
	check(t, sub.Register("taken", wamp.Func2(multiply)))
	check(t, root.Mount("", sub))
	check(t, root.Register("other", wamp.Func2(multiply)))
	check(t, wamp.DefineError[*plain](root, "error.plain"))
	same := wamp.NewRegistry("app")
	check(t, same.Register("other", wamp.Func2(multiply)))
	clashing := wamp.NewRegistry("")
	check(t, wamp.DefineError[*insufficient](clashing, "error.plain"))
	harmless := wamp.NewRegistry("")
	check(t, wamp.DefineError[*plain](harmless, "error.plain"))
	check(t, root.Mount("", harmless))

	literal := func(context.Context) (int, error) { return 0, nil }
	var none func(context.Context) (int, error)
	mistakes := []struct {
		name string
		err  error
		text string
	}{
		{"twice", root.Register("other", wamp.Func2(multiply)), "app.other is defined already, at registry_test.go:"},
		{"twice below", root.Register("sub.taken", wamp.Func2(multiply)), "defined already"},
		{"twice above", sub.Register("taken", wamp.Func2(divide)), "defined already"},
		{"wildcard twice", errors.Join(root.Register("a.{b}", wamp.Func0(literal)), root.Register("a.", wamp.Func0(literal), wamp.Match(wamp.Wildcard))), "defined already"},
		{"literal", root.Register("", wamp.Func0(literal)), "no name"},
		{"no handler", root.Register("x", nil), "no handler"},
		{"no function", root.Register("x", wamp.Func0(none)), "no function"},
		{"no raw function", root.Register("x", wamp.HandlerFunc(nil)), "no function"},
		{"no event function", root.Subscribe("x", wamp.Event[int](nil)), "no function"},
		{"no event handler", root.Subscribe("x", nil), "no handler"},
		{"no name", root.Subscribe("", handlerWithoutName{}), "no name"},
		{"bad URI", root.Register("white space", wamp.Func0(literal)), "no valid URI"},
		{"bad pattern", root.Subscribe("a.{b", wamp.Event(messageReceived)), "neither fixed"},
		{"bad component", root.Register("a.{b}", wamp.Typed(func(context.Context, struct {
			C string `uri:"c"`
		}) (int, error) {
			return 0, nil
		})), `no component "c"`},
		{"bad limit", root.Register("x", wamp.Func0(literal), wamp.Concurrency(-1)), "concurrency"},
		{"bad prefix", root.Mount("{x}", wamp.NewRegistry("")), "prefix"},
		{"itself", root.Mount("x", root), "contain itself"},
		{"circle", sub.Mount("x", root), "contain itself"},
		{"nothing", root.Mount("x", nil), "no registry"},
		{"clash", wamp.NewRegistry("").Mount("x", root), ""},
		{"mounted twice", errors.Join(root.Mount("m", same), root.Mount("m", same)), "defined already"},
		{"error of another type", wamp.DefineError[*insufficient](root, "error.plain"), "stands for"},
		{"error of another type below", root.Mount("", clashing), "defined already"},
		{"error no URI", wamp.DefineError[notFound](root, "white space"), "no valid URI"},
		{"own prefix", wamp.NewRegistry("white space").Err(), "prefix"},
	}
	for _, m := range mistakes {
		switch {
		case m.text == "" && m.err != nil, m.text != "" && (m.err == nil || !strings.Contains(m.err.Error(), m.text)):
			t.Errorf("%s: %v, want %q", m.name, m.err, m.text)
		case m.text != "" && m.name != "own prefix" && !strings.Contains(root.Err().Error(), m.err.Error()[strings.LastIndex(m.err.Error(), "\n")+1:]):
			t.Errorf("%s: not in Err", m.name)
		}
	}
	in, err := wamptest.NewRouter(t).Session().Use(t.Context(), root)
	if err == nil || len(in.Registrations) != 0 {
		t.Error("a registry with mistakes was used")
	}
}

type handlerWithoutName struct{}

func (handlerWithoutName) HandleEvent(context.Context, *wamp.EventInfo) error { return nil }

// S001-29, S001-30: registrations are requested together, and are independent:
// what succeeded stays when another one fails.
func TestUseFails(t *testing.T) {
	callee, other, _ := socketed(t)
	register(t, other, "com.p30", wamp.Func2(multiply))
	reg := wamp.NewRegistry("com")
	for i := range 300 {
		check(t, reg.Register(fmt.Sprint("p", i), wamp.Func2(multiply)))
	}
	check(t, reg.Subscribe("topic", wamp.Event(messageReceived)))
	in, err := callee.Use(t.Context(), reg)
	if !errors.Is(err, wamp.ErrProcedureAlreadyExists) || !strings.Contains(err.Error(), "com.p30") || len(in.Subscriptions) != 0 {
		t.Error(err, in.Subscriptions)
	}
	names := procedures(in)
	if len(names) < 30 || slices.Contains(names, "com.p30") || !slices.Equal(names[:30], names30()) {
		t.Error(names)
	}
	if len(callee.Registrations("")) != len(names) {
		t.Error(len(callee.Registrations("")), len(names))
	}
	check(t, callee.Close(t.Context()))
	if _, err := callee.Use(t.Context(), wamp.NewRegistry("")); err != nil {
		t.Error("nothing to do:", err)
	}
	if _, err := callee.Use(t.Context(), reg); !errors.Is(err, wamp.ErrClosed) {
		t.Error(err)
	}
}

func names30() (names []string) {
	for i := range 30 {
		names = append(names, fmt.Sprint("com.p", i))
	}
	return names
}

// calculator has methods that can be procedures, and others.
type calculator struct{ factor int }

func (c *calculator) Scale(n int) int                                        { return n * c.factor }
func (c *calculator) SquareOf(_ context.Context, n float64) (float64, error) { return n * n, nil }
func (c *calculator) Sum(first int, more ...int) (int, error) {
	for _, n := range more {
		first += n
	}
	return first, nil
}
func (c *calculator) Reset(context.Context) error { return &insufficient{"reset", c.factor} }
func (c *calculator) Count(_ context.Context, n int, send func(int) error) (string, error) {
	for i := range n {
		if err := send(i); err != nil {
			return "", err
		}
	}
	return "done", nil
}
func (c *calculator) Describe(in struct {
	Name string `wamp:"name"`
}) (out struct {
	Greeting string `wamp:"greeting"`
}) {
	out.Greeting = "hello " + in.Name
	return out
}
func (c *calculator) Raw(in wamp.Result) int  { return in.Len() }
func (c *calculator) Watch(chan int)          {}
func (c *calculator) Two() (int, int)         { return 1, 2 }
func (c *calculator) Stream() (func(), error) { return nil, nil }
func (c *calculator) Fill(int, struct {
	A int `wamp:"a"`
}) {
}

// S001-26, S001-28, S001-32: the methods of an object are procedures.
func TestService(t *testing.T) {
	callee, caller, _ := socketed(t)
	reg := wamp.NewRegistry("com")
	check(t, reg.Service("calc", &calculator{factor: 3}))
	check(t, wamp.DefineError[*insufficient](reg, "error.insufficient"))
	in := use(t, callee, reg)
	names := procedures(in)
	slices.Sort(names)
	want := []string{
		"com.calc.count", "com.calc.describe", "com.calc.raw", "com.calc.reset", "com.calc.scale",
		"com.calc.square_of", "com.calc.sum",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Fatal(diff)
	}
	call := func(name string, opts ...wamp.CallOption) any {
		t.Helper()
		v, err := wamp.Call[any](t.Context(), caller, "com.calc."+name, opts...)
		check(t, err)
		return v
	}
	if v := call("scale", wamp.Args{5}); v != int64(15) {
		t.Error(v)
	}
	if v := call("square_of", wamp.Args{1.5}); v != 2.25 {
		t.Error(v)
	}
	if v := call("sum", wamp.Args{1, 2, 3}); v != int64(6) {
		t.Error(v)
	}
	if v := call("raw", wamp.Args{1, 2, 3}); v != int64(3) {
		t.Error(v)
	}
	var steps []int
	if v := call("count", wamp.Args{3}, wamp.OnProgress(func(n int) { steps = append(steps, n) })); v != "done" || !slices.Equal(steps, []int{0, 1, 2}) {
		t.Error(v, steps)
	}
	r, err := wamp.Call[wamp.Result](t.Context(), caller, "com.calc.describe", wamp.KW{"name": "joe"})
	check(t, err)
	var greeting string
	if check(t, r.Kwarg("greeting", &greeting)); greeting != "hello joe" {
		t.Error(greeting)
	}
	if _, err := wamp.Call[any](t.Context(), caller, "com.calc.reset"); !errors.Is(err, wamp.URI("com.error.insufficient")) {
		t.Error(err)
	}
	for _, args := range []wamp.Args{{}, {"x"}, {1, 2}} {
		if _, err := wamp.Call[any](t.Context(), caller, "com.calc.scale", args); !errors.Is(err, wamp.ErrInvalidArgument) {
			t.Error(args, err)
		}
	}
	for _, object := range []any{nil, 7, &struct{}{}} {
		if wamp.NewRegistry("").Service("x", object) == nil {
			t.Errorf("%T is a service", object)
		}
	}
}

func TestFuncMistakes(t *testing.T) {
	c := &calculator{}
	for _, f := range []any{7, nil, c.Watch, c.Two, c.Stream, c.Fill, (func())(nil), func(...chan int) {}, func(context.Context, func(chan int) error, int) {}} {
		if err := wamp.NewRegistry("").Register("x", wamp.Func(f)); err == nil {
			t.Errorf("%T can be a procedure", f)
		}
	}
	reg := wamp.NewRegistry("com")
	check(t, reg.Register("", wamp.Func(c.SquareOf)))
	check(t, reg.Register("", wamp.Func2(multiply)))
	check(t, reg.Register("", wamp.Func(generic[int])))
	in := use(t, wamptest.NewRouter(t).Session(), reg)
	if diff := cmp.Diff([]string{"com.square_of", "com.multiply", "com.generic"}, procedures(in)); diff != "" {
		t.Error(diff)
	}
}

func generic[T any](v T) T { return v }

// S003-17..21: handles are found by URI, and ended one by one or all at once;
// what is not there is an error.
func TestHandles(t *testing.T) {
	s, publisher, _ := socketed(t)
	register(t, s, "com.{x}.get", wamp.Func2(multiply))
	first := register(t, s, "com.x", wamp.Func2(multiply))
	if list := s.Registrations("com.x"); len(list) != 1 || list[0] != first || list[0].ID() == 0 {
		t.Error(list)
	}
	if n := len(s.Registrations("com..get")); n != 1 {
		t.Error(n)
	}
	if n := len(s.Registrations("")); n != 2 {
		t.Error(n)
	}
	if list := s.Registrations("com.nothing"); list != nil {
		t.Error(list)
	}
	check(t, s.UnregisterAll(t.Context(), "com..get"))
	for _, uri := range []string{"com..get", "com.nothing"} {
		if err := s.UnregisterAll(t.Context(), uri); !errors.Is(err, wamp.ErrNotRegistered) {
			t.Error(err)
		}
	}
	check(t, first.Unregister(t.Context()))
	if err := first.Unregister(t.Context()); !errors.Is(err, wamp.ErrNotRegistered) {
		t.Error(err)
	}

	got := make(chan int, 10)
	subscribe := func(n int) *wamp.Subscription {
		sub, err := s.Subscribe(t.Context(), "com.topic", wamp.Event(func(context.Context, struct{}) error {
			got <- n
			return nil
		}))
		check(t, err)
		return sub
	}
	a, b, c := subscribe(1), subscribe(2), subscribe(3)
	if list := s.Subscriptions("com.topic"); !slices.Equal(list, []*wamp.Subscription{a, b, c}) || a.ID() != c.ID() {
		t.Error(list)
	}
	publish := func() {
		_, err := publisher.Publish(t.Context(), "com.topic", wamp.Acknowledge())
		check(t, err)
	}
	check(t, b.Unsubscribe(t.Context()))
	if err := b.Unsubscribe(t.Context()); !errors.Is(err, wamp.ErrNotSubscribed) {
		t.Error(err)
	}
	publish()
	if sum := <-got + <-got; sum != 4 {
		t.Error(sum)
	}
	check(t, s.UnsubscribeAll(t.Context(), "com.topic"))
	publish()
	// A call and its answer come after an event that there must not be.
	register(t, publisher, "com.ping", wamp.Func2(multiply))
	_, err := wamp.Call[int](t.Context(), s, "com.ping", wamp.Args{1, 2})
	check(t, err)
	if len(got) != 0 {
		t.Error("an event after UnsubscribeAll")
	}
	if err := s.UnsubscribeAll(t.Context(), "com.topic"); !errors.Is(err, wamp.ErrNotSubscribed) {
		t.Error(err)
	}
	check(t, s.Close(t.Context()))
	if err := s.UnsubscribeAll(t.Context(), "com.topic"); !errors.Is(err, wamp.ErrClosed) {
		t.Error(err)
	}
}

// S003-11, S003-12: one value says who gets events, by session, authid and
// authrole, and is used again.
func TestReceivers(t *testing.T) {
	rt := wamptest.NewRouter(t)
	publisher := rt.SessionAs("user", "publisher")
	got := make(chan string, 10)
	ids := make(map[string]uint64)
	var subs []*wamp.Subscription
	for name, role := range map[string]string{"ann": "admin", "bob": "user", "cat": "user", "dan": "guest"} {
		s := rt.DialAs(&wamp.Dialer{URLs: []string{rt.URL()}}, router.Identity{AuthID: name, Role: role})
		ids[name] = s.ID()
		sub, err := s.Subscribe(t.Context(), "com.topic", wamp.Event(func(context.Context, struct{}) error {
			got <- name
			return nil
		}))
		check(t, err)
		subs = append(subs, sub)
	}
	for _, tt := range []struct {
		who  wamp.Receivers
		want []string
	}{
		{wamp.Receivers{}, []string{"ann", "bob", "cat", "dan"}},
		{wamp.Receivers{Eligible: []uint64{ids["ann"], ids["bob"]}, Exclude: []uint64{ids["ann"]}}, []string{"bob"}},
		{wamp.Receivers{Eligible: []uint64{}}, nil},
		{wamp.Receivers{EligibleAuthID: []string{"ann", "dan", "nobody"}}, []string{"ann", "dan"}},
		{wamp.Receivers{ExcludeAuthID: []string{"ann", "dan"}}, []string{"bob", "cat"}},
		{wamp.Receivers{EligibleAuthRole: []string{"user", "admin"}}, []string{"ann", "bob", "cat"}},
		{wamp.Receivers{ExcludeAuthRole: []string{"user"}}, []string{"ann", "dan"}},
		{wamp.Receivers{EligibleAuthRole: []string{"user"}, ExcludeAuthID: []string{"bob"}}, []string{"cat"}},
	} {
		for range 2 { // the same value again
			_, err := publisher.Publish(t.Context(), "com.topic", tt.who, wamp.Acknowledge())
			check(t, err)
			var all []string
			for range tt.want {
				all = append(all, <-got)
			}
			slices.Sort(all)
			if diff := cmp.Diff(tt.want, all); diff != "" {
				t.Errorf("%+v: %s", tt.who, diff)
			}
		}
	}
	for _, sub := range subs {
		check(t, sub.Sync(t.Context()))
	}
	if len(got) != 0 {
		t.Error("one event too many, for", <-got)
	}
}

// Drain ends the work, and waits for what runs, without disturbing it.
func TestDrain(t *testing.T) {
	callee, caller, _ := socketed(t)
	started, release := make(chan struct{}), make(chan struct{})
	register(t, callee, "com.slow", wamp.Func0(func(ctx context.Context) (int, error) {
		close(started)
		<-release
		return 7, ctx.Err()
	}))
	register(t, callee, "com.self", wamp.Func0(func(ctx context.Context) (int, error) { return 1, callee.Drain(ctx) }))
	slow := wamp.Go[int](t.Context(), caller, "com.slow")
	<-started
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := callee.Drain(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if n, err := wamp.Call[int](t.Context(), caller, "com.self"); err == nil && n != 1 {
		t.Error(n, err)
	}
	drained := make(chan error, 1)
	go func() { drained <- callee.Drain(t.Context()) }()
	for {
		if _, err := wamp.Call[int](t.Context(), caller, "com.self"); errors.Is(err, wamp.ErrNoSuchProcedure) {
			break
		}
	}
	close(release)
	if n, err := slow.Result(); err != nil || n != 7 {
		t.Error(n, err)
	}
	check(t, <-drained)
	if callee.Err() != nil {
		t.Error(callee.Err())
	}
}
