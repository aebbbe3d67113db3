// Package router is a WAMP router for embedding: realms, each with a broker and
// a dealer, for sessions over WebSocket, RawSocket and within the process.
//
//	rt := router.New(router.Config{})
//	defer rt.Close()
//	http.Handle("/ws", rt)                     // WebSocket beside other handlers
//	go rt.Serve(listener)                      // HTTP, WebSocket and RawSocket on one port
//	s, err := rt.Session(ctx, "realm1")        // a client in the same process
//
// Shutdown says GOODBYE to all sessions and waits; Close ends everything at
// once. After either no goroutine is left, but for functions of the program that
// do not return: Close waits for them, Shutdown as long as its context lasts.
//
// # What the program adds
//
// Beside routing between clients, the program that the router is in can
//
//	[Realm.Mount]           serve procedures and handle events itself, from a wamp.Registry
//	[Realm.HandleCalls]     serve all calls of a realm by one function
//	[Realm.Local]           publish, call and register without being let in
//	[Router.Template]       say what realms are that clients ask for; [Router.DefaultRealm]
//	[Realm.Authenticate]    say who clients are
//	[Router.OnHello]        run code before a client is authenticated,
//	[Router.OnSession]      when its session opens,
//	[Router.OnSubscribe]    when it subscribes to a topic, and when that ends
//	[Router.Intercept]      look at all that clients send
//	[Session.Event]         send an event to one session; [Session.Close] ends it
//	[Key]                   keep data with a session
//	[Provide]               give handlers values; [Use]
//
// Functions for all realms are added to the [Router], others to a [Realm]. In
// each of them, and in mounted handlers, [From] finds the session that it is
// about. They are called without any lock of the router's, and what they panic
// with is logged.
//
// A function refuses what it is asked about by an error: a *wamp.Error or a
// wamp.URI is told to the client as it is, any other error is logged, and the
// client learns no more than that there was one.
package router

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"log/slog"
	"maps"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wampeter/wampeter/internal/match"
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/session"
	"github.com/wampeter/wampeter/internal/transport"
	"github.com/wampeter/wampeter/internal/transport/longpoll"
	"github.com/wampeter/wampeter/internal/transport/mux"
)

// Config is the configuration of a Router. The zero value is a router that
// serves every realm a client asks for, to anonymous clients.
type Config struct {
	// Realms are the names of the realms that exist from the start.
	Realms []string

	// NoDefaultRealm refuses sessions of other realms than those named by
	// Realms, made by Router.Realm, or made by a template: ABORT
	// wamp.error.no_such_realm. Otherwise a realm begins to exist with its first
	// session and ends with its last.
	NoDefaultRealm bool

	// MaxRealms bounds how many realms clients can bring into being; default
	// 1000.
	MaxRealms int

	// Path is where Serve expects WebSocket connections; default "/ws".
	Path string

	// LongPollPath is where Serve answers clients that know HTTP requests only
	// (specification, "HTTP Long-Poll Transport"); default "/lp", "-" for
	// nowhere.
	LongPollPath string

	// LongPollNoContent answers long-poll requests to send and close with
	// status 204 as Crossbar.io does, the only one that autobahn-js takes,
	// instead of the 202 that the specification prescribes.
	LongPollNoContent bool

	// Handler answers all other HTTP requests on listeners given to Serve. The
	// default says in plain text what runs here.
	Handler http.Handler

	// Origins are the origins of web pages that may connect by WebSocket, with
	// * as a glob: "https://*.example.com". Pages of the same host and clients
	// that are no browsers always may.
	Origins []string

	// Forwarders are reverse proxies whose X-Forwarded-For says who the client
	// is, for WebSocket and long-poll connections.
	Forwarders Peers

	// TLS makes listeners given to Serve accept TLS beside plain connections.
	TLS *tls.Config

	// MaxMessage is the largest message in bytes that a client may send;
	// default 16 MiB.
	MaxMessage int

	// MaxQueue is how many bytes of output may wait for one client that reads
	// too slowly before it is disconnected; default 8 MiB.
	MaxQueue int

	// MaxMemory bounds the bytes that wait in the whole process: output that
	// clients have not read and messages that have arrived in part; default
	// 1 GiB, negative: no limit.
	MaxMemory int64

	// MaxConnections bounds the connections per listener; 0: no limit.
	MaxConnections int

	// HandshakeTimeout is how long a connection may take until its session is
	// open; default 10 s.
	HandshakeTimeout time.Duration

	// DecisionTimeout is how long an application may take to decide whether a
	// message is allowed; default 10 s. When it is over, the message is refused
	// with wamp.error.authorization_failed.
	//
	// Until the decision further messages of the session wait, in order, 256 of
	// them and 1 MiB; beyond that nothing is read from the client, nor is it
	// pinged. A call's own timeout goes on: one that is being decided on is
	// answered with wamp.error.timeout when it is over, one that waits for its
	// turn when that comes. CANCEL ends the decision on its call. Once GOODBYE has
	// been read, nobody decides any more on calls, registrations and
	// subscriptions, and the decisions on all publications before it have to be
	// made within one DecisionTimeout. When the session ends, so do all decisions.
	DecisionTimeout time.Duration

	// KeepAlive is the silence after which a client is pinged; default 30 s,
	// negative: never. A client that stays silent for PongTimeout more (default
	// 10 s) is disconnected.
	KeepAlive   time.Duration
	PongTimeout time.Duration

	// WriteTimeout is how long a client may take no output at all before it
	// counts as dead; default 10 s.
	WriteTimeout time.Duration

	// GoodbyeTimeout is how long the router waits for the answer to its GOODBYE
	// and for the connection to be closed; default 5 s. Within it a client that
	// said GOODBYE may also open another session on the same connection.
	GoodbyeTimeout time.Duration

	// RawSocketPing makes RawSocket clients be pinged like WebSocket clients.
	// By default only TCP's own keep-alive looks after them, since Autobahn|Python
	// takes a PING for a broken frame.
	RawSocketPing bool

	// Compression offers permessage-deflate to WebSocket clients.
	Compression bool

	// StrictURI allows only lower case letters, digits and _ in URIs
	// (specification, "Strict URI Check"). StrictIDs demands that request IDs
	// are sequential.
	StrictURI bool
	StrictIDs bool

	// Strict refuses what real clients do beyond the letter of the
	// specification: using features that they have not announced.
	Strict bool

	// CallTimeoutUnit is what the option timeout of CALL counts; default
	// milliseconds, as the specification has it. Autobahn's and Crossbar.io's
	// clients count seconds.
	CallTimeoutUnit time.Duration

	// Policies say whether callers and publishers are made known, and which
	// trust level their calls and events carry. The first one that fits counts.
	Policies []Policy

	// History are the topics whose events are kept, in every realm.
	History []History

	// Retention bounds the retained events of each realm.
	Retention Retention

	// AuthLimits slow down who guesses passwords.
	AuthLimits AuthLimits

	// Cookies gives WebSocket connections cookies, by which browsers come back
	// as whom they were; nil: none. Router.SetCookies replaces them.
	Cookies *Cookies

	// Agent is announced in WELCOME; default "Wampeter".
	Agent string

	// Logger receives what the router has to say; default slog.Default().
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&c.HandshakeTimeout, 10*time.Second)
	def(&c.DecisionTimeout, 10*time.Second)
	def(&c.KeepAlive, session.DefaultKeepAlive)
	def(&c.PongTimeout, session.DefaultPongWait)
	def(&c.WriteTimeout, transport.DefaultWriteTimeout)
	def(&c.GoodbyeTimeout, session.DefaultGrace)
	if c.MaxRealms == 0 {
		c.MaxRealms = 1000
	}
	if c.Path == "" {
		c.Path = "/ws"
	}
	if c.LongPollPath == "" {
		c.LongPollPath = "/lp"
	}
	if c.MaxMessage == 0 {
		c.MaxMessage = transport.DefaultMaxMessage
	}
	if c.MaxQueue == 0 {
		c.MaxQueue = session.DefaultMaxQueue
	}
	if c.MaxMemory == 0 {
		c.MaxMemory = 1 << 30
	}
	if c.Agent == "" {
		c.Agent = "Wampeter"
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// ErrClosed is returned by operations on a router that is shut down or closed.
var ErrClosed = errors.New("router is closed")

// Router routes calls and events between the sessions of each of its realms.
// Its methods may be called by any goroutine.
type Router struct {
	cfg     Config
	log     *slog.Logger
	budget  *transport.Budget
	bounded atomic.Pointer[bounded]

	polls  *longpoll.Server
	says   [msg.Formats]introduction
	key    [16]byte // of registration and subscription ids
	guard  guard
	cookie atomic.Pointer[Cookies]
	authz  authorizationCounts
	configurable

	running   sync.WaitGroup // connections and what serves them
	functions sync.WaitGroup // of the application, which nobody can make return, and what they have left to do
	lost      atomic.Int32   // of these, decisions that nobody waits for any more

	mu        sync.Mutex
	realms    map[string]*Realm
	templates *match.Table[template] // nil: there are none
	links     map[*link]struct{}
	servers   []*mux.Server
	closing   bool // no new connections and sessions
	closed    bool // and no realm has anything of its own
}

// New returns a router. It runs nothing until it is given connections.
func New(cfg Config) *Router {
	cfg = cfg.withDefaults()
	r := &Router{
		cfg:    cfg,
		log:    cfg.Logger,
		budget: transport.NewBudget(cfg.MaxMemory),
		says:   introductions(cfg.Agent),
		realms: make(map[string]*Realm),
		links:  make(map[*link]struct{}),
	}
	r.guard.init(cfg.Logger)
	r.bound(cfg.Bounds())
	r.SetCookies(cfg.Cookies)
	r.polls = longpoll.NewServer(longpoll.Options{
		OnConn:     r.run,
		Limits:     r.limits,
		Origins:    cfg.Origins,
		Forwarders: transport.Trust(cfg.Forwarders),
		NoContent:  cfg.LongPollNoContent,
	})
	_, _ = rand.Read(r.key[:]) // never fails
	for _, name := range cfg.Realms {
		r.Realm(name)
	}
	return r
}

// newID returns a random ID of global scope (specification, section "IDs").
func newID() uint64 { return mathrand.Uint64()>>11 + 1 }

// Realm returns the realm called name, made when there is none: without what a
// template would give it. It exists until the router is closed. While a
// template is making the realm, Realm waits.
func (r *Router) Realm(name string) *Realm {
	for {
		realm, made := r.permanent(name)
		if made {
			return realm
		}
		<-realm.making.done
	}
}

// permanent returns the realm called name, which from now on is there until the
// router is closed, unless a template is making it: false.
func (r *Router) permanent(name string) (realm *Realm, made bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	realm = r.realms[name]
	if realm == nil {
		realm = newRealm(r, name)
		realm.own.closed = r.closed
		r.realms[name] = realm
	}
	if !realm.isMade() {
		return realm, false
	}
	realm.permanent = true
	return realm, true
}

// enter returns the realm called name for one more session, or why not.
func (r *Router) enter(name string) (*Realm, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing {
		return nil, &msg.Violation{URI: msg.CloseSystemShutdown, Text: "the router is shutting down"}
	}
	realm := r.realms[name]
	if realm == nil {
		template, ok := r.templateFor(name)
		if !ok {
			return nil, &msg.Violation{URI: msg.ErrNoSuchRealm, Text: "there is no realm " + quote(name)}
		}
		if len(r.realms) >= r.bounds().MaxRealms {
			return nil, &msg.Violation{URI: msg.ErrNoSuchRealm, Text: "there is no realm " + quote(name) + ", and there are too many to make it"}
		}
		realm = newRealm(r, name)
		if template != nil {
			realm.making = &making{done: make(chan struct{})}
			realm.template.Store(&template)
		}
		r.realms[name] = realm
	}
	realm.users++
	return realm, nil
}

// exit undoes enter.
func (r *Router) exit(realm *Realm) {
	r.mu.Lock()
	defer r.mu.Unlock()
	realm.users--
	if realm.users == 0 && !realm.permanent {
		if r.realms[realm.name] == realm {
			delete(r.realms, realm.name)
		}
		realm.giveUp()
		r.functions.Go(realm.close) // a session is just ending, or a handshake, so Close has not returned
	}
}

// Shutdown ends the router in an orderly way: listeners are closed, every
// session gets GOODBYE wamp.close.system_shutdown, and Shutdown waits until all
// connections are closed, and functions of the application have returned. When
// ctx ends first, the rest is closed at once, functions have a moment to return
// (GoodbyeTimeout), and the error is ctx's.
func (r *Router) Shutdown(ctx context.Context) error {
	links, servers := r.stop()
	for _, l := range links {
		l.shutdown()
	}
	done := make(chan error, 1)
	go func() {
		r.running.Wait()
		r.polls.Close() // sessions have ended; only held requests are left
		var err error
		for _, s := range servers {
			err = errors.Join(err, s.Shutdown(ctx))
		}
		done <- err
	}()
	var err error
	select {
	case err = <-done:
		r.cut()
	case <-ctx.Done():
		err = ctx.Err()
		r.cut()
		<-done
	}
	closed := make(chan struct{})
	go func() {
		_ = r.Close()
		close(closed)
	}()
	select {
	case <-closed:
		return err
	case <-ctx.Done():
	}
	patience := time.NewTimer(r.bounds().GoodbyeTimeout)
	defer patience.Stop()
	select {
	case <-closed:
	case <-patience.C:
		r.log.LogAttrs(ctx, slog.LevelWarn, "functions of the application go on though their contexts have ended")
	}
	return ctx.Err()
}

// Close ends the router at once: listeners and connections are closed without
// a word. It waits until nothing of the router runs any more; for a function of
// the application that never returns, for ever.
func (r *Router) Close() error {
	r.cut()
	r.functions.Wait()
	r.mu.Lock()
	r.closed = true
	realms := slices.Collect(maps.Values(r.realms))
	r.mu.Unlock()
	for _, realm := range realms {
		realm.close()
	}
	return nil
}

// cut closes all connections, and waits until they have ended.
func (r *Router) cut() {
	links, servers := r.stop()
	for _, l := range links {
		l.peer.Close(ErrClosed)
	}
	r.polls.Close()
	for _, s := range servers {
		_ = s.Close()
	}
	r.running.Wait()
}

// stop takes no further connections and returns those that there are.
func (r *Router) stop() ([]*link, []*mux.Server) {
	r.mu.Lock()
	r.closing = true
	links := make([]*link, 0, len(r.links))
	for l := range r.links {
		links = append(links, l)
	}
	servers := slices.Clone(r.servers)
	r.mu.Unlock()
	for _, s := range servers {
		s.Stop()
	}
	return links, servers
}

// run serves one connection until it ends.
func (r *Router) run(conn transport.Conn) {
	l := newLink(r, conn)
	r.mu.Lock()
	if r.closing {
		r.mu.Unlock()
		_ = conn.Close()
		return
	}
	r.running.Add(1)
	r.links[l] = struct{}{}
	r.mu.Unlock()
	defer r.running.Done()

	l.run()

	r.mu.Lock()
	delete(r.links, l)
	r.mu.Unlock()
}
