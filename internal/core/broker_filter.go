package core

import (
	"cmp"
	"slices"

	"github.com/wampeter/wampeter/internal/msg"
)

// filterKeys are the options of PUBLISH that restrict who receives an event
// (specification, advanced profile, section "Subscriber Black- and
// Whitelisting").
const filterKeys = msg.KeyExclude | msg.KeyExcludeAuthID | msg.KeyExcludeAuthRole |
	msg.KeyEligible | msg.KeyEligibleAuthID | msg.KeyEligibleAuthRole

// filter is the lists of a publication. A session receives the event when it
// is in each of the eligible lists that are there, and in none of the others.
type filter struct {
	keys msg.Key // the lists that are there, empty or not

	exclude, eligible                []uint64
	excludeAuthID, excludeAuthRole   []string
	eligibleAuthID, eligibleAuthRole []string
}

// set takes over the lists of o; false when one is longer than limit.
func (f *filter) set(o *msg.Options, limit int) bool {
	x := o.X
	for _, n := range [...]int{
		len(x.Exclude), len(x.Eligible), len(x.ExcludeAuthID), len(x.ExcludeAuthRole),
		len(x.EligibleAuthID), len(x.EligibleAuthRole),
	} {
		if n > limit {
			return false
		}
	}
	f.keys = o.Set & filterKeys
	f.exclude, f.eligible = sorted(x.Exclude), sorted(x.Eligible)
	f.excludeAuthID, f.excludeAuthRole = sorted(x.ExcludeAuthID), sorted(x.ExcludeAuthRole)
	f.eligibleAuthID, f.eligibleAuthRole = sorted(x.EligibleAuthID), sorted(x.EligibleAuthRole)
	return true
}

// sorted returns list in order and without repetitions.
func sorted[T cmp.Ordered](list []T) []T {
	if len(list) < 2 {
		return list
	}
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

func in[T cmp.Ordered](list []T, v T) bool {
	_, ok := slices.BinarySearch(list, v)
	return ok
}

// admits reports whether s may receive the event.
func (f *filter) admits(s *Session) bool {
	return (f.keys&msg.KeyEligible == 0 || in(f.eligible, s.ID)) && f.admitsRest(s)
}

// admitsRest is admits without the list of eligible sessions.
func (f *filter) admitsRest(s *Session) bool {
	return !in(f.exclude, s.ID) && !in(f.excludeAuthID, s.AuthID) && !in(f.excludeAuthRole, s.AuthRole) &&
		(f.keys&msg.KeyEligibleAuthID == 0 || in(f.eligibleAuthID, s.AuthID)) &&
		(f.keys&msg.KeyEligibleAuthRole == 0 || in(f.eligibleAuthRole, s.AuthRole))
}

// filtered returns the subscribers of sub that p's lists admit. It costs the
// shorter one of the subscribers and the eligible sessions.
func (r *Realm) filtered(sub *subscription, p *publication, out *Out) []*Session {
	f := &p.filter
	start := len(out.receivers)
	if f.keys&msg.KeyEligible != 0 && len(f.eligible) < len(sub.receivers) {
		for _, id := range f.eligible {
			s := r.sessions[id]
			if s != nil && s != p.excluded && s.state.subscriptions[sub] != nil && f.admitsRest(s) {
				out.receivers = append(out.receivers, s)
			}
		}
		return out.receivers[start:]
	}
	for _, s := range sub.receivers {
		if s != p.excluded && f.admits(s) {
			out.receivers = append(out.receivers, s)
		}
	}
	return out.receivers[start:]
}
