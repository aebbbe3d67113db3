package session

import "context"

// Room waits while more than a quarter of MaxQueue waits to be written. It is
// for senders that produce messages by themselves, and keeps them at the peer's
// pace; a reader must not wait. The errors are ctx's, and ErrClosed when the
// session is ending.
func (p *Peer) Room(ctx context.Context) error {
	for {
		p.mu.Lock()
		if p.closing || p.closed {
			p.mu.Unlock()
			return ErrClosed
		}
		if !p.writing || p.size <= p.cfg.MaxQueue/4 {
			p.mu.Unlock()
			return nil
		}
		if p.room == nil {
			p.room = make(chan struct{})
		}
		room := p.room
		p.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// wake lets those who wait for room look again. p.mu is held.
func (p *Peer) wake() {
	if p.room != nil {
		close(p.room)
		p.room = nil
	}
}
