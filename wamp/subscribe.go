package wamp

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/wampeter/wampeter/internal/msg"
)

// EventHandler handles the events of a subscription. [Event] makes one of a
// function with typed arguments, [EventFunc] of a raw one. An error goes to
// [Dialer.OnError].
type EventHandler interface {
	HandleEvent(ctx context.Context, e *EventInfo) error
}

// EventFunc is a raw event handler.
type EventFunc func(ctx context.Context, e *EventInfo) error

// HandleEvent calls f.
func (f EventFunc) HandleEvent(ctx context.Context, e *EventInfo) error { return f(ctx, e) }

// Subscription is a handler that gets the events of a topic or a pattern.
type Subscription struct {
	s       *Session
	id      uint64
	given   string // as given to Subscribe
	pattern *pattern
	key     topicKey
	handler EventHandler
	cfg     *handlerConfig
	done    chan struct{}

	mu      sync.Mutex // taken after Session.mu
	queue   []*EventInfo
	marks   int // in the queue, see Sync
	workers int
	stopped bool
	dropped uint64
}

// topicKey is what makes two subscriptions the same for the router.
type topicKey struct {
	match MatchPolicy
	uri   string
}

// topic is a subscription as the router has it. It has no handlers while a
// SUBSCRIBE for another one is under way.
type topic struct {
	key      topicKey
	handlers []*Subscription
}

// ID returns the router's id of the subscription, which handlers of the same
// topic share.
func (sub *Subscription) ID() uint64 { return sub.id }

// String names the subscription, for logs.
func (sub *Subscription) String() string {
	return fmt.Sprintf("subscription %d to %s", sub.id, sub.given)
}

// Topic returns the topic or pattern as it was given to Subscribe.
func (sub *Subscription) Topic() string { return sub.given }

// Dropped returns how many events were dropped since the queue was full.
func (sub *Subscription) Dropped() uint64 {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	return sub.dropped
}

// Done returns a channel that is closed when the handler gets no more events:
// it was unsubscribed, by whichever end, or the session has ended.
func (sub *Subscription) Done() <-chan struct{} { return sub.done }

// Subscribe has h called for each event of a topic or pattern, in order, one
// at a time, while other handlers run beside it. h may use the session, and is
// in place before the router can send the first event.
//
// Several handlers may subscribe to the same topic: the router sends each event
// once.
func (s *Session) Subscribe(ctx context.Context, topic string, h EventHandler, opts ...SubscribeOption) (*Subscription, error) {
	sub, r, err := s.startSubscribe(ctx, topic, h, opts)
	if err == nil {
		err = s.wait(ctx, r)
	}
	if err != nil {
		return nil, err
	}
	return sub, nil
}

// startSubscribe sends SUBSCRIBE.
func (s *Session) startSubscribe(ctx context.Context, topic string, h EventHandler, opts []SubscribeOption) (*Subscription, *request, error) {
	var cfg subscribeConfig
	for _, o := range opts {
		o.applySubscribe(&cfg)
	}
	if !cfg.overflowSet {
		cfg.overflow = s.full
	}
	sub := &Subscription{s: s, given: topic, handler: h, cfg: &cfg.handlerConfig, done: make(chan struct{})}
	r := &request{kind: msg.Subscribe, uri: topic, ready: make(chan struct{}, 1)}
	r.install = &handlerRequest{subscription: sub}
	m := msg.Message{Type: msg.Subscribe}
	var err error
	if sub.pattern, err = s.encodeHandler(ctx, topic, h, sub.cfg, 1, &m); err != nil {
		return nil, nil, fmt.Errorf("subscribe %s: %w", topic, err)
	}
	sub.key = topicKey{sub.pattern.match, sub.pattern.uri}
	s.mu.Lock()
	if err = s.startLocked(r, &m, true); err == nil {
		s.subscribing[sub.key]++
	}
	s.mu.Unlock()
	if err != nil {
		return nil, nil, fmt.Errorf("subscribe %s: %w", topic, err)
	}
	s.peer.Flush()
	return sub, r, nil
}

// encodeHandler makes the pattern and the options the URI and options of m, a
// SUBSCRIBE or REGISTER.
func (s *Session) encodeHandler(ctx context.Context, uri string, h any, cfg *handlerConfig, concurrency int, m *msg.Message) (*pattern, error) {
	if ctx.Err() != nil {
		return nil, contextError(ctx)
	}
	if err := checkHandler(h); err != nil {
		return nil, err
	}
	p, err := parsePattern(uri, cfg.match, cfg.matchSet)
	if err != nil {
		return nil, err
	}
	if err := bind(h, p); err != nil {
		return nil, err
	}
	if err := cfg.checkLimits(concurrency); err != nil {
		return nil, err
	}
	p.options(&cfg.options)
	m.URI = []byte(p.uri)
	m.Options, err = cfg.finish(s.format)
	return p, err
}

// subscribed handles SUBSCRIBED: the handler is in place before the next
// message is looked at.
func (s *Session) subscribed(m *msg.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.requests[m.Request]
	if r == nil || r.kind != msg.Subscribe {
		return
	}
	delete(s.requests, m.Request)
	sub := r.install.subscription
	t := s.topics[m.ID]
	if t == nil {
		t = &topic{key: sub.key}
		s.topics[m.ID] = t
	}
	if !r.install.abandoned {
		sub.id = m.ID
		t.handlers = append(t.handlers, sub)
	}
	s.subscribeEnded(sub.key)
	r.finish()
}

// subscribeEnded is called when a SUBSCRIBE is answered. With the last answer
// for a key, router subscriptions that no handler is left for are ended. s.mu
// is held.
func (s *Session) subscribeEnded(key topicKey) {
	if s.subscribing[key]--; s.subscribing[key] > 0 {
		return
	}
	delete(s.subscribing, key)
	for id, t := range s.topics {
		if t.key == key && len(t.handlers) == 0 {
			delete(s.topics, id)
			m := msg.Message{Type: msg.Unsubscribe, Request: s.nextID(), ID: id}
			// When it cannot be sent, the session is about to end, or events
			// for nobody go on and are ignored.
			_ = s.peer.Send(&m, nil)
		}
	}
}

// dropTopic forgets a router subscription that the router has ended. s.mu is
// held.
func (s *Session) dropTopic(id uint64) {
	if t := s.topics[id]; t != nil {
		delete(s.topics, id)
		for _, sub := range t.handlers {
			sub.stop()
		}
	}
}

// Unsubscribe takes the handler away: when it returns, no further event is
// handed to it, though one that runs goes on. Others on the same topic stay;
// the last one ends the subscription at the router. A handler that is gone
// already is ErrNotSubscribed.
func (sub *Subscription) Unsubscribe(ctx context.Context) error {
	r, err := sub.startUnsubscribe()
	if err != nil || r == nil {
		return err
	}
	return sub.s.wait(ctx, r)
}

// startUnsubscribe takes the handler away, and sends UNSUBSCRIBE when it was
// the last; else the request is nil.
func (sub *Subscription) startUnsubscribe() (*request, error) {
	s := sub.s
	r := &request{kind: msg.Unsubscribe, uri: sub.given, ready: make(chan struct{}, 1)}
	s.mu.Lock()
	t := s.topics[sub.id]
	i := -1
	if t != nil {
		i = slices.Index(t.handlers, sub)
	}
	if i < 0 {
		err := error(ErrNotSubscribed)
		if s.closed != nil {
			err = s.closed
		}
		s.mu.Unlock()
		return nil, fmt.Errorf("%s: %w", r.op(), err)
	}
	t.handlers = slices.Delete(t.handlers, i, i+1)
	sub.stop()
	if len(t.handlers) > 0 || s.subscribing[t.key] > 0 {
		s.mu.Unlock()
		return nil, nil
	}
	delete(s.topics, sub.id)
	m := msg.Message{Type: msg.Unsubscribe, ID: sub.id}
	err := s.startLocked(r, &m, true)
	s.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.op(), err)
	}
	s.peer.Flush()
	return r, nil
}
