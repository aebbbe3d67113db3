package core

import (
	"strconv"

	"github.com/wampeter/wampeter/internal/match"
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/uri"
)

// Realm is a broker and a dealer with their sessions.
//
// Its methods handle one message of session s each. An error is a
// *msg.Violation: the session has to be aborted, and left. Messages of sessions
// that have left, or were killed, are ignored.
type Realm struct {
	cfg   Config
	stats Stats
	mul   uint64 // for idTable

	sessions    map[uint64]*Session
	first, last *Session // in the order of joining
	joins       uint64   // numbers subscribers and callees in the order of joining

	topics        *match.Table[*subscription]
	subscriptions map[uint64]*subscription
	hits          []*subscription // scratch of route
	histories     []*subscription // whose events are kept
	retained      retainer
	several       bool // several sessions are ended at once

	procedures    *match.Table[*registration]
	registrations map[uint64]*registration
	override      *registration // serves all calls; see AllCalls
	free          *call         // records to be used again, linked by nextFree
	freeLen       int
	timers        []*call // heap by deadline
}

// sessionState is what the realm keeps for a session. A session that does
// nothing needs no memory beyond it.
type sessionState struct {
	joined     bool
	silent     bool     // the meta API does not tell what it does
	prev, next *Session // in the order of joining

	// Features of its roles.
	caller, callee, publisher, subscriber msg.Feature

	lastRequest    uint64 // highest request id, where ids are checked
	lastInvocation uint64 // highest invocation id that was issued

	ended      []uint64        // calls that ended while it was sending input for them
	reminded   uint64          // last invocation that it went on with and was told of
	testaments [2][]*testament // by scope
	identity   *msg.Extra      // how it is made known; made when it is needed

	subscriptions map[*subscription]*subscriber
	registrations map[*registration]*callee
	shapes        map[match.Shape]int // wildcard patterns by shape

	calls       idTable[call]       // as caller, by request id
	invocations idTable[invocation] // as callee, by invocation id
}

// New returns an empty realm.
func New(cfg Config) *Realm {
	r := &Realm{
		cfg:           cfg.withDefaults(),
		mul:           cfg.Rand() | 1,
		sessions:      make(map[uint64]*Session),
		topics:        match.New[*subscription](),
		subscriptions: make(map[uint64]*subscription),
		procedures:    match.New[*registration](),
		registrations: make(map[uint64]*registration),
	}
	r.keepHistory()
	return r
}

// Stats returns the realm's counters.
func (r *Realm) Stats() Stats {
	s := r.stats
	s.Sessions = len(r.sessions)
	s.Subscriptions = len(r.subscriptions)
	s.Registrations = len(r.registrations)
	s.RetainedBytes = r.retained.bytes
	return s
}

// Join makes s a session of the realm. Its ID is not in use.
func (r *Realm) Join(s *Session, out *Out) {
	features := &s.Roles.Features
	s.state = sessionState{
		joined:     true,
		silent:     s.Trusted,
		prev:       r.last,
		caller:     features[0],
		callee:     features[1],
		publisher:  features[2],
		subscriber: features[3],
	}
	s.state.calls.mul = r.mul
	s.state.invocations.mul = r.mul
	r.sessions[s.ID] = s
	if r.last != nil {
		r.last.state.next = s
	} else {
		r.first = s
	}
	r.last = s
	r.sessionEvent(onJoin, s, out)
}

// unlist takes s off the realm's sessions.
func (r *Realm) unlist(s *Session) {
	st := &s.state
	st.joined = false
	delete(r.sessions, s.ID)
	if st.prev != nil {
		st.prev.state.next = st.next
	} else {
		r.first = st.next
	}
	if st.next != nil {
		st.next.state.prev = st.prev
	} else {
		r.last = st.prev
	}
}

// newRequest checks the id of a new request (specification, basic profile,
// section "IDs": sequential from 1 to 2^53 and from there to 1 again).
func (r *Realm) newRequest(s *Session, id uint64) error {
	if !r.cfg.StrictIDs {
		return nil
	}
	want := s.state.lastRequest%msg.MaxID + 1
	if id != want {
		return &msg.Violation{Text: "request id " + strconv.FormatUint(id, 10) + " where " + strconv.FormatUint(want, 10) + " has to follow"}
	}
	s.state.lastRequest = id
	return nil
}

// validURI reports whether u may be called or published to.
func (r *Realm) validURI(u []byte) bool {
	return len(u) <= r.cfg.MaxURI && uri.Valid(u, r.cfg.StrictURI)
}

// validPattern reports whether u may be subscribed to or registered under the
// policy m.
func (r *Realm) validPattern(m msg.Match, u []byte) bool {
	return len(u) <= r.cfg.MaxURI && match.Valid(m, u, r.cfg.StrictURI)
}

// useShape counts a wildcard pattern of session s; false when that would make
// more shapes than a session or the realm may have. Patterns of other policies
// have no shape.
func useShape[V any](r *Realm, s *Session, table *match.Table[V], m msg.Match, u []byte) bool {
	if m != msg.Wildcard {
		return true
	}
	shape, _ := match.ShapeOf(u)
	shapes := s.state.shapes
	if shapes[shape] == 0 && len(shapes) >= r.cfg.MaxWildcardMasks {
		return false
	}
	if !table.HasShape(shape) && table.Shapes() >= r.cfg.MaxRealmMasks {
		return false
	}
	if shapes == nil {
		shapes = make(map[match.Shape]int)
		s.state.shapes = shapes
	}
	shapes[shape]++
	return true
}

// dropShape is the opposite of useShape.
func (s *Session) dropShape(m msg.Match, u string) {
	if m != msg.Wildcard {
		return
	}
	shape, _ := match.ShapeOf(u)
	if s.state.shapes[shape]--; s.state.shapes[shape] == 0 {
		delete(s.state.shapes, shape)
	}
}

// The error URIs as messages carry them.
var (
	errNoSuchSession          = []byte(msg.ErrNoSuchSession)
	errHistoryUnavailable     = []byte(msg.ErrHistoryUnavailable)
	errInvalidURI             = []byte(msg.ErrInvalidURI)
	errNoSuchProcedure        = []byte(msg.ErrNoSuchProcedure)
	errProcedureAlreadyExists = []byte(msg.ErrProcedureAlreadyExists)
	errNoSuchRegistration     = []byte(msg.ErrNoSuchRegistration)
	errNoSuchSubscription     = []byte(msg.ErrNoSuchSubscription)
	errInvalidArgument        = []byte(msg.ErrInvalidArgument)
	errCanceled               = []byte(msg.ErrCanceled)
	errFeatureNotSupported    = []byte(msg.ErrFeatureNotSupported)
	errLimitExceeded          = []byte(msg.ErrLimitExceeded)
	errDiscloseMe             = []byte(msg.ErrOptionDisallowedDisclose)
	errNoAvailableCallee      = []byte(msg.ErrNoAvailableCallee)
	errUnavailable            = []byte(msg.ErrUnavailable)
	errNotAuthorized          = []byte(msg.ErrNotAuthorized)
	errTimeout                = []byte(msg.ErrTimeout)
	errPayloadSizeExceeded    = []byte(msg.ErrPayloadSizeExceeded)
)
