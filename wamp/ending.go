package wamp

import (
	"cmp"
	"context"
	"sync"
)

// ending is a context that can be canceled, as context.WithCancel makes them, but
// costs nothing until somebody waits for its end: most handlers never do.
type ending struct {
	context.Context // of the session

	mu    sync.Mutex
	err   error           // of cancel
	child context.Context // made by Done
	stop  context.CancelFunc
}

func (c *ending) cancel() {
	c.mu.Lock()
	if c.err == nil {
		c.err = cmp.Or(c.Context.Err(), context.Canceled)
	}
	stop := c.stop
	c.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// Done returns a channel that is closed when the context ends.
func (c *ending) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.child == nil {
		c.child, c.stop = context.WithCancel(c.Context)
		if c.err != nil {
			c.stop()
		}
	}
	return c.child.Done()
}

// Err returns why the context has ended, nil when it has not.
func (c *ending) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.child != nil:
		return c.child.Err()
	case c.err != nil:
		return c.err
	}
	return c.Context.Err()
}

// Value asks the context that Done has made, if there is one: by it, contexts that
// are made of this one end with it.
func (c *ending) Value(key any) any {
	c.mu.Lock()
	of := cmp.Or(c.child, c.Context)
	c.mu.Unlock()
	return of.Value(key)
}
