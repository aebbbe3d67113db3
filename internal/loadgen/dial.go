package loadgen

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/wampeter/wampeter/internal/msg"
)

// A target is where to connect and what to speak there.
type target struct {
	network, address string
	tls              *tls.Config // nil: plain
	websocket        *url.URL    // nil: RawSocket
	wire             wire
	relay            bool // the harness's relay instead of a router
	compress         bool // offer permessage-deflate
	dials            *atomic.Uint32
}

// parseTarget understands the URLs of Config.URL.
func parseTarget(raw, serializer string, insecure bool) (*target, error) {
	w, err := wireByName(serializer)
	if err != nil {
		return nil, err
	}
	t := &target{network: "tcp", wire: w, dials: new(atomic.Uint32)}
	rest, relay := strings.CutPrefix(raw, "relay+")
	if t.relay = relay; relay {
		t.wire = relayWire{w}
	}
	u, err := url.Parse(rest)
	if err != nil {
		return nil, err
	}
	t.address = u.Host
	port := ""
	switch u.Scheme {
	case "ws", "wss":
		t.websocket = u
		port = map[string]string{"ws": "80", "wss": "443"}[u.Scheme]
	case "tcp", "rs", "tls", "rss":
	case "unix":
		t.network, t.address = "unix", orDefault(u.Path, u.Opaque)
	default:
		return nil, fmt.Errorf("%s: scheme %q, want ws, wss, tcp, tls or unix", raw, u.Scheme)
	}
	if u.Port() == "" && port != "" {
		t.address = net.JoinHostPort(u.Hostname(), port)
	}
	if t.address == "" || t.network == "tcp" && u.Port() == "" && port == "" {
		return nil, fmt.Errorf("%s: no address, want scheme://host:port or unix:/path", raw)
	}
	if strings.HasSuffix(u.Scheme, "ss") || u.Scheme == "tls" {
		t.tls = &tls.Config{ServerName: u.Hostname(), InsecureSkipVerify: insecure, NextProtos: []string{"http/1.1"}}
	}
	return t, nil
}

// dial connects and agrees on the serializer. The link's first buffer has
// buffer octets.
func (t *target) dial(ctx context.Context, buffer int) (*link, error) {
	d := net.Dialer{LocalAddr: t.localAddress()}
	c, err := d.DialContext(ctx, t.network, t.address)
	if err != nil {
		return nil, err
	}
	if t.tls != nil {
		c = tls.Client(c, t.tls)
	}
	l := &link{Conn: c, framing: rawFraming{}, in: make([]byte, buffer)}
	stop := context.AfterFunc(ctx, l.cutOff)
	if t.websocket != nil {
		err = t.upgrade(l)
	} else {
		err = t.shake(l)
	}
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("%s %s: %w", t.network, t.address, err)
	}
	return l, nil
}

// dialsPerAddress stays below the number of ports that Linux gives out for
// one pair of addresses.
const dialsPerAddress = 20_000

// localAddress spreads many connections to a loopback address over several
// loopback addresses of our own, since each has only some 28,000 ports. nil
// leaves the choice to the system.
func (t *target) localAddress() net.Addr {
	n := t.dials.Add(1) / dialsPerAddress
	if n == 0 || t.network != "tcp" || !strings.HasPrefix(t.address, "127.") || !manyLoopbacks {
		return nil
	}
	return &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(n%250))}
}

// shake is the RawSocket handshake: magic octet, our limit of 2^24 octets and
// serializer, two zeros; the answer has the same form or an error.
func (t *target) shake(l *link) error {
	format := t.wire.format()
	if _, err := l.Write([]byte{0x7f, 0xf0 | byte(format), 0, 0}); err != nil {
		return err
	}
	var answer [4]byte
	if _, err := io.ReadFull(l, answer[:]); err != nil {
		return fmt.Errorf("RawSocket handshake: %w", err)
	}
	switch {
	case answer[0] != 0x7f:
		return fmt.Errorf("RawSocket handshake: answered by % x", answer)
	case msg.Format(answer[1]&0x0f) != format:
		return fmt.Errorf("RawSocket handshake: refused with error %d", answer[1]>>4)
	}
	return nil
}

// upgrade is the WebSocket handshake (RFC 6455, section 4).
func (t *target) upgrade(l *link) error {
	var nonce [16]byte
	rand.Read(nonce[:])
	key := base64.StdEncoding.EncodeToString(nonce[:])
	protocol := "wamp.2." + t.wire.name()
	offer := ""
	if t.compress {
		offer = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"
	}
	path := orDefault(t.websocket.RequestURI(), "/")
	if _, err := fmt.Fprintf(l, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: %s\r\n%s\r\n",
		path, t.websocket.Host, key, protocol, offer); err != nil {
		return err
	}
	br := bufio.NewReaderSize(l.Conn, 2048)
	answer, err := http.ReadResponse(br, nil)
	if err != nil {
		return fmt.Errorf("WebSocket handshake: %w", err)
	}
	defer answer.Body.Close()
	accept := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	switch {
	case answer.StatusCode != http.StatusSwitchingProtocols:
		return fmt.Errorf("WebSocket handshake: answered %s", answer.Status)
	case answer.Header.Get("Sec-WebSocket-Accept") != base64.StdEncoding.EncodeToString(accept[:]):
		return fmt.Errorf("WebSocket handshake: wrong Sec-WebSocket-Accept")
	case answer.Header.Get("Sec-WebSocket-Protocol") != protocol:
		return fmt.Errorf("WebSocket handshake: subprotocol %q, want %q", answer.Header.Get("Sec-WebSocket-Protocol"), protocol)
	}
	early, _ := br.Peek(br.Buffered()) // can't fail: it is there
	l.in = append(bytes.Clone(early), l.in[:max(0, len(l.in)-len(early))]...)
	l.end = len(early)
	opcode := byte(2)
	if t.wire.format() == msg.JSON {
		opcode = 1
	}
	l.framing = wsFraming{opcode: opcode, deflate: answer.Header.Get("Sec-WebSocket-Extensions") != ""}
	return nil
}
