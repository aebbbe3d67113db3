package core

import (
	"fmt"
	"testing"
	"time"

	"github.com/wampeter/wampeter/internal/msg"
)

// configurable returns a realm with two sessions of all features.
func configurable(cfg Config) (*Realm, *Session, *Session) {
	n := uint64(0)
	cfg.Now = func() time.Time { return time.Unix(1_800_000_000, 0) }
	cfg.Rand = func() uint64 { n++; return n }
	r := New(cfg)
	var out Out
	join := func(id uint64) *Session {
		s := &Session{ID: id, AuthID: fmt.Sprint("user", id), AuthRole: "guest"}
		s.Roles.Set = msg.Caller | msg.Callee | msg.Publisher | msg.Subscriber
		for i := range s.Roles.Features {
			s.Roles.Features[i] = ^msg.Feature(0)
		}
		r.Join(s, &out)
		return s
	}
	return r, join(1), join(2)
}

func request(t msg.Type, id uint64, policy msg.Match, uri string) *msg.Message {
	m := &msg.Message{Type: t, Request: id, URI: []byte(uri)}
	m.Options.Match = policy
	return m
}

// What a session may not have any more is taken from it, its own subscription to
// what tells of that included.
func TestRevoke(t *testing.T) {
	r, s, other := configurable(Config{Encode: func([]any, map[string]any) msg.Payload { return msg.Payload{} }})
	var out Out
	for i, topic := range []string{"com.a", "com.b", "wamp.subscription.on_unsubscribe", "com.c"} {
		_ = r.Subscribe(s, request(msg.Subscribe, uint64(i+1), msg.Exact, topic), &out)
		_ = r.Subscribe(other, request(msg.Subscribe, uint64(i+1), msg.Exact, topic), &out)
	}
	_ = r.Register(s, request(msg.Register, 5, msg.Prefix, "com."), &out)
	_ = r.Register(s, request(msg.Register, 6, msg.Exact, "com.kept"), &out)
	if !r.Serves(s, []byte("com.x")) || r.Serves(other, []byte("com.x")) || r.Serves(s, []byte("org.x")) {
		t.Error("who serves what?")
	}
	out.Reset()
	r.Revoke(s, func(typ msg.Type, policy msg.Match, u string) bool {
		return u == "com.kept" || u == "com.c" && typ == msg.Subscribe
	}, "why", &out)
	var got []string
	for _, e := range out.Effects {
		if e.To != nil {
			got = append(got, fmt.Sprintf("%d %v %d %s", e.To.ID, e.Msg.Type, e.Msg.Request, e.Msg.Options.X.Reason))
			continue
		}
		for _, to := range e.Receivers {
			got = append(got, fmt.Sprintf("%d %v", to.ID, e.Msg.Type))
		}
	}
	// Of its own unsubscribing it hears as long as it has subscribed to that.
	want := "[1 UNREGISTERED 0 why 1 UNSUBSCRIBED 0 why 1 EVENT 2 EVENT 1 UNSUBSCRIBED 0 why 1 EVENT 2 EVENT 1 UNSUBSCRIBED 0 why]"
	if fmt.Sprint(got) != want {
		t.Errorf("got  %v\nwant %s", got, want)
	}
	if n := len(s.state.subscriptions); n != 1 || len(s.state.registrations) != 1 || len(other.state.subscriptions) != 4 {
		t.Errorf("%d subscriptions, %d registrations are left", n, len(s.state.registrations))
	}
	r.Leave(s, &out)
	r.Revoke(s, nil, "", &out) // has nothing
}

// Bounds, switches and kept events follow the configuration.
func TestConfigure(t *testing.T) {
	topic := func(u string, limit int) HistoryTopic { return HistoryTopic{URI: u, Limit: limit} }
	r, s, _ := configurable(Config{History: []HistoryTopic{topic("com.a", 3), topic("com.b", 3), topic("com.c", 3)}})
	var out Out
	_ = r.Subscribe(s, request(msg.Subscribe, 1, msg.Exact, "com.b"), &out)
	publish := func(u string) {
		m := request(msg.Publish, 9, msg.Exact, u)
		m.Options.SetBool(msg.Retain, true)
		_ = r.Publish(s, m, &out)
	}
	kept := func(u string) int {
		sub, ok := r.topics.Get(msg.Exact, []byte(u))
		switch {
		case !ok:
			return -2
		case sub.log == nil:
			return -1
		}
		return sub.log.Len()
	}
	check := func(want ...int) {
		t.Helper()
		if got := []int{kept("com.a"), kept("com.b"), kept("com.c"), kept("com.d")}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("kept %v, want %v", got, want)
		}
	}
	for range 4 {
		publish("com.a")
		publish("com.b")
		publish("com.c")
	}
	check(3, 3, 3, -2)
	r.Configure(Config{History: []HistoryTopic{topic("com.a", 2), topic("com.d", 1)}, MaxRetained: 2, StrictURI: true, MaxURI: 10})
	check(2, -1, -2, 0)
	if n := len(r.retained.topics); n != 2 {
		t.Errorf("%d topics have retained events", n)
	}
	for range 3 {
		publish("com.a")
		publish("com.b")
		publish("com.d")
	}
	check(2, -1, -2, 1)
	if r.validURI([]byte("com.A")) || r.validURI([]byte("com.aaaaaaaaaaaa")) || r.cfg.Now == nil || r.cfg.MaxCalls != DefaultMaxCalls {
		t.Error("the configuration was not taken over")
	}
	r.Configure(Config{History: []HistoryTopic{topic("com.b", 5), topic("com.a", 5)}})
	publish("com.a")
	check(3, 0, -2, -2)
	_ = r.Unsubscribe(s, &msg.Message{Type: msg.Unsubscribe, Request: 3, ID: s.state.subscribers()[0].sub.id}, &out)
	check(3, 0, -2, -2)
}

// A session may have bounds of its own.
func TestBoundsOfASession(t *testing.T) {
	r, s, other := configurable(Config{MaxSubscriptions: 3, MaxRegistrations: 3})
	s.MaxSubscriptions, s.MaxRegistrations = 1, 2
	other.MaxSubscriptions, other.MaxRegistrations = 9, 9
	for _, of := range []*Session{s, other} {
		var out Out
		for i := range uint64(5) {
			_ = r.Subscribe(of, request(msg.Subscribe, 2*i+1, msg.Exact, fmt.Sprintf("com.t%d.%d", of.ID, i)), &out)
			_ = r.Register(of, request(msg.Register, 2*i+2, msg.Exact, fmt.Sprintf("com.p%d.%d", of.ID, i)), &out)
		}
	}
	if a, b := len(s.state.subscriptions), len(s.state.registrations); a != 1 || b != 2 {
		t.Errorf("%d subscriptions, %d registrations", a, b)
	}
	if a, b := len(other.state.subscriptions), len(other.state.registrations); a != 3 || b != 3 {
		t.Errorf("%d subscriptions, %d registrations of the other", a, b)
	}
}
