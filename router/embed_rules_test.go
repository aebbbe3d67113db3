package router_test

import (
	"context"
	"testing"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// Rules are for clients: what the program serves and sends needs none, what
// clients do with it does. Nobody is asked about what a rule refuses, and what a
// new rule takes away ends as anything else does.
func TestRulesAndTheApplication(t *testing.T) {
	rt, addr := newRouter(t, router.Config{})
	realm := rt.Realm("realm1")
	must(t, realm.Permit("anonymous",
		router.Rule{URI: "open.", Match: wamp.Prefix, Allow: router.ActCall | router.ActSubscribe | router.ActPublish},
	))
	api := wamp.NewRegistry("")
	answer := wamp.Func0(func(ctx context.Context) (string, error) { return router.From(ctx).Role(), nil })
	must(t, api.Register("open.p", answer))
	must(t, api.Register("closed.p", answer))
	heard := make(chan string, 1)
	must(t, api.Subscribe("open.t", wamp.Event(func(ctx context.Context, text string) error {
		heard <- text
		return nil
	})))
	must(t, realm.Mount("", api))
	steps := make(chan string, 10)
	must(t, realm.OnSubscribe("{any...}", func(ctx context.Context, _ *router.Session) (func(), error) {
		uri := router.MessageFrom(ctx).URI
		steps <- "begin " + uri
		return func() { steps <- "end " + uri }, nil
	}))
	realm.Intercept(func(_ context.Context, _ *router.Session, m *router.Message) error {
		if m.URI == "closed.p" || m.URI == "closed.t" {
			t.Error(m)
		}
		return nil
	})

	w := join(t, addr)
	w.send(`[48,1,{},"open.p"]`)
	w.expect(`[50,1,{},["anonymous"]]`)
	w.send(`[48,2,{},"closed.p"]`)
	w.expect(`[8,48,2,{},"wamp.error.not_authorized","*"]`)
	w.send(`[32,3,{},"closed.t"]`)
	w.expect(`[8,32,3,{},"wamp.error.not_authorized","*"]`)
	w.send(`[16,4,{},"open.t",["hello"]]`)
	if got := <-heard; got != "hello" {
		t.Error(got)
	}
	w.send(`[32,5,{},"open.t"]`)
	w.expect(`[33,5,"$sub"]`)
	if got := <-steps; got != "begin open.t" {
		t.Error(got)
	}
	local, err := realm.Local()
	must(t, err)
	_, err = local.Publish(t.Context(), "open.t", wamp.Args{"from the router"}, wamp.ExcludeMe(false))
	must(t, err)
	w.expect(`[36,"$sub","*",{},["from the router"]]`)
	if got := <-heard; got != "from the router" {
		t.Error(got)
	}
	must(t, realm.Permit("anonymous", router.Rule{URI: "open.t", Deny: router.ActSubscribe}))
	if got := <-steps; got != "end open.t" {
		t.Error(got)
	}
	if w.sync(); len(steps) != 0 {
		t.Error(<-steps)
	}
}
