package app_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamp/app"
	"github.com/wampeter/wampeter/wamptest"
)

// S002-7..12, S002-22, S002-23, S002-27, S003-22: the hooks of an App's life,
// in their order, in each session; everything is registered before the first
// of OnJoin; what is not there before is the session.
func TestLifecycle(t *testing.T) {
	first, address := listen(t, "127.0.0.1:0")
	a := app.New("com.app")
	check(t, a.Register("", wamp.Func2(add)))
	events := make(chan string, 10)
	check(t, a.Subscribe("news.{topic}", wamp.Event(func(_ context.Context, e struct {
		Topic string `uri:"topic"`
		Text  string `wamp:"0"`
	}) error {
		events <- e.Topic + ": " + e.Text
		return nil
	})))
	j := observed(a)
	a.OnJoin(func(ctx context.Context, s *wamp.Session) error {
		if current, err := a.Session(); current != s || err != nil || app.FromContext(ctx) != a {
			t.Error(current, err)
		}
		sum, err := wamp.Call[int](ctx, s, "com.app.add", wamp.Args{2, 3})
		j.add("join with %d", sum)
		return err
	})
	if s, err := a.Session(); s != nil || !errors.Is(err, app.ErrNotConnected) {
		t.Error(s, err)
	}
	stop := running(t, a, &wamp.Dialer{URLs: []string{"ws://" + address + "/ws"}, Backoff: quick})
	ready(t, a)
	j.wait(t, 1, "ready")
	if _, err := first.Session().Publish(t.Context(), "com.app.news.sports", wamp.Args{"won"}); err != nil {
		t.Error(err)
	}
	if text := <-events; text != "sports: won" {
		t.Error(text)
	}
	check(t, first.Shutdown(t.Context()))
	second, _ := listen(t, address)
	j.wait(t, 2, "ready")
	session := ready(t, a)
	check(t, stop())
	<-session.Done()
	if n := len(session.Registrations("")); n != 0 {
		t.Error(n)
	}
	// While the router was away, attempts failed.
	var got []string
	for _, e := range j.all() {
		failing := len(got) > 0 && got[len(got)-1] == "connect" && (e == "disconnect other" || e == "disconnect wamp.close.system_shutdown")
		switch {
		case e == "error":
		case failing:
			got = got[:len(got)-1]
		default:
			got = append(got, e)
		}
	}
	want := []string{
		"connect", "join", "join with 5", "ready", "leave wamp.close.system_shutdown", "disconnect wamp.close.system_shutdown",
		"connect", "join", "join with 5", "ready", "leave wamp.close.normal", "disconnect wamp.close.normal",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := a.Ready(t.Context()); !errors.Is(err, app.ErrNotConnected) {
		t.Error(err)
	}
	if _, err := wamp.Call[int](t.Context(), second.Session(), "com.app.add", wamp.Args{1, 1}); !errors.Is(err, wamp.ErrNoSuchProcedure) {
		t.Error(err)
	}
}

// OnConnect may change the settings of a connection for one attempt. S002-26,
// S002-27: a session that the router refuses is reported, and is not joined.
func TestRefused(t *testing.T) {
	rt := wamptest.NewRouter(t)
	a := app.New("")
	j := observed(a)
	realms := []string{"nowhere", wamptest.Realm}
	attempts := 0
	a.OnConnect(func(_ context.Context, d *wamp.Dialer) error {
		d.Realm = realms[min(attempts, 1)]
		attempts++
		if attempts == 2 {
			return errors.New("no credentials")
		}
		return nil
	})
	a.ShouldRetry = func(err error) bool {
		if app.ShouldRetry(err) == errors.Is(err, wamp.ErrNoSuchRealm) {
			t.Error(err)
		}
		return true
	}
	d := &wamp.Dialer{URLs: []string{rt.URL()}, Backoff: quick}
	stop := running(t, a, d)
	ready(t, a)
	check(t, stop())
	want := []string{
		"connect", "disconnect wamp.error.no_such_realm", "error", "connect", "disconnect other", "error",
		"connect", "join", "ready", "leave wamp.close.normal", "disconnect wamp.close.normal",
	}
	if diff := cmp.Diff(want, j.all()); diff != "" {
		t.Error(diff)
	}
	if d.Realm != "" {
		t.Error("the Dialer has changed")
	}
}

// S002-21: what is fatal ends the App with the error; others of the list go on.
func TestFatal(t *testing.T) {
	rt := wamptest.NewRouter(t)
	bad := &wamp.Dialer{URLs: []string{rt.URL()}, Realm: "nowhere"}
	a := app.New("")
	a.OnError(func(context.Context, error) {})
	err := a.Run(t.Context(), bad, bad)
	if !errors.Is(err, app.ErrGaveUp) || !errors.Is(err, wamp.ErrNoSuchRealm) {
		t.Error(err)
	}
	stop := running(t, a, bad, &wamp.Dialer{URLs: []string{rt.URL()}})
	ready(t, a)
	check(t, stop())

	never := &wamp.Dialer{URLs: []string{"rs://127.0.0.1:1"}, Backoff: wamp.Backoff{NoRetry: true}}
	if err := a.Run(t.Context(), never); !errors.Is(err, app.ErrGaveUp) {
		t.Error(err)
	}
	// A name that the router takes from nobody is as wrong the next time.
	reserved := app.New("")
	reserved.OnError(func(context.Context, error) {})
	check(t, reserved.Register("wamp.mine", wamp.Func2(add)))
	err = reserved.Run(t.Context(), &wamp.Dialer{URLs: []string{rt.URL()}, Backoff: quick})
	if !errors.Is(err, app.ErrGaveUp) || !errors.Is(err, wamp.ErrInvalidURI) {
		t.Error(err)
	}
	both := &wamp.DialError{URLs: []string{"a", "b"}, Errs: []error{wamp.ErrNoSuchRealm, errors.New("refused")}}
	if !app.ShouldRetry(both) {
		t.Error("one URL of two has a chance")
	}
}

// Mistakes show before anything is tried.
func TestMistakes(t *testing.T) {
	a := app.New("com")
	if a.Register("", wamp.Func0(func(context.Context) (int, error) { return 0, nil })) == nil {
		t.Error("no error for a function literal")
	}
	a.OnConnect(func(context.Context, *wamp.Dialer) error { t.Error("tried"); return nil })
	if err := a.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "app_test.go") {
		t.Error(err)
	}
	a = app.New("")
	if err := a.Run(t.Context(), &wamp.Dialer{}, &wamp.Dialer{URLs: []string{"gopher://x"}}); err == nil {
		t.Error("no error for the URL")
	}
	if err := a.Run(t.Context(), nil); err == nil {
		t.Error("no error for the Dialer")
	}
	rt := wamptest.NewRouter(t)
	stop := running(t, a, &wamp.Dialer{Router: rt.Router})
	ready(t, a)
	if err := a.Start(t.Context()); !errors.Is(err, app.ErrRunning) {
		t.Error(err)
	}
	check(t, stop())
	check(t, app.New("").Shutdown(t.Context()))
	check(t, app.New("").Wait())
	app.New("").Close()
	if app.New("").Done() != nil {
		t.Error("Done")
	}
}

// A join that fails, be it a registration or a hook, is an attempt that failed:
// nothing of it stays, and it is tried again.
func TestJoinFails(t *testing.T) {
	rt := wamptest.NewRouter(t)
	other := rt.Session()
	taken, err := other.Register(t.Context(), "com.taken", wamp.Func2(add))
	check(t, err)
	a := app.New("com")
	check(t, a.Register("free", wamp.Func2(add)))
	check(t, a.Register("taken", wamp.Func2(add)))
	failures := 0
	a.OnError(func(_ context.Context, err error) {
		failures++
		if errors.Is(err, wamp.ErrProcedureAlreadyExists) {
			check(t, taken.Unregister(context.Background()))
		}
	})
	joins := 0
	a.OnJoin(func(context.Context, *wamp.Session) error {
		if joins++; joins == 1 {
			return errors.New("not yet")
		}
		if joins == 2 {
			panic("not now")
		}
		return nil
	})
	leaves := 0
	a.OnLeave(func(context.Context, *wamp.Session, error) error { leaves++; panic("unexpected") })
	stop := running(t, a, &wamp.Dialer{URLs: []string{rt.URL()}, Backoff: quick})
	ready(t, a)
	if sum, err := wamp.Call[int](t.Context(), other, "com.taken", wamp.Args{2, 3}); sum != 5 || err != nil {
		t.Error(sum, err)
	}
	check(t, stop())
	if joins != 3 || leaves != 3 || failures != 3+leaves {
		t.Error(joins, leaves, failures)
	}
}

// Main runs to completion, once more after a lost session, and its error is
// Run's.
func TestMainFunction(t *testing.T) {
	rt := wamptest.NewRouter(t)
	d := &wamp.Dialer{URLs: []string{rt.URL()}, Backoff: quick}
	a := app.New("com")
	a.OnError(func(context.Context, error) {})
	check(t, a.Register("add", wamp.Func2(add)))
	runs := 0
	a.Main = func(ctx context.Context, s *wamp.Session) error {
		if runs++; runs == 1 {
			go func() { _ = s.CloseWith(t.Context(), "wamp.error.test", "") }()
			<-ctx.Done()
			return ctx.Err()
		}
		_, err := wamp.Call[int](ctx, s, "com.add", wamp.Args{1, 2})
		return err
	}
	check(t, a.Run(t.Context(), d))
	if runs != 2 {
		t.Error(runs)
	}
	failure := errors.New("main failed")
	a.Main = func(context.Context, *wamp.Session) error { return failure }
	if err := a.Run(t.Context(), d); err != failure {
		t.Error(err)
	}
	a.Main = func(context.Context, *wamp.Session) error { panic("oh") }
	var panicked *app.PanicError
	if err := a.Run(t.Context(), d); !errors.As(err, &panicked) || panicked.Value != "oh" {
		t.Error(err)
	}
	// The end of ctx ends Main.
	a.Main = func(ctx context.Context, _ *wamp.Session) error { <-ctx.Done(); return ctx.Err() }
	stop := running(t, a, d)
	ready(t, a)
	check(t, stop())
	// A program may close the session, or shut the App down from within.
	a.Main = func(ctx context.Context, s *wamp.Session) error { check(t, s.Close(ctx)); return nil }
	check(t, a.Run(t.Context(), d))
	a.Main = func(ctx context.Context, s *wamp.Session) error { return a.Shutdown(ctx) }
	check(t, a.Run(t.Context(), d))
	a.Main = nil
	check(t, a.Register("stop", wamp.Func0(func(ctx context.Context) (struct{}, error) { return struct{}{}, a.Shutdown(ctx) })))
	check(t, a.Start(t.Context(), d))
	_, err := wamp.Call[struct{}](t.Context(), rt.Session(), "com.stop")
	check(t, err)
	check(t, a.Wait())
	check(t, a.Start(t.Context(), d))
	s := ready(t, a)
	check(t, s.Close(t.Context()))
	check(t, a.Wait())
}

// S000-29, S002-25: Start and Shutdown, as a program that has other parts uses
// them; several Apps live in one process. The end is graceful: a handler that
// runs finishes.
func TestStartShutdown(t *testing.T) {
	rt := wamptest.NewRouter(t)
	d := &wamp.Dialer{URLs: []string{rt.URL()}}
	var apps []*app.App
	for i := range 3 {
		a := app.New(fmt.Sprint("app", i))
		check(t, a.Register("add", wamp.Func2(add)))
		check(t, a.Start(t.Context(), d))
		apps = append(apps, a)
	}
	for i := range apps {
		if sum, err := app.Call[int](t.Context(), apps[0], fmt.Sprintf("app%d.add", i), wamp.Args{i, 1}); err != nil || sum != i+1 {
			t.Error(i, sum, err)
		}
	}
	started, release := make(chan struct{}), make(chan struct{})
	a := app.New("slow")
	check(t, a.Register("wait", wamp.Func0(func(ctx context.Context) (string, error) {
		close(started)
		<-release
		return "finished", ctx.Err()
	})))
	check(t, a.Start(t.Context(), d))
	caller := rt.Session()
	call := wamp.Go[string](t.Context(), caller, "slow.wait")
	<-started
	down := make(chan error, 1)
	go func() { down <- a.Shutdown(t.Context()) }()
	for registered := true; registered; {
		id, err := wamp.Call[*uint64](t.Context(), caller, "wamp.registration.lookup", wamp.Args{"slow.wait"})
		check(t, err)
		registered = id != nil
	}
	close(release)
	if text, err := call.Result(); err != nil || text != "finished" {
		t.Error(text, err)
	}
	check(t, <-down)
	for _, a := range apps {
		check(t, a.Shutdown(t.Context()))
		<-a.Done()
	}
	check(t, apps[0].Start(t.Context(), d)) // once more
	apps[0].Close()
	check(t, apps[0].Wait())

	ctx, cancel := context.WithCancel(t.Context())
	a = app.New("")
	a.OnError(func(context.Context, error) { cancel() })
	err := a.Start(ctx, &wamp.Dialer{URLs: []string{"rs://127.0.0.1:1"}, Backoff: quick})
	if !errors.Is(err, context.Canceled) || !errors.As(err, new(*wamp.DialError)) {
		t.Error(err) // both why it has not waited longer, and what it has waited for
	}
	if err := a.Start(t.Context(), &wamp.Dialer{URLs: []string{rt.URL()}, Realm: "nowhere"}); !errors.Is(err, wamp.ErrNoSuchRealm) {
		t.Error(err)
	}
}

// Calls and publications fail at once while there is no session, or wait for
// one.
func TestWaitForReady(t *testing.T) {
	rt := wamptest.NewRouter(t)
	a := app.New("com")
	check(t, a.Register("add", wamp.Func2(add)))
	if _, err := app.Call[int](t.Context(), a, "com.add", wamp.Args{1, 2}); !errors.Is(err, app.ErrNotConnected) {
		t.Error(err)
	}
	if _, err := a.Publish(t.Context(), "com.topic", wamp.Args{1}); !errors.Is(err, app.ErrNotConnected) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := app.Call[int](ctx, a, "com.add", wamp.WaitForReady()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	result := make(chan error, 2)
	go func() {
		sum, err := app.Call[int](t.Context(), a, "com.add", wamp.Args{1, 2}, wamp.WaitForReady())
		if sum != 3 && err == nil {
			err = errors.New("wrong sum")
		}
		result <- err
	}()
	go func() {
		_, err := a.Publish(t.Context(), "com.topic", wamp.Args{1}, wamp.Acknowledge(), wamp.WaitForReady())
		result <- err
	}()
	stop := running(t, a, &wamp.Dialer{URLs: []string{rt.URL()}})
	check(t, <-result)
	check(t, <-result)
	check(t, stop())
}

// A hook that ends its goroutine, as t.Fatal does, ends the App.
func TestGoexit(t *testing.T) {
	rt := wamptest.NewRouter(t)
	a := app.New("")
	a.OnJoin(func(context.Context, *wamp.Session) error { runtime.Goexit(); return nil })
	if err := a.Start(t.Context(), &wamp.Dialer{URLs: []string{rt.URL()}}); err == nil || !strings.Contains(err.Error(), "goroutine") {
		t.Error(err)
	}
	a = app.New("")
	a.Main = func(context.Context, *wamp.Session) error { runtime.Goexit(); return nil }
	if err := a.Run(t.Context(), &wamp.Dialer{URLs: []string{rt.URL()}}); err == nil || !strings.Contains(err.Error(), "goroutine") {
		t.Error(err)
	}
}

// Signals of the operating system end an App when it asked for them.
func TestOSSignals(t *testing.T) {
	rt := wamptest.NewRouter(t)
	a := app.New("")
	a.Signals = []os.Signal{syscall.SIGUSR1}
	j := observed(a)
	ended := make(chan error, 1)
	go func() { ended <- a.Run(t.Context(), &wamp.Dialer{URLs: []string{rt.URL()}}) }()
	j.wait(t, 1, "ready")
	check(t, syscall.Kill(os.Getpid(), syscall.SIGUSR1))
	check(t, <-ended)
	j.wait(t, 1, "leave wamp.close.normal")
}

// S002-7: signals with names of the program's own.
func TestFire(t *testing.T) {
	a := app.New("")
	var got []any
	failure := errors.New("failed")
	a.On("saved", func(_ context.Context, args ...any) error { got = append(got, args...); return failure })
	a.On("saved", func(context.Context, ...any) error { panic("oh") })
	a.On("saved", func(_ context.Context, args ...any) error { got = append(got, "third"); return nil })
	err := a.Fire(t.Context(), "saved", "file", 7)
	var panicked *app.PanicError
	if !slices.Equal(got, []any{"file", 7, "third"}) || !errors.Is(err, failure) || !errors.As(err, &panicked) {
		t.Error(got, err)
	}
	check(t, a.Fire(t.Context(), "nobody listens"))
}

// A handler's failure reaches OnError, or the Dialer's own.
func TestOnError(t *testing.T) {
	rt := wamptest.NewRouter(t)
	a := app.New("com")
	check(t, a.Register("fail", wamp.Func0(func(context.Context) (int, error) { return 0, errors.New("broken") })))
	heard := make(chan string, 2)
	a.OnError(func(_ context.Context, err error) {
		var failed *wamp.HandlerError
		if errors.As(err, &failed) {
			heard <- "app " + failed.URI
		}
	})
	var asked atomic.Bool
	for _, d := range []*wamp.Dialer{
		{URLs: []string{rt.URL()}},
		{URLs: []string{rt.URL()}, OnError: func(_ context.Context, err *wamp.HandlerError) { asked.Store(true); heard <- "dialer " + err.URI }},
	} {
		stop := running(t, a, d)
		ready(t, a)
		_, err := app.Call[int](t.Context(), a, "com.fail")
		if !errors.Is(err, wamp.ErrRuntimeError) {
			t.Error(err)
		}
		check(t, stop())
	}
	if a, b := <-heard, <-heard; a != "app com.fail" || b != "dialer com.fail" || !asked.Load() {
		t.Error(a, b)
	}
}
