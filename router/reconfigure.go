package router

import (
	"time"

	"github.com/wampeter/wampeter/internal/session"
	"github.com/wampeter/wampeter/internal/transport"
)

// Bounds is the part of Config that can be changed while the router runs. The
// fields are those of Config, with the same defaults.
type Bounds struct {
	MaxRealms        int
	MaxMessage       int
	MaxQueue         int
	MaxMemory        int64
	HandshakeTimeout time.Duration
	DecisionTimeout  time.Duration
	KeepAlive        time.Duration
	PongTimeout      time.Duration
	WriteTimeout     time.Duration
	GoodbyeTimeout   time.Duration
	AuthLimits       AuthLimits
}

// Bounds returns what c says.
func (c *Config) Bounds() Bounds {
	return Bounds{
		MaxRealms: c.MaxRealms, MaxMessage: c.MaxMessage, MaxQueue: c.MaxQueue, MaxMemory: c.MaxMemory,
		HandshakeTimeout: c.HandshakeTimeout, DecisionTimeout: c.DecisionTimeout, KeepAlive: c.KeepAlive,
		PongTimeout: c.PongTimeout, WriteTimeout: c.WriteTimeout, GoodbyeTimeout: c.GoodbyeTimeout, AuthLimits: c.AuthLimits,
	}
}

func (b Bounds) withDefaults() Bounds {
	c := Config{
		MaxRealms: b.MaxRealms, MaxMessage: b.MaxMessage, MaxQueue: b.MaxQueue, MaxMemory: b.MaxMemory,
		HandshakeTimeout: b.HandshakeTimeout, DecisionTimeout: b.DecisionTimeout, KeepAlive: b.KeepAlive,
		PongTimeout: b.PongTimeout, WriteTimeout: b.WriteTimeout, GoodbyeTimeout: b.GoodbyeTimeout, AuthLimits: b.AuthLimits,
	}.withDefaults()
	return c.Bounds()
}

// Reconfigure changes bounds of a router that runs. MaxMessage, MaxQueue,
// KeepAlive, PongTimeout and WriteTimeout are for connections from then on;
// those that there are keep what they were opened with, and nobody is
// disconnected. All others count at once, but that a listener goes on giving the
// heads of HTTP requests the HandshakeTimeout that it began with.
func (r *Router) Reconfigure(b Bounds) { r.bound(b.withDefaults()) }

// bounded is Bounds in the form in which they are used.
type bounded struct {
	Bounds
	limits  transport.Limits
	session session.Config
	own     session.Config // of realms' own sessions
}

func (r *Router) bound(b Bounds) {
	r.budget.SetLimit(b.MaxMemory)
	r.guard.follow(b.AuthLimits)
	now := &bounded{Bounds: b}
	now.limits = transport.Limits{
		MaxMessage: b.MaxMessage, WriteTimeout: b.WriteTimeout, Handshake: b.HandshakeTimeout, Budget: r.budget,
	}
	now.session = session.Config{
		MaxQueue:  b.MaxQueue,
		Budget:    r.budget,
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

// limits returns those of a connection that is accepted now.
func (r *Router) limits() transport.Limits { return r.bounds().limits }
