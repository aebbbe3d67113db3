package wamp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/session"
	"github.com/wampeter/wampeter/internal/uri"
)

// request is an operation that waits for its answer.
//
// Whoever takes it out of Session.requests, under the session's lock, decides
// its outcome: the reader, the end of the session, or the one who waits and
// gives up. It then calls finish, or is the one who waits.
type request struct {
	cfg  callConfig
	kind msg.Type
	id   uint64
	uri  string // procedure, topic
	seal *seal  // how it is encrypted, nil for not at all

	ready chan struct{} // capacity 1: there is progress, or the end
	done  chan struct{} // closed at the end; nil for those that wait for ready

	// The outcome, to be read after ready or done.
	err      error       // local
	errURI   URI         // of an ERROR
	known    *errorTable // at the time of the ERROR
	answer   uint64      // id in the answer
	callee   uint64      // of a RESULT
	payload  incoming    // of RESULT or ERROR
	unopened error       // why the payload of an ERROR is missing
	buf      []byte      // backs payload
	out      []byte      // memory to encode the request in
	finished bool        // of requests with progress, guarded by the session's lock

	progress backlog  // that nobody has taken yet, guarded by the session's lock
	sending  *sending // of calls whose arguments are sent in parts

	install *handlerRequest // of SUBSCRIBE, REGISTER and UNREGISTER
	stop    func() bool     // of the context's watcher, see Pending
}

// handlerRequest is whose SUBSCRIBE, REGISTER or UNREGISTER it is.
type handlerRequest struct {
	subscription *Subscription
	registration *Registration
	abandoned    bool // nobody waits: what succeeds has to be undone
}

// maxKept is the largest buffer that a request keeps for its next use.
const maxKept = 64 << 10

// getRequest returns a request for one operation. Requests are pooled by
// session: their channels must not wander between the bubbles of
// testing/synctest that applications may use.
func (s *Session) getRequest() *request {
	if r, ok := s.pool.Get().(*request); ok {
		return r
	}
	return &request{ready: make(chan struct{}, 1)}
}

// putRequest gives back a request that has ended, and that nobody refers to.
func (s *Session) putRequest(r *request) {
	buf, out := r.buf[:0], r.out[:0]
	if cap(buf) > maxKept {
		buf = nil
	}
	if cap(out) > maxKept {
		out = nil
	}
	select {
	case <-r.ready: // of progress that was not waited for
	default:
	}
	*r = request{ready: r.ready, buf: buf, out: out}
	s.pool.Put(r)
}

// signal wakes who waits for ready.
func (r *request) signal() {
	select {
	case r.ready <- struct{}{}:
	default:
	}
}

// finish tells whoever waits that the outcome is there.
func (r *request) finish() {
	if r.stop != nil {
		r.stop()
	}
	if r.done != nil {
		close(r.done)
	}
	r.signal()
}

// fail ends the request with a local error. The session's lock is held.
func (r *request) fail(err error) {
	r.err = err
	r.finished = true
	r.finish()
}

// op names the operation in errors.
func (r *request) op() string {
	name := ""
	switch r.kind {
	case msg.Call:
		name = "call"
	case msg.Publish:
		name = "publish"
	case msg.Subscribe:
		name = "subscribe"
	case msg.Unsubscribe:
		name = "unsubscribe"
	case msg.Register:
		name = "register"
	case msg.Unregister:
		name = "unregister"
	}
	return name + " " + r.uri
}

// outcome returns the error of a request that has ended.
func (r *request) outcome() error {
	switch {
	case r.err != nil:
		return fmt.Errorf("%s: %w", r.op(), r.err)
	case r.errURI != "":
		return r.remoteError()
	}
	return nil
}

func (r *request) remoteError() error {
	p, _ := keep(&r.payload.Payload, nil)
	e := &Error{URI: r.errURI, Origin: OriginRemote, op: r.op(), cause: r.unopened, raw: Payload{raw: &p, ppt: r.payload.ppt}}
	e.Args, _ = e.raw.Args() // an ERROR whose payload makes no sense still is one
	e.Kwargs, _ = e.raw.Kwargs()
	if e.URI == ErrInvalidURI && e.raw.Len() == 0 {
		e.cause = whyInvalid(r.kind, r.uri)
	}
	if r.unopened == nil {
		r.known.received(e)
	}
	return e
}

// whyInvalid says what is wrong with a URI that a router refuses without saying
// it; nil when nothing is by the loose rules.
func whyInvalid(kind msg.Type, u string) error {
	pattern := kind == msg.Subscribe || kind == msg.Register
	switch {
	case u == "":
		return errors.New("the URI is empty")
	case uri.IsReserved([]byte(u)) && kind != msg.Call && kind != msg.Subscribe:
		return errors.New("URIs that begin with wamp. are the router's own")
	case !uri.ValidWildcard([]byte(u), false):
		return errors.New("a URI has neither white space nor #")
	case !pattern && !uri.Valid([]byte(u), false):
		return errors.New("a URI has no empty components")
	}
	return nil
}

// start appends m as a new request to the outbox and enters r in the table,
// unless nobody waits for an answer. When the router falls behind, it waits.
func (s *Session) start(ctx context.Context, r *request, m *msg.Message, waits bool) error {
	for {
		if s.peer.Room(ctx) != nil && ctx.Err() != nil {
			return contextError(ctx)
		}
		s.mu.Lock()
		soon := s.inCompany(waits)
		err := s.startLocked(r, m, waits)
		s.mu.Unlock()
		if err == nil {
			s.flush(soon)
		}
		if !errors.Is(err, session.ErrOverflow) {
			return err
		}
	}
}

// inCompany reports whether what is about to be sent should share a write with what
// others send: while answers to other requests are awaited, or when one event
// follows another. s.mu is held.
func (s *Session) inCompany(waits bool) bool {
	if waits {
		return len(s.requests) > 0
	}
	now := time.Since(s.began)
	last := s.published
	s.published = now
	return now-last < burst || len(s.requests) > 0
}

// burst is the time between events that are published one after the other.
const burst = 50 * time.Microsecond

// startLocked is start for those who hold s.mu, and flush afterwards.
func (s *Session) startLocked(r *request, m *msg.Message, waits bool) error {
	if s.closed != nil {
		return s.closed
	}
	last := s.lastID
	r.id = s.nextID()
	if s.nextOf != nil && (r.id == 0 || r.id > msg.MaxID || s.requests[r.id] != nil) {
		return fmt.Errorf("request id %d of Dialer.NextRequestID is out of range or in use", r.id)
	}
	m.Request = r.id
	if err := s.peer.Send(m, nil); err != nil {
		s.lastID = last // not used: the router expects it next
		return s.sendError(err)
	}
	if waits {
		s.requests[r.id] = r
	}
	return nil
}

// send sends an answer of a handler, and waits while the router falls behind.
func (s *Session) send(m *msg.Message) error { return s.sendWith(m, false) }

// sendWith is send. soon says that others are about to answer as well, with whom
// to share a write.
func (s *Session) sendWith(m *msg.Message, soon bool) error {
	for {
		_ = s.peer.Room(s.ctx) // fails when the session ends, and Send with it
		err := s.peer.Send(m, nil)
		if err == nil {
			s.flush(soon)
		}
		if !errors.Is(err, session.ErrOverflow) {
			return err
		}
	}
}

// sendError explains an error of Peer.Send on a session that has not ended.
func (s *Session) sendError(err error) error {
	switch {
	case errors.Is(err, session.ErrTooBig):
		return &Error{URI: ErrPayloadSizeExceeded, cause: err}
	case errors.Is(err, session.ErrOverflow):
		return &Error{URI: ErrUnavailable, cause: err}
	}
	return &ClosedError{Reason: CloseTransportLost, Origin: OriginRemote, Err: err}
}

// take takes the request out of the table; nil when it is gone, or is of
// another kind than the answer.
func (s *Session) take(id uint64, kind msg.Type) *request {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.requests[id]
	if r == nil || r.kind != kind {
		return nil
	}
	delete(s.requests, id)
	return r
}

// wait waits for the end of a request without progress. When ctx ends first,
// the request is given up, and is not in the table any more.
func (s *Session) wait(ctx context.Context, r *request) error {
	select {
	case <-r.ready:
		return r.outcome()
	case <-ctx.Done():
	}
	if s.abandon(r, r.cfg.mode) {
		r.err = contextError(ctx)
		return r.outcome()
	}
	<-r.ready // somebody else is about to finish it
	return r.outcome()
}

// abandon takes r out of the table, and reports whether it still was there.
// The router is told, as the kind of request demands.
func (s *Session) abandon(r *request, mode CancelMode) bool {
	s.mu.Lock()
	if s.requests[r.id] != r {
		s.mu.Unlock()
		return false
	}
	delete(s.requests, r.id)
	switch {
	case r.install != nil:
		// The answer has to be awaited, to undo what it says.
		r.install.abandoned = true
		ghost := &request{kind: r.kind, id: r.id, uri: r.uri, install: r.install, ready: make(chan struct{}, 1)}
		s.requests[r.id] = ghost
	case r.kind == msg.Call:
		s.sendCancel(r, mode)
	}
	s.mu.Unlock()
	s.peer.Flush()
	return true
}

// sendCancel appends a CANCEL, if the mode and the router allow it. s.mu is
// held.
func (s *Session) sendCancel(r *request, mode CancelMode) {
	open := r.sending != nil && r.sending.open
	if open && mode != Kill {
		mode = KillNoWait // the callee must not wait for the rest
	}
	if mode == Detach || s.closed != nil || !s.roles.Has(msg.Dealer, msg.CallCanceling) {
		return
	}
	m := msg.Message{Type: msg.Cancel, Request: r.id}
	m.Options.Set = msg.KeyMode
	m.Options.Mode = mode.wire()
	err := s.peer.Send(&m, nil)
	if !open {
		return // when the outbox is full, the answer comes without and is ignored
	}
	r.sending.open, r.sending.canceled = false, true
	if errors.Is(err, session.ErrOverflow) {
		s.peer.Close(err) // which tells the callee too
	}
}

func (m CancelMode) wire() msg.CancelMode {
	switch m {
	case Kill:
		return msg.Kill
	case Skip:
		return msg.Skip
	}
	return msg.KillNoWait
}

// contextError is the error of an operation that ctx has ended.
func contextError(ctx context.Context) error {
	e := &Error{URI: ErrCanceled, cause: ctx.Err()}
	if errors.Is(e.cause, context.DeadlineExceeded) {
		e.URI = ErrTimeout
	}
	return e
}
