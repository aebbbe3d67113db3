package codec

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wampeter/wampeter/internal/msg"
)

// checkParser has a Parser read data again and again, after options of its own,
// and checks that it always reads what Parse does.
func checkParser(t *testing.T, p *Parser, f msg.Format, data []byte) {
	t.Helper()
	var want msg.Message
	wantErr := Parse(f, data, &want)
	for range 3 {
		got := msg.Message{Request: 4711, Dict: []byte("left over")}
		err := p.Parse(f, data, &got)
		switch {
		case (err == nil) != (wantErr == nil), err != nil && err.Error() != wantErr.Error():
			t.Errorf("%v: %q: error %v, want %v", f, data, err, wantErr)
		case err == nil && !reflect.DeepEqual(got, want):
			t.Errorf("%v: %q: %s", f, data, cmp.Diff(want, got))
		}
	}
}

// What a Parser remembers of one message says nothing wrong of the next one: of
// another type, with options that begin alike, in another format, or broken.
func TestParser(t *testing.T) {
	progress := msg.Options{Set: msg.Progress, True: msg.Progress}
	both := msg.Options{Set: msg.Progress | msg.ReceiveProgress, True: msg.Progress | msg.ReceiveProgress}
	timed := msg.Options{Set: msg.Progress | msg.KeyTimeout, True: msg.Progress, Timeout: 5000}
	messages := append([]msg.Message{
		{Type: msg.Call, Request: 1, URI: []byte("com.a"), Options: progress},
		{Type: msg.Call, Request: 1, URI: []byte("com.a"), Options: both},
		{Type: msg.Call, Request: 1, URI: []byte("com.a"), Options: timed},
		{Type: msg.Call, Request: 1, URI: []byte("com.a"), Options: msg.Options{Set: msg.KeyRKey, X: &msg.Extra{RKey: msg.ShardKey{Str: "k"}}}},
		{Type: msg.Yield, Request: 1, Options: progress},
		{Type: msg.Result, Request: 1, Options: progress},
		{Type: msg.Event, ID: 1, Publication: 2, URI: []byte("com.b"), Options: msg.Options{Set: msg.KeySession, Session: 9}},
		{Type: msg.Event, ID: 1, Publication: 2, URI: []byte("com.c"), Options: msg.Options{Set: msg.KeySession, Session: 9}},
		{Type: msg.Event, ID: 1, Publication: 2, Options: msg.Options{Set: msg.KeySession, Session: 9}},
		{Type: msg.Unsubscribed, ID: 5, Options: msg.Options{Set: msg.KeyReason, X: &msg.Extra{Reason: "com.d"}}},
	}, benchMessages...)
	var data [][]byte
	var format []msg.Format
	for _, f := range formats {
		for _, m := range messages {
			if hasPayload(m.Type) {
				m.Payload = benchPayload(t, f, 16)
			}
			b := Append(nil, f, &m)
			data, format = append(data, b, b[:len(b)/2], append(b[:len(b):len(b)], 0)), append(format, f, f, f)
		}
	}
	var p Parser
	for i := range data {
		for j := range data {
			checkParser(t, &p, format[i], data[i])
			checkParser(t, &p, format[j], data[j])
		}
	}
}
