package router_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// Sessions within the process, over WebSocket through another http.Server, and
// over the router's own listener meet in one realm.
func TestEmbedded(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	rt, addr := newRouter(t, router.Config{})
	web := httptest.NewServer(rt)
	defer web.Close()

	local, err := rt.Session(ctx, "realm1")
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close(ctx)
	add := func(_ context.Context, a, b int) (int, error) { return a + b, nil }
	if _, err := local.Register(ctx, "com.add", wamp.Func2(add)); err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{
		"ws" + strings.TrimPrefix(web.URL, "http") + "/any/path",
		"ws://" + addr + "/ws",
		"tcp://" + addr,
	} {
		for _, serializer := range []wamp.Serializer{wamp.JSON, wamp.MessagePack, wamp.CBOR} {
			s, err := (&wamp.Dialer{URLs: []string{url}, Serializers: []wamp.Serializer{serializer}}).Dial(ctx)
			if err != nil {
				t.Fatalf("%s: %v", url, err)
			}
			if sum, err := wamp.Call[int](ctx, s, "com.add", wamp.Args{2, 3}); err != nil || sum != 5 {
				t.Errorf("%s, %s: %d, %v", url, serializer, sum, err)
			}
			if err := s.Close(ctx); err != nil {
				t.Errorf("%s, %s: closing: %v", url, serializer, err)
			}
		}
	}
}
