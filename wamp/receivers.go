package wamp

// Receivers says who may get an event and who must not, as one value that can
// be kept and used again. It is an option of Publish:
//
//	staff := wamp.Receivers{EligibleAuthRole: []string{"admin", "staff"}}
//	_, err := s.Publish(ctx, "com.example.news", wamp.Args{"…"}, staff)
//
// Lists that are nil say nothing. A list of eligible receivers that is empty,
// and not nil, leaves nobody.
type Receivers struct {
	Eligible         []uint64 // sessions
	EligibleAuthID   []string
	EligibleAuthRole []string
	Exclude          []uint64 // sessions
	ExcludeAuthID    []string
	ExcludeAuthRole  []string
}

func (r Receivers) applyPublish(c *publishConfig) {
	apply(c, r.Eligible, Eligible)
	apply(c, r.EligibleAuthID, EligibleAuthID)
	apply(c, r.EligibleAuthRole, EligibleAuthRole)
	apply(c, r.Exclude, Exclude)
	apply(c, r.ExcludeAuthID, ExcludeAuthID)
	apply(c, r.ExcludeAuthRole, ExcludeAuthRole)
}

func apply[T any](c *publishConfig, list []T, option func(...T) PublishOption) {
	if list != nil {
		option(list...).applyPublish(c)
	}
}
