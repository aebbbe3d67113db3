package core

import (
	"time"

	"github.com/wampeter/wampeter/internal/msg"
)

// HistoryTopic switches event history on for a topic or pattern
// (specification, advanced profile, section "Event History"). Its events are
// kept whether anybody has subscribed or not. One whose URI is no valid pattern
// is ignored.
type HistoryTopic struct {
	URI   string
	Match msg.Match
	Limit int // events that are kept; default 1000
	Bytes int // bytes of them, topics and payloads; default 8 MiB
}

// Defaults of HistoryTopic.
const (
	DefaultHistoryLimit = 1000
	DefaultHistoryBytes = 8 << 20
)

// Event is an event in a history. Nothing of it may be changed.
type Event struct {
	Time        time.Time
	Publication uint64
	Topic       string
	Options     msg.Options // its details, but for the topic
	Payload     msg.Payload

	filter filter
	size   int
}

// EventLog keeps the events of one HistoryTopic. It is called with the realm's
// lock held, so that a log that keeps them on disk has to write behind. What the
// events are asked for, and by whom, is the realm's business.
type EventLog interface {
	// Append keeps e, the newest event. Older ones may make room.
	Append(e *Event)

	// Len returns the number of events that are kept, At the one with that
	// many older ones.
	Len() int
	At(i int) *Event
}

// memoryLog is an EventLog in memory: a ring that grows up to its limits.
type memoryLog struct {
	limit, most  int
	ring         []*Event
	start, count int
	bytes        int
}

// keepHistory makes the subscriptions whose events are kept.
func (r *Realm) keepHistory() {
	for _, t := range r.cfg.History {
		if !r.validPattern(t.Match, []byte(t.URI)) {
			continue
		}
		sub, _ := r.topics.Get(t.Match, []byte(t.URI))
		if sub == nil {
			sub = r.newSubscription(t.Match, t.URI)
		}
		if t.Limit == 0 {
			t.Limit = DefaultHistoryLimit
		}
		if t.Bytes == 0 {
			t.Bytes = DefaultHistoryBytes
		}
		r.histories = append(r.histories, sub)
		if l, ok := sub.log.(*memoryLog); ok {
			l.bound(t.Limit, t.Bytes)
		}
		if sub.log == nil && r.cfg.NewLog != nil {
			sub.log = r.cfg.NewLog(t)
		}
		if sub.log == nil {
			sub.log = &memoryLog{limit: t.Limit, most: t.Bytes}
		}
	}
}

// record keeps p in the history of sub. Events that name sessions are not
// kept, since those may be others by the time somebody asks.
func (r *Realm) record(sub *subscription, p *publication) {
	if p.filter.keys&(msg.KeyExclude|msg.KeyEligible) != 0 {
		return
	}
	if p.kept == nil {
		p.kept = &Event{
			Time:        r.cfg.Now().Truncate(time.Millisecond), // as precise as iso tells it
			Publication: p.id,
			Topic:       string(p.topic),
			Options:     p.options,
			Payload:     clonePayload(p.payload),
			filter:      p.filter,
			size:        p.payload.Size() + len(p.topic) + retainedOverhead,
		}
	}
	sub.log.Append(p.kept)
}

func (l *memoryLog) Append(e *Event) {
	if e.size > l.most {
		return
	}
	for l.count > 0 && (l.count == l.limit || l.bytes+e.size > l.most) {
		l.forget()
	}
	if l.count == len(l.ring) {
		larger := make([]*Event, min(l.limit, max(16, 2*len(l.ring))))
		for i := range l.count {
			larger[i] = l.At(i)
		}
		l.ring, l.start = larger, 0
	}
	l.ring[(l.start+l.count)%len(l.ring)] = e
	l.count++
	l.bytes += e.size
}

// forget drops the oldest event.
func (l *memoryLog) forget() {
	l.bytes -= l.ring[l.start].size
	l.ring[l.start] = nil
	l.start = (l.start + 1) % len(l.ring)
	l.count--
}

// bound sets other limits.
func (l *memoryLog) bound(limit, most int) {
	for l.count > 0 && (l.count > limit || l.bytes > most) {
		l.forget()
	}
	ring := make([]*Event, l.count)
	for i := range ring {
		ring[i] = l.At(i)
	}
	l.ring, l.start, l.limit, l.most = ring, 0, limit, most
}

func (l *memoryLog) Len() int { return l.count }

func (l *memoryLog) At(i int) *Event { return l.ring[(l.start+i)%len(l.ring)] }

// historyQuery is what wamp.subscription.get_events asks for. Zero times and
// publications restrict nothing.
type historyQuery struct {
	topic                              string
	reverse                            bool
	limit                              int // 0: none
	from, after, before, until         time.Time
	fromID, afterID, beforeID, untilID uint64
}

// events returns the events that s may see and that q asks for: the first ones
// up to the limit, in their order or in the reverse.
func (q *historyQuery) events(l EventLog, s *Session) []*Event {
	first, last := 0, l.Len()-1
	bound := func(id uint64, f func(i int)) bool {
		if id == 0 {
			return true
		}
		for i := range l.Len() {
			if l.At(i).Publication == id {
				f(i)
				return true
			}
		}
		return false
	}
	if !bound(q.fromID, func(i int) { first = max(first, i) }) ||
		!bound(q.afterID, func(i int) { first = max(first, i+1) }) ||
		!bound(q.beforeID, func(i int) { last = min(last, i-1) }) ||
		!bound(q.untilID, func(i int) { last = min(last, i) }) {
		return nil // not known, or not any more: nothing can be said to follow it
	}
	var found []*Event
	step := 1
	if q.reverse {
		first, last, step = last, first, -1
	}
	for i := first; (last-i)*step >= 0; i += step {
		e := l.At(i)
		if q.admits(e) && e.filter.admits(s) {
			found = append(found, e)
			if len(found) == q.limit {
				break
			}
		}
	}
	return found
}

// admits reports whether e is within the query's times and topic.
func (q *historyQuery) admits(e *Event) bool {
	return (q.topic == "" || q.topic == e.Topic) &&
		(q.from.IsZero() || !e.Time.Before(q.from)) &&
		(q.after.IsZero() || e.Time.After(q.after)) &&
		(q.before.IsZero() || e.Time.Before(q.before)) &&
		(q.until.IsZero() || !e.Time.After(q.until))
}
