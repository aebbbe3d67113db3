package wamp

import (
	"time"

	"github.com/wampeter/wampeter/internal/msg"
)

// Every operation takes options of a type of its own, so that an option in the
// wrong place does not compile. An option that fits several operations
// implements several of these interfaces; see the functions that return
// [PayloadOption] and [AnyOption].
type (
	// CallOption is an option of Call, Go, CallStream and CallAll.
	CallOption interface{ applyCall(*callConfig) }

	// PublishOption is an option of Session.Publish.
	PublishOption interface{ applyPublish(*publishConfig) }

	// RegisterOption is an option of Session.Register.
	RegisterOption interface{ applyRegister(*registerConfig) }

	// SubscribeOption is an option of Session.Subscribe.
	SubscribeOption interface{ applySubscribe(*subscribeConfig) }

	// PayloadOption is arguments: Args, KW, a Payload, or In of a struct.
	// It fits wherever arguments go.
	PayloadOption interface {
		CallOption
		PublishOption
		applyPayload(*Payload)
	}

	// SendOption fits calls and publications.
	SendOption interface {
		CallOption
		PublishOption
	}

	// HandlerOption fits registrations and subscriptions.
	HandlerOption interface {
		RegisterOption
		SubscribeOption
	}

	// AnyOption fits every operation.
	AnyOption interface {
		CallOption
		PublishOption
		RegisterOption
		SubscribeOption
	}
)

// CancelMode says what becomes of a call whose caller gives up
// (specification, advanced profile, "Call Canceling").
type CancelMode uint8

// The cancel modes.
const (
	// KillNoWait, the default, interrupts the callee; the call ends at once.
	KillNoWait CancelMode = iota
	// Kill interrupts the callee; the router lets the call end with what the
	// callee answers.
	Kill
	// Skip lets the callee finish undisturbed; the call ends at once.
	Skip
	// Detach sends nothing at all: only the waiting ends, and the answer is
	// dropped when it comes.
	Detach
)

// MatchPolicy says how a pattern is compared with URIs.
type MatchPolicy uint8

// The matching policies (specification, advanced profile, "Pattern-based
// Subscriptions").
const (
	Exact    MatchPolicy = MatchPolicy(msg.Exact)
	Prefix   MatchPolicy = MatchPolicy(msg.Prefix)
	Wildcard MatchPolicy = MatchPolicy(msg.Wildcard)
)

func (m MatchPolicy) String() string { return msg.Match(m).String() }

// InvokePolicy says which callee of a shared registration gets a call.
type InvokePolicy uint8

// The invocation policies (specification, advanced profile, "Shared
// Registration"). Partitioned is Wampeter's own.
const (
	Single      InvokePolicy = InvokePolicy(msg.Single)
	RoundRobin  InvokePolicy = InvokePolicy(msg.RoundRobin)
	Random      InvokePolicy = InvokePolicy(msg.Random)
	First       InvokePolicy = InvokePolicy(msg.First)
	Last        InvokePolicy = InvokePolicy(msg.Last)
	Partitioned InvokePolicy = InvokePolicy(msg.Partition)
)

func (i InvokePolicy) String() string { return msg.Invoke(i).String() }

// Key is a partition key: a string or an integer.
type Key interface {
	~string | ~int | ~int32 | ~int64 | ~uint32
}

// Overflow says what happens to an event when the queue of its subscription is
// full.
type Overflow uint8

// The overflow policies.
const (
	EndSession Overflow = iota // the session ends with ErrSlowHandler
	DropNewest                 // the event is dropped
	DropOldest                 // the oldest event in the queue is dropped
)

// Timeout makes the router end the call with wamp.error.timeout after d, which
// is rounded up to milliseconds. It needs the feature call_timeout; without it
// the deadline of the call's context still works, at this end.
//
// By default the router is told the deadline of the context. Timeout(0) and
// OnCancel(Detach) tell it nothing.
func Timeout(d time.Duration) CallOption { panic("not yet") }

// OnCancel says what becomes of the call when its context ends before the
// answer is there; KillNoWait by default.
func OnCancel(mode CancelMode) CallOption { panic("not yet") }

// OnProgress asks for progressive results, and has f called with each, in
// order, before the call returns. P binds like a result of [Call].
func OnProgress[P any](f func(P)) CallOption { panic("not yet") }

// Partition sends the call to the callee, or the event to the one subscriber,
// that owns the key: always the same as long as none joins or leaves.
func Partition[K Key](key K) SendOption { panic("not yet") }

// Shard makes the session the owner of a share of the keys under the name key,
// which is its session id by default.
func Shard[K Key](key K) HandlerOption { panic("not yet") }

// DiscloseMe asks the router to tell callees or subscribers who called or
// published.
func DiscloseMe() SendOption { panic("not yet") }

// Acknowledge makes Publish wait for the router: it then returns the
// publication's id, or the reason why the router refused it.
func Acknowledge() PublishOption { panic("not yet") }

// ExcludeMe(false) lets a publisher get its own event.
func ExcludeMe(exclude bool) PublishOption { panic("not yet") }

// Exclude keeps the event from sessions.
func Exclude(sessions ...uint64) PublishOption { panic("not yet") }

// ExcludeAuthID keeps the event from all sessions of users.
func ExcludeAuthID(authids ...string) PublishOption { panic("not yet") }

// ExcludeAuthRole keeps the event from all sessions of roles.
func ExcludeAuthRole(authroles ...string) PublishOption { panic("not yet") }

// Eligible gives the event to none but these sessions.
func Eligible(sessions ...uint64) PublishOption { panic("not yet") }

// EligibleAuthID gives the event to none but the sessions of these users.
func EligibleAuthID(authids ...string) PublishOption { panic("not yet") }

// EligibleAuthRole gives the event to none but the sessions of these roles.
func EligibleAuthRole(authroles ...string) PublishOption { panic("not yet") }

// Retain makes the router keep the event for sessions that subscribe later
// with GetRetained.
func Retain() PublishOption { panic("not yet") }

// Match says how the pattern of a registration or subscription is to be
// compared. Without it the pattern itself tells; see the package
// documentation.
func Match(policy MatchPolicy) HandlerOption { panic("not yet") }

// Invoke shares the procedure among all sessions that register it with the
// same policy.
func Invoke(policy InvokePolicy) RegisterOption { panic("not yet") }

// Concurrency sets how many invocations or events of a registration or
// subscription are handled at the same time: by default 1024 invocations (the
// router is told another number), and one event, which is what keeps events in
// order.
func Concurrency(n int) HandlerOption { panic("not yet") }

// DiscloseCaller asks the router to tell who calls.
func DiscloseCaller() RegisterOption { panic("not yet") }

// ForceReregister takes the procedure from whoever has it registered.
func ForceReregister() RegisterOption { panic("not yet") }

// GetRetained asks for the event that the router keeps for the topic.
func GetRetained() SubscribeOption { panic("not yet") }

// Queue sets how many events may wait for their handler, 1024 by default, and
// how many invocations may wait for one of the Concurrency handlers.
func Queue(n int) HandlerOption { panic("not yet") }

// OnOverflow sets what happens to an event that finds the queue full;
// EndSession by default.
func OnOverflow(policy Overflow) SubscribeOption { panic("not yet") }

// Option sets an option that this package has no function for.
func Option(name string, value any) AnyOption { panic("not yet") }
