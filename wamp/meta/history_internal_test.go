package meta

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wampeter/wampeter/wamp"
)

// Advanced profile, "Event History": each event is a positional result.
// Crossbar.io's answer is one list.
func TestHistoryEntries(t *testing.T) {
	at := time.Date(2026, 11, 21, 10, 0, 0, 5e6, time.UTC)
	standard := map[string]any{
		"timestamp": "2026-11-21T10:00:00.005Z", "subscription": 7, "publication": 1,
		"details": map[string]any{"topic": "com.example.a", "publisher": 9, "publisher_authid": "joe", "publisher_authrole": "user"},
		"args":    []any{1, "x"}, "kwargs": map[string]any{"k": nil},
	}
	crossbar := map[string]any{
		"time_ns": at.UnixNano(), "realm": "realm1", "publication": 1, "topic": "com.example.a",
		"session_id": 9, "authid": "joe", "authrole": "user",
		"args": []any{1, "x"}, "kwargs": map[string]any{"k": nil},
	}
	bare := map[string]any{"timestamp": "2026-11-21T10:00:00Z", "subscription": 7, "publication": 2}
	for _, test := range []struct {
		name  string
		args  wamp.Args
		count int
	}{
		{"none", wamp.Args{}, 0},
		{"one", wamp.Args{standard}, 1},
		{"two", wamp.Args{standard, bare}, 2},
		{"list of none", wamp.Args{[]any{}}, 0},
		{"list of one", wamp.Args{[]any{crossbar}}, 1},
		{"list of two", wamp.Args{[]any{crossbar, bare}}, 2},
		{"nothing", wamp.Args{nil}, 0},
	} {
		entries, err := historyEntries(wamp.Return(test.args).Payload)
		if err != nil || len(entries) != test.count {
			t.Errorf("%s: %d events, %v, want %d", test.name, len(entries), err, test.count)
			continue
		}
		for i := range entries {
			e := entries[i].event(7)
			if e.Publication != uint64(i+1) || e.Subscription != 7 {
				t.Errorf("%s: event %d: %+v", test.name, i, e)
			}
		}
		if test.count == 0 {
			continue
		}
		e := entries[0].event(7)
		args, _ := e.Args()
		kwargs, _ := e.Kwargs()
		if diff := cmp.Diff([]any{wamp.Args{int64(1), "x"}, wamp.KW{"k": nil}}, []any{args, kwargs}); diff != "" {
			t.Errorf("%s: payload (-want +got)\n%s", test.name, diff)
		}
		e.Payload, e.Details = wamp.Payload{}, nil
		want := HistoryEvent{
			Time: at, Subscription: 7, Publication: 1, Topic: "com.example.a",
			Publisher: 9, PublisherAuthID: "joe", PublisherAuthRole: "user",
		}
		if diff := cmp.Diff(want, e, cmp.Comparer(samePayload)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", test.name, diff)
		}
	}
	for _, broken := range []wamp.Args{{1}, {standard, "x"}, {[]any{1}}, {map[string]any{"timestamp": "yesterday"}}} {
		if _, err := historyEntries(wamp.Return(broken).Payload); err == nil {
			t.Errorf("%v is no history", broken)
		}
	}
}

func samePayload(a, b wamp.Payload) bool {
	aArgs, aKwargs, errA := a.JSON()
	bArgs, bKwargs, errB := b.JSON()
	return string(aArgs) == string(bArgs) && string(aKwargs) == string(bKwargs) && errA == nil && errB == nil
}
