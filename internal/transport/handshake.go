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
