package router

import (
	"bytes"
	"context"
	"log/slog"
	"math"
	"time"

	"golang.org/x/time/rate"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/rules"
	"github.com/wampeter/wampeter/internal/uri"
	"github.com/wampeter/wampeter/wamp"
)

// rights are what a session's link remembers of what the session may do. They
// belong to the link's goroutine.
type rights struct {
	view   *view
	purged [2]uint64 // Realm.purged and Session.purged when the cache was empty

	known map[string]*known // by action, match and URI
	size  int               // bytes of the keys
	key   []byte            // scratch

	last    *known // what was asked for before; nil when it is not known any more
	lastKey []byte

	limiter *rate.Limiter         // of the role
	byRule  map[int]*rate.Limiter // of rules
}

// known is a decision that was made.
type known struct {
	rules.Decision
	disclose Disclosure
	until    time.Time // of an Authorizer's decision
	reason   string    // of an Authorizer that refuses
}

// Bounds of what is remembered for one session.
const (
	maxKnown      = 512
	maxKnownBytes = 16 << 10
)

// view returns what the session may do. It may be called by any goroutine.
func (s *Session) view(a *access) *view {
	v := s.mine.Load()
	if v == nil || v.access != a {
		id := s.Identity()
		v = a.view(id.Role, id.AuthID, s.id)
		s.mine.Store(v)
	}
	return v
}

// actionOf returns what a message asks for; 0: nothing that rules are about.
func actionOf(t msg.Type) rules.Actions {
	switch t {
	case msg.Call:
		return rules.Call
	case msg.Register:
		return rules.Register
	case msg.Publish:
		return rules.Publish
	case msg.Subscribe:
		return rules.Subscribe
	}
	return 0
}

// patternOf returns the matching policy of a message that can have one.
func patternOf(m *msg.Message) msg.Match {
	if m.Type == msg.Register || m.Type == msg.Subscribe {
		return m.Options.Match
	}
	return msg.Exact
}

// permit is what is known of a message before it is routed.
type permit struct {
	access   *access     // by which it was decided
	disclose Disclosure  // as the rules have it
	answer   *Disclosure // as an Authorizer has it; nil when none is asked
}

// disclosure says whether the sender is to be made known.
func (p *permit) disclosure() Disclosure {
	if p.answer != nil {
		return *p.answer
	}
	return p.disclose
}

// authorize decides whether the session may send m, in so far as nobody has to
// be asked. It runs on the link's goroutine.
func (s *Session) authorize(m *msg.Message) (p permit, asks []check, err error) {
	p.access = s.realm.access.Load()
	action := actionOf(m.Type)
	if p.access == nil || action == 0 {
		return p, nil, s.intrusion(action, m.URI)
	}
	r := s.rights
	if v := s.view(p.access); r == nil || r.view != v {
		r = &rights{view: v, limiter: limiterOf(v.role.limits.Rate)}
		s.rights = r
	}
	limits := &r.view.role.limits
	if !allow(r.limiter) {
		return p, nil, s.limited(action, m.URI, wamp.Errorf(wamp.ErrLimitExceeded, "more than %v messages per second", limits.Rate.PerSecond))
	}
	k := r.decide(s, action, patternOf(m), m.URI)
	if k.Verdict == rules.Denied {
		return p, nil, s.refused(r.view, action, patternOf(m), m.URI, k)
	}
	p.disclose = k.disclose
	maxPayload := limits.MaxPayload
	if rule := r.view.rule(k.Rule); rule != nil {
		if rule.MaxPayload > 0 && (maxPayload == 0 || rule.MaxPayload < maxPayload) {
			maxPayload = rule.MaxPayload
		}
		if rule.Rate.PerSecond > 0 && !allow(r.ruleLimiter(k.Rule, rule.Rate)) {
			return p, nil, s.limited(action, m.URI, wamp.Errorf(wamp.ErrLimitExceeded, "more than %v messages per second", rule.Rate.PerSecond))
		}
	}
	if maxPayload > 0 && m.Payload.Size() > maxPayload {
		return p, nil, s.limited(action, m.URI, wamp.Errorf(wamp.ErrPayloadSizeExceeded, "the payload has more than %d bytes", maxPayload))
	}
	if k.Verdict == rules.Asked {
		p.answer = new(Disclosure)
		*p.answer = k.disclose
		if ask := s.asking(r.view, k.Decision, action, p.answer); ask != nil {
			asks = append(asks, ask)
		}
	}
	if action == rules.Call && string(m.URI) == "wamp.session.add_testament" {
		ask, err := s.authorizeTestament(m)
		if err != nil {
			return p, nil, err
		}
		if ask != nil {
			asks = append(asks, ask)
		}
	}
	return p, asks, nil
}

// intrusion is the error for a call that is directed against other sessions, in a
// realm whose clients have to say who they are although no rule says what they
// may do.
func (s *Session) intrusion(action rules.Actions, procedure []byte) error {
	if action != rules.Call || !s.realm.reserves(procedure) {
		return nil
	}
	s.realm.router.authz.denied.Add(1)
	s.tell("not authorized", action, procedure)
	return wamp.Errorf(wamp.ErrNotAuthorized, "role %s may not call %s: realm %s knows who its clients are, and has no rules; ask its operator for one whose URI begins with wamp.",
		quote(s.Role()), quote(string(procedure)), quote(s.realm.name))
}

// reserves reports whether a procedure is denied although the realm has no
// rules. In a realm with authenticators nobody ends what belongs to others
// unless a rule allows it.
func (r *Realm) reserves(procedure []byte) bool {
	if !uri.IsReserved(procedure) || len(r.settings().authenticators) == 0 {
		return false
	}
	switch string(procedure) {
	case "wamp.session.kill", "wamp.session.kill_by_authid", "wamp.session.kill_by_authrole", "wamp.session.kill_all",
		"wamp.registration.remove_callee", "wamp.subscription.remove_subscriber", string(PurgeProcedure):
		return true
	}
	return false
}

// decide returns what is known of an action, found out when nothing is. Most
// clients do one thing again and again.
func (r *rights) decide(s *Session, action rules.Actions, match msg.Match, uri []byte) *known {
	if purged := [2]uint64{s.realm.purged.Load(), s.purged.Load()}; purged != r.purged {
		r.purged = purged
		r.forget()
	}
	r.key = append(append(r.key[:0], byte(action)|byte(match)<<4), uri...)
	if r.last != nil && r.last.until.IsZero() && bytes.Equal(r.key, r.lastKey) {
		return r.last
	}
	k := r.recall()
	if k == nil {
		k = &known{Decision: r.view.decide(action, match, uri)}
		if rule := r.view.rule(k.Rule); rule != nil {
			k.disclose = rule.Disclose
		}
		r.remember(k)
	}
	r.last, r.lastKey = k, append(r.lastKey[:0], r.key...)
	return k
}

// recall returns the decision on what r.key has; nil when there is none, or it
// counts no longer.
func (r *rights) recall() *known {
	k := r.known[string(r.key)]
	if k == nil || k.until.IsZero() || time.Now().Before(k.until) {
		return k
	}
	r.drop()
	return nil
}

// drop forgets the decision on what r.key has, if there is one.
func (r *rights) drop() {
	if r.known[string(r.key)] != nil {
		delete(r.known, string(r.key))
		r.size -= len(r.key)
	}
	r.last = nil
}

// remember keeps a decision on what r.key has.
func (r *rights) remember(k *known) {
	if len(r.known) >= maxKnown || r.size+len(r.key) > maxKnownBytes {
		r.forget() // the decisions are soon made again
	}
	if len(r.key) > maxKnownBytes/8 {
		return
	}
	if r.known == nil {
		r.known = make(map[string]*known)
	}
	r.known[string(r.key)] = k
	r.size += len(r.key)
}

func (r *rights) forget() {
	r.known, r.size, r.last = nil, 0, nil
}

// asking returns the check that has an Authorizer decide, nil when it must not be
// asked.
func (s *Session) asking(v *view, d rules.Decision, action rules.Actions, disclose *Disclosure) check {
	authorizer := v.authorizer(d)
	if e, ok := authorizer.(interface{ exempts(*Session) bool }); ok && e.exempts(s) {
		return nil // or it would wait for itself
	}
	return func(ctx context.Context, s *Session, m *msg.Message) error {
		match := patternOf(m)
		q := &Request{
			Session: s, Action: Actions(action), URI: string(m.URI), Match: wamp.MatchPolicy(match),
			format: s.link.peer.Format(), dict: bytes.Clone(m.Dict), // nobody knows for how long
		}
		return s.answered(ctx, authorizer, q, v, d, disclose)
	}
}

// answered asks an Authorizer, and remembers what it says.
func (s *Session) answered(ctx context.Context, authorizer Authorizer, q *Request, v *view, d rules.Decision, disclose *Disclosure) error {
	stats := &s.realm.router.authz
	stats.asked.Add(1)
	purged := [2]uint64{s.realm.purged.Load(), s.purged.Load()}
	answer, err := consult(ctx, s.realm.router, func() (Decision, error) { return authorizer.Authorize(ctx, q) }, nil)
	if err == nil && ctx.Err() != nil && answer.Allow {
		err = context.Cause(ctx)
	}
	if err != nil {
		stats.failed.Add(1)
		return err
	}
	action, match := rules.Actions(q.Action), msg.Match(q.Match)
	k := &known{Decision: rules.Decision{Verdict: rules.Denied, Rule: d.Rule}, disclose: answer.Disclose, reason: answer.Reason}
	if answer.Allow {
		k.Verdict = rules.Allowed
		if rule := v.rule(d.Rule); rule != nil && k.disclose == OnRequest {
			k.disclose = rule.Disclose
		}
	}
	if r := s.rights; answer.TTL > 0 && r != nil && r.view == v && r.purged == purged {
		k.until = time.Now().Add(answer.TTL)
		r.key = append(append(r.key[:0], byte(action)|byte(match)<<4), q.URI...)
		r.drop()
		r.remember(k)
	}
	if !answer.Allow {
		return s.refused(v, action, match, []byte(q.URI), k)
	}
	*disclose = k.disclose
	return nil
}

// authorizeTestament decides whether the session may leave an event behind.
func (s *Session) authorizeTestament(m *msg.Message) (check, error) {
	topic := testamentTopic(m)
	if topic == nil {
		return nil, nil
	}
	r := s.rights
	switch k := r.decide(s, rules.Publish, msg.Exact, topic); k.Verdict {
	case rules.Denied:
		return nil, s.refused(r.view, rules.Publish, msg.Exact, topic, k)
	case rules.Asked:
		v := r.view
		authorizer := v.authorizer(k.Decision)
		return func(ctx context.Context, s *Session, _ *msg.Message) error {
			q := &Request{Session: s, Action: ActPublish, URI: string(topic)}
			return s.answered(ctx, authorizer, q, v, k.Decision, new(Disclosure))
		}, nil
	}
	return nil, nil
}

// refused is the error for what is not allowed.
func (s *Session) refused(v *view, action rules.Actions, match msg.Match, uri []byte, k *known) error {
	s.realm.router.authz.denied.Add(1)
	s.tell("not authorized", action, uri)
	if !k.until.IsZero() || k.reason != "" {
		if k.reason == "" {
			k.reason = "the authorizer of realm " + quote(s.realm.name) + " does not allow it"
		}
		return wamp.Errorf(wamp.ErrNotAuthorized, "role %s may not %s %s: %s", quote(v.name), action, quote(string(uri)), k.reason)
	}
	return v.denied(s.realm.name, action, match, uri, k.Decision)
}

// limited notes that a limit was exceeded.
func (s *Session) limited(action rules.Actions, uri []byte, err error) error {
	s.realm.router.authz.limited.Add(1)
	s.tell("limit exceeded", action, uri)
	return err
}

func (s *Session) tell(what string, action rules.Actions, uri []byte) {
	log := s.realm.router.log
	if ctx := context.Background(); log.Enabled(ctx, slog.LevelDebug) {
		log.LogAttrs(ctx, slog.LevelDebug, what, slog.Uint64("session", s.id), slog.String("realm", s.realm.name),
			slog.String("authid", s.AuthID()), slog.String("authrole", s.Role()),
			slog.String("action", action.String()), slog.String("uri", quote(string(uri))))
	}
}

// limiterOf returns nil when there is no limit.
func limiterOf(r Rate) *rate.Limiter {
	if r.PerSecond <= 0 {
		return nil
	}
	burst := r.Burst
	if burst <= 0 {
		burst = int(min(max(1, math.Ceil(r.PerSecond)), math.MaxInt32))
	}
	return rate.NewLimiter(rate.Limit(r.PerSecond), burst)
}

func allow(l *rate.Limiter) bool { return l == nil || l.Allow() }

func (r *rights) ruleLimiter(rule int, of Rate) *rate.Limiter {
	l := r.byRule[rule]
	if l == nil {
		if r.byRule == nil {
			r.byRule = make(map[int]*rate.Limiter)
		}
		l = limiterOf(of)
		r.byRule[rule] = l
	}
	return l
}
