package core

import (
	"slices"
	"time"

	"github.com/wampeter/wampeter/internal/msg"
)

// subscription is a topic or pattern with its subscribers. All sessions that
// subscribe to the same (topic, match) share one, and so its ID.
type subscription struct {
	id        uint64
	uri       string
	match     msg.Match
	created   time.Time
	receivers []*Session // of the subscribers, in no particular order
	lent      bool       // receivers may be part of effects; see endSubscriber
	grouped   int        // subscribers that share events by key
	trusted   int        // subscribers that are trusted
	log       EventLog   // where its events are kept; it then needs no subscribers
}

// subscriber is a session's part in a subscription.
type subscriber struct {
	session *Session
	sub     *subscription
	seq     uint64 // order of subscribing
	at      int    // index in sub.receivers
	grouped bool   // it shares events by key
	key     uint64 // hash of nkey
	owned   any    // see Attach
}

// Subscribe handles SUBSCRIBE (specification, basic profile, section
// "Subscribing and Unsubscribing"; advanced profile, sections "Pattern-based
// Subscriptions" and "Event Retention"). Subscribing again gives the same ID;
// its options are the last ones'. Errors: wamp.error.invalid_uri,
// wamp.error.limit_exceeded.
func (r *Realm) Subscribe(s *Session, m *msg.Message, out *Out) error {
	if !s.state.joined {
		return nil
	}
	if err := r.newRequest(s, m.Request); err != nil {
		return err
	}
	policy := m.Options.Match
	if !r.validPattern(policy, m.URI) {
		out.fail(s, msg.Subscribe, m.Request, errInvalidURI)
		return nil
	}
	sub, _ := r.topics.Get(policy, m.URI)
	var mine *subscriber
	if sub != nil {
		mine = s.state.subscriptions[sub]
	}
	isNew := mine == nil
	created := sub == nil
	if isNew {
		if len(s.state.subscriptions) >= atMost(r.cfg.MaxSubscriptions, s.MaxSubscriptions) || !useShape(r, s, r.topics, policy, m.URI) {
			out.fail(s, msg.Subscribe, m.Request, errLimitExceeded)
			return nil
		}
		if created {
			sub = r.newSubscription(policy, string(m.URI))
		}
		mine = r.addSubscriber(sub, s)
	}
	mine.setKey(r, &m.Options)
	answer := out.add(s, msg.Subscribed)
	answer.Request = m.Request
	answer.ID = sub.id
	if created {
		r.subscriptionCreated(s, sub, out)
	}
	if isNew {
		r.subscriptionEvent(onSubscribe, s, sub, out)
	}
	if m.Options.Is(msg.GetRetained) {
		r.sendRetained(s, sub, out)
	}
	return nil
}

// atMost returns the lower one of two bounds, of which the second may be 0 for
// none.
func atMost(limit, own int) int {
	if own > 0 && own < limit {
		return own
	}
	return limit
}

func (r *Realm) newSubscription(policy msg.Match, topic string) *subscription {
	sub := &subscription{uri: topic, match: policy, created: r.cfg.Now()}
	sub.id = objectID(&r.cfg.Key, kindSubscription, policy, topic, func(id uint64) bool {
		return r.subscriptions[id] != nil
	})
	r.subscriptions[sub.id] = sub
	r.topics.Put(policy, topic, sub)
	return sub
}

func (r *Realm) addSubscriber(sub *subscription, s *Session) *subscriber {
	st := &s.state
	if st.subscriptions == nil {
		st.subscriptions = make(map[*subscription]*subscriber)
	}
	r.joins++
	mine := &subscriber{session: s, sub: sub, seq: r.joins, at: len(sub.receivers)}
	st.subscriptions[sub] = mine
	sub.receivers = append(sub.receivers, s)
	if s.Trusted {
		sub.trusted++
	}
	return mine
}

// setKey makes a subscriber share events by key, or not.
func (mine *subscriber) setKey(r *Realm, o *msg.Options) {
	if mine.grouped {
		mine.sub.grouped--
	}
	mine.grouped = o.Has(msg.KeyNKey)
	if mine.grouped {
		mine.sub.grouped++
		mine.key = r.hashKey(o.X.NKey)
	}
}

// Unsubscribe handles UNSUBSCRIBE. One ends a subscription, however often it
// was asked for. Errors: wamp.error.no_such_subscription, also for those of
// other sessions.
func (r *Realm) Unsubscribe(s *Session, m *msg.Message, out *Out) error {
	if !s.state.joined {
		return nil
	}
	if err := r.newRequest(s, m.Request); err != nil {
		return err
	}
	mine := s.state.subscriptions[r.subscriptions[m.ID]]
	if mine == nil {
		out.fail(s, msg.Unsubscribe, m.Request, errNoSuchSubscription)
		return nil
	}
	out.add(s, msg.Unsubscribed).Request = m.Request
	r.endSubscriber(mine, out)
	return nil
}

// RevokeSubscription ends a subscription of s, with a reason for the session if
// it supports that (specification, advanced profile, section "Subscription
// Revocation"). It reports whether s had it.
func (r *Realm) RevokeSubscription(s *Session, id uint64, reason string, out *Out) bool {
	mine := s.state.subscriptions[r.subscriptions[id]]
	if mine == nil {
		return false
	}
	if s.state.subscriber&msg.SubscriptionRevocation != 0 {
		revocation(out.add(s, msg.Unsubscribed), id, reason)
	}
	r.endSubscriber(mine, out)
	return true
}

// HasSubscribed reports whether s has subscribed to a topic or pattern.
func (r *Realm) HasSubscribed(s *Session, policy msg.Match, u []byte) bool {
	sub, ok := r.topics.Get(policy, u)
	return ok && s.state.subscriptions[sub] != nil
}

// Attach puts a value on a subscription of s, which is in Out.Ended once when
// that ends: by UNSUBSCRIBE, by revocation, or with the session. It reports
// whether s has subscribed; a value that was there before is returned.
func (r *Realm) Attach(s *Session, policy msg.Match, u []byte, v any) (before any, ok bool) {
	sub, ok := r.topics.Get(policy, u)
	if !ok {
		return nil, false
	}
	mine := s.state.subscriptions[sub]
	if mine == nil {
		return nil, false
	}
	before, mine.owned = mine.owned, v
	return before, true
}

// revocation makes m the message that ends a subscription or registration
// unasked.
func revocation(m *msg.Message, id uint64, reason string) {
	m.ID = id
	if reason != "" {
		m.Options.Set |= msg.KeyReason
		m.Options.X = &msg.Extra{Reason: reason}
	}
}

// endSubscriber takes a session out of a subscription, which ends with the
// last one, unless its events are kept.
func (r *Realm) endSubscriber(mine *subscriber, out *Out) {
	s, sub := mine.session, mine.sub
	delete(s.state.subscriptions, sub)
	s.dropShape(sub.match, sub.uri)
	if mine.owned != nil {
		out.Ended = append(out.Ended, mine.owned)
	}
	if mine.grouped {
		sub.grouped--
	}
	if s.Trusted {
		sub.trusted--
	}

	if r.several && sub.lent {
		// An effect of the operation that is under way may refer to the list.
		sub.receivers = slices.Clone(sub.receivers)
		sub.lent = false
	}
	last := len(sub.receivers) - 1
	moved := sub.receivers[last]
	sub.receivers[mine.at] = moved
	sub.receivers[last] = nil
	sub.receivers = sub.receivers[:last]
	if moved != s {
		moved.state.subscriptions[sub].at = mine.at
	}
	if last <= cap(sub.receivers)/4 && last >= 16 {
		sub.receivers = append(make([]*Session, 0, 2*last), sub.receivers...)
	}
	ended := last == 0 && sub.log == nil
	if ended {
		delete(r.subscriptions, sub.id)
		r.topics.Delete(sub.match, sub.uri)
	}
	r.subscriptionEvent(onUnsubscribe, s, sub, out)
	if ended {
		r.subscriptionEvent(onSubscriptionDelete, s, sub, out)
	}
}
