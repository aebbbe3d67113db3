package router_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// S004-1, S004-4: each realm has procedures and event handlers of its own, which
// are defined elsewhere and serve beside those of clients.
func TestMount(t *testing.T) {
	rt, addr := newRouter(t, router.Config{Realms: []string{"realm1", "realm2"}})
	events := make(chan string, 10)
	for _, name := range []string{"realm1", "realm2"} {
		api := wamp.NewRegistry("com.api")
		must(t, api.Register("where", wamp.Func0(func(ctx context.Context) (string, error) {
			s := router.From(ctx)
			return s.Realm().Name() + " " + s.Role() + " in " + name, nil
		})))
		must(t, api.Subscribe("news", wamp.Event(func(ctx context.Context, text string) error {
			events <- text + " from " + router.From(ctx).AuthID()
			return nil
		})))
		must(t, rt.Realm(name).Mount("v1", api))
	}
	first, second := join(t, addr), dialWire(t, addr, 15)
	second.hello("realm2")
	for w, realm := range map[*wire]string{first: "realm1", second: "realm2"} {
		w.send(`[48,1,{},"v1.com.api.where"]`)
		w.expect(`[50,1,{},["` + realm + ` anonymous in ` + realm + `"]]`)
		// Clients have their own procedures beside, and cannot take these.
		w.send(`[64,2,{},"v1.com.api.where"]`)
		w.expect(`[8,64,2,{},"wamp.error.procedure_already_exists"]`)
		w.send(`[64,3,{},"com.mine"]`)
		w.expect(`[65,3,"*"]`)
		w.send(`[32,4,{},"v1.com.api.news"]`)
		w.expect(`[33,4,"*"]`)
	}
	first.send(`[16,5,{"acknowledge":true},"v1.com.api.news",["rain"]]`)
	first.expect(`[17,5,"*"]`)
	got := <-events
	if !strings.HasPrefix(got, "rain from ") || len(got) < 15 {
		t.Error(got)
	}
	second.sync() // no event of the other realm
	// A publisher is not told to those who are clients.
	other := join(t, addr)
	other.send(`[16,1,{},"v1.com.api.news",["sun"]]`)
	first.expect(`[36,"*","*",{},["sun"]]`)
	<-events
}

// What is wrong with a registry, and what is taken already, Mount says at once,
// and mounts nothing.
func TestMountErrors(t *testing.T) {
	rt, addr := newRouter(t, router.Config{})
	realm := rt.Realm("realm1")
	nop := wamp.HandlerFunc(func(context.Context, *wamp.Invocation) (wamp.Result, error) { return wamp.Return(), nil })
	twice := wamp.NewRegistry("")
	must(t, twice.Register("com.twice", nop))
	_ = twice.Register("com.twice", nop)
	if err := realm.Mount("", twice); err == nil || !strings.Contains(err.Error(), "mount_test.go") {
		t.Error(err)
	}
	w := join(t, addr)
	w.send(`[64,1,{},"com.taken"]`)
	w.expect(`[65,1,"*"]`)
	taken := wamp.NewRegistry("com")
	must(t, taken.Register("free", nop))
	must(t, taken.Register("taken", nop))
	err := realm.Mount("", taken)
	if !errors.Is(err, wamp.ErrProcedureAlreadyExists) || !strings.Contains(err.Error(), "com.taken") {
		t.Error(err)
	}
	w.send(`[48,2,{},"com.free"]`)
	w.expect(`[8,48,2,{},"wamp.error.no_such_procedure"]`)
	if err := realm.Mount("not ok", taken); err == nil {
		t.Error("no error for the prefix")
	}
	if err := realm.Mount("", nil); err == nil {
		t.Error("no error for the registry")
	}
	must(t, rt.Close())
	if err := realm.Mount("", taken); !errors.Is(err, router.ErrClosed) {
		t.Error(err)
	}
	if err := rt.Realm("later").Mount("", taken); !errors.Is(err, router.ErrClosed) {
		t.Error(err)
	}
}

// A mounted handler always has the session that it serves: of a caller that has
// left, of one that was there before anything was mounted, and of the realm
// itself.
func TestFrom(t *testing.T) {
	rt, addr := newRouter(t, router.Config{})
	early := join(t, addr)
	started, ended := make(chan *router.Session), make(chan error)
	api := wamp.NewRegistry("")
	must(t, api.Register("com.wait", wamp.Func0(func(ctx context.Context) (struct{}, error) {
		started <- router.From(ctx)
		<-ctx.Done()
		ended <- router.From(ctx).Context().Err()
		return struct{}{}, nil
	})))
	joined := make(chan *router.Session, 1)
	must(t, api.Subscribe("wamp.registration.on_create", wamp.Event(func(ctx context.Context, _ struct{}) error {
		joined <- router.From(ctx)
		return nil
	})))
	realm := rt.Realm("realm1")
	must(t, realm.Mount("", api))
	early.send(`[48,1,{},"com.wait"]`)
	s := <-started
	if s.ID() == 0 || s.Role() != "anonymous" || s.Transport().Type != "rawsocket" || len(s.Details()) != 0 {
		t.Errorf("%+v", s)
	}
	_ = early.nc.Close()
	if err := <-ended; err == nil {
		t.Error("the session goes on")
	}
	late := join(t, addr)
	late.send(`[64,1,{},"com.p"]`)
	late.expect(`[65,1,"*"]`)
	if sessions := realm.Sessions(); len(sessions) != 1 || sessions[0].Details()["roles"] == nil {
		t.Errorf("%+v", sessions)
	}
	if s := <-joined; s == nil || s.Role() != "trusted" || s.Close("", "") == nil {
		t.Errorf("%+v", s)
	}
	// It is nobody's business.
	late.send(`[48,2,{},"wamp.session.count"]`)
	late.expect(`[50,2,{},[1]]`)
}

// A mounted handler that does not keep up loses events, and not its realm its
// procedures.
func TestMountedHandlerIsSlow(t *testing.T) {
	rt, addr := newRouter(t, router.Config{})
	release := make(chan struct{})
	api := wamp.NewRegistry("com")
	must(t, api.Subscribe("slow", wamp.Event(func(context.Context, struct{}) error {
		<-release
		return nil
	}), wamp.Queue(2)))
	must(t, api.Register("ping", wamp.Func0(func(context.Context) (string, error) { return "pong", nil })))
	must(t, rt.Realm("realm1").Mount("", api))
	w := join(t, addr)
	for range 10 {
		w.send(`[16,1,{},"com.slow"]`)
	}
	w.send(`[48,2,{},"com.ping"]`)
	w.expect(`[50,2,{},["pong"]]`)
	close(release)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
