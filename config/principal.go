package config

import (
	"crypto/ed25519"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/wampeter/wampeter/internal/uri"
	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/router/jwt"
	"github.com/wampeter/wampeter/router/trustroot"
	"github.com/wampeter/wampeter/wamp"
)

// checkAuth finds what is wrong with authentication.
func (s *RealmSettings) checkAuth(at string, bad complaint) {
	for i := range s.Users {
		if _, err := router.NewTable(s.Users[i].principal()); err != nil && s.Users[i].AuthID != "" && s.Users[i].Role != "" {
			text := strings.TrimPrefix(err.Error(), "principal "+s.Users[i].AuthID+": ")
			text = strings.ReplaceAll(text, "\n", "; ")
			bad(fmt.Sprintf("%s.users[%d]", at, i), "%s: %s", s.Users[i].AuthID, text)
		}
		for j := range s.Users[:i] {
			if s.Users[j].AuthID == s.Users[i].AuthID && s.Users[i].AuthID != "" {
				bad(fmt.Sprintf("%s.users[%d].authid", at, i), "%s: there is a user of that name already", s.Users[i].AuthID)
				break
			}
		}
	}
	for i := range s.Sources {
		src := &s.Sources[i]
		path := fmt.Sprintf("%s.sources[%d]", at, i)
		checkAsked(path, src.Procedure, src.URL, bad)
		if s.source(src.Name) != src {
			bad(path+".name", "%s: there is a source of that name already", src.Name)
		}
		if src.Realm != "" && src.Procedure == "" {
			bad(path+".realm", "is for procedures")
		}
	}
	a := s.Authentication
	if a == nil {
		if len(s.Users) > 0 {
			bad(at+".users", "authentication is missing, so nobody can log in: name the methods there")
		}
		return
	}
	for _, m := range a.methods() {
		if m.source != "" && s.source(m.source) == nil {
			bad(fmt.Sprintf("%s.authentication.%s.source", at, m.name), "%s: there is no such source; %s", m.source, s.sourceNames())
		}
	}
	if len(a.methods()) == 0 {
		bad(at+".authentication", "no method is named, so nobody could join; anonymous is one")
	}
	if a.Cryptosign != nil {
		if _, err := a.Cryptosign.routerKey(); err != nil {
			bad(at+".authentication.cryptosign.key", "%v", err)
		}
		for i := range a.Cryptosign.TrustRoots {
			a.Cryptosign.TrustRoots[i].check(fmt.Sprintf("%s.authentication.cryptosign.trustroots[%d]", at, i), bad)
		}
	}
	if a.JWT != nil {
		a.JWT.check(at+".authentication.jwt", bad)
		if a.JWT.Ticket && a.Ticket != nil {
			bad(at+".authentication.jwt.ticket", "the method ticket is in use already: leave out one of them")
		}
	}
	if a.TLS != nil {
		for i := range a.TLS.Rules {
			if _, err := router.ClientCertificate(router.Certificates{Rules: []router.CertificateRule{a.TLS.Rules[i].rule()}}); err != nil && a.TLS.Rules[i].Role != "" {
				bad(fmt.Sprintf("%s.authentication.tls.rules[%d]", at, i), "%s", strings.TrimPrefix(err.Error(), "certificate rule 1 "))
			}
		}
		if len(a.TLS.Rules) == 0 && a.TLS.Source == "" {
			bad(at+".authentication.tls", "says of no certificate whose it is: give rules, or a source")
		}
	}
}

// checkAsked checks that either a procedure or a URL is named.
func checkAsked(path, procedure, address string, bad complaint) {
	switch {
	case (procedure == "") == (address == ""):
		bad(path, "want either procedure or url")
	case address != "":
		checkURL(path+".url", address, bad)
	case !uri.Valid([]byte(procedure), false):
		bad(path+".procedure", "%s: not a URI", procedure)
	}
}

func checkURL(path, text string, bad complaint) {
	if u, err := url.Parse(text); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		bad(path, "%s: want a URL that begins with https:// or http://", text)
	}
}

// usedMethod is a method that a realm knows, and where its users are.
type usedMethod struct{ name, source string }

func (a *Authentication) methods() (list []usedMethod) {
	add := func(name string, given bool, source string) {
		if given {
			list = append(list, usedMethod{name, source})
		}
	}
	method := func(m *Method) string {
		if m == nil {
			return ""
		}
		return m.Source
	}
	if a.TLS != nil {
		add("tls", true, a.TLS.Source)
	}
	add("jwt", a.JWT != nil, "")
	add("cookie", a.Cookie != nil, "")
	if a.Anonymous != nil {
		add("anonymous", true, a.Anonymous.Source)
	}
	add("ticket", a.Ticket != nil, method(a.Ticket))
	add("wampcra", a.WAMPCRA != nil, method(a.WAMPCRA))
	add("scram", a.SCRAM != nil, method(a.SCRAM))
	if a.Cryptosign != nil {
		add("cryptosign", true, a.Cryptosign.Source)
	}
	return list
}

func (s *RealmSettings) source(name string) *UserSource {
	for i := range s.Sources {
		if s.Sources[i].Name == name {
			return &s.Sources[i]
		}
	}
	return nil
}

func (s *RealmSettings) sourceNames() string {
	var names []string
	for i := range s.Sources {
		names = append(names, s.Sources[i].Name)
	}
	if len(names) == 0 {
		return "sources names none"
	}
	return "sources has " + oxford(names, "and")
}

// principal returns a user as the router takes it.
func (u *User) principal() router.Principal {
	p := router.Principal{
		AuthID: u.AuthID, Role: u.Role, Ticket: u.Ticket.Value(),
		Secret: u.Secret.Value(), Salt: u.Salt, Iterations: u.Iterations, KeyLength: u.KeyLength, Extra: u.Extra,
	}
	for _, c := range u.SCRAM {
		p.SCRAM = append(p.SCRAM, c.Value())
	}
	for _, k := range u.Keys {
		if k.Value() != "" || k.from == "" { // what is in a file that cannot be read is said already
			p.Keys = append(p.Keys, k.Value())
		}
	}
	return p
}

func (r *CertificateRule) rule() router.CertificateRule {
	return router.CertificateRule{
		CommonName: r.CommonName, DNSName: r.DNSName, Email: r.Email, URI: r.URI,
		Fingerprint: r.Fingerprint, AuthID: r.AuthID, Role: r.Role,
	}
}

func (c *Cryptosign) options() (list []router.CryptosignOption, err error) {
	key, err := c.routerKey()
	if err != nil {
		return nil, err
	}
	if key != nil {
		list = append(list, router.RouterKey(key))
	}
	if c.ChannelBinding {
		list = append(list, router.RequireChannelBinding())
	}
	if len(c.TrustRoots) > 0 {
		trusted := make([]trustroot.Root, len(c.TrustRoots))
		for i := range c.TrustRoots {
			if trusted[i], err = c.TrustRoots[i].root(); err != nil {
				return nil, err
			}
		}
		roots, err := trustroot.New(trusted...)
		if err != nil {
			return nil, err
		}
		list = append(list, router.TrustRoots(roots))
	}
	return list, nil
}

// routerKey returns the router's own key, nil when there is none.
func (c *Cryptosign) routerKey() (ed25519.PrivateKey, error) {
	if c.Key == "" {
		return nil, nil
	}
	data, err := readFile(string(c.Key))
	if err != nil {
		return nil, err
	}
	key, err := wamp.ParseKey(data, []byte(c.Passphrase.Value()))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Key, err)
	}
	return key, nil
}

// check finds what is wrong with a trust root, but for what is missing.
func (t *TrustRoot) check(at string, bad complaint) {
	for _, a := range []struct{ name, text string }{{"address", t.Address}, {"realm", t.Realm}, {"contract", t.Contract}} {
		if _, err := trustroot.ParseAddress(a.text); err != nil && a.text != "" {
			bad(at+"."+a.name, "%v", err)
		}
	}
	if _, err := trustroot.ParseCapabilities(t.Capabilities...); err != nil {
		bad(at+".capabilities", "%v", err)
	}
	if _, err := t.authorities(); err != nil {
		bad(at+".certificates", "%v", err)
	}
}

// root returns a trust root as the router takes it.
func (t *TrustRoot) root() (trustroot.Root, error) {
	capabilities, err := trustroot.ParseCapabilities(t.Capabilities...)
	if err != nil {
		return trustroot.Root{}, err
	}
	authorities, err := t.authorities()
	return trustroot.Root{
		Address: t.Address, Realm: t.Realm, Contract: t.Contract, ChainID: t.ChainID, Capabilities: capabilities,
		MaxAge: time.Duration(t.MaxAge), Role: t.Role, Authorities: authorities,
	}, err
}

func (t *TrustRoot) authorities() ([]trustroot.Authority, error) {
	if t.Certificates == "" {
		return nil, nil
	}
	data, err := readFile(string(t.Certificates))
	if err != nil {
		return nil, err
	}
	list, err := trustroot.ParseAuthorities(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Certificates, err)
	}
	return list, nil
}

// authenticators returns the methods of a realm as the router takes them. named
// are the realms of the configuration; tokens is that of jwt.
func (s *RealmSettings) authenticators(named map[string]*router.Realm, realm *router.Realm, tokens *jwt.Authenticator) ([]router.Authenticator, error) {
	a := s.Authentication
	if a == nil {
		return nil, nil
	}
	users := make([]router.Principal, len(s.Users))
	for i := range s.Users {
		users[i] = s.Users[i].principal()
	}
	table, err := router.NewTable(users...)
	if err != nil {
		return nil, err
	}
	from := func(source string) router.Principals {
		if source == "" {
			return table
		}
		return s.source(source).principals(named, realm)
	}
	var list []router.Authenticator
	if a.TLS != nil {
		c := router.Certificates{}
		for i := range a.TLS.Rules {
			c.Rules = append(c.Rules, a.TLS.Rules[i].rule())
		}
		if a.TLS.Source != "" {
			c.Principals = from(a.TLS.Source)
		}
		t, err := router.ClientCertificate(c)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	if tokens != nil {
		list = append(list, tokens)
		if a.JWT.Bearer {
			list = append(list, tokens.Bearer())
		}
		if a.JWT.Ticket {
			list = append(list, tokens.As("ticket"))
		}
	}
	if a.Cookie != nil {
		list = append(list, router.Cookie())
	}
	if a.Cryptosign != nil {
		options, err := a.Cryptosign.options()
		if err != nil {
			return nil, err
		}
		list = append(list, router.Cryptosign(from(a.Cryptosign.Source), options...))
	}
	if a.SCRAM != nil {
		list = append(list, router.SCRAM(from(a.SCRAM.Source)), router.AutobahnSCRAM(from(a.SCRAM.Source)))
	}
	if a.WAMPCRA != nil {
		list = append(list, router.WAMPCRA(from(a.WAMPCRA.Source)))
	}
	if a.Ticket != nil {
		list = append(list, router.Ticket(from(a.Ticket.Source)))
	}
	if a.Anonymous != nil {
		if a.Anonymous.Source != "" {
			list = append(list, router.Anonymous(from(a.Anonymous.Source)))
		} else {
			list = append(list, router.Anonymous(router.Principal{AuthID: a.Anonymous.AuthID, Role: a.Anonymous.Role}))
		}
	}
	return list, nil
}

// principals returns a source as the router takes it.
func (s *UserSource) principals(named map[string]*router.Realm, realm *router.Realm) router.Principals {
	if s.Procedure == "" {
		return &router.Webhook{URL: s.URL, Header: headers(s.Headers), Timeout: time.Duration(s.Timeout)}
	}
	if other := named[s.Realm]; other != nil {
		realm = other
	}
	return &router.Procedure{Realm: realm, URI: s.Procedure, Timeout: time.Duration(s.Timeout)}
}

func headers(list []Header) http.Header {
	h := make(http.Header, len(list))
	for _, header := range list {
		h.Add(header.Name, header.Value.Value())
	}
	return h
}

// cookies returns what the router takes; nil without cookies.
func (c *Cookies) cookies() *router.Cookies {
	if !c.Enabled {
		return nil
	}
	return &router.Cookies{
		Name: c.Name, MaxAge: time.Duration(c.MaxAge), Domain: c.Domain, Path: c.Path, Insecure: c.Insecure,
		SameSite: map[string]http.SameSite{
			"strict": http.SameSiteStrictMode, "lax": http.SameSiteLaxMode, "none": http.SameSiteNoneMode,
		}[c.SameSite],
	}
}

// limits returns what the router takes.
func (g *Guessing) limits() router.AuthLimits {
	l := router.AuthLimits{Failures: g.Failures, AuthIDFailures: g.AuthIDFailures, Window: time.Duration(g.Window), Delay: time.Duration(g.Delay)}
	for _, n := range []*int{&l.Failures, &l.AuthIDFailures} {
		if *n == 0 {
			*n = -1
		}
	}
	if l.Delay == 0 {
		l.Delay = -1
	}
	return l
}
