package router_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
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
