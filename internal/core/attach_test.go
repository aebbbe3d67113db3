package core

import (
	"slices"
	"testing"
	"time"

	"github.com/wampeter/wampeter/internal/msg"
)

// What is attached to a subscription is given back once, when it ends, by
// whichever way that is.
func TestAttach(t *testing.T) {
	topic := []byte("com.t")
	for name, end := range map[string]func(r *Realm, s *Session, id uint64, out *Out){
		"unsubscribe": func(r *Realm, s *Session, id uint64, out *Out) {
			if err := r.Unsubscribe(s, &msg.Message{Type: msg.Unsubscribe, Request: 2, ID: id}, out); err != nil {
				t.Error(err)
			}
		},
		"revoke": func(r *Realm, s *Session, id uint64, out *Out) { r.RevokeSubscription(s, id, "", out) },
		"leave":  func(r *Realm, s *Session, _ uint64, out *Out) { r.Leave(s, out) },
		"kill":   func(r *Realm, s *Session, _ uint64, out *Out) { r.Kill(s, msg.CloseKilled, "", out) },
	} {
		r := New(Config{Now: time.Now, Rand: func() uint64 { return 1 }})
		var out Out
		s := &Session{ID: 1}
		r.Join(s, &out)
		if _, ok := r.Attach(s, msg.Exact, topic, "early"); ok || r.HasSubscribed(s, msg.Exact, topic) {
			t.Errorf("%s: attached to nothing", name)
		}
		if err := r.Subscribe(s, &msg.Message{Type: msg.Subscribe, Request: 1, URI: topic}, &out); err != nil {
			t.Fatal(err)
		}
		id := out.Effects[0].Msg.ID
		for i, want := range []any{nil, "first"} {
			before, ok := r.Attach(s, msg.Exact, topic, []any{"first", "second"}[i])
			if before != want || !ok || !r.HasSubscribed(s, msg.Exact, topic) {
				t.Errorf("%s: %v, %v", name, before, ok)
			}
		}
		if _, ok := r.Attach(s, msg.Prefix, topic, "other"); ok || len(out.Ended) != 0 {
			t.Errorf("%s: %v", name, out.Ended)
		}
		end(r, s, id, &out)
		if !slices.Equal(out.Ended, []any{"second"}) {
			t.Errorf("%s: %v", name, out.Ended)
		}
		out.Reset()
		r.Leave(s, &out)
		if len(out.Ended) != 0 {
			t.Errorf("%s: ended twice", name)
		}
	}
}
