package config

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/wampeter/wampeter/router"
)

// Pos is where something was said: in a file, in the environment, or by a flag.
type Pos struct {
	File         string // "" when it was said elsewhere
	Line, Column int
	Name         string // of the variable, with $, or of the flag
}

// String returns the position as editors read it, file:line:column.
func (p Pos) String() string {
	switch {
	case p.Name != "":
		return p.Name
	case p.File == "":
		return ""
	case p.Line == 0:
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Duration is a time, written as 5s, 1m30s or 250ms.
type Duration time.Duration

// UnmarshalText reads a duration.
func (d *Duration) UnmarshalText(text []byte) error {
	if string(text) == "0" {
		*d = 0
		return nil
	}
	t, err := time.ParseDuration(string(text))
	if err != nil {
		if _, err := strconv.ParseFloat(string(text), 64); err == nil {
			return fmt.Errorf("want a time with a unit, as in %ss or %sms", text, text)
		}
		return errors.New("want a time, as in 5s, 1m30s or 250ms")
	}
	*d = Duration(t)
	return nil
}

// MarshalText writes the duration as it is read.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String writes the duration without the parts that are 0.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Size is a number of bytes, written with or without a unit: 65536, 64KiB,
// 1.5MB.
type Size int64

var sizeUnits = []struct {
	name string
	size Size
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
	{"k", 1 << 10}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"T", 1 << 40},
	{"B", 1},
}

// UnmarshalText reads a size.
func (s *Size) UnmarshalText(text []byte) error {
	number, unit := strings.TrimSpace(string(text)), Size(1)
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = strings.TrimSpace(rest), u.size
			break
		}
	}
	f, err := strconv.ParseFloat(number, 64)
	f *= float64(unit)
	if err != nil || !(f >= 0 && f < math.MaxInt64) {
		return errors.New("is no size: write it as in 65536, 64KiB or 16MiB")
	}
	*s = Size(f)
	return nil
}

// MarshalText writes the size as it is read.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String writes the size with the largest unit that divides it.
func (s Size) String() string {
	for _, u := range []int{3, 2, 1, 0} {
		if unit := sizeUnits[u]; s >= unit.size && s%unit.size == 0 {
			return strconv.FormatInt(int64(s/unit.size), 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// Secret is what must not be shown: a password, a ticket, a key. It is written
// as it is, by ${NAME} or as file:PATH.
type Secret struct {
	value string
	from  string // how it was said, when that gives nothing away
}

// NewSecret returns a secret that was not read from a file.
func NewSecret(value string) Secret { return Secret{value: value} }

// Value returns what is kept secret.
func (s Secret) Value() string { return s.value }

// String returns where the secret is from, never the secret.
func (s Secret) String() string {
	switch {
	case s.from != "":
		return s.from
	case s.value == "":
		return ""
	}
	return "(secret)"
}

// MarshalText writes what String returns.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes the secret itself.
func (s *Secret) UnmarshalText(text []byte) error {
	s.value = string(text)
	return nil
}

// Text is text that may be in a file of its own: file:PATH.
type Text struct {
	value string
	from  string // file:PATH, or empty
}

// Value returns the text.
func (t Text) Value() string { return t.value }

// String returns the text as it was said.
func (t Text) String() string {
	if t.from != "" {
		return t.from
	}
	return t.value
}

// MarshalText writes what String returns.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText takes the text itself.
func (t *Text) UnmarshalText(text []byte) error {
	t.value = string(text)
	return nil
}

// Path is the path of a file, relative to the folder of the file that names it.
type Path string

// UnmarshalText takes the path.
func (p *Path) UnmarshalText(text []byte) error {
	*p = Path(text)
	return nil
}

// Address is where to listen.
type Address struct {
	network string // "tcp" or "unix"
	text    string // host:port, or the path of the socket
}

// ParseAddress reads host:port or unix:PATH.
func ParseAddress(text string) (Address, error) {
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		if path = strings.TrimPrefix(path, "//"); path == "" {
			return Address{}, errors.New("want a path, as in unix:/run/wampeter.sock")
		}
		return Address{"unix", path}, nil
	}
	if strings.Contains(text, "://") {
		return Address{}, errors.New("want an address, not a URL, as in 127.0.0.1:8080; it serves WebSocket and RawSocket alike")
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return Address{}, errors.New("want host:port or unix:PATH, as in 127.0.0.1:8080, [::1]:8080 or unix:/run/wampeter.sock")
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return Address{}, fmt.Errorf("port %q is no number from 0, for any free one, to 65535", port)
	}
	return Address{"tcp", net.JoinHostPort(host, port)}, nil
}

// UnmarshalText reads an address.
func (a *Address) UnmarshalText(text []byte) (err error) {
	*a, err = ParseAddress(string(text))
	return err
}

// MarshalText writes the address as it is read.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// String writes the address as it is read.
func (a Address) String() string {
	if a.network == "unix" {
		return "unix:" + a.text
	}
	return a.text
}

// Network is "tcp" or "unix".
func (a Address) Network() string { return a.network }

// URL returns the URL by which a client on this machine reaches the address,
// with WebSocket at a path.
func (a Address) URL(path string) string {
	if a.network == "unix" {
		return "unix:" + a.text
	}
	host, port, _ := net.SplitHostPort(a.text)
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "ws://" + net.JoinHostPort(host, port) + path
}

// Network is a range of addresses, or whoever can connect to a Unix socket.
type Network struct {
	prefix netip.Prefix
	unix   bool
}

// UnmarshalText reads an address, a network, or unix.
func (n *Network) UnmarshalText(text []byte) error {
	if string(text) == "unix" {
		*n = Network{unix: true}
		return nil
	}
	if ip, err := netip.ParseAddr(string(text)); err == nil {
		ip = ip.Unmap().WithZone("")
		*n = Network{prefix: netip.PrefixFrom(ip, ip.BitLen())}
		return nil
	}
	p, err := netip.ParsePrefix(string(text))
	if err != nil {
		return errors.New("want a network as in 10.0.0.0/8 or 2001:db8::/32, an address, or unix")
	}
	if m := p.Masked(); m != p {
		return fmt.Errorf("has bits set beyond the network: write %s", m)
	}
	*n = Network{prefix: p}
	return nil
}

// MarshalText writes the network as it is read.
func (n Network) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// String writes the network as it is read.
func (n Network) String() string {
	switch {
	case n.unix:
		return "unix"
	case n.prefix.IsSingleIP():
		return n.prefix.Addr().String()
	}
	return n.prefix.String()
}

// peers returns networks as the router takes them.
func peers(list []Network) (p router.Peers) {
	for _, n := range list {
		if n.unix {
			p.Unix = true
		} else {
			p.Networks = append(p.Networks, n.prefix)
		}
	}
	return p
}

// Local reports whether only programs on this machine can connect.
func (a Address) Local(ctx context.Context) bool {
	if a.network == "unix" {
		return true
	}
	host, _, _ := net.SplitHostPort(a.text)
	if host == "" {
		return false // every interface
	}
	if host == "localhost" {
		return true
	}
	ips, err := net.DefaultResolver.LookupIPAddr(ctx, host)
	for _, ip := range ips {
		if !ip.IP.IsLoopback() {
			return false
		}
	}
	return err == nil // what cannot be looked up cannot be listened on either
}
