package config

import "errors"

// Realm is one realm.
type Realm struct {
	Name          string `yaml:"name" required:"yes" doc:"Its URI."`
	RealmSettings `yaml:",inline"`

	At Pos `yaml:"-"` // where it was said
}

// Template makes realms of the names that it matches.
type Template struct {
	URI           string `yaml:"uri" required:"yes" doc:"Which names: a URI, or a pattern."`
	Match         string `yaml:"match" enum:"exact prefix wildcard" doc:"How; default: a dot at the end of the URI makes it a prefix, an empty component or a {name} a wildcard."`
	RealmSettings `yaml:",inline"`

	At Pos `yaml:"-"` // where it was said
}

// RealmSettings are what realms can differ in.
type RealmSettings struct {
	Authentication  *Authentication `yaml:"authentication" doc:"How clients prove who they are. Without it, and without roles, the realm is open."`
	Users           []User          `yaml:"users" doc:"Who there is, and what proves it. One user may have credentials of several methods."`
	Sources         []UserSource    `yaml:"sources" doc:"Procedures and web servers that know users."`
	Roles           []Role          `yaml:"roles" doc:"What sessions may do, by their role. As soon as there is a role, nothing is allowed that no rule allows."`
	Authorizers     []Authorizer    `yaml:"authorizers" doc:"Procedures and web servers that rules can ask."`
	Undecided       string          `yaml:"undecided" doc:"The authorizer that is asked when no rule decides. Empty: the answer is no."`
	Policies        []Policy        `yaml:"policies" doc:"Whether callers and publishers are made known, and how far calls and events are trusted. The first one that fits counts."`
	History         []History       `yaml:"history" short:"uri" flag:"history" arg:"TOPIC" usage:"topic or pattern whose events are kept, in every realm; repeatable" doc:"Topics whose events are kept, for those who ask for them later. A topic or pattern alone stands for an entry with all defaults."`
	Retention       Retention       `yaml:"retention" doc:"Bounds on retained events. The oldest ones make room."`
	Strict          bool            `yaml:"strict" doc:"Refuses what real clients do beyond the letter of the specification: using features that they have not announced."`
	StrictURI       bool            `yaml:"strict_uri" flag:"strict-uri" usage:"allow only lower case letters, digits and _ in URIs" doc:"Allows only lower case letters, digits and _ in URIs."`
	StrictIDs       bool            `yaml:"strict_ids" doc:"Demands that the IDs of requests are sequential."`
	CallTimeoutUnit string          `yaml:"call_timeout_unit" default:"ms" enum:"ms s" doc:"What the option timeout of a call counts: milliseconds, or seconds as for the clients of Autobahn and Crossbar.io."`
}

// Policy is what the router makes of some calls and events.
type Policy struct {
	URI        string   `yaml:"uri" required:"yes" doc:"Procedures and topics that it is for."`
	Match      string   `yaml:"match" enum:"exact prefix wildcard" doc:"How the URI matches; default as in templates."`
	Roles      []string `yaml:"roles" doc:"Roles of the callers and publishers that it is for; none: all."`
	Disclose   string   `yaml:"disclose" default:"on_request" enum:"on_request never always" doc:"Whether those who get the call or event are told who they have it from."`
	TrustLevel *uint64  `yaml:"trust_level" doc:"The trust level that the call or event carries."`

	At Pos `yaml:"-"` // where it was said
}

// History is a topic whose events are kept.
type History struct {
	URI   string `yaml:"uri" required:"yes" doc:"A topic, or a pattern."`
	Match string `yaml:"match" enum:"exact prefix wildcard" doc:"How the URI matches; default as in templates."`
	Limit int    `yaml:"limit" default:"1000" min:"1" doc:"How many events are kept."`
	Bytes Size   `yaml:"bytes" default:"8MiB" min:"1KiB" doc:"How much of them."`
}

// Retention bounds the retained events of a realm.
type Retention struct {
	For    Duration `yaml:"for" default:"0s" min:"0s" doc:"How long an event is kept; 0: as long as there is room."`
	Topics int      `yaml:"topics" default:"65536" min:"1" doc:"How many topics may have retained events."`
	Bytes  Size     `yaml:"bytes" default:"64MiB" min:"1KiB" doc:"How much the retained events may be."`
}

// Role is what sessions of a role may do.
type Role struct {
	Name   string     `yaml:"name" required:"yes" doc:"The role's name."`
	Rules  []Rule     `yaml:"rules" doc:"What is allowed and denied. The most specific rule that says something about an action decides, and of equally specific ones a deny."`
	Limits RoleLimits `yaml:"limits" doc:"What sessions of the role can cost."`

	At Pos `yaml:"-"` // where it was said
}

// RoleLimits bound what sessions of a role use.
type RoleLimits struct {
	Sessions      int  `yaml:"sessions" default:"0" min:"0" doc:"How many sessions of the role there may be in the realm; 0: no limit."`
	Registrations int  `yaml:"registrations" default:"0" min:"0" doc:"How many registrations each may have; 0: no limit."`
	Subscriptions int  `yaml:"subscriptions" default:"0" min:"0" doc:"How many subscriptions each may have; 0: no limit."`
	MaxPayload    Size `yaml:"max_payload" default:"0" doc:"The largest payload of a call or event; 0: no limit."`
	Rate          Rate `yaml:"rate" doc:"How fast each may send."`
}

// Rate bounds how many messages come.
type Rate struct {
	PerSecond float64 `yaml:"per_second" default:"0" min:"0" doc:"Calls, registrations, publications and subscriptions per second; 0: no limit."`
	Burst     int     `yaml:"burst" default:"0" min:"0" doc:"How many of them may come at once; 0: as many as per second, at least 1."`
}

// Rule allows or denies actions on some URIs.
type Rule struct {
	URI        string  `yaml:"uri" required:"yes" doc:"Procedures and topics that the rule is for. ${authid} and ${session} stand for those of the session. No rule gives what begins with wamp. but one whose own URI begins so."`
	Match      string  `yaml:"match" enum:"exact prefix wildcard" doc:"How the URI matches; default as in templates. The URI \"\" with prefix is everything."`
	Allow      Actions `yaml:"allow" doc:"What is allowed: call, register, publish, subscribe, or all."`
	Deny       Actions `yaml:"deny" doc:"What is denied, likewise."`
	Ask        string  `yaml:"ask" doc:"The authorizer that decides on what the rule allows."`
	Disclose   string  `yaml:"disclose" default:"on_request" enum:"on_request never always" doc:"Whether those who get the call or event are told who they have it from. on_request: as policies have it."`
	MaxPayload Size    `yaml:"max_payload" default:"0" doc:"The largest payload of a call or event that the rule allows; 0: no limit."`
	Rate       Rate    `yaml:"rate" doc:"How fast each session may use what the rule allows."`

	At Pos `yaml:"-"` // where it was said
}

// Authorizer is somebody who decides.
type Authorizer struct {
	Name      string   `yaml:"name" required:"yes" doc:"What rules call it."`
	Procedure string   `yaml:"procedure" doc:"A procedure of the realm, called with the session's details, the URI, the action and the options."`
	URL       string   `yaml:"url" doc:"Or a web server, asked by POST with a JSON object of the same."`
	Headers   []Header `yaml:"headers" doc:"Headers of such a request."`
	Timeout   Duration `yaml:"timeout" default:"5s" min:"1ms" doc:"For the answer. Without one the answer is no."`
	Cache     Duration `yaml:"cache" default:"0s" min:"0s" doc:"How long a decision holds that does not say itself; 0: it is asked each time."`

	At Pos `yaml:"-"` // where it was said
}

// Header is a header of an HTTP request.
type Header struct {
	Name  string `yaml:"name" required:"yes" doc:"Its name."`
	Value Secret `yaml:"value" required:"yes" doc:"Its value."`
}

// Actions are call, register, publish and subscribe. As text: one of them, or all.
type Actions []Action

// Action is a word for what a session may do.
type Action string

var errAction = errors.New("want call, register, publish, subscribe or all")

// UnmarshalText reads an action.
func (a *Action) UnmarshalText(text []byte) error {
	switch s := string(text); s {
	case "call", "register", "publish", "subscribe", "all":
		*a = Action(s)
		return nil
	}
	return errAction
}

var allActions = []Action{"call", "register", "publish", "subscribe"}

// words returns the actions, with all spelled out.
func (a Actions) words() []Action {
	var list []Action
	for _, word := range allActions {
		for _, given := range a {
			if given == word || given == "all" {
				list = append(list, word)
				break
			}
		}
	}
	return list
}
