package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/wampeter/wampeter/wamp"
)

// Errors of Apps.
var (
	// ErrNotConnected says that there is no session at the moment.
	ErrNotConnected = errors.New("not connected")

	// ErrGaveUp is what Run returns when there is no Dialer left to try. It
	// comes with the last error of each.
	ErrGaveUp = errors.New("gave up connecting")

	// ErrRunning is what Run and Start return for an App that runs already.
	ErrRunning = errors.New("the app is running already")

	// ErrStopped is the cause of contexts that end because the App does.
	ErrStopped = errors.New("the app is being stopped")
)

// Defaults of App.
const (
	DefaultShutdownTimeout = 15 * time.Second

	// Stable is how long a session has to last for its end to be the first
	// failure again, see wamp.Backoff.
	Stable = 10 * time.Second
)

// App is a set of procedures and event handlers that survives the sessions that
// serve it. Make one with New. Its methods may be called concurrently; its
// fields are to be set before Run or Start.
//
// The methods of the Registry define what the App serves. What is defined while
// it runs is served from the next session on. Run returns the errors of
// definitions.
type App struct {
	*wamp.Registry

	// Main runs in each session, once it is ready. When it returns, the App
	// shuts down, and Run returns its error. Its context ends with the
	// session; when that is why it fails, it is run again in the next one.
	// Without Main the App runs for ever.
	Main func(ctx context.Context, s *wamp.Session) error

	// ShouldRetry decides whether a Dialer is tried again after an error: of
	// dialing, of registering, of an OnConnect or OnJoin hook, or a
	// *wamp.ClosedError. Default: the function ShouldRetry.
	ShouldRetry func(err error) bool

	// ShutdownTimeout bounds how long a graceful end waits for Main and for
	// handlers. Default 15 s; negative: they are not waited for.
	ShutdownTimeout time.Duration

	// Signals of the operating system that end Run gracefully, such as
	// os.Interrupt; a second one ends the program as if there were no App.
	// Default: none.
	Signals []os.Signal

	// Logger is also that of Dialers that have none. Default slog.Default().
	Logger *slog.Logger

	// Extra is free for the program; hooks and handlers find the App, and
	// this, by FromContext.
	Extra any

	mu      sync.Mutex
	hooks   hooks
	signals map[string][]func(context.Context, ...any) error
	current *run
	state   state
	changed chan struct{} // closed at each change of state
}

// state is what others may know of a running App.
type state struct {
	session *wamp.Session // joined, everything is registered
	ready   bool          // and all OnJoin hooks have returned
	ended   bool          // the App ran, and does not any more
	failed  error         // of the last attempt, while there is no session
}

// notReady is the error of those who wait for the App until ctx ends.
func (now *state) notReady(ctx context.Context) error {
	if now.failed != nil {
		return fmt.Errorf("waiting for the app to be ready: %w; the last attempt: %w", ctx.Err(), now.failed)
	}
	return fmt.Errorf("waiting for the app to be ready: %w", ctx.Err())
}

// New returns an App whose procedures, topics and errors have a prefix, which
// may be empty.
func New(prefix string, opts ...wamp.RegistryOption) *App {
	return &App{Registry: wamp.NewRegistry(prefix, opts...), changed: make(chan struct{})}
}

func (a *App) logger() *slog.Logger {
	if a.Logger != nil {
		return a.Logger
	}
	return slog.Default()
}

// set changes the state and tells all that wait for that.
func (a *App) set(change func(*state)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(&a.state)
	close(a.changed)
	a.changed = make(chan struct{})
}

// look returns the state, and a channel that is closed when it changes.
func (a *App) look() (state, <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state, a.changed
}

type appKey struct{}

// FromContext returns the App whose hook, handler or Main runs under ctx; nil for
// other contexts.
func FromContext(ctx context.Context) *App {
	a, _ := ctx.Value(appKey{}).(*App)
	return a
}
