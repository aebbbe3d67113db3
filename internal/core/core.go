// Package core is a realm as a state machine: the broker, the dealer, and what
// they know of sessions. It is pure: it has no goroutine, lock, clock or I/O,
// and knows no serializer. Callers hold the realm's lock, pass one message of
// one session, and deliver the effects in the order in which they stand.
//
// Messages passed in may refer to a read buffer. What the realm keeps it
// copies. Effects refer to the message that was passed in and to the realm's
// own memory: they have to be delivered (encoded or copied) before the lock is
// released, and nothing in them may be changed.
//
// In the steady state a CALL, a YIELD and a PUBLISH allocate nothing, and
// nothing costs more than what it is about: a look-up does not depend on the
// number of patterns, nor leaving on the size of the realm.
package core

import (
	"time"

	"github.com/wampeter/wampeter/internal/msg"
)

// Session is what the realm knows of a session. The owner fills the exported
// fields before Join and leaves them alone from then on.
type Session struct {
	ID           uint64
	AuthID       string
	AuthRole     string
	AuthMethod   string
	AuthProvider string
	Roles        msg.Roles

	// Trusted sessions belong to the router itself: they may register and
	// publish under the reserved "wamp." URIs, are told who calls and publishes
	// whatever the policies are, and do not appear in the meta API.
	Trusted bool

	// Transport is what the meta API tells of the session's transport: nil, or
	// a value that Config.Encode takes.
	Transport any

	// MaxSubscriptions and MaxRegistrations are bounds of the session's own,
	// where they are lower than the realm's; 0: none. They may be changed as
	// long as the realm's lock is held.
	MaxSubscriptions, MaxRegistrations int

	// Owner is the receiver behind the session: a connection, later a node.
	Owner any

	state sessionState
}

// Effect is one message to one session, or one EVENT to many.
type Effect struct {
	To  *Session    // receiver; nil when Receivers is used
	Msg msg.Message // Payload may be in any format

	// Receivers of an EVENT. The slice belongs to the realm.
	Receivers []*Session

	// From is whose call an INVOCATION is, or whose publication an EVENT, when
	// the receiver is trusted; nil for what the realm itself has to say.
	From *Session
}

// Out collects effects. Its memory is reused by Reset.
type Out struct {
	Effects []Effect

	// Ended are the values that Attach has put on subscriptions which have
	// ended, in the order in which they did.
	Ended []any

	receivers []*Session // backing of Effect.Receivers where lists were filtered
}

// Reset empties o and keeps its memory.
func (o *Out) Reset() {
	clear(o.Effects)
	clear(o.receivers)
	clear(o.Ended)
	o.Ended = o.Ended[:0]
	o.Effects = o.Effects[:0]
	o.receivers = o.receivers[:0]
}

// add appends a message of type t to session s and returns it, to be filled in
// before anything else is added.
func (o *Out) add(s *Session, t msg.Type) *msg.Message {
	n := len(o.Effects)
	if n < cap(o.Effects) {
		o.Effects = o.Effects[:n+1] // as empty as Reset has left it
	} else {
		o.Effects = append(o.Effects, Effect{})
	}
	e := &o.Effects[n]
	e.To = s
	e.Msg.Type = t
	return &e.Msg
}

// fail appends ERROR in answer to a request of type t.
func (o *Out) fail(s *Session, t msg.Type, request uint64, uri []byte) {
	m := o.add(s, msg.Error)
	m.ErrType = t
	m.Request = request
	m.URI = uri
}

// Config is what a realm needs from outside. Now, Rand and Key are required.
type Config struct {
	Now  func() time.Time
	Rand func() uint64 // uniformly random bits; publication ids and random choice
	Key  [16]byte      // keys the hash of registration and subscription ids

	StrictURI bool // only [0-9a-z_] in URI components
	StrictIDs bool // request ids must be sequential

	// Strict treats peers by what they have announced also where real clients
	// are known to do more: progressive calls of a caller that has not
	// announced them, and progressive results that nobody asked for, are
	// violations; callees without call canceling have no progressive results
	// and no progressive invocations.
	Strict bool

	// Disclose says whether s is made known to those who receive a call (t is
	// msg.Call) or an event (msg.Publish) of it. nil: DiscloseOnRequest.
	Disclose func(s *Session, t msg.Type, uri []byte) Disclosure

	// TrustLevel returns the trust level that calls or events of s carry;
	// false: none. nil: never any.
	TrustLevel func(s *Session, t msg.Type, uri []byte) (uint64, bool)

	// MayReplace says whether s may take a procedure over from its callees,
	// by REGISTER with force_reregister. nil: whoever may register may do it.
	MayReplace func(s, callee *Session, uri []byte) bool

	// Authorize says whether s may publish to a topic (t is msg.Publish), or
	// subscribe to a topic or pattern (msg.Subscribe), where that follows from
	// a call of the meta API: testaments and event history. nil: yes.
	Authorize func(s *Session, t msg.Type, policy msg.Match, uri []byte) bool

	// Encode serializes what the realm itself has to say: the answers and
	// events of the meta API, and the results of calls of all callees. Lists
	// and dictionaries that are nil are absent. Values are nil, bool, int, uint64, string, []any, map[string]any, and what Raw
	// returns. nil: the realm has neither.
	Encode func(args []any, kwargs map[string]any) msg.Payload

	// Raw returns a value for Encode that is serialized already. Required with
	// Encode.
	Raw func(format msg.Format, value []byte) any

	// Decode returns the values of a payload: nil, bool, int64, uint64,
	// float64, string, []byte, []any, map[string]any. Required with Encode.
	Decode func(p *msg.Payload) (args []any, kwargs map[string]any, err error)

	// History are the topics and patterns whose events are kept.
	History []HistoryTopic

	// NewLog returns where the events of a HistoryTopic are kept; nil: in
	// memory. The function itself may be nil too.
	NewLog func(t HistoryTopic) EventLog

	// RetainFor is how long a retained event is kept; 0: as long as there is
	// room.
	RetainFor time.Duration

	// TimeoutUnit is what call timeouts are counted in; default milliseconds,
	// as the specification has it. Some clients count in seconds.
	TimeoutUnit time.Duration

	// Bounds, each with the default that 0 stands for. What goes beyond one is
	// answered with ERROR wamp.error.limit_exceeded.
	MaxURI           int // bytes of a topic or procedure; default 4096
	MaxSubscriptions int // per session; default 65536
	MaxRegistrations int // per session; default 65536
	MaxCalls         int // pending calls per caller; default 16384
	MaxWildcardMasks int // distinct positions of empty components per session; default 32
	MaxRealmMasks    int // the same for all subscriptions, and for all registrations, of the realm; default 64
	MaxWaiting       int // calls that wait for one registration's callees; default 1024
	MaxWaitingBytes  int // payload kept for one call, while it waits or may be rerouted; default 1 MiB
	MaxKeptBytes     int // all that is kept for pending calls of the realm; default 64 MiB
	MaxAggregate     int // bytes of the answers of all callees to one call; default 1 MiB
	MaxRetained      int // topics with a retained event; default 16384. The oldest make room.
	MaxRetainedBytes int // of retained events; default 64 MiB. The oldest make room.
	MaxTestaments    int // per session; default 64
	MaxReceiverList  int // entries of each of PUBLISH's eligible and exclude lists; default 4096
}

// Defaults of Config.
const (
	DefaultMaxURI           = 4096
	DefaultMaxSubscriptions = 65536
	DefaultMaxRegistrations = 65536
	DefaultMaxCalls         = 16384
	DefaultMaxWildcardMasks = 32
	DefaultMaxRealmMasks    = 64
	DefaultMaxWaiting       = 1024
	DefaultMaxWaitingBytes  = 1 << 20
	DefaultMaxKeptBytes     = 64 << 20
	DefaultMaxAggregate     = 1 << 20
	DefaultMaxRetained      = 16384
	DefaultMaxRetainedBytes = 64 << 20
	DefaultMaxTestaments    = 64
	DefaultMaxReceiverList  = 4096
)

func (c Config) withDefaults() Config {
	for _, limit := range []struct {
		value *int
		def   int
	}{
		{&c.MaxURI, DefaultMaxURI},
		{&c.MaxSubscriptions, DefaultMaxSubscriptions},
		{&c.MaxRegistrations, DefaultMaxRegistrations},
		{&c.MaxCalls, DefaultMaxCalls},
		{&c.MaxWildcardMasks, DefaultMaxWildcardMasks},
		{&c.MaxRealmMasks, DefaultMaxRealmMasks},
		{&c.MaxWaiting, DefaultMaxWaiting},
		{&c.MaxWaitingBytes, DefaultMaxWaitingBytes},
		{&c.MaxKeptBytes, DefaultMaxKeptBytes},
		{&c.MaxAggregate, DefaultMaxAggregate},
		{&c.MaxRetained, DefaultMaxRetained},
		{&c.MaxRetainedBytes, DefaultMaxRetainedBytes},
		{&c.MaxTestaments, DefaultMaxTestaments},
		{&c.MaxReceiverList, DefaultMaxReceiverList},
	} {
		if *limit.value == 0 {
			*limit.value = limit.def
		}
	}
	if c.TimeoutUnit == 0 {
		c.TimeoutUnit = time.Millisecond
	}
	return c
}

// Disclosure is a policy on making callers and publishers known
// (specification, advanced profile, sections "Caller Identification" and
// "Publisher Identification").
type Disclosure uint8

// The policies. By DiscloseOnRequest a caller or publisher decides, and a
// callee may ask for it when it registers; by DiscloseNever their wish is
// answered with ERROR wamp.error.option_disallowed.disclose_me.
const (
	DiscloseOnRequest Disclosure = iota
	DiscloseNever
	DiscloseAlways
)

// Stats counts what a realm has and what it has done. Sessions, Subscriptions,
// Registrations, PendingCalls and the bytes are of now, the others totals.
type Stats struct {
	Sessions      int
	Subscriptions int // distinct (topic, match), whatever their subscribers
	Registrations int // distinct (procedure, match), whatever their callees
	PendingCalls  int
	KeptBytes     int // payload kept for pending calls
	RetainedBytes int // retained events

	Calls         uint64
	Results       uint64 // final and progressive
	CallErrors    uint64 // calls that ended in ERROR, whoever sent it
	LateAnswers   uint64 // YIELD and ERROR for invocations that had ended
	Publications  uint64 // PUBLISH that was accepted
	BadPublishes  uint64 // PUBLISH that was refused, told or not
	Events        uint64 // EVENT to one receiver
	DroppedEvents uint64 // EVENT that a receiver could not take
}
