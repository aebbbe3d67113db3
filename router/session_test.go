package router_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/wampeter/wampeter/router"
)

// Basic profile, "Session Establishment" and "Protocol Violations".
func TestProtocolViolations(t *testing.T) { everyVia(t, testProtocolViolations) }

func testProtocolViolations(t *testing.T, via via) {
	_, addr := newRouter(t, router.Config{})
	witness := via.join(t, addr)

	before := map[string]string{
		"SUBSCRIBE first":        `[32,1,{},"com.x"]`,
		"GOODBYE first":          `[6,{},"wamp.close.normal"]`,
		"AUTHENTICATE first":     `[5,"",{}]`,
		"no roles":               `[1,"realm1",{}]`,
		"roles empty":            `[1,"realm1",{"roles":{}}]`,
		"roles are a list":       `[1,"realm1",{"roles":["caller"]}]`,
		"only router roles":      `[1,"realm1",{"roles":{"broker":{}}}]`,
		"details missing":        `[1,"realm1"]`,
		"realm is a number":      `[1,7,{"roles":{"caller":{}}}]`,
		"empty array":            `[]`,
		"unknown code":           `[99,1]`,
		"not JSON":               `hello`,
		"no array":               `{"a":1}`,
		"truncated":              `[1,"realm1",{"roles":{"caller":{}}}`,
		"trailing bytes":         `[1,"realm1",{"roles":{"caller":{}}}]]`,
		"broken UTF-8":           "[1,\"realm\xff\",{\"roles\":{\"caller\":{}}}]",
		"nested beyond all need": strings.Repeat("[", 100_000),
	}
	for name, text := range before {
		if !via.format.can(text) {
			continue
		}
		t.Run("before/"+name, func(t *testing.T) {
			w := via.dial(t, addr)
			w.send(text)
			w.expect(`[3,"*","wamp.error.protocol_violation"]`)
			w.expectEnd()
		})
	}

	open := map[string]string{
		"second HELLO":             `[1,"realm1",` + allRoles + `]`,
		"WELCOME":                  `[2,1,{}]`,
		"CHALLENGE":                `[4,"x",{}]`,
		"AUTHENTICATE":             `[5,"x",{}]`,
		"SUBSCRIBED":               `[33,1,1]`,
		"EVENT":                    `[36,1,1,{}]`,
		"RESULT":                   `[50,1,{}]`,
		"INVOCATION":               `[68,1,1,{}]`,
		"REGISTERED":               `[65,1,1]`,
		"ERROR for CALL":           `[8,48,1,{},"com.x"]`,
		"ERROR for nothing":        `[8,7,1,{},"com.x"]`,
		"YIELD never asked for":    `[70,1,{},[1]]`,
		"request id 0":             `[32,0,{},"com.x"]`,
		"request id beyond 2^53":   `[32,9007199254740993,{},"com.x"]`,
		"request id negative":      `[32,-1,{},"com.x"]`,
		"request id fractional":    `[32,1.0,{},"com.x"]`,
		"too short":                `[32,1,{}]`,
		"too long":                 `[32,1,{},"com.x",1]`,
		"options are a list":       `[32,1,[],"com.x"]`,
		"option of the wrong type": `[16,1,{"acknowledge":1},"com.x"]`,
		"unknown match":            `[32,1,{"match":"fuzzy"},"com.x"]`,
		"args are a dictionary":    `[16,1,{},"com.x",{}]`,
		"kwargs are a list":        `[16,1,{},"com.x",[],[]]`,
		"broken payload":           `[16,1,{},"com.x",[nul]]`,
	}
	for name, text := range open {
		if !via.format.can(text) {
			continue
		}
		t.Run("open/"+name, func(t *testing.T) {
			w := via.join(t, addr)
			w.send(`[64,1,{},"com.violation"]`)
			w.expect(`[65,1,"*"]`)
			w.send(text)
			w.expect(`[3,"*","wamp.error.protocol_violation"]`)
			// Its registration is gone by the time the ABORT is read.
			witness.send(`[48,1,{},"com.violation"]`)
			witness.expect(`[8,48,1,{},"wamp.error.no_such_procedure"]`)
			// Nothing that follows is handled.
			w.send(`[16,2,{"acknowledge":true},"com.x"]`)
			w.expectEnd()
		})
	}
	witness.sync()
}

func TestRealms(t *testing.T) {
	_, addr := newRouter(t, router.Config{Realms: []string{"realm1", "com.example.other"}, NoDefaultRealm: true})
	t.Run("unknown", func(t *testing.T) {
		w := dialWire(t, addr, 15)
		w.send(`[1,"nowhere",` + allRoles + `]`)
		w.expect(`[3,"*","wamp.error.no_such_realm"]`)
		w.expectEnd()
	})
	t.Run("invalid", func(t *testing.T) {
		w := dialWire(t, addr, 15)
		w.send(`[1,"a..b",` + allRoles + `]`)
		w.expect(`[3,"*","wamp.error.invalid_uri"]`)
		w.expectEnd()
	})
	t.Run("apart", func(t *testing.T) {
		a, b := join(t, addr), dialWire(t, addr, 15)
		b.hello("com.example.other")
		a.send(`[32,1,{},"com.x"]`)
		a.expect(`[33,1,"*"]`)
		b.send(`[16,1,{"acknowledge":true},"com.x",[1]]`)
		b.expect(`[17,1,"*"]`)
		a.sync() // no EVENT
	})
}

func TestAuthMethods(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	w := dialWire(t, addr, 15)
	w.send(`[1,"realm1",{"roles":{"caller":null,"callee":{"features":null}},"authmethods":["ticket"],"authid":"joe"}]`)
	w.expect(`[3,"*","wamp.error.no_matching_auth_method"]`)
	w.expectEnd()

	w = dialWire(t, addr, 15)
	w.send(`[1,"realm1",{"roles":{"caller":{"features":null}},"authmethods":["ticket","anonymous"],"x_private":[1]}]`)
	w.expect(`[2,"*","*"]`)
}

// Basic profile, "Session Closing": GOODBYE is answered once, and the
// connection takes another session.
func TestGoodbye(t *testing.T) { everyVia(t, testGoodbye) }

func testGoodbye(t *testing.T, via via) {
	_, addr := newRouter(t, router.Config{})
	w := via.join(t, addr)
	w.send(`[64,1,{},"com.p"]`)
	w.expect(`[65,1,"*"]`)
	w.send(`[6,{"message":"bye"},"wamp.close.normal"]`)
	w.expect(`[6,{},"wamp.close.goodbye_and_out"]`)
	first := w.vars["session"]
	delete(w.vars, "session")

	w.hello("realm1")
	if w.vars["session"] == first {
		t.Error("the second session has the first one's id")
	}
	// Nothing of the first session is left, and request ids begin again.
	w.send(`[48,1,{},"com.p"]`)
	w.expect(`[8,48,1,{},"wamp.error.no_such_procedure"]`)

	// A client that sends ABORT gets no answer.
	w.send(`[3,{},"wamp.close.normal"]`)
	w.expectEnd()
}

func TestGoodbyeWithoutAnotherSession(t *testing.T) {
	_, addr := newRouter(t, router.Config{GoodbyeTimeout: 50 * time.Millisecond})
	w := join(t, addr)
	w.send(`[6,{},"wamp.close.normal"]`)
	w.expect(`[6,{},"wamp.close.goodbye_and_out"]`)
	w.expectEnd()
}

func TestHandshakeTimeout(t *testing.T) {
	_, addr := newRouter(t, router.Config{HandshakeTimeout: 50 * time.Millisecond})
	w := dialWire(t, addr, 15)
	w.expect(`[3,"*","wamp.error.protocol_violation"]`)
	w.expectEnd()
}

func TestShutdown(t *testing.T) {
	rt, addr := newRouter(t, router.Config{})
	polite, silent, early := join(t, addr), join(t, addr), dialWire(t, addr, 15)
	silent.send(`[64,1,{},"com.p"]`)
	silent.expect(`[65,1,"*"]`)
	polite.send(`[48,1,{},"com.p"]`)
	silent.expect(`[68,1,"*",{}]`)

	// A connection that is in its opening handshake would be closed without a
	// word. That is over when a PING is answered.
	early.write([]byte{1, 0, 0, 0})
	var pong [4]byte
	if _, err := io.ReadFull(early.nc, pong[:]); err != nil || pong != [4]byte{2, 0, 0, 0} {
		t.Fatalf("PING was answered with % x, %v", pong, err)
	}

	done := make(chan error)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		done <- rt.Shutdown(ctx)
	}()
	early.expect(`[3,"*","wamp.close.system_shutdown"]`)
	// Before GOODBYE they may hear of each other's end: the call is canceled.
	for _, w := range []*wire{silent, polite} {
		for {
			m := decode(t, w.receive()).([]any)
			if fmt.Sprint(m[0]) == "6" {
				if m[2] != "wamp.close.system_shutdown" {
					t.Fatalf("got %v", m)
				}
				break
			}
		}
	}
	polite.send(`[6,{},"wamp.close.goodbye_and_out"]`)
	polite.expectEnd()
	if err := <-done; err != context.DeadlineExceeded {
		t.Errorf("Shutdown with a silent client: %v", err)
	}
	if err := rt.Shutdown(context.Background()); err != nil {
		t.Errorf("second Shutdown: %v", err)
	}
}
