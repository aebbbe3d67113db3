package wamp

import "context"

// EventHandler handles the events of a subscription.
type EventHandler interface {
	HandleEvent(ctx context.Context, e *EventInfo) error
}

// EventFunc is a raw event handler.
type EventFunc func(ctx context.Context, e *EventInfo) error

// HandleEvent calls f.
func (f EventFunc) HandleEvent(ctx context.Context, e *EventInfo) error { return f(ctx, e) }

// EventInfo is an event.
type EventInfo struct {
	Payload

	Session      *Session
	Subscription *Subscription
	Publication  uint64
	Topic        string // the concrete topic

	// Who published, when the router tells.
	Publisher         uint64
	PublisherAuthID   string
	PublisherAuthRole string

	TrustLevel uint64
	Retained   bool // published before the subscription
}

// Component returns what stands in the topic in place of {name} in the
// subscription's pattern, or of its number among the free components; "" when
// there is no such component.
func (e *EventInfo) Component(name string) string { panic("not yet") }

// EventFromContext returns the event that the handler running under ctx
// handles, nil outside one.
func EventFromContext(ctx context.Context) *EventInfo { panic("not yet") }

// Subscription is a handler that gets the events of a topic or a pattern.
type Subscription struct{}

// ID returns the router's id of the subscription, which handlers of the same
// topic share.
func (sub *Subscription) ID() uint64 { panic("not yet") }

// Topic returns the topic or pattern as it was given to Subscribe.
func (sub *Subscription) Topic() string { panic("not yet") }

// Dropped returns how many events were dropped since the queue was full.
func (sub *Subscription) Dropped() uint64 { panic("not yet") }

// Done returns a channel that is closed when the handler gets no more events:
// it was unsubscribed, by whichever end, or the session has ended.
func (sub *Subscription) Done() <-chan struct{} { panic("not yet") }

// Unsubscribe takes the handler away. Others on the same topic stay; the last
// one ends the subscription at the router.
func (sub *Subscription) Unsubscribe(ctx context.Context) error { panic("not yet") }

// Subscribe has h called for each event of a topic or pattern, in order, one
// at a time, while other handlers run beside it. h may use the session.
func (s *Session) Subscribe(ctx context.Context, topic string, h EventHandler, opts ...SubscribeOption) (*Subscription, error) {
	panic("not yet")
}
