package cli

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamp/meta"
)

// What is gone is left out, the rest stays in order; any other error is one.
func TestAskEach(t *testing.T) {
	var ids, want []uint64
	for id := range uint64(100) {
		ids = append(ids, id)
		if id%3 != 0 {
			want = append(want, id)
		}
	}
	get := func(_ context.Context, id uint64) (uint64, error) {
		if id%3 == 0 {
			return 0, wamp.NewError(wamp.ErrNoSuchSession)
		}
		return id, nil
	}
	got, err := askEach(t.Context(), ids, wamp.ErrNoSuchSession, get)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	if got, err := askEach(t.Context(), nil, wamp.ErrNoSuchSession, get); len(got) != 0 || err != nil {
		t.Errorf("of none: %v, %v", got, err)
	}
	if _, err := askEach(t.Context(), ids, wamp.ErrNoSuchRegistration, get); !errors.Is(err, wamp.ErrNoSuchSession) {
		t.Errorf("another error: %v", err)
	}
}

// Names are others' choice, and must not speak to the terminal.
func TestTable(t *testing.T) {
	var b bytes.Buffer
	out := &printer{w: &b}
	err := printSessions(out, []meta.Session{
		{ID: 1, AuthID: "joe", AuthRole: "user", AuthMethod: "ticket", AuthProvider: "static"},
		{ID: 1 << 53, AuthID: "\x1b[2J", AuthRole: "a b"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "" +
		"SESSION           AUTHID     AUTHROLE  AUTHMETHOD  AUTHPROVIDER\n" +
		"1                 joe        user      ticket      static\n" +
		"9007199254740992  \"\\x1b[2J\"  \"a b\"     \"\"          \"\"\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestKindPrint(t *testing.T) {
	at := time.Date(2026, 11, 21, 12, 0, 0, 5e6, time.UTC)
	list := []kindEntry{
		{meta.Registration{ID: 3, URI: "com.b", Invoke: "single", Created: at}, []uint64{7}},
		{meta.Registration{ID: 2, URI: "com.a", Match: wamp.Wildcard, Invoke: "roundrobin", Created: at}, []uint64{7, 8}},
		{meta.Registration{ID: 1, URI: "com.a", Match: wamp.Prefix, Invoke: "single", Created: at}, nil},
	}
	for _, test := range []struct {
		kind *kind
		form form
		want string
	}{
		{registrations, pretty, "" +
			"ID  PROCEDURE  MATCH     INVOKE      CALLEES  CREATED\n" +
			"1   com.a      prefix    single      0        2026-11-21T12:00:00Z\n" +
			"2   com.a      wildcard  roundrobin  2        2026-11-21T12:00:00Z\n" +
			"3   com.b      exact     single      1        2026-11-21T12:00:00Z\n"},
		{subscriptions, pretty, "" +
			"ID  TOPIC  MATCH     SUBSCRIBERS  CREATED\n" +
			"1   com.a  prefix    0            2026-11-21T12:00:00Z\n" +
			"2   com.a  wildcard  2            2026-11-21T12:00:00Z\n" +
			"3   com.b  exact     1            2026-11-21T12:00:00Z\n"},
		{registrations, oneLine, "" +
			`{"id":1,"uri":"com.a","match":"prefix","invoke":"single","created":"2026-11-21T12:00:00.005Z","callees":[]}` + "\n" +
			`{"id":2,"uri":"com.a","match":"wildcard","invoke":"roundrobin","created":"2026-11-21T12:00:00.005Z","callees":[7,8]}` + "\n" +
			`{"id":3,"uri":"com.b","match":"exact","invoke":"single","created":"2026-11-21T12:00:00.005Z","callees":[7]}` + "\n"},
	} {
		var b bytes.Buffer
		if err := test.kind.print(&printer{form: test.form, w: &b}, list); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(test.want, b.String()); diff != "" {
			t.Errorf("%ss in form %d (-want +got)\n%s", test.kind.name, test.form, diff)
		}
	}
}

func TestReply(t *testing.T) {
	payload := wamp.Return(wamp.Args{"x y"}, wamp.KW{"k": 1}).Payload
	for f, want := range map[form]string{
		pretty:  "7 \"x y\" k=1\n",
		oneLine: "{\"callee\":7,\"args\":[\"x y\"],\"kwargs\":{\"k\":1}}\n",
		raw:     "{\"args\":[\"x y\"],\"kwargs\":{\"k\":1}}\n",
	} {
		var b bytes.Buffer
		if err := (&printer{form: f, w: &b}).reply(7, payload); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, b.String()); diff != "" {
			t.Errorf("form %d (-want +got)\n%s", f, diff)
		}
	}
}
