//go:build interop && unix

package interop

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// TestEmbedding is what users of serverwamp do, at a router that is part of a
// Go program, by clients of every other make: sessions are counted in two
// realms, a procedure keeps a name with the session that subscribing to a topic
// finds there, and a function serves all calls of a realm.
func TestEmbedding(t *testing.T) {
	t.Parallel()
	for _, m := range foreigners {
		for _, transport := range []string{webSocket, rawSocket} {
			if formats := m.formats[transport]; len(formats) > 0 {
				c := m.on(transport, formats[len(formats)-1])
				t.Run(c.String(), func(t *testing.T) {
					t.Run("application", func(t *testing.T) { useApplication(t, c) })
					t.Run("all calls", func(t *testing.T) { useAllCalls(t, c) })
				})
			}
		}
	}
}

// embed serves a router on a port of the loopback interface.
func embed(t *testing.T, rt *router.Router) server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	served := make(chan struct{})
	go func() { defer close(served); _ = rt.Serve(l) }()
	t.Cleanup(func() {
		must(t, rt.Close())
		<-served
	})
	address := l.Addr().String()
	return server{
		name:     "embedded",
		urls:     map[string]string{webSocket: "ws://" + address + "/ws", rawSocket: "tcp://" + address},
		farewell: "wamp.close.goodbye_and_out",
	}
}

func useApplication(t *testing.T, c client) {
	rt := router.New(router.Config{NoDefaultRealm: true, Logger: slog.New(slog.DiscardHandler)})
	count, changes := 0, make(chan int, 8)
	changed := make(chan int) // of the counter; it has one user
	go func() {
		for n := range changed {
			count += n
			changes <- count
		}
	}()
	t.Cleanup(func() { close(changed) })
	rt.OnSession(func(context.Context, *router.Session) (func(), error) {
		changed <- 1
		return func() { changed <- -1 }, nil
	})
	name := router.NewKey[string]("name")
	api := wamp.NewRegistry("com.example")
	must(t, api.Register("set_my_name", wamp.Func1(func(ctx context.Context, v string) (string, error) {
		name.Set(router.From(ctx), v)
		return "hello " + v, nil
	})))
	must(t, rt.Realm(realm).Mount("", api), rt.Realm("other").Mount("", api))
	must(t, rt.Realm(realm).OnSubscribe("com.example.{topic}", func(ctx context.Context, s *router.Session) (func(), error) {
		who, ok := name.Get(s)
		if !ok {
			return nil, wamp.Errorf(refused, "set_my_name")
		}
		return nil, s.Event(router.MessageFrom(ctx).URI, wamp.Args{"welcome", who})
	}))
	counts := func(want int) {
		t.Helper()
		if got := <-changes; got != want {
			t.Fatalf("there are %d sessions, want %d", got, want)
		}
	}

	r := embed(t, rt)
	other, err := rt.Session(t.Context(), "other")
	must(t, err)
	counts(1)
	s := sit(t, r, c)
	counts(2)
	p := isRefused(t, s.subscribe("com.example.news", nil), refused)
	if len(p.Args) != 1 || p.Args[0] != "set_my_name" {
		t.Errorf("refused with %v", p)
	}
	result, err := s.call("com.example.set_my_name", text("Grüße"), nil)
	must(t, err)
	same(t, "result", c, text("hello Grüße"), result)
	must(t, s.subscribe("com.example.news", nil))
	event, err := s.received()
	must(t, err)
	same(t, "event", c, payload{Args: []any{"welcome", "Grüße"}}, event.payload)
	must(t, s.unsubscribe("com.example.news"))
	must(t, other.Close(t.Context()))
	counts(1)
	_, err = s.leave()
	must(t, err)
	counts(0)
	s = sit(t, r, c)
	counts(1)
	n, err := rt.CloseSessions(nil, "com.example.close.noon", "")
	must(t, err)
	if n != 1 {
		t.Errorf("%d sessions were closed", n)
	}
	_, err = s.ended()
	must(t, err)
	counts(0)
}

func useAllCalls(t *testing.T, c client) {
	rt := router.New(router.Config{Logger: slog.New(slog.DiscardHandler)})
	mounted := wamp.NewRegistry("")
	must(t, mounted.Register("add_stuff", wamp.Func0(func(context.Context) (string, error) { return "mounted", nil })))
	must(t, rt.Realm(realm).Mount("", mounted))
	must(t, rt.Realm(realm).HandleCalls(func(_ context.Context, call *router.Call) error {
		if call.Procedure != "add_stuff" {
			return wamp.ErrNoSuchProcedure
		}
		args, err := call.Args()
		if err != nil {
			return err
		}
		sum := int64(0)
		for _, v := range args {
			n, ok := v.(int64)
			if !ok {
				return wamp.Errorf("", "Numbers only!")
			}
			sum += n
			if err := call.Progress(wamp.Args{sum}); err != nil {
				return err
			}
		}
		return call.Return(wamp.Args{sum})
	}))
	s := sit(t, embed(t, rt), c)
	reports := func(want ...string) {
		t.Helper()
		var got []string
		for range want {
			a, err := s.received()
			must(t, err)
			if a.kind == "progress" && len(a.Args) == 1 {
				got = append(got, string(must1(json.Marshal(a.Args[0]))))
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("progress %v, want %v", got, want)
		}
	}
	progress := dict{"receive_progress": true}
	result, err := s.call("add_stuff", payload{Args: []any{json.Number("1"), json.Number("2")}}, progress)
	must(t, err)
	reports("1", "3")
	same(t, "result", c, payload{Args: []any{json.Number("3")}}, result)
	_, err = s.call("add_stuff", payload{Args: []any{json.Number("1"), "x"}}, progress)
	reports("1")
	p := isRefused(t, err, "wamp.error.runtime_error")
	if len(p.Args) != 1 || !strings.Contains(p.Args[0].(string), "Numbers only!") {
		t.Errorf("refused with %v", p)
	}
	_, err = s.call("unknown", nothing, nil)
	isRefused(t, err, "wamp.error.no_such_procedure")
}

func must1[T any](v T, _ error) T { return v }
