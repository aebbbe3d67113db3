package router_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// S004-9, S004-13, S004-14, S004-22: code runs when a session subscribes to a
// topic. It finds what a procedure has kept with the session, refuses those who
// have no name, and what it sends arrives after SUBSCRIBED, in order. It ends
// when the session unsubscribes, and when it leaves, by whichever way.
func TestOnSubscribe(t *testing.T) {
	rt, addr := newRouter(t, router.Config{})
	realm := rt.Realm("realm1")
	name := router.NewKey[string]("name")
	api := wamp.NewRegistry("")
	must(t, api.Register("set_my_name", wamp.Func1(func(ctx context.Context, v string) (struct{}, error) {
		name.Set(router.From(ctx), v)
		return struct{}{}, nil
	})))
	must(t, realm.Mount("", api))
	steps := make(chan string, 10)
	must(t, realm.OnSubscribe("com.news.{topic}", func(ctx context.Context, s *router.Session) (func(), error) {
		who, ok := name.Get(router.From(ctx))
		if !ok || s != router.From(ctx) {
			return nil, wamp.NewError("com.error.nameless", wamp.KW{"call": "set_my_name"})
		}
		m := router.MessageFrom(ctx)
		for i := range 3 {
			if err := s.Event(m.URI, wamp.Args{fmt.Sprint("hello ", who), i}); err != nil {
				return nil, err
			}
		}
		steps <- m.Type + " " + m.URI
		return func() { steps <- "end " + m.URI }, nil
	}))
	step := func(want string) {
		t.Helper()
		if got := <-steps; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}

	w := join(t, addr)
	w.send(`[32,1,{},"com.news.rain"]`)
	w.expect(`[8,32,1,{},"com.error.nameless",[],{"call":"set_my_name"}]`)
	w.send(`[48,2,{},"set_my_name",["Joe"]]`)
	w.expect(`[50,2,{}]`)
	subscribe := func(request, topic string) {
		t.Helper()
		w.send(`[32,` + request + `,{},"` + topic + `"]`)
		w.expect(`[33,` + request + `,"$` + topic + `"]`)
		for i := range 3 {
			w.expect(fmt.Sprintf(`[36,"$%s","*",{},["hello Joe",%d]]`, topic, i))
		}
		step("SUBSCRIBE " + topic)
	}
	subscribe("3", "com.news.rain")
	// Once more is not anew, and other topics are none of its business.
	w.send(`[32,4,{},"com.news.rain"]`)
	w.expect(`[33,4,"$com.news.rain"]`)
	w.send(`[32,5,{},"com.other"]`)
	w.expect(`[33,5,"*"]`)
	w.send(`[34,6,"$com.news.rain"]`)
	w.expect(`[35,6]`)
	step("end com.news.rain")
	subscribe("7", "com.news.rain")
	subscribe("8", "com.news.sun")

	for name, end := range map[string]func(){
		"GOODBYE": func() {
			w.send(`[6,{},"wamp.close.normal"]`)
			w.expect(`[6,{},"wamp.close.goodbye_and_out"]`)
		},
		"cut":  func() { _ = w.nc.Close() },
		"kill": func() { _ = must1(realm.CloseSessions(nil, "", "")) },
	} {
		t.Run(name, func(t *testing.T) {
			end()
			step("end com.news.rain")
			step("end com.news.sun")
		})
		w = join(t, addr)
		w.send(`[48,2,{},"set_my_name",["Joe"]]`)
		w.expect(`[50,2,{}]`)
		subscribe("3", "com.news.rain")
		subscribe("4", "com.news.sun")
	}
	// Removed by somebody else.
	admin := join(t, addr)
	admin.send(fmt.Sprintf(`[48,1,{},"wamp.subscription.remove_subscriber",[%v,%v]]`, w.vars["com.news.sun"], w.vars["session"]))
	admin.expect(`[50,1,{}]`)
	step("end com.news.sun")
	if err := realm.OnSubscribe("not ok", nil); err == nil {
		t.Error("no error for the topic")
	}
	if err := realm.OnSubscribe("com.ok", nil); err == nil {
		t.Error("no error for the function")
	}
}

// Subscriptions by pattern count when some of their topics do.
func TestOnSubscribeToPattern(t *testing.T) {
	rt, addr := newRouter(t, router.Config{})
	must(t, rt.OnSubscribe("com.secret.", func(context.Context, *router.Session) (func(), error) {
		return nil, wamp.ErrNotAuthorized
	}))
	w := join(t, addr)
	for i, test := range []struct {
		match, topic string
		refused      bool
	}{
		{"exact", "com.secret.a", true},
		{"exact", "com.public.a", false},
		{"prefix", "com.", true},
		{"prefix", "com.secret.a.b", true},
		{"prefix", "com.public", false},
		{"wildcard", "com..a", true},
		{"wildcard", "..", true},
		{"wildcard", "com.public.", false},
	} {
		w.send(fmt.Sprintf(`[32,%d,{"match":%q},%q]`, i+1, test.match, test.topic))
		if test.refused {
			w.expect(fmt.Sprintf(`[8,32,%d,{},"wamp.error.not_authorized"]`, i+1))
		} else {
			w.expect(fmt.Sprintf(`[33,%d,"*"]`, i+1))
		}
	}
}

// What a function has begun is ended when the subscription does not come about:
// since another function, or the realm, refuses it, or the session is gone.
func TestOnSubscribeRefusedLater(t *testing.T) {
	rt, addr := newRouter(t, router.Config{})
	realm := rt.Realm("realm1")
	ended := make(chan string, 4)
	begun := make(chan struct{}, 4)
	must(t, rt.OnSubscribe("com.{a}.{b}", func(ctx context.Context, s *router.Session) (func(), error) {
		m := router.MessageFrom(ctx)
		begun <- struct{}{}
		if m.URI == "com.wait.a" {
			<-ctx.Done()
			if s.Event(m.URI) == nil {
				t.Error("an event to a session that has ended")
			}
		}
		_ = s.Event("com.early.one")
		return func() { ended <- m.URI }, nil
	}))
	must(t, realm.OnSubscribe("com.no.a", func(context.Context, *router.Session) (func(), error) {
		return nil, errors.New("the database has the secret 4711")
	}))
	must(t, realm.OnSubscribe("com.panics.a", func(context.Context, *router.Session) (func(), error) { panic("4711") }))
	must(t, realm.OnSubscribe("com.many.a", func(ctx context.Context, s *router.Session) (func(), error) {
		for range 256 {
			if err := s.Event("com.many.a"); err != nil {
				return nil, err
			}
		}
		if err := s.Event("com.many.a"); !errors.Is(err, wamp.ErrLimitExceeded) {
			t.Error(err)
		}
		return nil, nil
	}))
	w := join(t, addr)
	for i, topic := range []string{"com.no.a", "com.panics.a"} {
		w.send(fmt.Sprintf(`[32,%d,{},%q]`, i+1, topic))
		<-begun
		w.expect(fmt.Sprintf(`[8,32,%d,{},"wamp.error.authorization_failed",["it could not be decided whether this is allowed"]]`, i+1))
		if got := <-ended; got != topic {
			t.Error(got)
		}
	}
	w.send(`[32,3,{"match":"wildcard"},"com..b#"]`)
	w.expect(`[8,32,3,{},"wamp.error.invalid_uri"]`)
	<-begun
	<-ended
	w.send(`[32,4,{},"com.many.a"]`)
	w.expect(`[33,4,"$many"]`)
	<-begun
	for range 256 {
		w.expect(`[36,"$many","*",{}]`)
	}
	w.sync()
	w.send(`[32,5,{},"com.wait.a"]`)
	<-begun
	_ = w.nc.Close()
	got := []string{<-ended, <-ended}
	if got[0] == got[1] {
		t.Error(got)
	}
}

// A function that does not return in time refuses the subscription, and other
// sessions do not wait for it.
func TestOnSubscribeIsLate(t *testing.T) {
	rt, addr := newRouter(t, router.Config{DecisionTimeout: 200 * time.Millisecond})
	must(t, rt.Realm("realm1").OnSubscribe("com.slow", func(ctx context.Context, _ *router.Session) (func(), error) {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}))
	w, other := join(t, addr), join(t, addr)
	w.send(`[32,1,{},"com.slow"]`)
	other.sync()
	w.expect(`[8,32,1,{},"wamp.error.authorization_failed","*"]`)
}
