package router_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// Interceptors see each message with the session that it is of, those of the
// router first, and may refuse it.
func TestIntercept(t *testing.T) {
	rt, addr := newRouter(t, router.Config{})
	early := join(t, addr) // before anybody asks
	seen := make(chan string, 100)
	realm := rt.Realm("realm1")
	var kept atomic.Pointer[router.Message]
	rt.Intercept(func(ctx context.Context, s *router.Session, m *router.Message) error {
		args, err := m.Payload().Args()
		if err != nil || s != router.From(ctx) || m != router.MessageFrom(ctx) || s.Role() != "anonymous" {
			t.Error(err, s)
		}
		kwargs, _ := m.Payload().Kwargs()
		seen <- fmt.Sprint(m.Type, " ", m.RequestID, " ", m.URI, " ", m.Options(), " ", args, " ", kwargs, " ", m.Match)
		kept.Store(m)
		return nil
	})
	realm.Intercept(func(_ context.Context, _ *router.Session, m *router.Message) error {
		switch m.URI {
		case "com.no":
			return wamp.NewError("com.error.no", wamp.Args{"no"}, wamp.KW{"why": 1})
		case "com.uri":
			return wamp.URI("com.error.uri")
		case "com.broken":
			return errors.New("4711")
		case "com.nothing":
			return wamp.Errorf("", "without a URI")
		}
		if m.Type == "YIELD" {
			var text string
			if m.Payload().Arg(0, &text) == nil && text == "secret" {
				return wamp.Errorf("com.error.secret", "not for you")
			}
		}
		return nil
	})
	w := join(t, addr)
	for i, test := range []struct{ send, answer, seen string }{
		{`[32,1,{"match":"prefix","x_mine":1},"com."]`, `[33,1,"$sub"]`, `SUBSCRIBE 1 com. map[match:prefix x_mine:1] [] map[] prefix`},
		{`[16,2,{"acknowledge":true},"com.no",[1],{"a":2}]`, `[8,16,2,{},"com.error.no",["no"],{"why":1}]`,
			`PUBLISH 2 com.no map[acknowledge:true] [1] map[a:2] exact`},
		{`[48,3,{},"com.uri"]`, `[8,48,3,{},"com.error.uri"]`, `CALL 3 com.uri map[] [] map[] exact`},
		{`[64,4,{},"com.broken"]`, `[8,64,4,{},"wamp.error.authorization_failed",["it could not be decided whether this is allowed"]]`,
			`REGISTER 4 com.broken map[] [] map[] exact`},
		{`[48,5,{},"com.nothing"]`, `[8,48,5,{},"wamp.error.authorization_failed",["without a URI"]]`, `CALL 5 com.nothing map[] [] map[] exact`},
		{`[34,6,"$sub"]`, `[35,6]`, `UNSUBSCRIBE 6  map[] [] map[] exact`},
	} {
		w.send(test.send)
		w.expect(test.answer)
		if got := <-seen; got != test.seen {
			t.Errorf("%d: %s, want %s", i, got, test.seen)
		}
	}
	// Without an answer to send, a message is dropped in silence.
	w.send(`[32,7,{},"com.no"]`)
	w.expect(`[8,32,7,{},"com.error.no","*","*"]`)
	w.send(`[16,8,{},"com.no"]`)
	// Results are looked at as well.
	early.send(`[64,1,{},"com.callee"]`)
	early.expect(`[65,1,"*"]`)
	w.send(`[48,9,{},"com.callee"]`)
	early.expect(`[68,"$inv","*",{}]`)
	early.send(`[70,"$inv",{},["secret"]]`)
	w.expect(`[8,48,9,{},"com.error.secret",["not for you"]]`)
	types := []string{}
	for range 5 {
		text := <-seen
		var kind string
		_, _ = fmt.Sscan(text, &kind)
		types = append(types, kind)
	}
	slices.Sort(types) // of two sessions
	if want := []string{"CALL", "PUBLISH", "REGISTER", "SUBSCRIBE", "YIELD"}; !slices.Equal(types, want) {
		t.Errorf("%v, want %v", types, want)
	}
	// What is kept of a message tells nothing any more.
	if args, err := kept.Load().Payload().Args(); len(args) != 0 || err != nil || len(kept.Load().Options()) != 0 {
		t.Error(args, err)
	}
	if router.MessageFrom(t.Context()) != nil {
		t.Error("a message outside a decision")
	}
}
