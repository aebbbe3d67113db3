package wamp

import (
	"context"
	"runtime/debug"

	"github.com/wampeter/wampeter/internal/msg"
)

// EventInfo is an event. Its exported fields belong to the handler.
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
	Retained   bool // published before the subscription, and kept by the router

	ctx context.Context // that the handler's is made of

	mark chan struct{} // no event at all, see Subscription.Sync
}

// Component returns what stands in the topic in place of {name} in the
// subscription's pattern, or of its number among the free components; "" when
// there is no such component.
func (e *EventInfo) Component(name string) string {
	c, _ := e.component(name)
	return c
}

func (e *EventInfo) component(name string) (string, bool) {
	return e.Subscription.pattern.component(e.Topic, name)
}

// event queues an event for its handlers.
func (s *Session) event(m *msg.Message, owned bool) error {
	s.mu.Lock()
	t := s.topics[m.ID]
	if t == nil || len(t.handlers) == 0 {
		s.mu.Unlock()
		return nil // unsubscribed meanwhile
	}
	p := m.Payload
	if !owned {
		p, _ = keep(&m.Payload, nil)
	}
	ppt := pptOf(&m.Options)
	uri := t.key.uri
	if len(m.URI) > 0 && string(m.URI) != uri {
		uri = string(m.URI)
	}
	var slow *Subscription
	for _, sub := range t.handlers {
		e := &EventInfo{
			Payload:      Payload{raw: &p, ppt: ppt},
			Session:      s,
			Subscription: sub,
			Publication:  m.Publication,
			Topic:        uri,
			Publisher:    m.Options.Session,
			TrustLevel:   m.Options.TrustLevel,
			Retained:     m.Options.Is(msg.Retained),
		}
		if x := m.Options.X; x != nil {
			e.PublisherAuthID, e.PublisherAuthRole = x.AuthID, x.AuthRole
		}
		e.ctx = s.handlerContext(nil, e)
		if !sub.push(e) {
			slow = sub
		}
	}
	s.mu.Unlock()
	if slow != nil {
		s.fail(&ClosedError{
			Reason: ErrLimitExceeded, Message: "the handler of " + slow.given + " is too slow",
			Origin: OriginLocal, Err: ErrSlowHandler,
		})
	}
	return nil
}

// push queues an event; false when that ends the session. Session.mu is held.
func (sub *Subscription) push(e *EventInfo) bool {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if sub.stopped {
		return true
	}
	if sub.workers < sub.cfg.concurrency && sub.s.do(e) {
		// Workers leave when they find the queue empty, so it is empty now.
		sub.workers++
		return true
	}
	if len(sub.queue)-sub.marks < sub.cfg.queue {
		sub.queue = append(sub.queue, e)
		return true
	}
	switch sub.cfg.overflow {
	case DropOldest:
		for oldest := sub.pop(); oldest.mark != nil; oldest = sub.pop() {
			close(oldest.mark)
		}
		sub.queue = append(sub.queue, e)
	case DropNewest:
	default:
		return false
	}
	sub.dropped++
	return true
}

// pop takes what waits longest. sub.mu is held.
func (sub *Subscription) pop() *EventInfo {
	e := sub.queue[0]
	sub.queue[0] = nil
	sub.queue = sub.queue[1:]
	if e.mark != nil {
		sub.marks--
	}
	return e
}

// stop ends the handler's work after the event that it is at.
func (sub *Subscription) stop() {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if !sub.stopped {
		sub.stopped = true
		sub.queue = nil
		close(sub.done)
	}
}

// work handles events of a subscription as long as there are any.
func (e *EventInfo) work() {
	for sub := e.Subscription; e != nil; {
		if e.mark == nil {
			sub.handle(e)
		} else {
			close(e.mark)
		}
		sub.mu.Lock()
		if e = nil; len(sub.queue) > 0 {
			e = sub.pop()
		} else {
			sub.queue = nil
			sub.workers--
		}
		sub.mu.Unlock()
	}
}

func (sub *Subscription) handle(e *EventInfo) {
	ctx := &handlerContext{Context: e.ctx, event: e}
	defer func() {
		if v := recover(); v != nil {
			sub.s.report(ctx, &HandlerError{URI: e.Topic, Event: true, Err: panicError(v), Stack: debug.Stack()})
		}
	}()
	_, err := sub.s.openFirst(&msg.Message{Type: msg.Event}, e.Topic, &e.Payload)
	if err == nil {
		err = sub.handler.HandleEvent(ctx, e)
	}
	if err != nil && !sub.s.ending(ctx, err) {
		if known := raised(err, sub.cfg.errors, sub.s.errors.Load()); known != nil && known.cause != nil {
			err = known
		}
		sub.s.report(ctx, &HandlerError{URI: e.Topic, Event: true, Err: err})
	}
}
