package wamp_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wampeter/wampeter/wamp"
)

// Arguments can be kept as bytes, and sent again.
func TestEncodedPayload(t *testing.T) {
	for _, as := range []wamp.Serializer{wamp.JSON, wamp.MessagePack, wamp.CBOR} {
		for _, p := range []wamp.Payload{
			wamp.NewPayload(),
			wamp.NewPayload(wamp.Args{int64(1), "x"}),
			wamp.NewPayload(wamp.KW{"a": int64(1)}),
			wamp.NewPayload(wamp.Args{"x"}, wamp.KW{"a": []any{true}}),
		} {
			args, kwargs, err := p.Encode(as)
			if err != nil {
				t.Fatal(err)
			}
			back, err := wamp.EncodedPayload(as, args, kwargs)
			if err != nil {
				t.Fatal(err)
			}
			// What has come in one serializer goes out in another one.
			args, kwargs, err = back.Encode(wamp.JSON)
			if err != nil {
				t.Fatal(err)
			}
			wantArgs, wantKwargs, err := p.Encode(wamp.JSON)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{string(wantArgs), string(wantKwargs)}, []string{string(args), string(kwargs)}); diff != "" {
				t.Errorf("%s: %s", as, diff)
			}
			if (args == nil) != (wantArgs == nil) || (kwargs == nil) != (wantKwargs == nil) {
				t.Errorf("%s: %q %q, want %q %q", as, args, kwargs, wantArgs, wantKwargs)
			}
		}
	}
	if _, _, err := wamp.NewPayload(wamp.Args{make(chan int)}).Encode(wamp.JSON); err == nil {
		t.Error("a channel has been encoded")
	}
	for _, bad := range []struct{ args, kwargs string }{{`[1`, ``}, {`{}`, ``}, {`[]`, `[]`}, {`[],{},[]`, ``}, {`[1],{"a":1}`, ``}, {`[] `, `{"a":}`}} {
		var kwargs []byte
		if bad.kwargs != "" {
			kwargs = []byte(bad.kwargs)
		}
		if p, err := wamp.EncodedPayload(wamp.JSON, []byte(bad.args), kwargs); err == nil {
			t.Errorf("%v is taken as %v", bad, p)
		}
	}
	if _, err := wamp.EncodedPayload("xml", nil, nil); err == nil {
		t.Error("no error for the serializer")
	}
	if _, _, err := wamp.NewPayload().Encode("xml"); err == nil {
		t.Error("no error for the serializer")
	}
}
