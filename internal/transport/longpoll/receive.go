package longpoll

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// serveReceive serves a receive request.
func (c *conn) serveReceive(w http.ResponseWriter, r *http.Request) {
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Time{}) // a ReadTimeout of the server would end the request
	b, over, err := c.receive(r.Context())
	if over {
		c.server.remove(c)
	}
	if err != nil && err != errGone {
		return // nobody is there to be answered
	}
	c.allow(rc)
	if len(b) > 0 {
		w.Header().Set("Content-Type", contentType(c.protocol.Format))
	}
	if err != nil {
		refuse(w, errGone)
	} else {
		w.Header().Set("Content-Length", strconv.Itoa(len(b)))
		w.WriteHeader(http.StatusOK)
	}
	err = c.answer(w, rc, b)
	if len(b) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answering = false
	c.wake()
	if err != nil {
		// Messages are lost, and nobody can tell which.
		c.endInput(fmt.Errorf("long-poll: answering a receive: %w", err))
		c.peerEnd = true
		c.out.drop(true)
	}
}

// allow gives the next write of an answer the write timeout, however long the
// request has waited.
func (c *conn) allow(rc *http.ResponseController) {
	_ = rc.SetWriteDeadline(time.Now().Add(c.limits.WriteTimeout))
}

// answer writes b, as long as the client takes something of it within the write
// timeout, and ends the answer.
func (c *conn) answer(w io.Writer, rc *http.ResponseController, b []byte) error {
	const piece = 32 << 10
	for len(b) > 0 {
		n := min(len(b), piece)
		c.allow(rc)
		if _, err := w.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	err := rc.Flush()
	if errors.Is(err, http.ErrNotSupported) {
		err = nil // then net/http sees to it when the handler returns
	}
	_ = rc.SetWriteDeadline(time.Time{}) // the connection is used again
	return err
}

// receive waits for output and returns what answers the request: nothing when
// none came in time, or when another request takes this one's place. errGone
// says that there is nothing to come, over that this was the end of all. With
// output, c.answering is set.
func (c *conn) receive(ctx context.Context) (b []byte, over bool, err error) {
	hold := time.NewTimer(c.server.o.Hold)
	defer hold.Stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn++
	turn := c.turn
	c.receiving++
	if c.expiry != nil {
		c.expiry.Stop()
	}
	c.wake() // ends the one before
	defer func() {
		if c.receiving--; c.receiving == 0 && !c.over {
			c.expireAfter(c.patience())
		}
	}()
	for {
		switch {
		case c.turn != turn:
			return nil, false, nil
		case c.answering:
			// The one before has got its answer, but not to its end: what
			// comes now must not overtake it.
		case c.out.full > 0:
			b := c.out.take(c.protocol)
			c.answering = true
			c.wake()
			return b, false, nil
		case c.over || c.ended || c.closed:
			err := c.farewell()
			return nil, c.over, err
		}
		ch := c.change()
		c.mu.Unlock()
		var late, left bool
		select {
		case <-ch:
		case <-hold.C:
			late = true
		case <-ctx.Done():
			left = true
		}
		c.mu.Lock()
		switch {
		case left:
			return nil, false, ctx.Err()
		case late:
			return nil, false, nil
		}
	}
}

// farewell is how the client learns that there is nothing more to come: errGone,
// or an empty answer when it closed the connection itself. c.mu is held.
func (c *conn) farewell() error {
	c.endInput(io.EOF)
	c.peerEnd = true
	if c.closed {
		c.stop()
	}
	if c.left {
		return nil
	}
	return errGone
}
