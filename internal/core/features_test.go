package core

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What WELCOME announces, by name: a feature that is not here has no story in
// testdata that proves it.
func TestFeatures(t *testing.T) {
	on := func(names ...string) map[string]any {
		features := make(map[string]any)
		for _, name := range names {
			features[name] = true
		}
		return map[string]any{"features": features}
	}
	want := map[string]any{
		"dealer": on("call_canceling", "call_reroute", "call_timeout", "call_trustlevels", "caller_identification",
			"pattern_based_registration", "payload_passthru_mode", "progressive_call_invocations",
			"progressive_call_results", "registration_meta_api", "registration_revocation", "session_meta_api",
			"sharded_registration", "shared_registration", "testament_meta_api"),
		"broker": on("event_history", "event_retention", "pattern_based_subscription", "payload_passthru_mode",
			"publication_trustlevels", "publisher_exclusion", "publisher_identification", "session_meta_api",
			"sharded_subscription", "subscriber_blackwhite_listing", "subscription_meta_api",
			"subscription_revocation"),
	}
	roles := Features()
	if diff := cmp.Diff(want, roles.Dict()); diff != "" {
		t.Errorf("announced (-want +got):\n%s", diff)
	}
}
