package router_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// table is an authenticator that knows users by name, and can say who may stay.
type table map[string]string // role by authid

func (table) Method() string { return "" }

func (u table) Authenticate(_ context.Context, h *router.Handshake) (*router.Identity, error) {
	if role, ok := u[h.AuthID]; ok {
		return &router.Identity{AuthID: h.AuthID, Role: role, Method: "table"}, nil
	}
	return nil, wamp.ErrAuthenticationDenied
}

func (u table) Revalidate(id *router.Identity) *router.Identity {
	if role, ok := u[id.AuthID]; ok {
		return &router.Identity{AuthID: id.AuthID, Role: role}
	}
	return nil
}

func everything(roles ...string) (list []router.Role) {
	for _, name := range roles {
		list = append(list, router.Role{Name: name, Rules: []router.Rule{
			{URI: "", Match: wamp.Prefix, Allow: router.AllActions},
			{URI: "wamp.", Match: wamp.Prefix, Allow: router.AllActions},
		}})
	}
	return list
}

// Who is no longer accepted gets GOODBYE, what is no longer allowed is revoked,
// and everything else stays as it is.
func TestConfigure(t *testing.T) {
	rt, addr := newRouter(t, router.Config{})
	realm := rt.Realm("realm1")
	must(t, realm.Configure(router.RealmConfig{
		Authenticators: []router.Authenticator{table{"joe": "user", "jim": "user", "ann": "user", "old": "user"}},
		Roles:          everything("user", "admin"),
	}))
	joe, jim, ann := joinAs(t, addr, "joe", ""), joinAs(t, addr, "jim", ""), joinAs(t, addr, "ann", "")
	old := dialWire(t, addr, 15) // has not announced that it understands revocation
	old.send(`[1,"realm1",{"authid":"old","roles":{"callee":{},"subscriber":{},"caller":{}}}]`)
	old.expect(`[2,"$session","*"]`)
	for _, w := range []*wire{joe, old} {
		w.register(`{"invoke":"roundrobin"}`, "com.lost")
		w.subscribe(`{"match":"prefix"}`, "com.")
		w.register(`{"invoke":"roundrobin"}`, "com.kept")
		w.vars["kept"] = w.vars["reg"]
		w.subscribe(`{}`, "com.kept")
	}
	joe.vars["lost"] = nil
	joe.call("wamp.registration.lookup", `["com.lost"]`)
	delete(joe.vars, "lost")
	joe.expect(fmt.Sprintf(`[50,%d,{},["$lost"]]`, joe.requests))
	joe.call("wamp.subscription.lookup", `["com.",{"match":"prefix"}]`)
	joe.expect(fmt.Sprintf(`[50,%d,{},["$wide"]]`, joe.requests))
	ann.send(`[48,1,{},"com.lost",[1]]`)
	joe.expect(`[68,1,"$lost",{},[1]]`)

	must(t, realm.Configure(router.RealmConfig{
		Authenticators: []router.Authenticator{table{"joe": "user", "ann": "admin", "old": "user"}},
		Roles: append(everything("admin"), router.Role{Name: "user", Rules: []router.Rule{
			{URI: "com.kept", Allow: router.AllActions},
			{URI: "wamp.registration.", Match: wamp.Prefix, Allow: router.ActCall},
		}}),
	}))
	for _, w := range []*wire{jim, ann} { // unknown, and of another role
		for {
			if typ, m := w.answer(); typ == 6 {
				if m[2] != "wamp.close.auth" {
					t.Errorf("got %v", m)
				}
				break
			}
		}
		w.send(`[6,{},"wamp.close.goodbye_and_out"]`)
		w.expectEnd()
	}
	joe.expect(`[67,0,{"registration":"$lost","reason":"it is not allowed any more"}]`)
	joe.expect(`[35,0,{"subscription":"$wide","reason":"it is not allowed any more"}]`)
	joe.expect(`[69,1,{"mode":"killnowait"}]`) // the caller is gone
	if got := joe.attempt("register", "", "com.lost"); got != "wamp.error.not_authorized" {
		t.Error(got)
	}
	joe.answers("wamp.registration.count_callees", `["$kept"]`, `,[2]`)
	joe.fails("wamp.registration.get", `["$lost"]`, "wamp.error.no_such_registration")
	old.sync() // is not told
	admin := joinAs(t, addr, "ann", "")
	admin.publish("", "com.kept", "[1]")
	for _, w := range []*wire{joe, old} {
		w.expect(`[36,"$sub","*",{},[1]]`)
	}
	admin.publish("", "com.lost", "[1]")
	silent(t, joe, old)
}

// Whether sessions stay goes by the authenticator that accepted them.
func TestWhoStays(t *testing.T) {
	rt, addr := newRouter(t, router.Config{})
	realm := rt.Realm("realm1")
	anonymous := join(t, addr)
	realm.Authenticate(believing())
	believed := joinAs(t, addr, "joe", "guest")
	// An authenticator that cannot say who may stay has all of its method stay.
	must(t, realm.Configure(router.RealmConfig{Authenticators: []router.Authenticator{believing()}}))
	anonymous.expect(`[6,{"message":"*"},"wamp.close.auth"]`)
	believed.sync()
	// Nobody accepts anything but anonymous sessions.
	must(t, realm.Configure(router.RealmConfig{}))
	believed.expect(`[6,{"message":"*"},"wamp.close.auth"]`)
	again := join(t, addr)
	must(t, realm.Configure(router.RealmConfig{}))
	again.sync()
}

// Switches, policies, history and retention can be changed, too.
func TestConfigureTheRest(t *testing.T) {
	rt, addr := newRouter(t, router.Config{})
	realm := rt.Realm("realm1")
	w := join(t, addr)
	w.subscribe(`{}`, "com.t")
	w.publishOnly("", "com.h", `[0]`)
	w.published()
	must(t, realm.Configure(router.RealmConfig{
		StrictURI: true,
		Policies:  []router.Policy{{URI: "com.", Match: wamp.Prefix, Disclose: router.Always}},
		History:   []router.History{{URI: "com.h", Limit: 2}, {URI: "com.t", Limit: 3}},
	}))
	other := join(t, addr)
	if got := other.attempt("publish", "", "com.T"); got != "wamp.error.invalid_uri" {
		t.Error(got)
	}
	for i := range 4 {
		other.publish("", "com.h", fmt.Sprintf(`[%d]`, i+1))
	}
	other.publish("", "com.t", `[1]`)
	w.expect(`[36,"$sub","*",{"publisher":"*","publisher_authid":"*","publisher_authrole":"anonymous"},[1]]`)
	events := func(topic string, want ...int) {
		t.Helper()
		w.call("wamp.subscription.lookup", fmt.Sprintf(`[%q]`, topic))
		w.expect(fmt.Sprintf(`[50,%d,{},["$id"]]`, w.requests))
		w.call("wamp.subscription.get_events", `["$id"]`)
		delete(w.vars, "id")
		typ, m := w.answer()
		if want == nil {
			if typ != 8 || m[4] != "wamp.error.history_unavailable" {
				t.Fatalf("%s: got %v", topic, m)
			}
			return
		}
		var got []int
		if len(m) > 3 {
			for _, e := range m[3].([]any) {
				got = append(got, int(number(e.(map[string]any)["args"].([]any)[0])))
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", topic, got, want)
		}
	}
	events("com.h", 3, 4)
	events("com.t", 1)
	must(t, realm.Configure(router.RealmConfig{History: []router.History{{URI: "com.h", Limit: 1}}}))
	events("com.h", 4)
	events("com.t")
	other.publish("", "com.h", `[5]`)
	events("com.h", 5)
	other.publish("", "com.t", `[2]`) // still subscribed, and nobody is made known
	w.expect(`[36,"$sub","*",{},[2]]`)
	must(t, realm.Configure(router.RealmConfig{}))
	w.answers("wamp.subscription.lookup", `["com.h"]`, `,[null]`)
}

// A broken configuration changes nothing.
func TestBrokenConfiguration(t *testing.T) {
	rt, addr := newRouter(t, router.Config{})
	realm := rt.Realm("realm1")
	must(t, realm.Configure(router.RealmConfig{Authenticators: []router.Authenticator{table{"joe": "user"}}, Roles: everything("user")}))
	joe := joinAs(t, addr, "joe", "")
	joe.subscribe(`{}`, "com.t")
	broken := router.RealmConfig{
		Authenticators: []router.Authenticator{table{}},
		Roles:          []router.Role{{Name: "user", Rules: []router.Rule{{URI: "not a uri"}}}},
	}
	if err := realm.Configure(broken); err == nil || broken.Check() == nil {
		t.Error("it passes")
	}
	joe.publish(`"exclude_me":true`, "com.t", "")
	again := joinAs(t, addr, "joe", "")
	again.publish("", "com.t", "[1]")
	joe.expect(`[36,"$sub","*",{},[1]]`)
}

// Reloading 100 times under load: no message is lost and no session ends that is
// still allowed, while others come and go with what they are allowed.
func TestConfigureUnderLoad(t *testing.T) {
	rt, addr := newRouter(t, router.Config{})
	realm := rt.Realm("realm1")
	ask := router.AuthorizerFunc(func(context.Context, *router.Request) (router.Decision, error) {
		return router.Decision{Allow: true, TTL: time.Millisecond}, nil
	})
	configure := func(i int) {
		t.Helper()
		users := table{"pub": "user", "sub": "user", "callee": "user", "caller": "user", "dyn": "user"}
		rules := []router.Rule{
			{URI: "com.load.", Match: wamp.Prefix, Allow: router.AllActions},
			{URI: "dyn.", Match: wamp.Prefix, Allow: router.AllActions, Ask: ask},
			{URI: fmt.Sprintf("com.rule%d", i), Allow: router.AllActions},
		}
		if i%2 == 0 {
			users["guest"] = "guest"
			rules = append(rules, router.Rule{URI: "com.sometimes", Allow: router.AllActions})
		}
		must(t, realm.Configure(router.RealmConfig{
			Authenticators: []router.Authenticator{users},
			Roles:          []router.Role{{Name: "user", Rules: rules}, {Name: "guest"}},
		}))
	}
	configure(0)
	var load, others sync.WaitGroup
	var stop, enough atomic.Bool
	// flood sends requests until all is done, never more than a few ahead of what
	// is received.
	flood := func(w *wire, request string, received func(i int)) {
		ahead := make(chan struct{}, 200)
		load.Go(func() {
			defer close(ahead)
			for i := 0; !enough.Load(); i++ {
				ahead <- struct{}{}
				w.deadline()
				if _, err := w.nc.Write(w.frame([]byte(fmt.Sprintf(request, i+1, i)))); err != nil {
					t.Error(err)
					return
				}
			}
		})
		load.Go(func() {
			i := 0
			for range ahead {
				received(i)
				i++
			}
			t.Logf("%s: %d times", request, i)
		})
	}
	publish := func(pub, sub *wire, topic string) {
		sub.subscribe(`{}`, topic)
		flood(pub, `[16,%d,{},"`+topic+`",[%d]]`, func(i int) {
			if typ, m := sub.answer(); typ != 36 || number(m[4].([]any)[0]) != int64(i) {
				t.Errorf("%s: got %v in place of event %d", topic, m, i)
			}
		})
	}
	publish(joinAs(t, addr, "pub", ""), joinAs(t, addr, "sub", ""), "com.load.t")
	publish(joinAs(t, addr, "dyn", ""), joinAs(t, addr, "sub", ""), "dyn.t")
	callee, caller := joinAs(t, addr, "callee", ""), joinAs(t, addr, "caller", "")
	callee.register(`{}`, "com.load.p")
	calls := make(chan struct{}, 200)
	flood(caller, `[48,%d,{},"com.load.p",[%d]]`, func(int) {
		calls <- struct{}{}
		if typ, m := caller.answer(); typ != 50 {
			t.Errorf("the caller got %v", m)
		}
	})
	others.Go(func() {
		for range calls {
			typ, m := callee.answer()
			if typ != 68 {
				t.Errorf("the callee got %v", m)
			}
			callee.deadline()
			_, _ = callee.nc.Write(callee.frame([]byte(fmt.Sprintf(`[70,%v,{},[1]]`, m[1]))))
		}
	})
	// Sessions and subscriptions that are allowed every other time.
	others.Go(func() {
		for !stop.Load() {
			w := dialWire(t, addr, 15)
			w.send(`[1,"realm1",{"authid":"guest","roles":{"subscriber":{"features":{"subscription_revocation":true}}}}]`)
			if typ, _ := w.answer(); typ == 2 && !stop.Load() {
				if typ, m := w.answer(); typ != 6 {
					t.Errorf("the guest got %v", m)
				}
			}
			_ = w.nc.Close()
		}
	})
	others.Go(func() {
		w := joinAs(t, addr, "sub", "")
		for subscribed := false; !stop.Load() || subscribed; {
			if !subscribed {
				w.send(fmt.Sprintf(`[32,%d,{},"com.sometimes"]`, w.next()))
			}
			switch typ, m := w.answer(); typ {
			case 33:
				subscribed = true
			case 35:
				subscribed = false
			case 8:
			default:
				t.Errorf("got %v", m)
				return
			}
		}
	})
	witness := joinAs(t, addr, "sub", "")
	for i := range 100 {
		configure(i + 1)
		for range 2 { // so that the load goes on meanwhile
			witness.sync()
		}
	}
	enough.Store(true)
	load.Wait()
	close(calls)
	stop.Store(true)
	configure(1) // ends the guest, and revokes what is allowed sometimes
	others.Wait()
	if n := len(realm.Sessions()); n < 6 {
		t.Errorf("%d sessions are left", n)
	}
}
