package codec

import (
	"encoding/hex"
	"testing"

	"github.com/wampeter/wampeter/internal/msg"
)

// TestParserStream has a Parser read progressive results that begin as the one
// before did and go on in another way.
func TestParserStream(t *testing.T) {
	hexed := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for f, streams := range map[msg.Format][][]byte{
		msg.JSON: {
			[]byte(`[70,1,{"progress":true},["a"]]`),
			[]byte(`[70,1,{"progress":true},["a"],{"k":1}]`),
			[]byte(`[70,1,{"progress":true}]`),
			[]byte(`[70,1,{"progress":true}`),
			[]byte(`[70,1,{"progress":true},`),
			[]byte(`[70,1,{"progress":true},]`),
			[]byte(`[70,1,{"progress":true} , [ 1 ] ] `),
			[]byte(`[70,1,{"progress":true},null,{"k":1}]`),
			[]byte(`[70,1,{"progress":true},["a"],{},3]`),
			[]byte(`[70,1,{"progress":true},["a"]]]`),
			[]byte(`[70,1,{"progress":true}["a"]]`),
			[]byte(`[70,12,{"progress":true},["a"]]`),
			[]byte(`[70,1,{"progress":true,"x":[]},["a"]]`),
			[]byte(`[70,1,{"progress":false},["a"]]`),
			[]byte(`[50,1,{"progress":true},["a"]]`),
			[]byte(` [70, 1, {"progress": true}, ["a"]]`),
		},
		msg.CBOR: {
			hexed("84184601a16870726f6772657373f5816161"),
			hexed("85184601a16870726f6772657373f5816161a0"),
			hexed("83184601a16870726f6772657373f5"),
			hexed("84184601a16870726f6772657373f5"),
			hexed("84184601a16870726f6772657373f5a0"),
			hexed("9f184601a16870726f6772657373f5816161ff"),
			hexed("9f184601a16870726f6772657373f5ff"),
			hexed("9f184601a16870726f6772657373f5816161a0ff"),
			hexed("9f184601bf6870726f6772657373f5ff816161ff"),
		},
		msg.MessagePack: {
			hexed("944601" + "81a870726f6772657373c3" + "91a161"),
			hexed("954601" + "81a870726f6772657373c3" + "91a16180"),
			hexed("934601" + "81a870726f6772657373c3"),
			hexed("944601" + "81a870726f6772657373c3"),
			hexed("944601" + "81a870726f6772657373c3" + "80"),
			hexed("dc00044601" + "81a870726f6772657373c3" + "91a161"),
		},
	} {
		for i := range streams {
			for j := range streams {
				var p Parser
				checkParser(t, &p, f, streams[i])
				checkParser(t, &p, f, streams[j])
				checkParser(t, &p, f, streams[i])
			}
		}
	}
}

// TestBuilder has a Builder build what Append does, in whatever order.
func TestBuilder(t *testing.T) {
	progress := msg.Options{Set: msg.Progress, True: msg.Progress}
	for _, f := range formats {
		args, both := benchPayload(t, f, 16), benchPayload(t, f, 16)
		both.Kwargs = appendValue(nil, f, msg.JSON, []byte(`{"k":1}`))
		both.Tail = nil
		messages := []msg.Message{
			{Type: msg.Result, Request: 1, Options: progress, Payload: args},
			{Type: msg.Result, Request: 1, Options: progress, Payload: both},
			{Type: msg.Result, Request: 1, Options: progress},
			{Type: msg.Result, Request: 1, Payload: args},
			{Type: msg.Result, Request: msg.MaxID, Options: progress, Payload: args},
			{Type: msg.Result, Request: 1, Options: msg.Options{Set: msg.Progress}, Payload: args},
			{Type: msg.Result, Request: 1, Options: msg.Options{Set: msg.Progress | msg.KeySession, True: msg.Progress, Session: 7}, Payload: args},
			{Type: msg.Result, Request: 1, Options: progress, Dict: appendValue(nil, f, msg.JSON, []byte(`{"x":1}`)), Payload: args},
			{Type: msg.Invocation, Request: 1, ID: 2, Options: progress, Payload: args},
		}
		var b Builder
		for i := range messages {
			for j := range messages {
				for _, m := range []*msg.Message{&messages[i], &messages[j], &messages[i]} {
					got, want := b.Append([]byte("x"), f, m), Append([]byte("x"), f, m)
					if string(got) != string(want) {
						t.Errorf("%v: after another message: %q, want %q", f, got, want)
					}
				}
			}
		}
	}
}
