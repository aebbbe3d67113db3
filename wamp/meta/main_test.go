package meta_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// everyRoad runs a test with a session that asks the router: in process, and
// over sockets in each serializer.
func everyRoad(t *testing.T, test func(t *testing.T, rt *wamptest.Router, s *wamp.Session), configure ...func(*router.Config)) {
	for name, d := range map[string]*wamp.Dialer{
		"in process":        {},
		"websocket json":    {Serializers: []wamp.Serializer{wamp.JSON}},
		"websocket msgpack": {Serializers: []wamp.Serializer{wamp.MessagePack}},
		"rawsocket cbor":    {Serializers: []wamp.Serializer{wamp.CBOR}},
	} {
		t.Run(name, func(t *testing.T) {
			rt := wamptest.NewRouter(t, configure...)
			dialer := *d
			switch name {
			case "websocket json", "websocket msgpack":
				dialer.URLs = []string{rt.URL()}
			case "rawsocket cbor":
				dialer.URLs = []string{rt.RawSocketURL()}
			}
			test(t, rt, rt.Dial(&dialer))
		})
	}
}

// must returns v, or fails the test.
func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// same compares lists of IDs in any order.
func same(t *testing.T, got []uint64, want ...uint64) {
	t.Helper()
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ids (-want +got)\n%s", diff)
	}
}

// receive takes what must come.
func receive[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	select {
	case v := <-c:
		return v
	case <-ctx.Done():
		t.Fatal("nothing comes")
		panic("not reached")
	}
}
