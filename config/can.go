package config

import (
	"fmt"
	"log/slog"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// Question is whether somebody may do something.
type Question struct {
	Realm  string // as a client names it; "" with one realm: that one
	Role   string
	AuthID string // for ${authid}
	Action string // call, register, publish or subscribe
	URI    string
	Match  string // exact, prefix or wildcard; "": as patterns tell by their form
}

// Answer says what comes of a Question.
type Answer struct {
	Realm string
	router.Decision

	// Where is where the rule was written that counts; "" when none does.
	Where string
}

// Can finds out what the rules of a configuration say, without running it. The
// answer is Realm.Can's.
func (c *Config) Can(q Question) (*Answer, error) {
	action, ok := router.ParseAction(q.Action)
	if !ok || action == router.AllActions {
		return nil, fmt.Errorf("action %s: want call, register, publish or subscribe", q.Action)
	}
	uri, match, err := pattern(q.URI, q.Match, false)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", q.URI, err)
	}
	if match != wamp.Exact && (action == router.ActCall || action == router.ActPublish) {
		return nil, fmt.Errorf("%s is a pattern (%v), and one can %s a URI only", q.URI, match, q.Action)
	}
	realm, s, err := c.realmFor(q.Realm)
	if err != nil {
		return nil, err
	}
	// A router that nobody can connect to decides as the one that runs.
	rt := router.New(router.Config{Logger: slog.New(slog.DiscardHandler)})
	defer func() { _ = rt.Close() }()
	at := rt.Realm(realm)
	list, err := s.roles(at)
	if err != nil {
		return nil, err
	}
	rc := s.realmConfig(list)
	if s.Undecided != "" {
		rc.Authorizer = s.authorizer(s.Undecided).authorizer(at)
	}
	if err := at.Configure(rc); err != nil {
		return nil, err
	}
	a := &Answer{Realm: realm, Decision: at.Can(q.Role, q.AuthID, action, uri, match)}
	if a.Rule != nil {
		a.Where = a.Rule.Origin
	}
	return a, nil
}

// realmFor returns the settings of the realm that a client gets.
func (c *Config) realmFor(name string) (string, *RealmSettings, error) {
	if name == "" {
		if len(c.Realms) != 1 {
			return "", nil, fmt.Errorf("there are %d realms: say which one", len(c.Realms))
		}
		name = c.Realms[0].Name
	}
	for i := range c.Realms {
		if c.Realms[i].Name == name {
			return name, &c.Realms[i].RealmSettings, nil
		}
	}
	if s, ok := c.templates().Best([]byte(name)); ok {
		return name, s, nil
	}
	return "", nil, fmt.Errorf("there is no realm %s", name)
}
