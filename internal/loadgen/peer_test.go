package loadgen

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"reflect"
	"sync"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/tinylib/msgp/msgp"

	"github.com/wampeter/wampeter/internal/msg"
)

// A testPeer stands in for a router: it decodes every message with other
// people's libraries, so that it also says whether the prepared frames are
// right, and routes as simply as possible.
type testPeer struct {
	handle  func(p *testPeer, c *testConn, m []any, raw []byte) error
	refuse  string // error URI with which calls are answered
	closeOn msg.Type

	wg         sync.WaitGroup
	mu         sync.Mutex
	conns      map[*testConn]bool
	procedures map[string]*testConn
	topics     map[string][]*testConn
	calls      map[uint64]testCall
	last       uint64
	numbers    map[uint32][]*testConn // of the relay
}

type testCall struct {
	caller  *testConn
	request any
}

// startPeer serves on a loopback address or a Unix socket and returns the
// address.
func startPeer(t *testing.T, network string, p *testPeer) string {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "peer")
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	p.conns = make(map[*testConn]bool)
	p.procedures = make(map[string]*testConn)
	p.topics = make(map[string][]*testConn)
	p.calls = make(map[uint64]testCall)
	p.numbers = make(map[uint32][]*testConn)
	p.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() { p.serve(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.mu.Lock()
		for c := range p.conns {
			c.Close()
		}
		p.mu.Unlock()
		p.wg.Wait()
	})
	return l.Addr().String()
}

// A testConn is one connection of the peer.
type testConn struct {
	*withFirst
	format    string
	websocket bool
	mu        sync.Mutex // of writing
}

// withFirst hands out the octets that were read before the handshake again.
type withFirst struct {
	net.Conn
	first []byte
}

func (c *withFirst) Read(b []byte) (int, error) {
	if len(c.first) > 0 {
		n := copy(b, c.first)
		c.first = c.first[n:]
		return n, nil
	}
	return c.Conn.Read(b)
}

func (p *testPeer) serve(nc net.Conn) {
	defer nc.Close()
	c := &testConn{withFirst: &withFirst{Conn: nc}}
	p.mu.Lock()
	p.conns[c] = true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.conns, c)
		p.mu.Unlock()
	}()
	if c.handshake() != nil {
		return
	}
	for {
		raw, err := c.read()
		if err != nil {
			return
		}
		m, err := c.decode(raw)
		if p.handle != nil {
			err = p.handle(p, c, m, raw)
		} else if err == nil {
			err = p.route(c, m)
		}
		if err != nil {
			return
		}
	}
}

func (c *testConn) handshake() error {
	first := make([]byte, 1)
	if _, err := io.ReadFull(c, first); err != nil {
		return err
	}
	if first[0] == 0x7f {
		var rest [3]byte
		if _, err := io.ReadFull(c.Conn, rest[:]); err != nil {
			return err
		}
		c.format = map[byte]string{1: "json", 2: "msgpack", 3: "cbor"}[rest[0]&0x0f]
		_, err := c.Write([]byte{0x7f, rest[0], 0, 0})
		return err
	}
	c.websocket = true
	c.first = first
	u := ws.Upgrader{Protocol: func(name []byte) bool {
		c.format = string(bytes.TrimPrefix(name, []byte("wamp.2.")))
		return true
	}}
	_, err := u.Upgrade(c)
	return err
}

func (c *testConn) read() ([]byte, error) {
	if c.websocket {
		b, _, err := wsutil.ReadClientData(c)
		return b, err
	}
	var head [4]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint32(head[:])&0xffffff)
	_, err := io.ReadFull(c, b)
	return b, err
}

func (c *testConn) write(b []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.websocket {
		op := ws.OpBinary
		if c.format == "json" {
			op = ws.OpText
		}
		return wsutil.WriteServerMessage(c, op, b)
	}
	_, err := c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...))
	return err
}

func (c *testConn) send(elements ...any) error {
	b, err := encodeForTest(c.format, elements)
	if err != nil {
		return err
	}
	return c.write(b)
}

func encodeForTest(format string, m []any) ([]byte, error) {
	switch format {
	case "json":
		return json.MarshalIndent(m, " ", "\t") // with all the space that JSON allows
	case "msgpack":
		return msgp.AppendIntf(nil, m)
	case "cbor":
		return cbor.Marshal(m)
	}
	return nil, fmt.Errorf("no format %q", format)
}

func (c *testConn) decode(b []byte) ([]any, error) { return decodeForTest(c.format, b) }

var cborMode, _ = cbor.DecOptions{DefaultMapType: reflect.TypeFor[map[string]any]()}.DecMode()

// decodeForTest decodes with integers as uint64.
func decodeForTest(format string, b []byte) (m []any, err error) {
	switch format {
	case "json":
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
		err = d.Decode(&m)
	case "msgpack":
		var v any
		v, b, err = msgp.ReadIntfBytes(b)
		m, _ = v.([]any)
		if len(b) > 0 {
			err = errors.New("more than one message")
		}
	case "cbor":
		err = cborMode.Unmarshal(b, &m)
	}
	for i, v := range m {
		switch n := v.(type) {
		case json.Number:
			u, _ := n.Int64()
			m[i] = uint64(u)
		case int64:
			m[i] = uint64(n)
		}
	}
	return m, err
}

var errMessage = errors.New("unexpected message")

// route is the smallest router. Acknowledgments are sent under its lock, so
// that they come before what follows from them.
func (p *testPeer) route(c *testConn, m []any) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last++
	id := p.last
	typ, _ := m[0].(uint64)
	if p.closeOn != 0 && msg.Type(typ) == p.closeOn {
		return errMessage
	}
	empty := map[string]any{}
	switch msg.Type(typ) {
	case msg.Hello:
		if m[1] != "realm1" {
			return c.send(int(msg.Abort), empty, "wamp.error.no_such_realm")
		}
		return c.send(int(msg.Welcome), uint64(1)<<53, map[string]any{"roles": empty})
	case msg.Goodbye:
		return c.send(int(msg.Goodbye), empty, "wamp.close.goodbye_and_out")
	case msg.Register:
		p.procedures[m[3].(string)] = c
		return c.send(int(msg.Registered), m[1], id)
	case msg.Subscribe:
		p.topics[m[3].(string)] = append(p.topics[m[3].(string)], c)
		return c.send(int(msg.Subscribed), m[1], id)
	case msg.Call:
		callee, ok := p.procedures[m[3].(string)]
		if !ok || p.refuse != "" {
			return c.send(int(msg.Error), int(msg.Call), m[1], empty, p.refuse)
		}
		p.calls[id] = testCall{c, m[1]}
		return callee.send(append([]any{int(msg.Invocation), id, 1, map[string]any{"procedure": m[3]}}, m[4:]...)...)
	case msg.Yield:
		call, ok := p.calls[m[1].(uint64)]
		if !ok {
			return errMessage
		}
		if options, _ := m[2].(map[string]any); options["progress"] != true {
			delete(p.calls, m[1].(uint64))
		}
		return call.caller.send(append([]any{int(msg.Result), call.request, empty}, m[3:]...)...)
	case msg.Publish:
		for _, s := range p.topics[m[3].(string)] {
			if err := s.send(append([]any{int(msg.Event), 7, id, map[string]any{"publisher": 3}}, m[4:]...)...); err != nil {
				return err
			}
		}
		return nil
	}
	return errMessage
}

// relayMessage makes a testPeer the relay: see relay.go.
func relayMessage(p *testPeer, c *testConn, _ []any, raw []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	number := binary.BigEndian.Uint32(raw)
	if number == 0 {
		claimed := binary.BigEndian.Uint32(raw[4:])
		p.numbers[claimed] = append(p.numbers[claimed], c)
		return c.write(raw)
	}
	for _, to := range p.numbers[number] {
		if err := to.write(raw); err != nil && to == c {
			return err
		}
	}
	return nil
}
