package meta

import (
	"context"
	"time"

	"github.com/wampeter/wampeter/wamp"
)

// Subscription is a topic, or a pattern of topics, that somebody has subscribed
// to, or whose events the router keeps.
type Subscription struct {
	ID      uint64           `json:"id"`
	URI     string           `json:"uri"` // as WAMP writes patterns
	Match   wamp.MatchPolicy `json:"match"`
	Created time.Time        `json:"created"`
}

// SubscriptionCreated is the payload of [TopicSubscriptionCreate].
type SubscriptionCreated struct {
	Session      uint64       `wamp:"0,required"` // that subscribed first
	Subscription Subscription `wamp:"1,required"`
}

// Subscriptions returns the IDs of the realm's subscriptions
// (wamp.subscription.list).
func Subscriptions(ctx context.Context, s *wamp.Session) (IDs, error) {
	return wamp.Call[IDs](ctx, s, "wamp.subscription.list")
}

// LookupSubscription returns the ID of the subscription that has just this URI
// and policy, 0 when there is none (wamp.subscription.lookup).
func LookupSubscription(ctx context.Context, s *wamp.Session, uri string, match wamp.MatchPolicy) (uint64, error) {
	return wamp.Call[uint64](ctx, s, "wamp.subscription.lookup", pattern(uri, match))
}

// MatchSubscriptions returns the IDs of all subscriptions that get the events
// of the topic (wamp.subscription.match).
func MatchSubscriptions(ctx context.Context, s *wamp.Session, topic string) ([]uint64, error) {
	return wamp.Call[[]uint64](ctx, s, "wamp.subscription.match", wamp.Args{topic})
}

// GetSubscription describes a subscription (wamp.subscription.get). Errors:
// wamp.error.no_such_subscription.
func GetSubscription(ctx context.Context, s *wamp.Session, id uint64) (Subscription, error) {
	return wamp.Call[Subscription](ctx, s, "wamp.subscription.get", wamp.Args{id})
}

// Subscribers returns the sessions behind a subscription
// (wamp.subscription.list_subscribers). Errors:
// wamp.error.no_such_subscription.
func Subscribers(ctx context.Context, s *wamp.Session, subscription uint64) ([]uint64, error) {
	return wamp.Call[[]uint64](ctx, s, "wamp.subscription.list_subscribers", wamp.Args{subscription})
}

// CountSubscribers returns how many sessions are behind a subscription
// (wamp.subscription.count_subscribers). Errors:
// wamp.error.no_such_subscription.
func CountSubscribers(ctx context.Context, s *wamp.Session, subscription uint64) (int, error) {
	return wamp.Call[int](ctx, s, "wamp.subscription.count_subscribers", wamp.Args{subscription})
}

// RemoveSubscriber takes a session out of a subscription
// (wamp.subscription.remove_subscriber, which Wampeter and Crossbar.io have
// beyond the specification). It is told with the reason, which may be empty,
// when it announced the feature subscription_revocation.
//
// Errors: wamp.error.no_such_subscription, wamp.error.no_such_session.
func RemoveSubscriber(ctx context.Context, s *wamp.Session, subscription, subscriber uint64, reason string) error {
	_, err := wamp.Call[struct{}](ctx, s, "wamp.subscription.remove_subscriber", wamp.Args{subscription, subscriber}, because(reason))
	return err
}
