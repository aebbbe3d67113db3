package router_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// believing is an authenticator that takes clients for who they say they are.
func believing() router.Authenticator {
	return router.TransportAuthenticator(func(_ context.Context, h *router.Handshake) (*router.Identity, error) {
		return &router.Identity{AuthID: h.AuthID, Role: h.AuthRole, Method: "belief"}, nil
	})
}

// joinAs opens a session of a role.
func joinAs(t *testing.T, addr, authid, role string) *wire {
	t.Helper()
	w := dialWire(t, addr, 15)
	w.helloAs(authid, role)
	return w
}

func (w *wire) helloAs(authid, role string) {
	w.t.Helper()
	features := `{"features":{` + clientFeatures + `}}`
	w.send(fmt.Sprintf(`[1,"realm1",{"authid":%q,"authrole":%q,"roles":{"caller":%s,"callee":%s,"publisher":%s,"subscriber":%s}}]`,
		authid, role, features, features, features, features))
	delete(w.vars, "session")
	w.expect(`[2,"$session","*"]`)
}

// newGuarded returns a router whose realm1 has these rules for the role guest.
func newGuarded(t *testing.T, rules ...router.Rule) (*router.Realm, string) {
	t.Helper()
	return guarded(t, router.Config{}, rules...)
}

func guarded(t *testing.T, cfg router.Config, rules ...router.Rule) (*router.Realm, string) {
	t.Helper()
	rt, addr := newRouter(t, cfg)
	realm := rt.Realm("realm1")
	realm.Authenticate(believing())
	must(t, realm.Permit("guest", rules...))
	return realm, addr
}

// attempt sends a request and returns the URI of the error that it is answered with,
// "" when it is not.
func (w *wire) attempt(action, match, uri string) string {
	w.t.Helper()
	options := `{}`
	if match != "" {
		options = fmt.Sprintf(`{"match":%q}`, match)
	}
	code := map[string]int{"call": 48, "register": 64, "publish": 16, "subscribe": 32}[action]
	if action == "publish" {
		options = `{"acknowledge":true}`
	}
	w.send(fmt.Sprintf(`[%d,%d,%s,%q]`, code, w.next(), options, uri))
	for {
		switch typ, m := w.answer(); typ {
		case 8:
			return m[4].(string)
		case 17, 33, 50, 65:
			return ""
		}
	}
}

// decisions are those of the rules' own tests.
type decisions []struct {
	Name    string
	AuthID  *string
	Session uint64
	Rules   []struct {
		URI, Match  string
		Allow, Deny []string
		Ask         bool
	}
	Decisions []struct {
		Action, URI, Match, Want, By string
	}
}

func readDecisions(t *testing.T) (list decisions) {
	t.Helper()
	data, err := os.ReadFile("../internal/rules/testdata/decisions.json")
	must(t, err)
	must(t, json.Unmarshal(data, &list))
	return list
}

func actions(t *testing.T, names []string) (a router.Actions) {
	t.Helper()
	for _, name := range names {
		action, ok := router.ParseAction(name)
		if !ok {
			t.Fatalf("no action %q", name)
		}
		a |= action
	}
	return a
}

func policyOf(t *testing.T, name string) wamp.MatchPolicy {
	t.Helper()
	for _, m := range []wamp.MatchPolicy{wamp.Exact, wamp.Prefix, wamp.Wildcard} {
		if m.String() == name || name == "" {
			return m
		}
	}
	t.Fatalf("no policy %q", name)
	return 0
}

// Every decision of the rules' own table comes out of Realm.Can with its rule,
// and out of a session on a socket.
func TestDecisionTable(t *testing.T) {
	n := 0
	for _, c := range readDecisions(t) {
		t.Run(c.Name, func(t *testing.T) {
			var asked atomic.Int64
			ask := router.AuthorizerFunc(func(context.Context, *router.Request) (router.Decision, error) {
				asked.Add(1)
				return router.Decision{Allow: true}, nil
			})
			var rules []router.Rule
			for _, r := range c.Rules {
				rule := router.Rule{URI: r.URI, Match: policyOf(t, r.Match), Allow: actions(t, r.Allow), Deny: actions(t, r.Deny)}
				if r.Ask {
					rule.Ask = ask
				}
				rules = append(rules, rule)
			}
			authid := "somebody"
			if c.AuthID != nil {
				authid = *c.AuthID
			}
			realm, addr := newGuarded(t, rules...)
			var w *wire
			if authid != "" && authid != "a.b" { // whoever has no name is given one
				w = joinAs(t, addr, authid, "guest")
			}
			for _, d := range c.Decisions {
				n++
				action, _ := router.ParseAction(d.Action)
				if c.Session == 0 || c.Session == 1 {
					got := realm.Can("guest", authid, action, d.URI, policyOf(t, d.Match))
					switch {
					case got.Allow != (d.Want == "allow"), (got.Ask != nil) != (d.Want == "ask"):
						t.Errorf("%s %s %q: %+v, want %s", d.Action, d.Match, d.URI, got, d.Want)
					case (d.By[0] <= '9') != (got.Rule != nil):
						t.Errorf("%s %s %q: by rule %v, want %s", d.Action, d.Match, d.URI, got.Rule, d.By)
					case got.Rule != nil && !strings.Contains(got.Reason, "rule "+d.By+":"):
						t.Errorf("%s %s %q: because of %q, want rule %s", d.Action, d.Match, d.URI, got.Reason, d.By)
					}
				}
				if w == nil || c.Session != 0 || d.Match != "" && (d.Action == "call" || d.Action == "publish") {
					continue // there is no such message
				}
				before := asked.Load()
				uri := w.attempt(d.Action, d.Match, d.URI)
				if denied := uri == "wamp.error.not_authorized"; denied != (d.Want == "deny") {
					t.Errorf("%s %s %q: %q on the wire, want %s", d.Action, d.Match, d.URI, uri, d.Want)
				}
				if n := asked.Load() - before; (n > 0) != (d.Want == "ask") {
					t.Errorf("%s %s %q: asked %d times, want %s", d.Action, d.Match, d.URI, n, d.Want)
				}
			}
		})
	}
	if n < 150 {
		t.Errorf("only %d decisions", n)
	}
}

// What a client is told whom rules refuse something: what, and what to ask for.
func TestRefusal(t *testing.T) {
	_, addr := newGuarded(t,
		router.Rule{URI: "com.", Match: wamp.Prefix, Allow: router.AllActions},
		router.Rule{URI: "com.secret.", Match: wamp.Prefix, Deny: router.AllActions})
	w := joinAs(t, addr, "joe", "guest")
	ask := `; ask the operator of realm \"realm1\" to allow %s on uri \"%s\", match %s`
	for _, c := range []struct{ request, why string }{
		{`[48,1,{},"org.x"]`, `role \"guest\" may not call \"org.x\": no rule allows it` + fmt.Sprintf(ask, "call", "org.x", "exact")},
		{`[64,2,{},"com.secret.p"]`, `role \"guest\" may not register \"com.secret.p\": a rule denies it` + fmt.Sprintf(ask, "register", "com.secret.p", "exact")},
		{`[16,3,{"acknowledge":true},"com.secret.t"]`, `role \"guest\" may not publish \"com.secret.t\": a rule denies it` + fmt.Sprintf(ask, "publish", "com.secret.t", "exact")},
		{`[32,4,{"match":"prefix"},"com."]`, `role \"guest\" may not subscribe all of the prefix pattern \"com.\": a rule denies it, or a part of it` + fmt.Sprintf(ask, "subscribe", "com.", "prefix")},
		{`[48,5,{},"wamp.session.list"]`, `role \"guest\" may not call \"wamp.session.list\": it needs a rule whose URI begins with wamp.` + fmt.Sprintf(ask, "call", "wamp.session.list", "exact")},
	} {
		w.send(c.request)
		code := c.request[1:3]
		w.expect(fmt.Sprintf(`[8,%s,%c,{},"wamp.error.not_authorized",["%s"]]`, code, c.request[4], c.why))
	}
	// Nobody else's role gives anything, and a role without rules has none.
	other := joinAs(t, addr, "joe", "other")
	if uri := other.attempt("call", "", "com.x"); uri != "wamp.error.not_authorized" {
		t.Error(uri)
	}
}

// A PUBLISH without acknowledgment that is refused is not answered, but counted;
// request ids stay in order, also of what is refused.
func TestRefusedPublish(t *testing.T) {
	rt, addr := newRouter(t, router.Config{StrictIDs: true})
	realm := rt.Realm("realm1")
	realm.Authenticate(believing())
	must(t, realm.Permit("guest", router.Rule{URI: "com.t", Allow: router.AllActions}))
	a, b := joinAs(t, addr, "a", "guest"), joinAs(t, addr, "b", "guest")
	b.subscribe(`{}`, "com.t")
	a.send(`[16,1,{},"com.t",[1]]`)
	a.send(`[16,2,{},"com.other",[2]]`)
	a.send(`[48,3,{},"com.other"]`)
	a.expect(`[8,48,3,{},"wamp.error.not_authorized",["*"]]`)
	a.send(`[16,4,{},"com.t",[4]]`)
	b.expect(`[36,"$sub","*",{},[1]]`)
	b.expect(`[36,"$sub","*",{},[4]]`)
	if got := rt.AuthorizationStats(); got != (router.AuthorizationStats{Denied: 2}) {
		t.Errorf("%+v", got)
	}
}

// A realm without rules is open, the meta API included; with the first rule it is
// not, for sessions that were there before as well.
func TestFirstRuleCloses(t *testing.T) {
	rt, addr := newRouter(t, router.Config{})
	w := join(t, addr)
	w.answers("wamp.session.count", "", `,[1]`)
	w.register(`{}`, "com.keep")
	w.register(`{}`, "com.lose")
	must(t, rt.Realm("realm1").Permit("anonymous",
		router.Rule{URI: "com.keep", Allow: router.AllActions},
		router.Rule{URI: "wamp.session.count", Allow: router.ActCall}))
	w.answers("wamp.session.count", "", `,[1]`)
	for _, uri := range []string{"wamp.session.list", "com.lose", "com.x"} {
		if got := w.attempt("call", "", uri); got != "wamp.error.not_authorized" {
			t.Errorf("%s: %q", uri, got)
		}
	}
	w.send(fmt.Sprintf(`[48,%d,{},"com.keep"]`, w.next()))
	w.expect(`[68,1,"*",{}]`)
	other := join(t, addr)
	if got := other.attempt("call", "", "com.x"); got != "wamp.error.not_authorized" {
		t.Error(got)
	}
}

// In a realm that knows who its clients are nobody ends what belongs to others
// unless a rule allows it, also when there are no rules at all. In one that is
// open to everybody, everything is allowed.
func TestIntrusion(t *testing.T) {
	rt, addr := newRouter(t, router.Config{})
	realm := rt.Realm("realm1")
	before := join(t, addr)
	before.send(`[48,1,{},"wamp.session.kill_by_authid",["x"]]`)
	before.expect(`[50,1,{},[[]]]`)
	realm.Authenticate(router.Anonymous(router.Principal{Role: "guest"}))
	after := join(t, addr)
	for _, w := range []*wire{before, after} {
		for i, procedure := range []string{"session.kill", "session.kill_by_authid", "session.kill_by_authrole", "session.kill_all",
			"registration.remove_callee", "subscription.remove_subscriber", "authorization.purge"} {
			w.send(fmt.Sprintf(`[48,%d,{},"wamp.%s",[1,2]]`, 10+i, procedure))
			w.expect(fmt.Sprintf(`[8,48,%d,{},"wamp.error.not_authorized","*"]`, 10+i))
			if d := realm.Can("guest", "", router.ActCall, "wamp."+procedure, wamp.Exact); d.Allow {
				t.Errorf("Can allows %s", procedure)
			}
		}
		w.send(`[48,20,{},"wamp.session.count"]`)
		w.expect(`[50,20,{},[2]]`)
		w.send(`[48,21,{},"com.none"]`)
		w.expect(`[8,48,21,{},"wamp.error.no_such_procedure"]`)
	}
	if err := realm.Permit("guest", router.Rule{URI: "wamp.", Match: wamp.Prefix, Allow: router.ActCall}); err != nil {
		t.Fatal(err)
	}
	after.send(`[48,30,{},"wamp.session.kill_all"]`)
	before.expect(`[6,"*","wamp.close.killed"]`)
	after.expect(`[50,30,{},[1]]`)
}

// Four defects of another router's rules that users met: wildcard rules with the
// same beginning take each other's place; an exact rule that does not match hides
// the next shorter prefix; what an authorizer decided for one session holds for
// all of its role; and an authorizer excludes static rules. Nor does it see there
// how a pattern matches.
func TestDefectsOfOthers(t *testing.T) {
	type question struct {
		authid, uri string
		action      router.Actions
		match       wamp.MatchPolicy
	}
	asked := make(chan question, 16)
	dynamic := router.AuthorizerFunc(func(_ context.Context, q *router.Request) (router.Decision, error) {
		asked <- question{q.Session.AuthID(), q.URI, q.Action, q.Match}
		return router.Decision{Allow: q.Session.AuthID() == "joe" && q.Match != wamp.Wildcard, TTL: time.Hour}, nil
	})
	_, addr := newGuarded(t,
		router.Rule{URI: "com..foo", Match: wamp.Wildcard, Allow: router.ActPublish},
		router.Rule{URI: "com..bar", Match: wamp.Wildcard, Allow: router.ActPublish},
		router.Rule{URI: "com.ex", Match: wamp.Prefix, Allow: router.ActPublish},
		router.Rule{URI: "com.example.secret", Allow: router.ActPublish},
		router.Rule{URI: "dyn.", Match: wamp.Prefix, Allow: router.AllActions, Ask: dynamic},
		router.Rule{URI: "dyn.free", Allow: router.AllActions},
		router.Rule{URI: "dyn.never", Deny: router.AllActions})
	joe, jim := joinAs(t, addr, "joe", "guest"), joinAs(t, addr, "jim", "guest")
	expect := func(w *wire, action, match, uri, want string) {
		t.Helper()
		if got := w.attempt(action, match, uri); got != want {
			t.Errorf("%s %s %s: %q, want %q", action, match, uri, got, want)
		}
	}
	const no = "wamp.error.not_authorized"
	expect(joe, "publish", "", "com.x.foo", "")
	expect(joe, "publish", "", "com.x.bar", "")
	expect(joe, "publish", "", "com.example.secret2", "")
	expect(joe, "publish", "", "com.example.secret", "")

	expect(joe, "publish", "", "dyn.x", "")
	expect(jim, "publish", "", "dyn.x", no)
	expect(joe, "publish", "", "dyn.x", "")
	expect(jim, "publish", "", "dyn.x", no)
	expect(joe, "subscribe", "prefix", "dyn.x.", "")
	expect(joe, "subscribe", "wildcard", "dyn.x.", no)
	expect(jim, "publish", "", "dyn.free", "")
	expect(joe, "publish", "", "dyn.never", no)
	var got []question
	for range len(asked) {
		got = append(got, <-asked)
	}
	want := []question{
		{"joe", "dyn.x", router.ActPublish, wamp.Exact},
		{"jim", "dyn.x", router.ActPublish, wamp.Exact},
		{"joe", "dyn.x.", router.ActSubscribe, wamp.Prefix},
		{"joe", "dyn.x.", router.ActSubscribe, wamp.Wildcard},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("asked  %v\nwanted %v", got, want)
	}
}

// Limits by role and by rule.
func TestLimits(t *testing.T) {
	rt, addr := newRouter(t, router.Config{})
	realm := rt.Realm("realm1")
	must(t, realm.Configure(router.RealmConfig{
		Authenticators: []router.Authenticator{believing()},
		Roles: []router.Role{{
			Name: "guest",
			Rules: []router.Rule{
				{URI: "", Match: wamp.Prefix, Allow: router.AllActions},
				{URI: "com.rare", Allow: router.AllActions, Rate: router.Rate{PerSecond: 0.001, Burst: 2}},
				{URI: "com.small", Allow: router.AllActions, MaxPayload: 10},
			},
			Limits: router.Limits{Sessions: 2, Registrations: 2, Subscriptions: 1, MaxPayload: 100},
		}, {
			Name:   "slow",
			Rules:  []router.Rule{{URI: "", Match: wamp.Prefix, Allow: router.AllActions}},
			Limits: router.Limits{Rate: router.Rate{PerSecond: 0.001, Burst: 3}},
		}},
	}))
	a, b := joinAs(t, addr, "a", "guest"), joinAs(t, addr, "b", "guest")
	third := dialWire(t, addr, 15)
	third.send(`[1,"realm1",{"authrole":"guest","roles":{"caller":{}}}]`)
	third.expect(`[3,{"message":"*"},"wamp.error.limit_exceeded"]`)
	third.expectEnd()
	_ = b.nc.Close()
	await(t, func() bool { return len(realm.Sessions()) == 1 })
	joinAs(t, addr, "c", "guest")

	const limit = "wamp.error.limit_exceeded"
	for i, want := range []string{"", "", limit} {
		if got := a.attempt("register", "", fmt.Sprintf("com.p%d", i)); got != want {
			t.Errorf("registration %d: %q", i, got)
		}
		if got := a.attempt("publish", "", "com.rare"); got != want {
			t.Errorf("publication %d: %q", i, got)
		}
	}
	for i, want := range []string{"", limit} {
		if got := a.attempt("subscribe", "", fmt.Sprintf("com.t%d", i)); got != want {
			t.Errorf("subscription %d: %q", i, got)
		}
	}
	text := strings.Repeat("x", 20)
	a.send(fmt.Sprintf(`[16,%d,{"acknowledge":true},"com.small",[%q]]`, a.next(), text))
	a.expect(fmt.Sprintf(`[8,16,%d,{},"wamp.error.payload_size_exceeded",["the payload has more than 10 bytes"]]`, a.requests))
	a.publish("", "com.large", fmt.Sprintf(`[%q]`, text))
	a.send(fmt.Sprintf(`[48,%d,{},"com.large",[%q]]`, a.next(), strings.Repeat(text, 6)))
	a.expect(fmt.Sprintf(`[8,48,%d,{},"wamp.error.payload_size_exceeded",["the payload has more than 100 bytes"]]`, a.requests))

	slow := joinAs(t, addr, "s", "slow")
	for i, want := range []string{"", "", "", limit, limit} {
		if got := slow.attempt("publish", "", "com.t"); got != want {
			t.Errorf("message %d: %q", i, got)
		}
	}
	slow.sync() // other messages are not limited
	if got := rt.AuthorizationStats(); got.Limited != 5 {
		t.Errorf("%+v", got)
	}
}

// await waits until something is the case that a round trip does not show.
func await(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited in vain")
		}
	}
}

// Rules and authorizers say whether callers and publishers are made known.
func TestDisclosureByRule(t *testing.T) {
	dynamic := router.AuthorizerFunc(func(_ context.Context, q *router.Request) (router.Decision, error) {
		d := router.Decision{Allow: true, TTL: time.Hour}
		if q.URI == "dyn.known" {
			d.Disclose = router.Always
		}
		return d, nil
	})
	_, addr := guarded(t, router.Config{Policies: []router.Policy{{URI: "policy.", Match: wamp.Prefix, Disclose: router.Always}}},
		router.Rule{URI: "", Match: wamp.Prefix, Allow: router.AllActions},
		router.Rule{URI: "known.", Match: wamp.Prefix, Allow: router.AllActions, Disclose: router.Always},
		router.Rule{URI: "unknown.", Match: wamp.Prefix, Allow: router.AllActions, Disclose: router.Never},
		router.Rule{URI: "dyn.", Match: wamp.Prefix, Allow: router.AllActions, Ask: dynamic})
	callee, caller := joinAs(t, addr, "callee", "guest"), joinAs(t, addr, "joe", "guest")
	callee.vars["joe"] = caller.vars["session"]
	for uri, want := range map[string]string{
		"known.p":   `{"caller":"$joe","caller_authid":"joe","caller_authrole":"guest"}`,
		"policy.p":  `{"caller":"$joe","caller_authid":"joe","caller_authrole":"guest"}`,
		"dyn.known": `{"caller":"$joe","caller_authid":"joe","caller_authrole":"guest"}`,
		"dyn.p":     `{}`, "unknown.p": `{}`, "other.p": `{}`,
	} {
		callee.register(`{}`, uri)
		for range 2 {
			caller.call(uri, "")
			callee.expect(`[68,"$inv","$reg",` + want + `]`)
			callee.send(`[70,"$inv",{}]`)
			delete(callee.vars, "inv")
			caller.expect(fmt.Sprintf(`[50,%d,{}]`, caller.requests))
		}
	}
	caller.send(fmt.Sprintf(`[48,%d,{"disclose_me":true},"unknown.p"]`, caller.next()))
	caller.expect(fmt.Sprintf(`[8,48,%d,{},"wamp.error.option_disallowed.disclose_me"]`, caller.requests))
	// The event that somebody leaves behind.
	callee.subscribe(`{}`, "known.t")
	caller.answers("wamp.session.add_testament", `["known.t",[1],{}]`, "")
	_ = caller.nc.Close()
	callee.expect(`[36,"$sub","*",{"publisher":"$joe","publisher_authid":"joe","publisher_authrole":"guest"},[1]]`)
}

// A testament is an event like any other: it is checked when it is left, and
// again when it is published.
func TestTestamentRights(t *testing.T) {
	asked := make(chan string, 10)
	dynamic := router.AuthorizerFunc(func(_ context.Context, q *router.Request) (router.Decision, error) {
		asked <- fmt.Sprint(q.Action, " ", q.URI)
		return router.Decision{Allow: q.URI == "dyn.yes"}, nil
	})
	realm, addr := newGuarded(t,
		router.Rule{URI: "com.", Match: wamp.Prefix, Allow: router.AllActions},
		router.Rule{URI: "com.never", Deny: router.ActPublish},
		router.Rule{URI: "dyn.", Match: wamp.Prefix, Allow: router.AllActions, Ask: dynamic})
	must(t, realm.Permit("witness", router.Rule{URI: "", Match: wamp.Prefix, Allow: router.AllActions}))
	witness, w := joinAs(t, addr, "x", "witness"), joinAs(t, addr, "joe", "guest")
	witness.subscribe(`{"match":"prefix"}`, "com.")
	for topic, ok := range map[string]bool{"com.now": true, "com.later": true, "com.never": false, "org.x": false, "dyn.yes": true, "dyn.no": false} {
		w.call("wamp.session.add_testament", fmt.Sprintf(`[%q,[%q],{}]`, topic, topic))
		if ok {
			w.expect(fmt.Sprintf(`[50,%d,{}]`, w.requests))
		} else {
			w.expect(fmt.Sprintf(`[8,48,%d,{},"wamp.error.not_authorized",["*"]]`, w.requests))
		}
	}
	if len(asked) != 2 || !strings.HasPrefix(<-asked, "publish dyn.") {
		t.Errorf("asked %d times more", len(asked))
	}
	must(t, realm.Permit("guest", router.Rule{URI: "com.later", Deny: router.ActPublish}))
	_ = w.nc.Close()
	witness.expect(`[36,"$sub","*",{"topic":"com.now"},["com.now"]]`)
	witness.sync()
}

// The events of a history are for those who may subscribe.
func TestHistoryRights(t *testing.T) {
	rt, addr := newRouter(t, router.Config{History: []router.History{{URI: "com.", Match: wamp.Prefix}, {URI: "org.", Match: wamp.Prefix}, {URI: "dyn.t"}}})
	realm := rt.Realm("realm1")
	realm.Authenticate(believing())
	dynamic := router.AuthorizerFunc(func(context.Context, *router.Request) (router.Decision, error) {
		return router.Decision{Allow: true}, nil
	})
	must(t, realm.Permit("guest",
		router.Rule{URI: "com.", Match: wamp.Prefix, Allow: router.AllActions},
		router.Rule{URI: "org.x", Allow: router.AllActions},
		router.Rule{URI: "dyn.t", Allow: router.AllActions, Ask: dynamic},
		router.Rule{URI: "wamp.subscription.", Match: wamp.Prefix, Allow: router.ActCall}))
	w := joinAs(t, addr, "joe", "guest")
	read := func(topic, match, want string) {
		t.Helper()
		w.call("wamp.subscription.lookup", fmt.Sprintf(`[%q,{"match":%q}]`, topic, match))
		w.expect(fmt.Sprintf(`[50,%d,{},["$id"]]`, w.requests))
		w.call("wamp.subscription.get_events", `["$id"]`)
		delete(w.vars, "id")
		if want == "" {
			w.expect(fmt.Sprintf(`[50,%d,{},[]]`, w.requests))
		} else {
			w.expect(fmt.Sprintf(`[8,48,%d,{},%q]`, w.requests, want))
		}
	}
	read("com.", "prefix", "")
	read("org.", "prefix", "wamp.error.not_authorized")
	read("dyn.t", "exact", "wamp.error.not_authorized") // nobody was asked yet
	w.subscribe(`{}`, "dyn.t")
	read("dyn.t", "exact", "")
}

// Whoever takes a procedure over has to be the same user.
func TestTakeOver(t *testing.T) {
	_, addr := newGuarded(t, router.Rule{URI: "", Match: wamp.Prefix, Allow: router.AllActions})
	old, same, other := joinAs(t, addr, "joe", "guest"), joinAs(t, addr, "joe", "guest"), joinAs(t, addr, "jim", "guest")
	old.register(`{}`, "com.p")
	other.send(`[64,1,{"force_reregister":true},"com.p"]`)
	other.expect(`[8,64,1,{},"wamp.error.not_authorized"]`)
	same.register(`{"force_reregister":true}`, "com.p")
	old.expect(`[67,0,{"registration":"$reg","reason":"*"}]`)
}

// Mistakes in rules are all told, and none of the rules is taken.
func TestMistakesInRules(t *testing.T) {
	realm, addr := newGuarded(t, router.Rule{URI: "com.a", Allow: router.AllActions})
	err := realm.Permit("guest",
		router.Rule{URI: "com.b", Allow: router.AllActions},
		router.Rule{URI: "com.*", Allow: router.AllActions},
		router.Rule{URI: "com..x", Allow: router.AllActions, Origin: "node.yaml:7"})
	if err == nil || !strings.Contains(err.Error(), `rule 3`) || !strings.Contains(err.Error(), `rule 4`) || !strings.Contains(err.Error(), `realm1`) {
		t.Errorf("got %v", err)
	}
	if err := realm.Configure(router.RealmConfig{
		Roles:    []router.Role{{Name: "a", Rules: []router.Rule{{URI: "a b"}}}, {Name: "a"}, {Name: "c", Limits: router.Limits{Sessions: -1}}},
		Policies: []router.Policy{{URI: "a b"}}, History: []router.History{{URI: "c..d", Match: wamp.Prefix}}, Retention: router.Retention{Topics: -1},
	}); err == nil || strings.Count(err.Error(), "\n") != 5 {
		t.Errorf("got %v", err)
	}
	w := joinAs(t, addr, "joe", "guest")
	if got := w.attempt("call", "", "com.b"); got != "wamp.error.not_authorized" {
		t.Error(got)
	}
	if got := w.attempt("call", "", "com.a"); got != "wamp.error.no_such_procedure" {
		t.Error(got)
	}
}

// Realm.Can explains.
func TestCan(t *testing.T) {
	realm, _ := newGuarded(t,
		router.Rule{URI: "com.", Match: wamp.Prefix, Allow: router.AllActions, Disclose: router.Always, Origin: "node.yaml:7"},
		router.Rule{URI: "com.${authid}.x", Deny: router.ActCall})
	d := realm.Can("guest", "joe", router.ActCall, "com.jim.x", wamp.Exact)
	if !d.Allow || d.Disclose != router.Always || d.Rule == nil || d.Rule.Origin != "node.yaml:7" ||
		d.Reason != `role "guest", rule 1: prefix "com.": allow all (node.yaml:7)` {
		t.Errorf("%+v", d)
	}
	if d := realm.Can("guest", "joe", router.ActCall, "com.joe.x", wamp.Exact); d.Allow || d.Reason != `role "guest", rule 2: exact "com.${authid}.x": deny call` {
		t.Errorf("%+v", d)
	}
	for want, d := range map[string]router.Decision{
		`role "guest" has no rule that allows it`:                                                 realm.Can("guest", "", router.ActCall, "org.x", wamp.Exact),
		`there are no rules for role "nobody"`:                                                    realm.Can("nobody", "", router.ActCall, "com.x", wamp.Exact),
		`it is the router's own, and role "guest" has no rule for it whose URI begins with wamp.`: realm.Can("guest", "", router.ActCall, "wamp.session.kill", wamp.Exact),
		`role "guest", rule 2: exact "com.${authid}.x": deny call`:                                realm.Can("guest", "a.b", router.ActCall, "com.c.x", wamp.Exact),
	} {
		if d.Allow || d.Reason != want {
			t.Errorf("%+v, want %s", d, want)
		}
	}
	if d := realm.Can("guest", "", router.ActCall, "wamp.session.add_testament", wamp.Exact); !d.Allow || d.Rule != nil {
		t.Errorf("%+v", d)
	}
	ask := router.AuthorizerFunc(func(context.Context, *router.Request) (router.Decision, error) {
		return router.Decision{}, errors.New("it was only a question")
	})
	must(t, realm.Authorize(ask))
	if d := realm.Can("guest", "", router.ActCall, "org.x", wamp.Exact); d.Allow || d.Ask == nil {
		t.Errorf("%+v", d)
	}
}
