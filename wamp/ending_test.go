package wamp

import (
	"context"
	"errors"
	"testing"
	"time"
)

var errTest = errors.New("the session has ended")

// An ending is, for whoever has it, what context.WithCancel makes: however it is
// looked at, before it ends or after, and whether it or its parent is canceled.
func TestEnding(t *testing.T) {
	type made struct {
		ctx    context.Context
		cancel func()
	}
	makers := map[string]func(context.Context) made{
		"WithCancel": func(parent context.Context) made {
			ctx, cancel := context.WithCancel(parent)
			return made{ctx, cancel}
		},
		"ending": func(parent context.Context) made {
			c := &ending{Context: parent}
			return made{&handlerContext{Context: c}, c.cancel}
		},
	}
	for name, maker := range makers {
		for end, want := range map[string]error{"by cancel": context.Canceled, "with the parent": errTest, "by the parent's deadline": context.DeadlineExceeded} {
			for _, watched := range []bool{false, true} {
				parent, cancelParent := context.WithCancelCause(t.Context())
				if end == "by the parent's deadline" {
					var cancel context.CancelFunc
					parent, cancel = context.WithDeadline(parent, time.Unix(1, 0))
					defer cancel()
				}
				m := maker(context.WithValue(parent, traceKey{}, "value"))
				var derived, timed context.Context
				called := make(chan struct{})
				watch := func() {
					var cancel context.CancelFunc
					derived, cancel = context.WithCancel(m.ctx)
					t.Cleanup(cancel)
					timed, cancel = context.WithTimeout(m.ctx, time.Hour)
					t.Cleanup(cancel)
					context.AfterFunc(m.ctx, func() { close(called) })
				}
				if watched {
					watch()
				}
				if err := m.ctx.Err(); (err == nil) != (want != context.DeadlineExceeded) {
					t.Errorf("%s, %s: error %v before the end", name, end, err)
				}
				switch end {
				case "by cancel":
					m.cancel()
				case "with the parent":
					cancelParent(errTest)
				}
				if !watched {
					watch()
				}
				<-called
				for _, ctx := range []context.Context{m.ctx, derived, timed} {
					<-ctx.Done()
					err := context.Canceled
					if want == context.DeadlineExceeded {
						err = want
					}
					if ctx.Err() != err || context.Cause(ctx) != want || ctx.Value(traceKey{}) != "value" {
						t.Errorf("%s %s, watched %v: error %v, cause %v, value %v", name, end, watched, ctx.Err(), context.Cause(ctx), ctx.Value(traceKey{}))
					}
				}
				m.cancel()
				if err := m.ctx.Err(); want == context.DeadlineExceeded && err != want {
					t.Errorf("%s %s: error %v after cancel", name, end, err)
				}
				cancelParent(nil)
			}
		}
	}
}

type traceKey struct{}

// A context that has ended is nobody's child any more.
func TestEndingLeavesNothing(t *testing.T) {
	parent := &counted{Context: t.Context()}
	c := &ending{Context: parent}
	<-closedAfter(c)
	if parent.asked == 0 {
		t.Error("the parent was never asked")
	}
	asked := parent.asked
	unwatched := &ending{Context: parent}
	unwatched.cancel()
	if unwatched.Err() != context.Canceled || parent.asked != asked {
		t.Error("nobody waited, and the parent was asked to tell when it ends")
	}
}

// counted counts how often somebody waits for its end.
type counted struct {
	context.Context
	asked int
}

func (c *counted) Done() <-chan struct{} {
	c.asked++
	return c.Context.Done()
}

func closedAfter(c *ending) <-chan struct{} {
	done := c.Done()
	c.cancel()
	return done
}
