package router

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/wampeter/wampeter/wamp"
)

func newGuard(cfg AuthLimits) *guard {
	g := new(guard)
	g.init(slog.New(slog.DiscardHandler))
	g.follow(cfg)
	return g
}

func somebody(address, authID string) friend {
	return friend{addressOf(address), principalName{"realm1", authID}}
}

func TestGuard(t *testing.T) {
	g := newGuard(AuthLimits{Failures: 4, AuthIDFailures: 6, Window: time.Minute, Delay: time.Second})
	now := time.Now()
	limited := func(who friend, want bool) {
		t.Helper()
		if err := g.admit(who, now); errors.Is(err, wamp.ErrLimitExceeded) != want {
			t.Errorf("%v: %v", who, err)
		}
	}
	bad := somebody("192.0.2.1:5", "joe")
	g.welcome(somebody("192.0.2.1:6", "friend"))
	for i, wait := range []time.Duration{0, 0, 1, 2, 4, 8, 8} {
		limited(bad, i >= 4)
		got, full := g.failure(bad, now)
		if got != wait*time.Second || full != (i == 3) {
			t.Errorf("failure %d: wait %v, full %v", i+1, got, full)
		}
	}
	limited(somebody("192.0.2.1:7", "ann"), true)     // whoever it is
	limited(somebody("192.0.2.1:7", "friend"), false) // but for who was here before
	limited(somebody("192.0.2.2:7", "joe"), false)    // and elsewhere for everybody
	g.failure(somebody("192.0.2.2:7", "joe"), now)
	limited(somebody("192.0.2.2:7", "joe"), true)  // who does not guess a second time
	limited(somebody("192.0.2.2:7", "ann"), false) // at him
	limited(somebody("", "joe"), false)

	now = now.Add(40 * time.Second) // two thirds of it are forgotten
	limited(bad, false)
	limited(somebody("192.0.2.2:7", "joe"), false)
	now = now.Add(time.Minute)
	if n := g.addresses.count(bad.address, time.Minute, now); n != 0 {
		t.Errorf("%v failures are left", n)
	}
}

func TestGuardAddresses(t *testing.T) {
	for peer, want := range map[string]string{
		"192.0.2.1:5":              "192.0.2.1/32",
		"[::ffff:192.0.2.1]:5":     "192.0.2.1/32",
		"[2001:db8:1:2:3:4:5:6]:7": "2001:db8:1:2::/64",
		"[fe80::1%eth0]:7":         "fe80::/64",
		"2001:db8::1":              "2001:db8::/64",
		"@":                        "invalid Prefix",
		"":                         "invalid Prefix",
		"/run/wampeter.sock":       "invalid Prefix",
	} {
		if got := addressOf(peer).String(); got != want {
			t.Errorf("%s: %s, want %s", peer, got, want)
		}
	}
}

// TestGuardIsBounded fails from more addresses than are remembered.
func TestGuardIsBounded(t *testing.T) {
	g := newGuard(AuthLimits{Remember: 100})
	now := time.Now()
	for i := range 1000 {
		who := friend{netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 32), principalName{"r", fmt.Sprint(i)}}
		g.failure(who, now)
		g.welcome(who)
	}
	for what, n := range map[string]int{
		"addresses": len(g.addresses.entries), "names": len(g.names.entries), "friends": len(g.friends.entries),
		"order": g.addresses.order.Len(),
	} {
		if n != 100 {
			t.Errorf("%d %s are remembered", n, what)
		}
	}
}

func TestCookieMemory(t *testing.T) {
	m := NewCookieMemory(2)
	ctx := t.Context()
	for _, key := range []string{"a", "b", "c"} {
		_ = m.Put(ctx, key, &CookieEntry{AuthID: key, Expires: time.Now().Add(time.Hour)})
		if key == "b" {
			_, _ = m.Get(ctx, "a") // so that b is the oldest
		}
	}
	for key, want := range map[string]bool{"a": true, "b": false, "c": true} {
		if e, err := m.Get(ctx, key); err != nil || (e != nil) != want {
			t.Errorf("%s: %v, %v", key, e, err)
		}
	}
	_ = m.Put(ctx, "c", &CookieEntry{Expires: time.Now().Add(-time.Second)})
	_ = m.Delete(ctx, "a")
	_ = m.Delete(ctx, "a")
	if len(m.values) != 1 {
		t.Errorf("%d cookies are left", len(m.values))
	}
	if e, _ := m.Get(ctx, "c"); e != nil || len(m.values) != 0 {
		t.Error("a cookie that has expired is found")
	}
}
