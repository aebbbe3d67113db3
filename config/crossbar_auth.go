package config

import (
	"cmp"
	"slices"
	"time"

	"github.com/wampeter/wampeter/internal/auth"
)

// auth notes the authentication of a transport.
func (x *crossbar) auth(t crossNode, l *Listener, protocol string) {
	if cookie, ok := t.sub("cookie"); ok {
		x.cookies(cookie)
	}
	to := crossTransport{name: protocol + " at " + l.Address.String(), local: l.local(), node: t}
	if protocol == "WebSocket" {
		to.name += cmp.Or(l.Path, "/ws")
	}
	auth, ok := t.sub("auth")
	to.auth, to.open = auth, !ok
	x.transports = append(x.transports, to)
}

func (x *crossbar) cookies(c crossNode) {
	to := &x.config.Cookies
	to.Enabled, to.Name = true, c.text("name")
	if s := c.number("max_age"); s > 0 {
		to.MaxAge = Duration(time.Duration(s) * time.Second)
	}
	switch c.text("same_site") {
	case "Lax":
		to.SameSite = "lax"
	case "None":
		to.SameSite = "none"
	}
	c.ignore("length", "secure", "http_strict")
	if store, ok := c.sub("store"); ok {
		if store.text("type") != "memory" {
			store.note("cookies are kept in memory: after a restart everybody has to log in again")
		}
		store.take()
	}
}

// authenticate gives realms the authentication of all transports. Where two of
// them do not agree on something, that of the one that more clients can reach
// counts.
func (x *crossbar) authenticate() {
	slices.SortStableFunc(x.transports, func(a, b crossTransport) int {
		switch {
		case a.local == b.local:
			return 0
		case b.local:
			return -1
		}
		return 1
	})
	closed := x.united()
	for _, named := range []bool{true, false} { // anonymous clients of one realm before those of all
		for i := range x.transports {
			x.transports[i].methods(func(name string, m crossNode) {
				if name != "anonymous" || !carried(name, m) || closed[doorOf(name, m)] {
					return
				}
				if a, realm := anonymousOf(m); named == (realm != "") && !x.anonymous(realm, a, m) && !x.transports[i].open {
					m.note("not carried over: no realm has the role %s", a.Role)
				}
			})
		}
	}
	for i := range x.transports {
		x.transports[i].methods(func(name string, m crossNode) {
			if name != "anonymous" || !carried(name, m) {
				x.method(name, m)
			}
		})
	}
	for i := range x.config.Realms {
		s := x.settings[x.config.Realms[i].Name]
		if s.Authentication == nil {
			s.Authentication = &Authentication{}
		}
		if len(s.Authentication.methods()) == 0 {
			x.lost = append(x.lost, &Mistake{Path: x.config.Realms[i].Name, Text: "nobody of the file can join this realm: name its users, or let anonymous clients in"})
			s.Authentication.Ticket = &Method{}
		}
		s.Sources = slices.DeleteFunc(s.Sources, func(src UserSource) bool {
			return !slices.ContainsFunc(s.Authentication.methods(), func(m usedMethod) bool { return m.source == src.Name })
		})
	}
}

// eachRealm calls f for the realm of that name, or for all of which role is one.
func (x *crossbar) eachRealm(name, role string, f func(s *RealmSettings)) {
	for i := range x.config.Realms {
		s := x.settings[x.config.Realms[i].Name]
		has := slices.ContainsFunc(s.Roles, func(r Role) bool { return r.Name == role })
		if name == x.config.Realms[i].Name || name == "" && (has || role == "") {
			if s.Authentication == nil {
				s.Authentication = &Authentication{}
			}
			f(s)
		}
	}
}

func (x *crossbar) nameOf(s *RealmSettings) string {
	for name, other := range x.settings {
		if other == s {
			return name
		}
	}
	return ""
}

// anonymous lets anonymous clients in where there is the role for them. It
// reports whether that is anywhere.
func (x *crossbar) anonymous(realm string, a *Anonymous, m crossNode) (known bool) {
	if a.Source != "" {
		x.source(a.Source, m.text("authenticator-realm"))
	}
	m.ignore("authenticator-role", "expose_controller", "$schema")
	x.eachRealm(realm, a.Role, func(s *RealmSettings) {
		known = true
		switch was := s.Authentication.Anonymous; {
		case was == nil:
			s.Authentication.Anonymous = a
		case *was != *a:
			m.note("not carried over: anonymous %s in realm %s, which has one answer for all anonymous clients: by another transport they are %s",
				a.crossbar(), x.nameOf(s), was.crossbar())
		}
	})
	return known
}

func (x *crossbar) method(name string, m crossNode) {
	m.ignore("$schema")
	kind := m.text("type")
	source := ""
	switch {
	case name == "cookie":
		x.eachRealm("", "", func(s *RealmSettings) { s.Authentication.Cookie = &Cookie{} })
		if !x.config.Cookies.Enabled {
			x.config.Cookies.Enabled = true
		}
		m.take()
		return
	case kind == "dynamic":
		source = m.text("authenticator")
		x.source(source, m.text("authenticator-realm"))
		m.ignore("authenticator-role", "expose_controller")
	case kind == "function":
		m.lose("functions in Python: serve them as a procedure, and name it as a source")
		return
	}
	switch name {
	case "ticket", "wampcra", "scram", "cryptosign":
		x.known(name, m, source)
	case "tls":
		if source == "" {
			m.lose("Crossbar.io checks nothing here; say by authentication.tls.rules whose certificate it is")
			return
		}
		x.eachRealm("", "", func(s *RealmSettings) { s.Authentication.TLS = &ClientTLS{Source: source} })
	default:
		m.lose("there is no such method here")
	}
}

// source returns where a method finds its users, "" for those of the realm, and
// whether the realm has the method.
func (a *Authentication) source(name string) (source string, ok bool) {
	m := map[string]*Method{"ticket": a.Ticket, "wampcra": a.WAMPCRA, "scram": a.SCRAM}[name]
	switch {
	case m != nil:
		return m.Source, true
	case name == "cryptosign" && a.Cryptosign != nil:
		return a.Cryptosign.Source, true
	}
	return "", false
}

// known carries over a method by which users prove who they are.
func (x *crossbar) known(name string, m crossNode, source string) {
	use := func(s *RealmSettings) bool {
		if before, used := s.Authentication.source(name); used && before != source {
			m.note("not carried over: a realm has one place for the users of a method, and by another transport that is %s",
				cmp.Or(before, "the list of them"))
			return false
		}
		method := &Method{Source: source}
		switch name {
		case "ticket":
			s.Authentication.Ticket = method
		case "wampcra":
			s.Authentication.WAMPCRA = method
		case "scram":
			s.Authentication.SCRAM = method
		case "cryptosign":
			s.Authentication.Cryptosign = &Cryptosign{Source: source}
		}
		return true
	}
	if source != "" {
		x.eachRealm("", "", func(s *RealmSettings) { use(s) })
		return
	}
	if t, ok := m.sub("trustroots"); ok {
		t.lose("name trust roots under cryptosign.trustroots, with their realm and contract")
	}
	list, ok := m.sub("principals")
	if name == "wampcra" {
		list, ok = m.sub("users")
	}
	if !ok {
		return
	}
	for authID, p := range list.entries {
		u := User{AuthID: authID, Role: p.text("role")}
		if u.Role == "" {
			u.Role = "anonymous"
		}
		switch name {
		case "ticket":
			u.Ticket = p.secret("ticket")
		case "wampcra":
			u.Secret, u.Salt, u.Iterations, u.KeyLength = p.secret("secret"), p.text("salt"), p.number("iterations"), p.number("keylen")
		case "scram":
			c, err := crossbarSCRAM(p)
			if err != nil {
				p.lose(err.Error())
				continue
			}
			u.SCRAM = []Secret{{value: c}}
		case "cryptosign":
			for _, k := range p.list("authorized_keys") {
				u.Keys = append(u.Keys, Text{value: k.n.text})
			}
		}
		known := 0
		x.eachRealm(p.text("realm"), u.Role, func(s *RealmSettings) {
			known++
			if use(s) {
				x.addUser(s, u, p)
			}
		})
		if known == 0 {
			p.lose("no realm has the role " + u.Role)
		}
	}
}

// addUser adds what a method knows of a user to what others know.
func (x *crossbar) addUser(s *RealmSettings, u User, p crossNode) {
	i := slices.IndexFunc(s.Users, func(o User) bool { return o.AuthID == u.AuthID })
	if i < 0 {
		s.Users = append(s.Users, u)
		return
	}
	old := &s.Users[i]
	if old.Role != u.Role {
		p.note("not carried over: %s has the role %s by another method, and a user has one role", u.AuthID, old.Role)
		return
	}
	other := func(has, same bool) bool {
		if has && !same {
			p.note("not carried over: %s has another secret by the same method on another transport", u.AuthID)
		}
		return !has
	}
	switch {
	case u.Ticket != Secret{}:
		if other(old.Ticket != Secret{}, old.Ticket == u.Ticket) {
			old.Ticket = u.Ticket
		}
	case u.Secret != Secret{}:
		if other(old.Secret != Secret{}, old.Secret == u.Secret && old.Salt == u.Salt) {
			old.Secret, old.Salt, old.Iterations, old.KeyLength = u.Secret, u.Salt, u.Iterations, u.KeyLength
		}
	case u.SCRAM != nil:
		if other(old.SCRAM != nil, slices.Equal(old.SCRAM, u.SCRAM)) {
			old.SCRAM = u.SCRAM
		}
	default:
		for _, key := range u.Keys {
			if !slices.Contains(old.Keys, key) {
				old.Keys = append(old.Keys, key)
			}
		}
	}
}

// crossbarSCRAM returns a credential of the dialect that Crossbar.io speaks.
func crossbarSCRAM(p crossNode) (string, error) {
	c := auth.SCRAMCredential{SCRAMCost: auth.SCRAMCost{KDF: p.text("kdf"), Iterations: p.number("iterations"), Memory: p.number("memory")}}
	for key, to := range map[string]*[]byte{"salt": &c.Salt, "stored-key": &c.StoredKey, "server-key": &c.ServerKey} {
		var err error
		if *to, err = auth.DecodeBinary(p.text(key)); err != nil {
			return "", err
		}
	}
	if err := c.Check(); err != nil {
		return "", err
	}
	return c.String(), nil
}

// source adds a procedure that knows users to all realms.
func (x *crossbar) source(procedure, realm string) {
	x.eachRealm("", "", func(s *RealmSettings) {
		if s.source(procedure) == nil {
			s.Sources = append(s.Sources, UserSource{Name: procedure, Procedure: procedure, Realm: realm})
		}
	})
}
