// Package meta asks a router who is there and what they do, and acts on it:
// the WAMP meta API of sessions, registrations and subscriptions, testaments,
// and event history.
//
// Its functions call the router's procedures under wamp.session,
// wamp.registration and wamp.subscription with a session of package wamp:
//
//	ids, err := meta.Sessions(ctx, s)
//	reg, err := meta.MatchRegistration(ctx, s, "com.example.add2")
//	err = meta.KillSession(ctx, s, id, "com.example.banned", "see you never")
//
// Events of the router come as iterators. Each subscribes when its loop begins,
// and unsubscribes when it ends:
//
//	for joined, err := range meta.Joins(ctx, s) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(joined.AuthID)
//	}
//
// Who would rather have a handler subscribes to the topics, [TopicJoin] and
// others, with [wamp.Event] and the same types.
//
// # Errors
//
// All errors are those of [wamp.Call] and [wamp.Session.Subscribe]. A router
// without the API answers [wamp.ErrNoSuchProcedure]; whether it has it, its
// features session_meta_api, registration_meta_api, subscription_meta_api,
// testament_meta_api and event_history tell, see [wamp.Session.HasFeature].
// One that does not let the session use it answers [wamp.ErrNotAuthorized].
// IDs that the router does not know, which may have been right a moment ago, are
// [wamp.ErrNoSuchSession], [wamp.ErrNoSuchRegistration] and
// [wamp.ErrNoSuchSubscription].
//
// # What is counted
//
// Sessions of the router itself do not appear. The session that asks does, but
// no function ever kills it. Subscriptions to the meta API's own topics are
// listed, but no event tells of them.
//
// See the specification, advanced profile, "Session Meta API", "Registration
// Meta API", "Subscriptions Meta API", "Session Testament" and "Event History".
package meta
