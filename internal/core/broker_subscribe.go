package core

import "github.com/wampeter/wampeter/internal/msg"

// subscription is a topic or pattern with its subscribers. All sessions that
// subscribe to the same (topic, match) share one, and so its ID.
type subscription struct {
	id        uint64
	uri       string
	match     msg.Match
	receivers []*Session // of the subscribers, in no particular order
}

// subscriber is a session's part in a subscription.
type subscriber struct {
	session *Session
	sub     *subscription
	seq     uint64 // order of subscribing
	at      int    // index in sub.receivers
}

// Subscribe handles SUBSCRIBE (specification, basic profile, section
// "Subscribing and Unsubscribing"). Subscribing again gives the same ID.
// Errors: wamp.error.invalid_uri, wamp.error.limit_exceeded.
func (r *Realm) Subscribe(s *Session, m *msg.Message, out *Out) error {
	if err := r.newRequest(s, m.Request); err != nil {
		return err
	}
	policy := m.Options.Match
	if !r.validPattern(policy, m.URI) {
		out.fail(s, msg.Subscribe, m.Request, errInvalidURI)
		return nil
	}
	sub, _ := r.topics.Get(policy, m.URI)
	if sub == nil || s.state.subscriptions[sub] == nil {
		if len(s.state.subscriptions) >= r.cfg.MaxSubscriptions || !useShape(r, s, r.topics, policy, m.URI) {
			out.fail(s, msg.Subscribe, m.Request, errLimitExceeded)
			return nil
		}
		if sub == nil {
			sub = r.newSubscription(policy, string(m.URI))
		}
		r.addSubscriber(sub, s)
	}
	answer := out.add(s, msg.Subscribed)
	answer.Request = m.Request
	answer.ID = sub.id
	return nil
}

func (r *Realm) newSubscription(policy msg.Match, topic string) *subscription {
	sub := &subscription{uri: topic, match: policy}
	sub.id = objectID(&r.cfg.Key, kindSubscription, policy, topic, func(id uint64) bool {
		return r.subscriptions[id] != nil
	})
	r.subscriptions[sub.id] = sub
	r.topics.Put(policy, topic, sub)
	return sub
}

func (r *Realm) addSubscriber(sub *subscription, s *Session) {
	st := &s.state
	if st.subscriptions == nil {
		st.subscriptions = make(map[*subscription]*subscriber)
	}
	r.joins++
	st.subscriptions[sub] = &subscriber{session: s, sub: sub, seq: r.joins, at: len(sub.receivers)}
	sub.receivers = append(sub.receivers, s)
}

// Unsubscribe handles UNSUBSCRIBE. One ends a subscription, however often it
// was asked for. Errors: wamp.error.no_such_subscription, also for those of
// other sessions.
func (r *Realm) Unsubscribe(s *Session, m *msg.Message, out *Out) error {
	if err := r.newRequest(s, m.Request); err != nil {
		return err
	}
	mine := s.state.subscriptions[r.subscriptions[m.ID]]
	if mine == nil {
		out.fail(s, msg.Unsubscribe, m.Request, errNoSuchSubscription)
		return nil
	}
	r.endSubscriber(mine)
	out.add(s, msg.Unsubscribed).Request = m.Request
	return nil
}

// endSubscriber takes a session out of a subscription, which ends with the
// last one.
func (r *Realm) endSubscriber(mine *subscriber) {
	s, sub := mine.session, mine.sub
	delete(s.state.subscriptions, sub)
	s.dropShape(sub.match, sub.uri)

	last := len(sub.receivers) - 1
	moved := sub.receivers[last]
	sub.receivers[mine.at] = moved
	sub.receivers[last] = nil
	sub.receivers = sub.receivers[:last]
	if moved != s {
		moved.state.subscriptions[sub].at = mine.at
	}
	switch {
	case last == 0:
		delete(r.subscriptions, sub.id)
		r.topics.Delete(sub.match, sub.uri)
	case last <= cap(sub.receivers)/4 && last >= 16:
		sub.receivers = append(make([]*Session, 0, 2*last), sub.receivers...)
	}
}
