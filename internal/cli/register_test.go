package cli

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wampeter/wampeter/wamp"
)

func TestCommandHandler(t *testing.T) {
	for _, test := range []struct {
		name string
		argv string // words, the last being a script
		form commandForm
		in   []wamp.PayloadOption
		want string // the result's message form
		err  string // or the error's
	}{
		{name: "text in", argv: "cat", in: []wamp.PayloadOption{wamp.Args{"hello\n"}}, want: `{"args":["hello"]}`},
		{name: "filter", argv: "tr|a-z|A-Z", in: []wamp.PayloadOption{wamp.Args{"hello"}}, want: `{"args":["HELLO"]}`},
		{name: "number in", argv: "cat", in: []wamp.PayloadOption{wamp.Args{42}}, want: `{"args":[42]}`},
		{name: "message in", argv: "cat", in: []wamp.PayloadOption{wamp.Args{1}, wamp.KW{"a": 2}}, want: `{"args":[{"args":[1],"kwargs":{"a":2}}]}`},
		{name: "nothing in", argv: "sh|-c|wc -c | tr -d ' '", want: `{"args":[0]}`},
		{name: "binary through", argv: "cat", in: []wamp.PayloadOption{wamp.Args{[]byte{0xff, '\n'}}}, want: `{"args":["\u0000/wo="]}`},
		{name: "nothing out", argv: "true", want: `{}`},
		{name: "input not read", argv: "true", in: []wamp.PayloadOption{wamp.Args{strings.Repeat("x", 1<<20)}}, want: `{}`},
		{name: "JSON out", argv: "sh|-c|echo '[1, null]'", want: `{"args":[[1,null]]}`},
		{name: "lines out", argv: "sh|-c|echo a; echo b", want: `{"args":["a\nb"]}`},
		{
			name: "environment", argv: `sh|-c|echo "$WAMPETER_ARGS $WAMPETER_KWARGS $WAMPETER_PROCEDURE $WAMPETER_CALLER"`,
			in: []wamp.PayloadOption{wamp.Args{"a", 1}, wamp.KW{"k": nil}}, want: `{"args":["[\"a\",1] {\"k\":null} com.example.x 7"]}`,
		},
		{name: "failure", argv: "sh|-c|echo no luck >&2; exit 3", err: `wamp.error.runtime_error {"args":["no luck"],"kwargs":{"exit_code":3}}`},
		{name: "silent failure", argv: "sh|-c|exit 1", err: `wamp.error.runtime_error {"args":["exit status 1"],"kwargs":{"exit_code":1}}`},
		{name: "long error", argv: "sh|-c|yes | head -c 100000 >&2; exit 1", err: "wamp.error.runtime_error " + `{"args":["` + strings.Repeat(`y\n`, 2047) + `y"],"kwargs":{"exit_code":1}}`},
		{name: "too much", argv: "sh|-c|yes", err: `wamp.error.payload_size_exceeded {"args":["the command printed more than 16777216 bytes"]}`},
		{name: "JSON through", argv: "cat", form: commandJSON, in: []wamp.PayloadOption{wamp.Args{1, "x"}, wamp.KW{"a": 2}}, want: `{"args":[1,"x"],"kwargs":{"a":2}}`},
		{name: "not the form", argv: "sh|-c|echo 5", form: commandJSON, err: `wamp.error.runtime_error`},
	} {
		t.Run(test.name, func(t *testing.T) {
			h, err := newCommandHandler(strings.Split(test.argv, "|"), test.form)
			if strings.HasPrefix(test.argv, "sh|-c|") {
				h, err = newCommandHandler([]string{"sh", "-c", strings.TrimPrefix(test.argv, "sh|-c|")}, test.form)
			}
			if err != nil {
				t.Fatal(err)
			}
			r, err := h.Invoke(t.Context(), &wamp.Invocation{
				Payload: wamp.Return(test.in...).Payload, Procedure: "com.example.x", Caller: 7,
			})
			if test.err != "" {
				var e *wamp.Error
				if !errors.As(err, &e) {
					t.Fatalf("result %v and error %v, want the error %s", r, err, test.err)
				}
				got := string(e.URI) + " " + messageOf(t, wamp.Return(e.Args, e.Kwargs).Payload)
				if !strings.HasPrefix(got, test.err) {
					t.Errorf("error %s, want %s", got, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, messageOf(t, r.Payload)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func messageOf(t *testing.T, payload wamp.Payload) string {
	t.Helper()
	c, err := contentOf(payload)
	if err != nil {
		t.Fatal(err)
	}
	return string(c.message())
}

func TestCommandIsTerminated(t *testing.T) {
	h, err := newCommandHandler([]string{"sleep", "1000"}, commandValues)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = h.Invoke(ctx, &wamp.Invocation{})
	if !errors.Is(err, wamp.ErrCanceled) {
		t.Errorf("error %v, want %v", err, wamp.ErrCanceled)
	}
}
