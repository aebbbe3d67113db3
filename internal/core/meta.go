package core

import (
	"bytes"
	"math"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/uri"
)

// The meta API is answered by the realm itself: its procedures are called with
// CALL like any other, its events are published like any other. A trusted
// session that registers one of its procedures takes its place.

// query is a call of a meta procedure, with its arguments decoded.
type query struct {
	realm  *Realm
	caller *Session
	args   []any
	kwargs map[string]any
	out    *Out
}

// metaProcedure answers a query with positional results, or with the URI of an
// error.
type metaProcedure func(q *query) (results []any, refusal []byte)

// mostMeta is how many bytes of arguments a meta procedure takes.
const mostMeta = 64 << 10

// metaProcedure returns the procedure named u, nil when there is none.
func (r *Realm) metaProcedure(u []byte) metaProcedure {
	if r.cfg.Encode == nil || !uri.IsReserved(u) {
		return nil
	}
	switch string(u) {
	case "wamp.session.count":
		return sessionCount
	case "wamp.session.list":
		return sessionList
	case "wamp.session.get":
		return sessionGet
	case "wamp.session.kill":
		return sessionKill
	case "wamp.session.kill_by_authid":
		return sessionKillByAuthID
	case "wamp.session.kill_by_authrole":
		return sessionKillByAuthRole
	case "wamp.session.kill_all":
		return sessionKillAll
	case "wamp.session.add_testament":
		return addTestament
	case "wamp.session.flush_testaments":
		return flushTestaments
	case "wamp.registration.list":
		return registrationList
	case "wamp.registration.lookup":
		return registrationLookup
	case "wamp.registration.match":
		return registrationMatch
	case "wamp.registration.get":
		return registrationGet
	case "wamp.registration.list_callees":
		return registrationListCallees
	case "wamp.registration.count_callees":
		return registrationCountCallees
	case "wamp.registration.remove_callee":
		return registrationRemoveCallee
	case "wamp.subscription.list":
		return subscriptionList
	case "wamp.subscription.lookup":
		return subscriptionLookup
	case "wamp.subscription.match":
		return subscriptionMatch
	case "wamp.subscription.get":
		return subscriptionGet
	case "wamp.subscription.list_subscribers":
		return subscriptionListSubscribers
	case "wamp.subscription.count_subscribers":
		return subscriptionCountSubscribers
	case "wamp.subscription.remove_subscriber":
		return subscriptionRemoveSubscriber
	case "wamp.subscription.get_events":
		return subscriptionGetEvents
	}
	return nil
}

// callMeta answers a CALL of a meta procedure.
func (r *Realm) callMeta(procedure metaProcedure, s *Session, m *msg.Message, out *Out) (refusal []byte) {
	switch {
	case m.Options.Is(msg.Progress), m.Options.Has(msg.KeyPPTScheme):
		return errFeatureNotSupported
	case m.Payload.Size() > mostMeta:
		return errPayloadSizeExceeded
	}
	args, kwargs, err := r.cfg.Decode(&m.Payload)
	if err != nil {
		return errInvalidArgument
	}
	q := query{realm: r, caller: s, args: args, kwargs: kwargs, out: out}
	results, refusal := procedure(&q)
	if refusal != nil {
		return refusal
	}
	r.stats.Results++
	result := out.add(s, msg.Result)
	result.Request = m.Request
	result.Payload = r.cfg.Encode(results, nil)
	return nil
}

// arg returns the positional argument i, nil when it is absent.
func (q *query) arg(i int) any {
	if i < len(q.args) {
		return q.args[i]
	}
	return nil
}

// id returns the positional argument i as an ID.
func (q *query) id(i int) (uint64, bool) { return toUint(q.arg(i)) }

// text returns the positional argument i as a string.
func (q *query) text(i int) (string, bool) {
	s, ok := q.arg(i).(string)
	return s, ok
}

// option returns the keyword argument key as a T; its zero value when it is
// absent or null, false when it is something else.
func option[T any](q *query, key string) (v T, ok bool) {
	value := q.kwargs[key]
	if value == nil {
		return v, true
	}
	v, ok = value.(T)
	return v, ok
}

// toUint returns an integer that is not negative. Clients in JavaScript write
// larger ones, such as IDs, as floating point numbers.
func toUint(v any) (uint64, bool) {
	switch v := v.(type) {
	case float64:
		return uint64(v), v >= 0 && v <= msg.MaxID && v == math.Trunc(v)
	case uint64:
		return v, true
	case int64:
		return uint64(v), v >= 0
	case int:
		return uint64(v), v >= 0
	}
	return 0, false
}

// toStrings returns a list of strings.
func toStrings(v any) ([]string, bool) {
	list, ok := v.([]any)
	if !ok {
		return nil, false
	}
	texts := make([]string, len(list))
	for i, v := range list {
		if texts[i], ok = v.(string); !ok {
			return nil, false
		}
	}
	return texts, true
}

// ids makes a value of a list of IDs.
func ids(list []uint64) []any {
	values := make([]any, len(list))
	for i, id := range list {
		values[i] = id
	}
	return values
}

// The topics of the meta API.
var (
	onJoin               = []byte("wamp.session.on_join")
	onLeave              = []byte("wamp.session.on_leave")
	onRegistrationCreate = []byte("wamp.registration.on_create")
	onRegister           = []byte("wamp.registration.on_register")
	onUnregister         = []byte("wamp.registration.on_unregister")
	onRegistrationDelete = []byte("wamp.registration.on_delete")
	onSubscriptionCreate = []byte("wamp.subscription.on_create")
	onSubscribe          = []byte("wamp.subscription.on_subscribe")
	onUnsubscribe        = []byte("wamp.subscription.on_unsubscribe")
	onSubscriptionDelete = []byte("wamp.subscription.on_delete")
)

// hears reports whether an event about what s does reaches anybody.
func (r *Realm) hears(topic []byte, s *Session) bool {
	if r.cfg.Encode == nil || s.state.silent {
		return false
	}
	r.hits = r.topics.AppendAll(r.hits[:0], topic)
	heard := len(r.hits) > 0
	clear(r.hits)
	return heard
}

// tell publishes an event about what s does. A session that leaves does not
// get it.
func (r *Realm) tell(topic []byte, s *Session, out *Out, args ...any) {
	payload := r.cfg.Encode(args, nil)
	p := publication{id: toID(r.cfg.Rand()), topic: topic, payload: &payload}
	if !s.state.joined {
		p.excluded = s
	}
	r.route(&p, out)
}

// sessionEvent tells that s has joined or left. Sessions of the router itself
// are nobody's business.
func (r *Realm) sessionEvent(topic []byte, s *Session, out *Out) {
	if s.Trusted || !r.hears(topic, s) {
		return
	}
	if bytes.Equal(topic, onLeave) {
		r.tell(topic, s, out, s.ID, s.AuthID, s.AuthRole)
		return
	}
	r.tell(topic, s, out, s.details())
}

func (r *Realm) registrationCreated(s *Session, reg *registration, out *Out) {
	if r.hears(onRegistrationCreate, s) {
		r.tell(onRegistrationCreate, s, out, s.ID, reg.details())
	}
}

func (r *Realm) registrationEvent(topic []byte, s *Session, reg *registration, out *Out) {
	if r.hears(topic, s) {
		r.tell(topic, s, out, s.ID, reg.id)
	}
}

// Subscribing to the meta API's own topics is not told of, or each event on
// subscriptions would bring others.

func (r *Realm) subscriptionCreated(s *Session, sub *subscription, out *Out) {
	if !sub.reserved() && r.hears(onSubscriptionCreate, s) {
		r.tell(onSubscriptionCreate, s, out, s.ID, sub.details())
	}
}

func (r *Realm) subscriptionEvent(topic []byte, s *Session, sub *subscription, out *Out) {
	if !sub.reserved() && r.hears(topic, s) {
		r.tell(topic, s, out, s.ID, sub.id)
	}
}

func (sub *subscription) reserved() bool { return uri.IsReserved([]byte(sub.uri)) }
