package wamp

import "context"

// Publish publishes an event. With Acknowledge it waits for the router and
// returns the publication's id; without, it returns 0 when the event is on its
// way, and nobody hears of a refusal.
func (s *Session) Publish(ctx context.Context, topic string, opts ...PublishOption) (uint64, error) {
	panic("not yet")
}
