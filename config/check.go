package config

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path"
	"strings"

	"github.com/wampeter/wampeter/internal/uri"
	"github.com/wampeter/wampeter/wamp"
)

// Check returns what is wrong with a configuration that was not read by Load, as
// Mistakes.
func (c *Config) Check(ctx context.Context) error {
	var list Mistakes
	c.check(ctx, func(path, format string, args ...any) {
		list = append(list, newMistake(c.At(path), path, format, args...))
	})
	return list.err()
}

// complaint takes a mistake in what stands at path.
type complaint func(path, format string, args ...any)

// check finds what the reader cannot: how one thing goes with another.
func (c *Config) check(ctx context.Context, bad complaint) {
	for i := range c.Listeners {
		l := &c.Listeners[i]
		at := fmt.Sprintf("listeners[%d]", i)
		l.check(at, bad)
		for j := range c.Listeners[:i] {
			if l.Address.text != "" && l.Address == c.Listeners[j].Address && !strings.HasSuffix(l.Address.text, ":0") {
				bad(at+".address", "%s: is listened on already, by listeners[%d]", l.Address, j)
			}
		}
	}
	if len(c.Listeners) == 0 {
		bad("listeners", "want at least one")
	}
	c.checkOpen(ctx, bad)
	for i := range c.Realms {
		r := &c.Realms[i]
		at := fmt.Sprintf("realms[%d]", i)
		if !uri.Valid([]byte(r.Name), r.StrictURI) {
			bad(at, "%q: not a URI; a name is made of components with dots between them, without spaces or #, as in com.example.devices", r.Name)
		}
		for j := range c.Realms[:i] {
			if c.Realms[j].Name == r.Name {
				bad(at, "%s: given twice", r.Name)
			}
		}
	}
	for i := range c.Templates {
		t := &c.Templates[i]
		at := fmt.Sprintf("templates[%d]", i)
		if _, _, err := pattern(t.URI, t.Match, t.StrictURI); err != nil {
			bad(at+".uri", "%s: %v", t.URI, err)
		}
	}
	c.eachRealm(func(at string, s *RealmSettings) { s.check(at, bad) })
	c.checkSources(bad)
	c.checkAdmin(bad)
}

func (l *Listener) check(at string, bad complaint) {
	for _, p := range []struct{ key, path string }{{"path", l.Path}, {"longpoll_path", l.LongPollPath}} {
		if !strings.HasPrefix(p.path, "/") && !(p.path == "-" && p.key == "longpoll_path") {
			bad(at+"."+p.key, "%s: want a path that begins with /", p.path)
		}
	}
	for i, o := range l.Origins {
		if _, err := path.Match(o, ""); err != nil {
			bad(fmt.Sprintf("%s.origins[%d]", at, i), "%s: %v; write it as in https://*.example.com", o, err)
		}
	}
	t := &l.TLS
	switch acme := len(t.ACME.Hosts) > 0; {
	case (t.Certificate == "") != (t.Key == ""):
		have := "certificate"
		if t.Certificate == "" {
			have = "key"
		}
		bad(at+".tls."+have, "certificate and key: each needs the other one")
	case acme && t.Certificate != "":
		bad(at+".tls.acme", "certificates are either from files or by ACME: leave certificate and key out, or acme")
	case acme && t.ACME.Cache == "":
		bad(at+".tls.acme", "cache is missing: the folder for keys and certificates")
	}
	for i, h := range t.ACME.Hosts {
		if net.ParseIP(h) != nil || strings.ContainsAny(h, ":/*") || !strings.Contains(h, ".") {
			bad(fmt.Sprintf("%s.tls.acme.hosts[%d]", at, i), "%s: want the name of a host, as in router.example.com", h)
		}
	}
	switch {
	case t.Enabled():
	case t.Only:
		bad(at+".tls.only", "there is no certificate: give certificate and key, or acme")
	case t.Clients.CA != "" || t.Clients.Required:
		bad(at+".tls.clients", "clients are asked for certificates within TLS: give certificate and key, or acme")
	}
	if t.Clients.Required && t.Clients.CA == "" {
		bad(at+".tls.clients", "ca is missing: the authorities whose certificates are accepted")
	}
}

// checkSources checks that procedures which know users are in realms that there
// are, and that cookies are given where they are accepted.
func (c *Config) checkSources(bad complaint) {
	known := make(map[string]bool)
	for i := range c.Realms {
		known[c.Realms[i].Name] = true
	}
	c.eachRealm(func(at string, s *RealmSettings) {
		for i := range s.Sources {
			if name := s.Sources[i].Realm; name != "" && !known[name] {
				bad(fmt.Sprintf("%s.sources[%d].realm", at, i), "%s: there is no such realm", name)
			}
		}
		if a := s.Authentication; a != nil && a.Cookie != nil && !c.Cookies.Enabled {
			bad(at+".authentication.cookie", "nobody is given a cookie: set cookies.enabled")
		}
	})
}

// eachRealm calls f with everything that realms are made of, and its path.
func (c *Config) eachRealm(f func(at string, s *RealmSettings)) {
	for i := range c.Realms {
		f(fmt.Sprintf("realms[%d]", i), &c.Realms[i].RealmSettings)
	}
	for i := range c.Templates {
		f(fmt.Sprintf("templates[%d]", i), &c.Templates[i].RealmSettings)
	}
	if c.DefaultRealm != nil {
		f("default_realm", c.DefaultRealm)
	}
}

// checkOpen refuses to let other machines into a realm where anybody may do
// everything.
func (c *Config) checkOpen(ctx context.Context, bad complaint) {
	if c.AllowOpen {
		return
	}
	open := c.openRealm()
	if open == "" {
		return
	}
	for i := range c.Listeners {
		if l := &c.Listeners[i]; l.Address.text != "" && !l.Address.Local(ctx) {
			bad(fmt.Sprintf("listeners[%d].address", i), "%s: other machines can connect there, and in %s anybody who can connect may do everything: "+
				"listen on 127.0.0.1 or a unix: socket, give the realm authentication and roles, or say --allow-open (in a file allow_open: true)", l.Address, open)
		}
	}
}

// openRealm returns what to call a realm in which anonymous clients may do
// everything, "" when there is none.
func (c *Config) openRealm() string {
	for i := range c.Realms {
		if c.Realms[i].Open() {
			return "realm " + c.Realms[i].Name
		}
	}
	for i := range c.Templates {
		if c.Templates[i].Open() {
			return "realms of the template " + c.Templates[i].URI
		}
	}
	if c.DefaultRealm != nil && c.DefaultRealm.Open() {
		return "the default realm"
	}
	return ""
}

// Open reports whether anonymous clients may do everything.
func (s *RealmSettings) Open() bool {
	role := "anonymous"
	if a := s.Authentication; a != nil {
		if a.Anonymous == nil {
			return false
		}
		role = a.Anonymous.Role
	}
	if len(s.Roles) == 0 {
		return true
	}
	for i := range s.Roles {
		if s.Roles[i].Name != role {
			continue
		}
		for _, rule := range s.Roles[i].Rules {
			if rule.URI == "" && rule.Match == "prefix" && rule.Ask == "" && len(rule.Allow.words()) == len(allActions) {
				return true
			}
		}
	}
	return false
}

func (c *Config) checkAdmin(bad complaint) {
	if c.Admin.Realm == "" {
		return
	}
	for i := range c.Realms {
		if c.Realms[i].Name != c.Admin.Realm {
			continue
		}
		if len(c.Realms[i].Roles) == 0 {
			bad("admin.realm", "%s: the realm has no roles, so anybody could call wampeter.reload: give it roles with a rule for it", c.Admin.Realm)
		}
		return
	}
	bad("admin.realm", "%s: there is no such realm", c.Admin.Realm)
}

// check checks a realm.
func (s *RealmSettings) check(at string, bad complaint) {
	s.checkAuth(at, bad)
	s.checkRoles(at, bad)
	for i, h := range s.History {
		if _, _, err := pattern(h.URI, h.Match, s.StrictURI); err != nil {
			bad(fmt.Sprintf("%s.history[%d]", at, i), "%s: %v", h.URI, err)
		}
	}
	for i, p := range s.Policies {
		if _, _, err := pattern(p.URI, p.Match, s.StrictURI); err != nil {
			bad(fmt.Sprintf("%s.policies[%d].uri", at, i), "%s: %v", p.URI, err)
		}
	}
}

// pattern returns the pattern that text and match, which may be empty, stand
// for.
func pattern(text, match string, strict bool) (string, wamp.MatchPolicy, error) {
	p, policy, err := shapePattern(text, match)
	if err != nil {
		return "", 0, err
	}
	valid := map[wamp.MatchPolicy]func([]byte, bool) bool{
		wamp.Exact: uri.Valid, wamp.Prefix: uri.ValidPrefix, wamp.Wildcard: uri.ValidWildcard,
	}
	if !valid[policy]([]byte(p), strict) {
		return "", 0, errors.New("not a URI; write it as in com.example.door, or com.example. for all that begins so")
	}
	return p, policy, nil
}

// shapePattern is pattern without asking whether what comes of it is valid.
func shapePattern(text, match string) (p string, policy wamp.MatchPolicy, err error) {
	policy, given := matchOf[match]
	switch {
	case strings.HasSuffix(text, "*"):
		return "", 0, fmt.Errorf("* is no wildcard in WAMP; write %q for all that begins so, and leave a component empty for any word there", strings.TrimSuffix(text, "*"))
	case text == "" && !given:
		return "", 0, errors.New("is empty; for everything say match: prefix, too")
	case given && !(policy == wamp.Wildcard && strings.Contains(text, "{")):
		return text, policy, nil
	}
	p, likely, err := wamp.ParsePattern(text)
	if err != nil || given {
		return p, policy, err
	}
	return p, likely, nil
}

// probe reads the files that the configuration names, as Start would.
func (c *Config) probe(bad complaint) {
	for i := range c.Listeners {
		t := c.Listeners[i].TLS
		missing := false
		for key, path := range map[string]Path{"certificate": t.Certificate, "key": t.Key, "clients.ca": t.Clients.CA} {
			if path == "" {
				continue
			}
			if _, err := readFile(string(path)); err != nil {
				missing = true
				bad(fmt.Sprintf("listeners[%d].tls.%s", i, key), "%v", err)
			}
		}
		if t.Enabled() && !missing && (t.Certificate == "") == (t.Key == "") {
			if _, err := newTLS(t, slog.New(slog.DiscardHandler)); err != nil {
				bad(fmt.Sprintf("listeners[%d].tls.certificate", i), "%v", err)
			}
		}
	}
}

// mistake returns err as a mistake in what stands at path.
func (c *Config) mistake(path string, err error) Mistakes {
	return Mistakes{{Pos: c.At(path), Path: path, Text: err.Error()}}
}
