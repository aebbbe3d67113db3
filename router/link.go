package router

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wampeter/wampeter/internal/core"
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/session"
	"github.com/wampeter/wampeter/internal/transport"
)

// link is one connection and the session on it, if there is one.
type link struct {
	router  *Router
	own     *ownSession // of the router's end of a realm's own session; else nil
	peer    *session.Peer
	batch   batch
	pace    pace
	company company

	state atomic.Uint32 // a state

	realm      atomic.Pointer[Realm] // set and cleared by the link's own goroutine
	session    core.Session
	joined     bool                    // the session is in the realm; guarded by realm.mu
	public     atomic.Pointer[Session] // the application's; changed with realm.mu held
	dirtyIn    *batch                  // see batch; guarded by realm.mu
	dirtyEpoch uint64

	gate *gate // nil until a message has had to wait; set by the reader

	mu       sync.Mutex
	deadline *time.Timer     // for HELLO, or for the answer to our GOODBYE
	due      uint64          // counts deadlines, so that a late one does nothing
	auth     *authentication // under way, or the last one; nil when nobody had to be asked
}

// state is how far a link has got.
type state = uint32

const (
	opening        state = iota // no session: HELLO is awaited
	authenticating              // it is found out who the client is
	open                        // WELCOME was sent
	leaving                     // we sent GOODBYE and await the answer
)

func newLink(r *Router, conn transport.Conn) *link {
	l := &link{router: r}
	l.peer = session.New(conn, l, &r.bounds().session)
	return l
}

// run serves the connection until it ends. Its frame, and those below it, stand
// on the stack of every idle connection: what needs room is done elsewhere.
func (l *link) run() {
	l.expect(l.router.bounds().HandshakeTimeout, l.late)
	l.ended(l.peer.Run())
}

// late ends a connection that has not got a session.
func (l *link) late() {
	if a := l.authentication(); a != nil {
		a.end(errLateIdentity)
	}
	l.peer.Abort(&msg.Violation{Text: errHandshakeTimeout.Error()}, errHandshakeTimeout)
}

// ended is called when the connection has ended because of err.
func (l *link) ended(err error) {
	l.leave(err, &l.batch)
	l.batch.flush()
	if l.gate != nil {
		l.gate.running.Wait() // whoever is asked hears that the session has ended
	}
	if a := l.authentication(); a != nil {
		a.end(errClientGone)
		l.leave(err, &l.batch) // in case that it has led to a session
		l.batch.flush()
	}
	l.expect(0, nil)
	level := slog.LevelDebug
	if !ordinary(err) {
		level = slog.LevelInfo
	}
	if log := l.router.log; log.Enabled(context.Background(), level) {
		info := l.peer.Conn().Info()
		log.LogAttrs(context.Background(), level, "connection ended",
			slog.String("peer", info.Peer), slog.String("transport", info.Transport), slog.Any("reason", err))
	}
}

// ending is a reason why the router ends a connection, with the WebSocket close
// code that fits.
type ending struct {
	code int
	text string
}

func (e *ending) Error() string  { return e.text }
func (e *ending) CloseCode() int { return e.code }

// Reasons why a connection ended, beside those of package session.
var (
	errHandshakeTimeout = &ending{1002, "no session was opened in time"}
	errGoodbye          = &ending{1000, "session ended by GOODBYE"}
	errAborted          = &ending{1000, "client sent ABORT"}
	errShutdown         = &ending{1001, "router is shutting down"}
	errNoAnswer         = &ending{1001, "client did not answer GOODBYE"}
)

// ordinary reports whether connections end for reason err every day.
func ordinary(err error) bool {
	// Clients that are not let in were logged when that was decided.
	if v := (*msg.Violation)(nil); errors.As(err, &v) && (v.URI == msg.ErrAuthenticationDenied || v.URI == msg.ErrLimitExceeded) {
		return true
	}
	return err == nil || errors.Is(err, io.EOF) || errors.Is(err, errGoodbye) ||
		errors.Is(err, errShutdown) || errors.Is(err, ErrClosed)
}

// authentication returns the handshake that is under way, or the last one.
func (l *link) authentication() *authentication {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.auth
}

// expect sets the deadline of what is awaited now; none when d is 0.
func (l *link) expect(d time.Duration, late func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.due++
	if l.deadline != nil {
		l.deadline.Stop()
		l.deadline = nil
	}
	if d <= 0 {
		return
	}
	due := l.due
	l.deadline = time.AfterFunc(d, func() {
		l.mu.Lock()
		current := l.due == due
		l.mu.Unlock()
		if current {
			late()
		}
	})
}

// Message handles what the client sends (specification, section "Sessions").
func (l *link) Message(m *msg.Message, block *transport.Block) error {
	if l.queues(m) {
		if queued, err := l.enqueue(m, block); queued || err != nil {
			return err
		}
	}
	return l.act(m, block, false)
}

// act handles a message whose turn it is. It runs on the reader or, parked, on
// the gate's goroutine: never on both at once, but for farewells.
func (l *link) act(m *msg.Message, block *transport.Block, parked bool) error {
	switch l.state.Load() {
	case open:
		return l.handle(m, block, parked)
	case leaving:
		switch m.Type {
		case msg.Goodbye:
			l.peer.End(nil, errGoodbye)
		case msg.Abort:
			l.peer.End(nil, errAborted)
		}
		return nil
	}
	switch m.Type {
	case msg.Hello:
		if l.state.Load() == opening {
			return l.hello(m)
		}
		return &msg.Violation{Text: "HELLO while a session is being opened"}
	case msg.Authenticate:
		if l.state.Load() == authenticating {
			return l.authentication().authenticate(l.peer.Format(), m)
		}
	case msg.Abort:
		if a := l.authentication(); a != nil {
			a.end(errClientGone)
		}
		l.peer.End(nil, errAborted)
		return nil
	}
	return &msg.Violation{Text: m.Type.String() + " before a session is open: HELLO has to be first"}
}

// handle handles a message of an open session.
func (l *link) handle(m *msg.Message, block *transport.Block, parked bool) error {
	b, p := &l.batch, &l.pace
	if parked {
		b, p = &l.gate.batch, &l.gate.pace
	}
	switch m.Type {
	case msg.Goodbye:
		l.goodbye(b)
		return nil
	case msg.Abort:
		l.leave(errAborted, b)
		l.peer.End(nil, errAborted)
		return nil
	}
	for {
		err := l.route(m, block, parked, b)
		if b.full() {
			l.flush(b, p)
		}
		if err != errStale {
			return err
		}
	}
}

// route routes a message of an open session, if it is allowed.
func (l *link) route(m *msg.Message, block *transport.Block, parked bool, b *batch) error {
	s := l.public.Load()
	if s == nil || l.session.Trusted {
		return l.pass(m, block, permit{}, nil, b)
	}
	p, checks, refusal := s.realm.screen(s, m)
	if parked && len(checks) == 0 && refusal == nil {
		refusal = l.spend(s.realm, m)
	}
	if len(checks) == 0 || refusal != nil {
		return l.pass(m, block, p, refusal, b)
	}
	if !parked {
		return l.park(s, m, block, checks, p)
	}
	err := l.pass(m, block, p, l.ask(s, m, checks), b)
	s.settle()
	return err
}

// Broken ends the session at once: nothing of it may outlive the ABORT.
func (l *link) Broken(err error) { l.broken(err, &l.batch) }

func (l *link) broken(err error, b *batch) {
	if a := l.authentication(); a != nil {
		a.end(errClientGone)
	}
	l.leave(err, b)
	b.flush()
}

// breach ends the session because of a message that had to wait.
func (l *link) breach(err error) {
	l.broken(err, &l.gate.batch)
	var v *msg.Violation
	if errors.As(err, &v) {
		l.peer.Abort(v, err)
		return
	}
	l.peer.End(nil, err)
}

// flush writes what the client's messages have put into outboxes, and slows
// the client down when a receiver does not keep up. It reports whether others had
// flushed one of the outboxes before.
func (l *link) flush(b *batch, p *pace) (spared bool) {
	events := b.event
	b.event = false
	slow, spared := b.flush()
	if slow != nil {
		p.wait(slow, l.router.bounds().session.MaxQueue/8, events)
	}
	return spared
}

// goodbye answers GOODBYE. The connection stays for another session, or for
// the client to close it.
func (l *link) goodbye(b *batch) {
	if !l.state.CompareAndSwap(open, opening) {
		l.peer.End(nil, errGoodbye) // it crossed ours, and is the answer
		return
	}
	l.leave(errGoodbye, b)
	_ = l.peer.Send(&msg.Message{
		Type: msg.Goodbye,
		URI:  []byte(msg.CloseGoodbyeAndOut),
		Dict: l.peer.MessageDict(""),
	}, nil)
	b.flush()
	l.peer.Flush()
	l.expect(l.router.bounds().GoodbyeTimeout, func() { l.peer.End(nil, errGoodbye) })
}

// leave ends the session, if one is open. Of several that want to end it one
// does.
func (l *link) leave(err error, b *batch) {
	realm := l.realm.Swap(nil)
	if realm == nil {
		return
	}
	realm.leave(l, b)
	l.logLeave(realm, err)
	if l.own == nil {
		l.router.exit(realm)
	}
}

func (l *link) logLeave(realm *Realm, err error) {
	log := l.router.log
	if l.own != nil || !log.Enabled(context.Background(), slog.LevelInfo) {
		return
	}
	log.LogAttrs(context.Background(), slog.LevelInfo, "session ended",
		slog.Uint64("session", l.session.ID), slog.String("realm", realm.name),
		slog.String("authid", l.session.AuthID), slog.Any("reason", err))
}

// Idle flushes what the messages since the last Idle were answered with.
func (l *link) Idle(slept bool) {
	if b := &l.batch; slept && len(b.dirty) > 0 && l.company.due() {
		l.company.wait()
		l.company.note(l.flush(b, &l.pace))
	} else {
		l.flush(b, &l.pace)
	}
	l.batch.release()
}

// Undeliverable tells the realm of a message that cannot reach the client.
func (l *link) Undeliverable(m *msg.Message) {
	if realm := l.realm.Load(); realm != nil {
		realm.undeliverable(l, m)
	}
}

// overflow ends a session whose client does not read. The realm's lock is held:
// the link's own goroutine leaves the realm, later.
func (l *link) overflow() {
	l.peer.Close(session.ErrOverflow)
}

// shutdown says GOODBYE because the router ends.
func (l *link) shutdown() {
	if a := l.authentication(); a != nil {
		a.end(errShutdown) // and if it has led to a session, that is open now
	}
	if !l.state.CompareAndSwap(open, leaving) {
		l.peer.Abort(&msg.Violation{URI: msg.CloseSystemShutdown, Text: "the router is shutting down"}, errShutdown)
		return
	}
	// What the client did may have ended the session, though not the connection.
	if realm := l.realm.Load(); realm != nil {
		var b batch
		realm.leave(l, &b)
		b.flush()
	}
	l.farewell([]byte(msg.CloseSystemShutdown), "the router is shutting down")
	l.peer.Flush()
}

// farewell sends GOODBYE and waits for the answer, in state leaving.
func (l *link) farewell(reason []byte, text string) {
	_ = l.peer.Send(&msg.Message{Type: msg.Goodbye, URI: reason, Dict: l.peer.MessageDict(text)}, nil)
	l.expect(l.router.bounds().GoodbyeTimeout, func() { l.peer.End(nil, errNoAnswer) })
}
