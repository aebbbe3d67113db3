package core

import (
	"time"

	"github.com/wampeter/wampeter/internal/msg"
)

// The subscription meta procedures (specification, advanced profile, section
// "Subscriptions Meta API"), and event history ("Event History").

func (sub *subscription) details() map[string]any {
	return map[string]any{
		"id":      sub.id,
		"created": iso(sub.created),
		"uri":     sub.uri,
		"match":   sub.match.String(),
	}
}

// subscription returns the subscription whose ID is the first argument.
func (q *query) subscription() (*subscription, []byte) {
	id, ok := q.id(0)
	if !ok {
		return nil, errInvalidArgument
	}
	sub := q.realm.subscriptions[id]
	if sub == nil {
		return nil, errNoSuchSubscription
	}
	return sub, nil
}

func subscriptionList(q *query) ([]any, []byte) {
	var lists [3][]uint64
	for id, sub := range q.realm.subscriptions {
		lists[sub.match] = append(lists[sub.match], id)
	}
	return byPolicy(lists), nil
}

func subscriptionLookup(q *query) ([]any, []byte) {
	u, policy, ok := q.pattern()
	if !ok {
		return nil, errInvalidArgument
	}
	if sub, found := q.realm.topics.Get(policy, []byte(u)); found {
		return []any{sub.id}, nil
	}
	return []any{nil}, nil
}

func subscriptionMatch(q *query) ([]any, []byte) {
	u, ok := q.text(0)
	if !ok {
		return nil, errInvalidArgument
	}
	var list []any
	for _, sub := range q.realm.topics.AppendAll(nil, []byte(u)) {
		list = append(list, sub.id)
	}
	if list == nil {
		return []any{nil}, nil
	}
	return []any{list}, nil
}

func subscriptionGet(q *query) ([]any, []byte) {
	sub, refusal := q.subscription()
	if refusal != nil {
		return nil, refusal
	}
	return []any{sub.details()}, nil
}

func subscriptionListSubscribers(q *query) ([]any, []byte) {
	sub, refusal := q.subscription()
	if refusal != nil {
		return nil, refusal
	}
	return []any{sessionIDs(sub.receivers)}, nil
}

func subscriptionCountSubscribers(q *query) ([]any, []byte) {
	sub, refusal := q.subscription()
	if refusal != nil {
		return nil, refusal
	}
	return []any{len(sub.receivers) - sub.trusted}, nil
}

// subscriptionRemoveSubscriber takes a session out of a subscription:
// subscription, session, and a reason as third or as keyword argument. It is
// Crossbar's.
func subscriptionRemoveSubscriber(q *query) ([]any, []byte) {
	sub, refusal := q.subscription()
	if refusal != nil {
		return nil, refusal
	}
	s, reason, refusal := q.member()
	if refusal != nil {
		return nil, refusal
	}
	if s == nil || !q.realm.RevokeSubscription(s, sub.id, reason, q.out) {
		return nil, errNoSuchSession
	}
	return nil, nil
}

// mostHistory is how many events one call gives, when it sets no lower limit
// itself; mostHistoryBytes how many bytes of them.
const (
	mostHistory      = 1000
	mostHistoryBytes = 1 << 20
)

// subscriptionGetEvents gives the events that were kept for a subscription,
// each one positional result. Errors: wamp.error.no_such_subscription,
// wamp.error.history_unavailable when none are kept, wamp.error.not_authorized
// for those who may not subscribe.
func subscriptionGetEvents(q *query) ([]any, []byte) {
	sub, refusal := q.subscription()
	if refusal != nil {
		return nil, refusal
	}
	if may := q.realm.cfg.Authorize; may != nil && !may(q.caller, msg.Subscribe, sub.match, []byte(sub.uri)) {
		return nil, errNotAuthorized
	}
	if sub.log == nil {
		return nil, errHistoryUnavailable
	}
	var h historyQuery
	if !q.history(&h) {
		return nil, errInvalidArgument
	}
	results := []any{}
	size := 0
	for _, e := range h.events(sub.log, q.caller) {
		if size += e.size; size > mostHistoryBytes && len(results) > 0 {
			break
		}
		results = append(results, q.realm.event(sub, e))
	}
	return results, nil
}

// history reads the filters of a query for events.
func (q *query) history(h *historyQuery) (ok bool) {
	if h.topic, ok = option[string](q, "topic"); !ok {
		return false
	}
	if h.reverse, ok = option[bool](q, "reverse"); !ok {
		return false
	}
	h.limit = mostHistory
	if v := q.kwargs["limit"]; v != nil {
		limit, ok := toUint(v)
		if !ok || limit == 0 {
			return false
		}
		h.limit = int(min(limit, mostHistory))
	}
	for key, t := range map[string]*time.Time{
		"from_time": &h.from, "after_time": &h.after, "before_time": &h.before, "until_time": &h.until,
	} {
		text, ok := option[string](q, key)
		if !ok {
			return false
		}
		if text == "" {
			continue
		}
		var err error
		if *t, err = time.Parse(time.RFC3339Nano, text); err != nil {
			return false
		}
	}
	for key, id := range map[string]*uint64{
		"from_publication": &h.fromID, "after_publication": &h.afterID,
		"before_publication": &h.beforeID, "until_publication": &h.untilID,
	} {
		if v := q.kwargs[key]; v != nil {
			if *id, ok = toUint(v); !ok || *id == 0 {
				return false
			}
		}
	}
	return true
}

// event makes the value of an event in a history.
func (r *Realm) event(sub *subscription, e *Event) map[string]any {
	details := map[string]any{}
	if sub.match != msg.Exact {
		details["topic"] = e.Topic
	}
	o := &e.Options
	if o.Has(msg.KeySession) {
		details["publisher"] = o.Session
		details["publisher_authid"] = o.X.AuthID
		details["publisher_authrole"] = o.X.AuthRole
	}
	if o.Has(msg.KeyTrustLevel) {
		details["trustlevel"] = o.TrustLevel
	}
	addPassthru(details, o)
	value := map[string]any{
		"timestamp":    iso(e.Time),
		"subscription": sub.id,
		"publication":  e.Publication,
		"details":      details,
	}
	if e.Payload.Args != nil {
		value["args"] = r.cfg.Raw(e.Payload.Format, e.Payload.Args)
	}
	if e.Payload.Kwargs != nil {
		value["kwargs"] = r.cfg.Raw(e.Payload.Format, e.Payload.Kwargs)
	}
	return value
}
