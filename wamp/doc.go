// Package wamp is a client for WAMP routers: remote procedure calls and
// publish/subscribe over one connection. It speaks WAMP version 2 over
// WebSocket, RawSocket and HTTP long-poll, in CBOR, MessagePack and JSON, to
// Wampeter and to any other router.
//
// The guide, docs/guide.md, goes through all of it in the order in which
// questions come up. A program that serves a procedure and calls it:
//
//	s, err := (&wamp.Dialer{URLs: []string{"ws://localhost:8080/ws"}, Realm: "realm1"}).Dial(ctx)
//	if err != nil {
//		return err
//	}
//	defer s.Close(ctx)
//	_, err = s.Register(ctx, "com.example.add2", wamp.Func2(func(ctx context.Context, a, b int) (int, error) {
//		return a + b, nil
//	}))
//	if err != nil {
//		return err
//	}
//	sum, err := wamp.Call[int](ctx, s, "com.example.add2", wamp.Args{2, 5})
//
// # Types
//
// Calls, results, procedures and events follow one rule for what a Go type
// makes of positional and keyword arguments:
//
//	a struct with wamp or uri tags   binds arguments to its fields, see [In]
//	[Result]                         all arguments, raw
//	struct{}                         none of them
//	any other type                   the first positional argument
//
// Values within an argument are written and read as encoding/json has it, with
// json tags, except that []byte is binary. Into an any go nil, bool, int64 (or
// uint64), float64, string, []byte, []any and map[string]any. An integer never
// passes through floating point, and one that its target cannot hold is an
// error. A procedure called with arguments that do not fit answers
// wamp.error.invalid_argument, with a text that names the argument, what came
// and what was expected.
//
// # Options
//
// What belongs to one operation follows its name as options: arguments ([Args],
// [KW], [In]) and functions such as [Acknowledge]. Options have types, so that
// one in the wrong place does not compile. [Option] sets any other one by name.
//
// # Patterns
//
// A registration or subscription may stand for many URIs:
//
//	pattern               matches                       components
//	com.app.add2          com.app.add2 alone
//	com.app.{id}.delete   com.app.t130.delete           id = t130
//	com.app.{a}.{b}       com.app.x.y                   a = x, b = y
//	com.us.{path...}      com.us.montana.billings       path = montana.billings
//	com.app..delete       as WAMP writes the second     0 = t130
//	com.us.               as WAMP writes the fourth     0 = montana.billings
//
// A {name} stands for exactly one component, {name...} for the rest of the URI
// and only at its end. Fields with a uri tag receive components by name or
// number; the Component methods look them up. [Match] overrides what the form
// of a pattern says.
//
// # Streams
//
// A call may have many results, arguments in many parts, or both:
//
//	                      caller         procedure
//	one of each           [Call], [Go]   [Func0] to [Func5], [Typed]
//	progressive results   [CallStream]   [Streaming]
//	arguments in parts    [CallUpload]   [Upload]
//	both                  [CallDuplex]   [Duplex]
//
// WAMP has no flow control within a call. What waits at either end is bounded,
// and a stream whose receiver falls too far behind fails, never loses a part.
//
// # Registries
//
// A [Registry] collects procedures, event handlers and types of errors apart
// from any session, under a prefix, with defaults and with names taken from
// their functions; registries are mounted in others. [Session.Use] puts one on
// a session. [DefineError] makes a type of Go stand for an error's URI.
//
// # Contexts, cancellation, errors
//
// Every operation ends when its context does. A call whose context ends is
// canceled at the router, by the mode that [OnCancel] sets, and its deadline is
// told to routers that know timeouts. The error then is both the context's and
// [ErrCanceled] or [ErrTimeout].
//
// Errors of routers and procedures are *[Error] with a URI and a payload. URIs
// are errors themselves, to compare with:
//
//	if errors.Is(err, wamp.ErrNoSuchProcedure) { … }
//
// A handler returns an *Error or a URI to its caller the same way. Any other
// error, and a panic, becomes wamp.error.runtime_error there, and is reported
// to [Dialer.OnError] here.
//
// When a session ends, each operation that waits fails with a *[ClosedError],
// which says why; so does every later one. A session is never silently
// connected again: package wamp/app does that.
//
// # Concurrency
//
// All methods of Session, Registration, Subscription and Pending may be called
// by many goroutines. Each invocation runs in a goroutine of its own, up to the
// registration's [Concurrency]. The events of one subscription are handled one
// after the other, in the order in which they were published; different
// subscriptions run beside each other. Handlers may use the session. No handler
// runs on the goroutine that reads the connection, so that a slow one holds up
// nothing but itself: what waits for it is bounded, see [Queue] and
// [OnOverflow]. An operation waits, as long as its context lasts, while the
// router does not take what was sent before.
package wamp
