package core

import (
	"slices"

	"github.com/wampeter/wampeter/internal/msg"
)

// Configure has the realm go by another configuration from now on: all of cfg
// but what the realm cannot do without (Now, Rand, Key, Encode, Raw, Decode) and
// NewLog, which stay. Nothing is taken from sessions; kept events that are no
// longer wanted, or too many, are forgotten.
func (r *Realm) Configure(cfg Config) {
	old := &r.cfg
	cfg.Now, cfg.Rand, cfg.Key, cfg.NewLog = old.Now, old.Rand, old.Key, old.NewLog
	cfg.Encode, cfg.Raw, cfg.Decode = old.Encode, old.Raw, old.Decode
	r.cfg = cfg.withDefaults()
	r.expireRetained(r.cfg.Now())
	r.boundRetained()
	histories := r.histories
	r.histories = nil
	r.keepHistory()
	for _, sub := range histories {
		if !slices.Contains(r.histories, sub) {
			r.dropHistory(sub)
		}
	}
}

// dropHistory forgets the events of sub, which ends unless somebody has
// subscribed.
func (r *Realm) dropHistory(sub *subscription) {
	sub.log = nil
	if len(sub.receivers) == 0 {
		delete(r.subscriptions, sub.id)
		r.topics.Delete(sub.match, sub.uri)
	}
}

// Revoke takes from s what it has registered and subscribed to and keep does not
// admit, with a reason (specification, advanced profile, sections "Registration
// Revocation" and "Subscription Revocation"). t is msg.Register or
// msg.Subscribe.
func (r *Realm) Revoke(s *Session, keep func(t msg.Type, policy msg.Match, u string) bool, reason string, out *Out) {
	if !s.state.joined {
		return
	}
	r.several = true
	defer func() { r.several = false }()
	for _, c := range s.state.callees() {
		if !keep(msg.Register, c.reg.match, c.reg.uri) {
			r.revoke(c, reason, out)
		}
	}
	for _, sub := range s.state.subscribers() {
		if !keep(msg.Subscribe, sub.sub.match, sub.sub.uri) {
			r.RevokeSubscription(s, sub.sub.id, reason, out)
		}
	}
}

// Serves reports whether calls of u may be given to s.
func (r *Realm) Serves(s *Session, u []byte) bool {
	reg, refusal := r.procedure(u)
	return refusal == nil && s.state.registrations[reg] != nil
}
