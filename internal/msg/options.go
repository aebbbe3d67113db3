package msg

// Key is a set of option and detail keys. Options.Set tells which keys a
// dictionary holds, Options.True the values of the boolean ones.
type Key uint64

// Boolean keys.
const (
	Acknowledge     Key = 1 << iota // PUBLISH
	ExcludeMe                       // PUBLISH
	DiscloseMe                      // PUBLISH, CALL
	Retain                          // PUBLISH
	RetainClear                     // PUBLISH, ours: "_retain_clear"
	GetRetained                     // SUBSCRIBE
	Retained                        // EVENT
	ReceiveProgress                 // CALL, INVOCATION
	Progress                        // CALL, INVOCATION, YIELD, RESULT
	DiscloseCaller                  // REGISTER
	ForwardTimeout                  // REGISTER
	ForceReregister                 // REGISTER
	AckDelivery                     // EVENT, Autobahn: "x_acknowledged_delivery"

	// The other keys.
	KeyMatch       // SUBSCRIBE, REGISTER: Options.Match
	KeyInvoke      // REGISTER: Options.Invoke
	KeyMode        // CANCEL, INTERRUPT: Options.Mode
	KeyRunMode     // CALL: Options.RunMode
	KeyTimeout     // CALL, INVOCATION: Options.Timeout
	KeyConcurrency // REGISTER: Options.Concurrency
	KeyTrustLevel  // INVOCATION, EVENT: Options.TrustLevel
	KeySession     // caller in INVOCATION, publisher in EVENT, callee in RESULT: Options.Session

	// Keys whose value is in Options.X.
	KeyAuthID   // caller_authid, publisher_authid, callee_authid
	KeyAuthRole // caller_authrole, publisher_authrole, callee_authrole
	KeyExclude
	KeyExcludeAuthID
	KeyExcludeAuthRole
	KeyEligible
	KeyEligibleAuthID
	KeyEligibleAuthRole
	KeyRKey
	KeyNKey
	KeyPPTScheme
	KeyPPTSerializer
	KeyPPTCipher
	KeyPPTKeyID
	KeyEncAlgo
	KeyEncKey
	KeyEncSerializer
	KeyReason  // revocations, INTERRUPT
	KeySubject // "subscription" or "registration" of a revocation: Message.ID
	KeyTransactionHash
	KeyFields // Options.X.Fields
)

// Options is a parsed options or details dictionary: the keys that the
// specification or a known peer defines. Unknown keys are left out; a value of
// the wrong type for a known key is a Violation, except that null (and CBOR's
// undefined, MessagePack's extension 0 as wampy.js sends them) means absent.
type Options struct {
	Set  Key // the keys that are present
	True Key // those of the boolean keys that are true

	Match       Match
	Invoke      Invoke
	Mode        CancelMode
	RunMode     RunMode
	Concurrency uint32
	Timeout     uint64 // milliseconds
	TrustLevel  uint64
	Session     uint64 // caller, publisher or callee
	X           *Extra // nil when none of its keys is present
}

// Has reports whether all of the keys k are present.
func (o *Options) Has(k Key) bool { return o.Set&k == k }

// Is reports whether the boolean key k is present and true.
func (o *Options) Is(k Key) bool { return o.True&k == k }

// SetBool sets the boolean key k to v.
func (o *Options) SetBool(k Key, v bool) {
	o.Set |= k
	if v {
		o.True |= k
	} else {
		o.True &^= k
	}
}

// Extra returns o.X, made when it was nil.
func (o *Options) Extra() *Extra {
	if o.X == nil {
		o.X = new(Extra)
	}
	return o.X
}

// Extra holds the values of the rarer keys. It owns its memory: nothing in it
// refers to the bytes of a message.
type Extra struct {
	AuthID, AuthRole string

	Exclude, Eligible                []uint64
	ExcludeAuthID, ExcludeAuthRole   []string
	EligibleAuthID, EligibleAuthRole []string

	RKey, NKey ShardKey

	PPTScheme, PPTSerializer, PPTCipher, PPTKeyID string
	EncAlgo, EncKey, EncSerializer                string

	Reason          string
	TransactionHash string

	// Fields are further entries to write, in order. Parsing leaves it empty.
	Fields []Field
}

// Field is one entry of a dictionary with its value serialized.
type Field struct {
	Name   string
	Format Format
	Value  []byte
}

// ShardKey is the value of nkey or rkey: a string or an integer. Keys of
// different kinds are never equal.
type ShardKey struct {
	IsInt bool
	Int   int64
	Str   string
}

// Match is a matching policy for subscriptions and registrations.
type Match uint8

// The matching policies. Exact is the default.
const (
	Exact Match = iota
	Prefix
	Wildcard
)

func (m Match) String() string { return matchNames[m] }

var matchNames = [...]string{"exact", "prefix", "wildcard"}

// ParseMatch returns the policy named s.
func ParseMatch(s string) (Match, bool) { return parseName[Match](matchNames[:], s) }

// Invoke is an invocation policy for shared registrations.
type Invoke uint8

// The invocation policies. Single is the default. InvokeUnknown stands for a
// name that is none of them.
const (
	Single Invoke = iota
	RoundRobin
	Random
	First
	Last
	Partition
	InvokeUnknown
)

func (i Invoke) String() string { return invokeNames[i] }

var invokeNames = [...]string{"single", "roundrobin", "random", "first", "last", "partition", "unknown"}

// ParseInvoke returns the policy named s; false and InvokeUnknown when there
// is none.
func ParseInvoke(s string) (Invoke, bool) {
	i, ok := parseName[Invoke](invokeNames[:InvokeUnknown], s)
	if !ok {
		return InvokeUnknown, false
	}
	return i, true
}

// CancelMode is the mode of a CANCEL or INTERRUPT.
type CancelMode uint8

// The cancel modes. ModeUnset means that the message names none, ModeUnknown
// that it names another one.
const (
	ModeUnset CancelMode = iota
	Skip
	Kill
	KillNoWait
	ModeUnknown
)

func (m CancelMode) String() string { return modeNames[m] }

var modeNames = [...]string{"", "skip", "kill", "killnowait", "unknown"}

// ParseCancelMode returns the mode named s; false and ModeUnknown when there
// is none.
func ParseCancelMode(s string) (CancelMode, bool) {
	m, ok := parseName[CancelMode](modeNames[:ModeUnknown], s)
	if !ok || m == ModeUnset {
		return ModeUnknown, false
	}
	return m, true
}

// RunMode says on which callees of a shared registration a call runs.
type RunMode uint8

// The run modes. RunUnset means that the call names none, RunUnknown that it
// names another one.
const (
	RunUnset RunMode = iota
	RunAny
	RunAll
	RunPartition
	RunUnknown
)

func (m RunMode) String() string { return runNames[m] }

var runNames = [...]string{"", "any", "all", "partition", "unknown"}

// ParseRunMode returns the mode named s; false and RunUnknown when there is
// none.
func ParseRunMode(s string) (RunMode, bool) {
	m, ok := parseName[RunMode](runNames[:RunUnknown], s)
	if !ok || m == RunUnset {
		return RunUnknown, false
	}
	return m, true
}

func parseName[T ~uint8](names []string, s string) (T, bool) {
	for i, n := range names {
		if n == s {
			return T(i), true
		}
	}
	return 0, false
}
