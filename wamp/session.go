package wamp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wampeter/wampeter/internal/codec"
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/session"
	"github.com/wampeter/wampeter/internal/transport"
)

// Session is one WAMP session: from WELCOME to GOODBYE or the loss of its
// connection. It never becomes another one. All methods may be called
// concurrently.
//
// When a session ends, every operation that waits fails with its *ClosedError,
// the contexts of its handlers are canceled, and its registrations and
// subscriptions are done.
type Session struct {
	peer    *session.Peer
	format  msg.Format
	url     string
	logger  *slog.Logger
	onError func(context.Context, *HandlerError)
	grace   time.Duration
	traces  bool                // callers are told of panics
	nextOf  func(uint64) uint64 // id of the request after another
	context func(context.Context, *Invocation, *EventInfo) context.Context
	full    Overflow                   // of subscriptions without OnOverflow
	errors  atomic.Pointer[errorTable] // written under mu

	ring     *KeyRing
	passthru bool

	// Set by WELCOME, before anyone else has the session.
	id         uint64
	realm      string
	authID     string
	authRole   string
	authMethod string
	details    map[string]any
	roles      msg.Roles

	joining *joining // handshake under way; only the reader looks, see join.go

	ctx    context.Context // of handlers; canceled when the session ends
	cancel context.CancelCauseFunc
	done   chan struct{} // closed by run

	pool    sync.Pool     // of *request
	goodbye chan struct{} // closed when the router answers GOODBYE
	began   time.Time     // a time, to count from
	idle    chan struct{} // closed when the session has ended and no handler runs

	// mu guards all below. It is held while a message that belongs to a
	// change of state is appended to the outbox, so that both have the same
	// order; nothing waits under it.
	mu            sync.Mutex
	leaving       bool            // GOODBYE is sent
	answered      bool            // goodbye is closed
	handlers      int             // goroutines that run handlers, or write for them, and those in parked
	parked        []chan struct{} // goroutines that wait for something to do, see worker.go
	jobs          jobs            // for them
	waking        bool            // one of them is on its way
	flushing      atomic.Bool     // one is about to write
	unflushed     bool            // and is to be found
	published     time.Duration   // when, since began, an event was the last time
	drained       chan struct{}   // closed when all handlers are parked; nil when nobody waits
	closed        *ClosedError    // why the session has ended
	lastID        uint64          // of requests
	requests      map[uint64]*request
	registrations map[uint64]*Registration
	topics        map[uint64]*topic
	subscribing   map[topicKey]int // SUBSCRIBEs that wait for their answer
	running       map[uint64]*Invocation
	late          lateParts // of invocations that have ended
	waitingInput  int       // bytes of parts that handlers have not taken
}

func newSession(conn transport.Conn, cfg *session.Config, d *Dialer, url string) *Session {
	s := &Session{
		format:        conn.Format(),
		url:           url,
		logger:        d.Logger,
		onError:       d.OnError,
		grace:         cfg.Grace,
		ring:          d.KeyRing,
		passthru:      d.Passthru,
		traces:        d.TracebackApp,
		nextOf:        d.NextRequestID,
		context:       d.HandlerContext,
		full:          d.Overflow,
		joining:       newJoining(),
		done:          make(chan struct{}),
		goodbye:       make(chan struct{}),
		idle:          make(chan struct{}),
		requests:      make(map[uint64]*request),
		registrations: make(map[uint64]*Registration),
		topics:        make(map[uint64]*topic),
		subscribing:   make(map[topicKey]int),
		running:       make(map[uint64]*Invocation),
		began:         time.Now(),
	}
	if s.logger == nil {
		s.logger = slog.Default()
	}
	base := context.Background()
	if d.BaseContext != nil {
		base = context.WithoutCancel(d.BaseContext())
	}
	s.ctx, s.cancel = context.WithCancelCause(base)
	s.peer = session.New(conn, (*reader)(s), cfg)
	return s
}

// String names the session, for logs.
func (s *Session) String() string { return fmt.Sprintf("session %d in %s", s.id, s.realm) }

// ID returns the session's id.
func (s *Session) ID() uint64 { return s.id }

// Realm returns the realm that was joined.
func (s *Session) Realm() string { return s.realm }

// AuthID returns who the router says that the session is.
func (s *Session) AuthID() string { return s.authID }

// AuthRole returns the role that the router gave the session.
func (s *Session) AuthRole() string { return s.authRole }

// AuthMethod returns how the session was authenticated.
func (s *Session) AuthMethod() string { return s.authMethod }

// Details returns the details of WELCOME, authextra among them.
func (s *Session) Details() map[string]any { return maps.Clone(s.details) }

// HasFeature reports whether the router announced the feature for its role
// "broker" or "dealer", such as HasFeature("dealer", "call_canceling")
// (specification, advanced profile, "Feature Announcement").
func (s *Session) HasFeature(role, feature string) bool {
	f := msg.FeatureByName(feature)
	for i, name := range msg.RoleNames {
		if name == role {
			return f != 0 && s.roles.Has(1<<i, f)
		}
	}
	return false
}

// Serializer returns the serializer of the connection.
func (s *Session) Serializer() Serializer { return Serializer(s.format.String()) }

// URL returns the URL that the session was dialed by; "" in process.
func (s *Session) URL() string { return s.url }

// Transport describes the connection of a session.
type Transport struct {
	Name        string               // "websocket", "rawsocket", "longpoll", "pipe" in process
	Network     string               // "tcp", "unix", "pipe"
	Local       string               // address of this end
	Peer        string               // address of the other end: of the proxy, if there is one
	Subprotocol string               // of WebSocket and long-poll, such as "wamp.2.cbor"
	TLS         *tls.ConnectionState // the router's certificates among others; nil without TLS
}

// Transport describes the connection of the session.
func (s *Session) Transport() Transport {
	i := s.peer.Conn().Info()
	return Transport{
		Name: i.Transport, Network: i.Network, Local: i.Local, Peer: i.Peer, Subprotocol: i.Subprotocol, TLS: i.TLS,
	}
}

// Done returns a channel that is closed when the session and its connection
// have ended.
func (s *Session) Done() <-chan struct{} { return s.done }

// Err returns nil while the session lasts, then a *ClosedError that says why
// it ended.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed == nil {
		return nil
	}
	return s.closed
}

// Close leaves the realm with reason wamp.close.normal; see CloseWith.
func (s *Session) Close(ctx context.Context) error { return s.CloseWith(ctx, CloseNormal, "") }

// CloseWith says GOODBYE with a reason, a message unless it is "", and further
// details, and waits for the router's answer and for the handlers to return,
// whose contexts are canceled. When ctx ends before that, the connection is cut
// and ctx's error returned; a router that does not answer, and handlers that do
// not return, are waited for 5 s at most. Closing a session that has ended does
// nothing but wait.
//
// A handler may close its own session, if it passes on its context: then
// handlers are not waited for.
func (s *Session) CloseWith(ctx context.Context, reason URI, message string, details ...KW) error {
	closed := &ClosedError{Reason: reason, Message: message, Origin: OriginLocal}
	s.mu.Lock()
	if s.closed == nil && !s.leaving {
		s.leaving = true
		m := msg.Message{Type: msg.Goodbye, URI: []byte(reason), Dict: s.goodbyeDetails(message, details)}
		if s.peer.Send(&m, nil) != nil {
			s.answer() // the session is ending by itself, or its outbox is full
		}
	}
	s.mu.Unlock()
	s.peer.Flush()
	s.end(closed)

	if err := s.leave(ctx); err != nil {
		s.peer.Close(nil)
		<-s.done
		return err
	}
	if ctx.Value(handlerKey{}) != nil {
		return nil
	}
	patience := time.NewTimer(s.grace)
	defer patience.Stop()
	select {
	case <-s.idle:
		return nil
	case <-patience.C:
		return errors.New("handlers of the session go on though their contexts have ended")
	case <-ctx.Done():
		return unless(ctx, s.idle)
	}
}

// goodbyeDetails returns the details of a GOODBYE. Those that have no serialized
// form do not keep the session from ending.
func (s *Session) goodbyeDetails(message string, details []KW) []byte {
	if len(details) == 0 {
		return s.peer.MessageDict(message)
	}
	all := make(map[string]any)
	for _, d := range details {
		maps.Copy(all, d)
	}
	if message != "" {
		all["message"] = message
	}
	dict, err := codec.Marshal(nil, s.format, all)
	if err != nil {
		return s.peer.MessageDict(message)
	}
	return dict
}

// unless returns ctx's error, unless what was waited for is there as well: ctx
// may be one that the end of the session ends.
func unless(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	default:
		return ctx.Err()
	}
}

// leave waits for the answer to GOODBYE, and then for the router to close the
// connection.
func (s *Session) leave(ctx context.Context) error {
	patience := time.NewTimer(s.grace)
	defer patience.Stop()
	select {
	case <-s.goodbye:
		s.peer.End(nil, nil)
	case <-patience.C:
		s.peer.Close(nil)
	case <-s.done:
	case <-ctx.Done():
		return unless(ctx, s.done)
	}
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		return unless(ctx, s.done)
	}
}

// answer ends the wait for the router's GOODBYE. s.mu is held.
func (s *Session) answer() {
	if !s.answered {
		s.answered = true
		close(s.goodbye)
	}
}

// run reads until the connection ends.
func (s *Session) run() {
	err := s.peer.Run()
	s.end(closedBy(err))
	close(s.done)
}

// closedBy says why a session has ended whose connection ended with err.
func closedBy(err error) *ClosedError {
	var closed *ClosedError
	var violation *msg.Violation
	var broken *transport.Error
	switch {
	case errors.As(err, &closed):
		return closed
	case errors.As(err, &violation):
		return &ClosedError{Reason: URI(violation.Reason()), Message: violation.Text, Origin: OriginLocal}
	case errors.As(err, &broken):
		return &ClosedError{Reason: ErrProtocolViolation, Message: broken.Text, Origin: OriginLocal}
	case err == nil, errors.Is(err, io.EOF):
		return &ClosedError{Reason: CloseTransportLost, Message: "the router closed the connection", Origin: OriginRemote}
	}
	return &ClosedError{Reason: CloseTransportLost, Origin: OriginRemote, Err: err}
}

// end ends everything that goes on in the session. Only the first reason
// counts.
func (s *Session) end(closed *ClosedError) {
	s.mu.Lock()
	if s.closed != nil {
		s.mu.Unlock()
		return
	}
	s.closed = closed
	for id, req := range s.requests {
		delete(s.requests, id)
		req.fail(closed)
	}
	for _, r := range s.registrations {
		close(r.done)
	}
	for _, t := range s.topics {
		for _, sub := range t.handlers {
			sub.stop()
		}
	}
	clear(s.registrations)
	clear(s.topics)
	clear(s.subscribing)
	s.endParked()
	if s.handlers == 0 {
		close(s.idle)
	}
	s.mu.Unlock()
	s.cancel(closed)
}

// fail ends the session because of something at this end, telling the router.
func (s *Session) fail(closed *ClosedError) {
	s.end(closed)
	s.peer.End(&msg.Message{
		Type: msg.Goodbye, URI: []byte(closed.Reason), Dict: s.peer.MessageDict(closed.Message),
	}, nil)
}

// nextID returns the id of the next request. s.mu is held.
func (s *Session) nextID() uint64 {
	if s.nextOf != nil {
		s.lastID = s.nextOf(s.lastID)
		return s.lastID
	}
	s.lastID++
	if s.lastID > msg.MaxID {
		s.lastID = 1
	}
	return s.lastID
}

// detail returns a text among the details of WELCOME or ABORT.
func detail(details map[string]any, key string) string {
	s, _ := details[key].(string)
	return s
}

// dict decodes the dictionary of a message.
func dict(f msg.Format, data []byte) map[string]any {
	var d map[string]any
	if len(data) > 0 {
		_ = codec.Unmarshal(f, data, &d) // details that cannot be read are as good as none
	}
	return d
}
