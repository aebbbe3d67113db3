package router

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
)

// maxLost bounds the functions of the application that nobody waits for any
// more, and that have not returned.
const maxLost = 4096

var errTooManyLost = errors.New("too many functions of the application have not returned although their contexts have ended")

// consult has the application decide something, and waits no longer than ctx
// lasts: the error is then the cause. A function that goes on all the same is
// left to itself, with nothing of the session's, until Close waits for it; late
// gets what it returns, unless it is nil. A panic is an error.
//
// It is called by a goroutine of a link.
func consult[T any](ctx context.Context, r *Router, f func() (T, error), late func(T)) (v T, err error) {
	if err := context.Cause(ctx); err != nil {
		return v, err
	}
	if r.lost.Load() >= maxLost {
		return v, errTooManyLost
	}
	type answer struct {
		v   T
		err error
	}
	var settled atomic.Bool // by who was first: the function, or the end of ctx
	answers := make(chan answer, 1)
	r.functions.Go(func() {
		var a answer
		a.v, a.err = protected(f)
		if settled.CompareAndSwap(false, true) {
			answers <- a
			return
		}
		r.lost.Add(-1)
		if late != nil {
			late(a.v)
		}
	})
	select {
	case a := <-answers:
		return a.v, a.err
	case <-ctx.Done():
	}
	r.lost.Add(1)
	if settled.CompareAndSwap(false, true) {
		return v, context.Cause(ctx)
	}
	r.lost.Add(-1)
	a := <-answers
	return a.v, a.err
}

// protected runs f, which must not take the router down.
func protected[T any](f func() (T, error)) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return f()
}
