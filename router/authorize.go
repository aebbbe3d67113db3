package router

import (
	"context"
	"fmt"
	"time"

	"github.com/wampeter/wampeter/internal/codec"
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/rules"
	"github.com/wampeter/wampeter/wamp"
)

// Actions is a set of things that sessions do.
type Actions uint8

// The actions that rules are about.
const (
	ActCall      Actions = Actions(rules.Call)
	ActRegister  Actions = Actions(rules.Register)
	ActPublish   Actions = Actions(rules.Publish)
	ActSubscribe Actions = Actions(rules.Subscribe)

	// AllActions is all of them.
	AllActions Actions = Actions(rules.All)
)

// String returns the names of the actions, such as "call,register", or "all".
func (a Actions) String() string { return rules.Actions(a).String() }

// ParseAction returns the action called name: call, register, publish or
// subscribe. It also knows all.
func ParseAction(name string) (Actions, bool) {
	if name == "all" {
		return AllActions, true
	}
	a, ok := rules.ParseAction(name)
	return Actions(a), ok
}

// Rule allows or denies a role actions on procedures and topics.
//
// Of the rules that say something about an action the one with the longest fixed
// beginning counts: all of an exact URI, all of a prefix, what stands before the
// first empty component of a wildcard pattern. Of equal beginnings, an exact
// rule comes before a wildcard one, and that before a prefix; of two wildcards,
// the one that names the leftmost component which the other leaves empty. So a
// rule that covers less than another one comes before it, and a narrow Deny is
// never overruled by a broad Allow. Of rules with the same URI or pattern, Deny
// comes first, then those with Ask.
//
// Registrations and subscriptions by pattern are checked as patterns: one rule
// has to cover all of it, and no rule that would come first for a part of it
// may deny that, or have somebody asked.
//
// URIs that begin with "wamp." are the router's own. A rule gives them only if
// its own URI begins so. What concerns nobody but the caller is allowed unless
// a rule denies it: wamp.session.add_testament, whose event is checked like a
// PUBLISH, and wamp.session.flush_testaments.
type Rule struct {
	// URI and Match are the procedures and topics. ${authid} and ${session}
	// stand for the name and the ID of the session, as one component or a part
	// of one: "com.user.${authid}." with Match wamp.Prefix. For a session whose
	// name is empty, or has dots, white space or "#" in it, a rule with
	// ${authid} allows nothing, and denies what it would deny for any name.
	URI   string
	Match wamp.MatchPolicy

	// Allow and Deny are actions. A rule says nothing about those in neither;
	// those in both it denies.
	Allow, Deny Actions

	// Ask decides on what the rule allows; nil: it is allowed.
	Ask Authorizer

	// Disclose says whether callers and publishers to whom the rule allows it
	// are made known. OnRequest: as Policies have it.
	Disclose Disclosure

	// MaxPayload is the largest payload in bytes that calls and events which the
	// rule allows may have, as it comes from the client; 0: no limit. What is
	// larger is refused with wamp.error.payload_size_exceeded.
	MaxPayload int

	// Rate bounds what the rule allows, for each session by itself.
	Rate Rate

	// Origin says where the rule was written, such as "node.yaml:12", for
	// Realm.Can.
	Origin string
}

func (r *Rule) compiled() rules.Rule {
	return rules.Rule{
		URI: r.URI, Match: msg.Match(r.Match), Allow: rules.Actions(r.Allow), Deny: rules.Actions(r.Deny), Ask: r.Ask != nil,
	}
}

// String returns the rule in one line.
func (r *Rule) String() string {
	text := r.compiled().String()
	if r.Origin != "" {
		text += " (" + r.Origin + ")"
	}
	return text
}

// Rate bounds how many messages come: CALL, REGISTER, PUBLISH and SUBSCRIBE.
// Those beyond it are refused with wamp.error.limit_exceeded.
type Rate struct {
	PerSecond float64 // 0: no limit
	Burst     int     // how many may come at once; default PerSecond, at least 1
}

// Role is what sessions of a role may do.
type Role struct {
	Name   string
	Rules  []Rule
	Limits Limits
}

// Limits bound what sessions of a role use. Zero fields are no limits beyond
// those of the router. What goes beyond them is refused with
// wamp.error.limit_exceeded, and payload with wamp.error.payload_size_exceeded.
type Limits struct {
	Sessions      int  // of the role, in the realm at a time
	Registrations int  // of each session
	Subscriptions int  // of each session
	MaxPayload    int  // bytes of the payload of one call or event, as it comes
	Rate          Rate // of each session
}

// Request is something that an Authorizer is to decide on.
type Request struct {
	Session *Session
	Action  Actions // one of them
	URI     string
	Match   wamp.MatchPolicy // of patterns to register or to subscribe to

	format msg.Format
	dict   []byte
}

// Options returns the options of the message by their names in the protocol,
// also those that the router does not know. They are decoded by each call.
func (q *Request) Options() map[string]any { return dictionary(q.format, q.dict) }

// Decision is what an Authorizer says, and what Realm.Can finds out.
type Decision struct {
	// Allow: the session may do it.
	Allow bool

	// Disclose says whether the session is made known as caller or publisher;
	// OnRequest: as Policies have it.
	Disclose Disclosure

	// TTL is how long the decision holds for the session, the action and the
	// URI. 0: for this message. It ends earlier when decisions are purged
	// (Realm.Purge), when the realm is configured anew, and when there are too
	// many of them.
	TTL time.Duration

	// Reason is told to the client that is refused; it may be empty.
	Reason string

	// Rule is the rule that counts, and Ask whom it has asked. They are set by
	// Realm.Can; Rule is nil when no rule applies.
	Rule *Rule
	Ask  Authorizer
}

// Authorizer decides whether a session may do something. It is called by one
// goroutine for each session that waits for a decision, without any lock, and
// must return when ctx ends: when the session has ended or is about to, when the
// caller has canceled the call or its timeout is over, or when
// Config.DecisionTimeout is. Other sessions go on meanwhile. What it says later
// than that counts for nothing, and nobody waits for it but Router.Close.
//
// An error refuses the message, with the URI and payload of a *wamp.Error or
// wamp.URI, else with wamp.error.authorization_failed; then it is logged, and
// not told.
type Authorizer interface {
	Authorize(ctx context.Context, q *Request) (Decision, error)
}

// AuthorizerFunc makes an Authorizer of a function.
type AuthorizerFunc func(ctx context.Context, q *Request) (Decision, error)

// Authorize implements Authorizer.
func (f AuthorizerFunc) Authorize(ctx context.Context, q *Request) (Decision, error) {
	return f(ctx, q)
}

// Permit adds rules to a role of the realm. A realm without any rule, role or
// Authorizer allows everything to everybody, but once it has authenticators
// nobody can end the sessions, registrations and subscriptions of others. With
// the first rule, nothing is allowed that no rule allows.
//
// What sessions have registered and subscribed to is taken from them when they
// are not allowed it any more. The error says which rules make no sense; then
// none is added.
func (r *Realm) Permit(role string, list ...Rule) error {
	return r.authorizeBy(func(p *permissions) {
		at := p.role(role)
		p.roles[at].Rules = with(p.roles[at].Rules, list...)
	})
}

// Authorize sets who decides on everything that no rule decides, nil: nobody,
// so that it is denied. The router's own procedures and topics are not among it:
// they need a rule, which may have an Ask.
func (r *Realm) Authorize(a Authorizer) error {
	return r.authorizeBy(func(p *permissions) { p.authorizer = a })
}

// Purge forgets the decisions of Authorizers that still hold, of the sessions
// with these IDs, or of all sessions when none is given. Clients that are
// allowed to can do the same with the procedure wamp.authorization.purge.
func (r *Realm) Purge(sessions ...uint64) {
	if len(sessions) == 0 {
		r.purged.Add(1)
		return
	}
	for _, id := range sessions {
		if s := r.Session(id); s != nil {
			s.purged.Add(1)
		}
	}
}

// Can finds out whether a session of a role may do something, and why: what the
// rules say. When an Authorizer would have to be asked, Decision.Ask is set and
// Allow is not. The session's ID is taken to be 1, for ${session}.
func (r *Realm) Can(role, authid string, action Actions, uri string, match wamp.MatchPolicy) Decision {
	a := r.access.Load()
	if a == nil && action == ActCall && r.reserves([]byte(uri)) {
		return Decision{Reason: fmt.Sprintf("realm %s has authenticators and no rules: everything is allowed but what ends other sessions, registrations and subscriptions", r.name)}
	}
	if a == nil {
		return Decision{Allow: true, Reason: fmt.Sprintf("realm %s has no rules: everything is allowed", r.name)}
	}
	v := a.view(role, authid, 1)
	d := v.decide(rules.Actions(action), msg.Match(match), []byte(uri))
	e := Decision{Rule: v.rule(d.Rule), Reason: v.explain(d), Ask: v.authorizer(d)}
	e.Allow = d.Verdict == rules.Allowed
	if e.Rule != nil {
		e.Disclose = e.Rule.Disclose
	}
	return e
}

// testamentTopic returns the topic of a CALL of wamp.session.add_testament; nil
// when there is none, and the realm will say so.
func testamentTopic(m *msg.Message) []byte {
	if m.Payload.Size() > maxHello { // the realm takes no more
		return nil
	}
	var args []any
	if m.Payload.Args == nil || codec.Unmarshal(m.Payload.Format, m.Payload.Args, &args) != nil || len(args) == 0 {
		return nil
	}
	topic, _ := args[0].(string)
	return []byte(topic)
}
