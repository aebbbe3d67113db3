package config

import (
	"context"
	"errors"
	"fmt"
	"net"
	"reflect"
	"slices"
)

// plan is what becomes of the listeners.
type plan struct {
	next  []*served
	tls   []*tlsFiles // as they were read for each of next that stays
	fresh []*socket   // listened on for the plan
	old   []*served   // that are replaced, or end
	gone  []*socket

	late  []*served // of next, whose addresses are taken by inWay
	inWay []*served // of old
}

// listeners plans the listeners of c. Nothing that runs is touched.
func (d *Daemon) listeners(ctx context.Context, c *Config) (p *plan, err error) {
	p = &plan{}
	defer func() {
		if err != nil {
			d.cancel(ctx, p)
		}
	}()
	current := make(map[string]*served)
	for _, s := range d.serves {
		current[s.key] = s
	}
	keys := c.listenerKeys()
	for _, s := range d.serves {
		if !slices.Contains(keys, s.key) {
			p.old, p.gone = append(p.old, s), append(p.gone, s.socket)
		}
	}
	for i, key := range keys {
		l := c.Listeners[i]
		s := &served{key: key, listener: l, patience: c.Timeouts.Handshake, over: make(chan struct{})}
		if l.TLS.Enabled() {
			if s.tls, err = newTLS(l.TLS, d.log); err != nil {
				return p, c.mistake(fmt.Sprintf("listeners[%d].tls.certificate", i), err)
			}
		}
		was := current[key]
		if was != nil && was.patience == s.patience && equal(reflect.ValueOf(was.listener), reflect.ValueOf(l)) {
			p.next, p.tls = append(p.next, was), append(p.tls, s.tls)
			continue
		}
		if was != nil {
			s.socket = was.socket
			p.old = append(p.old, was)
		} else if err = p.listen(ctx, s); err != nil {
			return p, err
		}
		p.next, p.tls = append(p.next, s), append(p.tls, nil)
	}
	return p, nil
}

// renewed reports whether the TLS files of a listener that stays have changed.
func (p *plan) renewed() bool {
	for i, s := range p.next {
		if p.tls[i] != nil && !s.tls.same(p.tls[i]) {
			return true
		}
	}
	return false
}

// listenerKeys returns a key for each listener, by which one of a changed
// configuration is known to be the same.
func (c *Config) listenerKeys() (keys []string) {
	for i := range c.Listeners {
		address := c.Listeners[i].Address.String()
		key := address
		for n := 2; slices.Contains(keys, key); n++ { // several free ports
			key = fmt.Sprintf("%s (%d)", address, n)
		}
		keys = append(keys, key)
	}
	return keys
}

// listen listens for s. When a listener is in the way that ends, as that of
// 127.0.0.1:80 is in the way of that of :80, it is left to makeRoom.
func (p *plan) listen(ctx context.Context, s *served) (err error) {
	s.socket, err = listen(ctx, s.listener.Address)
	if err == nil {
		p.fresh = append(p.fresh, s.socket)
		return nil
	}
	late := false
	for _, old := range p.old {
		if slices.Contains(p.gone, old.socket) && errors.Is(err, errInUse) && samePort(s.listener.Address, old.socket.address) {
			late = true
			if !slices.Contains(p.inWay, old) {
				p.inWay = append(p.inWay, old)
			}
		}
	}
	if !late {
		return err
	}
	p.late = append(p.late, s)
	return nil
}

// samePort reports whether two addresses can be in each other's way.
func samePort(a, b Address) bool {
	_, port, _ := net.SplitHostPort(a.text)
	_, other, _ := net.SplitHostPort(b.text)
	return a.network == "tcp" && b.network == "tcp" && port == other
}

// makeRoom ends the listeners that are in the way of others, and listens for
// these. In between connections are refused.
func (d *Daemon) makeRoom(ctx context.Context, p *plan) (err error) {
	for _, s := range p.inWay {
		s.leave()
		s.socket.close()
	}
	for _, s := range p.late {
		if s.socket, err = listen(ctx, s.listener.Address); err != nil {
			return err
		}
		p.fresh = append(p.fresh, s.socket)
	}
	return nil
}

// cancel undoes what was done for the plan.
func (d *Daemon) cancel(ctx context.Context, p *plan) {
	for _, s := range p.fresh {
		s.close()
	}
	for _, s := range p.inWay {
		if s.tenant == nil || !s.tenant.left.Load() {
			continue // nobody has made room yet
		}
		socket, err := listen(ctx, s.socket.address)
		if err != nil {
			d.fail(err)
			continue
		}
		s.socket, s.over = socket, make(chan struct{})
		d.begin(s)
	}
}

// apply does what was planned.
func (d *Daemon) apply(p *plan) {
	for _, s := range p.old {
		s.leave()
	}
	for _, s := range p.gone {
		s.close()
	}
	for i, s := range p.next {
		if p.tls[i] != nil {
			s.tls.follow(p.tls[i])
		}
		if s.tenant == nil {
			d.begin(s)
		}
	}
	d.serves = p.next
}

// begin serves a listener.
func (d *Daemon) begin(s *served) {
	s.tenant = s.socket.tenant()
	d.serving.Go(func() { d.serve(s) })
}
