package router

import (
	"errors"
	"fmt"
	"slices"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/rules"
	"github.com/wampeter/wampeter/wamp"
)

// permissions are what a realm was told about authorization.
type permissions struct {
	roles      []Role
	authorizer Authorizer
}

// role returns the index of a role, added when there is none of that name. The
// list is in memory of its own.
func (p *permissions) role(name string) int {
	for i := range p.roles {
		if p.roles[i].Name == name {
			return i
		}
	}
	p.roles = append(p.roles, Role{Name: name})
	return len(p.roles) - 1
}

// asks reports whether somebody has to be asked about anything.
func (a *access) asks() bool {
	if a == nil {
		return false
	}
	if a.fallback != nil {
		return true
	}
	for _, role := range a.roles {
		if slices.ContainsFunc(role.rules, func(r Rule) bool { return r.Ask != nil }) {
			return true
		}
	}
	return false
}

// access is permissions in the form in which they are looked up. It is not
// changed any more.
type access struct {
	roles     map[string]*roleAccess
	nobody    *roleAccess // for roles that nothing is said about
	fallback  Authorizer
	discloses bool // somebody may decide whether callers and publishers are known
}

// roleAccess is what sessions of a role may do.
type roleAccess struct {
	rules  []Rule
	set    *rules.Set
	limits Limits
}

// compile returns nil when everything is allowed.
func (p *permissions) compile() (*access, error) {
	if len(p.roles) == 0 && p.authorizer == nil {
		return nil, nil
	}
	a := &access{roles: make(map[string]*roleAccess), fallback: p.authorizer, discloses: p.authorizer != nil}
	none, _ := rules.Compile(nil)
	a.nobody = &roleAccess{set: none}
	var mistakes []error
	for _, role := range p.roles {
		if a.roles[role.Name] != nil {
			mistakes = append(mistakes, fmt.Errorf("there are two roles %s", quote(role.Name)))
			continue
		}
		access := &roleAccess{rules: slices.Clone(role.Rules), limits: role.Limits}
		list := make([]rules.Rule, len(role.Rules))
		for i := range role.Rules {
			rule := &role.Rules[i]
			list[i] = rule.compiled()
			a.discloses = a.discloses || rule.Disclose != OnRequest || rule.Ask != nil
			if rule.Disclose > Always || rule.MaxPayload < 0 || rule.Rate.PerSecond < 0 || rule.Rate.Burst < 0 {
				mistakes = append(mistakes, fmt.Errorf("role %s: rule %d, %s: a limit is below 0, or Disclose is unknown", quote(role.Name), i+1, rule))
			}
		}
		var err error
		if access.set, err = rules.Compile(list); err != nil {
			mistakes = append(mistakes, fmt.Errorf("role %s: %w", quote(role.Name), err))
		}
		if l := &role.Limits; min(l.Sessions, l.Registrations, l.Subscriptions, l.MaxPayload, l.Rate.Burst) < 0 || l.Rate.PerSecond < 0 {
			mistakes = append(mistakes, fmt.Errorf("role %s: a limit is below 0", quote(role.Name)))
		}
		a.roles[role.Name] = access
	}
	return a, errors.Join(mistakes...)
}

// role returns what a role may do.
func (a *access) role(name string) *roleAccess {
	if r := a.roles[name]; r != nil {
		return r
	}
	return a.nobody
}

// view is what one session may do. It is not changed any more.
type view struct {
	access *access
	role   *roleAccess
	name   string // of the role
	rules  *rules.View
}

func (a *access) view(role, authid string, session uint64) *view {
	v := &view{access: a, role: a.role(role), name: role}
	v.rules = v.role.set.For(authid, session)
	return v
}

// decide says what the rules say, and whom to ask where they say nothing.
func (v *view) decide(action rules.Actions, match msg.Match, uri []byte) rules.Decision {
	d := v.rules.Decide(action, match, uri)
	if d.Verdict == rules.Undecided {
		d.Verdict = rules.Denied
		if v.access.fallback != nil {
			d.Verdict = rules.Asked
		}
	}
	return d
}

// rule returns the rule with an index, nil when it is none of the role's.
func (v *view) rule(index int) *Rule {
	if index < 0 {
		return nil
	}
	return &v.role.rules[index]
}

// authorizer returns whom to ask, nil when nobody.
func (v *view) authorizer(d rules.Decision) Authorizer {
	switch {
	case d.Verdict != rules.Asked:
		return nil
	case d.Rule >= 0:
		return v.role.rules[d.Rule].Ask
	}
	return v.access.fallback
}

// explain says why, to the operator.
func (v *view) explain(d rules.Decision) string {
	switch {
	case d.Rule >= 0:
		rule := v.rule(d.Rule)
		text := fmt.Sprintf("role %s, rule %d: %s", quote(v.name), d.Rule+1, rule)
		if d.Verdict == rules.Denied && rule.Ask != nil && rule.Deny == 0 {
			text += ", which has to be asked about a part of the pattern alone"
		}
		return text
	case d.Rule == rules.Harmless:
		return "it concerns nobody but the caller: allowed unless a rule denies it"
	case d.Rule == rules.Reserved:
		return fmt.Sprintf("it is the router's own, and role %s has no rule for it whose URI begins with wamp.", quote(v.name))
	case d.Verdict == rules.Asked:
		return fmt.Sprintf("role %s has no rule for it, and the realm has an authorizer for that", quote(v.name))
	case v.role == v.access.nobody:
		return fmt.Sprintf("there are no rules for role %s", quote(v.name))
	}
	return fmt.Sprintf("role %s has no rule that allows it", quote(v.name))
}

// denied is what a client is told whom the rules refuse something.
func (v *view) denied(realm string, action rules.Actions, match msg.Match, uri []byte, d rules.Decision) error {
	what := quote(string(uri))
	if match != msg.Exact {
		what = "all of the " + match.String() + " pattern " + what
	}
	why := "no rule allows it"
	switch {
	case d.Rule >= 0:
		why = "a rule denies it"
		if match != msg.Exact {
			why = "a rule denies it, or a part of it"
		}
	case d.Rule == rules.Reserved:
		why = "it needs a rule whose URI begins with wamp."
	}
	return wamp.Errorf(wamp.ErrNotAuthorized, "role %s may not %s %s: %s; ask the operator of realm %s to allow %s on uri %s, match %s",
		quote(v.name), action, what, why, quote(realm), action, quote(string(uri)), match)
}
