package core

import (
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/uri"
)

// Publish handles PUBLISH (specification, basic profile, section "Publishing
// and Events"). It is answered only when it asks for that. Errors:
// wamp.error.invalid_uri, wamp.error.limit_exceeded.
func (r *Realm) Publish(s *Session, m *msg.Message, out *Out) error {
	if err := r.newRequest(s, m.Request); err != nil {
		return err
	}
	if m.Options.Has(msg.KeyPPTScheme) && s.state.publisher&msg.PayloadPassthru == 0 {
		return &msg.Violation{Text: "PUBLISH in payload passthru mode, which the publisher has not announced"}
	}
	acknowledge := m.Options.Is(msg.Acknowledge)
	if !r.validURI(m.URI) || uri.IsReserved(m.URI) && !s.Trusted {
		r.stats.BadPublishes++
		if acknowledge {
			out.fail(s, msg.Publish, m.Request, errInvalidURI)
		}
		return nil
	}
	p := publication{
		id:      toID(r.cfg.Rand()),
		topic:   m.URI,
		payload: &m.Payload,
	}
	if !m.Options.Has(msg.ExcludeMe) || m.Options.Is(msg.ExcludeMe) {
		p.excluded = s
	}
	if m.Options.Set&filterKeys != 0 {
		if !p.filter.set(&m.Options, r.cfg.MaxReceiverList) {
			r.stats.BadPublishes++
			if acknowledge {
				out.fail(s, msg.Publish, m.Request, errLimitExceeded)
			}
			return nil
		}
	}
	p.options.X = passthru(&m.Options, &p.options)
	r.stats.Publications++
	r.route(&p, out)
	if acknowledge {
		answer := out.add(s, msg.Published)
		answer.Request = m.Request
		answer.ID = p.id
	}
	return nil
}

// publication is an event on its way to its subscribers.
type publication struct {
	id       uint64
	topic    []byte
	options  msg.Options // details of the EVENT, but for its topic
	payload  *msg.Payload
	excluded *Session // the publisher, unless it wants its own event
	filter   filter
}

// route sends an EVENT to every subscriber of every subscription that matches.
func (r *Realm) route(p *publication, out *Out) {
	r.hits = r.topics.AppendAll(r.hits[:0], p.topic)
	for _, sub := range r.hits {
		receivers := r.receivers(sub, p, out)
		if len(receivers) == 0 {
			continue
		}
		r.stats.Events += uint64(len(receivers))
		e := out.add(nil, msg.Event)
		e.ID = sub.id
		e.Publication = p.id
		e.Options = p.options
		e.Payload = *p.payload
		if sub.match != msg.Exact {
			e.URI = p.topic
		}
		out.Effects[len(out.Effects)-1].Receivers = receivers
	}
	clear(r.hits)
}

// receivers returns which subscribers of sub are to get p: the subscription's
// own list when nobody is left out.
func (r *Realm) receivers(sub *subscription, p *publication, out *Out) []*Session {
	if p.filter.keys != 0 {
		return r.filtered(sub, p, out)
	}
	if p.excluded == nil {
		return sub.receivers
	}
	mine := p.excluded.state.subscriptions[sub]
	if mine == nil {
		return sub.receivers
	}
	start := len(out.receivers)
	out.receivers = append(out.receivers, sub.receivers[:mine.at]...)
	out.receivers = append(out.receivers, sub.receivers[mine.at+1:]...)
	return out.receivers[start:]
}
