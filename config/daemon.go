package config

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"reflect"
	"slices"
	"sync"

	"github.com/wampeter/wampeter/router"
)

// Options are what a Daemon has beside its configuration.
type Options struct {
	// Load reads the configuration anew, for Reread. nil: that fails.
	Load func(context.Context) (*Config, error)

	// Logger takes what the router has to say; default slog.Default(). Log, unless
	// nil, is told what the configuration says of it, at the start and at each
	// reload.
	Logger *slog.Logger
	Log    func(Log)
}

// Daemon is a router that runs as a configuration says, and that follows when it
// changes.
type Daemon struct {
	opts    Options
	log     *slog.Logger
	rt      *router.Router
	realms  *realms
	failed  chan error
	serving sync.WaitGroup

	mu      sync.Mutex // one change at a time
	config  *Config
	serves  []*served // in the order of the configuration
	admin   admin
	stopped bool
}

// served is a listener that is served.
type served struct {
	key      string
	listener Listener
	socket   *socket
	tls      *tlsFiles
	tenant   *tenant       // nil before it is served
	over     chan struct{} // closed when it is served no more
}

// Start runs a router as c says. It has to be ended by Shutdown or Close. ctx
// bounds the start alone.
func Start(ctx context.Context, c *Config, o Options) (*Daemon, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Log == nil {
		o.Log = func(Log) {}
	}
	d := &Daemon{opts: o, log: o.Logger, failed: make(chan error, 1)}
	o.Log(c.Log)
	plan, err := d.listeners(ctx, c)
	if err != nil {
		return nil, err
	}
	d.rt = router.New(c.router(d.log))
	d.realms = newRealms(d.rt, d.log)
	if err := d.follow(ctx, c); err != nil {
		plan.cancel()
		_ = d.rt.Close()
		return nil, err
	}
	d.apply(plan)
	return d, nil
}

// Router returns the router.
func (d *Daemon) Router() *router.Router { return d.rt }

// Config returns the configuration that is in force.
func (d *Daemon) Config() *Config {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.config
}

// Addresses returns where the router listens, in the order of the configuration,
// with the ports that it was given.
func (d *Daemon) Addresses() []Address {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]Address, len(d.serves))
	for i, s := range d.serves {
		list[i] = s.socket.address
	}
	return list
}

// Failed gets an error when a listener cannot go on accepting connections.
func (d *Daemon) Failed() <-chan error { return d.failed }

// Shutdown ends the router in an orderly way, as router.Router.Shutdown does.
func (d *Daemon) Shutdown(ctx context.Context) error {
	d.stop()
	err := d.rt.Shutdown(ctx)
	d.serving.Wait()
	return err
}

// Close ends the router at once.
func (d *Daemon) Close() error {
	d.stop()
	err := d.rt.Close()
	d.serving.Wait()
	return err
}

// stop takes no further connections, and no further changes.
func (d *Daemon) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopped = true
	for _, s := range d.serves {
		s.leave()
		s.socket.close()
	}
}

// leave ends the serving of a listener. Its socket stays.
func (s *served) leave() {
	_ = s.tenant.Close()
	<-s.over
}

// SlogLevel returns the level as log/slog has it.
func (l *Log) SlogLevel() slog.Level {
	var level slog.Level
	_ = level.UnmarshalText([]byte(l.Level)) // info, if it is none
	return level
}

// plan is what becomes of the listeners.
type plan struct {
	next  []*served
	tls   []*tlsFiles // as they were read for each of next that stays
	fresh []*socket   // listened on for the plan
	old   []*served   // that are replaced, or end
	gone  []*socket
}

// cancel undoes what was done for the plan.
func (p *plan) cancel() {
	for _, s := range p.fresh {
		s.close()
	}
}

// listeners plans the listeners of c. Nothing that runs is touched.
func (d *Daemon) listeners(ctx context.Context, c *Config) (p *plan, err error) {
	p = &plan{}
	defer func() {
		if err != nil {
			p.cancel()
		}
	}()
	current := make(map[string]*served)
	for _, s := range d.serves {
		current[s.key] = s
	}
	var kept []string
	for i := range c.Listeners {
		l := c.Listeners[i]
		s := &served{key: l.Address.String(), listener: l, over: make(chan struct{})}
		for n := 2; slices.Contains(kept, s.key); n++ { // several free ports
			s.key = fmt.Sprintf("%s (%d)", l.Address, n)
		}
		kept = append(kept, s.key)
		if l.TLS.Enabled() {
			if s.tls, err = newTLS(l.TLS, d.log); err != nil {
				return p, c.mistake(fmt.Sprintf("listeners[%d].tls.certificate", i), err)
			}
		}
		was := current[s.key]
		if was != nil && equal(reflect.ValueOf(was.listener), reflect.ValueOf(l)) {
			p.next, p.tls = append(p.next, was), append(p.tls, s.tls)
			continue
		}
		if was != nil {
			s.socket = was.socket
			p.old = append(p.old, was)
		} else {
			if s.socket, err = listen(ctx, l.Address); err != nil {
				return p, err
			}
			p.fresh = append(p.fresh, s.socket)
		}
		p.next, p.tls = append(p.next, s), append(p.tls, nil)
	}
	for _, s := range d.serves {
		if !slices.Contains(kept, s.key) {
			p.old, p.gone = append(p.old, s), append(p.gone, s.socket)
		}
	}
	return p, nil
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
			s.tenant = s.socket.tenant()
			d.serving.Go(func() { d.serve(s) })
		}
	}
	d.serves = p.next
}

// serve serves a listener until it is replaced or ends.
func (d *Daemon) serve(s *served) {
	defer close(s.over)
	err := d.rt.ServeEndpoint(s.tenant, s.listener.endpoint(s.tls))
	if errors.Is(err, router.ErrClosed) || errors.Is(err, net.ErrClosed) {
		return
	}
	select {
	case d.failed <- fmt.Errorf("listening on %s: %w", s.socket.address, err):
	default: // another one has failed as well
	}
}
