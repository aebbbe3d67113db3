package longpoll

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/wampeter/wampeter/internal/transport"
)

// serveSend serves a send request.
func (c *conn) serveSend(w http.ResponseWriter, r *http.Request) {
	rc := http.NewResponseController(w)
	err := c.send(rc, r)
	c.allow(rc)
	defer func() { _ = c.answer(w, rc, nil) }() // who has not got it finds out by receiving
	var broken *transport.Error
	var refusal *transport.Refusal
	switch {
	case err == nil:
		c.server.accept(w)
	case errors.As(err, &refusal):
		refuse(w, refusal)
	case errors.As(err, &broken):
		c.mu.Lock()
		c.endInput(err)
		c.mu.Unlock()
		status := http.StatusBadRequest
		if broken.Code == 1009 {
			status = http.StatusRequestEntityTooLarge
		}
		refuse(w, &transport.Refusal{Status: status, Text: broken.Text})
	default:
		refuse(w, &transport.Refusal{Status: http.StatusBadRequest, Text: "the body cannot be read: " + err.Error()})
	}
}

// maxDiscard is how much of a refused body is read all the same.
const maxDiscard = 256 << 10

// send queues what the request brings, in the order in which requests came.
func (c *conn) send(rc *http.ResponseController, r *http.Request) error {
	select {
	case c.sending <- struct{}{}:
	case <-r.Context().Done():
		return r.Context().Err()
	}
	defer func() { <-c.sending }()
	if ok, err := c.room(r); !ok {
		return err
	}
	a := new(transport.Assembly)
	a.Init(c.limits.Budget)
	body := &patientReader{r: r.Body, rc: rc, timeout: c.limits.WriteTimeout}
	if err := readBody(a, body, r.ContentLength, c.protocol, c.limits.MessageLimit()); err != nil {
		a.Reset()
		// A client that is still writing would see a reset, not the answer.
		_, _ = io.CopyN(io.Discard, body, maxDiscard)
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.inEnd != nil {
		a.Reset()
		return nil
	}
	c.bodies = append(c.bodies, a)
	c.queued += a.Len()
	c.wake()
	return nil
}

// room waits until there is room in the queue. ok is false with a reason, or
// without one when our end has ended and what is sent is of no interest, which
// the client will find out by receiving.
func (c *conn) room(r *http.Request) (ok bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case c.over || c.peerEnd:
			return false, errUnknown
		case c.closed || c.inEnd != nil:
			return false, nil
		case c.queued < capacity:
			return true, nil
		}
		ch := c.change()
		c.mu.Unlock()
		select {
		case <-ch:
			err = nil
		case <-r.Context().Done():
			err = r.Context().Err()
		}
		c.mu.Lock()
		if err != nil {
			return false, err
		}
	}
}

// patientReader reads a request's body as long as something of it comes within
// the timeout.
type patientReader struct {
	r       io.Reader
	rc      *http.ResponseController
	timeout time.Duration
}

func (p *patientReader) Read(b []byte) (int, error) {
	_ = p.rc.SetReadDeadline(time.Now().Add(p.timeout))
	return p.r.Read(b)
}
