package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamp/meta"
)

// Registrations and subscriptions have the same commands, see kind.go.

var registrations = &kind{
	name: "registration", uri: "PROCEDURE", member: "callee", invoke: true, gone: wamp.ErrNoSuchRegistration,
	matchShort: "Show the registration that a call reaches",
	matchLong: `Print the registration that a call of the procedure reaches, as the list does. It is
an error if there is none.`,
	list:   meta.Registrations,
	lookup: meta.LookupRegistration,
	match: func(ctx context.Context, s *wamp.Session, uri string) ([]uint64, error) {
		id, err := meta.MatchRegistration(ctx, s, uri)
		if id == 0 {
			return nil, err
		}
		return []uint64{id}, err
	},
	get:     meta.GetRegistration,
	members: meta.Callees,
	count:   meta.CountCallees,
	remove:  meta.RemoveCallee,
}

func (p *process) registrationsCommand() *cobra.Command {
	return p.kindCommand(registrations, &cobra.Command{
		Use:   "registrations",
		Short: "List, describe and remove the registrations of a realm",
		Long: `List, describe and remove the registrations of a realm, by the registration meta API
of the router: which procedures there are, and which sessions serve them.

A registration is named by its ID, or by its URI as the list shows it or as it was
given to 'wampeter register'; --match says how it matches when there are several with
the same one.`,
		Example: `  wampeter registrations list
  wampeter registrations match com.example.add2
  wampeter subscribe wamp.registration.            what changes, from now on`,
	})
}

var subscriptions = &kind{
	name: "subscription", uri: "TOPIC", member: "subscriber", gone: wamp.ErrNoSuchSubscription,
	matchShort: "Show the subscriptions that get an event",
	matchLong: `Print the subscriptions that get the events of the topic, as the list does. It is
an error if there are none.`,
	list:   meta.Subscriptions,
	lookup: meta.LookupSubscription,
	match:  meta.MatchSubscriptions,
	get: func(ctx context.Context, s *wamp.Session, id uint64) (meta.Registration, error) {
		sub, err := meta.GetSubscription(ctx, s, id)
		return meta.Registration{ID: sub.ID, URI: sub.URI, Match: sub.Match, Created: sub.Created}, err
	},
	members: meta.Subscribers,
	count:   meta.CountSubscribers,
	remove:  meta.RemoveSubscriber,
}

func (p *process) subscriptionsCommand() *cobra.Command {
	return p.kindCommand(subscriptions, &cobra.Command{
		Use:   "subscriptions",
		Short: "List, describe and remove the subscriptions of a realm",
		Long: `List, describe and remove the subscriptions of a realm, by the subscription meta API
of the router: which topics there are, and which sessions get their events.

A subscription is named by its ID, or by its URI as the list shows it or as it was
given to 'wampeter subscribe'; --match says how it matches when there are several with
the same one. There may be some without subscribers: those whose events the router
keeps.`,
		Example: `  wampeter subscriptions list
  wampeter subscriptions match com.example.door
  wampeter subscribe wamp.subscription.            what changes, from now on`,
	})
}
