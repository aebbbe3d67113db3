package wamp

import (
	"context"

	"github.com/wampeter/wampeter/internal/msg"
)

// Publish publishes an event. With [Acknowledge] it waits for the router and
// returns the publication's id, or an *Error that says why it was refused.
// Without, it returns 0 as soon as the event is on its way, and nobody hears of
// a refusal. Events that are published one right after the other share a write,
// which is made a moment later; [Session.Close] does not lose any.
func (s *Session) Publish(ctx context.Context, topic string, opts ...PublishOption) (uint64, error) {
	r := s.getRequest()
	defer s.putRequest(r)
	for _, o := range opts {
		o.applyPublish((*publishConfig)(&r.cfg.sendConfig))
	}
	r.kind, r.uri = msg.Publish, topic
	acknowledge := r.cfg.options.Is(msg.Acknowledge)
	m := msg.Message{Type: msg.Publish}
	err := ctx.Err()
	if err != nil {
		err = contextError(ctx)
	}
	if err == nil {
		err = s.encode(r, &m)
	}
	if err == nil {
		err = s.start(ctx, r, &m, acknowledge)
	}
	if err != nil {
		r.err = err
		return 0, r.outcome()
	}
	if !acknowledge {
		return 0, nil
	}
	if err := s.wait(ctx, r); err != nil {
		return 0, err
	}
	return r.answer, nil
}
