package trustroot

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// TestSession looks at what handlers see, and at when the session ends.
func TestSession(t *testing.T) {
	key := newKey(t)
	f := newFamily(t, key, 2)
	f.Delegate.Meta = "hello"
	f.sign()
	root := f.root()
	root.MaxAge = time.Hour
	rt := newRouter(t, new(journal), router.Cryptosign(nil, router.TrustRoots(newRoots(t, root))))
	sessions := make(chan *router.Session, 1)
	rt.Realm("realm1").OnSession(func(_ context.Context, s *router.Session) (func(), error) {
		sessions <- s
		return nil, nil
	})
	if _, err := login(t, rt, "", wamp.Cryptosign(key, wamp.Certificates(root.Address, f.text(t)))); err != nil {
		t.Fatal(err)
	}
	id := (<-sessions).Identity()
	if c, ok := id.Value.(*Chain); !ok || c.Delegate.Meta != "hello" || c.Authorities[0].Capabilities != Consumer|Provider {
		t.Errorf("the value is %+v", id.Value)
	}
	if want := time.Unix(0, int64(f.Delegate.BootedAt)).Add(time.Hour); !id.Expires.Equal(want) {
		t.Errorf("it ends at %s, want %s", id.Expires, want)
	}
}

// TestRevalidate replaces the trust roots under a session.
func TestRevalidate(t *testing.T) {
	key := newKey(t)
	f := newFamily(t, key, 2)
	f.sign()
	root := f.root()
	changed := func(change func(*Root)) Root {
		r := root
		change(&r)
		return r
	}
	anybody := router.Lookup(func(context.Context, *router.Query) (*router.Principal, error) {
		return &router.Principal{Role: "device", AuthID: "x"}, nil
	})
	for name, test := range map[string]struct {
		next router.Authenticator
		stay bool
	}{
		"the same":          {router.Cryptosign(nil, router.TrustRoots(newRoots(t, root))), true},
		"another, too":      {router.Cryptosign(nil, router.TrustRoots(newRoots(t, vectorRoot, root))), true},
		"another":           {router.Cryptosign(nil, router.TrustRoots(newRoots(t, vectorRoot))), false},
		"no roots":          {router.Cryptosign(anybody), false},
		"another role":      {router.Cryptosign(nil, router.TrustRoots(newRoots(t, changed(func(r *Root) { r.Role = "user" })))), false},
		"more capabilities": {router.Cryptosign(nil, router.TrustRoots(newRoots(t, changed(func(r *Root) { r.Capabilities = Gateway })))), false},
		"shorter age":       {router.Cryptosign(nil, router.TrustRoots(newRoots(t, changed(func(r *Root) { r.MaxAge = 1 })))), false},
		"no block": {router.Cryptosign(nil, router.TrustRoots(newRoots(t, changed(func(r *Root) {
			r.Block = func(context.Context) (uint64, error) { return 0, errors.New("the node is down") }
		})))), true},
	} {
		rt := newRouter(t, new(journal), router.Cryptosign(anybody, router.TrustRoots(newRoots(t, root))))
		s, err := login(t, rt, "", wamp.Cryptosign(key, wamp.Certificates(root.Address, f.text(t))))
		if err != nil {
			t.Fatal(err)
		}
		if err := rt.Realm("realm1").Configure(router.RealmConfig{Authenticators: []router.Authenticator{test.next}}); err != nil {
			t.Fatal(err)
		}
		_, err = s.Publish(t.Context(), "com.example.x", wamp.Acknowledge())
		if stays := err == nil; stays != test.stay {
			t.Errorf("%s: the session stays: %v, %v", name, stays, err)
		}
	}
}

// TestBlockUnknown refuses everybody while the current block is not known, and
// blames nobody.
func TestBlockUnknown(t *testing.T) {
	key := newKey(t)
	f := newFamily(t, key, 2)
	f.sign()
	root := f.root()
	root.Block = func(context.Context) (uint64, error) { return 0, errors.New("the node is down") }
	log := new(journal)
	rt := newRouter(t, log, router.Cryptosign(nil, router.TrustRoots(newRoots(t, root))))
	_, err := login(t, rt, "", wamp.Cryptosign(key, wamp.Certificates(root.Address, f.text(t))))
	if !errors.Is(err, wamp.URI("wamp.error.authentication_failed")) || strings.Contains(err.Error(), "node") {
		t.Errorf("the client hears %v", err)
	}
	if !strings.Contains(log.String(), "the node is down") {
		t.Errorf("the log has %s", log)
	}
}
