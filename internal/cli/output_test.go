package cli

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wampeter/wampeter/wamp"
)

func TestResult(t *testing.T) {
	payload := func(opts ...wamp.PayloadOption) wamp.Payload { return wamp.Return(opts...).Payload }
	for _, test := range []struct {
		name                string
		payload             wamp.Payload
		pretty, json, plain string
	}{
		{
			"nothing", payload(),
			"null\n", "null\n", "",
		}, {
			"null", payload(wamp.Args{nil}),
			"null\n", "null\n", "null\n",
		}, {
			"integer", payload(wamp.Args{uint64(1) << 63}),
			"9223372036854775808\n", "9223372036854775808\n", "9223372036854775808\n",
		}, {
			"text", payload(wamp.Args{"a <b>\n\"c\""}),
			"\"a <b>\\n\\\"c\\\"\"\n", "\"a <b>\\n\\\"c\\\"\"\n", "a <b>\n\"c\"\n",
		}, {
			"binary", payload(wamp.Args{[]byte("\xff\x00")}),
			"\"\\u0000/wA=\"\n", "\"\\u0000/wA=\"\n", "\xff\x00",
		}, {
			"list", payload(wamp.Args{[]any{1, "x"}}),
			"[\n  1,\n  \"x\"\n]\n", "[1,\"x\"]\n", "[1,\"x\"]\n",
		}, {
			"two values", payload(wamp.Args{1, 2}),
			"{\n  \"args\": [\n    1,\n    2\n  ]\n}\n", "{\"args\":[1,2]}\n", "{\"args\":[1,2]}\n",
		}, {
			"keywords", payload(wamp.KW{"b": 1, "a": "x"}),
			"{\n  \"kwargs\": {\n    \"a\": \"x\",\n    \"b\": 1\n  }\n}\n",
			"{\"kwargs\":{\"a\":\"x\",\"b\":1}}\n", "{\"kwargs\":{\"a\":\"x\",\"b\":1}}\n",
		}, {
			"both", payload(wamp.Args{"x"}, wamp.KW{"a": nil}),
			"{\n  \"args\": [\n    \"x\"\n  ],\n  \"kwargs\": {\n    \"a\": null\n  }\n}\n",
			"{\"args\":[\"x\"],\"kwargs\":{\"a\":null}}\n", "{\"args\":[\"x\"],\"kwargs\":{\"a\":null}}\n",
		},
	} {
		for f, want := range map[form]string{pretty: test.pretty, oneLine: test.json, raw: test.plain} {
			var b bytes.Buffer
			if err := (&printer{form: f, w: &b}).result(test.payload); err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
			if diff := cmp.Diff(want, b.String()); diff != "" {
				t.Errorf("%s in form %d (-want +got)\n%s", test.name, f, diff)
			}
		}
	}
}

func TestEvent(t *testing.T) {
	event := &wamp.EventInfo{
		Payload:     wamp.Return(wamp.Args{"good morning", 5}, wamp.KW{"to": []any{"x"}}).Payload,
		Publication: 1 << 52,
		Publisher:   7,
		Topic:       "com.example.hello",
	}
	for f, want := range map[form]string{
		pretty:  "com.example.hello \"good morning\" 5 to=[\"x\"]\n",
		oneLine: "{\"topic\":\"com.example.hello\",\"publication\":4503599627370496,\"publisher\":7,\"args\":[\"good morning\",5],\"kwargs\":{\"to\":[\"x\"]}}\n",
		raw:     "{\"args\":[\"good morning\",5],\"kwargs\":{\"to\":[\"x\"]}}\n",
	} {
		var b bytes.Buffer
		if err := (&printer{form: f, w: &b}).event(event); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, b.String()); diff != "" {
			t.Errorf("form %d (-want +got)\n%s", f, diff)
		}
	}
}

func TestColors(t *testing.T) {
	var b bytes.Buffer
	p := &printer{color: true, w: &b}
	if err := p.result(wamp.Return(wamp.Args{map[string]any{"a\"": []any{-1, "x\\", true}}}).Payload); err != nil {
		t.Fatal(err)
	}
	want := "{\n  \x1b[34m\"a\\\"\"\x1b[0m: [\n    \x1b[36m-1\x1b[0m,\n    \x1b[32m\"x\\\\\"\x1b[0m,\n    \x1b[35mtrue\x1b[0m\n  ]\n}\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestPrintError(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{errors.New("broken"), "wampeter: broken\n"},
		{wamp.Errorf("com.example.poor", "no money"), "wampeter: com.example.poor: no money\n"},
		{wamp.NewError("com.example.poor"), "wampeter: com.example.poor\n"},
		{
			wamp.NewError("com.example.poor", wamp.Args{"no money"}, wamp.KW{"missing": 5}),
			"wampeter: com.example.poor: no money\n{\"args\":[\"no money\"],\"kwargs\":{\"missing\":5}}\n",
		},
		{wamp.NewError("com.example.poor", wamp.Args{5}), "wampeter: com.example.poor\n{\"args\":[5]}\n"},
	} {
		var b bytes.Buffer
		printError(&b, test.err)
		if diff := cmp.Diff(test.want, b.String()); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
}
