package loadgen

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/wampeter/wampeter/internal/msg"
)

// A session is a link that has joined.
type session struct {
	*link
	wire    wire
	dialect dialect
	number  uint32 // at the relay
	request uint64 // ID of the last request
	hello   dict   // HELLO.Details
}

// A dialect is what is said over a link: WAMP, or the frames of the relay.
// Its messages are built and scanned by the session's wire.
type dialect interface {
	join(s *session, realm string) error
	// sayGoodbye ends the session, and awaitGoodbye waits for the answer.
	sayGoodbye(s *session) error
	awaitGoodbye(s *session) error
	register(s *session, uri string) error
	subscribe(s *session, topic string) error
	// subscribeForeign subscribes to n patterns below prefix, numbered from first.
	subscribeForeign(s *session, prefix string, first, n int) error
	// stream prepares a call that wants progressive results, and one of those.
	stream(s *session, uri string, args []any) template
	progress(s *session, args []any) template
	call(s *session, uri string, args []any) template
	yield(s *session, args []any) template
	publish(s *session, topic string, args []any) template
}

// open connects to t and joins.
func (r *run) open(ctx context.Context, t *target, buffer int) (*session, error) {
	l, err := t.dial(ctx, buffer)
	if err != nil {
		return nil, err
	}
	s := &session{link: l, wire: t.wire, dialect: wamp{}, hello: roles}
	if r.progress {
		s.hello = progressive
	}
	if t.relay {
		s.dialect = &r.relay
	}
	err = s.within(ctx, func() error { return s.dialect.join(s, r.Realm) })
	if err != nil {
		l.Close()
		return nil, fmt.Errorf("joining %s: %w", r.Realm, err)
	}
	return s, nil
}

// within runs f, whose reading and writing ends with ctx.
func (s *session) within(ctx context.Context, f func() error) error {
	stop := context.AfterFunc(ctx, s.cutOff)
	err := f()
	if !stop() {
		return context.Cause(ctx)
	}
	return err
}

// openers is how many sessions are opened at the same time.
const openers = 32

// openAll opens n sessions that last until the run stops.
func (r *run) openAll(ctx context.Context, n int, t *target, buffer int) ([]*session, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	all := make([]*session, n)
	var wg sync.WaitGroup
	for first := range min(n, openers) {
		wg.Go(func() {
			for i := first; i < n && ctx.Err() == nil; i += openers {
				s, err := r.open(ctx, t, buffer)
				if err != nil {
					cancel(err)
					return
				}
				all[i] = s
			}
		})
	}
	wg.Wait()
	for _, s := range all {
		if s != nil {
			r.sessions = append(r.sessions, s)
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return all, nil
}

// wamp is the protocol that the generator is for.
type wamp struct{}

// roles announces everything, since one session may have any role.
var roles = dict{{"roles", dict{
	{"caller", dict{}}, {"callee", dict{}}, {"publisher", dict{}}, {"subscriber", dict{}},
}}, {"agent", "wampeter-bench"}}

// progressive announces progressive results too.
var progressive = dict{{"roles", dict{
	{"caller", dict{{"features", dict{{"progressive_call_results", true}, {"call_canceling", true}}}}},
	{"callee", dict{{"features", dict{{"progressive_call_results", true}, {"call_canceling", true}}}}},
}}, {"agent", "wampeter-bench"}}

func (wamp) join(s *session, realm string) error {
	s.appendMessage(s.wire.appendValue(nil, []any{int(msg.Hello), realm, s.hello}))
	return s.await(msg.Welcome, 0)
}

func (wamp) sayGoodbye(s *session) error {
	s.appendMessage(s.wire.appendValue(nil, []any{int(msg.Goodbye), dict{}, "wamp.close.close_realm"}))
	return s.flush()
}

func (wamp) awaitGoodbye(s *session) error { return s.await(msg.Goodbye, 0) }

func (wamp) register(s *session, uri string) error {
	return s.ask(s.wire.template(msg.Register, dict{}, uri), msg.Registered)
}

func (wamp) subscribe(s *session, topic string) error {
	return s.ask(s.wire.template(msg.Subscribe, dict{}, topic), msg.Subscribed)
}

// foreignBatch is how many subscriptions are asked for at once.
const foreignBatch = 500

func (wamp) subscribeForeign(s *session, prefix string, first, n int) error {
	for done := 0; done < n; {
		batch := min(n-done, foreignBatch)
		for i := range batch {
			number := first + done + i
			t := s.wire.template(msg.Subscribe, dict{{"match", "prefix"}}, fmt.Sprintf("%s.foreign%d.", prefix, number))
			if number%2 == 1 {
				t = s.wire.template(msg.Subscribe, dict{{"match", "wildcard"}}, fmt.Sprintf("%s..foreign%d", prefix, number))
			}
			s.request++
			s.append(s.wire, t, s.request)
		}
		done += batch
		for id := s.request - uint64(batch) + 1; id <= s.request; id++ {
			if err := s.await(msg.Subscribed, id); err != nil {
				return err
			}
		}
	}
	return nil
}

func (wamp) stream(s *session, uri string, args []any) template {
	return s.wire.template(msg.Call, withArgs(args, dict{{"receive_progress", true}}, uri)...)
}

func (wamp) progress(s *session, args []any) template {
	return s.wire.template(msg.Yield, withArgs(args, dict{{"progress", true}})...)
}

func (wamp) call(s *session, uri string, args []any) template {
	return s.wire.template(msg.Call, withArgs(args, dict{}, uri)...)
}

func (wamp) yield(s *session, args []any) template {
	return s.wire.template(msg.Yield, withArgs(args, dict{})...)
}

func (wamp) publish(s *session, topic string, args []any) template {
	return s.wire.template(msg.Publish, withArgs(args, dict{}, topic)...)
}

// withArgs leaves out empty arguments, as the specification asks.
func withArgs(args []any, elements ...any) []any {
	if len(args) == 0 {
		return elements
	}
	return append(elements, args)
}

// ask sends a request and waits for its acknowledgment.
func (s *session) ask(t template, want msg.Type) error {
	s.request++
	s.append(s.wire, t, s.request)
	return s.await(want, s.request)
}

// await flushes and waits for a message of the wanted type, with the given
// request ID unless that is 0. Events and the like that come before are lost.
func (s *session) await(want msg.Type, request uint64) error {
	if err := s.flush(); err != nil {
		return err
	}
	for {
		b, err := s.receive()
		if err != nil {
			return err
		}
		m, err := s.wire.scan(b)
		switch {
		case err != nil:
			return err
		case m.typ == want && (request == 0 || m.a == request):
			return nil
		case m.typ == msg.Error && m.b == request, m.typ == msg.Challenge, endsSession(m.typ):
			return refusal(m.typ, b)
		}
	}
}

func endsSession(t msg.Type) bool { return t == msg.Abort || t == msg.Goodbye }

// refusal is the error that a message of the router amounts to. The message is
// shown as far as it is text, whatever the serializer.
func refusal(t msg.Type, b []byte) error {
	if t == msg.Challenge {
		return errors.New("the router wants authentication, and the generator is anonymous")
	}
	return fmt.Errorf("the router answered %s: %s", t, excerpt(b))
}

// excerpt makes the beginning of a message readable.
func excerpt(b []byte) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return ' '
		}
		return r
	}, string(b[:min(len(b), 200)])))
}
