package core

import (
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/uri"
)

// Publish handles PUBLISH (specification, basic profile, section "Publishing
// and Events", and the sections on publish and subscribe of the advanced
// profile). It is answered only when it asks for that. Errors:
// wamp.error.invalid_uri, wamp.error.limit_exceeded,
// wamp.error.option_disallowed.disclose_me.
func (r *Realm) Publish(s *Session, m *msg.Message, out *Out) error {
	if !s.state.joined {
		return nil
	}
	if err := r.newRequest(s, m.Request); err != nil {
		return err
	}
	if m.Options.Has(msg.KeyPPTScheme) && s.state.publisher&msg.PayloadPassthru == 0 {
		return &msg.Violation{Text: "PUBLISH in payload passthru mode, which the publisher has not announced"}
	}
	p := publication{topic: m.URI, payload: &m.Payload, from: s}
	refusal := r.publish(s, &m.Options, &p, out)
	if !m.Options.Is(msg.Acknowledge) {
		return nil // not even a refusal
	}
	if refusal != nil {
		out.fail(s, msg.Publish, m.Request, refusal)
		return nil
	}
	answer := out.add(s, msg.Published)
	answer.Request = m.Request
	answer.ID = p.id
	return nil
}

// publication is an event on its way to its subscribers.
type publication struct {
	id       uint64
	topic    []byte
	options  msg.Options // details of the EVENT, but for its topic
	payload  *msg.Payload
	from     *Session // the publisher, nil for the realm itself
	excluded *Session // the publisher, unless it wants its own event
	filter   filter
	sharded  bool // of those who share it by key, one gets it
	key      uint64
	kept     *Event // as histories have it
}

// publish sends what s publishes to its subscribers, with PUBLISH's options o,
// or returns the URI of the error that refuses it.
func (r *Realm) publish(s *Session, o *msg.Options, p *publication, out *Out) (refusal []byte) {
	if !r.mayPublish(s, p.topic) {
		refusal = errInvalidURI
	} else if o.Set != 0 || r.cfg.Disclose != nil || r.cfg.TrustLevel != nil {
		refusal = r.publishOptions(s, o, p)
	}
	if refusal != nil {
		r.stats.BadPublishes++
		return refusal
	}
	p.id = toID(r.cfg.Rand())
	if !o.Has(msg.ExcludeMe) || o.Is(msg.ExcludeMe) {
		p.excluded = s
	}
	r.stats.Publications++
	r.route(p, out)
	if o.Set&(msg.Retain|msg.RetainClear) != 0 {
		r.retain(o, p)
	}
	return nil
}

// mayPublish reports whether topic is valid, and not reserved for others than s.
func (r *Realm) mayPublish(s *Session, topic []byte) bool {
	return r.validURI(topic) && (s.Trusted || !uri.IsReserved(topic))
}

// publishOptions takes over what the options and the realm's policies say
// about a publication.
func (r *Realm) publishOptions(s *Session, o *msg.Options, p *publication) (refusal []byte) {
	if o.Set&filterKeys != 0 && !p.filter.set(o, r.cfg.MaxReceiverList) {
		return errLimitExceeded
	}
	p.options.X = passthru(o, &p.options)
	asks := DiscloseOnRequest
	if r.cfg.Disclose != nil {
		asks = r.cfg.Disclose(s, msg.Publish, p.topic)
	}
	if o.Is(msg.DiscloseMe) {
		if asks == DiscloseNever {
			return errDiscloseMe
		}
		asks = DiscloseAlways
	}
	if asks == DiscloseAlways {
		disclose(s, &p.options)
	}
	if r.cfg.TrustLevel != nil {
		if level, ok := r.cfg.TrustLevel(s, msg.Publish, p.topic); ok {
			p.options.Set |= msg.KeyTrustLevel
			p.options.TrustLevel = level
		}
	}
	if o.Has(msg.KeyRKey) {
		p.sharded, p.key = true, r.hashKey(o.X.RKey)
	}
	return nil
}

// route sends an EVENT to every subscriber of every subscription that matches.
func (r *Realm) route(p *publication, out *Out) {
	r.hits = r.topics.AppendAll(r.hits[:0], p.topic)
	for _, sub := range r.hits {
		if sub.log != nil {
			r.record(sub, p)
		}
		receivers := r.receivers(sub, p, out)
		if len(receivers) == 0 {
			continue
		}
		r.stats.Events += uint64(len(receivers))
		if sub.trusted > 0 {
			if receivers = r.tellTrusted(sub, p, receivers, out); len(receivers) == 0 {
				continue
			}
		}
		p.event(nil, sub, out)
		out.Effects[len(out.Effects)-1].Receivers = receivers
	}
	clear(r.hits)
}

// event adds the EVENT that subscribers of sub get.
func (p *publication) event(to *Session, sub *subscription, out *Out) *msg.Message {
	m := out.add(to, msg.Event)
	m.ID = sub.id
	m.Publication = p.id
	m.Options = p.options
	m.Payload = *p.payload
	if sub.match != msg.Exact {
		m.URI = p.topic
	}
	return m
}

// tellTrusted sends an EVENT to those among the receivers that are trusted, and
// so are told who published it. It returns the others.
func (r *Realm) tellTrusted(sub *subscription, p *publication, receivers []*Session, out *Out) []*Session {
	start := len(out.receivers)
	for _, s := range receivers {
		if !s.Trusted {
			out.receivers = append(out.receivers, s)
			continue
		}
		e := p.event(s, sub, out)
		if p.from != nil {
			disclose(p.from, &e.Options)
			out.Effects[len(out.Effects)-1].From = p.from
		}
	}
	return out.receivers[start:]
}

// EventTo sends an event to s alone, for each of its subscriptions that matches
// the topic. It reports whether there is one. The event is not kept.
func (r *Realm) EventTo(s *Session, topic []byte, payload *msg.Payload, out *Out) bool {
	if !s.state.joined {
		return false
	}
	p := publication{id: toID(r.cfg.Rand()), topic: topic, payload: payload}
	sent := false
	r.hits = r.topics.AppendAll(r.hits[:0], topic)
	for _, sub := range r.hits {
		if s.state.subscriptions[sub] == nil {
			continue
		}
		p.event(s, sub, out)
		r.stats.Events++
		sent = true
	}
	clear(r.hits)
	return sent
}

// receivers returns which subscribers of sub are to get p: the subscription's
// own list when nobody is left out.
func (r *Realm) receivers(sub *subscription, p *publication, out *Out) []*Session {
	if p.sharded && sub.grouped > 0 {
		return r.sharded(sub, p, out)
	}
	if p.filter.keys != 0 {
		return r.filtered(sub, p, out)
	}
	var mine *subscriber
	if p.excluded != nil {
		mine = p.excluded.state.subscriptions[sub]
	}
	if mine == nil {
		sub.lent = true
		return sub.receivers
	}
	start := len(out.receivers)
	out.receivers = append(out.receivers, sub.receivers[:mine.at]...)
	out.receivers = append(out.receivers, sub.receivers[mine.at+1:]...)
	return out.receivers[start:]
}

// sharded returns the subscribers that get an event with a key: those that
// have not joined the topic's group by giving an nkey, and one of those that
// have, among whoever is eligible (specification, advanced profile, section
// "Sharded Subscription").
func (r *Realm) sharded(sub *subscription, p *publication, out *Out) []*Session {
	start := len(out.receivers)
	var chosen *subscriber
	for _, s := range sub.receivers {
		if s == p.excluded || !p.filter.admits(s) {
			continue
		}
		member := s.state.subscriptions[sub]
		if !member.grouped {
			out.receivers = append(out.receivers, s)
			continue
		}
		if chosen == nil || member.before(chosen, p.key) {
			chosen = member
		}
	}
	if chosen != nil {
		out.receivers = append(out.receivers, chosen.session)
	}
	return out.receivers[start:]
}

// before reports whether mine rather than other gets the events of a key.
func (mine *subscriber) before(other *subscriber, key uint64) bool {
	a, b := weight(mine.key, key), weight(other.key, key)
	return a > b || a == b && mine.seq < other.seq
}
