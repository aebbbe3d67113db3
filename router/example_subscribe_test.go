package router_test

import (
	"context"
	"fmt"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// Who subscribes to a topic gets its state at once, and afterwards what changes.
func ExampleRealm_OnSubscribe() {
	ctx, rt, end := exampleRouter(router.Config{})
	defer end()

	ended := make(chan struct{})
	err := rt.Realm("realm1").OnSubscribe("com.example.price.{of}", func(ctx context.Context, s *router.Session) (done func(), err error) {
		topic := router.MessageFrom(ctx).URI
		if topic == "com.example.price.secret" {
			return nil, wamp.Errorf(wamp.ErrNotAuthorized, "not for you")
		}
		if err := s.Event(topic, wamp.Args{100}); err != nil { // arrives after SUBSCRIBED
			return nil, err
		}
		return func() { close(ended) }, nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	s := dial(ctx, rt, "realm1")
	prices := make(chan int)
	handler := wamp.Event(func(_ context.Context, price int) error {
		prices <- price
		return nil
	})
	sub, err := s.Subscribe(ctx, "com.example.price.bread", handler)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("bread is", <-prices)
	_ = sub.Unsubscribe(ctx)
	<-ended
	_, err = s.Subscribe(ctx, "com.example.price.secret", handler)
	fmt.Println(err)
	// Output:
	// bread is 100
	// subscribe com.example.price.secret: wamp.error.not_authorized: not for you
}

// Functions look at every message of every session before it is routed.
func ExampleRouter_Intercept() {
	ctx, rt, end := exampleRouter(router.Config{})
	defer end()

	rt.Intercept(func(_ context.Context, s *router.Session, m *router.Message) error {
		args, _ := m.Payload().Args()
		fmt.Println(m.Type, m.URI, args)
		if m.Type == "PUBLISH" && len(args) == 0 {
			return wamp.Errorf(wamp.ErrInvalidArgument, "an event without a text")
		}
		return nil
	})

	s := dial(ctx, rt, "realm1")
	_, err := s.Publish(ctx, "com.example.news", wamp.Args{"rain"}, wamp.Acknowledge())
	fmt.Println(err)
	_, err = s.Publish(ctx, "com.example.news", wamp.Acknowledge())
	fmt.Println(err)
	// Output:
	// PUBLISH com.example.news [rain]
	// <nil>
	// PUBLISH com.example.news []
	// publish com.example.news: wamp.error.invalid_argument: an event without a text
}

// An authenticator of the application sees how the client is connected and all
// that it says, may ask it something, and accepts or refuses.
func ExampleRealm_Authenticate() {
	ctx, rt, end := exampleRouter(router.Config{})
	defer end()

	realm := rt.Realm("closed")
	realm.Authenticate(
		router.TransportAuthenticator(func(_ context.Context, h *router.Handshake) (*router.Identity, error) {
			if h.Transport.Cookie("session") != "4711" {
				return nil, nil // the next one may know the client
			}
			return &router.Identity{AuthID: "joe", Role: "user", Method: "cookie", Value: 4711}, nil
		}),
		router.MethodAuthenticator("riddle", func(ctx context.Context, h *router.Handshake) (*router.Identity, error) {
			answer, _, err := h.Challenge(ctx, "riddle", map[string]any{"question": "6 times 7"})
			if err != nil {
				return nil, err
			}
			if answer != "42" {
				return nil, wamp.Errorf("com.example.error.wrong", "think again, %s", h.AuthID)
			}
			return &router.Identity{AuthID: h.AuthID, Role: "user"}, nil
		}),
	)

	for _, answer := range []string{"42", "41"} {
		riddle := wamp.AuthFunc("riddle", func(context.Context, map[string]any) (string, map[string]any, error) {
			return answer, nil, nil
		})
		s, err := (&wamp.Dialer{Router: rt, Realm: "closed", AuthID: "joe", Auth: []wamp.Authenticator{riddle}}).Dial(ctx)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(s.AuthID(), s.AuthRole(), s.AuthMethod())
	}
	// Output:
	// joe user riddle
	// dial the router in this process: com.example.error.wrong: think again, joe
}
