package router

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/wampeter/wampeter/internal/match"
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/wamp"
)

// topicHandler is a function of OnSubscribe.
type topicHandler struct {
	match msg.Match
	uri   string
	f     func(ctx context.Context, s *Session) (done func(), err error)
}

// OnSubscribe adds a function that is called when a session of any realm
// subscribes to a topic, before it gets SUBSCRIBED. Topics are given as to
// wamp.Session.Subscribe: "com.example.news", "com.example.{user}.news", or the
// prefix "com.example.". The function is called as well for a subscription by
// pattern that some of these topics match. MessageFrom finds the SUBSCRIBE.
//
// An error refuses the subscription: ERROR with the URI and payload of a
// *wamp.Error or wamp.URI, wamp.error.authorization_failed for any other error,
// which is logged but not told. Events that the function sends by Session.Event
// arrive after SUBSCRIBED, at most 256 of them and 1 MiB.
//
// done, unless nil, is called once when the session has no longer subscribed:
// by UNSUBSCRIBE, since it was removed, or with the session; at once when the
// subscription does not come about. A session that subscribes again to what it
// has subscribed to is not asked about; before one is asked about that subscribes
// to something anew, all that it has ended has returned. Functions are called in
// the order in which they were added, the router's before the realm's, without a
// lock, and what they returned in the opposite one. ctx ends when the session
// does, and after Config.DecisionTimeout. What is kept of a topic's past events
// (Config.History) is not asked for by subscribing, and needs rules of its own.
//
// OnSubscribe fails when the topic is none, or f is nil.
func (r *Router) OnSubscribe(topic string, f func(ctx context.Context, s *Session) (done func(), err error)) error {
	return onSubscribe(r, topic, f)
}

// OnSubscribe is Router.OnSubscribe for one realm.
func (r *Realm) OnSubscribe(topic string, f func(ctx context.Context, s *Session) (done func(), err error)) error {
	return onSubscribe(r, topic, f)
}

func onSubscribe(of Scope, topic string, f func(ctx context.Context, s *Session) (done func(), err error)) error {
	u, policy, err := wamp.ParsePattern(topic)
	if err == nil && !match.Valid(msg.Match(policy), []byte(u), false) {
		err = fmt.Errorf("%s is no topic", quote(topic))
	}
	if err == nil && f == nil {
		err = fmt.Errorf("%s: there is no function", quote(topic))
	}
	if err != nil {
		return fmt.Errorf("on subscribe: %w", err)
	}
	of.change(func(s *settings) { s.onSubscribe = with(s.onSubscribe, topicHandler{msg.Match(policy), u, f}) })
	of.attend()
	return nil
}

// How many events may wait for the SUBSCRIBED that they are to follow.
const (
	maxEarly      = 256
	maxEarlyBytes = 1 << 20
)

// subscription is one that functions of OnSubscribe are asked about, or have
// accepted.
type subscription struct {
	session *Session
	match   msg.Match
	uri     string
	done    []func()
	early   []earlyEvent
	bytes   int
}

// earlyEvent is an event that was sent before SUBSCRIBED.
type earlyEvent struct {
	topic   []byte
	payload msg.Payload
}

// subscribing returns the check that asks the functions which m concerns, nil
// when there are none.
func (r *Realm) subscribing(s *Session, m *msg.Message, of ...*settings) check {
	var fs []topicHandler
	for _, set := range of {
		for _, h := range set.onSubscribe {
			if match.Overlap(h.match, h.uri, m.Options.Match, string(m.URI)) {
				fs = append(fs, h)
			}
		}
	}
	if len(fs) == 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.link.joined && r.core.HasSubscribed(&s.link.session, m.Options.Match, m.URI) {
		return nil
	}
	return func(ctx context.Context, s *Session, m *msg.Message) error {
		if err := s.idle(ctx); err != nil {
			return err // what was subscribed before is still being cleared away
		}
		sub := &subscription{session: s, match: m.Options.Match, uri: string(m.URI)}
		r.mu.Lock()
		s.subscribing = sub
		r.mu.Unlock()
		told := newMessage(s, m)
		defer told.over()
		ctx = deciding(ctx, s, told)
		for _, h := range fs {
			done, err := consult(ctx, r.router, func() (func(), error) { return h.f(ctx, s) }, s.undo)
			if done != nil {
				sub.done = append(sub.done, done)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// subscribed follows SUBSCRIBED with what functions of OnSubscribe had to say.
// r.mu is held.
func (r *Realm) subscribed(l *link, m *msg.Message) {
	s := l.public.Load()
	if s == nil || s.subscribing == nil {
		return
	}
	sub := s.subscribing
	if len(sub.done) > 0 {
		before, ok := r.core.Attach(&l.session, m.Options.Match, m.URI, sub)
		if !ok {
			return // it was refused after all; settle sees to it
		}
		if before, ok := before.(*subscription); ok {
			sub.done = slices.Concat(before.done, sub.done)
		}
	}
	s.subscribing = nil
	for _, e := range sub.early {
		r.core.EventTo(&l.session, e.topic, &e.payload, &r.out)
	}
}

// settle is called when the message that was decided on has been routed, or has
// not. A subscription that has not come about is forgotten. No lock is held.
func (s *Session) settle() {
	r := s.realm
	r.mu.Lock()
	sub := s.subscribing
	s.subscribing = nil
	if sub != nil && s.link.joined && s.link.public.Load() == s {
		for _, e := range sub.early { // the session may have other subscriptions
			r.core.EventTo(&s.link.session, e.topic, &e.payload, &r.out)
		}
		r.deliver(&s.link.gate.batch, nil, nil)
	}
	r.mu.Unlock()
	if sub != nil {
		sub.end()
	}
}

// undo calls what a function of OnSubscribe has returned too late.
func (s *Session) undo(done func()) {
	if done != nil {
		s.run(done)
	}
}

// end calls what the functions of OnSubscribe have returned.
func (sub *subscription) end() {
	for i := len(sub.done) - 1; i >= 0; i-- {
		sub.session.run(sub.done[i])
	}
}

// keep has an event wait for SUBSCRIBED. It reports whether it does; the error
// says that too many do. r.mu is held.
func (sub *subscription) keep(topic []byte, payload *msg.Payload) (bool, error) {
	if sub == nil || !match.Matches(sub.match, sub.uri, topic) {
		return false, nil
	}
	size := len(topic) + payload.Size()
	if len(sub.early) >= maxEarly || sub.bytes+size > maxEarlyBytes {
		return true, wamp.ErrLimitExceeded
	}
	sub.bytes += size
	sub.early = append(sub.early, earlyEvent{bytes.Clone(topic), *payload})
	return true, nil
}
