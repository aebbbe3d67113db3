package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/wampeter/wampeter/wamp"
)

// Exit codes; the help topic exit-codes says the same to users.
const (
	exitOK         = 0
	exitFailed     = 1 // an ERROR or ABORT, or whatever else went wrong
	exitUsage      = 2 // the command line
	exitConnection = 3 // no connection to a router, or it was lost
	exitTime       = 4 // --timeout was over, or a signal came before the end
)

// usageError is a mistake in the command line that a command found after the
// flags had been parsed.
type usageError struct{ err error }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// connectError says that no router could be reached.
type connectError struct{ err error }

func (e *connectError) Error() string { return e.err.Error() }
func (e *connectError) Unwrap() error { return e.err }

// errUnfinished ends a command that was to wait for more than had come.
var errUnfinished = errors.New("ended before that")

// exitCode says what a script gets to know of err.
func exitCode(err error) int {
	var refused *wamp.Error
	switch {
	case err == nil:
		return exitOK
	case unreachable(err): // even if it was the time limit of one attempt to connect
		return exitConnection
	case errors.Is(err, errUnfinished), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return exitTime
	case errors.As(err, &refused):
		return exitFailed
	case errors.Is(err, wamp.ErrClosed):
		return exitConnection
	}
	return exitFailed
}

// unreachable reports whether err says that there is no connection to a router.
func unreachable(err error) bool {
	var (
		connect *connectError
		network *net.OpError // of the load generator, which dials by itself
	)
	return errors.As(err, &connect) || errors.As(err, &network) && network.Op == "dial"
}

// printError writes err for a person to read, and the payload of a WAMP error
// as a line of JSON, when there is more of it than the text.
func printError(w io.Writer, err error) {
	fmt.Fprintf(w, "wampeter: %v\n", err)
	if hint := hintFor(err); hint != "" {
		fmt.Fprintf(w, "%s\n", hint)
	}
	var e *wamp.Error
	if !errors.As(err, &e) || len(e.Kwargs) == 0 && (len(e.Args) == 0 || len(e.Args) == 1 && e.Message() != "") {
		return
	}
	c, cerr := contentOf(wamp.Return(e.Args, e.Kwargs).Payload)
	if cerr != nil {
		return
	}
	fmt.Fprintf(w, "%s\n", c.message())
}

// hintFor returns what the user may do about err, "" when the error says it all.
func hintFor(err error) string {
	switch {
	case unreachable(err):
		return "Is a router running there? 'wampeter run' starts one; --url or WAMPETER_URL name another."
	case errors.Is(err, wamp.ErrNoSuchRealm):
		return "Name the realm with --realm or WAMPETER_REALM; 'wampeter run --realm NAME' makes one."
	case errors.Is(err, wamp.ErrNoSuchProcedure):
		return "No session has registered it; 'wampeter register' can, or check --realm."
	}
	return ""
}
