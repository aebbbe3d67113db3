package router_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/wampeter/wampeter/router"
)

// Advanced profile, "RawSocket Transport": the opening handshake and its
// refusals.
func TestRawSocketHandshake(t *testing.T) {
	_, addr := newRouter(t, router.Config{MaxConnections: 1})
	for name, c := range map[string]struct {
		hello, answer string
	}{
		"serializer 0":           {"\x7f\xf0\x00\x00", "\x7f\x10\x00\x00"},
		"UBJSON":                 {"\x7f\xf4\x00\x00", "\x7f\x10\x00\x00"},
		"FlatBuffers":            {"\x7f\xf5\x00\x00", "\x7f\x10\x00\x00"},
		"reserved serializer":    {"\x7f\xff\x00\x00", "\x7f\x10\x00\x00"},
		"reserved bits":          {"\x7f\xf1\x00\x01", "\x7f\x30\x00\x00"},
		"reserved bits, first":   {"\x7f\xf1\x80\x00", "\x7f\x30\x00\x00"},
		"a frame in front of it": {"\x7f\x00\x00\x00", "\x7f\x10\x00\x00"},
	} {
		t.Run(name, func(t *testing.T) {
			nc := open(t, addr)
			if _, err := io.WriteString(nc, c.hello); err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(nc)
			if err != nil || string(got) != c.answer {
				t.Fatalf("% x, %v", got, err)
			}
		})
	}
	t.Run("too many connections", func(t *testing.T) {
		w := join(t, addr)
		nc := open(t, addr)
		_, _ = io.WriteString(nc, "\x7f\xf1\x00\x00")
		if got, err := io.ReadAll(nc); err != nil || string(got) != "\x7f\x40\x00\x00" {
			t.Fatalf("% x, %v", got, err)
		}
		w.sync()
	})
}

// Clients of every announced length get a session, and the messages behind a
// handshake may come with it, or one byte at a time.
func TestRawSocketLengths(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	for length := range byte(16) {
		w := dialWire(t, addr, length)
		w.hello("realm1")
		w.sync()
	}
	hello := "\x7f\xf1\x00\x00" + string(rawSocket{}.frame([]byte(`[1,"realm1",`+allRoles+`]`)))
	for _, step := range []int{1, 3, 5, len(hello)} {
		nc := open(t, addr)
		for b := []byte(hello); len(b) > 0; b = b[min(step, len(b)):] {
			if _, err := nc.Write(b[:min(step, len(b))]); err != nil {
				t.Fatal(err)
			}
		}
		var answer [4]byte
		if _, err := io.ReadFull(nc, answer[:]); err != nil || answer != [4]byte{0x7f, 0xf1} {
			t.Fatalf("% x, %v", answer, err)
		}
		w := &wire{t: t, nc: nc, vars: make(map[string]any), format: asJSON, framer: rawSocket{}}
		w.expect(`[2,"*","*"]`)
	}
}

func TestRawSocketBreaches(t *testing.T) {
	_, addr := newRouter(t, router.Config{MaxMessage: 1 << 20})
	for name, frame := range map[string][]byte{
		"reserved type 3":    {3, 0, 0, 0},
		"reserved type 7":    {7, 0, 0, 0},
		"reserved bits":      {0x10, 0, 0, 2, '[', ']'},
		"highest bit":        {0x80, 0, 0, 0},
		"one byte too much":  append(binary.BigEndian.AppendUint32(nil, 1<<20+1), make([]byte, 1<<20+1)...),
		"2^24":               {8, 0, 0, 0},
		"beyond 2^24":        {8, 0, 0, 1},
		"PING of 16 MiB":     {1, 0xff, 0xff, 0xff},
		"empty":              {0, 0, 0, 0},
		"HTTP in a session":  []byte("GET / HTTP/1.1\r\n\r\n"),
		"a second handshake": {0x7f, 0xf1, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := join(t, addr)
			w.write(frame)
			w.expect(`[3,"*","wamp.error.protocol_violation"]`)
			w.expectEnd()
		})
	}
}

// A message of 2^24 octets has a header of its own.
func TestRawSocketLargest(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	w := join(t, addr)
	w.send(`[64,1,{},"com.p"]`)
	w.expect(`[65,1,"$reg"]`)
	fill := func(head string) []byte {
		const tail = `"]]`
		return []byte(head + strings.Repeat("x", 1<<24-len(head)-len(tail)) + tail)
	}
	w.write(append([]byte{8, 0, 0, 0}, fill(`[16,1,{"acknowledge":true},"com.t",["`)...))
	w.expect(`[17,1,"*"]`)

	// WebSocket has room for a CALL that is as long as its INVOCATION.
	caller := via{webSocket: true}.join(t, addr)
	invocation := fill(fmt.Sprintf(`[68,1,%v,{},["`, w.vars["reg"]))
	payload := invocation[bytes.IndexByte(invocation, '}')+1:]
	caller.sendBytes(append([]byte(`[48,1,{},"com.p"`), payload...))
	got, err := w.read(w.nc)
	if err != nil || !bytes.Equal(got, invocation) {
		t.Fatalf("%.100s, %v", got, err)
	}
	w.sync()
}

// A PING gets one PONG with its payload, at any time.
func TestRawSocketPing(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	w := dialWire(t, addr, 15)
	pings := [][]byte{nil, []byte("x"), bytes.Repeat([]byte("y"), 1000), bytes.Repeat([]byte("z"), 32<<10)}
	ping := func() {
		t.Helper()
		for _, p := range pings {
			frame := append(binary.BigEndian.AppendUint32(nil, 1<<24|uint32(len(p))), p...)
			w.write(append(frame, 2, 0, 0, 1, 'u')) // and a PONG that nobody asked for
			got := make([]byte, len(p)+4)
			if _, err := io.ReadFull(w.nc, got); err != nil {
				t.Fatal(err)
			}
			if frame[0] = 2; !bytes.Equal(got, frame) {
				t.Fatalf("PONG % .20x", got)
			}
		}
	}
	ping()
	w.hello("realm1")
	ping()
	w.send(`[6,{},"wamp.close.normal"]`)
	w.expect(`[6,{},"wamp.close.goodbye_and_out"]`)
	ping()
}

// A client that floods the router with PINGs and reads nothing ends itself at
// most.
func TestPingFlood(t *testing.T) {
	_, addr := newRouter(t, router.Config{MaxQueue: 64 << 10, MaxMemory: 4 << 20})
	witness := join(t, addr)
	flooder := join(t, addr)
	ping := append([]byte{1, 0, 0x10, 0}, make([]byte, 4096)...)
	for range 4096 {
		if _, err := flooder.nc.Write(ping); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("the router does not read")
		} else if err != nil {
			break
		}
	}
	witness.sync()
}
