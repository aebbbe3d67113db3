package transport

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Trust is a set of peers whose word is taken for who is behind them: load
// balancers and reverse proxies. The zero value trusts nobody.
type Trust struct {
	Networks []netip.Prefix
	Unix     bool // whoever can connect to a Unix socket
}

// Empty reports whether nobody is trusted.
func (t *Trust) Empty() bool { return len(t.Networks) == 0 && !t.Unix }

// Addr reports whether the peer at a is trusted.
func (t *Trust) Addr(a net.Addr) bool {
	if a == nil {
		return false
	}
	if a.Network() == "unix" {
		return t.Unix
	}
	return t.text(a.String())
}

// text is Addr for an address as net/http has it.
func (t *Trust) text(peer string) bool {
	ip, ok := parseIP(peer)
	if !ok {
		return t.Unix && (peer == "" || peer == "@" || strings.HasPrefix(peer, "/")) // what Unix sockets call their peers
	}
	return t.ip(ip)
}

func (t *Trust) ip(ip netip.Addr) bool {
	for _, p := range t.Networks {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// Client returns the address of the client that sent r: r.RemoteAddr, unless a
// trusted peer says by X-Forwarded-For whom it speaks for. Of a chain the last
// address counts that is not trusted itself, since what stands before it is
// only claimed. An address without a port gets the port 0.
func (t *Trust) Client(r *http.Request) string {
	if t.Empty() || !t.text(r.RemoteAddr) {
		return r.RemoteAddr
	}
	client := r.RemoteAddr
	lines := r.Header["X-Forwarded-For"]
	for i := len(lines) - 1; i >= 0; i-- {
		rest, more := lines[i], true
		for more {
			var last string
			if comma := strings.LastIndexByte(rest, ','); comma >= 0 {
				rest, last = rest[:comma], rest[comma+1:]
			} else {
				last, more = rest, false
			}
			last = strings.TrimSpace(last)
			ip, ok := parseIP(last)
			if !ok {
				return client // "unknown", or nonsense: the last one that is known counts
			}
			if client = last; !strings.Contains(last, "]:") && (ip.Is6() || !strings.Contains(last, ":")) {
				client = net.JoinHostPort(ip.String(), "0")
			}
			if !t.ip(ip) {
				return client
			}
		}
	}
	return client
}

// parseIP reads an address with or without port.
func parseIP(s string) (netip.Addr, bool) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	ip, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	return ip.Unmap().WithZone(""), err == nil
}
