package router

import (
	"sync"
	"time"
)

// alarm is the one timer of a realm. It is guarded by Realm.mu, but for
// running, which counts the timer while it is set and its function while it
// runs.
type alarm struct {
	at      time.Time
	timer   *time.Timer
	running sync.WaitGroup
}

// arm sets the alarm to when the core next has something to do by itself. r.mu
// is held.
func (r *Realm) arm() {
	at := r.core.NextDeadline()
	if at.Equal(r.alarm.at) {
		return
	}
	r.disarm()
	if at.IsZero() {
		return
	}
	r.alarm.at = at
	r.alarm.running.Add(1)
	r.alarm.timer = time.AfterFunc(time.Until(at), r.tick)
}

func (r *Realm) disarm() {
	if r.alarm.timer != nil && r.alarm.timer.Stop() {
		r.alarm.running.Done()
	}
	r.alarm.timer, r.alarm.at = nil, time.Time{}
}

// tick lets the core do what is due.
func (r *Realm) tick() {
	defer r.alarm.running.Done()
	var b batch
	r.mu.Lock()
	if !time.Now().Before(r.alarm.at) {
		// It is this timer that went off, not one that was stopped too late.
		r.alarm.timer, r.alarm.at = nil, time.Time{}
	}
	r.core.Tick(&r.out)
	r.deliver(&b, nil, nil)
	r.mu.Unlock()
	b.flush()
}

// close ends the realm's own session, and waits until nothing of the realm runs
// any more. Its other sessions have left.
func (r *Realm) close() {
	r.own.close()
	r.mu.Lock()
	r.disarm()
	r.mu.Unlock()
	r.alarm.running.Wait()
}
