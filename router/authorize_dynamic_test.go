package router_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// A procedure decides, in the form that Crossbar.io's users know: it is told who
// wants what, and answers by true or false or a dictionary.
func TestAuthorizerProcedure(t *testing.T) {
	rt, addr := newRouter(t, router.Config{})
	realm := rt.Realm("realm1")
	must(t, realm.Configure(router.RealmConfig{
		Authenticators: []router.Authenticator{believing()},
		Roles: []router.Role{
			{Name: "authorizer", Rules: []router.Rule{{URI: "com.auth", Allow: router.ActRegister}}},
			{Name: "guest", Rules: []router.Rule{{
				URI: "com.", Match: wamp.Prefix, Allow: router.AllActions,
				Ask: &router.AuthorizerProcedure{Realm: realm, URI: "com.auth"},
			}}},
		},
	}))
	auth := joinAs(t, addr, "auth", "authorizer")
	auth.register(`{}`, "com.auth")
	guest := joinAs(t, addr, "joe", "guest")
	auth.vars["joe"] = guest.vars["session"]
	session := `{"session":"$joe","realm":"realm1","authid":"joe","authrole":"guest","authmethod":"belief","authprovider":"static","authextra":{},` +
		`"transport":{"type":"rawsocket","network":"tcp","peer":"*","serializer":"json","tls":false}}`
	const no, failed = "wamp.error.not_authorized", "wamp.error.authorization_failed"
	for i, c := range []struct{ request, uri, action, options, answer, want string }{
		{`[48,%d,{"x_ours":1},"com.p"]`, "com.p", "call", `{"match":"exact","x_ours":1}`, `true`, "wamp.error.no_such_procedure"},
		{`[48,%d,{},"com.p"]`, "com.p", "call", `{"match":"exact"}`, `false`, no},
		{`[32,%d,{"match":"prefix"},"com.t."]`, "com.t.", "subscribe", `{"match":"prefix"}`, `{"allow":true}`, ""},
		{`[64,%d,{"match":"wildcard","invoke":"first"},"com..p"]`, "com..p", "register", `{"match":"wildcard","invoke":"first"}`, `{"allow":false,"reason":"not today"}`, no},
		{`[16,%d,{"acknowledge":true},"com.t"]`, "com.t", "publish", `{"match":"exact","acknowledge":true}`, `{"allow":true,"cache":false,"disclose":true}`, ""},
		{`[48,%d,{},"com.p"]`, "com.p", "call", `{"match":"exact"}`, `{"allow":1}`, failed},
		{`[48,%d,{},"com.p"]`, "com.p", "call", `{"match":"exact"}`, `"yes"`, failed},
		{`[48,%d,{},"com.p"]`, "com.p", "call", `{"match":"exact"}`, `null`, failed},
		{`[48,%d,{},"com.p"]`, "com.p", "call", `{"match":"exact"}`, `{"allow":true,"cache":-1}`, failed},
		{`[48,%d,{},"com.p"]`, "com.p", "call", `{"match":"exact"}`, `{"allow":true,"disclose":"no"}`, failed},
	} {
		guest.send(fmt.Sprintf(c.request, i+1))
		auth.expect(fmt.Sprintf(`[68,"$inv","$reg",{},[%s,%q,%q,%s]]`, session, c.uri, c.action, c.options))
		auth.send(`[70,"$inv",{},[` + c.answer + `]]`)
		delete(auth.vars, "inv")
		_, m := guest.answer()
		got := ""
		if fmt.Sprint(m[0]) == "8" {
			got = m[4].(string)
		}
		if got != c.want {
			t.Errorf("%s answered by %s: %v", c.request, c.answer, m)
		}
	}
	// Its errors are not for the client, but for a plain no.
	for uri, want := range map[string]string{no: no, "com.error.secret": failed, "wamp.error.no_such_procedure": failed} {
		guest.send(fmt.Sprintf(`[48,%d,{},"com.p"]`, 20))
		auth.expect(`[68,"$inv","$reg",{},["*","*","*","*"]]`)
		auth.send(fmt.Sprintf(`[8,68,"$inv",{},%q,["secret"]]`, uri))
		delete(auth.vars, "inv")
		guest.expect(fmt.Sprintf(`[8,48,20,{},%q,["*"]]`, want))
	}
	// Without it, everything is refused.
	_ = auth.nc.Close()
	await(t, func() bool { return len(realm.Sessions()) == 1 })
	guest.send(`[48,30,{},"com.p"]`)
	guest.expect(`[8,48,30,{},"wamp.error.authorization_failed",["*"]]`)
	if s := rt.AuthorizationStats(); s.Asked != 14 || s.Failed != 8 || s.Denied != 3 {
		t.Errorf("%+v", s)
	}
}

// What an authorizer's own session does is not asked about, or it would wait for
// itself.
func TestAuthorizerCallsOthers(t *testing.T) {
	rt, addr := newRouter(t, router.Config{})
	realm := rt.Realm("realm1")
	ask := &router.AuthorizerProcedure{Realm: realm, URI: "com.auth"}
	everything := router.Rule{URI: "", Match: wamp.Prefix, Allow: router.AllActions, Ask: ask}
	must(t, realm.Configure(router.RealmConfig{
		Authenticators: []router.Authenticator{believing()},
		Roles: []router.Role{
			{Name: "authorizer", Rules: []router.Rule{{URI: "com.auth", Allow: router.ActRegister}, everything}},
			{Name: "guest", Rules: []router.Rule{everything}},
			{Name: "db", Rules: []router.Rule{{URI: "com.db", Allow: router.ActRegister}}},
		},
	}))
	auth, db, guest := joinAs(t, addr, "auth", "authorizer"), joinAs(t, addr, "db", "db"), joinAs(t, addr, "joe", "guest")
	auth.register(`{}`, "com.auth")
	db.register(`{}`, "com.db")
	guest.send(`[16,1,{"acknowledge":true},"com.t"]`)
	auth.expect(`[68,"$inv","$reg",{},["*","com.t","publish","*"]]`)
	auth.send(`[48,2,{},"com.db",["joe"]]`)
	db.expect(`[68,"$inv","$reg",{},["joe"]]`)
	db.send(`[70,"$inv",{},[true]]`)
	auth.expect(`[50,2,{},[true]]`)
	auth.send(`[70,"$inv",{},[true]]`)
	guest.expect(`[17,1,"*"]`)
	// The next one is not as free.
	second := joinAs(t, addr, "auth", "authorizer")
	second.send(`[48,1,{},"com.db"]`)
	delete(auth.vars, "inv")
	auth.expect(`[68,"$inv","$reg",{},["*","com.db","call","*"]]`)
	auth.send(`[70,"$inv",{},[false]]`)
	second.expect(`[8,48,1,{},"wamp.error.not_authorized",["*"]]`)
}

// An HTTP endpoint decides.
func TestAuthorizerWebhook(t *testing.T) {
	type request struct {
		Session struct {
			Session                            json.Number
			Realm, AuthID, AuthRole, Transport any
		}
		URI, Action string
		Options     map[string]any
	}
	requests := make(chan request, 20)
	answers := make(chan http.HandlerFunc, 20)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q request
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Authorization") != "Bearer x" {
			t.Errorf("%s with %v", r.Method, r.Header)
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			t.Error(err)
		}
		requests <- q
		(<-answers)(w, r)
	}))
	over := make(chan struct{})
	defer func() {
		close(over)
		server.Close()
	}()
	says := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	hook := &router.AuthorizerWebhook{
		URL: server.URL, Header: http.Header{"authorization": {"Bearer x"}}, Client: server.Client(), Timeout: 200 * time.Millisecond,
	}
	_, addr := newGuarded(t, router.Rule{URI: "com.", Match: wamp.Prefix, Allow: router.AllActions, Ask: hook})
	w := joinAs(t, addr, "joe", "guest")
	for i, c := range []struct {
		answer http.HandlerFunc
		want   string
	}{
		{says(200, `true`), ""},
		{says(200, `false`), "wamp.error.not_authorized"},
		{says(200, `{"allow": true, "disclose": false}`), ""},
		{says(200, `{"allow": true, "cache": "long"}`), "wamp.error.authorization_failed"},
		{says(403, `{"allow": true}`), "wamp.error.not_authorized"},
		{says(401, ``), "wamp.error.not_authorized"},
		{says(404, ``), "wamp.error.authorization_failed"},
		{says(500, `true`), "wamp.error.authorization_failed"},
		{says(204, ``), "wamp.error.authorization_failed"},
		{says(200, `tru`), "wamp.error.authorization_failed"},
		{says(200, ``), "wamp.error.authorization_failed"},
		{says(307, ``), "wamp.error.authorization_failed"},
		{func(http.ResponseWriter, *http.Request) { <-over }, "wamp.error.authorization_failed"},
	} {
		answers <- c.answer
		if got := w.attempt("publish", "", fmt.Sprintf("com.t%d", i)); got != c.want {
			t.Errorf("answer %d: %q, want %q", i, got, c.want)
		}
		q := <-requests
		if q.URI != fmt.Sprintf("com.t%d", i) || q.Action != "publish" || q.Session.AuthID != "joe" || q.Session.AuthRole != "guest" ||
			!reflect.DeepEqual(q.Options, map[string]any{"match": "exact", "acknowledge": true}) {
			t.Errorf("asked %+v", q)
		}
	}
}

// Decisions hold as long as they say, for the session, the action and the URI;
// they end when they are purged, by the program and by a client who may do that.
func TestDecisionsHold(t *testing.T) {
	rt, addr := newRouter(t, router.Config{})
	realm := rt.Realm("realm1")
	realm.Authenticate(believing())
	var asked, ttl atomic.Int64
	ttl.Store(int64(time.Hour))
	fallback := router.AuthorizerFunc(func(_ context.Context, q *router.Request) (router.Decision, error) {
		asked.Add(1)
		if q.URI == "com.error" {
			return router.Decision{Allow: true, TTL: time.Hour}, errors.New("broken")
		}
		d := router.Decision{Allow: q.URI != "com.no", TTL: time.Duration(ttl.Load()), Reason: "no such luck"}
		if q.URI == "com.once" {
			d.TTL = 0
		}
		return d, nil
	})
	must(t, realm.Authorize(fallback))
	must(t, realm.Permit("admin", router.Rule{URI: string(router.PurgeProcedure), Allow: router.ActCall}))
	a, b, admin := joinAs(t, addr, "a", "guest"), joinAs(t, addr, "b", "guest"), joinAs(t, addr, "c", "admin")
	times := func(w *wire, action, uri, want string, n int64) {
		t.Helper()
		before := asked.Load()
		for range 3 {
			if got := w.attempt(action, "", uri); got != want {
				t.Errorf("%s %s: %q, want %q", action, uri, got, want)
			}
		}
		if got := asked.Load() - before; got != n {
			t.Errorf("%s %s: asked %d times, want %d", action, uri, got, n)
		}
	}
	const no = "wamp.error.not_authorized"
	times(a, "publish", "com.yes", "", 1)
	times(a, "publish", "com.yes", "", 0)
	times(a, "subscribe", "com.yes", "", 1)
	times(b, "publish", "com.yes", "", 1)
	times(a, "publish", "com.no", no, 1)
	times(a, "publish", "com.once", "", 3)
	times(a, "publish", "com.error", "wamp.error.authorization_failed", 3)
	a.send(fmt.Sprintf(`[16,%d,{"acknowledge":true},"com.no"]`, a.next()))
	a.expect(fmt.Sprintf(`[8,16,%d,{},"wamp.error.not_authorized",["role \"guest\" may not publish \"com.no\": no such luck"]]`, a.requests))

	realm.Purge(uint64(number(a.vars["session"])), 12345)
	times(a, "publish", "com.yes", "", 1)
	times(b, "publish", "com.yes", "", 0)
	realm.Purge()
	times(a, "publish", "com.yes", "", 1)
	times(b, "publish", "com.yes", "", 1)
	admin.answers("wamp.authorization.purge", fmt.Sprintf(`[%v]`, b.vars["session"]), "")
	times(a, "publish", "com.yes", "", 0)
	times(b, "publish", "com.yes", "", 1)
	admin.answers("wamp.authorization.purge", "", "")
	times(a, "publish", "com.yes", "", 1)
	if got := a.attempt("call", "", "wamp.authorization.purge"); got != no {
		t.Errorf("anybody may purge: %q", got)
	}
	admin.call("wamp.authorization.purge", `["x"]`)
	admin.expect(fmt.Sprintf(`[8,48,%d,{},"wamp.error.invalid_argument",["*"]]`, admin.requests))

	ttl.Store(1)
	realm.Purge()
	times(a, "publish", "com.yes", "", 3)

	// What is remembered is bounded, and all the same right.
	ttl.Store(int64(time.Hour))
	for i := range 2000 {
		want := ""
		uri := fmt.Sprintf("com.x%d", i)
		if i%100 == 0 {
			uri, want = "com.no", no
		}
		if got := a.attempt("publish", "", uri); got != want {
			t.Fatalf("%s: %q", uri, got)
		}
	}
}

// The router's own procedures are never left to an authorizer that no rule names
// for them.
func TestAuthorizerIsNotAskedAboutReserved(t *testing.T) {
	rt, addr := newRouter(t, router.Config{})
	realm := rt.Realm("realm1")
	realm.Authenticate(believing())
	yes := router.AuthorizerFunc(func(context.Context, *router.Request) (router.Decision, error) {
		return router.Decision{Allow: true}, nil
	})
	must(t, realm.Authorize(yes))
	must(t, realm.Permit("admin", router.Rule{URI: "wamp.", Match: wamp.Prefix, Allow: router.AllActions, Ask: yes}))
	w, admin := joinAs(t, addr, "a", "guest"), joinAs(t, addr, "a", "admin")
	for _, q := range [][3]string{{"call", "", "wamp.session.list"}, {"subscribe", "", "wamp.session.on_join"}, {"subscribe", "prefix", ""}} {
		if got := w.attempt(q[0], q[1], q[2]); got != "wamp.error.not_authorized" {
			t.Errorf("%v: %q", q, got)
		}
		if got := admin.attempt(q[0], q[1], q[2]); (got == "") != (q[2] != "") {
			t.Errorf("admin: %v: %q", q, got)
		}
	}
	if got := w.attempt("publish", "", "com.t"); got != "" {
		t.Error(got)
	}
}
