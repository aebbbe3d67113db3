package wamp

import (
	"reflect"
	"time"

	"github.com/wampeter/wampeter/internal/msg"
)

// Every operation takes options of a type of its own, so that an option in the
// wrong place does not compile. An option that fits several operations
// implements several of these interfaces; see the functions that return
// [PayloadOption] and [AnyOption].
type (
	// CallOption is an option of Call, Go, CallStream, CallUpload, CallDuplex
	// and CallAll.
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

// RunMode says on which callees of a shared registration a call runs.
// The specification leaves open what it means: Wampeter's routers define it.
type RunMode uint8

// The run modes.
const (
	RunAny       RunMode = RunMode(msg.RunAny)       // one callee, by the registration's policy
	RunAll       RunMode = RunMode(msg.RunAll)       // each callee, see [CallAll]
	RunPartition RunMode = RunMode(msg.RunPartition) // the callee that owns the key, see [Partition]
)

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
func Timeout(d time.Duration) CallOption {
	return callFunc(func(c *callConfig) { c.timeout, c.timeoutSet = d, true })
}

// OnCancel says what becomes of the call when its context ends before the
// answer is there; KillNoWait by default. Whatever the mode, the call returns
// at once. Where the router does not announce call_canceling, nothing is sent.
func OnCancel(mode CancelMode) CallOption {
	return callFunc(func(c *callConfig) { c.mode = mode })
}

// OnProgress asks for progressive results, and has f called with each, in
// order, before the call returns. P binds like a result of [Call].
func OnProgress[P any](f func(P)) CallOption {
	return callFunc(func(c *callConfig) {
		c.progress = func(p *incoming) error {
			v, err := decodeResult[P](p, 0)
			if err != nil {
				return err
			}
			f(v)
			return nil
		}
	})
}

// Partition sends the call to the callee, or the event to the one subscriber,
// that owns the key: always the same as long as none joins or leaves. A key is
// a string or an integer; the string "7" and the integer 7 are different keys.
func Partition[K Key](key K) SendOption {
	k := shardKey(key)
	return sendFunc(func(c *sendConfig) {
		c.options.Set |= msg.KeyRKey
		c.extra.RKey = k
		c.partition = true
	})
}

// RunOn says on which callees of a shared registration the call runs
// ([RunAny] by default). CallAll and Partition set it by themselves.
func RunOn(mode RunMode) CallOption {
	return callFunc(func(c *callConfig) {
		c.options.Set |= msg.KeyRunMode
		c.options.RunMode = msg.RunMode(mode)
	})
}

// Shard makes the session the owner of a share of the keys under the name key,
// which is its session id by default. See Partition.
func Shard[K Key](key K) HandlerOption {
	k := shardKey(key)
	return handlerFunc(func(c *handlerConfig) {
		c.options.Set |= msg.KeyNKey
		c.extra.NKey = k
	})
}

func shardKey[K Key](key K) msg.ShardKey {
	v := reflect.ValueOf(key)
	switch {
	case v.CanInt():
		return msg.ShardKey{IsInt: true, Int: v.Int()}
	case v.CanUint():
		return msg.ShardKey{IsInt: true, Int: int64(v.Uint())}
	}
	return msg.ShardKey{Str: v.String()}
}

// DiscloseMe asks the router to tell callees or subscribers who called or
// published. The router may refuse: wamp.error.option_disallowed.disclose_me.
func DiscloseMe() SendOption {
	return sendFunc(func(c *sendConfig) { c.options.SetBool(msg.DiscloseMe, true) })
}

// Acknowledge makes Publish wait for the router: it then returns the
// publication's id, or the reason why the router refused it.
func Acknowledge() PublishOption {
	return publishFunc(func(c *publishConfig) { c.options.SetBool(msg.Acknowledge, true) })
}

// ExcludeMe(false) lets a publisher get its own event.
func ExcludeMe(exclude bool) PublishOption {
	return publishFunc(func(c *publishConfig) { c.options.SetBool(msg.ExcludeMe, exclude) })
}

// Exclude keeps the event from sessions.
func Exclude(sessions ...uint64) PublishOption {
	return publishFunc(func(c *publishConfig) {
		c.options.Set |= msg.KeyExclude
		c.extra.Exclude = append(c.extra.Exclude, sessions...)
	})
}

// ExcludeAuthID keeps the event from all sessions of users.
func ExcludeAuthID(authids ...string) PublishOption {
	return publishFunc(func(c *publishConfig) {
		c.options.Set |= msg.KeyExcludeAuthID
		c.extra.ExcludeAuthID = append(c.extra.ExcludeAuthID, authids...)
	})
}

// ExcludeAuthRole keeps the event from all sessions of roles.
func ExcludeAuthRole(authroles ...string) PublishOption {
	return publishFunc(func(c *publishConfig) {
		c.options.Set |= msg.KeyExcludeAuthRole
		c.extra.ExcludeAuthRole = append(c.extra.ExcludeAuthRole, authroles...)
	})
}

// Eligible gives the event to none but these sessions. Called with none, it
// gives it to nobody.
func Eligible(sessions ...uint64) PublishOption {
	return publishFunc(func(c *publishConfig) {
		c.options.Set |= msg.KeyEligible
		c.extra.Eligible = append(c.extra.Eligible, sessions...)
	})
}

// EligibleAuthID gives the event to none but the sessions of these users.
func EligibleAuthID(authids ...string) PublishOption {
	return publishFunc(func(c *publishConfig) {
		c.options.Set |= msg.KeyEligibleAuthID
		c.extra.EligibleAuthID = append(c.extra.EligibleAuthID, authids...)
	})
}

// EligibleAuthRole gives the event to none but the sessions of these roles.
func EligibleAuthRole(authroles ...string) PublishOption {
	return publishFunc(func(c *publishConfig) {
		c.options.Set |= msg.KeyEligibleAuthRole
		c.extra.EligibleAuthRole = append(c.extra.EligibleAuthRole, authroles...)
	})
}

// Retain makes the router keep the event for sessions that subscribe later
// with GetRetained.
func Retain() PublishOption {
	return publishFunc(func(c *publishConfig) { c.options.SetBool(msg.Retain, true) })
}

// WaitForReady makes a call or publication through package app wait while there
// is no session, as long as its context lasts, instead of failing at once. A
// Session is ready as long as it lasts: there it has no effect.
func WaitForReady() SendOption { return waitForReady{} }

type waitForReady struct{}

func (waitForReady) applyCall(*callConfig)       {}
func (waitForReady) applyPublish(*publishConfig) {}

// Match says how the pattern of a registration or subscription is to be
// compared. Without it the pattern itself tells; see the package
// documentation.
func Match(policy MatchPolicy) HandlerOption {
	return handlerFunc(func(c *handlerConfig) { c.match, c.matchSet = policy, true })
}

// Invoke shares the procedure among all sessions that register it with the
// same policy.
func Invoke(policy InvokePolicy) RegisterOption {
	return registerFunc(func(c *handlerConfig) {
		c.options.Set |= msg.KeyInvoke
		c.options.Invoke = msg.Invoke(policy)
	})
}

// Concurrency sets how many invocations or events of a registration or
// subscription are handled at the same time. By default these are 1024
// invocations, and one event, which is what keeps events in order. A limit for
// a registration is also announced to the router.
func Concurrency(n int) HandlerOption {
	return handlerFunc(func(c *handlerConfig) { c.concurrency = n })
}

// Queue sets how many events or invocations may wait for their handler; 1024
// by default. For an invocation beyond it the caller gets
// wamp.error.unavailable; for an event see OnOverflow.
func Queue(n int) HandlerOption {
	return handlerFunc(func(c *handlerConfig) { c.queue = n })
}

// OnOverflow sets what happens when an event finds the queue of its
// subscription full. Default: [Dialer.Overflow].
func OnOverflow(policy Overflow) SubscribeOption {
	return subscribeFunc(func(c *handlerConfig) { c.overflow, c.overflowSet = policy, true })
}

// DiscloseCaller asks the router to tell who calls.
func DiscloseCaller() RegisterOption {
	return registerFunc(func(c *handlerConfig) { c.options.SetBool(msg.DiscloseCaller, true) })
}

// ForwardTimeout asks the router to leave the timeouts of calls to this end:
// the handler's context then has the deadline.
func ForwardTimeout() RegisterOption {
	return registerFunc(func(c *handlerConfig) { c.options.SetBool(msg.ForwardTimeout, true) })
}

// ForceReregister takes the procedure from whoever has it registered.
func ForceReregister() RegisterOption {
	return registerFunc(func(c *handlerConfig) { c.options.SetBool(msg.ForceReregister, true) })
}

// GetRetained asks for the event that the router keeps for the topic.
func GetRetained() SubscribeOption {
	return subscribeFunc(func(c *handlerConfig) { c.options.SetBool(msg.GetRetained, true) })
}

// Option sets an option by its name, for those that this package has no
// function for.
func Option(name string, value any) AnyOption { return custom{name, value} }
