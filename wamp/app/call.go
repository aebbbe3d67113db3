package app

import (
	"context"
	"fmt"

	"github.com/wampeter/wampeter/wamp"
)

// Session returns the session that the App has at the moment, once everything
// is registered in it; ErrNotConnected when there is none.
func (a *App) Session() (*wamp.Session, error) {
	now, _ := a.look()
	if now.session == nil || now.session.Err() != nil {
		return nil, ErrNotConnected
	}
	return now.session, nil
}

// Ready waits until the App is ready, that is until all OnJoin hooks have
// returned in a session that lasts, and returns the session. Errors: ctx's,
// together with that of the last attempt, and ErrNotConnected when the App has
// ended.
func (a *App) Ready(ctx context.Context) (*wamp.Session, error) {
	for {
		now, changed := a.look()
		switch {
		case now.ended:
			return nil, ErrNotConnected
		case now.ready && now.session.Err() == nil:
			return now.session, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, now.notReady(ctx)
		}
	}
}

// Call calls a procedure, whose name is not prefixed, in the App's session, as
// wamp.Call does. While there is none it fails with ErrNotConnected, or waits
// if wamp.WaitForReady is among the options.
func Call[R any](ctx context.Context, a *App, procedure string, opts ...wamp.CallOption) (R, error) {
	s, err := sessionFor(ctx, a, opts)
	if err != nil {
		var none R
		return none, fmt.Errorf("call %s: %w", procedure, err)
	}
	return wamp.Call[R](ctx, s, procedure, opts...)
}

// Publish publishes an event, likewise.
func (a *App) Publish(ctx context.Context, topic string, opts ...wamp.PublishOption) (uint64, error) {
	s, err := sessionFor(ctx, a, opts)
	if err != nil {
		return 0, fmt.Errorf("publish %s: %w", topic, err)
	}
	return s.Publish(ctx, topic, opts...)
}

func sessionFor[O any](ctx context.Context, a *App, opts []O) (*wamp.Session, error) {
	for _, o := range opts {
		if any(o) == any(wamp.WaitForReady()) {
			return a.Ready(ctx)
		}
	}
	return a.Session()
}
