package config

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
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
	patience Duration // timeouts.handshake, which HTTP takes from where it is served
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
	if err := d.follow(ctx, c, plan); err != nil {
		d.cancel(ctx, plan)
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

// leave ends the serving of a listener, once. Its socket stays.
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

// serve serves a listener until it is replaced or ends.
func (d *Daemon) serve(s *served) {
	defer close(s.over)
	err := d.rt.ServeEndpoint(s.tenant, s.listener.endpoint(s.tls))
	if errors.Is(err, router.ErrClosed) || errors.Is(err, net.ErrClosed) {
		return
	}
	d.fail(fmt.Errorf("listening on %s: %w", s.socket.address, err))
}

// fail says that a listener cannot go on.
func (d *Daemon) fail(err error) {
	select {
	case d.failed <- err:
	default: // another one has failed as well
	}
}
