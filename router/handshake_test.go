package router_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// ticketed accepts the authid joe with the ticket "secret", after two
// challenges.
func ticketed() router.Authenticator {
	return router.MethodAuthenticator("ticket", func(ctx context.Context, h *router.Handshake) (*router.Identity, error) {
		for _, want := range []string{"secret", "again"} {
			got, _, err := h.Challenge(ctx, "ticket", map[string]any{"for": want})
			if err != nil {
				return nil, err
			}
			if h.AuthID != "joe" || got != want {
				return nil, wamp.Errorf(wamp.ErrAuthenticationDenied, "no")
			}
		}
		return &router.Identity{AuthID: "joe", Role: "user", Extra: map[string]any{"hello": "joe"}}, nil
	})
}

const withTicket = `{"authid":"joe","authmethods":["ticket"],"roles":{"caller":{}}}`

func TestHandshakeOfSeveralRounds(t *testing.T) {
	rt, addr := newRouter(t, router.Config{})
	rt.Realm("closed").Authenticate(ticketed())
	w := dialWire(t, addr, 15)
	w.send(`[1,"closed",` + withTicket + `]`)
	w.expect(`[4,"ticket",{"for":"secret"}]`)
	w.send(`[5,"secret",{}]`)
	w.expect(`[4,"ticket",{"for":"again"}]`)
	w.send(`[5,"again",{}]`)
	w.expect(`[2,"$session",{"realm":"closed","authid":"joe","authrole":"user","authmethod":"ticket","authprovider":"static",` +
		`"authextra":{"hello":"joe"},"agent":"*","roles":"*"}]`)
	w.sync()
	w.send(`[6,{},"wamp.close.normal"]`)
	w.expect(`[6,{},"wamp.close.goodbye_and_out"]`)
	// Another session on the same connection is somebody else's.
	w.send(`[1,"closed",` + withTicket + `]`)
	w.expect(`[4,"ticket",{"for":"secret"}]`)
	w.send(`[5,"guess",{}]`)
	w.expect(`[3,{"message":"no"},"wamp.error.authentication_denied"]`)
	w.expectEnd()
}

func TestHandshakeViolations(t *testing.T) {
	for name, test := range map[string]struct{ send, answer string }{
		"HELLO twice":             {`[1,"closed",` + withTicket + `]`, `[3,"*","wamp.error.protocol_violation"]`},
		"a call":                  {`[48,1,{},"com.x"]`, `[3,"*","wamp.error.protocol_violation"]`},
		"GOODBYE":                 {`[6,{},"wamp.close.normal"]`, `[3,"*","wamp.error.protocol_violation"]`},
		"extra that is no object": {`[5,"secret",[]]`, `[3,"*","wamp.error.protocol_violation"]`},
		"ABORT":                   {`[3,{},"wamp.error.authentication_failed"]`, ``},
	} {
		t.Run(name, func(t *testing.T) {
			rt, addr := newRouter(t, router.Config{})
			var ended atomic.Int32
			gone := make(chan struct{})
			realm := rt.Realm("closed")
			realm.OnHello(func(context.Context, *router.Handshake) (func(), error) {
				return func() { ended.Add(1); close(gone) }, nil
			})
			realm.Authenticate(ticketed())
			w := dialWire(t, addr, 15)
			w.send(`[1,"closed",` + withTicket + `]`)
			w.expect(`[4,"ticket",{"for":"secret"}]`)
			w.send(test.send)
			if test.answer != "" {
				w.expect(test.answer)
			}
			w.expectEnd()
			<-gone
		})
	}
}

func TestHandshakeIsLate(t *testing.T) {
	rt, addr := newRouter(t, router.Config{HandshakeTimeout: 50 * time.Millisecond})
	rt.Realm("closed").Authenticate(ticketed())
	w := dialWire(t, addr, 15)
	w.send(`[1,"closed",` + withTicket + `]`)
	w.expect(`[4,"ticket",{"for":"secret"}]`)
	w.expect(`[3,"*","wamp.error.protocol_violation"]`)
}

func TestHandshakeRefusals(t *testing.T) {
	rt, addr := newRouter(t, router.Config{})
	rt.Realm("ticket").Authenticate(ticketed())
	rt.Realm("broken").Authenticate(router.TransportAuthenticator(func(context.Context, *router.Handshake) (*router.Identity, error) {
		return nil, errors.New("the database has the secret 4711")
	}))
	rt.Realm("panics").Authenticate(router.TransportAuthenticator(func(context.Context, *router.Handshake) (*router.Identity, error) {
		panic("4711")
	}))
	rt.Realm("full").OnSession(func(context.Context, *router.Session) (func(), error) {
		return nil, wamp.Errorf("com.example.error.full", "come back later")
	})
	for _, test := range []struct{ realm, details, answer string }{
		{"ticket", `{"roles":{"caller":{}}}`, `[3,{"message":"this realm is not open to anonymous sessions"},"wamp.error.authentication_required"]`},
		{"ticket", `{"roles":{"caller":{}},"authmethods":["wampcra"]}`, `[3,"*","wamp.error.no_matching_auth_method"]`},
		{"broken", `{"roles":{"caller":{}}}`, `[3,{"message":"the authentication could not be carried out"},"wamp.error.authentication_failed"]`},
		{"panics", `{"roles":{"caller":{}}}`, `[3,{"message":"the authentication could not be carried out"},"wamp.error.authentication_failed"]`},
		{"full", `{"roles":{"caller":{}}}`, `[3,{"message":"come back later"},"com.example.error.full"]`},
		{"open", `{"roles":{"caller":{}},"authmethods":["wampcra"]}`, `[3,"*","wamp.error.no_matching_auth_method"]`},
	} {
		w := dialWire(t, addr, 15)
		w.send(`[1,"` + test.realm + `",` + test.details + `]`)
		w.expect(test.answer)
		w.expectEnd()
	}
}

// Functions for sessions run in order, and those for their end in the opposite
// one, whichever way a session ends.
func TestOnSession(t *testing.T) {
	for name, end := range map[string]func(w *wire, s *router.Session){
		"GOODBYE": func(w *wire, _ *router.Session) {
			w.send(`[6,{},"wamp.close.normal"]`)
			w.expect(`[6,{},"wamp.close.goodbye_and_out"]`)
		},
		"cut": func(w *wire, _ *router.Session) { _ = w.nc.Close() },
		"killed": func(w *wire, s *router.Session) {
			if err := s.Close("com.example.enough", "that will do"); err != nil {
				w.t.Error(err)
			}
			w.expect(`[6,{"message":"that will do"},"com.example.enough"]`)
		},
		"expired": func(w *wire, s *router.Session) {
			s.SetExpiry(time.Now())
			w.expect(`[6,{"message":"the authentication has expired"},"wamp.close.auth"]`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			rt, addr := newRouter(t, router.Config{})
			opened, steps := make(chan *router.Session, 1), make(chan string, 8)
			rt.OnSession(func(_ context.Context, s *router.Session) (func(), error) {
				steps <- "open 1"
				return func() { steps <- "close 1"; close(steps) }, nil
			})
			rt.Realm("realm1").OnSession(func(_ context.Context, s *router.Session) (func(), error) {
				steps <- "open 2"
				opened <- s
				return func() { steps <- "close 2" }, nil
			})
			w := join(t, addr)
			s := <-opened
			if s.Role() != "anonymous" || s.Realm().Name() != "realm1" || s.Transport().Type != "rawsocket" || s.Context().Err() != nil {
				t.Errorf("%+v", s)
			}
			end(w, s)
			<-s.Context().Done()
			var got []string
			for step := range steps {
				got = append(got, step)
			}
			if want := []string{"open 1", "open 2", "close 2", "close 1"}; !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}
