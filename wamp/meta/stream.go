package meta

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/wampeter/wampeter/wamp"
)

// Topics of the meta API, with the types that their events bind to.
const (
	TopicJoin               = "wamp.session.on_join"             // Session
	TopicLeave              = "wamp.session.on_leave"            // Left
	TopicRegistrationCreate = "wamp.registration.on_create"      // RegistrationCreated
	TopicRegister           = "wamp.registration.on_register"    // Membership
	TopicUnregister         = "wamp.registration.on_unregister"  // Membership
	TopicRegistrationDelete = "wamp.registration.on_delete"      // Membership
	TopicSubscriptionCreate = "wamp.subscription.on_create"      // SubscriptionCreated
	TopicSubscribe          = "wamp.subscription.on_subscribe"   // Membership
	TopicUnsubscribe        = "wamp.subscription.on_unsubscribe" // Membership
	TopicSubscriptionDelete = "wamp.subscription.on_delete"      // Membership
)

// ErrRevoked ends a stream whose subscription the router has ended.
var ErrRevoked = errors.New("the router has ended the subscription")

// StreamOption is an option of the functions that return events.
type StreamOption func(*streamConfig)

type streamConfig struct {
	buffer int
	ready  func()
}

// Buffer sets how many events may wait while the loop is at another one; 1024
// by default. When there are more, the stream ends with [wamp.ErrSlowHandler].
func Buffer(n int) StreamOption { return func(c *streamConfig) { c.buffer = n } }

// Ready has f called once events are being received, before the first of them.
// What f asks of the router misses nothing: each change after its answer is an
// event.
func Ready(f func()) StreamOption { return func(c *streamConfig) { c.ready = f } }

// Joins returns the sessions that join, one after the other.
//
// As all streams it goes on until its loop is left, and unsubscribes then. It
// ends by itself with an error: ctx's, a *wamp.ClosedError with the session,
// [wamp.ErrSlowHandler] when the loop is too slow (see [Buffer]), [ErrRevoked],
// or whatever subscribing came to. An event that cannot be understood is an
// error too, after which the stream goes on.
func Joins(ctx context.Context, s *wamp.Session, opts ...StreamOption) iter.Seq2[Session, error] {
	return stream[Session](ctx, s, TopicJoin, opts)
}

// Leaves returns the sessions that leave. See [Joins].
func Leaves(ctx context.Context, s *wamp.Session, opts ...StreamOption) iter.Seq2[Left, error] {
	return stream[Left](ctx, s, TopicLeave, opts)
}

// RegistrationsCreated returns the registrations that come into being, before
// their first callee is told of as [Registered]. See [Joins].
func RegistrationsCreated(ctx context.Context, s *wamp.Session, opts ...StreamOption) iter.Seq2[RegistrationCreated, error] {
	return stream[RegistrationCreated](ctx, s, TopicRegistrationCreate, opts)
}

// Registered returns the sessions that become callees of a registration. See
// [Joins].
func Registered(ctx context.Context, s *wamp.Session, opts ...StreamOption) iter.Seq2[Membership, error] {
	return stream[Membership](ctx, s, TopicRegister, opts)
}

// Unregistered returns the sessions that cease to be callees of a registration.
// See [Joins].
func Unregistered(ctx context.Context, s *wamp.Session, opts ...StreamOption) iter.Seq2[Membership, error] {
	return stream[Membership](ctx, s, TopicUnregister, opts)
}

// RegistrationsDeleted returns the registrations that have lost their last
// callee, and which it was. See [Joins].
func RegistrationsDeleted(ctx context.Context, s *wamp.Session, opts ...StreamOption) iter.Seq2[Membership, error] {
	return stream[Membership](ctx, s, TopicRegistrationDelete, opts)
}

// SubscriptionsCreated returns the subscriptions that come into being, before
// their first subscriber is told of as [Subscribed]. See [Joins].
func SubscriptionsCreated(ctx context.Context, s *wamp.Session, opts ...StreamOption) iter.Seq2[SubscriptionCreated, error] {
	return stream[SubscriptionCreated](ctx, s, TopicSubscriptionCreate, opts)
}

// Subscribed returns the sessions that subscribe. See [Joins].
func Subscribed(ctx context.Context, s *wamp.Session, opts ...StreamOption) iter.Seq2[Membership, error] {
	return stream[Membership](ctx, s, TopicSubscribe, opts)
}

// Unsubscribed returns the sessions that unsubscribe. See [Joins].
func Unsubscribed(ctx context.Context, s *wamp.Session, opts ...StreamOption) iter.Seq2[Membership, error] {
	return stream[Membership](ctx, s, TopicUnsubscribe, opts)
}

// SubscriptionsDeleted returns the subscriptions that have lost their last
// subscriber, and which it was. See [Joins].
func SubscriptionsDeleted(ctx context.Context, s *wamp.Session, opts ...StreamOption) iter.Seq2[Membership, error] {
	return stream[Membership](ctx, s, TopicSubscriptionDelete, opts)
}

// stream returns the events of a topic.
func stream[E any](ctx context.Context, s *wamp.Session, topic string, opts []StreamOption) iter.Seq2[E, error] {
	cfg := streamConfig{buffer: 1024}
	for _, o := range opts {
		o(&cfg)
	}
	return func(yield func(E, error) bool) {
		var none E
		// The handler waits until the loop takes its event. What comes
		// meanwhile waits in the subscription's queue.
		next, over := make(chan *wamp.EventInfo), make(chan struct{})
		defer close(over)
		sub, err := s.Subscribe(ctx, topic, wamp.EventFunc(func(ctx context.Context, e *wamp.EventInfo) error {
			select {
			case next <- e:
			case <-over:
			case <-ctx.Done():
			}
			return nil
		}), wamp.Queue(cfg.buffer), wamp.OnOverflow(wamp.DropNewest))
		if err != nil {
			yield(none, err)
			return
		}
		// The handler is gone when it returns, and the router told; whether it
		// answers is of no interest.
		defer func() { _ = sub.Unsubscribe(ctx) }()
		if cfg.ready != nil {
			cfg.ready()
		}
		for {
			var e *wamp.EventInfo
			select {
			case e = <-next:
			case <-ctx.Done():
				err = context.Cause(ctx)
			case <-sub.Done():
				err = cmp.Or(s.Err(), ErrRevoked)
			}
			if err == nil && sub.Dropped() > 0 {
				err = wamp.ErrSlowHandler
			}
			if err != nil {
				yield(none, fmt.Errorf("events of %s: %w", topic, err))
				return
			}
			var v E
			if err := e.Decode(&v); err != nil {
				err = fmt.Errorf("event of %s: %w", topic, err)
				if !yield(none, err) {
					return
				}
				continue
			}
			if !yield(v, nil) {
				return
			}
		}
	}
}
