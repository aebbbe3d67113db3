package wamp

import (
	"fmt"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
)

// reader is the Session as its Peer sees it: everything that arrives is
// handled here, and nothing here waits or runs code of the application.
type reader Session

// Message handles one message of the router. What is in a block is kept, not
// held: the application may have it for as long as it likes.
func (r *reader) Message(m *msg.Message, block *transport.Block) error {
	owned := block.Keep()
	if r.joining != nil {
		return r.handshake(m)
	}
	s := (*Session)(r)
	switch m.Type {
	case msg.Event:
		return s.event(m, owned)
	case msg.Result:
		s.result(m, owned)
	case msg.Invocation:
		s.invocation(m, owned)
	case msg.Interrupt:
		s.interrupt(m)
	case msg.Error:
		s.refused(m, owned)
	case msg.Published:
		s.granted(m, msg.Publish)
	case msg.Subscribed:
		s.subscribed(m)
	case msg.Unsubscribed:
		if m.Request == 0 {
			s.mu.Lock()
			s.dropTopic(m.ID)
			s.mu.Unlock()
			return nil
		}
		s.granted(m, msg.Unsubscribe)
	case msg.Registered:
		s.registered(m)
	case msg.Unregistered:
		if m.Request == 0 {
			s.mu.Lock()
			s.dropRegistration(m.ID)
			s.mu.Unlock()
			return nil
		}
		s.unregistered(m)
	case msg.Goodbye:
		s.goodbyeFromRouter(m)
	case msg.Abort:
		e := abortError(r.format, m)
		s.end(&ClosedError{Reason: e.URI, Message: e.Message(), Origin: OriginRemote})
		s.peer.End(nil, nil)
	default:
		return &msg.Violation{Text: fmt.Sprintf("unexpected %v", m.Type)}
	}
	return nil
}

// Broken ends the session because of what the router sent.
func (r *reader) Broken(err error) { (*Session)(r).end(closedBy(err)) }

// Idle sends what handling the input has put into the outbox.
func (r *reader) Idle(bool) { r.peer.Flush() }

// Undeliverable is told of a message that turned out larger than the router
// takes.
func (r *reader) Undeliverable(m *msg.Message) {
	s := (*Session)(r)
	switch m.Type {
	case msg.Yield:
		s.refuse(m.Request, &Error{URI: ErrPayloadSizeExceeded})
		s.peer.Flush()
	case msg.Call, msg.Publish, msg.Subscribe, msg.Register:
		if req := s.take(m.Request, m.Type); req != nil {
			s.mu.Lock()
			s.handlerRequestEnded(req)
			if req.sending != nil {
				s.sendCancel(req, KillNoWait) // the router has the parts before
			}
			req.fail(&Error{URI: ErrPayloadSizeExceeded})
			s.mu.Unlock()
		}
	}
}

// granted handles the answers that say yes and no more.
func (s *Session) granted(m *msg.Message, kind msg.Type) {
	if req := s.take(m.Request, kind); req != nil {
		req.answer = m.ID
		req.finish()
	}
}

// refused handles ERROR.
func (s *Session) refused(m *msg.Message, owned bool) {
	req := s.take(m.Request, m.ErrType)
	if req == nil {
		return // given up, or an answer to a CANCEL
	}
	if req.install != nil {
		s.mu.Lock()
		s.handlerRequestEnded(req)
		s.mu.Unlock()
	}
	req.errURI = URI(m.URI)
	if req.errURI == "" {
		req.errURI = ErrRuntimeError
	}
	req.known = s.errors.Load()
	s.settle(req, m, owned)
}

// handlerRequestEnded handles the failure of req when it is about a handler.
// s.mu is held.
func (s *Session) handlerRequestEnded(req *request) {
	in := req.install
	switch {
	case in == nil:
	case in.subscription != nil:
		s.subscribeEnded(in.subscription.key)
	case req.kind == msg.Unregister:
		s.dropRegistration(in.registration.id) // the router does not know it
	}
}

// settle ends req with the payload of m.
func (s *Session) settle(req *request, m *msg.Message, owned bool) {
	s.setPayload(req, m, owned)
	if req.cfg.progress == nil {
		req.finish()
		return
	}
	// Who finds it finished, for progress woke it, may reuse the request at
	// once.
	s.mu.Lock()
	defer s.mu.Unlock()
	req.finished = true
	req.finish()
}

// setPayload gives r the payload of its answer m, opened when it is sealed.
func (s *Session) setPayload(r *request, m *msg.Message, owned bool) {
	in, opened, err := s.openAnswer(r.seal, m)
	switch {
	case err != nil && m.Type == msg.Error:
		r.unopened = err // its URI says something all the same
		return
	case err != nil:
		r.err = err
		return
	case !owned && !opened:
		in.Payload, r.buf = keep(&m.Payload, r.buf)
	}
	r.payload = in
}

// result handles RESULT.
func (s *Session) result(m *msg.Message, owned bool) {
	if m.Options.Is(msg.Progress) {
		s.progress(m, owned)
		return
	}
	req := s.take(m.Request, msg.Call)
	if req == nil {
		return
	}
	req.callee = m.Options.Session
	s.settle(req, m, owned)
}

// progress queues a progressive result for whoever waits for the call.
func (s *Session) progress(m *msg.Message, owned bool) {
	s.mu.Lock()
	req := s.wantsProgress(m.Request)
	if req == nil {
		s.mu.Unlock()
		return
	}
	sl := req.seal
	s.mu.Unlock()
	in, opened, err := s.openAnswer(sl, m)
	if !owned && !opened {
		in.Payload, _ = keep(&m.Payload, nil)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if req = s.wantsProgress(m.Request); req == nil {
		return // given up meanwhile
	}
	if err != nil {
		delete(s.requests, m.Request)
		s.sendCancel(req, req.cfg.mode)
		req.fail(err)
		return
	}
	if !req.progress.push(in) {
		delete(s.requests, m.Request)
		s.sendCancel(req, req.cfg.mode)
		req.fail(ErrSlowHandler)
		return
	}
	req.signal()
}

// wantsProgress returns the call if it is under way and somebody takes its
// progress, else nil. s.mu is held.
func (s *Session) wantsProgress(id uint64) *request {
	req := s.requests[id]
	if req == nil || req.kind != msg.Call || req.cfg.progress == nil {
		return nil
	}
	return req
}

// goodbyeFromRouter handles GOODBYE: the answer to ours, or the router's own,
// which is answered.
func (s *Session) goodbyeFromRouter(m *msg.Message) {
	s.mu.Lock()
	leaving := s.leaving
	if leaving {
		s.answer()
	}
	s.mu.Unlock()
	if leaving {
		return
	}
	s.end(&ClosedError{
		Reason: URI(m.URI), Message: detail(dict(s.format, m.Dict), "message"), Origin: OriginRemote,
	})
	s.peer.End(&msg.Message{
		Type: msg.Goodbye, URI: []byte(msg.CloseGoodbyeAndOut), Dict: s.peer.MessageDict(""),
	}, nil)
}
