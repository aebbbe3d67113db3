package main

import (
	"io"
	"strings"
	"testing"

	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamptest"
)

// Two people: each sees that the other comes, what they say, and that they go.
func TestChat(t *testing.T) {
	rt := wamptest.NewRouter(t)
	all := wamptest.Events[news](t, rt.Session(), "com.example.chat.lobby.{what}")
	d := &wamp.Dialer{URLs: []string{rt.URL()}}

	in, keyboard := io.Pipe()
	var seen strings.Builder // by alice
	alice := &chat{name: "alice", room: "lobby", in: in, out: &seen}
	a, err := alice.app()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	bob := &chat{name: "bob", room: "lobby", in: strings.NewReader("hello\n\nhow are you?\n"), out: io.Discard}
	b, err := bob.app()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Run(t.Context(), d); err != nil { // to the end of what he types
		t.Fatal(err)
	}
	all.Expect(
		news{"joined", "alice", ""}, news{"joined", "bob", ""},
		news{"said", "bob", "hello"}, news{"said", "bob", "how are you?"}, news{"left", "bob", ""},
	)
	s, err := a.Session()
	if err == nil {
		err = s.Subscriptions("")[0].Sync(t.Context())
	}
	if err != nil {
		t.Error(err)
	}
	_ = keyboard.Close()
	if err := a.Wait(); err != nil {
		t.Fatal(err)
	}
	all.Expect(news{"left", "alice", ""})
	all.None()
	if want := "* alice joined\n* bob joined\nbob: hello\nbob: how are you?\n* bob left\n"; seen.String() != want {
		t.Errorf("%q", seen.String())
	}
	if _, err := (&chat{room: "two words"}).app(); err == nil {
		t.Error("no error for the room")
	}
}
