//go:build interop && unix

package interop

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wampeter/wampeter/wamp"
)

// TestServerwamp lets our client use an application that serverwamp serves. It
// routes nothing, so there is no second client.
func TestServerwamp(t *testing.T) {
	t.Parallel()
	p := start(t, env.python, filepath.Join("python", "serverwamp_app.py"))
	r := server{name: "serverwamp", urls: map[string]string{webSocket: p.listening(t, 1)[0]}}
	for _, format := range []string{jsonFormat, msgpack} {
		c := ours.on(webSocket, format)
		t.Run(c.String(), func(t *testing.T) { visit(t, r, c) })
	}
}

func visit(t *testing.T, r server, c client) {
	session, err := dial(t, c.format, r.url(c.transport))
	must(t, err)
	ok := true
	step := func(name string, f func(ctx context.Context, t *testing.T)) {
		ok = ok && check(t, name, func(t *testing.T) {
			ctx, cancel := limited()
			defer cancel()
			f(ctx, t)
		})
	}

	// serverwamp hands bytes through, and knows nothing of their form in JSON.
	payloads := []payload{nothing, rich, onlyNamed}
	if c.format != jsonFormat {
		payloads = append(payloads, binary, exact)
	}

	step("call", func(ctx context.Context, t *testing.T) {
		for _, p := range payloads {
			args, kwargs := options(p)
			result, err := wamp.Call[wamp.Result](ctx, session, "com.example.echo", args, kwargs)
			must(t, err)
			got, err := decode(result.Payload)
			must(t, err)
			same(t, "result", c, p, got)
		}
	})
	step("error", func(ctx context.Context, t *testing.T) {
		for _, p := range payloads {
			args, kwargs := options(p)
			_, err := wamp.Call[wamp.Result](ctx, session, "com.example.fail", args, kwargs)
			same(t, "error", c, p, isRefused(t, asRefusal(err), refused))
		}
		// serverwamp takes a call of what it does not know for a failure of its own.
		_, err := wamp.Call[wamp.Result](ctx, session, "com.example.unknown")
		isRefused(t, asRefusal(err), "wamp.error.runtime_error")
	})
	step("progress", func(ctx context.Context, t *testing.T) {
		stream := wamp.CallStream[int, string](ctx, session, "com.example.count", wamp.Args{3})
		var numbers []int
		for number := range stream.Progress() {
			numbers = append(numbers, number)
		}
		last, err := stream.Result()
		must(t, err)
		if diff := cmp.Diff([]int{1, 2, 3}, numbers); diff != "" || last != "done" {
			t.Errorf("ended with %q, progress (-want +got):\n%s", last, diff)
		}
	})
	step("event", func(ctx context.Context, t *testing.T) {
		events := make(chan arrival, 16)
		handler := func(_ context.Context, e *wamp.EventInfo) error {
			p, err := decode(e.Payload)
			events <- arrival{kind: "event", uri: e.Topic, payload: p}
			return err
		}
		expect := func(uri string, want payload) {
			t.Helper()
			event, err := next(events)
			must(t, err)
			same(t, "event of "+event.uri, c, want, event.payload)
			if event.uri != uri {
				t.Errorf("an event of %s instead of %s", event.uri, uri)
			}
		}
		greeted, err := session.Subscribe(ctx, "com.example.greeted", wamp.EventFunc(handler))
		must(t, err)
		expect("com.example.greeted", text("welcome"))
		must(t, greeted.Unsubscribe(ctx))

		_, err = session.Subscribe(ctx, "com.example.quiet", wamp.EventFunc(handler))
		must(t, err)
		for _, p := range payloads {
			args, kwargs := options(p)
			args = append(wamp.Args{"com.example.quiet"}, args...)
			_, err := wamp.Call[struct{}](ctx, session, "com.example.send", args, kwargs)
			must(t, err)
			expect("com.example.quiet", p)
		}

		_, err = session.Subscribe(ctx, "com.example.forbidden", wamp.EventFunc(handler))
		isRefused(t, asRefusal(err), "wamp.error.not_authorized")
	})
	step("leave", func(ctx context.Context, t *testing.T) { must(t, session.Close(ctx)) })
	step("dismissed", func(ctx context.Context, t *testing.T) {
		session, err := dial(t, c.format, r.url(c.transport))
		must(t, err)
		// The answer may come before the end of the session or not at all.
		_, _ = wamp.Call[struct{}](ctx, session, "com.example.dismiss")
		select {
		case <-session.Done():
		case <-time.After(patience):
			t.Fatal("the session outlives the server's GOODBYE")
		}
	})
	if ok {
		met.add(r, pair{c, c})
	}
}
