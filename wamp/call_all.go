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
		all, err := Call[Result](ctx, s, procedure, opts...)
		if err != nil {
			yield(Reply[R]{}, err)
			return
		}
		list, err := elements(nil, all.raw)
		if err != nil {
			yield(Reply[R]{}, fmt.Errorf("call %s: %w", procedure, invalidReply(err)))
			return
		}
		for _, data := range list {
			if !yield(decodeReply[R](s, all.raw.Format, data, procedure)) {
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
}

func decodeReply[R any](s *Session, f msg.Format, data []byte, procedure string) (Reply[R], error) {
	var entry replyEntry
	var reply Reply[R]
	if err := codec.Unmarshal(f, data, &entry); err != nil {
		return reply, fmt.Errorf("call %s: %w", procedure, invalidReply(err))
	}
	reply.Callee = entry.Callee
	r := request{kind: msg.Call, uri: procedure, errURI: entry.Error, callee: entry.Callee, known: s.errors.Load()}
	r.payload = msg.Payload{
		Format: cmp.Or(entry.Args.Format, entry.Kwargs.Format),
		Args:   entry.Args.Bytes,
		Kwargs: entry.Kwargs.Bytes,
	}
	if err := r.outcome(); err != nil {
		return reply, err
	}
	var err error
	reply.Value, err = resultOfCall[R](&r)
	return reply, err
}
