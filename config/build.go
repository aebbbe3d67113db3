package config

import (
	"errors"
	"log/slog"
	"time"

	"github.com/wampeter/wampeter/router"
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
		AuthLimits:       c.Guessing.limits(),
		Cookies:          c.Cookies.cookies(),
		Logger:           log,
	}
	if rc.KeepAlive == 0 {
		rc.KeepAlive = -1
	}
	if len(c.Realms) > 0 {
		s := &c.Realms[0].RealmSettings
		rc.StrictURI = s.StrictURI
		for _, h := range s.History {
			p, m, _ := pattern(h.URI, h.Match, s.StrictURI)
			rc.History = append(rc.History, router.History{URI: p, Match: m, Limit: h.Limit, Bytes: int(h.Bytes)})
		}
	}
	return rc
}

type realms struct{ c *Config }

func (c *Config) build() (*realms, error) {
	return &realms{c}, nil
}

func (r *realms) install(rt *router.Router) error {
	var list Mistakes
	r.c.eachRealm(func(at string, s *RealmSettings) {
		if len(s.Roles) > 0 {
			list = append(list, r.c.mistake(at+".roles", errors.New("rules are not enforced yet, so this router would be open"))...)
		}
	})
	if len(list) > 0 {
		return list
	}
	for _, realm := range r.c.Realms {
		at := rt.Realm(realm.Name)
		list, err := realm.authenticators(rt, at)
		if err != nil {
			return err
		}
		at.Authenticate(list...)
	}
	return nil
}

func (r *realms) replace(rt *router.Router, old *Config) error { return r.install(rt) }
