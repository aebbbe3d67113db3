package config

import (
	"slices"
	"strings"
)

// realm carries a realm over.
func (x *crossbar) realm(r crossNode) {
	r.ignore("id")
	name := r.text("name")
	if x.settings[name] != nil {
		r.lose("there is a realm " + name + " already")
		return
	}
	s := &RealmSettings{CallTimeoutUnit: "s"}
	x.settings[name] = s
	x.config.Realms = append(x.config.Realms, Realm{Name: name})
	if o, ok := r.sub("options"); ok {
		s.StrictURI = o.text("uri_check") == "strict"
		o.ignore("event_dispatching_chunk_size")
		for _, key := range []string{"enable_meta_api", "bridge_meta_api"} {
			if v, ok := o.sub(key); ok && v.n.text != "true" {
				v.note("the meta API is there for whom rules allow it")
			}
		}
	}
	for _, role := range r.list("roles") {
		x.role(role, s)
	}
	if store, ok := r.sub("store"); ok {
		x.store(store, s)
	}
	for _, link := range r.list("rlinks") {
		link.lose("realms of several routers are not linked")
	}
}

func (x *crossbar) store(store crossNode, s *RealmSettings) {
	if kind := store.text("type"); kind != "memory" {
		store.note("events are kept in memory, not in a store of type %s", kind)
	}
	store.ignore("path", "maxsize", "max-buffer", "buffer-flush", "readonly", "sync", "limit")
	limit := store.number("limit")
	for _, h := range store.list("event-history") {
		uri, match := crossbarPattern(h)
		entry := History{URI: uri, Match: match, Limit: limit}
		if n := h.number("limit"); n > 0 {
			entry.Limit = n
		}
		s.History = append(s.History, entry)
	}
	if q, ok := store.sub("call-queue"); ok {
		q.lose("calls wait as the concurrency of registrations demands, in bounds")
	}
}

// crossbarPattern returns a URI and how it matches: * at its end makes a prefix.
func crossbarPattern(c crossNode) (uri, match string) {
	uri, match = c.text("uri"), c.text("match")
	if rest, ok := strings.CutSuffix(uri, "*"); ok && (match == "" || match == "prefix") {
		return rest, "prefix"
	}
	if match == "" {
		match = "exact"
	}
	return uri, match
}

func (x *crossbar) role(r crossNode, s *RealmSettings) {
	r.ignore("id")
	role := Role{Name: r.text("name")}
	if uri := r.text("authorizer"); uri != "" {
		if s.authorizer(uri) == nil {
			s.Authorizers = append(s.Authorizers, Authorizer{Name: uri, Procedure: uri})
		}
		role.Rules = append(role.Rules, Rule{Match: "prefix", Allow: Actions{"all"}, Ask: uri})
		r.note("what begins with wamp. is not asked about: it needs a rule of its own, such as {uri: wamp., allow: [call, subscribe]}")
	}
	permissions := r.list("permissions")
	for i, p := range permissions {
		x.permission(p, permissions[:i], &role)
	}
	// A rule of Crossbar.io says no to whatever it does not allow. Here it says
	// nothing, so that a broader one counts.
	for i := range role.Rules {
		if slices.Contains(role.Rules[i].Deny, "all") {
			continue
		}
		for _, action := range allActions {
			allowed := func(r Rule) bool { return slices.Contains(r.Allow.words(), action) }
			broader := func(r Rule) bool {
				covers := r.Match == "wildcard" || r.Match == "prefix" && strings.HasPrefix(role.Rules[i].URI, r.URI)
				return (r.URI != role.Rules[i].URI || r.Match != role.Rules[i].Match) && covers && allowed(r)
			}
			same := func(r Rule) bool {
				return r.URI == role.Rules[i].URI && r.Match == role.Rules[i].Match && allowed(r)
			}
			if slices.ContainsFunc(role.Rules, broader) && !slices.ContainsFunc(role.Rules, same) {
				role.Rules[i].Deny = append(role.Rules[i].Deny, action)
			}
		}
		if rule := &role.Rules[i]; rule.URI == "" && rule.Ask == "" && rule.Match == "prefix" && slices.Contains(rule.Allow.words(), Action("call")) {
			r.note("the rule for everything does not give what begins with wamp., unlike that of Crossbar.io: add {uri: wamp., allow: [call, subscribe]} for those who may use the meta API, wamp.session.kill included")
		}
	}
	s.Roles = append(s.Roles, role)
}

// permission carries a rule over.
func (x *crossbar) permission(p crossNode, before []crossNode, role *Role) {
	rule := Rule{}
	rule.URI, rule.Match = crossbarPattern(p)
	if allow, ok := p.sub("allow"); ok {
		for _, action := range allActions {
			if allow.yes(string(action)) {
				rule.Allow = append(rule.Allow, action)
			}
		}
	}
	for _, key := range allActions { // of old versions
		if p.yes(string(key)) {
			rule.Allow = append(rule.Allow, key)
		}
	}
	p.ignore("cache")
	if v, ok := p.sub("validate"); ok {
		v.lose("payloads are not checked against schemas")
	}
	for _, b := range before {
		if u, m := crossbarPattern(b); u == rule.URI && m == rule.Match {
			p.lose("there is a rule for the same URI already")
			return
		}
	}
	caller, publisher := false, false
	if d, ok := p.sub("disclose"); ok {
		caller, publisher = d.yes("caller"), d.yes("publisher")
	}
	calls, events := rule.split()
	switch {
	case len(rule.Allow) == 0:
		rule.Deny = Actions{"all"}
		role.Rules = append(role.Rules, rule)
	case caller == publisher || len(calls.Allow) == 0 || len(events.Allow) == 0:
		if caller && len(calls.Allow) > 0 || publisher && len(events.Allow) > 0 {
			rule.Disclose = "always"
		}
		role.Rules = append(role.Rules, rule)
	default:
		if caller {
			calls.Disclose = "always"
		} else {
			events.Disclose = "always"
		}
		role.Rules = append(role.Rules, calls, events)
	}
}

// split returns what a rule says about procedures, and about topics.
func (r Rule) split() (calls, events Rule) {
	calls, events = r, r
	calls.Allow, events.Allow = nil, nil
	for _, a := range r.Allow {
		if a == "call" || a == "register" {
			calls.Allow = append(calls.Allow, a)
		} else {
			events.Allow = append(events.Allow, a)
		}
	}
	return calls, events
}
