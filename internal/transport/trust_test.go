package transport

import (
	"net"
	"net/http"
	"net/netip"
	"testing"
)

func TestTrustClient(t *testing.T) {
	trust := Trust{Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}, Unix: true}
	for _, test := range []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"nobody in between", "192.0.2.1:5", nil, "192.0.2.1:5"},
		{"who is not trusted says nothing", "192.0.2.1:5", []string{"203.0.113.7"}, "192.0.2.1:5"},
		{"one proxy", "10.0.0.1:5", []string{"203.0.113.7"}, "203.0.113.7:0"},
		{"with a port", "10.0.0.1:5", []string{"203.0.113.7:99"}, "203.0.113.7:99"},
		{"a chain", "10.0.0.1:5", []string{"203.0.113.7, 10.0.0.2"}, "203.0.113.7:0"},
		{"what the client claims itself", "10.0.0.1:5", []string{"1.2.3.4, 203.0.113.7, 10.0.0.2"}, "203.0.113.7:0"},
		{"several lines", "10.0.0.1:5", []string{"1.2.3.4", "203.0.113.7", "10.0.0.2, 10.0.0.3"}, "203.0.113.7:0"},
		{"nobody else", "10.0.0.1:5", []string{"10.0.0.2"}, "10.0.0.2:0"},
		{"no header", "10.0.0.1:5", nil, "10.0.0.1:5"},
		{"nonsense", "10.0.0.1:5", []string{"203.0.113.7, unknown, 10.0.0.2"}, "10.0.0.2:0"},
		{"empty", "10.0.0.1:5", []string{""}, "10.0.0.1:5"},
		{"IPv6", "[fd00::1]:5", []string{"2001:db8::7"}, "[2001:db8::7]:0"},
		{"IPv6 with brackets", "[fd00::1]:5", []string{"[2001:db8::7]"}, "[2001:db8::7]:0"},
		{"IPv6 with a port", "[fd00::1]:5", []string{"[2001:db8::7]:99"}, "[2001:db8::7]:99"},
		{"IPv4 in IPv6", "[::ffff:10.0.0.1]:5", []string{"203.0.113.7"}, "203.0.113.7:0"},
		{"Unix socket", "@", []string{"203.0.113.7"}, "203.0.113.7:0"},
	} {
		r := &http.Request{RemoteAddr: test.peer, Header: http.Header{"X-Forwarded-For": test.forwarded}}
		if got := trust.Client(r); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
	r := &http.Request{RemoteAddr: "10.0.0.1:5", Header: http.Header{"X-Forwarded-For": {"203.0.113.7"}}}
	if got := new(Trust).Client(r); got != "10.0.0.1:5" {
		t.Errorf("without trust: %s", got)
	}
}

func TestTrustAddr(t *testing.T) {
	trust := Trust{Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	unix := &net.UnixAddr{Net: "unix", Name: "x"}
	if !trust.Addr(&net.TCPAddr{IP: net.IPv4(10, 1, 2, 3), Port: 1}) || trust.Addr(&net.TCPAddr{IP: net.IPv4(11, 1, 2, 3)}) || trust.Addr(unix) || trust.Addr(nil) {
		t.Error("not the networks that are trusted")
	}
	if trust.Unix = true; !trust.Addr(unix) {
		t.Error("a Unix socket is not trusted")
	}
}
