package wamp_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

func ExampleDialer_Dial() {
	rt := router.New(router.Config{
		Realms:         []string{"realm1"},
		NoDefaultRealm: true,
		Logger:         slog.New(slog.DiscardHandler),
	})
	defer rt.Close()
	server := httptest.NewServer(rt) // any way to serve it will do
	defer server.Close()

	d := &wamp.Dialer{
		URLs:        []string{"ws" + strings.TrimPrefix(server.URL, "http") + "/ws"},
		Realm:       "realm1",
		Serializers: []wamp.Serializer{wamp.MessagePack, wamp.JSON},
		Header: func(context.Context) (http.Header, error) {
			return http.Header{"X-Token": {"fresh for each attempt"}}, nil
		},
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	s, err := d.Dial(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.Realm(), s.AuthMethod(), s.Serializer(), s.HasFeature("dealer", "call_canceling"))
	fmt.Println(s.Close(ctx), errors.Is(s.Err(), wamp.ErrClosed))

	d.Realm = "realm2"
	_, err = d.Dial(ctx)
	fmt.Println(errors.Is(err, wamp.ErrNoSuchRealm))
	// Output:
	// realm1 anonymous msgpack true
	// <nil> true
	// true
}
