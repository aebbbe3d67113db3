package router_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wampeter/wampeter/router"
)

// Clients that stop reading cost a bounded queue, and are told apart: an
// invocation that finds no room fails its call, an answer or an event that finds
// none ends the session that does not take it. Everybody else goes on.
func TestClientsThatDoNotRead(t *testing.T) {
	_, addr := newRouter(t, router.Config{MaxQueue: 256 << 10, MaxMemory: 16 << 20})
	text := `["` + strings.Repeat("x", 32<<10) + `"]`

	witness, echo := join(t, addr), join(t, addr)
	echo.send(`[64,1,{},"com.echo"]`)
	echo.expect(`[65,1,"$reg"]`)
	calls := 0
	healthy := func() {
		t.Helper()
		calls++
		witness.send(fmt.Sprintf(`[48,%d,{},"com.echo",[%d]]`, calls, calls))
		echo.expect(`[68,"*","$reg",{},["*"]]`)
		echo.send(fmt.Sprintf(`[70,%d,{},[%d]]`, calls, calls))
		witness.expect(fmt.Sprintf(`[50,%d,{},[%d]]`, calls, calls))
	}

	subscriber := join(t, addr)
	subscriber.send(`[32,1,{},"com.flood"]`)
	subscriber.expect(`[33,1,"*"]`)
	publisher := join(t, addr)
	for i := range 1000 {
		publisher.send(fmt.Sprintf(`[16,%d,{"acknowledge":true},"com.flood",%s]`, i+1, text))
		publisher.expect(fmt.Sprintf(`[17,%d,"*"]`, i+1))
		if i%100 == 0 {
			healthy()
		}
	}
	subscriber.gone()

	callee, caller := join(t, addr), join(t, addr)
	callee.send(`[64,1,{},"com.deaf"]`)
	callee.expect(`[65,1,"*"]`)
	go func() {
		for i := range 1000 {
			caller.send(fmt.Sprintf(`[48,%d,{},"com.deaf",%s]`, i+1, text))
		}
	}()
	m := decode(t, caller.receive()).([]any)
	if m[4] != "wamp.error.unavailable" {
		t.Fatalf("a call that its callee cannot take: %.200v", m)
	}
	healthy()

	// A caller that does not take its results: it is gone when its callee is
	// told to stop.
	deaf := join(t, addr)
	for i := range 1000 {
		deaf.send(fmt.Sprintf(`[48,%d,{},"com.echo"]`, i+1))
	}
	for interrupted := false; !interrupted; {
		m := decode(t, echo.receive()).([]any)
		switch fmt.Sprint(m[0]) {
		case "68":
			echo.send(fmt.Sprintf(`[70,%v,{},%s]`, m[1], text))
		case "69":
			interrupted = true
		default:
			t.Fatalf("got %v", m)
		}
	}
	deaf.gone()
	witness.sync()
}

// gone checks that the router has ended the connection, reading what it had
// sent before.
func (w *wire) gone() {
	w.t.Helper()
	_ = w.nc.SetReadDeadline(time.Now().Add(patience))
	_, err := io.Copy(io.Discard, w.nc)
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		w.t.Fatal("the connection is still open")
	}
}

// A caller, a callee and a subscriber that stop reading at the same time, each
// under a flood, cost bounded memory, and nobody else notices.
func TestAllStopReadingAtOnce(t *testing.T) {
	_, addr := newRouter(t, router.Config{MaxQueue: 1 << 20, MaxMemory: 64 << 20})
	text := `["` + strings.Repeat("x", 32<<10) + `"]`
	witness, echo := join(t, addr), join(t, addr)
	echo.send(`[64,1,{},"com.echo"]`)
	echo.expect(`[65,1,"$reg"]`)

	subscriber, callee, caller := join(t, addr), join(t, addr), join(t, addr)
	subscriber.send(`[32,1,{},"com.flood"]`)
	subscriber.expect(`[33,1,"*"]`)
	callee.send(`[64,1,{},"com.deaf"]`)
	callee.expect(`[65,1,"*"]`)
	answerer := join(t, addr)
	answerer.send(`[64,1,{},"com.answers"]`)
	answerer.expect(`[65,1,"*"]`)

	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	stop := make(chan struct{})
	var floods sync.WaitGroup
	flood := func(w *wire, message func(i int) string) {
		floods.Go(func() {
			for i := 1; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if !w.try(message(i)) {
					return // the router has ended it, as it may
				}
			}
		})
	}
	publisher, floodingCaller := join(t, addr), join(t, addr)
	flood(publisher, func(i int) string { return fmt.Sprintf(`[16,%d,{},"com.flood",%s]`, i, text) })
	flood(floodingCaller, func(i int) string { return fmt.Sprintf(`[48,%d,{},"com.deaf",%s]`, i, text) })
	flood(caller, func(i int) string { return fmt.Sprintf(`[48,%d,{},"com.answers",["x"]]`, i) })
	floods.Go(func() { // big answers to a caller that does not take them
		for {
			m, ok := answerer.tryReceive()
			if !ok {
				return
			}
			if fmt.Sprint(m[0]) == "68" && !answerer.try(fmt.Sprintf(`[70,%v,{},%s]`, m[1], text)) {
				return
			}
		}
	})
	for i := range 500 {
		witness.send(fmt.Sprintf(`[48,%d,{},"com.echo",[%d]]`, i+1, i))
		echo.expect(fmt.Sprintf(`[68,%d,"$reg",{},[%d]]`, i+1, i))
		echo.send(fmt.Sprintf(`[70,%d,{},[%d]]`, i+1, i))
		witness.expect(fmt.Sprintf(`[50,%d,{},[%d]]`, i+1, i))
	}
	runtime.GC()
	runtime.ReadMemStats(&now)
	if grown := int64(now.HeapAlloc) - int64(before.HeapAlloc); grown > 128<<20 {
		t.Errorf("%d MiB of memory are in use that were not before", grown>>20)
	}
	close(stop)
	for _, w := range []*wire{publisher, floodingCaller, caller, answerer} {
		_ = w.nc.Close()
	}
	floods.Wait()
}

// try sends a message; false when the connection has ended.
func (w *wire) try(text string) bool {
	_ = w.nc.SetDeadline(time.Now().Add(patience))
	frame := binary.BigEndian.AppendUint32(nil, uint32(len(text)))
	_, err := w.nc.Write(append(frame, text...))
	return err == nil
}

// tryReceive returns the next message; false when the connection has ended.
func (w *wire) tryReceive() ([]any, bool) {
	_ = w.nc.SetDeadline(time.Now().Add(patience))
	var head [4]byte
	if _, err := io.ReadFull(w.nc, head[:]); err != nil {
		return nil, false
	}
	body := make([]byte, binary.BigEndian.Uint32(head[:]))
	if _, err := io.ReadFull(w.nc, body); err != nil {
		return nil, false
	}
	var m []any
	return m, json.Unmarshal(body, &m) == nil
}
