package router

import (
	"slices"
	"time"

	"github.com/wampeter/wampeter/internal/core"
	"github.com/wampeter/wampeter/internal/match"
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/wamp"
)

// Policy is what the router makes of the calls and events of some sessions.
type Policy struct {
	// URI and Match are the procedures and topics that the policy is for. The
	// prefix "" is all of them.
	URI   string
	Match wamp.MatchPolicy

	// AuthRoles are the roles of the callers and publishers that it is for;
	// none: all.
	AuthRoles []string

	// Disclose says whether those who get the call or event are told who they
	// have it from.
	Disclose Disclosure

	// TrustLevel is the trust level that the call or event carries
	// (specification, advanced profile, sections "Call Trust Levels" and
	// "Publication Trust Levels"); nil: none.
	TrustLevel *uint64
}

// Disclosure says whether callers and publishers are made known
// (specification, advanced profile, sections "Caller Identification" and
// "Publisher Identification").
type Disclosure uint8

// The kinds of Disclosure. OnRequest leaves it to callers and publishers, and
// to callees that ask when they register. Who asks against Never is refused:
// ERROR wamp.error.option_disallowed.disclose_me.
const (
	OnRequest Disclosure = Disclosure(core.DiscloseOnRequest)
	Never     Disclosure = Disclosure(core.DiscloseNever)
	Always    Disclosure = Disclosure(core.DiscloseAlways)
)

// History are topics whose events are kept for wamp.subscription.get_events
// (specification, advanced profile, section "Event History"), whether somebody
// subscribes to them or not. A realm keeps them in memory as long as it exists.
type History struct {
	URI   string
	Match wamp.MatchPolicy
	Limit int // how many events are kept; default 1000
	Bytes int // how many bytes of them; default 8 MiB
}

// Retention bounds the retained events of a realm (specification, advanced
// profile, section "Event Retention"). The oldest ones make room.
type Retention struct {
	For    time.Duration // how long one is kept; 0: as long as there is room
	Topics int           // with retained events; default 65536
	Bytes  int           // of retained events; default 64 MiB
}

// find returns the first policy for what s calls or publishes to, nil when
// there is none.
func find(list []Policy, s *core.Session, uri []byte) *Policy {
	for i := range list {
		p := &list[i]
		if match.Matches(msg.Match(p.Match), p.URI, uri) &&
			(len(p.AuthRoles) == 0 || slices.Contains(p.AuthRoles, s.AuthRole)) {
			return p
		}
	}
	return nil
}
