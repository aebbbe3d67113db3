package router_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// browse opens a WebSocket connection as a browser would, with the cookie that
// it has, and returns the one that it is given.
func browse(t *testing.T, addr, cookie string) (*wire, *http.Cookie) {
	t.Helper()
	nc := open(t, addr)
	request := upgradeRequest("wamp.2.json")
	if cookie != "" {
		request = strings.TrimSuffix(request, "\r\n") + "Cookie: other=1; wampeter=" + cookie + "\r\nSet-Cookie: planted\r\n\r\n"
	}
	if _, err := io.WriteString(nc, request); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(nc)
	r, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(r.Status)
	}
	w := &wire{t: t, nc: nc, vars: make(map[string]any), format: asJSON, framer: &webSocket{in: in, text: true}}
	if set := r.Cookies(); len(set) == 1 {
		return w, set[0]
	}
	return w, nil
}

const (
	helloCookie = `[1,"closed",{"authmethods":["cookie","ticket"],"authid":"alice","roles":{"caller":{}}}]`
	helloTicket = `[1,"closed",{"authmethods":["ticket"],"authid":"bob","roles":{"caller":{}}}]`
	byCookie    = `[2,"*",{"realm":"closed","authid":"alice","authrole":"user","authmethod":"cookie","authprovider":"static","authextra":"*","agent":"*","roles":"*"}]`
)

func newCookieRouter(t *testing.T, c router.Cookies) (*router.Router, string) {
	t.Helper()
	rt, addr := newRouter(t, router.Config{AuthLimits: unlimited, Cookies: &c})
	table, _ := people(t)
	rt.Realm("closed").Authenticate(router.Cookie(), router.Ticket(table))
	rt.Realm("other").Authenticate(router.Cookie(), router.Anonymous(router.Principal{Role: "visitor"}))
	return rt, addr
}

// logged logs in by ticket, and returns the cookie that stands for it.
func logged(t *testing.T, addr string) string {
	t.Helper()
	w, cookie := browse(t, addr, "")
	if cookie == nil {
		t.Fatal("no cookie is set")
	}
	w.send(helloCookie)
	w.expect(`[4,"ticket",{}]`)
	w.send(`[5,"alice's secret",{}]`)
	w.expect(`[2,"*","*"]`)
	return cookie.Value
}

func TestCookies(t *testing.T) {
	_, addr := newCookieRouter(t, router.Cookies{})
	value := logged(t, addr)
	for range 2 {
		w, again := browse(t, addr, value)
		if again != nil {
			t.Errorf("another cookie is set: %v", again)
		}
		w.send(helloCookie)
		w.expect(byCookie)
		w.sync()
	}
	// Who says to be somebody else is challenged: two people at one browser.
	other, _ := browse(t, addr, value)
	other.send(`[1,"closed",{"authmethods":["cookie","ticket"],"authid":"bob","roles":{"caller":{}}}]`)
	other.expect(`[4,"ticket",{}]`)
	// It is good in its realm alone.
	w, _ := browse(t, addr, value)
	w.send(`[1,"other",{"authmethods":["cookie","anonymous"],"roles":{"caller":{}}}]`)
	w.expect(`[2,"*",{"realm":"other","authid":"*","authrole":"visitor","authmethod":"anonymous","authprovider":"*","agent":"*","roles":"*"}]`)

	// Nobody's cookie asks for the ticket, and is replaced.
	w, fresh := browse(t, addr, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	if fresh == nil || fresh.Value == "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" {
		t.Errorf("the cookie of nobody becomes %v", fresh)
	}
	w.send(helloCookie)
	w.expect(`[4,"ticket",{}]`)
	w.send(`[5,"wrong",{}]`)
	w.expect(denied)
	w, _ = browse(t, addr, fresh.Value)
	w.send(helloCookie)
	w.expect(`[4,"ticket",{}]`) // a login that failed gives a cookie no meaning
}

// Somebody who brings a cookie of another one and logs in does not make that
// cookie his: it may have been planted.
func TestCookieFixation(t *testing.T) {
	_, addr := newCookieRouter(t, router.Cookies{})
	planted := logged(t, addr)
	w, set := browse(t, addr, planted)
	if set != nil {
		t.Fatalf("set %v", set)
	}
	w.send(helloTicket)
	w.expect(`[4,"ticket",{}]`)
	w.send(`[5,"bob's secret",{}]`)
	w.expect(`[2,"*","*"]`)
	w, set = browse(t, addr, planted)
	if set == nil {
		t.Error("no new cookie")
	}
	w.send(helloCookie)
	w.expect(`[4,"ticket",{}]`)
}

// A cookie is worth nothing when the login that it stands for is not, and its
// sessions end with the others.
func TestCookieOfSomebodyRemoved(t *testing.T) {
	rt, addr := newRouter(t, router.Config{AuthLimits: unlimited, Cookies: &router.Cookies{}})
	table, _ := people(t)
	realm := rt.Realm("closed")
	configure := func(list ...router.Authenticator) {
		t.Helper()
		must(t, realm.Configure(router.RealmConfig{Authenticators: list}))
	}
	configure(router.Cookie(), router.Ticket(table))
	value := logged(t, addr)
	w, _ := browse(t, addr, value)
	w.send(helloCookie)
	w.expect(byCookie)

	promoted, err := router.NewTable(router.Principal{AuthID: "alice", Role: "boss", Ticket: "alice's secret"})
	must(t, err)
	configure(router.Cookie(), router.Ticket(promoted))
	w.expect(`[6,{"message":"*"},"wamp.close.auth"]`)
	w, _ = browse(t, addr, value)
	w.send(helloCookie)
	w.expect(`[4,"ticket",{}]`) // log in again, for the new role

	configure(router.Cookie(), router.Ticket(table))
	w, _ = browse(t, addr, value)
	w.send(helloCookie)
	w.expect(byCookie)
	configure(router.Ticket(table)) // no cookies any more
	w.expect(`[6,{"message":"*"},"wamp.close.auth"]`)
}

// Who has no cookie has not guessed.
func TestMissingCookieIsNoGuess(t *testing.T) {
	rt, addr := newRouter(t, router.Config{AuthLimits: router.AuthLimits{Failures: 2, Delay: -1}, Cookies: &router.Cookies{}})
	table, _ := people(t)
	rt.Realm("closed").Authenticate(router.Cookie(), router.Ticket(table))
	for range 5 {
		w, _ := browse(t, addr, "")
		w.send(`[1,"closed",{"authmethods":["cookie"],"roles":{"caller":{}}}]`)
		w.expect(denied)
	}
	for _, want := range []string{"authentication_denied", "authentication_denied", "limit_exceeded"} {
		w, _ := browse(t, addr, "")
		w.send(helloTicket)
		if want == "limit_exceeded" {
			w.expect(`[3,{"message":"*"},"wamp.error.limit_exceeded"]`)
			break
		}
		w.expect(`[4,"ticket",{}]`)
		w.send(`[5,"guess",{}]`)
		w.expect(denied)
	}
}

func TestCookieAttributes(t *testing.T) {
	ca := newAuthority(t, "authority")
	rt, addr := newRouter(t, router.Config{
		AuthLimits: unlimited, Cookies: &router.Cookies{Name: "sid", MaxAge: time.Hour, Domain: "localhost", Path: "/ws", SameSite: http.SameSiteLaxMode},
		TLS: &tls.Config{Certificates: []tls.Certificate{ca.issue(t, "localhost", time.Hour)}},
	})
	rt.Realm("closed")
	_, plain := browse(t, addr, "")
	nc, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: ca.pool, ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if _, err := io.WriteString(nc, upgradeRequest("wamp.2.json")); err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil || len(r.Cookies()) != 1 {
		t.Fatal(err, r)
	}
	for secure, c := range map[bool]*http.Cookie{false: plain, true: r.Cookies()[0]} {
		if c.Name != "sid" || len(c.Value) < 32 || c.MaxAge != 3600 || c.Domain != "localhost" || c.Path != "/ws" || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure != secure {
			t.Errorf("cookie %v", c)
		}
	}
}

// broken is a store that is down.
type broken struct{ *router.CookieMemory }

func (broken) Get(context.Context, string) (*router.CookieEntry, error) {
	return nil, errors.New("the database is down")
}

func TestCookieStoreBroken(t *testing.T) {
	_, addr := newCookieRouter(t, router.Cookies{Store: broken{router.NewCookieMemory(1)}})
	w, _ := browse(t, addr, "") // nothing to look up
	w.send(helloTicket)
	w.expect(`[4,"ticket",{}]`)
	nc := open(t, addr)
	request := strings.TrimSuffix(upgradeRequest("wamp.2.json"), "\r\n") + "Cookie: wampeter=abc\r\n\r\n"
	if _, err := io.WriteString(nc, request); err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(r.Body)
	if r.StatusCode != http.StatusInternalServerError || strings.Contains(string(body), "database") {
		t.Errorf("%s: %s", r.Status, body)
	}
}

func TestForgetCookie(t *testing.T) {
	rt, addr := newRouter(t, router.Config{AuthLimits: unlimited, Cookies: &router.Cookies{}})
	table, _ := people(t)
	realm := rt.Realm("closed")
	realm.Authenticate(router.Cookie(), router.Ticket(table))
	reg := wamp.NewRegistry("com.example")
	must(t, reg.Register("logout", wamp.Func0(func(ctx context.Context) (int, error) {
		return 1, router.From(ctx).ForgetCookie(ctx)
	})))
	must(t, realm.Mount("", reg))
	value := logged(t, addr)
	for range 2 {
		w, _ := browse(t, addr, value)
		w.send(helloCookie)
		w.expect(byCookie)
	}
	w, _ := browse(t, addr, value)
	w.send(helloCookie)
	w.expect(byCookie)
	w.send(`[48,1,{},"com.example.logout"]`)
	w.expect(`[50,1,{},[1]]`)
	w, _ = browse(t, addr, value)
	w.send(helloCookie)
	w.expect(`[4,"ticket",{}]`)
}
