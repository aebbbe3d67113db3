package wamp_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/wampeter/wampeter/wamp"
)

func ExampleSession_Subscribe() {
	ctx, s, done := join()
	defer done()

	type concert struct {
		Place string `uri:"place"`
		Title string `wamp:"0"`
		Price int    `wamp:"price"`
	}
	events := make(chan concert)
	sub, err := s.Subscribe(ctx, "com.example.{place}.on_concert", wamp.Event(func(_ context.Context, c concert) error {
		events <- c
		return nil
	}))
	if err != nil {
		log.Fatal(err)
	}
	_, err = s.Publish(ctx, "com.example.billings.on_concert",
		wamp.Args{"The Boss"}, wamp.KW{"price": 50}, wamp.ExcludeMe(false))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-events)
	fmt.Println(sub.Unsubscribe(ctx))
	// Output:
	// {billings The Boss 50}
	// <nil>
}

// With Acknowledge a refusal is an error; without it nobody hears of it.
func ExampleAcknowledge() {
	ctx, s, done := join()
	defer done()

	id, err := s.Publish(ctx, "com.example.hello", wamp.Args{"hello"}, wamp.Acknowledge())
	fmt.Println(id > 0, err)
	_, err = s.Publish(ctx, "not a uri", wamp.Acknowledge())
	fmt.Println(errors.Is(err, wamp.ErrInvalidURI))
	// Output:
	// true <nil>
	// true
}

// EventFunc is for handlers that want all there is.
func ExampleEventFunc() {
	ctx, s, done := join()
	defer done()

	events := make(chan string)
	_, err := s.Subscribe(ctx, "com.example.", wamp.EventFunc(func(_ context.Context, e *wamp.EventInfo) error {
		args, err := e.Args()
		events <- fmt.Sprintf("%s %v %v", e.Topic, args, e.Publication > 0)
		return err
	}))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := s.Publish(ctx, "com.example.a.b", wamp.Args{1, "x"}, wamp.ExcludeMe(false)); err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-events)
	// Output: com.example.a.b [1 x] true
}
