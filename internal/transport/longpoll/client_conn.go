package longpoll

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
)

// client is the client's end of a connection. Whoever serves it receives,
// whoever writes sends, so that it needs no goroutine but one that tells the
// server of its end.
type client struct {
	http      *http.Client
	transport *http.Transport
	header    http.Header
	limits    transport.Limits
	limit     int
	protocol  transport.Subprotocol
	info      transport.Info
	urls      struct{ receive, send, close *url.URL }

	ctx    context.Context // ends with Close
	cancel context.CancelCauseFunc

	mu      sync.Mutex
	leaving bool // close was sent, or need not be
	farend  bool // the server has ended the connection
	tasks   sync.WaitGroup
}

var _ transport.Conn = (*client)(nil)

const (
	// closeTimeout is for the request that tells the server of the end.
	closeTimeout = 2 * time.Second
	// pause follows an empty answer to a receive that was not held.
	pause = 100 * time.Millisecond
)

// errLost says that the server has forgotten the connection.
var errLost = errors.New("long-poll: the server does not know the connection any more: it has expired, or the server was restarted")

// Format implements transport.Conn.
func (c *client) Format() msg.Format { return c.protocol.Format }

// Framing implements transport.Conn.
func (c *client) Framing() transport.Framing { return transport.Framing{Kind: transport.Prefixed} }

// MaxSend implements transport.Conn. The server has not said what it takes.
func (c *client) MaxSend() int { return 0 }

// Info implements transport.Conn.
func (c *client) Info() *transport.Info { return &c.info }

// Serve implements transport.Conn. When it returns, the server knows of the end
// or could not be told.
func (c *client) Serve(h transport.Handler) error {
	err := c.serve(h)
	var broken *transport.Error
	if !errors.As(err, &broken) { // else Drain follows
		c.finish(err)
	}
	h.Idle(false)
	return err
}

func (c *client) serve(h transport.Handler) error {
	for {
		a := new(transport.Assembly)
		a.Init(c.limits.Budget)
		began := time.Now()
		err := c.receive(a)
		if err == nil && a.Len() > 0 {
			h.Alive()
			err = deliver(h, c.protocol, a)
		}
		n := a.Len()
		a.Reset()
		if err != nil {
			return err
		}
		if n > 0 {
			h.Idle(false)
			continue
		}
		h.Alive()
		if time.Since(began) < pause {
			select {
			case <-time.After(pause):
			case <-c.ctx.Done():
				return net.ErrClosed
			}
		}
	}
}

// receive sends a receive request and reads the answer into a. io.EOF says that
// the server has closed the connection.
func (c *client) receive(a *transport.Assembly) error {
	ctx, cancel := context.WithCancelCause(c.ctx)
	defer cancel(nil)
	response, err := c.post(ctx, c.urls.receive, "", nil, nil)
	if err != nil {
		return c.failure("receive", err)
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusGone:
		return io.EOF
	case response.StatusCode == http.StatusNotFound && c.isLeaving():
		return io.EOF
	case response.StatusCode == http.StatusNotFound:
		return errLost
	case !success(response.StatusCode):
		return fmt.Errorf("long-poll: receive: %w", statusError(response))
	case response.ContentLength == 0, response.StatusCode == http.StatusNoContent:
		return nil
	}
	timeout := c.limits.WriteTimeout
	stalled := fmt.Errorf("nothing more of the answer has come for %v", timeout)
	timer := time.AfterFunc(timeout, func() { cancel(stalled) })
	defer timer.Stop()
	body := &watchedReader{response.Body, func() { timer.Reset(timeout) }}
	err = readBody(a, body, response.ContentLength, c.protocol, c.limit)
	var broken *transport.Error
	switch {
	case err == errNoMessage:
		return nil // an empty answer of unknown length
	case err == nil || errors.As(err, &broken):
		return err
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	}
	return c.failure("receive", err)
}

// failure returns why a request failed.
func (c *client) failure(verb string, err error) error {
	if c.ctx.Err() != nil {
		return net.ErrClosed
	}
	return fmt.Errorf("long-poll: %s: %w", verb, err)
}

// Drain implements transport.Conn.
func (c *client) Drain() {
	c.finish(c.serve(drain{}))
}

// drain is a transport.Handler that ignores everything.
type drain struct{}

func (drain) Message([]byte, *transport.Block) error { return nil }
func (drain) Idle(bool)                              {}
func (drain) Control([]byte)                         {}
func (drain) Alive()                                 {}

// TryWrite implements transport.Conn. A request takes its time, so it is always
// left to Write, and what is written meanwhile goes out with the next one.
func (c *client) TryWrite([][]byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, net.ErrClosed
	}
	return 0, transport.ErrWouldBlock
}

// Write implements transport.Conn: with batched protocols by one send request
// for up to 64 KiB of messages, else by one for each message.
func (c *client) Write(bufs [][]byte) error {
	// A copy, since net/http may read of it after the request has failed.
	data := slices.Concat(bufs...)
	if n := complete(data); n < len(data) {
		return fmt.Errorf("long-poll: send: %d bytes are no complete message", len(data)-n)
	}
	for len(data) > 0 {
		var b []byte
		b, data = body(c.protocol, data)
		if err := c.send(b); err != nil {
			return err
		}
	}
	return nil
}

func (c *client) send(b []byte) error {
	ctx, cancel := context.WithCancelCause(c.ctx)
	defer cancel(nil)
	timeout := c.limits.WriteTimeout
	timer := time.AfterFunc(timeout, func() { cancel(fmt.Errorf("the server has taken nothing for %v", timeout)) })
	defer timer.Stop()
	response, err := c.post(ctx, c.urls.send, contentType(c.protocol.Format), b, func() { timer.Reset(timeout) })
	if err != nil {
		return c.failure("send", err)
	}
	defer response.Body.Close()
	if !success(response.StatusCode) {
		return fmt.Errorf("long-poll: send: %w", statusError(response))
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxOpen)) // so that the connection can be used again
	return nil
}

// AppendPing implements transport.Conn. Receive requests show that the server
// lives.
func (c *client) AppendPing(dst []byte) []byte { return dst }

// AppendClose implements transport.Conn. There is no farewell of its own.
func (c *client) AppendClose(dst []byte, _ error) []byte { return dst }

// CloseWrite implements transport.Conn: it sends close, after which servers
// of the same kind as ours still hand out what they have.
func (c *client) CloseWrite() error {
	c.leave()
	return nil
}

// Close implements transport.Conn. Requests that are under way fail.
func (c *client) Close() error {
	c.cancel(net.ErrClosed)
	c.leave()
	return nil
}

func (c *client) isLeaving() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leaving
}

// leave tells the server of the end, unless it knows. Serve waits for the
// goroutine; without Serve it ends at the latest after closeTimeout.
func (c *client) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leaving || c.farend {
		if c.ctx.Err() != nil {
			c.transport.CloseIdleConnections()
		}
		return
	}
	c.leaving = true
	c.tasks.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), closeTimeout)
		defer cancel()
		// Without success, the connection expires.
		if response, err := c.post(ctx, c.urls.close, "", nil, nil); err == nil {
			response.Body.Close()
		}
		if c.ctx.Err() != nil {
			c.transport.CloseIdleConnections()
		}
	})
}

// finish is called when nothing more is received, because of err.
func (c *client) finish(err error) {
	if err != io.EOF && !errors.Is(err, errLost) {
		c.leave()
	}
	c.mu.Lock()
	c.farend = true // no further tasks
	c.mu.Unlock()
	c.tasks.Wait()
	c.transport.CloseIdleConnections()
}
