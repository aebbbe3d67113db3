package wamp

import (
	"context"
	"errors"
	"fmt"

	"github.com/wampeter/wampeter/internal/msg"
)

// errSyncItself is for handlers that wait for themselves.
var errSyncItself = errors.New("the handler would wait for itself")

// Sync waits until every event that the router had for the subscription when it
// was called has been handled: all that was acknowledged to its publishers
// before, for example. With [Concurrency] some of them may still be at work. A
// subscription that has ended is in step.
//
// It asks the router for an answer, behind which no earlier event can be, and
// then waits for the handler.
func (sub *Subscription) Sync(ctx context.Context) error {
	if e := EventFromContext(ctx); e != nil && e.Subscription == sub {
		return fmt.Errorf("sync %s: %w", sub.given, errSyncItself)
	}
	if err := sub.s.roundTrip(ctx); err != nil {
		return fmt.Errorf("sync %s: %w", sub.given, err)
	}
	mark := sub.mark()
	if mark == nil {
		return nil
	}
	select {
	case <-mark:
		return nil
	case <-sub.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("sync %s: %w", sub.given, contextError(ctx))
	}
}

// mark puts a mark behind all events that wait, and returns a channel that is
// closed when the handler gets there; nil when nothing waits.
func (sub *Subscription) mark() <-chan struct{} {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if sub.stopped || sub.workers == 0 {
		return nil
	}
	mark := make(chan struct{})
	sub.queue = append(sub.queue, &EventInfo{mark: mark})
	sub.marks++
	return mark
}

// roundTrip waits for an answer of the router. It asks for the one thing that
// every router answers, that nobody needs permission for, and that changes
// nothing: the end of a subscription that there is not.
func (s *Session) roundTrip(ctx context.Context) error {
	r := &request{kind: msg.Unsubscribe, uri: "nothing", ready: make(chan struct{}, 1)}
	err := s.start(ctx, r, &msg.Message{Type: msg.Unsubscribe, ID: msg.MaxID}, true)
	if err != nil {
		return err
	}
	err = s.wait(ctx, r)
	var e *Error
	if errors.As(err, &e) && e.Origin == OriginRemote {
		return nil
	}
	return err
}
