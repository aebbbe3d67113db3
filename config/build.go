package config

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wampeter/wampeter/internal/match"
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/router/jwt"
	"github.com/wampeter/wampeter/wamp"
)

// router returns what is the same for all realms, as the router takes it.
func (c *Config) router(log *slog.Logger) router.Config {
	rc := router.Config{
		NoDefaultRealm:   true,
		MaxRealms:        c.Limits.MaxRealms,
		MaxMessage:       int(c.Limits.MaxMessage),
		MaxQueue:         int(c.Limits.MaxQueue),
		MaxMemory:        int64(c.Limits.MaxMemory),
		HandshakeTimeout: time.Duration(c.Timeouts.Handshake),
		KeepAlive:        time.Duration(c.Timeouts.KeepAlive),
		PongTimeout:      time.Duration(c.Timeouts.Pong),
		WriteTimeout:     time.Duration(c.Timeouts.Write),
		GoodbyeTimeout:   time.Duration(c.Timeouts.Goodbye),
		DecisionTimeout:  time.Duration(c.Timeouts.Decision),
		AuthLimits:       c.Guessing.limits(),
		Cookies:          c.Cookies.cookies(),
		Logger:           log,
	}
	if rc.KeepAlive == 0 {
		rc.KeepAlive = -1
	}
	return rc
}

// realms keeps the realms of a router as a configuration says.
type realms struct {
	rt      *router.Router
	log     *slog.Logger
	sets    keySets
	refresh map[refresher]*atomic.Pointer[jwt.Authenticator]

	mu        sync.Mutex
	byName    map[string]*router.Realm // those that the configuration names
	templates *match.Table[*RealmSettings]
	fresh     map[*router.Realm]time.Time // being made by a template
}

func newRealms(rt *router.Router, log *slog.Logger) *realms {
	r := &realms{rt: rt, log: log, sets: make(keySets), refresh: make(map[refresher]*atomic.Pointer[jwt.Authenticator]), fresh: make(map[*router.Realm]time.Time)}
	rt.DefaultRealm(r.make)
	return r
}

// follow has the router's realms follow c. Before anything is changed it is known
// that it can be, and before returns without an error. New realms are there for
// clients when they are all they are to be.
func (r *realms) follow(c *Config, before func() error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	named := make(map[string]bool)
	for i := range c.Realms {
		named[c.Realms[i].Name] = true
		if err := r.try(&c.Realms[i].RealmSettings); err != nil {
			return c.mistake(fmt.Sprintf("realms[%d]", i), err)
		}
	}
	for _, s := range c.made() {
		if err := r.try(s); err != nil {
			return err
		}
	}
	r.byName = make(map[string]*router.Realm)
	old := r.withFresh(r.rt.Realms())
	for _, realm := range old {
		if named[realm.Name()] {
			r.byName[realm.Name()] = r.rt.Realm(realm.Name()) // also one that a template has made
		}
	}
	templates := c.templates()
	var gone []string
	var changes []change
	for _, realm := range old {
		if named[realm.Name()] {
			continue
		}
		if s, ok := templates.Best([]byte(realm.Name())); ok {
			changes = append(changes, change{realm: realm, settings: s})
		} else {
			gone = append(gone, realm.Name())
		}
	}
	err := r.add(c.Realms, func() error {
		if err := before(); err != nil {
			return err
		}
		return r.configure(c, changes, templates)
	})
	if err != nil {
		return err
	}
	for _, name := range gone {
		if _, err := r.rt.CloseRealm(name, string(wamp.ErrNoSuchRealm), "the realm is not configured any more"); err != nil {
			return err
		}
	}
	return nil
}

// change is a realm and what it is to be.
type change struct {
	realm    *router.Realm
	settings *RealmSettings
	config   router.RealmConfig
}

// add makes those realms of the list that do not exist, and calls then before
// clients see them. They are not made if it fails.
func (r *realms) add(list []Realm, then func() error) error {
	for i := range list {
		if r.byName[list[i].Name] == nil {
			_, err := r.rt.AddRealm(list[i].Name, func(realm *router.Realm) error {
				r.byName[realm.Name()] = realm
				return r.add(list[i+1:], then)
			})
			return err
		}
	}
	return then()
}

// configure gives all realms what they are to be.
func (r *realms) configure(c *Config, changes []change, templates *match.Table[*RealmSettings]) error {
	for i := range c.Realms {
		changes = append(changes, change{realm: r.byName[c.Realms[i].Name], settings: &c.Realms[i].RealmSettings})
	}
	wanted := make(map[refresher]bool)
	for i := range changes {
		ch := &changes[i]
		var err error
		if ch.config, err = r.realmConfig(ch.settings, ch.realm); err != nil {
			return err
		}
		if a := ch.settings.Authentication; a != nil && a.JWT != nil {
			wanted[refresher{ch.realm, a.JWT.Refresh}] = true
		}
	}
	r.templates = templates
	for _, ch := range changes {
		if err := ch.realm.Configure(ch.config); err != nil {
			return err
		}
	}
	r.stopRefresh(wanted)
	return nil
}

// made returns the settings of realms that come into being by themselves.
func (c *Config) made() (list []*RealmSettings) {
	for i := range c.Templates {
		list = append(list, &c.Templates[i].RealmSettings)
	}
	if c.DefaultRealm != nil {
		list = append(list, c.DefaultRealm)
	}
	return list
}

// templates returns a table of what makes realms by their names.
func (c *Config) templates() *match.Table[*RealmSettings] {
	t := match.New[*RealmSettings]()
	if c.DefaultRealm != nil {
		t.Put(msg.Prefix, "", c.DefaultRealm)
	}
	for i := range c.Templates {
		uri, policy, _ := pattern(c.Templates[i].URI, c.Templates[i].Match, c.Templates[i].StrictURI) // was checked
		t.Put(msg.Match(policy), uri, &c.Templates[i].RealmSettings)
	}
	return t
}

// make gives a realm what its template says.
func (r *realms) make(realm *router.Realm) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, ok := r.templates.Best([]byte(realm.Name()))
	if !ok {
		return wamp.Errorf(wamp.ErrNoSuchRealm, "there is no realm %q", realm.Name())
	}
	to, err := r.realmConfig(s, realm)
	if err != nil {
		return err
	}
	r.withFresh(nil)
	r.fresh[realm] = time.Now()
	return realm.Configure(to)
}

// freshFor is how long a template may take to make a realm that the router does
// not list yet.
const freshFor = time.Minute

// withFresh adds the realms that are just being made to a list.
func (r *realms) withFresh(list []*router.Realm) []*router.Realm {
	listed := make(map[*router.Realm]bool, len(list))
	for _, realm := range list {
		listed[realm] = true
	}
	for realm, since := range r.fresh {
		switch {
		case time.Since(since) > freshFor:
			delete(r.fresh, realm)
		case !listed[realm]:
			list = append(list, realm)
		}
	}
	return list
}

// try finds out whether settings make a realm.
func (r *realms) try(s *RealmSettings) error {
	if a := s.Authentication; a != nil && a.JWT != nil {
		if _, err := a.JWT.authenticator(make(keySets), r.log); err != nil {
			return err
		}
	}
	if a := s.Authentication; a != nil && a.Cryptosign != nil {
		if _, err := a.Cryptosign.options(); err != nil {
			return err
		}
	}
	list, err := s.roles(nil)
	if err != nil {
		return err
	}
	to := s.realmConfig(list)
	return to.Check()
}

// realmConfig returns all of a realm's settings that can be replaced, but for
// authenticators and whom to ask.
func (s *RealmSettings) realmConfig(roles []router.Role) router.RealmConfig {
	c := router.RealmConfig{
		Roles: roles, Policies: s.policies(), History: s.history(),
		Retention: router.Retention{For: time.Duration(s.Retention.For), Topics: s.Retention.Topics, Bytes: int(s.Retention.Bytes)},
		StrictURI: s.StrictURI, StrictIDs: s.StrictIDs, Strict: s.Strict,
	}
	if s.CallTimeoutUnit == "s" {
		c.CallTimeoutUnit = time.Second
	}
	return c
}

// realmConfig returns all of a realm's settings that can be replaced.
func (r *realms) realmConfig(s *RealmSettings, realm *router.Realm) (router.RealmConfig, error) {
	list, err := s.roles(realm)
	if err != nil {
		return router.RealmConfig{}, err
	}
	c := s.realmConfig(list)
	if s.Undecided != "" {
		c.Authorizer = s.authorizer(s.Undecided).authorizer(realm)
	}
	var tokens *jwt.Authenticator
	if a := s.Authentication; a != nil && a.JWT != nil {
		if tokens, err = a.JWT.authenticator(r.sets, r.log); err != nil {
			return c, err
		}
		if a.JWT.Refresh != "" {
			if err := r.serveRefresh(realm, a.JWT.Refresh, tokens); err != nil {
				return c, err
			}
		}
	}
	c.Authenticators, err = s.authenticators(r.byName, realm, tokens)
	return c, err
}
