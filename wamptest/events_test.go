package wamptest_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamptest"
)

func TestEvents(t *testing.T) {
	rt := wamptest.NewRouter(t)
	s := rt.Dial(&wamp.Dialer{URLs: []string{rt.URL()}})
	type news struct {
		Country string `uri:"country"`
		Title   string `wamp:"0"`
	}
	all := wamptest.Events[news](t, s, "com.news.{country}")
	titles := wamptest.Events[string](t, s, "com.news.de", wamp.Queue(10))
	all.None()
	publisher := rt.Session()
	publish(t, publisher, "com.news.us", "one")
	publish(t, publisher, "com.news.de", "two")
	publish(t, publisher, "com.news.de", "three")
	all.Expect(news{"us", "one"}, news{"de", "two"})
	if e, info := all.NextInfo(); e.Title != "three" || info.Topic != "com.news.de" {
		t.Error(e, info)
	}
	all.None()
	if text := titles.Next(); text != "two" {
		t.Error(text)
	}
	titles.Expect("three")
}

// recorder is a test whose failures can be looked at.
type recorder struct {
	testing.TB
	text []string
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.text = append(r.text, strings.TrimSpace(format))
}
func (r *recorder) Fatalf(format string, args ...any) { r.Errorf(format); runtime.Goexit() }
func (r *recorder) Fatal(args ...any)                 { r.Fatalf("%v", args...) }

// failing runs f as a test, and returns what it fails of.
func failing(t *testing.T, f func(t testing.TB)) string {
	t.Helper()
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	if len(r.text) == 0 {
		t.Error("it does not fail")
	}
	return strings.Join(r.text, "; ")
}

// What is not as expected fails the test.
func TestEventsFail(t *testing.T) {
	rt := wamptest.NewRouter(t)
	s, publisher := rt.Session(), rt.Session()
	t.Log(failing(t, func(t testing.TB) { wamptest.Events[string](t, s, "not a topic") }))
	t.Log(failing(t, func(tb testing.TB) {
		l := wamptest.Events[string](tb, s, "com.topic")
		publish(t, publisher, "com.topic", "one")
		l.Expect("two")
	}))
	t.Log(failing(t, func(tb testing.TB) {
		l := wamptest.Events[string](tb, s, "com.topic")
		publish(t, publisher, "com.topic", "one")
		l.None()
	}))
	t.Log(failing(t, func(tb testing.TB) { // an event that does not fit
		l := wamptest.Events[int](tb, s, "com.topic")
		publish(t, publisher, "com.topic", "one")
		l.None()
	}))
	t.Log(failing(t, func(tb testing.TB) {
		l := wamptest.Events[string](tb, rt.Session(), "com.topic")
		if err := rt.Close(); err != nil {
			t.Error(err)
		}
		l.Next()
	}))
}
