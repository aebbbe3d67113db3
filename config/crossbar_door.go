package config

import (
	"cmp"
	"slices"
	"strings"
)

// crossTransport is something that clients connect to.
type crossTransport struct {
	name  string // such as "WebSocket at :8080/ws"
	local bool   // only programs of this machine can connect
	node  crossNode
	auth  crossNode
	open  bool // it has no authentication
}

// methods calls f with the methods of a transport.
func (t *crossTransport) methods(f func(name string, m crossNode)) {
	if t.open {
		f("anonymous", t.node)
		return
	}
	for name, m := range t.auth.entries {
		f(name, m)
	}
}

// anonymousOf returns whom a transport takes anonymous clients for, and in which
// realm, "" for any.
func anonymousOf(m crossNode) (a *Anonymous, realm string) {
	if m.text("type") == "dynamic" {
		return &Anonymous{Source: m.text("authenticator")}, ""
	}
	return &Anonymous{Role: cmp.Or(m.text("role"), "anonymous"), AuthID: m.text("authid")}, m.text("realm")
}

func (a *Anonymous) crossbar() string {
	if a.Source != "" {
		return "as " + a.Source + " says"
	}
	text := "with the role " + a.Role
	if a.AuthID != "" {
		text += " as " + a.AuthID
	}
	return text
}

// doorOf returns what a method is called.
func doorOf(name string, m crossNode) string {
	if name != "anonymous" {
		return name
	}
	a, realm := anonymousOf(m)
	name += " " + a.crossbar()
	if realm != "" {
		name += " in realm " + realm
	}
	return name
}

// carried reports whether there is such a method here.
func carried(name string, m crossNode) bool {
	kind := m.text("type")
	switch name {
	case "anonymous", "ticket", "wampcra", "scram", "cryptosign":
		return kind != "function"
	case "tls":
		return kind == "dynamic"
	}
	return false // cookies, too, come from one kind of transport alone
}

// opens reports whether a method which only programs of this machine have, by the
// transports at, would be other machines', too.
func (x *crossbar) opens(at []int) bool {
	other := false
	for i := range x.transports {
		if !x.transports[i].local {
			other = true
			if slices.Contains(at, i) {
				return false
			}
		}
	}
	return other
}

// door is a way in that some transports have: a method, or a user of one.
type door struct {
	what string
	node crossNode // where it is first
	at   []int     // the transports
}

// united says of each way in that not all transports have where it was, since
// every transport has it now; but for anonymous clients whom only programs of
// this machine could be, where now other machines could connect. Those it returns.
func (x *crossbar) united() (closed map[string]bool) {
	closed = make(map[string]bool)
	var methods, users []*door
	note := func(list *[]*door, what string, node crossNode, at int) {
		i := slices.IndexFunc(*list, func(d *door) bool { return d.what == what })
		if i < 0 {
			i, *list = len(*list), append(*list, &door{what: what, node: node})
		}
		if d := (*list)[i]; !slices.Contains(d.at, at) {
			d.at = append(d.at, at)
		}
	}
	has := make(map[string][]int) // transports by method
	for i := range x.transports {
		x.transports[i].methods(func(name string, m crossNode) {
			if !carried(name, m) {
				return
			}
			note(&methods, doorOf(name, m), m, i)
			has[name] = append(has[name], i)
			for _, key := range []string{"principals", "users"} {
				if list, ok := m.sub(key); ok {
					for authID, p := range list.entries {
						note(&users, name+" of "+authID, p, i)
					}
				}
			}
		})
	}
	users = slices.DeleteFunc(users, func(d *door) bool { // what is said of the method is enough
		method, _, _ := strings.Cut(d.what, " ")
		return len(d.at) == len(has[method])
	})
	for _, d := range append(methods, users...) {
		if len(d.at) == len(x.transports) {
			continue
		}
		var before, now []string
		for i := range x.transports {
			if slices.Contains(d.at, i) {
				before = append(before, x.transports[i].name)
			} else {
				now = append(now, x.transports[i].name)
			}
		}
		switch {
		case strings.HasPrefix(d.what, "anonymous ") && x.opens(d.at):
			closed[d.what] = true
			d.node.note("not carried over: %s was for %s alone, and a realm has its methods everywhere: say anonymous in its authentication "+
				"if also those who connect to %s need to prove nothing", d.what, oxford(before, "and"), oxford(now, "and"))
		default:
			d.node.note("%s was for %s alone; a realm has its methods everywhere, so that it is for %s now, too", d.what, oxford(before, "and"), oxford(now, "and"))
		}
	}
	return closed
}
