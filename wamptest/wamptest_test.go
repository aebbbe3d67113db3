package wamptest_test

import (
	"context"
	"testing"

	"go.uber.org/goleak"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Sessions over every road meet in the same realm.
func TestRouter(t *testing.T) {
	rt := wamptest.NewRouter(t)
	s := rt.Session()
	_, err := s.Register(t.Context(), "com.example.add2", wamp.Func2(func(_ context.Context, a, b int) (int, error) {
		return a + b, nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []*wamp.Dialer{
		{},
		{URLs: []string{rt.URL()}},
		{URLs: []string{rt.RawSocketURL()}, Serializers: []wamp.Serializer{wamp.JSON}},
		{URLs: []string{rt.URL()}, Serializers: []wamp.Serializer{wamp.MessagePack}, Compression: true},
	} {
		s := rt.Dial(d)
		sum, err := wamp.Call[int](t.Context(), s, "com.example.add2", wamp.Args{2, 5})
		if sum != 7 || err != nil {
			t.Errorf("%s %s: %d, %v", s.URL(), s.Serializer(), sum, err)
		}
	}
}

func TestConfigure(t *testing.T) {
	rt := wamptest.NewRouter(t, func(c *router.Config) { c.Realms = append(c.Realms, "com.other") })
	if s := rt.Dial(&wamp.Dialer{Realm: "com.other"}); s.Realm() != "com.other" {
		t.Error(s.Realm())
	}
}

// A router that is closed in the middle of the test ends its sessions.
func TestCloseEarly(t *testing.T) {
	rt := wamptest.NewRouter(t)
	s := rt.Session()
	if err := rt.Close(); err != nil {
		t.Fatal(err)
	}
	<-s.Done()
}
