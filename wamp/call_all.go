package wamp

import (
	"cmp"
	"context"
	"fmt"
	"iter"

	"github.com/wampeter/wampeter/internal/codec"
	"github.com/wampeter/wampeter/internal/msg"
)

// Reply is one callee's answer to CallAll.
type Reply[R any] struct {
	Callee uint64 // session
	Value  R
}

// CallAll calls every callee of a shared registration, and returns their
// answers in the order in which they registered, when all are there. The error
// of a callee stands beside its Reply, an *Error as from [Call]. When the call
// as a whole fails, there is one error with a Callee of 0.
//
// It needs a router that knows runmode "all": feature sharded_registration.
func CallAll[R any](ctx context.Context, s *Session, procedure string, opts ...CallOption) iter.Seq2[Reply[R], error] {
	return func(yield func(Reply[R], error) bool) {
		opts := append(opts[:len(opts):len(opts)], RunOn(RunAll))
		req := s.getRequest()
		defer s.putRequest(req)
		for _, o := range opts {
			o.applyCall(&req.cfg)
		}
		err := s.call(ctx, procedure, req)
		if err != nil {
			yield(Reply[R]{}, err)
			return
		}
		list, err := elements(nil, &req.payload.Payload)
		if err != nil {
			yield(Reply[R]{}, fmt.Errorf("call %s: %w", procedure, invalidReply(err)))
			return
		}
		for _, data := range list {
			if !yield(decodeReply[R](req, s, data)) {
				return
			}
		}
	}
}

func invalidReply(err error) *Error { return Errorf(ErrInvalidPayload, "reply of a callee: %v", err) }

// replyEntry is one entry of the list that a router answers with.
type replyEntry struct {
	Callee uint64    `json:"callee"`
	Error  URI       `json:"error"` // of callees that failed
	Args   codec.Raw `json:"args"`
	Kwargs codec.Raw `json:"kwargs"`

	Scheme     string `json:"ppt_scheme"`
	Serializer string `json:"ppt_serializer"`
	Cipher     string `json:"ppt_cipher"`
	KeyID      string `json:"ppt_keyid"`
}

// message returns the RESULT or ERROR that the callee's answer would be by
// itself.
func (e *replyEntry) message() *msg.Message {
	m := &msg.Message{Type: msg.Result, URI: []byte(e.Error)}
	if e.Error != "" {
		m.Type = msg.Error
	}
	m.Payload = msg.Payload{
		Format: cmp.Or(e.Args.Format, e.Kwargs.Format),
		Args:   e.Args.Bytes,
		Kwargs: e.Kwargs.Bytes,
	}
	if e.Scheme != "" {
		ppt := PPT{e.Scheme, e.Serializer, e.Cipher, e.KeyID}
		ppt.option(&m.Options)
	}
	return m
}

// decodeReply makes a reply of one element of the answer to call.
func decodeReply[R any](call *request, s *Session, data []byte) (Reply[R], error) {
	var entry replyEntry
	var reply Reply[R]
	if err := codec.Unmarshal(call.payload.Format, data, &entry); err != nil {
		return reply, fmt.Errorf("%s: %w", call.op(), invalidReply(err))
	}
	reply.Callee = entry.Callee
	r := request{kind: msg.Call, uri: call.uri, errURI: entry.Error, callee: entry.Callee, known: s.errors.Load()}
	if call.seal != nil {
		one := *call.seal
		one.all = false // it is the callee's own
		r.seal = &one
	}
	s.setPayload(&r, entry.message(), true)
	if err := r.outcome(); err != nil {
		return reply, err
	}
	var err error
	reply.Value, err = resultOfCall[R](&r)
	return reply, err
}
