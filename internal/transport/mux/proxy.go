package mux

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// The PROXY protocol, by which a load balancer says in front of everything else
// who has connected to it (HAProxy's proxy-protocol.txt, versions 1 and 2).

const (
	proxyV1    = "PROXY "
	proxyV2    = "\r\n\r\n\x00\r\nQUIT\n"
	maxProxyV1 = 107     // bytes of a line, its end included
	maxProxyV2 = maxHead // with extensions, which are skipped
)

// proxied are the ends of a connection as a load balancer sees them.
type proxied struct{ peer, local net.Addr }

var errNoProxy = errors.New("no PROXY protocol header, which this peer is expected to send")

// readProxy reads the header at the beginning of h.buf, of which n bytes are
// there, moves what stands behind it to the front, and returns how much that is.
func (c *conn) readProxy(h *head, n int) (int, error) {
	for {
		used, ends, err := parseProxy(h.buf[:n])
		if err != nil {
			return 0, err
		}
		if used > 0 {
			c.proxied.Store(ends)
			if n = copy(h.buf[:], h.buf[used:n]); n > 0 {
				return n, nil
			}
			if n, err = c.Read(h.buf[:]); n == 0 {
				return 0, fmt.Errorf("nothing behind the PROXY protocol header: %w", err)
			}
			return n, nil
		}
		m, err := c.Read(h.buf[n:])
		if m == 0 {
			return 0, fmt.Errorf("reading the PROXY protocol header: %w", err)
		}
		n += m
	}
}

// parseProxy reads a header at the beginning of b and returns how many bytes it
// has, 0 when more are needed. ends is nil when the balancer speaks for itself, or
// does not know for whom.
func parseProxy(b []byte) (used int, ends *proxied, err error) {
	switch {
	case begins(b, proxyV2):
		return parseProxyV2(b)
	case begins(b, proxyV1):
		return parseProxyV1(b)
	}
	return 0, nil, errNoProxy
}

// begins reports whether b begins with mark, as far as it goes.
func begins(b []byte, mark string) bool {
	n := min(len(b), len(mark))
	return string(b[:n]) == mark[:n]
}

func parseProxyV1(b []byte) (int, *proxied, error) {
	end := bytes.Index(b[:min(len(b), maxProxyV1)], []byte("\r\n"))
	if end < 0 {
		if len(b) >= maxProxyV1 {
			return 0, nil, errors.New("PROXY protocol line is too long")
		}
		return 0, nil, nil
	}
	words := strings.Split(string(b[:end]), " ")
	switch {
	case len(words) >= 2 && words[1] == "UNKNOWN":
		return end + 2, nil, nil
	case len(words) != 6 || words[1] != "TCP4" && words[1] != "TCP6":
		return 0, nil, fmt.Errorf("PROXY protocol line is malformed: %q", b[:end])
	}
	peer, err := parseEnd(words[2], words[4], words[1] == "TCP6")
	if err != nil {
		return 0, nil, err
	}
	local, err := parseEnd(words[3], words[5], words[1] == "TCP6")
	if err != nil {
		return 0, nil, err
	}
	return end + 2, &proxied{peer, local}, nil
}

func parseEnd(host, port string, six bool) (net.Addr, error) {
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.Is6() != six || ip.Zone() != "" {
		return nil, fmt.Errorf("PROXY protocol line has no address at %q", host)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || len(port) > 1 && port[0] == '0' {
		return nil, fmt.Errorf("PROXY protocol line has no port at %q", port)
	}
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, uint16(n))), nil
}

// Sizes of the binary header.
const (
	headV2  = len(proxyV2) + 4
	inetV2  = 12
	inet6V2 = 36
	pathV2  = 108
)

func parseProxyV2(b []byte) (int, *proxied, error) {
	if len(b) < headV2 {
		return 0, nil, nil
	}
	command, family := b[len(proxyV2)], b[len(proxyV2)+1]
	size := headV2 + int(binary.BigEndian.Uint16(b[len(proxyV2)+2:]))
	switch {
	case command>>4 != 2 || command&15 > 1:
		return 0, nil, fmt.Errorf("PROXY protocol version and command 0x%02x are unknown", command)
	case size > maxProxyV2:
		return 0, nil, fmt.Errorf("PROXY protocol header of %d bytes is too long", size)
	case len(b) < size:
		return 0, nil, nil
	}
	if command&15 == 0 { // LOCAL: the balancer's own, such as a health check
		return size, nil, nil
	}
	body, short := b[headV2:size], errors.New("PROXY protocol header is too short for its addresses")
	switch family {
	case 0x11: // TCP over IPv4
		if len(body) < inetV2 {
			return 0, nil, short
		}
		return size, &proxied{binaryEnd(body[0:4], body[8:]), binaryEnd(body[4:8], body[10:])}, nil
	case 0x21: // TCP over IPv6
		if len(body) < inet6V2 {
			return 0, nil, short
		}
		return size, &proxied{binaryEnd(body[0:16], body[32:]), binaryEnd(body[16:32], body[34:])}, nil
	case 0x31: // a stream over a Unix socket
		if len(body) < 2*pathV2 {
			return 0, nil, short
		}
		return size, &proxied{pathEnd(body[:pathV2]), pathEnd(body[pathV2 : 2*pathV2])}, nil
	}
	return size, nil, nil
}

func binaryEnd(ip, port []byte) net.Addr {
	a, _ := netip.AddrFromSlice(ip) // has the right size
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(a, binary.BigEndian.Uint16(port)))
}

func pathEnd(b []byte) net.Addr {
	name, _, _ := bytes.Cut(b, []byte{0})
	return &net.UnixAddr{Net: "unix", Name: string(name)}
}
