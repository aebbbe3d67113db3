//go:build interop && unix

package interop

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestHeadline is what the router is for, exactly as a user would do it: an
// Autobahn|Python caller, MessagePack over RawSocket, and an autobahn-js callee,
// JSON over WebSocket, meet at "go run ./cmd/wampeter run".
func TestHeadline(t *testing.T) {
	t.Parallel()
	r := startWampeter(t, "go", "run", "../cmd/wampeter")
	caller := sit(t, r, asyncio.on(rawSocket, msgpack))
	callee := sit(t, r, autobahnJS.on(webSocket, jsonFormat))

	sent := payload{
		Args: []any{
			"Grüße aus 東京",
			json.Number("9007199254740992"), // 2^53
			map[string]any{"map": map[string]any{"list": []any{json.Number("1"), []any{"two", nil, true}}}},
			[]byte{0x00, 0xff, 0x10, 0x80},
		},
		Kwargs: map[string]any{"raw": []byte("bytes"), "deep": []any{map[string]any{"raw": []byte{1, 2, 3}}}},
	}
	inJavaScript := payload{
		Args: []any{
			sent.Args[0], sent.Args[1], sent.Args[2],
			"\x00AP8QgA==",
		},
		Kwargs: map[string]any{"raw": "\x00Ynl0ZXM=", "deep": []any{map[string]any{"raw": "\x00AQID"}}},
	}
	exactly := func(t *testing.T, want, got payload) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}

	check(t, "call", func(t *testing.T) {
		must(t, callee.register("com.example.echo", echo, nil))
		result, err := caller.call("com.example.echo", sent, nil)
		must(t, err)
		invocation, err := callee.received()
		must(t, err)
		exactly(t, inJavaScript, invocation.payload)
		exactly(t, sent, result)
	})
	check(t, "event to JavaScript", func(t *testing.T) {
		must(t, callee.subscribe("com.example.topic", nil))
		must(t, caller.publish("com.example.topic", sent, nil))
		event, err := callee.received()
		must(t, err)
		exactly(t, inJavaScript, event.payload)
		must(t, callee.unsubscribe("com.example.topic"))
	})
	check(t, "event to Python", func(t *testing.T) {
		must(t, caller.subscribe("com.example.topic", nil))
		must(t, callee.publish("com.example.topic", inJavaScript, nil))
		event, err := caller.received()
		must(t, err)
		exactly(t, sent, event.payload)
	})
}
