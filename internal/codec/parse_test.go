package codec

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wampeter/wampeter/internal/msg"
)

// parse parses and, when that succeeds, checks the round trip.
func parse(t testing.TB, f msg.Format, data []byte) (*msg.Message, error) {
	t.Helper()
	m := &msg.Message{Request: 4711, Dict: []byte("left over")}
	err := Parse(f, data, m)
	if err == nil {
		checkRoundTrip(t, f, m)
		return m, nil
	}
	var v *msg.Violation
	if !errors.As(err, &v) || v.Reason() != msg.ErrProtocolViolation || v.Text == "" {
		t.Errorf("%v: %.80q: error %#v", f, data, err)
	}
	return nil, err
}

// wantError checks err against a part of its text, "" for no error.
func wantError(t testing.TB, what string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: %v", what, err)
	case want != "" && err == nil:
		t.Errorf("%s: no error, want %q", what, want)
	case want != "" && !strings.Contains(err.Error(), want):
		t.Errorf("%s: error %q, want %q", what, err, want)
	}
}

// TestParseShape is about what is wrong, or tolerated, in every format.
func TestParseShape(t *testing.T) {
	for _, c := range []struct{ message, want string }{
		// Not a message.
		{`{}`, "the message is no list"},
		{`"x"`, "the message is no list"},
		{`7`, "the message is no list"},
		{`[]`, "the message is an empty list"},
		{`["CALL"]`, "message type is no integer"},
		{`[-1]`, "message type is no integer"},
		{`[48.5, 1, {}, "p"]`, "message type is no integer"},
		{`[null]`, "message type is no integer"},
		{`[0]`, "unknown message type 0"},
		{`[7, 1]`, "unknown message type 7"},
		{`[9, {}]`, "unknown message type 9"},
		{`[37, 1]`, "unknown message type 37"},
		{`[71, 1, {}]`, "unknown message type 71"},
		{`[255]`, "unknown message type 255"},
		{`[65584, 1, {}, "p"]`, "unknown message type 65584"},
		{`[9007199254740993]`, "unknown message type 9007199254740993"},

		// The number of elements.
		{`[1]`, "HELLO has too few elements"},
		{`[1, "r"]`, "HELLO has too few elements"},
		{`[1, "r", {}, 1]`, "HELLO has too many elements"},
		{`[2, 1]`, "WELCOME has too few elements"},
		{`[3, {}]`, "ABORT has too few elements"},
		{`[3, {}, "u"]`, ""},
		{`[3, {}, "u", [1]]`, ""},
		{`[3, {}, "u", [1], {"a": 1}]`, ""},
		{`[3, {}, "u", [1], {"a": 1}, 1]`, "ABORT has too many elements"},
		{`[4, "ticket"]`, "CHALLENGE has too few elements"},
		{`[5, "secret", {}, []]`, "AUTHENTICATE has too many elements"},
		{`[6, {}, "u", []]`, "GOODBYE has too many elements"},
		{`[8, 48, 1, {}]`, "ERROR has too few elements"},
		{`[8, 48, 1, {}, "u", [], {}]`, ""},
		{`[8, 48, 1, {}, "u", [], {}, 0]`, "ERROR has too many elements"},
		{`[16, 1, {}]`, "PUBLISH has too few elements"},
		{`[16, 1, {}, "t", [], {}, []]`, "PUBLISH has too many elements"},
		{`[17, 1]`, "PUBLISHED has too few elements"},
		{`[17, 1, 2, 3]`, "PUBLISHED has too many elements"},
		{`[32, 1, {}]`, "SUBSCRIBE has too few elements"},
		{`[32, 1, {}, "t", []]`, "SUBSCRIBE has too many elements"},
		{`[33, 1, 2, 3]`, "SUBSCRIBED has too many elements"},
		{`[34, 1]`, "UNSUBSCRIBE has too few elements"},
		{`[34, 1, 2, {"forward_for": []}]`, ""},
		{`[34, 1, 2, {}, {}]`, "UNSUBSCRIBE has too many elements"},
		{`[34, 1, 2, 3]`, "UNSUBSCRIBE: options are no dictionary"},
		{`[35]`, "UNSUBSCRIBED has too few elements"},
		{`[35, 1]`, ""},
		{`[36, 1, 2]`, "EVENT has too few elements"},
		{`[36, 1, 2, {}, [], {}, 0]`, "EVENT has too many elements"},
		{`[48, 1, {}]`, "CALL has too few elements"},
		{`[48]`, "CALL has too few elements"},
		{`[48, 1, {}, "p", [], {}, {}]`, "CALL has too many elements"},
		{`[49, 1]`, "CANCEL has too few elements"},
		{`[49, 1, {}, 1]`, "CANCEL has too many elements"},
		{`[50, 1]`, "RESULT has too few elements"},
		{`[50, 1, {}, [], {}, 1]`, "RESULT has too many elements"},
		{`[64, 1, {}]`, "REGISTER has too few elements"},
		{`[65, 1]`, "REGISTERED has too few elements"},
		{`[66, 1, 2, {}]`, ""},
		{`[66, 1, 2, []]`, "UNREGISTER: options are no dictionary"},
		{`[67, 1]`, ""},
		{`[68, 1, 2]`, "INVOCATION has too few elements"},
		{`[69, 1]`, "INTERRUPT has too few elements"},
		{`[70, 1]`, "YIELD has too few elements"},
		{`[70, 1, {}, [], {}, 1]`, "YIELD has too many elements"},
		{`[337, 1]`, ""},
		{`[337]`, "EVENT_RECEIVED has too few elements"},
		{`[337, 1, 2]`, "EVENT_RECEIVED has too many elements"},

		// The types of elements.
		{`[1, null, {}]`, "HELLO: realm is no string"},
		{`[1, 1, {}]`, "HELLO: realm is no string"},
		{`[1, "r", []]`, "HELLO: details are no dictionary"},
		{`[1, "r", null]`, "HELLO: details are no dictionary"},
		{`[4, 1, {}]`, "CHALLENGE: authmethod is no string"},
		{`[4, "m", 1]`, "CHALLENGE: extra are no dictionary"},
		{`[5, ["s"], {}]`, "AUTHENTICATE: signature is no string"},
		{`[5, {"$bin": "ff"}, {}]`, ""}, // changed below: bytes that are no text
		{`[5, {"$bin": "7365"}, {}]`, ""},
		{`[6, "u", {}]`, "GOODBYE: details are no dictionary"},
		{`[6, {}, {}]`, "GOODBYE: reason is no string"},
		{`[8, 48, 1, {}, 5]`, "ERROR: error URI is no string"},
		{`[16, 1, {}, 5]`, "PUBLISH: topic is no string"},
		{`[16, 1, [], "t"]`, "PUBLISH: options are no dictionary"},
		{`[36, 1, 2, null]`, "EVENT: details are no dictionary"},
		{`[48, 1, {}, {"$bin": "00"}]`, ""}, // changed below: bytes are no string
		{`[48, 1, "x", "p"]`, "CALL: options are no dictionary"},

		// IDs.
		{`[48, 0, {}, "p"]`, "CALL: request 0 is not within 1 to 2^53"},
		{`[48, 9007199254740992, {}, "p"]`, ""},
		{`[48, 9007199254740993, {}, "p"]`, "CALL: request 9007199254740993 is not within 1 to 2^53"},
		{`[48, -1, {}, "p"]`, "CALL: request is no integer"},
		{`[48, 1.5, {}, "p"]`, "CALL: request is no integer"},
		{`[48, "1", {}, "p"]`, "CALL: request is no integer"},
		{`[48, true, {}, "p"]`, "CALL: request is no integer"},
		{`[48, null, {}, "p"]`, "CALL: request is no integer"},
		{`[48, [1], {}, "p"]`, "CALL: request is no integer"},
		{`[2, 0, {}]`, "WELCOME: session 0"},
		{`[17, 1, 0]`, "PUBLISHED: publication 0"},
		{`[33, 1, 0]`, "SUBSCRIBED: subscription 0"},
		{`[34, 1, "x"]`, "UNSUBSCRIBE: subscription is no integer"},
		{`[36, 0, 1, {}]`, "EVENT: subscription 0"},
		{`[36, 1, 0, {}]`, "EVENT: publication 0"},
		{`[65, 1, 0]`, "REGISTERED: registration 0"},
		{`[68, 1, 0, {}]`, "INVOCATION: registration 0"},
		{`[337, 0]`, "EVENT_RECEIVED: request 0"},

		// What an ERROR answers.
		{`[8, 49, 1, {}, "u"]`, ""},
		{`[8, 68, 1, {}, "u"]`, ""},
		{`[8, 69, 1, {}, "u"]`, ""},
		{`[8, 70, 1, {}, "u"]`, ""},
		{`[8, 1, 1, {}, "u"]`, "ERROR for no type of request"},
		{`[8, 8, 1, {}, "u"]`, "ERROR for no type of request"},
		{`[8, 0, 1, {}, "u"]`, "ERROR for no type of request"},
		{`[8, 65584, 1, {}, "u"]`, "ERROR for no type of request"},
		{`[8, "48", 1, {}, "u"]`, "ERROR for no type of request"},

		// Revocations.
		{`[35, 0, {"subscription": 5, "reason": "wamp.x"}]`, ""},
		{`[67, 0, {"registration": 5}]`, ""},
		{`[67, 0, {"registration": 5, "reason": null}]`, ""},
		{`[35, 0]`, "UNSUBSCRIBED: request 0"},
		{`[35, "x"]`, "UNSUBSCRIBED: request is no integer"},
		{`[35, -5]`, "UNSUBSCRIBED: request is no integer"},
		{`[35, 0, {}]`, "does not name what it revokes"},
		{`[67, 0, {"subscription": 5}]`, "does not name what it revokes"},
		{`[67, 0, {"registration": 0}]`, "registration is not an integer from 1 to 2^53"},
		{`[67, 0, 1]`, "UNREGISTERED: details are no dictionary"},
		{`[35, 7, {}]`, ""},
		{`[35, 0, {"subscription": 5}, 1]`, "UNSUBSCRIBED has too many elements"},

		// The payload.
		{`[48, 1, {}, "p", []]`, ""},
		{`[48, 1, {}, "p", [], {}]`, ""},
		{`[48, 1, {}, "p", null]`, ""},
		{`[48, 1, {}, "p", null, null]`, ""},
		{`[48, 1, {}, "p", [1], null]`, ""},
		{`[48, 1, {}, "p", null, {"a": 1}]`, ""},
		{`[48, 1, {}, "p", null, null, null]`, "CALL has too many elements"},
		{`[48, 1, {}, "p", {}]`, "CALL: args are no list"},
		{`[48, 1, {}, "p", "x"]`, "CALL: args are no list"},
		{`[48, 1, {}, "p", 5, {}]`, "CALL: args are no list"},
		{`[48, 1, {}, "p", [], []]`, "CALL: kwargs are no dictionary"},
		{`[48, 1, {}, "p", [], "x"]`, "CALL: kwargs are no dictionary"},
		{`[16, 1, {"enc_algo": "xbr"}, "t", "x"]`, ""},
		{`[16, 1, {"enc_algo": "xbr"}, "t", "x", null]`, ""},
		{`[16, 1, {"enc_algo": "xbr"}, "t", "x", {}]`, "PUBLISH: kwargs beside an encrypted payload"},
		{`[16, 1, {"enc_algo": "xbr"}, "t", [1], {"a": 1}]`, ""},
		{`[16, 1, {"enc_algo": "xbr"}, "t", 5]`, "PUBLISH: args are no list"},
		{`[3, {"enc_algo": "xbr"}, "u", "x"]`, "ABORT: args are no list"},
	} {
		for _, f := range formats {
			_, err := parse(t, f, encode(t, f, vectorValue(t, []byte(c.message))))
			want := c.want
			switch {
			case f == msg.JSON || !strings.Contains(c.message, "$bin"):
			case strings.HasPrefix(c.message, "[48"):
				want = "procedure is no string"
			case strings.Contains(c.message, "ff"):
				want = "signature is no string"
			}
			wantError(t, f.String()+": "+c.message, err, want)
		}
	}
}

// TestParsePayload checks which bytes the parts of a payload are.
func TestParsePayload(t *testing.T) {
	for _, c := range []struct{ message, args, kwargs, tail string }{
		{`[48,1,{},"p"]`, "", "", ""},
		{`[48,1,{},"p",null]`, "", "", ""},
		{`[48,1,{},"p",[] ]`, "[]", "", "[]"},
		{`[48,1,{},"p", [1, 2] ]`, "[1, 2]", "", "[1, 2]"},
		{`[48,1,{},"p",[1] , {"a" :1 } ]`, "[1]", `{"a" :1 }`, `[1] , {"a" :1 }`},
		{`[48,1,{},"p",[1], null]`, "[1]", "", "[1]"},
		{`[48,1,{},"p",null,{"a":1}]`, "[]", `{"a":1}`, `[],{"a":1}`},
		{`[70,1,{"enc_algo":"mqtt"}, "\u0000QQ==" ]`, `"\u0000QQ=="`, "", `"\u0000QQ=="`},
	} {
		m, err := parse(t, msg.JSON, []byte(c.message))
		if err != nil {
			t.Error(err)
			continue
		}
		p := m.Payload
		if string(p.Args) != c.args || string(p.Kwargs) != c.kwargs || string(p.Tail) != c.tail ||
			(p.Args == nil) != (c.args == "") || (p.Kwargs == nil) != (c.kwargs == "") ||
			(p.Format == msg.JSON) != (c.args != "") {
			t.Errorf("%s: %v %q %q %q", c.message, p.Format, p.Args, p.Kwargs, p.Tail)
		}
	}
}

// TestParseTruncated cuts each vector at each byte.
func TestParseTruncated(t *testing.T) {
	for _, v := range readVectors(t).Messages {
		for _, f := range formats {
			for _, e := range v.Encodings[f.String()] {
				data := fromHex(t, e.Hex)
				for n := range data {
					if _, err := parse(t, f, data[:n:n]); err == nil {
						t.Errorf("%s: %v: %x: the first %d bytes were taken for a message", v.ID, f, data, n)
					}
				}
				for _, more := range []byte{0, '1', ']', 0xc0, 0xff} {
					if _, err := parse(t, f, append(data[:len(data):len(data)], more)); err == nil {
						t.Errorf("%s: %v: %x followed by %#x was taken for a message", v.ID, f, data, more)
					}
				}
			}
		}
	}
}

// TestParseDepth nests lists in args, in kwargs, in options that nobody knows,
// and in place of anything else.
func TestParseDepth(t *testing.T) {
	nest := func(f msg.Format, n int) []byte {
		switch f {
		case msg.JSON:
			return []byte(strings.Repeat("[", n) + strings.Repeat("]", n))
		case msg.MessagePack:
			return []byte(strings.Repeat("\x91", n-1) + "\x90")
		}
		return []byte(strings.Repeat("\x81", n-1) + "\x80")
	}
	heads := map[msg.Format][3]string{ // up to the args, to a kwarg, to an option
		msg.JSON:        {`[48,1,{},"p",`, `[48,1,{},"p",[],{"k":`, `[48,1,{"k":`},
		msg.MessagePack: {"\x95\x30\x01\x80\xa1p", "\x96\x30\x01\x80\xa1p\x90\x81\xa1k", "\x94\x30\x01\x81\xa1k"},
		msg.CBOR:        {"\x85\x18\x30\x01\xa0\x61p", "\x86\x18\x30\x01\xa0\x61p\x80\xa1\x61k", "\x84\x18\x30\x01\xa1\x61k"},
	}
	tails := map[msg.Format][3]string{
		msg.JSON:        {`]`, `}]`, `},"p"]`},
		msg.MessagePack: {"", "", "\xa1p"},
		msg.CBOR:        {"", "", "\x61p"},
	}
	for _, f := range formats {
		for i, within := range []int{0, 1, 1} {
			for _, c := range []struct {
				depth int
				want  string
			}{
				{MaxDepth - within, ""},
				{MaxDepth - within + 1, "nested deeper than 128"},
				{100_000, "nested deeper than 128"},
				{10_000_000, "nested deeper than 128"},
			} {
				data := heads[f][i] + string(nest(f, c.depth)) + tails[f][i]
				_, err := parse(t, f, []byte(data))
				wantError(t, f.String(), err, c.want)
			}
		}
		if _, err := parse(t, f, nest(f, 100_000)); err == nil {
			t.Errorf("%v: nested lists are no message", f)
		}
	}
	// Tags, chunks and dictionaries nest as well.
	for _, deep := range []string{
		"\x85\x18\x30\x01\xa0\x61p\x81" + strings.Repeat("\xc1", 100_000) + "\x00",
		"\x85\x18\x30\x01\xa0\x61p\x81" + strings.Repeat("\x9f", 100_000),
		"\x85\x18\x30\x01\xa0\x61p\x81" + strings.Repeat("\xbf\x00", 100_000),
		"\x85\x18\x30\x01\xa0\x61p" + strings.Repeat("\xa1\x00", 100_000),
		"\x84\x18\x30\x01\xa1\x61k" + strings.Repeat("\xc1", 100_000),
		strings.Repeat("\xc1", 100_000),
	} {
		_, err := parse(t, msg.CBOR, []byte(deep))
		if err == nil {
			t.Errorf("%.20q: no error", deep)
		}
	}
	for _, deep := range []string{
		`[48,1,{},"p",[` + strings.Repeat(`{"a":`, 100_000),
		`[48,1,{"k":` + strings.Repeat(`{"a":[`, 100_000),
	} {
		_, err := parse(t, msg.JSON, []byte(deep))
		wantError(t, deep[:20], err, "nested deeper")
	}
}

// TestParseMemory holds the memory that a message takes to its size, whatever
// lengths it claims.
func TestParseMemory(t *testing.T) {
	for _, c := range []struct {
		f    msg.Format
		data string
		want string
	}{
		{msg.MessagePack, "\xdd\xff\xff\xff\xff\x10\x01", "ends within"},
		{msg.MessagePack, "\x94\x10\x01\x81\xa7exclude\xdd\xff\xff\xff\xff\x01", "ends within"},
		{msg.MessagePack, "\x94\x10\x01\x81\xdb\xff\xff\xff\xff", "ends within"},
		{msg.MessagePack, "\x94\x10\x01\xdf\xff\xff\xff\xff", "ends within"},
		{msg.CBOR, "\x9b\x00\x00\x00\x01\x00\x00\x00\x00\x10\x01", "ends within"},
		{msg.CBOR, "\x84\x10\x01\xa1\x67exclude\x9b\x00\x00\x00\x01\x00\x00\x00\x00\x01", "ends within"},
		{msg.CBOR, "\x84\x10\x01\xa1\x7f\x7b\x00\x00\x00\x01\x00\x00\x00\x00a", "ends within"},
		{msg.CBOR, "\x84\x10\x01\xbb\x00\x00\x00\x01\x00\x00\x00\x00a", "ends within"},
		{msg.CBOR, "\x84\x10\x01\xa1\x67exclude\x9f" + strings.Repeat("\x01", 1<<20) + "\xff\x61t", "more than 262144"},
		{msg.JSON, `[16,1,{"eligible_authid":[""` + strings.Repeat(`,""`, 1<<20) + `]},"t"]`, "more than 262144"},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var m msg.Message
		err := Parse(c.f, []byte(c.data), &m)
		runtime.ReadMemStats(&after)
		wantError(t, fmt.Sprintf("%v: %.30q", c.f, c.data), err, c.want)
		if took := after.TotalAlloc - before.TotalAlloc; took > 64<<10+uint64(20*len(c.data)) {
			t.Errorf("%v: %.30q: took %d bytes", c.f, c.data, took)
		}
	}
}

// TestParseURIs checks that what is a view stays one, and that the others own
// their memory.
func TestParseURIs(t *testing.T) {
	for _, c := range []struct {
		f    msg.Format
		data string
		want string
	}{
		{msg.JSON, `[48,1,{},"com.x"]`, "com.x"},
		{msg.JSON, `[48,1,{},""]`, ""},
		{msg.JSON, `[48,1,{},"\u0063om\/\"\\\b\f\n\r\t\u00e9\uD83D\uDE00x"]`, "com/\"\\\b\f\n\r\té😀x"},
		{msg.JSON, `[68,1,2,{"procedure":"com.\u0078"}]`, "com.x"},
		{msg.JSON, `[36,1,2,{"topic":"com.x"}]`, "com.x"},
		{msg.MessagePack, "\x94\x30\x01\x80\xd9\x05com.x", "com.x"},
		{msg.MessagePack, "\x94\x30\x01\x80\xda\x00\x05com.x", "com.x"},
		{msg.MessagePack, "\x94\x30\x01\x80\xdb\x00\x00\x00\x05com.x", "com.x"},
		{msg.CBOR, "\x84\x18\x30\x01\xa0\x78\x05com.x", "com.x"},
		{msg.CBOR, "\x84\x18\x30\x01\xa0\x7f\x63com\x60\x62.x\xff", "com.x"},
		{msg.CBOR, "\x84\x18\x30\x01\xa0\x7f\xff", ""},
	} {
		m, err := parse(t, c.f, []byte(c.data))
		if err != nil {
			t.Errorf("%q: %v", c.data, err)
		} else if string(m.URI) != c.want || m.URI == nil {
			t.Errorf("%q: URI %q", c.data, m.URI)
		}
	}
}

func TestAppendPayloadParts(t *testing.T) {
	for _, c := range []struct {
		p    msg.Payload
		want string
	}{
		{msg.Payload{}, `[70,5,{}]`},
		{msg.Payload{Format: msg.JSON, Args: []byte(`[1]`)}, `[70,5,{},[1]]`},
		{msg.Payload{Format: msg.JSON, Kwargs: []byte(`{"a":1}`)}, `[70,5,{},[],{"a":1}]`},
		{msg.Payload{Format: msg.JSON, Args: []byte(`[1]`), Kwargs: []byte(`{"a":1}`)}, `[70,5,{},[1],{"a":1}]`},
	} {
		m := msg.Message{Type: msg.Yield, Request: 5, Payload: c.p}
		if diff := cmp.Diff(c.want, string(Append(nil, msg.JSON, &m))); diff != "" {
			t.Error(diff)
		}
	}
}
