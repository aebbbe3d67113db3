package transport

import (
	"context"
	"net"
	"time"
)

// HandshakeTimeout returns the time that an opening handshake may take.
func (l *Limits) HandshakeTimeout() time.Duration {
	if l.Handshake == 0 {
		return DefaultHandshake
	}
	return l.Handshake
}

// MessageLimit returns the size in bytes of the largest message to receive.
func (l *Limits) MessageLimit() int {
	if l.MaxMessage == 0 {
		return DefaultMaxMessage
	}
	return l.MaxMessage
}

// Until is a context that has a deadline and nothing else: no timer ends it, as
// one ends those of package context. That is enough for Handshake, and opening a
// connection costs less.
type Until time.Time

// Deadline implements context.Context.
func (u Until) Deadline() (time.Time, bool) { return time.Time(u), true }

// Done implements context.Context.
func (Until) Done() <-chan struct{} { return nil }

// Err implements context.Context.
func (Until) Err() error { return nil }

// Value implements context.Context.
func (Until) Value(any) any { return nil }

// Handshake runs f, an opening handshake on nc, with a deadline: that of ctx,
// or the one of the limits when it is earlier. When ctx is canceled, I/O on nc
// fails. The deadline is left on nc.
func Handshake(ctx context.Context, nc net.Conn, limits *Limits, f func() error) error {
	deadline := time.Now().Add(limits.HandshakeTimeout())
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	if err := nc.SetDeadline(deadline); err != nil {
		return err
	}
	if ctx.Done() == nil {
		return f()
	}
	aborted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(aborted)
		_ = nc.SetDeadline(time.Unix(1, 0))
	})
	err := f()
	if !stop() {
		<-aborted
	}
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
