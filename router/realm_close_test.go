package router_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// TestCloseRealm takes a realm off beneath its sessions, and beneath some that
// are just joining. Other realms do not notice.
func TestCloseRealm(t *testing.T) {
	rt, addr := newRouter(t, router.Config{Realms: []string{"a", "b"}, NoDefaultRealm: true})
	dial := func(realm string) (*wamp.Session, error) {
		return (&wamp.Dialer{URLs: []string{"tcp://" + addr}, Realm: realm}).Dial(t.Context())
	}
	other, err := dial("b")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(context.Background())
	first, err := dial("a")
	if err != nil {
		t.Fatal(err)
	}
	var joining sync.WaitGroup
	for range 20 {
		joining.Go(func() {
			s, err := dial("a")
			if err != nil {
				if !errors.Is(err, wamp.ErrNoSuchRealm) {
					t.Errorf("join: %v", err)
				}
				return
			}
			<-s.Done()
		})
	}
	closed, err := rt.CloseRealm("a", "com.example.moved", "it has moved")
	if !closed || err != nil {
		t.Fatalf("closed: %v, error %v", closed, err)
	}
	<-first.Done()
	if err := first.Err(); !errors.Is(err, wamp.URI("com.example.moved")) {
		t.Errorf("the session has ended with %v", err)
	}
	joining.Wait()
	if _, err := dial("a"); !errors.Is(err, wamp.ErrNoSuchRealm) {
		t.Errorf("join after the end: %v", err)
	}
	if closed, err := rt.CloseRealm("a", "com.example.moved", ""); closed || err != nil {
		t.Errorf("a second time: %v, error %v", closed, err)
	}
	if _, err := rt.CloseRealm("b", "no URI", ""); err == nil {
		t.Error("a reason that is no URI is accepted")
	}
	rt.Realm("a")
	again, err := dial("a")
	if err != nil {
		t.Fatalf("a realm of the same name: %v", err)
	}
	_ = again.Close(t.Context())
	if _, err := other.Publish(t.Context(), "com.example.topic", wamp.Acknowledge()); err != nil {
		t.Errorf("the other realm: %v", err)
	}
}

// TestConfigureOpenRealm configures a realm without rules beneath a session.
func TestConfigureOpenRealm(t *testing.T) {
	rt, addr := newRouter(t, router.Config{})
	s, err := (&wamp.Dialer{URLs: []string{"tcp://" + addr}, Realm: "a"}).Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.Background())
	if err := rt.Realm("a").Configure(router.RealmConfig{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Publish(t.Context(), "com.example.topic", wamp.Acknowledge()); err != nil {
		t.Error(err)
	}
}

// TestAddRealm lets clients wait for a realm until it is configured.
func TestAddRealm(t *testing.T) {
	rt, addr := newRouter(t, router.Config{NoDefaultRealm: true})
	dial := func() error {
		s, err := (&wamp.Dialer{URLs: []string{"tcp://" + addr}, Realm: "a"}).Dial(t.Context())
		if err == nil {
			_ = s.Close(t.Context())
		}
		return err
	}
	waiting := make(chan error, 1)
	failed := errors.New("no")
	realm, err := rt.AddRealm("a", func(*router.Realm) error {
		go func() { waiting <- dial() }()
		return failed
	})
	if realm != nil || !errors.Is(err, failed) {
		t.Errorf("realm %v, error %v", realm, err)
	}
	if err := <-waiting; !errors.Is(err, wamp.ErrNoSuchRealm) {
		t.Errorf("join a realm that could not be made: %v", err)
	}
	realm, err = rt.AddRealm("a", func(realm *router.Realm) error {
		go func() { waiting <- dial() }()
		return realm.Configure(router.RealmConfig{Authenticators: []router.Authenticator{router.Ticket(router.Principal{AuthID: "joe", Role: "user", Ticket: "x"})}})
	})
	if err != nil || realm != rt.Realm("a") {
		t.Errorf("realm %v, error %v", realm, err)
	}
	if err := <-waiting; !errors.Is(err, wamp.ErrAuthenticationRequired) && !errors.Is(err, wamp.ErrNoMatchingAuthMethod) {
		t.Errorf("join while the realm is made: %v", err)
	}
	if _, err := rt.AddRealm("a", func(*router.Realm) error { return nil }); err == nil {
		t.Error("a realm is added twice")
	}
	_ = rt.Close()
	if _, err := rt.AddRealm("b", func(*router.Realm) error { return nil }); !errors.Is(err, router.ErrClosed) {
		t.Errorf("add to a router that is closed: %v", err)
	}
}
