package router_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/flate"

	"github.com/wampeter/wampeter/router"
)

// socket returns the WebSocket framing of w.
func (w *wire) socket() *webSocket { return w.framer.(*webSocket) }

// expectAbort checks that the router says ABORT and closes with code.
func (w *wire) expectAbort(code int) {
	w.t.Helper()
	w.expect(`[3,"*","wamp.error.protocol_violation"]`)
	w.expectEnd()
	if got := w.socket().code; got != code {
		w.t.Fatalf("closed with %d, want %d", got, code)
	}
}

// RFC 6455, sections 5 to 8: frames that end a connection, and with which code.
func TestWebSocketBreaches(t *testing.T) {
	_, addr := newRouter(t, router.Config{MaxMessage: 1 << 20})
	witness := join(t, addr)
	goodbye := []byte(`[6,{},"wamp.close.normal"]`)
	unmasked := append([]byte{wsFin | wsText, byte(len(goodbye))}, goodbye...)
	code := func(n uint16, reason string) []byte {
		return wsFrame(wsFin|wsClose, append(binary.BigEndian.AppendUint16(nil, n), reason...))
	}
	for name, c := range map[string]struct {
		bytes []byte
		code  int
	}{
		"unmasked":                     {unmasked, 1002},
		"RSV1 without compression":     {wsFrame(wsFin|wsDeflated|wsText, goodbye), 1002},
		"RSV2":                         {wsFrame(wsFin|0x20|wsText, goodbye), 1002},
		"RSV3":                         {wsFrame(wsFin|0x10|wsText, goodbye), 1002},
		"reserved data opcode":         {wsFrame(wsFin|0x3, goodbye), 1002},
		"reserved control opcode":      {wsFrame(wsFin|0xb, nil), 1002},
		"binary":                       {wsFrame(wsFin|wsBinary, goodbye), 1003},
		"continuation of nothing":      {wsFrame(wsFin|wsContinuation, goodbye), 1002},
		"message within a message":     {append(wsFrame(wsText, goodbye[:3]), wsFrame(wsFin|wsText, goodbye)...), 1002},
		"fragmented PING":              {wsFrame(wsPing, nil), 1002},
		"PING of 126 bytes":            {wsFrame(wsFin|wsPing, make([]byte, 126)), 1002},
		"close frame of one byte":      {wsFrame(wsFin|wsClose, []byte{3}), 1002},
		"close code 1005":              {code(1005, ""), 1002},
		"close code 999":               {code(999, ""), 1002},
		"close code 5000":              {code(5000, ""), 1002},
		"close reason that isn't UTF8": {code(1000, "\xff"), 1007},
		"text that is not UTF-8":       {wsFrame(wsFin|wsText, []byte("[6,{},\"wamp.\xff\"]")), 1007},
		"fragments not UTF-8":          {append(wsFrame(wsText, []byte("[6,{},\"\xce")), wsFrame(wsFin, []byte("\"]"))...), 1007},
		"claims 4 GiB":                 {append(wsHead(wsFin|wsText, 4<<30), 0, 0, 0, 0), 1009},
		"claims 2^63":                  {append(wsHead(wsFin|wsText, 1<<63), 0, 0, 0, 0), 1002},
		"one byte too much":            {wsFrame(wsFin|wsText, bytes.Repeat([]byte(" "), 1<<20+1)), 1009},
		"fragments beyond the limit":   {append(wsFrame(wsText, make([]byte, 1<<19)), append(wsHead(wsFin, 1<<19+1), 0, 0, 0, 0)...), 1009},
		"empty message":                {wsFrame(wsFin|wsText, nil), 1002},
		"not JSON":                     {wsFrame(wsFin|wsText, []byte("hello")), 1002},
	} {
		t.Run(name, func(t *testing.T) {
			w := via{webSocket: true}.join(t, addr)
			w.write(c.bytes)
			w.expectAbort(c.code)
		})
	}
	witness.sync()
}

// One message may come in any fragments, with control frames between them.
func TestWebSocketFragments(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	everyVia(t, func(t *testing.T, v via) {
		if !v.webSocket {
			return
		}
		w := v.join(t, addr)
		f := w.socket()
		text := strings.Repeat("x", 40_000)
		message := f.batch(v.format.encode(t, `[16,1,{"acknowledge":true,"exclude_me":false},"com.t",["`+text+`"]]`))
		w.send(`[32,1,{},"com.t"]`)
		w.expect(`[33,1,"$sub"]`)
		for _, size := range []int{1, 61, 5000, 33_000} {
			if size == 1 {
				message = f.batch(v.format.encode(t, `[16,1,{"acknowledge":true,"exclude_me":false},"com.t",["x"]]`))
			}
			op := f.opcode()
			var b []byte
			pings := 0
			for at := 0; at < len(message); at += size {
				b = append(b, wsFrame(op, message[at:min(at+size, len(message))])...)
				op = wsContinuation
				if at/size%64 == 0 {
					b = append(b, wsFrame(wsFin|wsPing, fmt.Append(nil, pings))...)
					b = append(b, wsFrame(wsFin|wsPong, []byte("unsolicited"))...)
					pings++
				}
			}
			b = append(b, wsFrame(wsFin|wsContinuation, nil)...)
			f.pongs = nil
			w.write(b)
			for range 2 {
				m := decode(t, w.receive()).([]any)
				if got := fmt.Sprint(m[0]); got != "17" && got != "36" {
					t.Fatalf("got %.100v", m)
				}
			}
			w.sync()
			if len(f.pongs) != pings {
				t.Fatalf("%d PONGs for %d PINGs", len(f.pongs), pings)
			}
			for i, p := range f.pongs {
				if string(p) != fmt.Sprint(i) {
					t.Fatalf("PONG %d says %q", i, p)
				}
			}
			message = f.batch(v.format.encode(t, `[16,1,{"acknowledge":true,"exclude_me":false},"com.t",["`+text+`"]]`))
		}
		// One byte at a time.
		for _, c := range w.frame(v.format.encode(t, `[34,5,1]`)) {
			w.write([]byte{c})
		}
		w.expect(`[8,34,5,{},"wamp.error.no_such_subscription"]`)
	})
}

// Close frames are answered with the same code, and end the session.
func TestWebSocketClose(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	caller := join(t, addr)
	for sent, want := range map[int]int{0: 1005, 1000: 1000, 1001: 1001, 3000: 3000, 4999: 4999, 1011: 1011} {
		w := via{webSocket: true, format: asCBOR}.join(t, addr)
		w.send(`[64,1,{},"com.p"]`)
		w.expect(`[65,1,"*"]`)
		caller.send(`[48,1,{},"com.p"]`)
		w.expect(`[68,1,"*",{}]`)
		var payload []byte
		if sent > 0 {
			payload = append(binary.BigEndian.AppendUint16(nil, uint16(sent)), "bye"...)
		}
		w.write(wsFrame(wsFin|wsClose, payload))
		w.expectEnd()
		if w.socket().code != want {
			t.Errorf("closing with %d was answered with %d", sent, w.socket().code)
		}
		caller.expect(`[8,48,1,{},"wamp.error.canceled"]`)
	}
}

// What ends in an orderly way is closed with 1000, what a shutdown cuts short
// with 1001.
func TestWebSocketOrderlyEnds(t *testing.T) {
	rt, addr := newRouter(t, router.Config{GoodbyeTimeout: 50 * time.Millisecond})
	ws := via{webSocket: true}
	left, aborted, stays, early := ws.join(t, addr), ws.join(t, addr), ws.join(t, addr), ws.dial(t, addr)
	left.send(`[6,{},"wamp.close.normal"]`)
	left.expect(`[6,{},"wamp.close.goodbye_and_out"]`)
	aborted.send(`[3,{},"wamp.close.normal"]`)
	done := make(chan error, 1)
	for _, w := range []*wire{left, aborted} {
		w.expectEnd()
		if w.socket().code != 1000 {
			t.Errorf("closed with %d", w.socket().code)
		}
	}
	go func() { done <- rt.Shutdown(t.Context()) }()
	stays.expect(`[6,"*","wamp.close.system_shutdown"]`)
	stays.send(`[6,{},"wamp.close.goodbye_and_out"]`)
	early.expect(`[3,"*","wamp.close.system_shutdown"]`)
	stays.expectEnd()
	early.expectEnd()
	if a, b := stays.socket().code, early.socket().code; a != 1000 || b != 1001 {
		t.Errorf("closed with %d and %d on shutdown", a, b)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Advanced profile, "Batched WebSocket Transport".
func TestBatches(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	for _, f := range []format{asJSON, asMsgpack, asCBOR} {
		v := via{webSocket: true, batched: true, format: f}
		t.Run(f.String(), func(t *testing.T) {
			w := v.join(t, addr)
			s := w.socket()
			var batch []byte
			for i := range 50 {
				batch = append(batch, s.batch(f.encode(t, fmt.Sprintf(`[34,%d,1]`, i+1)))...)
			}
			w.write(wsFrame(wsFin|s.opcode(), batch))
			for i := range 50 {
				w.expect(fmt.Sprintf(`[8,34,%d,{},"wamp.error.no_such_subscription"]`, i+1))
			}
			message := s.batch(f.encode(t, `[34,1,1]`))
			for name, bad := range map[string][]byte{
				"empty":               nil,
				"cut short":           message[:len(message)-1],
				"a message and a bit": append(bytes.Clone(message), message[:3]...),
				"no frame":            f.encode(t, `[34,1,1]`),
			} {
				w := v.join(t, addr)
				w.write(wsFrame(wsFin|s.opcode(), bad))
				for {
					m := decode(t, w.receive()).([]any)
					if fmt.Sprint(m[0]) == "3" {
						break
					}
				}
				w.expectEnd()
				if s := w.socket(); s.code != 1002 {
					t.Errorf("%s: closed with %d", name, s.code)
				}
			}
			// After a violation within a batch nothing of it is handled.
			w = v.join(t, addr)
			batch = append(s.batch(f.encode(t, `[99]`)), s.batch(f.encode(t, `[34,1,1]`))...)
			w.write(wsFrame(wsFin|s.opcode(), batch))
			w.expectAbort(1002)
		})
	}
}

// RFC 7692: what is compressed arrives, also beside PINGs and in fragments, and
// a bomb ends its sender.
func TestCompression(t *testing.T) {
	_, addr := newRouter(t, router.Config{Compression: true, MaxMessage: 1 << 20})
	dial := func(offer string) *wire {
		nc := open(t, addr)
		request := strings.Replace(upgradeRequest("wamp.2.json"), "\r\n\r\n", "\r\nSec-WebSocket-Extensions: "+offer+"\r\n\r\n", 1)
		if _, err := io.WriteString(nc, request); err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(nc)
		r, err := http.ReadResponse(in, nil)
		if err != nil || r.StatusCode != 101 {
			t.Fatal(r, err)
		}
		if got := r.Header.Get("Sec-WebSocket-Extensions"); !strings.HasPrefix(got, "permessage-deflate") {
			t.Fatalf("extensions: %q", got)
		}
		w := &wire{t: t, nc: nc, vars: make(map[string]any), format: asJSON, framer: &webSocket{in: in, text: true}}
		w.hello("realm1")
		return w
	}
	deflate := func(text string) []byte {
		var b bytes.Buffer
		z, _ := flate.NewWriter(&b, flate.BestSpeed)
		_, _ = io.WriteString(z, text)
		_ = z.Flush()
		return bytes.TrimSuffix(b.Bytes(), []byte{0, 0, 0xff, 0xff})
	}
	w := dial("permessage-deflate; client_max_window_bits")
	z := deflate(`[34,7,1]`)
	w.write(wsFrame(wsFin|wsDeflated|wsText, z))
	w.expect(`[8,34,7,{},"wamp.error.no_such_subscription"]`)
	w.write(wsFrame(wsDeflated|wsText, z[:2]))
	w.write(wsFrame(wsFin|wsPing, nil))
	w.write(wsFrame(wsFin|wsContinuation, z[2:]))
	w.expect(`[8,34,7,{},"wamp.error.no_such_subscription"]`)

	w.write(wsFrame(wsFin|wsDeflated|wsText, deflate(`[16,1,{},"com.x",["`+strings.Repeat("x", 1<<22)+`"]]`)))
	w.expectAbort(1009)
	w = dial("permessage-deflate")
	w.write(wsFrame(wsFin|wsDeflated|wsText, []byte("\xff\xff\xff")))
	w.expectAbort(1007)
	w = dial("permessage-deflate")
	w.write(append(wsFrame(wsDeflated|wsText, z[:2]), wsFrame(wsFin|wsDeflated|wsContinuation, z[2:])...))
	w.expectAbort(1002)
}

// RFC 6455, section 4.2, and HTTP in general.
func TestWebSocketHandshake(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	good := upgradeRequest("wamp.2.json")
	ask := func(t *testing.T, request string) *http.Response {
		t.Helper()
		nc := open(t, addr)
		if _, err := io.WriteString(nc, request); err != nil {
			t.Fatal(err)
		}
		r, err := http.ReadResponse(bufio.NewReader(nc), nil)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	change := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	for name, c := range map[string]struct {
		request string
		status  int
	}{
		"no subprotocol":        {change("Sec-WebSocket-Protocol: wamp.2.json\r\n", ""), 400},
		"foreign subprotocol":   {change("wamp.2.json", "mqtt, wamp.2.ubjson"), 400},
		"wrong case":            {change("wamp.2.json", "WAMP.2.JSON"), 400},
		"no key":                {change("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""), 400},
		"short key":             {change("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBs"), 400},
		"version 8":             {change("Version: 13", "Version: 8"), 426},
		"no upgrade":            {change("Upgrade: websocket\r\n", ""), 426},
		"no connection upgrade": {change("keep-alive, Upgrade", "keep-alive"), 426},
		"POST":                  {change("GET", "POST"), 405},
		"HTTP/1.0":              {change("HTTP/1.1", "HTTP/1.0"), 400},
		"foreign origin":        {change("Host", "Origin: https://evil.example\r\nHost"), 403},
		"no host":               {change("Host: localhost\r\n", ""), 400},
		"other path":            {change("/ws", "/elsewhere"), 404},
		"huge header":           {change("Host", "X-Long: "+strings.Repeat("x", 2<<20)+"\r\nHost"), 431},
		"many headers":          {change("Host", strings.Repeat("X-A: b\r\n", 4000)+"Host"), 101},
		"no HTTP":               {"hello\r\n\r\n", 400},
		"one line":              {"hello\r\n", 400},
		"TLS":                   {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", 400},
		"HTTP/2":                {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 404},
		"line feeds":            {"GET /healthz HTTP/1.1\nHost: x\n\n", 200},
		"first of the client's": {change("wamp.2.json", "soap, wamp.2.cbor, wamp.2.json"), 101},
		"two lines of them":     {change("wamp.2.json", "soap\r\nSec-WebSocket-Protocol: wamp.2.cbor"), 101},
		"same origin":           {change("Host: localhost", "Origin: http://localhost\r\nHost: localhost"), 101},
		"query":                 {change("/ws", "/ws?x=1"), 101},
	} {
		t.Run(name, func(t *testing.T) {
			r := ask(t, c.request)
			if r.StatusCode != c.status {
				t.Fatalf("%s, want %d", r.Status, c.status)
			}
			if want := "wamp.2.cbor"; strings.Contains(c.request, want) && r.Header.Get("Sec-WebSocket-Protocol") != want {
				t.Fatalf("subprotocol %q", r.Header.Get("Sec-WebSocket-Protocol"))
			}
		})
	}
}

// A connection that was used for HTTP, and pipelined requests of which the last
// one upgrades, with the first message right behind it.
func TestUpgradeLater(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	get := "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
	hello := wsFrame(wsFin|wsText, []byte(`[1,"realm1",`+allRoles+`]`))
	for _, steps := range [][]string{
		{get, get, upgradeRequest("wamp.2.json"), string(hello)},
		{get + get + upgradeRequest("wamp.2.json"), string(hello)},
		{get + get + upgradeRequest("wamp.2.json") + string(hello)},
		{upgradeRequest("wamp.2.json") + string(hello)},
	} {
		nc := open(t, addr)
		in := bufio.NewReader(nc)
		status := func() int {
			r, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			if r.StatusCode != 101 {
				_, _ = io.Copy(io.Discard, r.Body)
			}
			return r.StatusCode
		}
		for _, step := range steps {
			if _, err := io.WriteString(nc, step); err != nil {
				t.Fatal(err)
			}
			for range strings.Count(step, get) {
				if got := status(); got != 200 {
					t.Fatalf("status %d", got)
				}
			}
			if strings.Contains(step, "Upgrade") {
				if got := status(); got != 101 {
					t.Fatalf("status %d", got)
				}
			}
		}
		w := &wire{t: t, nc: nc, vars: make(map[string]any), format: asJSON, framer: &webSocket{in: in, text: true}}
		w.expect(`[2,"*","*"]`)
		w.sync()
	}
}
