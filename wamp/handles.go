package wamp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
)

// Registrations returns the session's registrations of a procedure or pattern,
// as it was given to Register or as WAMP writes it; all of them for "". They
// are in the order of their ids.
func (s *Session) Registrations(procedure string) []*Registration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*Registration
	for _, r := range s.registrations {
		if procedure == "" || r.given == procedure || r.pattern.uri == procedure {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b *Registration) int { return cmp.Compare(a.id, b.id) })
	return list
}

// Subscriptions returns the session's handlers of a topic or pattern, likewise.
// Those of the same topic have the same id, and are in the order in which they
// subscribed.
func (s *Session) Subscriptions(topic string) []*Subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*Subscription
	for _, t := range s.topics {
		for _, sub := range t.handlers {
			if topic == "" || sub.given == topic || sub.pattern.uri == topic {
				list = append(list, sub)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b *Subscription) int { return cmp.Compare(a.id, b.id) })
	return list
}

// UnregisterAll ends all of the session's registrations of a procedure or
// pattern, see Registrations. When there is none it is ErrNotRegistered.
func (s *Session) UnregisterAll(ctx context.Context, procedure string) error {
	list := s.Registrations(procedure)
	if len(list) == 0 {
		return s.nothing("unregister", procedure, ErrNotRegistered)
	}
	return s.unregister(ctx, list)
}

// UnsubscribeAll takes away all of the session's handlers of a topic or
// pattern, see Subscriptions. When there is none it is ErrNotSubscribed.
func (s *Session) UnsubscribeAll(ctx context.Context, topic string) error {
	list := s.Subscriptions(topic)
	if len(list) == 0 {
		return s.nothing("unsubscribe", topic, ErrNotSubscribed)
	}
	return s.unsubscribe(ctx, list)
}

func (s *Session) nothing(operation, uri string, err error) error {
	if closed := s.Err(); closed != nil {
		err = closed
	}
	return fmt.Errorf("%s %s: %w", operation, uri, err)
}

// unregister sends all requests before it waits for the answers.
func (s *Session) unregister(ctx context.Context, list []*Registration) error {
	return each(ctx, s, list, func(r *Registration) (*request, error) {
		req, err := r.startUnregister()
		if errors.Is(err, ErrNotRegistered) {
			err = nil // somebody else was faster
		}
		return req, err
	})
}

func (s *Session) unsubscribe(ctx context.Context, list []*Subscription) error {
	return each(ctx, s, list, func(sub *Subscription) (*request, error) {
		req, err := sub.startUnsubscribe()
		if errors.Is(err, ErrNotSubscribed) {
			err = nil
		}
		return req, err
	})
}

// each starts a request for each of a list, up to maxUnderWay at once, and
// waits for all of them. A request that is not needed is nil.
func each[H any](ctx context.Context, s *Session, list []H, start func(H) (*request, error)) error {
	var errs []error
	var waiting []*request
	wait := func(req *request) {
		err := s.wait(ctx, req)
		if errors.Is(err, ErrNoSuchRegistration) || errors.Is(err, ErrNoSuchSubscription) {
			err = nil // somebody else was faster, and the router knew it before us
		}
		errs = append(errs, err)
	}
	for _, h := range list {
		if len(waiting) == maxUnderWay {
			wait(waiting[0])
			waiting = waiting[1:]
		}
		req, err := start(h)
		errs = append(errs, err)
		if req != nil {
			waiting = append(waiting, req)
		}
	}
	for _, req := range waiting {
		wait(req)
	}
	return errors.Join(errs...)
}

// Drain ends the session's work without ending the session: everything is
// unregistered and unsubscribed, and the handlers that run, and the calls that
// wait for one, are waited for, with their contexts undisturbed. After it
// comes Close.
//
// Called by a handler, with its context, it does not wait for handlers.
func (s *Session) Drain(ctx context.Context) error {
	err := errors.Join(
		s.unsubscribe(ctx, s.Subscriptions("")),
		s.unregister(ctx, s.Registrations("")),
	)
	if err != nil || ctx.Value(handlerKey{}) != nil {
		return err
	}
	for {
		s.mu.Lock()
		if s.handlers == len(s.parked) || s.closed != nil {
			s.mu.Unlock()
			return nil
		}
		if s.drained == nil {
			s.drained = make(chan struct{})
		}
		drained := s.drained
		s.mu.Unlock()
		select {
		case <-drained:
		case <-s.ctx.Done():
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
