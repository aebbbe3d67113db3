package codec

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"
	"github.com/tinylib/msgp/msgp"

	"github.com/wampeter/wampeter/internal/msg"
)

// The fuzz targets read their input as a message and as a single value. What
// is parsed as a message must be built and parsed again to the same; whether a
// value is valid must be what another library makes of it, apart from what
// these let pass.

// fuzzSeeds adds the vectors and values of many kinds.
func fuzzSeeds(f *testing.F, format msg.Format) {
	for _, v := range readVectors(f).Messages {
		for _, e := range v.Encodings[format.String()] {
			f.Add(fromHex(f, e.Hex))
		}
	}
	for _, v := range []string{
		`[16,1,{"exclude":[1,2],"eligible_authid":["a"],"rkey":-7,"acknowledge":true,"ppt_scheme":"x_y"},"t",[1.5,null],{"a":[{}]}]`,
		`[48,1,{"timeout":70000,"runmode":"partition","rkey":"k","forward_for":[{"session":1}],"unknown":{"a":[]}},"p",null,{"a":"\u0001\ud83d\ude00"}]`,
		`[68,1,2,{"caller":5,"caller_authid":"\n","procedure":"p","trustlevel":1},["",-5,70000,5000000000]]`,
		`[64,9007199254740992,{"match":"wildcard","invoke":"x","concurrency":5000000000},"a..b"]`,
		`[35,0,{"subscription":5,"reason":"wamp.x"}]`,
		`[36,1,2,{"enc_algo":"mqtt","topic":"t"},"text"]`,
	} {
		f.Add(encode(f, format, vectorValue(f, []byte(v))))
	}
}

// fuzzMessage checks data as a message.
func fuzzMessage(t *testing.T, f msg.Format, data []byte) {
	var m msg.Message
	err := Parse(f, data, &m)
	checkParser(t, new(Parser), f, data)
	if err == nil {
		checkRoundTrip(t, f, &m)
		if end, err := skip(f, data, 0, MaxDepth+1); err != nil || jsonSpace(data, end) != len(data) && f == msg.JSON || end != len(data) && f != msg.JSON {
			t.Errorf("the message is no valid value: %d, %v", end, err)
		}
		return
	}
	var v *msg.Violation
	if !errors.As(err, &v) {
		t.Errorf("error %#v", err)
	}
}

// ours reports whether an error is about what only we check.
func ours(err error) bool {
	for _, s := range []string{"nested deeper", "UTF-8"} {
		if err != nil && strings.Contains(err.Error(), s) {
			return true
		}
	}
	return false
}

func FuzzParseJSON(f *testing.F) {
	fuzzSeeds(f, msg.JSON)
	for _, v := range jsonValues {
		f.Add([]byte(v.value))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzMessage(t, msg.JSON, data)
		end, err := skipJSON(data, 0, MaxDepth)
		valid := err == nil && jsonSpace(data, end) == len(data)
		want := json.Valid(data) && utf8.Valid(data) && surrogatesPaired(data)
		if valid != want && !ours(err) {
			t.Errorf("valid: %v, want %v (%v)", valid, want, err)
		}
		if valid && data[jsonSpace(data, 0)] == '"' {
			var want string
			if err := json.Unmarshal(data, &want); err != nil {
				t.Fatal(err)
			}
			r := reader{f: msg.JSON, data: data}
			var v value
			if r.value(&v); string(v.text) != want {
				t.Errorf("%q instead of %q", v.text, want)
			}
			if again := appendJSONString(nil, v.text); !json.Valid(again) {
				t.Errorf("written as %s", again)
			}
		}
	})
}

// surrogatesPaired reports whether escaped surrogates in valid JSON come in
// pairs.
func surrogatesPaired(data []byte) bool {
	for i := 0; i < len(data); i++ {
		if data[i] != '\\' {
			continue
		}
		r := jsonHex(data[i:])
		if !utf16.IsSurrogate(r) {
			i++
			continue
		}
		if utf16.DecodeRune(r, jsonHex(data[i+6:])) == utf8.RuneError {
			return false
		}
		i += 11
	}
	return true
}

func FuzzParseMessagePack(f *testing.F) {
	fuzzSeeds(f, msg.MessagePack)
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzMessage(t, msg.MessagePack, data)
		end, err := skipMsgpack(data, 0, MaxDepth)
		rest, wantErr := msgp.Skip(data)
		switch {
		case ours(err):
		case (err == nil) != (wantErr == nil):
			t.Errorf("error %v, want %v", err, wantErr)
		case err == nil && end != len(data)-len(rest):
			t.Errorf("ends at %d instead of %d", end, len(data)-len(rest))
		}
	})
}

func FuzzParseCBOR(f *testing.F) {
	fuzzSeeds(f, msg.CBOR)
	mode, err := cbor.DecOptions{
		MaxArrayElements: math.MaxInt32, MaxMapPairs: math.MaxInt32, MaxNestedLevels: 65535,
	}.DecMode()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzMessage(t, msg.CBOR, data)
		end, err := skipCBOR(data, 0, MaxDepth)
		wantErr := mode.Wellformed(data)
		valid := err == nil && end == len(data)
		if valid != (wantErr == nil) && !ours(err) {
			t.Errorf("valid: %v (%v), want %v", valid, err, wantErr)
		}
	})
}
