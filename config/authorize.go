package config

import (
	"fmt"
	"strings"
	"time"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// checkRoles finds what is wrong with roles and authorizers.
func (s *RealmSettings) checkRoles(at string, bad complaint) {
	for i := range s.Authorizers {
		a := &s.Authorizers[i]
		path := fmt.Sprintf("%s.authorizers[%d]", at, i)
		checkAsked(path, a.Procedure, a.URL, bad)
		if s.authorizer(a.Name) != a {
			bad(path+".name", "%s: there is an authorizer of that name already", a.Name)
		}
	}
	if s.Undecided != "" && s.authorizer(s.Undecided) == nil {
		bad(at+".undecided", "%s: there is no such authorizer; %s", s.Undecided, s.authorizerNames())
	}
	for i := range s.Roles {
		role := &s.Roles[i]
		path := fmt.Sprintf("%s.roles[%d]", at, i)
		for j := range s.Roles[:i] {
			if s.Roles[j].Name == role.Name && role.Name != "" {
				bad(path+".name", "%s: there is a role of that name already", role.Name)
				break
			}
		}
		for j := range role.Rules {
			s.checkRule(fmt.Sprintf("%s.rules[%d]", path, j), &role.Rules[j], bad)
		}
	}
}

func (s *RealmSettings) checkRule(at string, r *Rule, bad complaint) {
	if r.Ask != "" && s.authorizer(r.Ask) == nil {
		bad(at+".ask", "%s: there is no such authorizer; %s", r.Ask, s.authorizerNames())
	}
	if len(r.Allow)+len(r.Deny) == 0 {
		bad(at, "says nothing: allow or deny is missing")
	}
	rule, err := r.rule()
	if err != nil {
		if r.URI != "" || r.Match != "" {
			bad(at+".uri", "%s: %v", r.URI, err)
		} else {
			bad(at+".uri", "%v", err)
		}
		return
	}
	c := router.RealmConfig{Roles: []router.Role{{Name: "x", Rules: []router.Rule{rule}}}}
	if err := c.Check(); err != nil {
		text := err.Error()
		if _, what, ok := strings.Cut(text, fmt.Sprintf("%s %q: ", rule.Match, rule.URI)); ok {
			text = what
		}
		bad(at+".uri", "%s: %s", r.URI, text)
	}
}

func (s *RealmSettings) authorizer(name string) *Authorizer {
	for i := range s.Authorizers {
		if s.Authorizers[i].Name == name {
			return &s.Authorizers[i]
		}
	}
	return nil
}

func (s *RealmSettings) authorizerNames() string {
	var names []string
	for i := range s.Authorizers {
		names = append(names, s.Authorizers[i].Name)
	}
	if len(names) == 0 {
		return "authorizers names none"
	}
	return "authorizers has " + oxford(names, "and")
}

// Variables in the URIs of rules look like free components of patterns.
var (
	hideVariables = strings.NewReplacer("${authid}", "\x01authid\x02", "${session}", "\x01session\x02")
	showVariables = strings.NewReplacer("\x01authid\x02", "${authid}", "\x01session\x02", "${session}")
)

// rule returns a rule as the router takes it, without whom it asks.
func (r *Rule) rule() (router.Rule, error) {
	hidden := hideVariables.Replace(r.URI)
	if strings.Contains(hidden, "${") {
		return router.Rule{}, fmt.Errorf("there are no variables but ${authid} and ${session}")
	}
	p, policy, err := shapePattern(hidden, r.Match)
	if err != nil {
		return router.Rule{}, err
	}
	return router.Rule{
		URI: showVariables.Replace(p), Match: policy, Allow: r.Allow.actions(), Deny: r.Deny.actions(),
		Disclose: disclosures[r.Disclose], MaxPayload: int(r.MaxPayload), Rate: r.Rate.rate(), Origin: r.At.String(),
	}, nil
}

var disclosures = map[string]router.Disclosure{"on_request": router.OnRequest, "never": router.Never, "always": router.Always}

func (r Rate) rate() router.Rate { return router.Rate{PerSecond: r.PerSecond, Burst: r.Burst} }

// actions returns a set of actions as the router takes it.
func (a Actions) actions() (set router.Actions) {
	for _, word := range a {
		action, _ := router.ParseAction(string(word))
		set |= action
	}
	return set
}

// roles returns the roles of a realm as the router takes them.
func (s *RealmSettings) roles(realm *router.Realm) ([]router.Role, error) {
	var list []router.Role
	for i := range s.Roles {
		r := &s.Roles[i]
		role := router.Role{Name: r.Name, Limits: router.Limits{
			Sessions: r.Limits.Sessions, Registrations: r.Limits.Registrations, Subscriptions: r.Limits.Subscriptions,
			MaxPayload: int(r.Limits.MaxPayload), Rate: r.Limits.Rate.rate(),
		}}
		for j := range r.Rules {
			rule, err := r.Rules[j].rule()
			if err != nil {
				return nil, err
			}
			if ask := r.Rules[j].Ask; ask != "" {
				rule.Ask = s.authorizer(ask).authorizer(realm)
			}
			role.Rules = append(role.Rules, rule)
		}
		list = append(list, role)
	}
	return list, nil
}

// authorizer returns somebody to ask, as the router takes it.
func (a *Authorizer) authorizer(realm *router.Realm) router.Authorizer {
	if a.Procedure == "" {
		return &router.AuthorizerWebhook{URL: a.URL, Header: headers(a.Headers), Timeout: time.Duration(a.Timeout), Cache: time.Duration(a.Cache)}
	}
	return &router.AuthorizerProcedure{Realm: realm, URI: a.Procedure, Timeout: time.Duration(a.Timeout), Cache: time.Duration(a.Cache)}
}

// policies returns policies as the router takes them.
func (s *RealmSettings) policies() (list []router.Policy) {
	for _, p := range s.Policies {
		uri, match, _ := pattern(p.URI, p.Match, s.StrictURI) // was checked
		list = append(list, router.Policy{URI: uri, Match: match, AuthRoles: p.Roles, Disclose: disclosures[p.Disclose], TrustLevel: p.TrustLevel})
	}
	return list
}

// history returns what is kept, as the router takes it.
func (s *RealmSettings) history() (list []router.History) {
	for _, h := range s.History {
		uri, match, _ := pattern(h.URI, h.Match, s.StrictURI) // was checked
		list = append(list, router.History{URI: uri, Match: match, Limit: h.Limit, Bytes: int(h.Bytes)})
	}
	return list
}

// matchOf returns the policy that a word stands for.
var matchOf = map[string]wamp.MatchPolicy{"exact": wamp.Exact, "prefix": wamp.Prefix, "wildcard": wamp.Wildcard}
