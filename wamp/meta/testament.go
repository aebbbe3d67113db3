package meta

import (
	"context"

	"github.com/wampeter/wampeter/wamp"
)

// Scope says with what a testament is published.
type Scope string

// The scopes of testaments. Where sessions do not outlive their connections,
// as with Wampeter, both end together: what is in Detached is published first.
const (
	Destroyed Scope = "destroyed" // the session ends
	Detached  Scope = "detached"  // the session loses its connection
)

// AddTestament leaves an event for the router to publish when the session
// ends, however it does, unless all sessions are killed at once
// (wamp.session.add_testament). Options are those of [wamp.Session.Publish];
// [wamp.Acknowledge] has no meaning here. Several testaments are published in the
// order in which they were added.
//
// Errors: wamp.error.invalid_uri and wamp.error.not_authorized for the topic,
// wamp.error.limit_exceeded when there are too many.
func AddTestament(ctx context.Context, s *wamp.Session, scope Scope, topic string, opts ...wamp.PublishOption) error {
	payload, options, err := s.DescribePublish(topic, opts...)
	if err != nil {
		return err
	}
	args, err := payload.Args()
	if err != nil {
		return err
	}
	kwargs, err := payload.Kwargs()
	if err != nil {
		return err
	}
	// Absent arguments are empty, since routers may insist on their types.
	if args == nil {
		args = wamp.Args{}
	}
	if kwargs == nil {
		kwargs = wamp.KW{}
	}
	delete(options, "acknowledge")
	_, err = wamp.Call[struct{}](ctx, s, "wamp.session.add_testament",
		wamp.Args{topic, args, kwargs}, wamp.KW{"publish_options": options, "scope": string(scope)})
	return err
}

// FlushTestaments takes back all testaments of the session in a scope
// (wamp.session.flush_testaments).
func FlushTestaments(ctx context.Context, s *wamp.Session, scope Scope) error {
	_, err := wamp.Call[struct{}](ctx, s, "wamp.session.flush_testaments", wamp.KW{"scope": string(scope)})
	return err
}
