package core

import (
	"time"

	"github.com/wampeter/wampeter/internal/match"
	"github.com/wampeter/wampeter/internal/msg"
)

// The retained events of a realm (specification, advanced profile, section
// "Event Retention"): of each topic the last one that was for everybody, and a
// few later ones that were not. Topics are in the order of their last event,
// so that the oldest can make room, or expire.
type retainer struct {
	topics      map[string]*retainedTopic
	first, last *retainedTopic
	bytes       int
}

type retainedTopic struct {
	topic      []byte
	events     []retainedEvent // in the order of publishing
	prev, next *retainedTopic
}

type retainedEvent struct {
	publication uint64
	options     msg.Options
	payload     msg.Payload
	filter      filter
	excluded    uint64 // session id of the publisher, 0: not excluded
	at          time.Time
}

const (
	// mostSupplements is how many events with restricted receivers are kept
	// beside the one for everybody.
	mostSupplements = 3

	// mostReplayed is how many events one SUBSCRIBE may bring, when a pattern
	// matches more topics: those published last.
	mostReplayed = 1000

	// retainedOverhead is what a retained event is taken to need beside its
	// topic and payload.
	retainedOverhead = 256
)

// retain keeps p as its topic's retained event, or with the option
// _retain_clear and no payload forgets the topic's. What is too large is not
// kept, and takes the place of what was there all the same.
func (r *Realm) retain(o *msg.Options, p *publication) {
	k := &r.retained
	clears := o.Is(msg.RetainClear) && p.payload.Len() == 0
	if !clears && !o.Is(msg.Retain) {
		return
	}
	t := k.topics[string(p.topic)]
	if t != nil {
		k.remove(t)
	}
	size := p.payload.Size() + len(p.topic) + retainedOverhead
	if clears || size > r.cfg.MaxRetainedBytes {
		return // rather nothing than what is out of date
	}
	if t == nil {
		t = &retainedTopic{topic: append([]byte(nil), p.topic...)}
	}
	e := retainedEvent{
		publication: p.id,
		options:     p.options,
		payload:     clonePayload(p.payload),
		filter:      p.filter,
		at:          r.cfg.Now(),
	}
	e.options.SetBool(msg.Retained, true)
	if p.excluded != nil {
		e.excluded = p.excluded.ID
	}
	switch {
	case e.filter.keys == 0:
		t.events = nil
	case len(t.events) > mostSupplements:
		keep := 0
		if t.events[0].filter.keys == 0 {
			keep = 1
		}
		t.events = append(t.events[:keep], t.events[keep+1:]...)
	}
	t.events = append(t.events, e)
	k.push(t)
	r.expireRetained(e.at)
	r.boundRetained()
}

// boundRetained has the oldest topics make room.
func (r *Realm) boundRetained() {
	for k := &r.retained; k.bytes > r.cfg.MaxRetainedBytes || len(k.topics) > r.cfg.MaxRetained; {
		k.remove(k.first)
	}
}

// expireRetained forgets the topics whose last event is too old.
func (r *Realm) expireRetained(now time.Time) {
	for k := &r.retained; r.cfg.RetainFor > 0 && k.first != nil; {
		t := k.first
		if now.Sub(t.events[len(t.events)-1].at) < r.cfg.RetainFor {
			return
		}
		k.remove(t)
	}
}

func (t *retainedTopic) size() (n int) {
	for i := range t.events {
		n += t.events[i].payload.Size() + len(t.topic) + retainedOverhead
	}
	return n
}

func (k *retainer) push(t *retainedTopic) {
	if k.topics == nil {
		k.topics = make(map[string]*retainedTopic)
	}
	k.topics[string(t.topic)] = t
	k.bytes += t.size()
	t.prev, t.next = k.last, nil
	if k.last != nil {
		k.last.next = t
	} else {
		k.first = t
	}
	k.last = t
}

func (k *retainer) remove(t *retainedTopic) {
	delete(k.topics, string(t.topic))
	k.bytes -= t.size()
	if t.prev != nil {
		t.prev.next = t.next
	} else {
		k.first = t.next
	}
	if t.next != nil {
		t.next.prev = t.prev
	} else {
		k.last = t.prev
	}
	t.prev, t.next = nil, nil
}

// sendRetained sends s the retained events of the topics that sub matches.
func (r *Realm) sendRetained(s *Session, sub *subscription, out *Out) {
	k := &r.retained
	if k.first == nil {
		return
	}
	r.expireRetained(r.cfg.Now())
	if sub.match == msg.Exact {
		if t := k.topics[sub.uri]; t != nil {
			r.replay(s, sub, t, out)
		}
		return
	}
	var hits []*retainedTopic
	for t := k.last; t != nil && len(hits) < mostReplayed; t = t.prev {
		if match.Matches(sub.match, sub.uri, t.topic) {
			hits = append(hits, t)
		}
	}
	for i := len(hits) - 1; i >= 0; i-- {
		r.replay(s, sub, hits[i], out)
	}
}

// replay sends s the last event of a topic that it may have.
func (r *Realm) replay(s *Session, sub *subscription, t *retainedTopic, out *Out) {
	for i := len(t.events) - 1; i >= 0; i-- {
		e := &t.events[i]
		if e.excluded == s.ID || !e.filter.admits(s) {
			continue
		}
		r.stats.Events++
		m := out.add(s, msg.Event)
		m.ID = sub.id
		m.Publication = e.publication
		m.Options = e.options
		m.Payload = e.payload
		if sub.match != msg.Exact {
			m.URI = t.topic
		}
		return
	}
}
