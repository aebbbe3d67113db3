package wamp

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/wampeter/wampeter/internal/msg"
)

// URI names procedures, topics and errors. As an error it stands for every
// error of that name: errors.Is(err, wamp.ErrNoSuchProcedure). A handler may
// return a URI of its own as an error without any payload.
type URI string

// Error returns the URI itself.
func (u URI) Error() string { return string(u) }

// Is reports whether target is the same URI. The two spellings of
// wamp.error.canceled that the specification uses are the same.
func (u URI) Is(target error) bool {
	t, ok := target.(URI)
	return ok && sameURI(u, t)
}

func sameURI(a, b URI) bool {
	if a == msg.ErrCancelled {
		a = ErrCanceled
	}
	if b == msg.ErrCancelled {
		b = ErrCanceled
	}
	return a == b
}

// Errors that routers and clients use by themselves (specification, basic
// profile, "Predefined URIs", and advanced profile, "Error URIs").
const (
	ErrInvalidURI             URI = msg.ErrInvalidURI
	ErrNoSuchProcedure        URI = msg.ErrNoSuchProcedure
	ErrProcedureAlreadyExists URI = msg.ErrProcedureAlreadyExists
	ErrNoSuchRegistration     URI = msg.ErrNoSuchRegistration
	ErrNoSuchSubscription     URI = msg.ErrNoSuchSubscription
	ErrInvalidArgument        URI = msg.ErrInvalidArgument
	ErrCanceled               URI = msg.ErrCanceled
	ErrTimeout                URI = msg.ErrTimeout
	ErrPayloadSizeExceeded    URI = msg.ErrPayloadSizeExceeded
	ErrInvalidPayload         URI = msg.ErrInvalidPayload
	ErrProtocolViolation      URI = msg.ErrProtocolViolation
	ErrNotAuthorized          URI = msg.ErrNotAuthorized
	ErrAuthorizationFailed    URI = msg.ErrAuthorizationFailed
	ErrAuthorizationDenied    URI = msg.ErrAuthorizationDenied
	ErrAuthorizationRequired  URI = msg.ErrAuthorizationRequired
	ErrNoSuchRealm            URI = msg.ErrNoSuchRealm
	ErrNoSuchRole             URI = msg.ErrNoSuchRole
	ErrNoSuchPrincipal        URI = msg.ErrNoSuchPrincipal
	ErrNoMatchingAuthMethod   URI = msg.ErrNoMatchingAuthMethod
	ErrAuthenticationDenied   URI = msg.ErrAuthenticationDenied
	ErrAuthenticationFailed   URI = msg.ErrAuthenticationFailed
	ErrAuthenticationRequired URI = msg.ErrAuthenticationRequired
	ErrOptionNotAllowed       URI = msg.ErrOptionNotAllowed
	ErrDiscloseMeNotAllowed   URI = msg.ErrOptionDisallowedDisclose
	ErrNetworkFailure         URI = msg.ErrNetworkFailure
	ErrUnavailable            URI = msg.ErrUnavailable
	ErrNoAvailableCallee      URI = msg.ErrNoAvailableCallee
	ErrFeatureNotSupported    URI = msg.ErrFeatureNotSupported
	ErrNoSuchSession          URI = msg.ErrNoSuchSession
	ErrRuntimeError           URI = msg.ErrRuntimeError
	ErrLimitExceeded          URI = msg.ErrLimitExceeded
)

// Reasons for which sessions end. They too can be tested for with errors.Is.
const (
	CloseNormal         URI = msg.CloseNormal         // this end closed the session
	CloseRealm          URI = msg.CloseRealm          // the router closes the realm
	CloseGoodbyeAndOut  URI = msg.CloseGoodbyeAndOut  // the answer to a GOODBYE
	CloseSystemShutdown URI = msg.CloseSystemShutdown // the router shuts down
	CloseKilled         URI = msg.CloseKilled         // somebody had the session killed
	CloseTransportLost  URI = msg.CloseTransportLost  // the connection broke without a GOODBYE
)

// Errors of the library that have no URI.
var (
	// ErrClosed is what every operation on a session that has ended returns,
	// and every operation that was waiting when it ended. The error that
	// carries it is a *ClosedError.
	ErrClosed = errors.New("session is closed")

	// ErrSlowHandler ends a session whose event handler let the queue of its
	// subscription fill up (see Overflow), and a call whose progress is not
	// consumed.
	ErrSlowHandler = errors.New("handler is too slow: its queue is full")

	// ErrNotRegistered and ErrNotSubscribed say that there is nothing to
	// unregister or to unsubscribe.
	ErrNotRegistered = errors.New("not registered")
	ErrNotSubscribed = errors.New("not subscribed")
)

// Origin says which end came to the conclusion that an [Error] reports.
type Origin uint8

// The origins of errors.
const (
	OriginLocal  Origin = iota // this process
	OriginRemote               // an ERROR or ABORT that came from the router, be it its own or a callee's
)

func (o Origin) String() string {
	if o == OriginRemote {
		return "remote"
	}
	return "local"
}

// Error is an error with a URI and a payload: what a refused or failed
// operation returns, and what a handler returns to make its caller get just
// that. Find it with errors.As, or test for its URI with errors.Is.
type Error struct {
	URI    URI
	Args   Args
	Kwargs KW
	Origin Origin

	op    string  // "call com.example.add2"
	cause error   // of local errors, such as context.Canceled
	raw   Payload // as received
}

// NewError returns an error with URI uri and the payload that opts make:
//
//	return 0, wamp.NewError("com.example.error.too_poor", wamp.KW{"missing": 12})
func NewError(uri URI, opts ...PayloadOption) *Error {
	e := &Error{URI: uri}
	e.raw = newPayload(opts)
	e.Args, e.Kwargs = e.raw.args, e.raw.kwargs
	return e
}

// Errorf returns an error with URI uri whose one argument is the formatted
// text, as most WAMP clients expect it.
func Errorf(uri URI, format string, args ...any) *Error {
	return NewError(uri, Args{fmt.Sprintf(format, args...)})
}

// Error returns the operation, the URI and, when the first argument is a text,
// that text.
func (e *Error) Error() string {
	var b strings.Builder
	if e.op != "" {
		b.WriteString(e.op)
		b.WriteString(": ")
	}
	b.WriteString(string(e.URI))
	if text := e.Message(); text != "" {
		b.WriteString(": ")
		b.WriteString(text)
	} else if e.cause != nil {
		b.WriteString(": ")
		b.WriteString(e.cause.Error())
	}
	return b.String()
}

// Message returns the first argument when it is a text, which by convention
// says what went wrong, else "".
func (e *Error) Message() string {
	if len(e.Args) > 0 {
		if s, ok := e.Args[0].(string); ok {
			return s
		}
	}
	return ""
}

// Is reports whether target is the error's URI, or an *Error with the same
// URI. An error wamp.error.timeout also is a context.DeadlineExceeded, since
// it may be the router that noticed first.
func (e *Error) Is(target error) bool {
	switch t := target.(type) {
	case URI:
		return sameURI(e.URI, t)
	case *Error:
		return sameURI(e.URI, t.URI)
	}
	return target == context.DeadlineExceeded && e.URI == ErrTimeout
}

// Unwrap returns the local cause, such as context.Canceled, or nil.
func (e *Error) Unwrap() error { return e.cause }

// Payload returns the arguments of the error, as one that is received or sent
// carries them.
func (e *Error) Payload() Payload { return e.payload() }

// payload returns what to send.
func (e *Error) payload() Payload {
	if e.Args == nil && e.Kwargs == nil {
		return e.raw
	}
	return Payload{args: e.Args, kwargs: e.Kwargs, ppt: e.raw.ppt}
}

// Decode binds the error's payload to what v points to, by the rules of
// [Call]'s results.
func (e *Error) Decode(v any) error {
	if e.raw.raw != nil {
		return e.raw.Decode(v) // as it came
	}
	return e.payload().Decode(v)
}

// ClosedError says why a session ended. It is ErrClosed, its Reason, and its
// Err to errors.Is.
type ClosedError struct {
	Reason  URI    // such as wamp.close.killed, or wamp.error.protocol_violation
	Message string // explanation by the end that closed the session, often empty
	Origin  Origin // which end closed; OriginRemote also for a lost connection
	Err     error  // error of the connection, ErrSlowHandler, or nil
}

func (e *ClosedError) Error() string {
	var b strings.Builder
	b.WriteString("session is closed: ")
	b.WriteString(string(e.Reason))
	if e.Message != "" {
		b.WriteString(": ")
		b.WriteString(e.Message)
	}
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

// Is reports whether target is ErrClosed or the reason.
func (e *ClosedError) Is(target error) bool {
	if target == ErrClosed {
		return true
	}
	t, ok := target.(URI)
	return ok && sameURI(e.Reason, t)
}

// Unwrap returns Err.
func (e *ClosedError) Unwrap() error { return e.Err }

// HandlerError is what [Dialer.OnError] gets: an error or a panic of a handler.
type HandlerError struct {
	URI   string // procedure called, or topic published to
	Event bool   // an event handler, not a procedure
	Err   error  // what the handler returned; of a panic, an error with its value
	Stack []byte // of a panic, else nil
}

func (e *HandlerError) Error() string {
	kind := "procedure "
	if e.Event {
		kind = "event handler of "
	}
	return kind + e.URI + ": " + e.Err.Error()
}

// Unwrap returns Err.
func (e *HandlerError) Unwrap() error { return e.Err }
