package router_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wampeter/wampeter/router"
)

// Lengths that are claimed and not there, and nesting without end, end the
// session that sent them in every serializer, at once and at little cost.
func TestMalformedMessages(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	witness := join(t, addr)
	const deep = 100_000
	for f, messages := range map[format]map[string]string{
		asJSON: {
			"nested lists":     `[16,1,{},"com.t",[` + strings.Repeat("[", deep),
			"nested and ended": `[16,1,{},"com.t",[` + strings.Repeat("[", deep) + strings.Repeat("]", deep+2),
			"nested dicts":     `[16,1,{},"com.t",[` + strings.Repeat(`{"a":`, deep),
			"nested options":   `[16,1,{"x":` + strings.Repeat("[", deep),
			"long number":      `[` + strings.Repeat("9", 1<<20) + `,1]`,
			"lone surrogate":   `[16,1,{},"com.t",["\ud800"]]`,
			"control in text":  "[16,1,{},\"com.t\",[\"\n\"]]",
			"NUL":              "[16,1,{},\"com.t\"]\x00",
			"BOM":              "\ufeff[16,1,{},\"com.t\"]",
			"comma at the end": `[16,1,{},"com.t",[1,]]`,
			"NaN":              `[16,1,{},"com.t",[NaN]]`,
			"leading zero":     `[16,01,{},"com.t"]`,
			"option twice":     `[16,1,{"acknowledge":true,"acknowledge":true},"com.t"]`,
			"two messages":     `[16,1,{},"com.t"][16,2,{},"com.t"]`,
			"type is a float":  `[16.0,1,{},"com.t"]`,
			"type is negative": `[-16,1,{},"com.t"]`,
			"type of 2^64+16":  `[18446744073709551632,1,{},"com.t"]`,
			"type of 2^32+16":  `[4294967312,1,{},"com.t"]`,
		},
		asMsgpack: {
			"4 GiB of elements": "\xdd\xff\xff\xff\xff\x10\x01\x80",
			"4 GiB of entries":  "\x94\x10\x01\xdf\xff\xff\xff\xff\xa1a",
			"4 GiB of text":     "\x94\x10\x01\x80\xdb\xff\xff\xff\xffcom",
			"4 GiB of bytes":    "\x95\x10\x01\x80\xa1t\x91\xc6\xff\xff\xff\xff\x00",
			"4 GiB extension":   "\x95\x10\x01\x80\xa1t\x91\xc9\xff\xff\xff\xff\x01\x00",
			"nested lists":      "\x95\x10\x01\x80\xa1t" + strings.Repeat("\x91", deep) + "\x90",
			"nested dicts":      "\x95\x10\x01\x80\xa1t\x91" + strings.Repeat("\x81\xa1a", deep) + "\x01",
			"reserved byte":     "\x95\x10\x01\x80\xa1t\x91\xc1",
			"not UTF-8":         "\x95\x10\x01\x80\xa1t\x91\xa1\xff",
			"topic not UTF-8":   "\x94\x10\x01\x80\xa1\xff",
			"topic is binary":   "\x94\x10\x01\x80\xc4\x01t",
			"key is a number":   "\x94\x10\x01\x81\x01\x01\xa1t",
			"kwargs key number": "\x96\x10\x01\x80\xa1t\x90\x81\x01\x01",
			"two messages":      "\x94\x10\x01\x80\xa1t\x94\x10\x01\x80\xa1t",
			"JSON":              `[16,1,{},"com.t"]`,
		},
		asCBOR: {
			"2^64 elements":     "\x9b\xff\xff\xff\xff\xff\xff\xff\xff\x10\x01\xa0",
			"4 GiB of elements": "\x9a\xff\xff\xff\xff\x10\x01\xa0",
			"4 GiB of entries":  "\x84\x10\x01\xba\xff\xff\xff\xff\x61a",
			"2^63 entries":      "\x84\x10\x01\xbb\x80\x00\x00\x00\x00\x00\x00\x00\x61a",
			"4 GiB of text":     "\x84\x10\x01\xa0\x7a\xff\xff\xff\xffcom",
			"2^64 of text":      "\x84\x10\x01\xa0\x7b\xff\xff\xff\xff\xff\xff\xff\xffcom",
			"nested lists":      "\x85\x10\x01\xa0\x61t" + strings.Repeat("\x81", deep) + "\x80",
			"nested unended":    "\x85\x10\x01\xa0\x61t" + strings.Repeat("\x9f", deep),
			"nested tags":       "\x85\x10\x01\xa0\x61t\x81" + strings.Repeat("\xc1", deep) + "\x01",
			"nested dicts":      "\x85\x10\x01\xa0\x61t\x81" + strings.Repeat("\xa1\x61a", deep) + "\x01",
			"break for nothing": "\x85\x10\x01\xa0\x61t\x81\xff",
			"odd entries":       "\x85\x10\x01\xa0\x61t\x81\xbf\x61a\xff",
			"not UTF-8":         "\x85\x10\x01\xa0\x61t\x81\x61\xff",
			"chunk of bytes":    "\x85\x10\x01\xa0\x61t\x81\x7f\x41a\xff",
			"reserved length":   "\x85\x10\x01\xa0\x61t\x81\x1c",
			"key is a number":   "\x84\x10\x01\xa1\x01\x01\x61t",
			"two messages":      "\x84\x10\x01\xa0\x61t\x84\x10\x01\xa0\x61t",
		},
	} {
		for _, v := range []via{{format: f}, {webSocket: true, format: f}, {webSocket: true, batched: true, format: f}} {
			for name, message := range messages {
				t.Run(v.String()+"/"+name, func(t *testing.T) {
					w := v.join(t, addr)
					w.sendBytes([]byte(message))
					w.expect(`[3,"*","wamp.error.protocol_violation"]`)
					w.expectEnd()
				})
			}
		}
	}
	witness.sync()
}

// What is unusual and allowed is understood.
func TestUnusualMessages(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	for f, messages := range map[format][]string{
		asJSON: {
			" [ 34 ,\t1 ,\r\n1 ] ", `[34,1,1,{"extra":[{}]}]`,
		},
		asMsgpack: {
			"\x93\xd1\x00\x22\xd3\x00\x00\x00\x00\x00\x00\x00\x01\xcf\x00\x00\x00\x00\x00\x00\x00\x01", // wide and signed
			"\xdc\x00\x03\x22\x01\x01", "\xdd\x00\x00\x00\x03\xcc\x22\xcd\x00\x01\xce\x00\x00\x00\x01",
		},
		asCBOR: {
			"\x9f\x18\x22\x1b\x00\x00\x00\x00\x00\x00\x00\x01\x19\x00\x01\xff", // indefinite, wide
			"\x84\x18\x22\x01\x01\xbf\x7f\x61a\x61b\xff\xf7\xff",
		},
	} {
		for _, message := range messages {
			w := via{format: f}.join(t, addr)
			w.sendBytes([]byte(message))
			w.expect(`[8,34,1,{},"wamp.error.no_such_subscription"]`)
		}
	}
}

// settled waits until the process has no more goroutines than at first, and no
// more open files.
func settled(t *testing.T, goroutines, files int) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for runtime.NumGoroutine() > goroutines || openFiles(t) > files {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines instead of %d, %d files instead of %d", runtime.NumGoroutine(), goroutines, openFiles(t), files)
		}
		time.Sleep(time.Millisecond)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0 // another system
	}
	return len(list)
}

// Clients that vanish at every byte of every exchange leave nothing behind.
func TestVanishingClients(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	witness := join(t, addr)
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	conversation := func(v via) string {
		w := &wire{t: t, format: v.format, framer: rawSocket{}}
		start := "\x7f\xf0\x00\x00"[:1] + string([]byte{0xf0 | byte(v.format)}) + "\x00\x00"
		if v.webSocket {
			w.framer = &webSocket{text: v.format == asJSON, batched: v.batched}
			name := "wamp.2." + v.format.String()
			if v.batched {
				name += ".batched"
			}
			start = upgradeRequest(name)
		}
		for _, m := range []string{
			`[1,"realm1",` + allRoles + `]`, `[64,1,{},"com.p"]`, `[32,2,{},"com.t"]`, `[48,3,{},"com.p",[1]]`,
			`[16,4,{"exclude_me":false},"com.t"]`, `[70,1,{},["ok"]]`, `[6,{},"wamp.close.normal"]`,
		} {
			start += string(w.frame(v.format.encode(t, m)))
		}
		return start
	}
	for _, v := range vias() {
		all := conversation(v)
		var wg sync.WaitGroup
		for worker := range 4 {
			wg.Go(func() {
				for n := worker * 7; n < len(all); n += 28 {
					nc, err := net.Dial("tcp", addr)
					if err != nil {
						t.Error(err)
						return
					}
					_, _ = io.WriteString(nc, all[:n])
					tc := nc.(*net.TCPConn)
					switch n / 7 % 3 {
					case 0:
						_ = tc.SetLinger(0) // reset
					case 1:
						_ = tc.CloseWrite() // half closed: wait for the other half
						_ = nc.SetReadDeadline(time.Now().Add(patience))
						if _, err := io.Copy(io.Discard, nc); errors.Is(err, os.ErrDeadlineExceeded) {
							t.Errorf("%s: %d bytes, then the end: the router does not close", v, n)
						}
					}
					_ = nc.Close()
				}
			})
		}
		wg.Wait()
	}
	settled(t, goroutines, files)
	witness.send(`[48,1,{},"com.p"]`)
	witness.expect(`[8,48,1,{},"wamp.error.no_such_procedure"]`)
}

// Thousands of connections without a byte, some of them dropped, some held,
// disturb nobody.
func TestSilentConnections(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	witness := join(t, addr)
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	held := make([]net.Conn, 0, 400)
	for i := range 2000 {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if i%5 == 0 && len(held) < cap(held) {
			held = append(held, nc)
			continue
		}
		_ = nc.Close()
		if i%200 == 0 {
			witness.sync()
		}
	}
	late := join(t, addr)
	late.sync()
	_ = late.nc.Close()
	for _, nc := range held {
		_ = nc.Close()
	}
	settled(t, goroutines, files)
	witness.sync()
}

// Handshakes that never finish end by themselves, whatever they wait for.
func TestUnfinishedHandshakes(t *testing.T) {
	_, addr := newRouter(t, router.Config{HandshakeTimeout: 200 * time.Millisecond})
	upgrade := upgradeRequest("wamp.2.json")
	starts := []string{
		"", "\x7f", "\x7f\xf1\x00", "\x7f\xf1\x00\x00", "\x7f\xf1\x00\x00\x00\x00\x00\x80[1,", "GET /ws HT", upgrade[:len(upgrade)-2],
		upgrade, upgrade + "\x81", upgrade + "\x89\x80\x00\x00\x00\x00", "POST / HTTP/1.1\r\n", "\x16\x03\x01", "garbage",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n",
		"POST /ws HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n",
	}
	conns := make([]net.Conn, len(starts))
	for i, s := range starts {
		conns[i] = open(t, addr)
		_, _ = io.WriteString(conns[i], s)
	}
	for i, nc := range conns {
		if _, err := io.Copy(io.Discard, nc); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("still open after %q", starts[i])
		}
	}
	// One byte now and then does not prolong it.
	nc := open(t, addr)
	for _, c := range []byte(upgrade) {
		if _, err := nc.Write([]byte{c}); err != nil {
			return
		}
		time.Sleep(5 * time.Millisecond) // the pace is what is tested
	}
	if b, _ := io.ReadAll(nc); strings.Contains(string(b), " 101 ") {
		t.Error("a handshake may take as long as it likes")
	}
}

// Partly sent messages are limited in number of bytes, and take no memory that
// has not been sent.
func TestHalfMessages(t *testing.T) {
	_, addr := newRouter(t, router.Config{MaxMemory: 4 << 20})
	witness := join(t, addr)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range 200 {
		w := via{webSocket: i%2 == 0}.join(t, addr)
		head := binary.BigEndian.AppendUint32(nil, 15<<20)
		if i%2 == 0 {
			head = append(wsHead(wsFin|wsText, 15<<20), 0, 0, 0, 0)
		}
		w.write(append(head, `[16,1,{},"com.t",["`...))
	}
	witness.sync()
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 64<<20 {
		t.Errorf("%d MiB for 200 heads of messages", grown>>20)
	}
	witness.sync()
}

// Limits of what one session may hold are told, and the session goes on.
func TestFloodOfSubscriptions(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	w := join(t, addr)
	const n = 65536 + 10
	var out []byte
	for i := range n {
		out = append(out, w.frame(fmt.Appendf(nil, `[32,%d,{},"com.t%d"]`, i+1, i))...)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = w.nc.Write(out)
	}()
	refused := 0
	for range n {
		b, err := w.read(w.nc)
		if err != nil {
			t.Fatal(err)
		}
		if b[1] == '8' {
			refused++
			if !strings.Contains(string(b), "wamp.error.limit_exceeded") {
				t.Fatalf("%q", b)
			}
		}
	}
	<-done
	if refused != 10 {
		t.Errorf("%d of %d were refused", refused, n)
	}
	w.sync()
}
