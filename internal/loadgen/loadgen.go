// Package loadgen loads a WAMP router and measures what that costs.
//
// It speaks on the wire itself, with prepared frames in which only the request
// ID changes, and looks at no more of an answer than its type and first IDs.
// One goroutine per connection reads what is there, handles all of it, and
// writes once. That keeps the generator far cheaper than any router it
// measures, and independent of the code it measures: no package of the router
// or of the client library is involved. It runs against any router that lets
// an anonymous client join.
//
// Both ends of the traffic, callers and callees, publishers and subscribers,
// are the generator's own, so a run needs nothing but a router and a realm.
// [Run] executes one scenario of [Scenarios] and returns its [Report].
//
// URLs that begin with "relay+" address the relay of the benchmark harness
// instead of a router; see relay.go.
package loadgen

import (
	"context"
	"fmt"
)

// Run executes the scenario that c names and reports on it. It returns early
// when ctx ends, and then with ctx's cause. It fails when the router can't be
// reached, refuses a session, a registration or a subscription, or ends a
// session. Calls that the router answers with ERROR, and events that never
// arrive, don't fail the run: the report counts them.
//
// Run ends at the latest when setting up (Config.Timeout), Config.Warmup,
// Config.Duration and a few seconds for closing have passed.
func Run(ctx context.Context, c Config) (*Report, error) {
	s, c, err := c.complete()
	if err != nil {
		return nil, err
	}
	r := &run{Config: c, quiet: make(chan struct{}), stopped: make(chan struct{}), failed: make(chan struct{})}
	if r.target, err = parseTarget(c.URL, c.Serializer, c.Insecure); err != nil {
		return nil, err
	}
	r.peer, err = parseTarget(orDefault(c.PeerURL, c.URL), orDefault(c.PeerSerializer, c.Serializer), c.Insecure)
	if err != nil {
		return nil, err
	}
	r.target.compress, r.peer.compress = c.Compress, c.Compress
	if r.meter, err = newMeter(c.PID); err != nil {
		return nil, err
	}
	defer r.stop()
	switch {
	case s.hold:
		return r.hold(ctx, s)
	case s.grows:
		return r.scale(ctx, s)
	}
	setup, cancel := context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("setting up took more than %v", c.Timeout))
	err = s.prepare(r, setup)
	cancel()
	if err != nil {
		return nil, err
	}
	return r.measure(ctx, s)
}

// measure starts the prepared workers, lets them warm up, and counts what they
// do for the configured time.
func (r *run) measure(ctx context.Context, s Scenario) (*Report, error) {
	r.start()
	if err := r.wait(ctx, r.Warmup, 0); err != nil {
		return nil, err
	}
	before, err := r.snapshot()
	if err != nil {
		return nil, err
	}
	r.measuring.Store(true)
	if err := r.wait(ctx, r.Duration, r.Count); err != nil {
		return nil, err
	}
	r.measuring.Store(false)
	after, err := r.snapshot()
	if err != nil {
		return nil, err
	}
	r.hush()
	if r.flow != nil {
		r.flow.drain(ctx)
	}
	r.stop()
	return r.report(s, before, after), nil
}

func orDefault(s, d string) string {
	if s == "" {
		return d
	}
	return s
}
