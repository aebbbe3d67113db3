package msg

// Role is a set of client or router roles.
type Role uint8

// The roles.
const (
	Caller Role = 1 << iota
	Callee
	Publisher
	Subscriber
	Dealer
	Broker
)

// RoleNames gives each role its name, in the order of the constants.
var RoleNames = [...]string{"caller", "callee", "publisher", "subscriber", "dealer", "broker"}

// Feature is a set of advanced profile features, whatever role announced them
// (specification, advanced profile, section "Feature Announcement").
type Feature uint64

// The features.
const (
	ProgressiveCallResults Feature = 1 << iota
	ProgressiveCallInvocations
	CallTimeout
	CallCanceling
	CallerIdentification
	CallTrustLevels
	RegistrationMetaAPI
	PatternBasedRegistration
	SharedRegistration
	ShardedRegistration
	RegistrationRevocation
	CallReroute
	SessionMetaAPI
	TestamentMetaAPI
	SubscriberBlackWhiteListing
	PublisherExclusion
	PublisherIdentification
	PublicationTrustLevels
	SubscriptionMetaAPI
	PatternBasedSubscription
	ShardedSubscription
	EventHistory
	EventRetention
	SubscriptionRevocation
	PayloadPassthru
	Reflection
)

// FeatureNames gives each feature its key, in the order of the constants.
var FeatureNames = [...]string{
	"progressive_call_results", "progressive_call_invocations", "call_timeout",
	"call_canceling", "caller_identification", "call_trustlevels",
	"registration_meta_api", "pattern_based_registration", "shared_registration",
	"sharded_registration", "registration_revocation", "call_reroute",
	"session_meta_api", "testament_meta_api", "subscriber_blackwhite_listing",
	"publisher_exclusion", "publisher_identification", "publication_trustlevels",
	"subscription_meta_api", "pattern_based_subscription", "sharded_subscription",
	"event_history", "event_retention", "subscription_revocation",
	"payload_passthru_mode", "reflection",
}

// featureAliases are spellings that the specification's text or other
// implementations use beside the official ones.
var featureAliases = map[string]Feature{
	"call_cancelling":        CallCanceling,
	"shareded_subscriptions": ShardedSubscription,
	"shareded_subscription":  ShardedSubscription,
	"sharded_subscriptions":  ShardedSubscription,
	"sharded_registrations":  ShardedRegistration,
}

// FeatureByName returns the feature with that key or a known misspelling of
// it, 0 when there is none.
func FeatureByName(name string) Feature {
	for i, n := range FeatureNames {
		if n == name {
			return 1 << i
		}
	}
	return featureAliases[name]
}

// Roles is what a peer announced of itself: its roles, and the features of
// each (indexed as RoleNames).
type Roles struct {
	Set      Role
	Features [len(RoleNames)]Feature
}

// Has reports whether role r was announced with all features f.
func (r *Roles) Has(role Role, f Feature) bool {
	for i := range RoleNames {
		if role == 1<<i {
			return r.Set&role != 0 && r.Features[i]&f == f
		}
	}
	return false
}

// ParseRoles reads the "roles" dictionary of HELLO or WELCOME details as
// decoded into Go values. Unknown roles and features are ignored, and so are
// features that are missing, null, or not true. It reports false when roles is
// no dictionary, or when a role is no dictionary.
func ParseRoles(roles any) (Roles, bool) {
	var r Roles
	dict, ok := roles.(map[string]any)
	if !ok {
		return r, false
	}
	for i, name := range RoleNames {
		v, ok := dict[name]
		if !ok || v == nil {
			continue
		}
		role, ok := v.(map[string]any)
		if !ok {
			return r, false
		}
		r.Set |= 1 << i
		features, _ := role["features"].(map[string]any)
		for key, on := range features {
			if on == true {
				r.Features[i] |= FeatureByName(key)
			}
		}
	}
	return r, true
}

// Dict returns the roles as the dictionary that HELLO and WELCOME carry.
func (r *Roles) Dict() map[string]any {
	dict := make(map[string]any, len(RoleNames))
	for i, name := range RoleNames {
		if r.Set&(1<<i) == 0 {
			continue
		}
		features := make(map[string]any)
		for j, key := range FeatureNames {
			if r.Features[i]&(1<<j) != 0 {
				features[key] = true
			}
		}
		dict[name] = map[string]any{"features": features}
	}
	return dict
}
