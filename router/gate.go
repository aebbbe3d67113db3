package router

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/session"
	"github.com/wampeter/wampeter/internal/transport"
	"github.com/wampeter/wampeter/wamp"
)

// A check decides on a message, outside every lock, on the gate's goroutine, in
// which it may wait until ctx ends: when the session has, or Config.DecisionTimeout
// or the call's own timeout is over, or the client does not want the message to be
// routed any more. It runs functions of the application by consult. A *wamp.Error or
// wamp.URI refuses the message as it says. For any other error nobody is to blame
// but the check itself: wamp.error.authorization_failed, and the error is logged.
type check func(ctx context.Context, s *Session, m *msg.Message) error

// How much of one session's input may wait behind a check. Beyond it nothing
// more is read.
const (
	maxParked      = 256
	maxParkedBytes = 1 << 20
)

// gate is where a session's input waits, in order, while a check is under way.
// A goroutine then acts in place of the reader, with the state that belongs to
// the link's goroutine, until nothing waits any more; the reader only puts what
// it reads at the end of the queue.
type gate struct {
	parked  atomic.Bool // set by the reader, cleared by the goroutine as its last act
	running sync.WaitGroup

	batch batch // of the goroutine
	pace  pace
	came  time.Time // from when the timeout counts of the call that it handles: when it was read

	mu    sync.Mutex
	queue []held
	bytes int
	room  chan struct{}           // closed when there may be room; nil when the reader does not wait
	until time.Time               // when the client wants to leave: the end of all decisions
	stop  context.CancelCauseFunc // of the decision under way

	asks    msg.Type // of the message that is being decided
	request uint64
}

// held is a message that waits.
type held struct {
	m     *msg.Message
	block *transport.Block // that the bytes behind m are in; nil: they are copied
	size  int
	came  time.Time
}

// queues reports whether m has to wait for messages before it.
func (l *link) queues(m *msg.Message) bool {
	g := l.gate
	if g == nil || !g.parked.Load() {
		return false
	}
	// Farewells are not kept waiting: neither the answer to ours, nor ABORT.
	return l.state.Load() != leaving && m.Type != msg.Abort
}

// park has a message wait for checks, and what follows it wait for that.
func (l *link) park(s *Session, m *msg.Message, block *transport.Block, checks []check, p permit) error {
	g := l.gate
	if g == nil {
		g = new(gate)
		l.gate = g
	}
	kept, err := l.hold(m, block)
	if err != nil {
		return err
	}
	l.flush(&l.batch, &l.pace) // those who are waited for may be among the receivers
	g.until, g.came = time.Time{}, kept.came
	g.parked.Store(true)
	g.running.Go(func() {
		err := l.ask(s, kept.m, checks)
		err = l.pass(kept.m, kept.block, p, err, &g.batch)
		s.settle()
		if err == errStale {
			err = l.handle(kept.m, kept.block, true)
		}
		if err != nil {
			l.breach(err)
		}
		l.letGo(kept)
		l.catchUp()
	})
	return nil
}

// catchUp handles what has been read meanwhile; nothing more when the connection
// is ending. Its last act is to give the link back to the reader.
func (l *link) catchUp() {
	g := l.gate
	ending := l.peer.Done()
	for {
		select {
		case <-ending:
			l.discard()
		default:
		}
		g.mu.Lock()
		if len(g.queue) == 0 {
			g.mu.Unlock()
			l.flush(&g.batch, &g.pace) // before the reader goes on: what it sends comes later
			g.mu.Lock()
		}
		if len(g.queue) == 0 {
			g.queue = nil
			g.batch.release()
			g.parked.Store(false)
			g.wake()
			g.mu.Unlock()
			return
		}
		next := g.queue[0]
		g.queue[0] = held{}
		g.queue = g.queue[1:]
		g.mu.Unlock()
		g.came = next.came
		if err := l.act(next.m, next.block, true); err != nil {
			l.breach(err)
		}
		l.letGo(next)
	}
}

// enqueue puts a message at the end of the queue. It waits for room; false when
// nothing is parked any more, so that the reader may handle m itself.
func (l *link) enqueue(m *msg.Message, block *transport.Block) (bool, error) {
	g := l.gate
	size := sizeOf(m)
	for {
		g.mu.Lock()
		if !g.parked.Load() {
			g.mu.Unlock()
			return false, nil
		}
		if len(g.queue) == 0 || len(g.queue) < maxParked && g.bytes+size <= maxParkedBytes {
			g.mu.Unlock()
			break // only the reader adds to it
		}
		if g.room == nil {
			g.room = make(chan struct{})
		}
		room := g.room
		g.mu.Unlock()
		l.peer.Pause(true)
		select {
		case <-room:
			l.peer.Pause(false)
		case <-l.peer.Done():
			return true, nil
		}
	}
	kept, err := l.hold(m, block)
	if err != nil {
		return true, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch m.Type {
	case msg.Cancel:
		if g.asks == msg.Call && g.request == m.Request {
			g.stop(errCanceled)
		}
	case msg.Goodbye:
		if g.until.IsZero() {
			g.until = kept.came.Add(l.router.bounds().DecisionTimeout)
		}
		if endsWithSession(g.asks) {
			g.stop(errCanceled)
		}
	}
	if !g.parked.Load() {
		l.unhold(kept)
		return false, nil
	}
	g.queue = append(g.queue, kept)
	return true, nil
}

// discard forgets what waits.
func (l *link) discard() {
	g := l.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, h := range g.queue {
		l.unhold(h)
	}
	g.queue = nil
	g.wake()
}

// wake lets the reader look for room again. g.mu is held.
func (g *gate) wake() {
	if g.room != nil {
		close(g.room)
		g.room = nil
	}
}

// hold takes a message out of the buffer that it was read into, and counts its
// bytes.
func (l *link) hold(m *msg.Message, block *transport.Block) (held, error) {
	h := held{block: block, size: sizeOf(m), came: time.Now()}
	if !l.router.budget.Take(h.size) {
		return h, session.ErrOverflow // it is one of those that the memory goes to
	}
	kept := *m
	h.m = &kept
	if block != nil {
		block.Hold()
	} else {
		kept.URI = bytes.Clone(m.URI)
		kept.Dict = bytes.Clone(m.Dict)
		p := &kept.Payload
		p.Tail = bytes.Clone(p.Tail)
		if p.Args != nil { // args first, kwargs last
			p.Args = p.Tail[:len(p.Args):len(p.Args)]
		}
		if p.Kwargs != nil {
			p.Kwargs = p.Tail[len(p.Tail)-len(p.Kwargs):]
		}
	}
	g := l.gate
	g.mu.Lock()
	g.bytes += h.size
	g.mu.Unlock()
	return h, nil
}

// unhold is the opposite of hold. g.mu is held.
func (l *link) unhold(h held) {
	h.block.Release()
	l.gate.bytes -= h.size
	l.router.budget.Give(h.size)
}

// letGo forgets a message that was held and has been handled.
func (l *link) letGo(h held) {
	g := l.gate
	g.mu.Lock()
	if h.m.Type == msg.Goodbye {
		g.until = time.Time{} // another session may follow
	}
	l.unhold(h)
	g.wake()
	g.mu.Unlock()
}

func sizeOf(m *msg.Message) int {
	const envelope = 256 // the Message itself, about
	return envelope + len(m.URI) + len(m.Dict) + len(m.Payload.Tail)
}

// screened reports whether somebody has a say in what sessions of the realm send.
func (r *Realm) screened() bool {
	if r.access.Load() != nil {
		return true
	}
	for _, set := range [...]*settings{r.router.settings(), r.settings()} {
		if len(set.interceptors)+len(set.onSubscribe) > 0 {
			return true
		}
	}
	return false
}

// screen finds out whether a message is allowed, in so far as nobody has to be
// asked, and the checks that are to be made of it otherwise.
func (r *Realm) screen(s *Session, m *msg.Message) (p permit, checks []check, err error) {
	p, checks, err = s.authorize(m)
	if err != nil {
		return p, nil, err
	}
	all, mine := r.router.settings(), r.settings()
	if len(all.interceptors)+len(mine.interceptors) > 0 || m.Type == msg.Subscribe {
		checks = r.questions(s, m, all, mine, checks)
	}
	return p, checks, nil
}

var (
	errCanceled  = errors.New("the client does not want it any more")
	errTimeout   = errors.New("the caller does not wait any longer")
	errUndecided = errors.New("nobody has decided in time")
	errStale     = errors.New("the rules have changed since the decision")
)

// endsWithSession reports whether nothing comes of a message of a client that is
// about to leave.
func endsWithSession(t msg.Type) bool {
	switch t {
	case msg.Call, msg.Cancel, msg.Register, msg.Unregister, msg.Subscribe, msg.Unsubscribe:
		return true
	}
	return false
}

// ask runs the checks of a message, until one refuses it.
func (l *link) ask(s *Session, m *msg.Message, checks []check) error {
	g := l.gate
	l.flush(&g.batch, &g.pace)
	ctx, stop := context.WithCancelCause(s.Context())
	defer stop(nil)
	g.mu.Lock()
	end, cause := time.Now().Add(l.router.bounds().DecisionTimeout), errUndecided
	if !g.until.IsZero() {
		if endsWithSession(m.Type) {
			stop(errCanceled)
		}
		if g.until.Before(end) {
			end = g.until
		}
	}
	g.asks, g.request, g.stop = m.Type, m.Request, stop
	g.mu.Unlock()
	if timeout := s.realm.timeoutOf(m); timeout > 0 && g.came.Add(timeout).Before(end) {
		end, cause = g.came.Add(timeout), errTimeout
	}
	ctx, cancel := context.WithDeadlineCause(ctx, end, cause)
	defer cancel()

	var err error
	for i := 0; i < len(checks) && err == nil; i++ {
		err = checks[i](ctx, s, m)
	}
	g.mu.Lock()
	g.asks, g.stop = 0, nil
	g.mu.Unlock()
	if err == nil {
		err = l.spend(s.realm, m)
	}
	return s.verdict(ctx, m, err)
}

// spend takes the time that m has waited from how long its caller waits, when it
// is a CALL; ErrTimeout when nothing is left.
func (l *link) spend(r *Realm, m *msg.Message) error {
	timeout := r.timeoutOf(m)
	if timeout == 0 {
		return nil
	}
	now := time.Now()
	left := timeout - now.Sub(l.gate.came)
	if left <= 0 {
		return wamp.ErrTimeout
	}
	r.setTimeout(m, left)
	l.gate.came = now
	return nil
}

// timeoutOf returns how long the caller of a CALL wants to wait; 0: it has not
// said.
func (r *Realm) timeoutOf(m *msg.Message) time.Duration {
	if m.Type != msg.Call || m.Options.Timeout == 0 {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.core.Timeout(m.Options.Timeout)
}

// setTimeout sets how long the caller will wait for a CALL that has waited.
func (r *Realm) setTimeout(m *msg.Message, left time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m.Options.Timeout = r.core.TimeoutFor(left)
}

// verdict makes of a check's error one that clients may read.
func (s *Session) verdict(ctx context.Context, m *msg.Message, err error) error {
	var (
		e *wamp.Error
		u wamp.URI
	)
	switch {
	case err == nil:
		return nil
	case context.Cause(ctx) == errCanceled:
		return wamp.ErrCanceled
	case context.Cause(ctx) == errTimeout:
		return wamp.ErrTimeout
	case errors.As(err, &e):
		return e
	case errors.As(err, &u), s.Context().Err() != nil:
		return err // in a session that has ended nobody hears of it
	}
	text := "it could not be decided whether this is allowed"
	if ctx.Err() != nil {
		text = "it was not decided in time whether this is allowed"
	}
	s.log(slog.LevelError, "a message is refused because a decision failed",
		slog.String("message", m.Type.String()), slog.String("uri", quote(string(m.URI))), slog.Any("error", err))
	return wamp.Errorf(wamp.ErrAuthorizationFailed, "%s", text)
}

// pass routes a message, or answers it when err refuses it. errStale: it has to
// be decided anew.
func (l *link) pass(m *msg.Message, block *transport.Block, p permit, err error, b *batch) error {
	realm := l.realm.Load()
	if realm == nil {
		return nil
	}
	if err != nil {
		return realm.refuse(l, m, err, b)
	}
	return realm.handle(l, m, block, p, b)
}

// refuse answers m with the error of a decision.
func (r *Realm) refuse(l *link, m *msg.Message, err error, b *batch) error {
	uri, payload := refusalOf(err)
	r.mu.Lock()
	defer r.mu.Unlock()
	if !l.joined {
		return nil
	}
	err = r.core.Refuse(&l.session, m, []byte(uri), payload, &r.out)
	r.deliver(b, nil, nil)
	return err
}

// refusalOf returns what an ERROR says.
func refusalOf(err error) (uri string, p msg.Payload) {
	var (
		e *wamp.Error
		u wamp.URI
	)
	switch {
	case errors.As(err, &e):
		uri = string(e.URI)
		p, _ = serialize([]wamp.PayloadOption{e.Payload()}) // else the URI has to do
	case errors.As(err, &u):
		uri = string(u)
	}
	if uri == "" {
		uri = msg.ErrAuthorizationFailed
	}
	return uri, p
}

// attend gives every session of the realm a handle for the application, since
// it has something to say from now on about sessions that it did not care for
// when they joined.
func (r *Realm) attend() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.sessions {
		r.handleOf(l)
	}
}
