package router_test

import (
	"strings"
	"testing"

	"github.com/wampeter/wampeter/router"
)

// passthruRoles is the details of a HELLO that announces payload passthru mode
// for all roles.
const passthruRoles = `{"roles":{` +
	`"caller":{"features":{"payload_passthru_mode":true,"progressive_call_results":true}},` +
	`"callee":{"features":{"payload_passthru_mode":true,"progressive_call_results":true}},` +
	`"publisher":{"features":{"payload_passthru_mode":true}},"subscriber":{"features":{"payload_passthru_mode":true}}}}`

// joinPassthru opens a session that announces payload passthru mode.
func joinPassthru(t *testing.T, addr string) *wire {
	t.Helper()
	w := dialWire(t, addr, 15)
	w.send(`[1,"realm1",` + passthruRoles + `]`)
	w.expect(`[2,"$session","*"]`)
	return w
}

const (
	// sealedOptions are all keys of the mode, and sealedPayload the one binary
	// argument, as JSON has it. Both mean nothing to the router.
	sealedOptions = `"ppt_scheme":"x_test","ppt_serializer":"x_custom","ppt_cipher":"x_cipher","ppt_keyid":"key no. 7"`
	sealedPayload = `["\u0000AAEC/w=="]`
)

// Advanced profile, "Payload Passthru Mode": attributes and payload arrive as
// they were sent, in every message.
func TestPassthru(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	a, b := joinPassthru(t, addr), joinPassthru(t, addr)

	b.send(`[64,1,{},"com.test.p"]`)
	b.expect(`[65,1,"$reg"]`)
	a.send(`[48,1,{` + sealedOptions + `,"receive_progress":true},"com.test.p",` + sealedPayload + `]`)
	b.expect(`[68,1,"$reg",{"receive_progress":true,` + sealedOptions + `},` + sealedPayload + `]`)
	b.send(`[70,1,{"progress":true,` + sealedOptions + `},` + sealedPayload + `]`)
	a.expect(`[50,1,{"progress":true,` + sealedOptions + `},` + sealedPayload + `]`)
	b.send(`[70,1,{` + sealedOptions + `},` + sealedPayload + `]`)
	a.expect(`[50,1,{` + sealedOptions + `},` + sealedPayload + `]`)

	a.send(`[48,2,{"ppt_scheme":"mqtt"},"com.test.p",` + sealedPayload + `]`)
	b.expect(`[68,2,"$reg",{"ppt_scheme":"mqtt"},` + sealedPayload + `]`)
	b.send(`[8,68,2,{` + sealedOptions + `},"com.test.error",` + sealedPayload + `]`)
	a.expect(`[8,48,2,{` + sealedOptions + `},"com.test.error",` + sealedPayload + `]`)

	b.send(`[32,2,{},"com.test.topic"]`)
	b.expect(`[33,2,"$sub"]`)
	a.send(`[16,3,{` + sealedOptions + `},"com.test.topic",` + sealedPayload + `]`)
	b.expect(`[36,"$sub","*",{` + sealedOptions + `},` + sealedPayload + `]`)
}

// The feature is announced by dealer and broker.
func TestPassthruAnnounced(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	w := dialWire(t, addr, 15)
	w.send(`[1,"realm1",` + allRoles + `]`)
	welcome := decode(t, w.receive()).([]any)[2].(map[string]any)["roles"].(map[string]any)
	for _, role := range []string{"dealer", "broker"} {
		if welcome[role].(map[string]any)["features"].(map[string]any)["payload_passthru_mode"] != true {
			t.Errorf("the %s does not announce payload_passthru_mode", role)
		}
	}
}

// "Cases where a Caller sends a CALL message with payload passthru without
// announcing it … MUST be treated as PROTOCOL ERRORS", and so for the others.
func TestPassthruNotAnnounced(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	for name, send := range map[string]func(w *wire){
		"CALL": func(w *wire) {
			w.send(`[48,1,{` + sealedOptions + `},"com.test.nobody",` + sealedPayload + `]`)
		},
		"PUBLISH": func(w *wire) {
			w.send(`[16,1,{` + sealedOptions + `},"com.test.topic",` + sealedPayload + `]`)
		},
		"YIELD": func(w *wire) {
			caller := joinPassthru(w.t, addr)
			w.send(`[64,1,{},"com.test.yield"]`)
			w.expect(`[65,1,"$reg"]`)
			caller.send(`[48,1,{},"com.test.yield"]`)
			w.expect(`[68,1,"$reg",{}]`)
			w.send(`[70,1,{` + sealedOptions + `},` + sealedPayload + `]`)
			// The call ends with its callee.
			caller.expect(`[8,48,1,{},"wamp.error.canceled"]`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := join(t, addr)
			send(w)
			body := w.receive()
			abort := decode(t, body).([]any)
			if len(abort) < 3 || !w.match(decode(t, []byte(`[3,"*","wamp.error.protocol_violation"]`)), abort[:3]) ||
				!strings.Contains(string(body), "payload passthru") {
				t.Errorf("got %s", body)
			}
			w.expectEnd()
		})
	}
}

// "… which then must be routed to a Callee which doesn't support payload
// passthru … MUST respond to the Caller with a wamp.error.feature_not_supported",
// and the same for a YIELD and its caller.
func TestPassthruNotSupported(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	old, able := join(t, addr), joinPassthru(t, addr)

	old.send(`[64,1,{},"com.test.old"]`)
	old.expect(`[65,1,"$reg"]`)
	able.send(`[48,1,{` + sealedOptions + `},"com.test.old",` + sealedPayload + `]`)
	able.expect(`[8,48,1,{},"wamp.error.feature_not_supported"]`)
	able.send(`[48,2,{},"com.test.old",[1]]`) // in clear it goes on
	old.expect(`[68,1,"$reg",{},[1]]`)
	old.send(`[70,1,{},[2]]`)
	able.expect(`[50,2,{},[2]]`)

	able.send(`[64,3,{},"com.test.able"]`)
	able.expect(`[65,3,"$reg"]`)
	old.send(`[48,2,{},"com.test.able"]`)
	able.expect(`[68,1,"$reg",{}]`)
	able.send(`[70,1,{` + sealedOptions + `},` + sealedPayload + `]`)
	able.expect(`[8,70,1,{},"wamp.error.feature_not_supported"]`)
	old.expect(`[8,48,2,{},"wamp.error.feature_not_supported"]`)
	able.sync()
	old.sync()
}

// A subscriber that lacks the feature "cannot be recognized at the protocol
// level … and must be covered at the Subscriber side": it gets the event.
func TestPassthruSubscriber(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	old, able := join(t, addr), joinPassthru(t, addr)
	old.send(`[32,1,{},"com.test.topic"]`)
	old.expect(`[33,1,"$sub"]`)
	able.send(`[16,1,{` + sealedOptions + `},"com.test.topic",` + sealedPayload + `]`)
	old.expect(`[36,"$sub","*",{` + sealedOptions + `},` + sealedPayload + `]`)
}

// Autobahn's older form has a text or bytes in place of the arguments, and
// other keys; it needs no announcement.
func TestAutobahnEncryption(t *testing.T) {
	_, addr := newRouter(t, router.Config{})
	a, b := join(t, addr), join(t, addr)
	const options = `"enc_algo":"cryptobox","enc_key":"k","enc_serializer":"json"`
	const payload = `"\u0000AAEC/w=="`

	b.send(`[64,1,{},"com.test.p"]`)
	b.expect(`[65,1,"$reg"]`)
	a.send(`[48,1,{` + options + `},"com.test.p",` + payload + `]`)
	b.expect(`[68,1,"$reg",{` + options + `},` + payload + `]`)
	b.send(`[70,1,{` + options + `},` + payload + `]`)
	a.expect(`[50,1,{` + options + `},` + payload + `]`)
	a.send(`[48,2,{` + options + `},"com.test.p",` + payload + `]`)
	b.expect(`[68,2,"$reg",{` + options + `},` + payload + `]`)
	b.send(`[8,68,2,{` + options + `},"com.test.error",` + payload + `]`)
	a.expect(`[8,48,2,{` + options + `},"com.test.error",` + payload + `]`)

	b.send(`[32,2,{},"com.test.topic"]`)
	b.expect(`[33,2,"$sub"]`)
	a.send(`[16,3,{` + options + `},"com.test.topic",` + payload + `]`)
	b.expect(`[36,"$sub","*",{` + options + `},` + payload + `]`)
}
