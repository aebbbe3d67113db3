// Package core is a realm as a state machine: the broker, the dealer, and what
// they know of sessions. It is pure: it has no goroutine, lock, clock or I/O,
// and knows no serializer. Callers hold the realm's lock, pass one message of
// one session, and deliver the effects in the order in which they stand.
//
// Messages passed in may refer to a read buffer. What the realm keeps it
// copies. Effects refer to the message that was passed in and to the realm's
// own memory: they have to be delivered (encoded or copied) before the lock is
// released.
package core

import (
	"time"

	"github.com/wampeter/wampeter/internal/msg"
)

// Session is what the realm knows of a session. The owner fills the exported
// fields before Join and leaves them alone from then on.
type Session struct {
	ID           uint64
	AuthID       string
	AuthRole     string
	AuthMethod   string
	AuthProvider string
	Roles        msg.Roles

	// Owner is the receiver behind the session: a connection, later a node.
	Owner any

	state sessionState
}

// Effect is one message to one session, or one EVENT to many.
type Effect struct {
	To  *Session    // receiver; nil when Receivers is used
	Msg msg.Message // Payload may be in any format

	// Receivers of an EVENT. The slice belongs to the realm.
	Receivers []*Session
}

// Out collects effects. Its memory is reused by Reset.
type Out struct {
	Effects   []Effect
	receivers []*Session // backing of Effect.Receivers where lists were filtered
}

// Reset empties o and keeps its memory.
func (o *Out) Reset() {
	clear(o.Effects)
	clear(o.receivers)
	o.Effects = o.Effects[:0]
	o.receivers = o.receivers[:0]
}

// Config is what a realm needs from outside. All functions are required.
type Config struct {
	Now  func() time.Time
	Rand func() uint64 // uniformly random bits; publication ids and random choice
	Key  [16]byte      // keys the hash of registration and subscription ids

	StrictURI bool // only [0-9a-z_] in URI components
	StrictIDs bool // request ids must be sequential

	MaxWildcardMasks int // distinct positions of empty components per session; default 32
	// further limits and policies follow with the features that need them
}
