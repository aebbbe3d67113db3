package meta

import (
	"context"
	"fmt"
	"time"

	"github.com/wampeter/wampeter/wamp"
)

// ErrHistoryUnavailable says that the router keeps no events for a
// subscription.
const ErrHistoryUnavailable wamp.URI = "wamp.error.history_unavailable"

// HistoryEvent is an event that the router has kept.
type HistoryEvent struct {
	wamp.Payload

	Time         time.Time // when the router got it
	Subscription uint64
	Publication  uint64
	Topic        string // concrete topic; of an exact subscription "" when the router leaves it out

	// Who published, when the router tells.
	Publisher         uint64
	PublisherAuthID   string
	PublisherAuthRole string

	// Details are the event's details as they were kept.
	Details map[string]any
}

// Filter is an option of [History]. Several have to be met all.
type Filter struct {
	name  string
	value any
}

// Limit sets how many events there are at most; the router may set a lower
// limit.
func Limit(n int) Filter { return Filter{"limit", n} }

// Reverse asks for the events newest first. With [Limit] these are the newest
// ones.
func Reverse() Filter { return Filter{"reverse", true} }

// Topic asks for the events of one topic among those of a pattern.
func Topic(uri string) Filter { return Filter{"topic", uri} }

// From asks for the events at t and after it.
func From(t time.Time) Filter { return Filter{"from_time", rfc3339(t)} }

// After asks for the events after t.
func After(t time.Time) Filter { return Filter{"after_time", rfc3339(t)} }

// Before asks for the events before t.
func Before(t time.Time) Filter { return Filter{"before_time", rfc3339(t)} }

// Until asks for the events at t and before it.
func Until(t time.Time) Filter { return Filter{"until_time", rfc3339(t)} }

func rfc3339(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// FromPublication asks for an event and those after it. When the router does
// not have the event any more, there are none: ask for a time then.
func FromPublication(id uint64) Filter { return Filter{"from_publication", id} }

// AfterPublication asks for the events after one.
func AfterPublication(id uint64) Filter { return Filter{"after_publication", id} }

// BeforePublication asks for the events before one.
func BeforePublication(id uint64) Filter { return Filter{"before_publication", id} }

// UntilPublication asks for an event and those before it.
func UntilPublication(id uint64) Filter { return Filter{"until_publication", id} }

// History returns events that the router has kept for a subscription, be it the
// session's own ([wamp.Subscription.ID]) or one found by [LookupSubscription]:
// the oldest first, unless [Reverse] is given (wamp.subscription.get_events). A
// router may return fewer than there are: ask again for those behind the last
// one, with [AfterPublication].
//
// A Crossbar.io router understands no filter but Limit, and always returns the
// newest first.
//
// Errors: wamp.error.no_such_subscription, [ErrHistoryUnavailable],
// wamp.error.not_authorized for those who may not subscribe.
func History(ctx context.Context, s *wamp.Session, subscription uint64, filters ...Filter) ([]HistoryEvent, error) {
	kw := wamp.KW{}
	for _, f := range filters {
		kw[f.name] = f.value
	}
	r, err := wamp.Call[wamp.Result](ctx, s, "wamp.subscription.get_events", wamp.Args{subscription}, kw)
	if err != nil {
		return nil, err
	}
	entries, err := historyEntries(r.Payload)
	if err != nil {
		return nil, fmt.Errorf("history of subscription %d: %w", subscription, err)
	}
	events := make([]HistoryEvent, len(entries))
	for i := range entries {
		events[i] = entries[i].event(subscription)
	}
	return events, nil
}

// historyEntries decodes the answer of a router: each positional result is an
// event, or, of Crossbar.io's, the one positional result is the list of them.
func historyEntries(p wamp.Payload) ([]historyEntry, error) {
	var entries []historyEntry
	if p.Len() == 1 && p.Arg(0, &entries) == nil {
		return entries, nil
	}
	entries = make([]historyEntry, p.Len())
	for i := range entries {
		if err := p.Arg(i, &entries[i]); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// historyEntry is an event as routers write it.
type historyEntry struct {
	Publication uint64         `json:"publication"`
	Args        []any          `json:"args"`
	Kwargs      map[string]any `json:"kwargs"`

	// The specification's.
	Timestamp time.Time      `json:"timestamp"`
	Details   map[string]any `json:"details"`

	// Crossbar.io's.
	TimeNS   int64  `json:"time_ns"`
	Topic    string `json:"topic"`
	Session  uint64 `json:"session_id"`
	AuthID   string `json:"authid"`
	AuthRole string `json:"authrole"`
}

func (e *historyEntry) event(subscription uint64) HistoryEvent {
	out := HistoryEvent{
		Payload:      wamp.Return(wamp.Args(e.Args), wamp.KW(e.Kwargs)).Payload,
		Time:         e.Timestamp,
		Subscription: subscription,
		Publication:  e.Publication,
		Details:      e.Details,
	}
	if e.TimeNS != 0 {
		out.Time = time.Unix(0, e.TimeNS).UTC()
		out.Topic, out.Publisher = e.Topic, e.Session
		out.PublisherAuthID, out.PublisherAuthRole = e.AuthID, e.AuthRole
		return out
	}
	out.Topic, _ = e.Details["topic"].(string)
	if id, ok := e.Details["publisher"].(int64); ok && id > 0 {
		out.Publisher = uint64(id)
	}
	out.PublisherAuthID, _ = e.Details["publisher_authid"].(string)
	out.PublisherAuthRole, _ = e.Details["publisher_authrole"].(string)
	return out
}
