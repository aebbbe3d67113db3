package session

import (
	"sync"
	"time"
)

// heartbeat pings a silent peer and ends the session when it stays silent.
type heartbeat struct {
	mu     sync.Mutex
	timer  *time.Timer
	pinged bool
}

func (p *Peer) startHeartbeat() {
	if p.cfg.KeepAlive < 0 || len(p.conn.AppendPing(nil)) == 0 {
		return
	}
	hb := &heartbeat{}
	p.heartbeat = hb
	hb.mu.Lock()
	defer hb.mu.Unlock()
	hb.timer = time.AfterFunc(p.cfg.KeepAlive, p.beat)
}

func (p *Peer) beat() {
	hb := p.heartbeat
	hb.mu.Lock()
	defer hb.mu.Unlock()
	if hb.timer == nil {
		return
	}
	switch {
	case p.paused.Load() || p.seen.Swap(false): // in this order: see Pause
		hb.pinged = false
		hb.timer.Reset(p.cfg.KeepAlive)
	case !hb.pinged:
		hb.pinged = true
		p.sendControl(p.conn.AppendPing(nil))
		p.Flush()
		hb.timer.Reset(p.cfg.PongWait)
	default:
		p.Close(ErrKeepAlive)
	}
}

// Pause tells that the Handler keeps the reader waiting, or does not any more:
// meanwhile nothing that the peer sends can be read, and its silence means
// nothing.
func (p *Peer) Pause(on bool) {
	p.seen.Store(true)
	p.paused.Store(on)
}

func (p *Peer) stopHeartbeat() {
	hb := p.heartbeat
	if hb == nil {
		return
	}
	hb.mu.Lock()
	defer hb.mu.Unlock()
	hb.timer.Stop()
	hb.timer = nil
}
