package core

import "github.com/wampeter/wampeter/internal/msg"

// Features returns what a realm announces in WELCOME: the roles of a router
// with the advanced features that work.
func Features() msg.Roles {
	roles := msg.Roles{Set: msg.Dealer | msg.Broker}
	for i := range msg.RoleNames {
		switch msg.Role(1 << i) {
		case msg.Dealer:
			roles.Features[i] = dealerFeatures
		case msg.Broker:
			roles.Features[i] = brokerFeatures
		}
	}
	return roles
}

const (
	dealerFeatures = msg.ProgressiveCallResults | msg.ProgressiveCallInvocations | msg.CallTimeout |
		msg.CallCanceling | msg.CallerIdentification | msg.CallTrustLevels | msg.PatternBasedRegistration |
		msg.SharedRegistration | msg.ShardedRegistration | msg.RegistrationRevocation | msg.CallReroute |
		msg.PayloadPassthru | msg.RegistrationMetaAPI | msg.SessionMetaAPI | msg.TestamentMetaAPI
	brokerFeatures = msg.PatternBasedSubscription | msg.SubscriberBlackWhiteListing | msg.PublisherExclusion |
		msg.PublisherIdentification | msg.PublicationTrustLevels | msg.ShardedSubscription |
		msg.SubscriptionRevocation | msg.EventRetention | msg.EventHistory | msg.PayloadPassthru |
		msg.SubscriptionMetaAPI | msg.SessionMetaAPI
)
