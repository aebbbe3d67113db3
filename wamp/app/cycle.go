package app

import (
	"errors"
	"fmt"
	"time"

	"github.com/wampeter/wampeter/wamp"
)

// ShouldRetry is the default of App.ShouldRetry. It says no to what the next
// attempt would fail of as well: wamp.error.no_such_realm, wamp.error.invalid_uri
// (a name that this router never takes), and all failures of authentication.
// Where a Dialer has several URLs, all of them have to fail of that.
func ShouldRetry(err error) bool {
	var dial *wamp.DialError
	if errors.As(err, &dial) {
		for _, err := range dial.Errs {
			if !fatal(err) {
				return true
			}
		}
		return len(dial.Errs) == 0
	}
	return !fatal(err)
}

func fatal(err error) bool {
	for _, uri := range []wamp.URI{
		wamp.ErrNoSuchRealm, wamp.ErrInvalidURI, wamp.ErrNoSuchRole, wamp.ErrNoSuchPrincipal,
		wamp.ErrNoMatchingAuthMethod, wamp.ErrAuthenticationDenied,
		wamp.ErrAuthenticationFailed, wamp.ErrAuthenticationRequired,
	} {
		if errors.Is(err, uri) {
			return true
		}
	}
	return false
}

// cycle is the Dialers, which are tried in turn.
type cycle struct {
	list []*candidate
	at   int // the next one
}

// candidate is a Dialer and what became of it.
type candidate struct {
	dialer   *wamp.Dialer
	failures int   // since the last stable session
	err      error // of the last failure
	out      bool  // not to be tried any more
}

func newCycle(dialers []*wamp.Dialer) *cycle {
	c := &cycle{}
	for _, d := range dialers {
		c.list = append(c.list, &candidate{dialer: d})
	}
	return c
}

// next returns whom to try, and how long to wait before. The first attempt
// comes at once. nil: nobody is left.
func (c *cycle) next() (*candidate, time.Duration) {
	for range c.list {
		t := c.list[c.at]
		c.at = (c.at + 1) % len(c.list)
		switch wait, ok := t.dialer.Backoff.Delay(t.failures); {
		case t.out:
		case t.failures == 0:
			return t, 0
		case ok:
			return t, wait
		default:
			t.out = true
		}
	}
	return nil, 0
}

// failed counts a failure of t.
func (c *cycle) failed(t *candidate, err error, retry bool) {
	t.failures++
	t.err = err
	t.out = !retry
}

// stable starts all counts anew.
func (c *cycle) stable() {
	for _, t := range c.list {
		t.failures = 0
	}
}

// err returns why nobody is left.
func (c *cycle) err() error {
	errs := make([]error, 0, len(c.list))
	for _, t := range c.list {
		errs = append(errs, t.err)
	}
	return fmt.Errorf("%w: %w", ErrGaveUp, errors.Join(errs...))
}
