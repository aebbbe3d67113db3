package router

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/wampeter/wampeter/internal/core"
	"github.com/wampeter/wampeter/internal/match"
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/rules"
)

// RealmConfig is what can be said about a realm at once, and replaced while it
// is used: Realm.Configure.
type RealmConfig struct {
	// Authenticators find out who clients are; none: everybody is anonymous.
	Authenticators []Authenticator

	// Roles are what sessions may do. Without any, and without an Authorizer,
	// everything is allowed. Sessions of other roles may do nothing but what
	// the Authorizer, which decides where no rule does, allows.
	Roles      []Role
	Authorizer Authorizer

	// Policies, History and Retention are those of Config, for this realm.
	Policies  []Policy
	History   []History
	Retention Retention

	// StrictURI, StrictIDs, Strict and CallTimeoutUnit are those of Config.
	StrictURI       bool
	StrictIDs       bool
	Strict          bool
	CallTimeoutUnit time.Duration
}

// Check returns what is wrong with a configuration, all of it.
func (c *RealmConfig) Check() error {
	_, err := c.compile()
	return err
}

func (c *RealmConfig) compile() (*access, error) {
	a, err := c.permissions().compile()
	mistakes := []error{err}
	pattern := func(what string, i int, u string, m msg.Match) {
		if !match.Valid(m, []byte(u), false) {
			mistakes = append(mistakes, fmt.Errorf("%s %d: %s is no %s URI", what, i+1, quote(u), m))
		}
	}
	for i, p := range c.Policies {
		pattern("policy", i, p.URI, msg.Match(p.Match))
	}
	for i, h := range c.History {
		pattern("history", i, h.URI, msg.Match(h.Match))
		if h.Limit < 0 || h.Bytes < 0 {
			mistakes = append(mistakes, fmt.Errorf("history %d: a limit is below 0", i+1))
		}
	}
	if r := c.Retention; r.For < 0 || r.Topics < 0 || r.Bytes < 0 {
		mistakes = append(mistakes, errors.New("retention: a limit is below 0"))
	}
	if slices.Contains(c.Authenticators, nil) {
		mistakes = append(mistakes, errors.New("an authenticator is nil"))
	}
	return a, errors.Join(mistakes...)
}

func (c *RealmConfig) permissions() *permissions {
	return &permissions{roles: c.Roles, authorizer: c.Authorizer}
}

// realmConfig returns what Config says about every realm.
func (c *Config) realmConfig() RealmConfig {
	return RealmConfig{
		Policies: c.Policies, History: c.History, Retention: c.Retention,
		StrictURI: c.StrictURI, StrictIDs: c.StrictIDs, Strict: c.Strict, CallTimeoutUnit: c.CallTimeoutUnit,
	}
}

// Configure replaces everything that c has: what was said before about the same
// by Config, Authenticate, Permit, Authorize and Configure. What functions were
// added to the realm, and what is mounted, stays.
//
// All of it takes effect at once for whatever sessions do from then on. Sessions
// stay, with all they have, as long as they are allowed to. When Configure
// returns, sessions whose authenticators are Revalidators and do not accept them
// any more, or in another role, or whose method nobody has any more, have got
// GOODBYE wamp.close.auth; and registrations and subscriptions that are no longer
// allowed are revoked, with UNREGISTERED or UNSUBSCRIBED for clients that have
// announced that feature. What an Authorizer had to allow it is asked anew only
// for what comes.
//
// With an error, which names all mistakes, nothing has changed.
func (r *Realm) Configure(c RealmConfig) error {
	c.Roles, c.Policies, c.History = slices.Clone(c.Roles), slices.Clone(c.Policies), slices.Clone(c.History)
	a, err := c.compile()
	if err != nil {
		return fmt.Errorf("configure realm %s: %w", r.name, err)
	}
	list := slices.Clone(c.Authenticators)
	c.Authenticators = nil
	r.changing.Lock()
	set := *r.settings()
	set.authenticators = list
	r.current.Store(&set)
	r.config = c
	r.govern(a)
	r.changing.Unlock()

	r.generation.Add(1)
	for _, s := range r.Sessions() {
		s.revalidate(list)
	}
	r.offer(a)
	return nil
}

// authorizeBy changes the permissions alone.
func (r *Realm) authorizeBy(f func(*permissions)) error {
	a, err := r.regulate(f)
	if err != nil {
		return fmt.Errorf("rules of realm %s: %w", r.name, err)
	}
	r.offer(a)
	return nil
}

func (r *Realm) regulate(f func(*permissions)) (*access, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	p := permissions{roles: slices.Clone(r.config.Roles), authorizer: r.config.Authorizer}
	f(&p)
	a, err := p.compile()
	if err != nil {
		return nil, err
	}
	r.config.Roles, r.config.Authorizer = p.roles, p.authorizer
	r.govern(a)
	return a, nil
}

// govern has the realm go by r.config, and by a, which was made of it.
// r.changing is held.
func (r *Realm) govern(a *access) {
	r.mu.Lock()
	r.access.Store(a)
	r.core.Configure(r.coreConfig(&r.config, a))
	sessions := make([]*link, 0, len(r.sessions))
	for _, l := range r.sessions {
		if a != nil {
			r.handleOf(l) // it is asked about from now on
		}
		if l.own == nil {
			sessions = append(sessions, l)
		}
	}
	r.mu.Unlock()
	for _, l := range sessions {
		r.enforce(l, a)
	}
}

// enforce takes from a session what it is not allowed any more. Each session has
// the lock for itself, since others go by the new rules already.
func (r *Realm) enforce(l *link, a *access) {
	var b batch
	r.mu.Lock()
	if l.joined {
		var limits Limits
		if a != nil {
			limits = a.role(l.session.AuthRole).limits
			v := r.handleOf(l).view(a)
			r.core.Revoke(&l.session, func(t msg.Type, policy msg.Match, u string) bool {
				return v.decide(actionOf(t), policy, []byte(u)).Verdict != rules.Denied
			}, "it is not allowed any more", &r.out)
			r.deliver(&b, nil, nil)
		}
		l.session.MaxRegistrations, l.session.MaxSubscriptions = limits.Registrations, limits.Subscriptions
	}
	r.mu.Unlock()
	b.flush()
}

// revalidate ends the session if none of these authenticators accepts it.
func (s *Session) revalidate(list []Authenticator) {
	id := s.Identity()
	if s.accepted(id, list) {
		return
	}
	closed, _ := s.close(msg.CloseAuth, "the session is not accepted any more: authenticate anew")
	if closed {
		s.log(slog.LevelInfo, "session is not accepted any more")
	}
}

func (s *Session) accepted(id *Identity, list []Authenticator) (ok bool) {
	if len(list) == 0 {
		return id.by == "anonymous"
	}
	defer func() {
		if v := recover(); v != nil {
			s.log(slog.LevelError, "a Revalidator panics", slog.Any("panic", v))
			ok = false
		}
	}()
	return acceptedBy(list, id)
}

// acceptedBy reports whether one of these authenticators would accept id now. A
// cookie is worth as much as the login that it stands for.
func acceptedBy(list []Authenticator, id *Identity) bool {
	by := id.by
	if id.cookie {
		if !slices.ContainsFunc(list, func(a Authenticator) bool { return a.Method() == by }) {
			return false
		}
		by = id.origin
	}
	for _, a := range list {
		if a.Method() != by {
			continue
		}
		v, asks := a.(Revalidator)
		if !asks {
			return true
		}
		if now := v.Revalidate(id); now != nil && roleOf(now) == id.Role {
			return true
		}
	}
	return false
}

func roleOf(id *Identity) string {
	if id.Role == "" {
		return "anonymous"
	}
	return id.Role
}

// coreConfig is a configuration as the core has it.
func (r *Realm) coreConfig(c *RealmConfig, a *access) core.Config {
	cfg := core.Config{
		StrictURI:        c.StrictURI,
		StrictIDs:        c.StrictIDs,
		Strict:           c.Strict,
		TimeoutUnit:      c.CallTimeoutUnit,
		RetainFor:        c.Retention.For,
		MaxRetained:      c.Retention.Topics,
		MaxRetainedBytes: c.Retention.Bytes,
	}
	for _, h := range c.History {
		cfg.History = append(cfg.History, core.HistoryTopic{
			URI: h.URI, Match: msg.Match(h.Match), Limit: h.Limit, Bytes: h.Bytes,
		})
	}
	policies := c.Policies
	if len(policies) > 0 {
		cfg.TrustLevel = func(s *core.Session, _ msg.Type, uri []byte) (uint64, bool) {
			if p := find(policies, s, uri); p != nil && p.TrustLevel != nil {
				return *p.TrustLevel, true
			}
			return 0, false
		}
	}
	// The core need not ask where there is nothing to say.
	if len(policies) > 0 || a != nil && a.discloses {
		cfg.Disclose = func(s *core.Session, t msg.Type, uri []byte) core.Disclosure {
			if d := r.disclosureOf(s, t, uri); d != OnRequest {
				return core.Disclosure(d)
			}
			if p := find(policies, s, uri); p != nil {
				return core.Disclosure(p.Disclose)
			}
			return core.DiscloseOnRequest
		}
	}
	if a != nil {
		cfg.Authorize = r.mayUse
		cfg.MayReplace = func(s, callee *core.Session, _ []byte) bool { return s.AuthID == callee.AuthID }
	}
	return cfg
}

// disclosureOf returns what rules and Authorizers say about s as a caller or
// publisher. r.mu is held.
func (r *Realm) disclosureOf(s *core.Session, t msg.Type, uri []byte) Disclosure {
	l := s.Owner.(*link)
	if l == r.passing {
		return r.disclose
	}
	// It is a testament.
	a, public := r.access.Load(), l.public.Load()
	if a == nil || public == nil {
		return OnRequest
	}
	v := public.view(a)
	if rule := v.rule(v.decide(actionOf(t), msg.Exact, uri).Rule); rule != nil {
		return rule.Disclose
	}
	return OnRequest
}

// mayUse says for the core what a session may do that follows from calls of the
// meta API: publish a testament, read the events of a subscription. Nobody can
// be asked here. What an Authorizer has to allow was asked when the testament
// was left, or when the session subscribed. r.mu is held.
func (r *Realm) mayUse(s *core.Session, t msg.Type, policy msg.Match, uri []byte) bool {
	a, l := r.access.Load(), s.Owner.(*link)
	if a == nil || s.Trusted {
		return true
	}
	switch r.handleOf(l).view(a).decide(actionOf(t), policy, uri).Verdict {
	case rules.Allowed:
		return true
	case rules.Asked:
		return t == msg.Publish || r.core.HasSubscribed(s, policy, uri)
	}
	return false
}

// AuthorizationStats counts what became of messages since the router was made,
// in realms with rules.
type AuthorizationStats struct {
	Denied  uint64 // messages that were not allowed, answered or, as some PUBLISH, not
	Limited uint64 // messages beyond a limit
	Asked   uint64 // decisions that Authorizers were asked for
	Failed  uint64 // of these, those that could not be made
}

// AuthorizationStats returns what became of messages.
func (r *Router) AuthorizationStats() AuthorizationStats {
	c := &r.authz
	return AuthorizationStats{Denied: c.denied.Load(), Limited: c.limited.Load(), Asked: c.asked.Load(), Failed: c.failed.Load()}
}

type authorizationCounts struct{ denied, limited, asked, failed atomic.Uint64 }
