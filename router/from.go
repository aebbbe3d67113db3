package router

import (
	"context"
	"sync"

	"github.com/wampeter/wampeter/internal/core"
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/wamp"
)

// From returns the session whose call or event the handler running under ctx
// serves. In handlers of a realm (of Mount, HandleCalls, OnSession,
// OnSubscribe and Intercept) it is never nil, also when that client has left
// meanwhile: of events that the realm itself publishes, such as those of the
// meta API, it is the realm's own session. Elsewhere it is nil.
func From(ctx context.Context) *Session {
	s, _ := ctx.Value(sessionKey{}).(*Session)
	return s
}

type sessionKey struct{}

// serving returns a context in which From finds s.
func serving(ctx context.Context, s *Session) context.Context {
	return context.WithValue(ctx, sessionKey{}, s)
}

// senders are the sessions behind the messages that are on their way to a
// realm's own session, in the order of the messages. Its end of the connection
// reads them in that order, so that nobody has to be found by an ID that may
// belong to nobody any more.
type senders struct {
	mu   sync.Mutex
	list []sender
	head int    // those before it are done with
	last uint64 // invocation
}

// sender is behind one message.
type sender struct {
	event   bool
	id      uint64 // of the invocation, or of the publication
	session *Session
	call    *callOptions // of calls that HandleCalls is for
}

// add notes who is behind a message that is about to be sent. It reports
// whether that was news: further parts of a call are not.
func (q *senders) add(s sender) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !s.event {
		if s.id <= q.last {
			return false
		}
		q.last = s.id
	}
	if len(q.list) == cap(q.list) && q.head > 0 {
		n := copy(q.list, q.list[q.head:])
		clear(q.list[n:])
		q.list, q.head = q.list[:n], 0
	}
	q.list = append(q.list, s)
	return true
}

// undo takes back the last add: the message could not be sent.
func (q *senders) undo() {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := len(q.list) - 1
	q.list[n] = sender{}
	q.list = q.list[:n]
}

// find returns who is behind a message that has arrived. Several handlers may
// ask for the same one. Messages before it that nobody has asked for have got
// lost.
func (q *senders) find(event bool, id uint64) (sender, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := q.head; i < len(q.list); i++ {
		if s := q.list[i]; s.event == event && s.id == id {
			clear(q.list[q.head:i])
			q.head = i
			return s, true
		}
	}
	return sender{}, false
}

// context makes the context of a mounted handler.
func (o *ownSession) context(ctx context.Context, inv *wamp.Invocation, e *wamp.EventInfo) context.Context {
	var from sender
	var found bool
	if inv != nil {
		from, found = o.senders.find(false, inv.RequestID)
	} else {
		from, found = o.senders.find(true, e.Publication)
	}
	if !found {
		from.session = o.public.Load()
	}
	ctx = serving(ctx, from.session)
	if from.call != nil {
		ctx = context.WithValue(ctx, callKey{}, from.call)
	}
	return ctx
}

// sentBy notes who is behind e, a message for the realm's own session that m has
// led to. It reports whether that has to be undone when e cannot be sent. r.mu
// is held.
func (r *Realm) sentBy(e *core.Effect, m *msg.Message) bool {
	s := sender{id: e.Msg.Request, session: r.own.public.Load()}
	switch e.Msg.Type {
	case msg.Event:
		s.event, s.id = true, e.Msg.Publication
	case msg.Invocation:
		s.call = r.optionsOf(e, m)
	default:
		return false
	}
	if e.From != nil {
		s.session = r.handleOf(e.From.Owner.(*link))
	}
	return r.own.senders.add(s)
}
