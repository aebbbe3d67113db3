package router_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// counter is a value that handlers share. It tells of each change.
type counter struct {
	mu      sync.Mutex
	n       int
	changed chan int
}

func newCounter() *counter { return &counter{changed: make(chan int, 16)} }

func (c *counter) add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n += n
	c.changed <- c.n
}

func (c *counter) get() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// await checks that the next change is to n.
func (c *counter) await(t *testing.T, n int) {
	t.Helper()
	if got := <-c.changed; got != n {
		t.Fatalf("the counter is %d, want %d", got, n)
	}
}

// S004-7..12, S004-23: two realms share a counter of the whole application that
// is one more for each session that is authenticated, and one less when it ends
// by GOODBYE, by kill, and because the cable is cut. The counter is given to
// handlers of all realms, and one realm has another value of that kind.
func TestCounterOfTwoRealms(t *testing.T) {
	rt, addr := newRouter(t, router.Config{NoDefaultRealm: true})
	count := newCounter()
	router.Provide(rt, func(*router.Session) *counter { return count })
	rt.OnSession(func(ctx context.Context, s *router.Session) (func(), error) {
		router.Use[*counter](ctx).add(1)
		return func() { router.Use[*counter](ctx).add(-1) }, nil
	})
	type greeting string
	router.Provide(rt, func(s *router.Session) greeting { return greeting("hello " + s.AuthID()) })
	api := wamp.NewRegistry("")
	must(t, api.Register("count", wamp.Func0(func(ctx context.Context) (int, error) {
		return router.Use[*counter](ctx).get(), nil
	})))
	must(t, api.Register("greet", wamp.Func0(func(ctx context.Context) (string, error) {
		return string(router.Use[greeting](ctx)), nil
	})))
	for _, name := range []string{"users", "admins"} {
		rt.Realm(name).Authenticate(ticketed())
		must(t, rt.Realm(name).Mount("", api))
	}
	router.Provide(rt.Realm("admins"), func(s *router.Session) greeting { return greeting("at your service, " + s.AuthID()) })

	enter := func(realm, ticket string) *wire {
		w := dialWire(t, addr, 15)
		w.send(`[1,"` + realm + `",` + withTicket + `]`)
		w.expect(`[4,"ticket",{"for":"secret"}]`)
		w.send(`[5,"` + ticket + `",{}]`)
		if ticket == "secret" {
			w.expect(`[4,"ticket",{"for":"again"}]`)
			w.send(`[5,"again",{}]`)
			w.expect(`[2,"$session","*"]`)
		}
		return w
	}
	user := enter("users", "secret")
	count.await(t, 1)
	admin := enter("admins", "secret")
	count.await(t, 2)
	// Who is not authenticated does not count.
	enter("admins", "guess").expect(`[3,{"message":"no"},"wamp.error.authentication_denied"]`)
	for w, greeting := range map[*wire]string{user: "hello joe", admin: "at your service, joe"} {
		w.send(`[48,1,{},"count"]`)
		w.expect(`[50,1,{},[2]]`)
		w.send(`[48,2,{},"greet"]`)
		w.expect(`[50,2,{},["` + greeting + `"]]`)
	}
	user.send(`[6,{},"wamp.close.normal"]`)
	user.expect(`[6,{},"wamp.close.goodbye_and_out"]`)
	count.await(t, 1)
	_ = admin.nc.Close()
	count.await(t, 0)
	killed := enter("users", "secret")
	count.await(t, 1)
	if n, err := rt.CloseSessions(nil, "com.example.maintenance", "back at noon"); n != 1 || err != nil {
		t.Error(n, err)
	}
	killed.expect(`[6,{"message":"back at noon"},"com.example.maintenance"]`)
	count.await(t, 0)
}

// S004-13, S004-14: what a handler keeps with a session is there in each later
// one of the same session, and in no other.
func TestKeys(t *testing.T) {
	rt, addr := newRouter(t, router.Config{})
	name, other := router.NewKey[string]("name"), router.NewKey[string]("name")
	api := wamp.NewRegistry("")
	must(t, api.Register("set_my_name", wamp.Func1(func(ctx context.Context, v string) (struct{}, error) {
		name.Set(router.From(ctx), v)
		return struct{}{}, nil
	})))
	must(t, api.Register("get_my_name", wamp.Func0(func(ctx context.Context) (string, error) {
		v, ok := name.Get(router.From(ctx))
		if _, set := other.Get(router.From(ctx)); set || !ok {
			return "", wamp.URI("com.nobody")
		}
		return v, nil
	})))
	must(t, api.Register("forget_my_name", wamp.Func0(func(ctx context.Context) (struct{}, error) {
		name.Delete(router.From(ctx))
		return struct{}{}, nil
	})))
	must(t, rt.Realm("realm1").Mount("", api))
	a, b := join(t, addr), join(t, addr)
	a.send(`[48,1,{},"set_my_name",["Joe"]]`)
	a.expect(`[50,1,{}]`)
	a.send(`[48,2,{},"get_my_name"]`)
	a.expect(`[50,2,{},["Joe"]]`)
	b.send(`[48,1,{},"get_my_name"]`)
	b.expect(`[8,48,1,{},"com.nobody"]`)
	a.send(`[48,3,{},"forget_my_name"]`)
	a.expect(`[50,3,{}]`)
	a.send(`[48,4,{},"get_my_name"]`)
	a.expect(`[8,48,4,{},"com.nobody"]`)
	if name.String() != "name" {
		t.Error(name)
	}
}

// What nobody provides is a mistake that the log tells of, and no more.
func TestUseWithoutProvide(t *testing.T) {
	rt, addr := newRouter(t, router.Config{})
	api := wamp.NewRegistry("")
	must(t, api.Register("com.use", wamp.Func0(func(ctx context.Context) (int, error) { return router.Use[int](ctx), nil })))
	must(t, rt.Realm("realm1").Mount("", api))
	w := join(t, addr)
	w.send(`[48,1,{},"com.use"]`)
	w.expect(`[8,48,1,{},"wamp.error.runtime_error","*"]`)
	defer func() {
		if v := recover(); v == nil || !strings.Contains(fmt.Sprint(v), "outside a handler") {
			t.Error(v)
		}
	}()
	router.Use[int](t.Context())
}

// S004-5, S004-6, S004-16: the transport authenticators of a realm are asked in
// order, here for a cookie, and then those by ticket; one of the application's own
// sees the whole handshake, and accepts with any value as the identity, or
// refuses with a URI and a message.
func TestAuthenticatorsOfARealm(t *testing.T) {
	rt, addr := newRouter(t, router.Config{NoDefaultRealm: true})
	realm := rt.Realm("realm1")
	var asked []string
	agent := router.NewKey[any]("agent")
	cookie := func(name string) router.Authenticator {
		return router.TransportAuthenticator(func(ctx context.Context, h *router.Handshake) (*router.Identity, error) {
			asked = append(asked, name)
			agent.Set(router.From(ctx), h.Details["agent"]) // it is the session to be
			v := h.Transport.Cookie(name)
			switch {
			case v == "":
				return nil, nil
			case v == "stolen":
				return nil, wamp.Errorf("com.example.error.stolen", "this cookie is known to be stolen")
			}
			return &router.Identity{AuthID: v, Role: "cookie", Value: struct{ From, Agent string }{name, h.Transport.Request.UserAgent()}}, nil
		})
	}
	realm.Authenticate(cookie("first"), cookie("second"), ticketed())
	api := wamp.NewRegistry("")
	must(t, api.Register("whoami", wamp.Func0(func(ctx context.Context) (string, error) {
		said, _ := agent.Get(router.From(ctx))
		return fmt.Sprint(router.From(ctx).AuthID(), " ", router.From(ctx).Identity().Value, " ", said), nil
	})))
	must(t, realm.Mount("", api))
	dial := func(cookie string) (*wamp.Session, error) {
		return (&wamp.Dialer{URLs: []string{"ws://" + addr + "/ws"}, Header: func(context.Context) (http.Header, error) {
			return http.Header{"Cookie": {cookie}, "User-Agent": {"test"}}, nil
		}}).Dial(t.Context())
	}
	s, err := dial("second=joe")
	must(t, err)
	who, err := wamp.Call[string](t.Context(), s, "whoami")
	if who != "joe {second test} wampeter" || err != nil || !slices.Equal(asked, []string{"first", "second"}) {
		t.Error(who, err, asked)
	}
	must(t, s.Close(t.Context()))
	var refused *wamp.Error
	if _, err := dial("first=stolen"); !errors.As(err, &refused) || refused.URI != "com.example.error.stolen" ||
		refused.Message() != "this cookie is known to be stolen" {
		t.Error(err)
	}
	w := dialWire(t, addr, 15)
	w.send(`[1,"realm1",` + withTicket + `]`)
	w.expect(`[4,"ticket",{"for":"secret"}]`)
}

// S004-17..21: a function of the application takes all calls. add_stuff reports
// its progress twice, and what is not a number is an error of its own.
func TestHandleCalls(t *testing.T) {
	rt, addr := newRouter(t, router.Config{})
	realm := rt.Realm("realm1")
	mounted := wamp.NewRegistry("")
	must(t, mounted.Register("add_stuff", wamp.Func0(func(context.Context) (string, error) { return "mounted", nil })))
	must(t, realm.Mount("", mounted))
	started := make(chan *router.Call)
	canceled := make(chan error)
	must(t, realm.HandleCalls(func(ctx context.Context, c *router.Call) error {
		switch c.Procedure {
		case "add_stuff":
			args, err := c.Args()
			if err != nil {
				return err
			}
			sum := 0
			for _, v := range args {
				n, ok := v.(int64)
				if !ok {
					return wamp.Errorf("", "Numbers only!")
				}
				sum += int(n)
				if err := c.Progress(wamp.Args{sum}); err != nil {
					return err
				}
			}
			return c.Return(wamp.Args{sum})
		case "describe":
			return c.Return(wamp.Args{c.RequestID, c.Timeout.String(), c.DiscloseMe, c.WantsProgress(), c.Session.ID(), c.Options()["rkey"]},
				wamp.KW{"kwargs": must1(c.Kwargs())})
		case "nothing":
			return nil
		case "own":
			return wamp.NewError("com.example.error.own", wamp.Args{1}, wamp.KW{"a": 2})
		case "uri":
			return fmt.Errorf("wrapped: %w", wamp.URI("com.example.error.uri"))
		case "secret":
			return errors.New("the password of the database is 4711")
		case "panic":
			panic("4711")
		case "twice":
			_ = c.Return(wamp.Args{1})
			return c.Return(wamp.Args{2})
		case "wait":
			started <- c
			<-ctx.Done()
			canceled <- ctx.Err()
			return ctx.Err()
		}
		return wamp.ErrNoSuchProcedure
	}))
	w := join(t, addr)
	w.send(`[48,1,{"receive_progress":true},"add_stuff",[1,2]]`)
	w.expect(`[50,1,{"progress":true},[1]]`)
	w.expect(`[50,1,{"progress":true},[3]]`)
	w.expect(`[50,1,{},[3]]`)
	w.send(`[48,2,{"receive_progress":true},"add_stuff",[1,"x"]]`)
	w.expect(`[50,2,{"progress":true},[1]]`)
	w.expect(`[8,48,2,{},"wamp.error.runtime_error",["Numbers only!"]]`)
	w.send(`[48,3,{},"add_stuff",[1,2]]`)
	w.expect(`[50,3,{},[3]]`)
	w.send(`[48,4,{"timeout":60000,"disclose_me":true,"receive_progress":true,"rkey":7},"describe",[],{"a":1}]`)
	w.expect(`[50,4,{},[4,"1m0s",true,true,"$session",7],{"kwargs":{"a":1}}]`)
	for i, test := range []struct{ procedure, answer string }{
		{"nothing", `[50,"*",{}]`},
		{"own", `[8,48,"*",{},"com.example.error.own",[1],{"a":2}]`},
		{"uri", `[8,48,"*",{},"com.example.error.uri"]`},
		{"secret", `[8,48,"*",{},"wamp.error.runtime_error",["the call could not be served"]]`},
		{"panic", `[8,48,"*",{},"wamp.error.runtime_error",["the procedure failed unexpectedly"]]`},
		{"twice", `[8,48,"*",{},"wamp.error.runtime_error",["the call could not be served"]]`},
		{"unknown", `[8,48,"*",{},"wamp.error.no_such_procedure"]`},
	} {
		w.send(fmt.Sprintf(`[48,%d,{},%q]`, 5+i, test.procedure))
		w.expect(test.answer)
	}
	// A client that registers is not called either; the router's own procedures
	// are.
	w.send(`[64,20,{},"nothing"]`)
	w.expect(`[65,20,"*"]`)
	w.send(`[48,21,{},"nothing"]`)
	w.expect(`[50,21,{}]`)
	w.send(`[48,22,{},"wamp.session.count"]`)
	w.expect(`[50,22,{},[1]]`)

	w.send(`[48,23,{},"wait"]`)
	<-started
	w.send(`[49,23,{"mode":"kill"}]`)
	<-canceled
	w.expect(`[8,48,23,{},"wamp.error.canceled"]`)
	w.send(`[48,24,{"timeout":200},"wait"]`)
	<-started
	<-canceled
	w.expect(`[8,48,24,{},"wamp.error.timeout"]`)
	w.send(`[48,25,{},"wait"]`)
	c := <-started
	_ = w.nc.Close()
	<-canceled
	if c.Session.Role() != "anonymous" {
		t.Error(c.Session)
	}
	// Another function takes over.
	must(t, realm.HandleCalls(func(_ context.Context, c *router.Call) error { return c.Return(wamp.Args{"new"}) }))
	w = join(t, addr)
	w.send(`[48,1,{},"add_stuff",[1]]`)
	w.expect(`[50,1,{},["new"]]`)
	if err := realm.HandleCalls(nil); err == nil {
		t.Error("no error for the function")
	}
	w.send(`[48,2,{},"add_stuff",[1]]`)
	w.expect(`[50,2,{},["new"]]`)
	must(t, rt.Close())
	if err := realm.HandleCalls(nil); !errors.Is(err, router.ErrClosed) {
		t.Error(err)
	}
}

func must1[T any](v T, _ error) T { return v }

// S004-2, S004-3: sessions of realms that are not configured come into the
// default realm, whatever its name is; without one they are refused.
func TestDefaultRealm(t *testing.T) {
	rt, addr := newRouter(t, router.Config{})
	configured := rt.Realm("configured")
	hello := func(who string) *wamp.Registry {
		api := wamp.NewRegistry("")
		must(t, api.Register("hello", wamp.Func0(func(ctx context.Context) (string, error) {
			return who + " in " + router.From(ctx).Realm().Name(), nil
		})))
		return api
	}
	must(t, configured.Mount("", hello("configured")))
	var made atomic.Int32
	rt.DefaultRealm(func(realm *router.Realm) error {
		made.Add(1)
		return realm.Mount("", hello("default"))
	})
	must(t, rt.Template("tenant.", wamp.Prefix, func(realm *router.Realm) error {
		switch realm.Name() {
		case "tenant.gone":
			return wamp.Errorf("com.example.error.gone", "no longer a tenant")
		case "tenant.unknown":
			return wamp.ErrNoSuchRealm
		case "tenant.broken":
			return errors.New("database 4711 is down")
		case "tenant.panics":
			panic("4711")
		case "tenant.closed":
			realm.Authenticate(ticketed())
		}
		return realm.Mount("", hello("tenant"))
	}))
	for realm, answer := range map[string]string{
		"configured":   "configured in configured",
		"anything":     "default in anything",
		"any.thing":    "default in any.thing",
		"tenant.joe":   "tenant in tenant.joe",
		"tenant.joe.a": "tenant in tenant.joe.a",
	} {
		w := dialWire(t, addr, 15)
		w.hello(realm)
		w.send(`[48,1,{},"hello"]`)
		w.expect(`[50,1,{},["` + answer + `"]]`)
	}
	for realm, abort := range map[string]string{
		"tenant.gone":    `[3,{"message":"no longer a tenant"},"com.example.error.gone"]`,
		"tenant.unknown": `[3,"*","wamp.error.no_such_realm"]`,
		"tenant.broken":  `[3,{"message":"the realm cannot be opened"},"wamp.error.no_such_realm"]`,
		"tenant.closed":  `[3,"*","wamp.error.authentication_required"]`,
		"tenant.panics":  `[3,{"message":"the realm cannot be opened"},"wamp.error.no_such_realm"]`,
	} {
		for range 2 { // the realm is not left half made
			w := dialWire(t, addr, 15)
			w.send(`[1,"` + realm + `",` + allRoles + `]`)
			w.expect(abort)
			w.expectEnd()
		}
	}
	rt.OnHello(func(_ context.Context, h *router.Handshake) (func(), error) {
		if h.Realm == "not.wanted" {
			return nil, wamp.Errorf("com.example.error.unwanted", "not you")
		}
		return nil, nil
	})
	w := dialWire(t, addr, 15)
	w.send(`[1,"not.wanted",` + allRoles + `]`)
	w.expect(`[3,{"message":"not you"},"com.example.error.unwanted"]`)
	if n := made.Load(); n != 2 {
		t.Errorf("%d default realms were made, want 2", n)
	}
	if err := rt.Template("a..b", wamp.Exact, nil); err == nil {
		t.Error("no error for the pattern")
	}
	if err := rt.Template("a.", wamp.Prefix, nil); err == nil {
		t.Error("no error for the function")
	}

	_, addr = newRouter(t, router.Config{NoDefaultRealm: true})
	w = dialWire(t, addr, 15)
	w.send(`[1,"anything",` + allRoles + `]`)
	w.expect(`[3,"*","wamp.error.no_such_realm"]`)
	w.expectEnd()
}

// Clients that come while a realm is being made wait for it, and it is made
// once. It ends with its last session, although something is mounted.
func TestTemplateIsAppliedOnce(t *testing.T) {
	rt, addr := newRouter(t, router.Config{MaxRealms: 1})
	var made atomic.Int32
	begun, goOn := make(chan struct{}, 1), make(chan struct{})
	rt.DefaultRealm(func(realm *router.Realm) error {
		made.Add(1)
		begun <- struct{}{}
		<-goOn
		return realm.Mount("", wamp.NewRegistry(""))
	})
	clients := make([]*wire, 3)
	for i := range clients {
		clients[i] = dialWire(t, addr, 15)
		clients[i].send(`[1,"anything",` + allRoles + `]`)
	}
	<-begun
	asked := make(chan *router.Realm)
	go func() { asked <- rt.Realm("anything") }()
	if len(rt.Realms()) != 0 {
		t.Error("there is a realm that is not made")
	}
	goOn <- struct{}{}
	for _, w := range clients {
		w.expect(`[2,"$session","*"]`)
	}
	if realm := <-asked; len(realm.Sessions()) > 3 {
		t.Error(realm.Sessions())
	}
	if n := made.Load(); n != 1 {
		t.Errorf("made %d times", n)
	}
}

func TestTemplateRealmEnds(t *testing.T) {
	rt, addr := newRouter(t, router.Config{MaxRealms: 1})
	api := wamp.NewRegistry("")
	must(t, api.Register("com.p", wamp.Func0(func(context.Context) (int, error) { return 1, nil })))
	made := make(chan *router.Realm, 2)
	rt.DefaultRealm(func(realm *router.Realm) error {
		made <- realm
		return realm.Mount("", api)
	})
	w := dialWire(t, addr, 15)
	for _, realm := range []string{"one", "two"} {
		delete(w.vars, "session")
		w.hello(realm)
		w.send(`[48,1,{},"com.p"]`)
		w.expect(`[50,1,{},[1]]`)
		own, err := (<-made).Local()
		must(t, err)
		w.send(`[6,{},"wamp.close.normal"]`)
		w.expect(`[6,{},"wamp.close.goodbye_and_out"]`)
		<-own.Done()
	}
}

// S004-7: the server may send an event to one session.
func TestEventToOneSession(t *testing.T) {
	rt, addr := newRouter(t, router.Config{})
	a, b := join(t, addr), join(t, addr)
	for _, w := range []*wire{a, b} {
		w.send(`[32,1,{},"com.news.rain"]`)
		w.expect(`[33,1,"$exact"]`)
		w.send(`[32,2,{"match":"prefix"},"com.news"]`)
		w.expect(`[33,2,"$prefix"]`)
	}
	realm := rt.Realm("realm1")
	sessions := realm.Sessions()
	if len(sessions) != 2 || realm.Session(sessions[0].ID()) != sessions[0] || realm.Session(1) != nil {
		t.Fatal(sessions)
	}
	must(t, sessions[0].Event("com.news.rain", wamp.Args{"soon"}, wamp.KW{"mm": 3}))
	got := []string{string(a.receive()), string(a.receive())}
	slices.Sort(got)
	for _, text := range got {
		if !strings.Contains(text, `"soon"`) || !strings.Contains(text, `{"mm":3}`) {
			t.Error(text)
		}
	}
	b.sync()
	must(t, sessions[1].Event("com.news.sun"))
	b.expect(`[36,"$prefix","*",{"topic":"com.news.sun"}]`)
	a.sync()
	if err := sessions[0].Event("com.other"); !errors.Is(err, wamp.ErrNotSubscribed) {
		t.Error(err)
	}
	if err := sessions[0].Event("a..b"); !errors.Is(err, wamp.ErrInvalidURI) {
		t.Error(err)
	}
	if err := sessions[0].Event("com.news.rain", wamp.Args{make(chan int)}); err == nil {
		t.Error("a channel was sent")
	}
	must(t, sessions[0].Close("", ""))
	a.expect(`[6,{},"wamp.close.killed"]`)
	if err := sessions[0].Event("com.news.rain"); !errors.Is(err, wamp.ErrNotSubscribed) {
		t.Error(err)
	}
	if n, err := realm.CloseSessions(func(s *router.Session) bool { return s == sessions[0] }, "", ""); n != 0 || err != nil {
		t.Error(n, err)
	}
	if _, err := realm.CloseSessions(nil, "no reason", ""); err == nil {
		t.Error("no error for the reason")
	}
	b.sync()
}
