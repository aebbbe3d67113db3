package mux

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/wampeter/wampeter/internal/transport"
	"github.com/wampeter/wampeter/internal/transport/websocket"
)

// proxyHeader is a binary header.
func proxyHeader(command, family byte, body []byte) string {
	b := append([]byte(proxyV2), 0x20|command, family)
	return string(append(binary.BigEndian.AppendUint16(b, uint16(len(body))), body...))
}

var (
	four = []byte{203, 0, 113, 7, 192, 0, 2, 1, 0x30, 0x39, 0x01, 0xbb}
	six  = append(append(netip.MustParseAddr("2001:db8::7").AsSlice(), netip.MustParseAddr("2001:db8::1").AsSlice()...), 0x30, 0x39, 0x01, 0xbb)
	unix = append(append([]byte("/run/a"), make([]byte, pathV2-6)...), append([]byte("/run/b"), make([]byte, pathV2-6)...)...)
)

func TestParseProxy(t *testing.T) {
	for _, test := range []struct {
		in          string
		peer, local string // "": none
		rest        string
	}{
		{"PROXY TCP4 203.0.113.7 192.0.2.1 12345 443\r\nGET", "203.0.113.7:12345", "192.0.2.1:443", "GET"},
		{"PROXY TCP6 2001:db8::7 2001:db8::1 12345 443\r\n", "[2001:db8::7]:12345", "[2001:db8::1]:443", ""},
		{"PROXY UNKNOWN\r\nx", "", "", "x"},
		{"PROXY UNKNOWN ffff::1 ffff::1 1 2\r\n", "", "", ""},
		{proxyHeader(1, 0x11, four) + "x", "203.0.113.7:12345", "192.0.2.1:443", "x"},
		{proxyHeader(1, 0x21, six), "[2001:db8::7]:12345", "[2001:db8::1]:443", ""},
		{proxyHeader(1, 0x31, unix), "/run/a", "/run/b", ""},
		{proxyHeader(1, 0x11, append(four[:12:12], 3, 0, 4, 1, 2, 3, 4)) + "x", "203.0.113.7:12345", "192.0.2.1:443", "x"},
		{proxyHeader(0, 0x11, four) + "x", "", "", "x"},
		{proxyHeader(0, 0, nil), "", "", ""},
		{proxyHeader(1, 0x12, four), "", "", ""}, // UDP
	} {
		for i := range len(test.in) - len(test.rest) {
			if used, _, err := parseProxy([]byte(test.in[:i])); used != 0 || err != nil {
				t.Fatalf("%q: the first %d bytes are taken for all of it (%d, %v)", test.in, i, used, err)
			}
		}
		used, ends, err := parseProxy([]byte(test.in))
		if err != nil || test.in[used:] != test.rest {
			t.Errorf("%q: %d bytes, error %v", test.in, used, err)
			continue
		}
		peer, local := "", ""
		if ends != nil {
			peer, local = ends.peer.String(), ends.local.String()
		}
		if peer != test.peer || local != test.local {
			t.Errorf("%q: %s, %s; want %s, %s", test.in, peer, local, test.peer, test.local)
		}
	}
	for _, in := range []string{
		"GET / HTTP/1.1\r\n", "\x7f\xf3\x00\x00", "PROXX", "PROXY TCP4 203.0.113.7 192.0.2.1 12345\r\n",
		"PROXY TCP4 2001:db8::7 192.0.2.1 1 2\r\n", "PROXY TCP6 203.0.113.7 192.0.2.1 1 2\r\n",
		"PROXY TCP4 203.0.113.7 192.0.2.1 65536 2\r\n", "PROXY TCP4 203.0.113.7 192.0.2.1 01 2\r\n",
		"PROXY TCP4 203.0.113.7 192.0.2.1 1 -2\r\n", "PROXY UDP4 203.0.113.7 192.0.2.1 1 2\r\n",
		"PROXY TCP6 fe80::1%eth0 fe80::2 1 2\r\n", "PROXY  TCP4 203.0.113.7 192.0.2.1 1 2\r\n",
		"PROXY UNKNOWN " + strings.Repeat("x", 200),
		proxyHeader(1, 0x11, four[:11]), proxyHeader(1, 0x21, six[:35]), proxyHeader(1, 0x31, unix[:215]),
		proxyHeader(2, 0x11, four), proxyV2 + "\x11\x11\x00\x0c" + string(four), proxyV2 + "\x21\x11\xff\xff",
	} {
		if used, _, err := parseProxy([]byte(in)); err == nil {
			t.Errorf("%q: %d bytes were taken", in, used)
		}
	}
}

func FuzzParseProxy(f *testing.F) {
	f.Add([]byte("PROXY TCP4 203.0.113.7 192.0.2.1 12345 443\r\n"))
	f.Add([]byte(proxyHeader(1, 0x11, four)))
	f.Add([]byte(proxyHeader(1, 0x31, unix)))
	f.Fuzz(func(t *testing.T, b []byte) {
		used, ends, err := parseProxy(b)
		if used < 0 || used > len(b) || err != nil && (used > 0 || ends != nil) {
			t.Fatalf("%d bytes of %d, %v, %v", used, len(b), ends, err)
		}
		if used == 0 && err == nil && len(b) >= maxProxyV2 {
			t.Fatal("more is wanted than there may be")
		}
		if used > 0 { // a header does not depend on what stands behind it
			if again, _, err := parseProxy(b[:used]); again != used || err != nil {
				t.Fatalf("%d bytes, then %d, %v", used, again, err)
			}
		}
		if ends != nil {
			_, _ = ends.peer.String(), ends.local.String()
		}
	})
}

// TestProxy connects through a load balancer by everything that is spoken.
func TestProxy(t *testing.T) {
	server, _ := certificates()
	const line = "PROXY TCP4 203.0.113.7 192.0.2.1 12345 443\r\n"
	for _, header := range []string{line, proxyHeader(1, 0x11, four)} {
		for _, together := range []bool{false, true} {
			for _, encrypted := range []bool{false, true} {
				for _, kind := range []string{"websocket", "rawsocket", "http", "slow websocket"} {
					t.Run(fmt.Sprintf("%d/%v/%v/%s", len(header), together, encrypted, kind), func(t *testing.T) {
						peers := make(chan string, 1)
						s := listen(t, "tcp", Config{
							TLS: server, Plain: true,
							Proxy: transport.Trust{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
							Conn: func(c transport.Conn) {
								peers <- c.Info().Peer + " " + c.Info().Local
								echo(c)
							},
							Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
								peers <- r.RemoteAddr + " 192.0.2.1:443"
							}),
						})
						var nc net.Conn = &prefixed{Conn: dial(t, s), prefix: []byte(header), together: together}
						if encrypted {
							nc = secure(t, nc)
						}
						nc.SetDeadline(time.Now().Add(10 * time.Second))
						switch kind {
						case "websocket":
							io.WriteString(nc, upgrade("wamp.2.cbor"))
						case "slow websocket": // over net/http
							io.WriteString(nc, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
							<-peers
							response, err := http.ReadResponse(bufio.NewReader(nc), nil)
							if err != nil {
								t.Fatal(err)
							}
							response.Body.Close()
							io.WriteString(nc, upgrade("wamp.2.cbor"))
						case "rawsocket":
							io.WriteString(nc, "\x7f\xf3\x00\x00")
						case "http":
							io.WriteString(nc, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
						}
						if _, err := nc.Read(make([]byte, 4)); err != nil {
							t.Fatal(err)
						}
						if got, want := <-peers, "203.0.113.7:12345 192.0.2.1:443"; got != want {
							t.Errorf("%s, want %s", got, want)
						}
					})
				}
			}
		}
	}
}

// prefixed is a connection that a load balancer has opened: it writes the header
// first, together with what follows, or not.
type prefixed struct {
	net.Conn
	prefix   []byte
	together bool
}

func (p *prefixed) Write(b []byte) (int, error) {
	if p.prefix == nil {
		return p.Conn.Write(b)
	}
	first := p.prefix
	p.prefix = nil
	if p.together {
		first = append(bytes.Clone(first), b...)
	}
	if _, err := p.Conn.Write(first); err != nil || p.together {
		return len(b), err
	}
	return p.Conn.Write(b)
}

// TestProxyRefuses checks that the header is taken from nobody but those who have
// to send it.
func TestProxyRefuses(t *testing.T) {
	const line = "PROXY TCP4 203.0.113.7 192.0.2.1 12345 443\r\n"
	const get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	trusted := transport.Trust{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	for _, test := range []struct {
		name  string
		trust transport.Trust
		in    string
		want  string
	}{
		{"without a header", trusted, get, ""},
		{"from somebody else", transport.Trust{Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, line + get, "HTTP/1.1 400 "},
		{"from anybody", transport.Trust{}, line + get, "HTTP/1.1 400 "},
		{"twice", trusted, line + line + get, "HTTP/1.1 400 "},
		{"from the balancer itself", trusted, "PROXY UNKNOWN\r\n" + get, "HTTP/1.1 404 "},
		{"and then nothing", trusted, line, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			nc := dial(t, listen(t, "tcp", Config{Proxy: test.trust}))
			io.WriteString(nc, test.in)
			nc.(*net.TCPConn).CloseWrite()
			nc.SetDeadline(time.Now().Add(10 * time.Second))
			got, _ := io.ReadAll(nc)
			if !strings.HasPrefix(string(got), test.want) || test.want == "" && len(got) > 0 {
				t.Errorf("answer %q, want %q", got, test.want)
			}
		})
	}
}

// TestForwarded connects through a reverse proxy, and as one that is not trusted.
func TestForwarded(t *testing.T) {
	for _, test := range []struct {
		network string
		trust   transport.Trust
		want    bool
	}{
		{"tcp", transport.Trust{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, true},
		{"tcp", transport.Trust{}, false},
		{"unix", transport.Trust{Unix: true}, true},
		{"unix", transport.Trust{}, false},
	} {
		peers := make(chan *transport.Info, 1)
		s := listen(t, test.network, Config{
			WebSocket: websocket.Options{Forwarders: test.trust},
			Conn:      func(c transport.Conn) { peers <- c.Info() },
		})
		nc := dial(t, s)
		io.WriteString(nc, strings.Replace(upgrade("wamp.2.cbor"), "\r\n\r\n", "\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n", 1))
		info := <-peers
		if got := info.Peer == "203.0.113.7:0" && info.Request.RemoteAddr == info.Peer; got != test.want {
			t.Errorf("%s, trusted %v: the client is %s, %s", test.network, test.want, info.Peer, info.Request.RemoteAddr)
		}
	}
}

// TestNoHTTP opens connections on a listener for RawSocket alone.
func TestNoHTTP(t *testing.T) {
	s := listen(t, "tcp", Config{NoHTTP: true})
	nc := dial(t, s)
	io.WriteString(nc, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	nc.SetDeadline(time.Now().Add(10 * time.Second))
	if got, _ := io.ReadAll(nc); len(got) > 0 {
		t.Errorf("answer %q to HTTP", got)
	}
	checkEcho(t, rawClient(t, dial(t, s)))
}
