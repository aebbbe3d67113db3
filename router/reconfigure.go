package router

import (
	"time"

	"github.com/wampeter/wampeter/internal/session"
)

// Bounds is the part of Config that can be changed while the router runs. The
// fields are those of Config, with the same defaults.
type Bounds struct {
	MaxRealms        int
	MaxQueue         int
	MaxMemory        int64
	HandshakeTimeout time.Duration
	DecisionTimeout  time.Duration
	KeepAlive        time.Duration
	PongTimeout      time.Duration
	GoodbyeTimeout   time.Duration
}

// Bounds returns what c says.
func (c *Config) Bounds() Bounds {
	return Bounds{
		MaxRealms: c.MaxRealms, MaxQueue: c.MaxQueue, MaxMemory: c.MaxMemory,
		HandshakeTimeout: c.HandshakeTimeout, DecisionTimeout: c.DecisionTimeout,
		KeepAlive: c.KeepAlive, PongTimeout: c.PongTimeout, GoodbyeTimeout: c.GoodbyeTimeout,
	}
}

func (b Bounds) withDefaults() Bounds {
	c := Config{
		MaxRealms: b.MaxRealms, MaxQueue: b.MaxQueue, MaxMemory: b.MaxMemory,
		HandshakeTimeout: b.HandshakeTimeout, DecisionTimeout: b.DecisionTimeout,
		KeepAlive: b.KeepAlive, PongTimeout: b.PongTimeout, GoodbyeTimeout: b.GoodbyeTimeout,
	}.withDefaults()
	return c.Bounds()
}

// Reconfigure changes bounds of a router that runs. MaxQueue, KeepAlive and
// PongTimeout are for connections from then on; those that there are keep what
// they were opened with, and nobody is disconnected. All others count at once.
func (r *Router) Reconfigure(b Bounds) { r.bound(b.withDefaults()) }

// bounded is Bounds in the form in which they are used.
type bounded struct {
	Bounds
	session session.Config
	own     session.Config // of realms' own sessions
}

func (r *Router) bound(b Bounds) {
	r.limits.Budget.SetLimit(b.MaxMemory)
	now := &bounded{Bounds: b}
	now.session = session.Config{
		MaxQueue:  b.MaxQueue,
		Budget:    r.limits.Budget,
		KeepAlive: b.KeepAlive,
		PongWait:  b.PongTimeout,
		Grace:     b.GoodbyeTimeout,
	}.WithDefaults()
	now.own = now.session
	now.own.Budget = nil // what is left of it is for clients
	r.bounded.Store(now)
}

// bounds returns the bounds of now.
func (r *Router) bounds() *bounded { return r.bounded.Load() }
