package meta_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"slices"
	"time"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamp/meta"
)

// join returns two sessions with a router in memory, and what ends all. The
// examples use it in place of a Dialer with the URL of a router.
func join() (ctx context.Context, s, other *wamp.Session, end func()) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	rt := router.New(router.Config{
		Logger:  slog.New(slog.DiscardHandler),
		History: []router.History{{URI: "com.example.log"}},
	})
	var sessions [2]*wamp.Session
	for i := range sessions {
		var err error
		if sessions[i], err = rt.Session(ctx, "realm1"); err != nil {
			log.Fatal(err)
		}
	}
	return ctx, sessions[0], sessions[1], func() {
		for _, s := range sessions {
			_ = s.Close(ctx)
		}
		_ = rt.Close()
		cancel()
	}
}

func Example() {
	ctx, s, callee, end := join()
	defer end()
	_, err := callee.Register(ctx, "com.example.{name}", wamp.HandlerFunc(echo))
	if err != nil {
		log.Fatal(err)
	}

	id, err := meta.MatchRegistration(ctx, s, "com.example.add2")
	if err != nil {
		log.Fatal(err)
	}
	reg, err := meta.GetRegistration(ctx, s, id)
	if err != nil {
		log.Fatal(err)
	}
	callees, err := meta.Callees(ctx, s, id)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(reg.URI, reg.Match, reg.Invoke, callees[0] == callee.ID())
	// Output: com.example. wildcard single true
}

// Taking stock without missing anything: what changes after the list was made
// is an event.
func ExampleReady() {
	ctx, s, other, end := join()
	defer end()

	online := map[uint64]bool{}
	list := func() {
		ids, err := meta.Sessions(ctx, s)
		if err != nil {
			log.Fatal(err)
		}
		for _, id := range ids {
			online[id] = true
		}
		fmt.Println(len(online), "sessions")
		_ = other.Close(ctx)
	}
	for left, err := range meta.Leaves(ctx, s, meta.Ready(list)) {
		if err != nil {
			log.Fatal(err)
		}
		delete(online, left.ID)
		fmt.Println(len(online), "sessions")
		break
	}
	// Output:
	// 2 sessions
	// 1 sessions
}

func ExampleAddTestament() {
	ctx, s, mourner, end := join()
	defer end()
	gone := make(chan string, 1)
	_, err := mourner.Subscribe(ctx, "com.example.gone", wamp.Event(func(_ context.Context, who string) error {
		gone <- who
		return nil
	}))
	if err != nil {
		log.Fatal(err)
	}

	err = meta.AddTestament(ctx, s, meta.Destroyed, "com.example.gone", wamp.Args{"joe"}, wamp.Retain())
	if err != nil {
		log.Fatal(err)
	}
	_ = s.Close(ctx)
	fmt.Println(<-gone)
	// Output: joe
}

// The last two events of a topic, the older one first.
func ExampleHistory() {
	ctx, s, other, end := join()
	defer end()
	for i := range 3 {
		if _, err := other.Publish(ctx, "com.example.log", wamp.Args{i}, wamp.Acknowledge()); err != nil {
			log.Fatal(err)
		}
	}

	sub, err := s.Subscribe(ctx, "com.example.log", wamp.EventFunc(ignore))
	if err != nil {
		log.Fatal(err)
	}
	events, err := meta.History(ctx, s, sub.ID(), meta.Reverse(), meta.Limit(2))
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range slices.Backward(events) {
		var n int
		if err := e.Arg(0, &n); err != nil {
			log.Fatal(err)
		}
		fmt.Println(n)
	}
	// Output:
	// 1
	// 2
}
