package router_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wampeter/wampeter/router"
)

// A client that takes 512 bytes gets a WELCOME that fits: one without features,
// or with a long realm none.
func TestShortWelcome(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	for _, f := range []format{asJSON, asMsgpack, asCBOR} {
		w := dialRawSocket(t, addr, f, 0)
		w.hello("realm1")
		w.sync()
		w = dialRawSocket(t, addr, f, 0)
		w.send(fmt.Sprintf(`[1,"%s",%s]`, strings.Repeat("x", 400), allRoles))
		w.expect(`[3,"*","wamp.error.payload_size_exceeded"]`)
		w.expectEnd()
	}
}

// HELLO is decoded for strangers, so that it has to be short.
func TestHelloBounds(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	everyVia(t, func(t *testing.T, v via) {
		for hello, reason := range map[string]string{
			`[1,"` + strings.Repeat("x", 5000) + `",` + allRoles + `]`:                                             "wamp.error.invalid_uri",
			`[1,"realm1",{"roles":{"caller":{}},"x":[` + strings.Repeat("[],", 70_000) + `[]]}]`:                   "wamp.error.protocol_violation",
			`[1,"realm1",{"roles":{"caller":{}},"authmethods":"ticket"}]`:                                          "wamp.error.protocol_violation",
			`[1,"realm1",{"roles":{"caller":{}},"authmethods":["ticket"]}]`:                                        "wamp.error.no_matching_auth_method",
			`[1,"realm1",{"roles":{"caller":{}},"x":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}]`: "wamp.error.protocol_violation",
		} {
			w := v.dial(t, addr)
			w.send(hello)
			w.expect(`[3,"*","` + reason + `"]`)
			w.expectEnd()
		}
	})
}
