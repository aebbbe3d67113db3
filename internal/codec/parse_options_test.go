package codec

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wampeter/wampeter/internal/msg"
)

// optionHeads are messages up to their options, and what follows those.
var optionHeads = map[msg.Type][2]string{
	msg.Error:        {`[8,48,1,`, `,"u"]`},
	msg.Publish:      {`[16,1,`, `,"t"]`},
	msg.Subscribe:    {`[32,1,`, `,"t"]`},
	msg.Unsubscribed: {`[35,0,`, `]`},
	msg.Event:        {`[36,1,2,`, `]`},
	msg.Call:         {`[48,1,`, `,"p"]`},
	msg.Cancel:       {`[49,1,`, `]`},
	msg.Result:       {`[50,1,`, `]`},
	msg.Register:     {`[64,1,`, `,"p"]`},
	msg.Unregistered: {`[67,0,`, `]`},
	msg.Invocation:   {`[68,1,2,`, `]`},
	msg.Interrupt:    {`[69,1,`, `]`},
	msg.Yield:        {`[70,1,`, `]`},
}

func withOptions(t testing.TB, f msg.Format, typ msg.Type, options string) []byte {
	t.Helper()
	head := optionHeads[typ]
	return encode(t, f, vectorValue(t, []byte(head[0]+options+head[1])))
}

func TestParseOptions(t *testing.T) {
	yes := func(k msg.Key) msg.Options { return msg.Options{Set: k, True: k} }
	extra := func(k msg.Key, x msg.Extra) msg.Options { return msg.Options{Set: k, X: &x} }
	for _, c := range []struct {
		typ     msg.Type
		options string
		want    msg.Options
	}{
		{msg.Call, `{}`, msg.Options{}},
		{msg.Publish, `{"acknowledge": true}`, yes(msg.Acknowledge)},
		{msg.Publish, `{"acknowledge": false}`, msg.Options{Set: msg.Acknowledge}},
		{msg.Publish, `{"acknowledge": null}`, msg.Options{}},
		{msg.Publish, `{"exclude_me": true}`, yes(msg.ExcludeMe)},
		{msg.Publish, `{"disclose_me": true}`, yes(msg.DiscloseMe)},
		{msg.Publish, `{"retain": true}`, yes(msg.Retain)},
		{msg.Publish, `{"_retain_clear": true}`, yes(msg.RetainClear)},
		{msg.Subscribe, `{"get_retained": true}`, yes(msg.GetRetained)},
		{msg.Event, `{"retained": true}`, yes(msg.Retained)},
		{msg.Event, `{"x_acknowledged_delivery": true}`, yes(msg.AckDelivery)},
		{msg.Call, `{"receive_progress": true, "disclose_me": true, "progress": false}`,
			msg.Options{Set: msg.ReceiveProgress | msg.DiscloseMe | msg.Progress, True: msg.ReceiveProgress | msg.DiscloseMe}},
		{msg.Invocation, `{"receive_progress": true, "progress": true}`, yes(msg.ReceiveProgress | msg.Progress)},
		{msg.Yield, `{"progress": true}`, yes(msg.Progress)},
		{msg.Result, `{"progress": true}`, yes(msg.Progress)},
		{msg.Register, `{"disclose_caller": true, "forward_timeout": true, "force_reregister": true}`,
			yes(msg.DiscloseCaller | msg.ForwardTimeout | msg.ForceReregister)},

		{msg.Subscribe, `{"match": "exact"}`, msg.Options{Set: msg.KeyMatch}},
		{msg.Subscribe, `{"match": "prefix"}`, msg.Options{Set: msg.KeyMatch, Match: msg.Prefix}},
		{msg.Register, `{"match": "wildcard"}`, msg.Options{Set: msg.KeyMatch, Match: msg.Wildcard}},
		{msg.Register, `{"invoke": "roundrobin"}`, msg.Options{Set: msg.KeyInvoke, Invoke: msg.RoundRobin}},
		{msg.Register, `{"invoke": "partition"}`, msg.Options{Set: msg.KeyInvoke, Invoke: msg.Partition}},
		{msg.Register, `{"invoke": "x_load"}`, msg.Options{Set: msg.KeyInvoke, Invoke: msg.InvokeUnknown}},
		{msg.Register, `{"concurrency": 5}`, msg.Options{Set: msg.KeyConcurrency, Concurrency: 5}},
		{msg.Register, `{"concurrency": 5000000000}`, msg.Options{Set: msg.KeyConcurrency, Concurrency: math.MaxUint32}},
		{msg.Cancel, `{"mode": "skip"}`, msg.Options{Set: msg.KeyMode, Mode: msg.Skip}},
		{msg.Cancel, `{"mode": "softly"}`, msg.Options{Set: msg.KeyMode, Mode: msg.ModeUnknown}},
		{msg.Cancel, `{"mode": ""}`, msg.Options{Set: msg.KeyMode, Mode: msg.ModeUnknown}},
		{msg.Interrupt, `{"mode": "killnowait"}`, msg.Options{Set: msg.KeyMode, Mode: msg.KillNoWait}},
		{msg.Call, `{"runmode": "all"}`, msg.Options{Set: msg.KeyRunMode, RunMode: msg.RunAll}},
		{msg.Call, `{"runmode": "some"}`, msg.Options{Set: msg.KeyRunMode, RunMode: msg.RunUnknown}},
		{msg.Call, `{"timeout": 0}`, msg.Options{Set: msg.KeyTimeout}},
		{msg.Call, `{"timeout": 5000}`, msg.Options{Set: msg.KeyTimeout, Timeout: 5000}},
		{msg.Invocation, `{"trustlevel": 3, "caller": 9007199254740992}`,
			msg.Options{Set: msg.KeyTrustLevel | msg.KeySession, TrustLevel: 3, Session: 1 << 53}},

		{msg.Event, `{"publisher": 7, "publisher_authid": "joe", "publisher_authrole": "user"}`,
			msg.Options{Set: msg.KeySession | msg.KeyAuthID | msg.KeyAuthRole, Session: 7,
				X: &msg.Extra{AuthID: "joe", AuthRole: "user"}}},
		{msg.Invocation, `{"caller_authid": "joe"}`, extra(msg.KeyAuthID, msg.Extra{AuthID: "joe"})},
		{msg.Result, `{"callee": 7, "callee_authrole": "user"}`,
			msg.Options{Set: msg.KeySession | msg.KeyAuthRole, Session: 7, X: &msg.Extra{AuthRole: "user"}}},
		{msg.Publish, `{"exclude": [1, 2], "eligible": []}`,
			extra(msg.KeyExclude|msg.KeyEligible, msg.Extra{Exclude: []uint64{1, 2}, Eligible: []uint64{}})},
		{msg.Publish, `{"exclude_authid": ["a", "b"], "exclude_authrole": [], "eligible_authid": ["c"], "eligible_authrole": ["d"]}`,
			extra(msg.KeyExcludeAuthID|msg.KeyExcludeAuthRole|msg.KeyEligibleAuthID|msg.KeyEligibleAuthRole, msg.Extra{
				ExcludeAuthID: []string{"a", "b"}, ExcludeAuthRole: []string{},
				EligibleAuthID: []string{"c"}, EligibleAuthRole: []string{"d"}})},
		{msg.Call, `{"rkey": "k\"ey"}`, extra(msg.KeyRKey, msg.Extra{RKey: msg.ShardKey{Str: `k"ey`}})},
		{msg.Publish, `{"rkey": -5}`, extra(msg.KeyRKey, msg.Extra{RKey: msg.ShardKey{IsInt: true, Int: -5}})},
		{msg.Subscribe, `{"nkey": 9223372036854775807}`,
			extra(msg.KeyNKey, msg.Extra{NKey: msg.ShardKey{IsInt: true, Int: math.MaxInt64}})},
		{msg.Register, `{"nkey": -9223372036854775808}`,
			extra(msg.KeyNKey, msg.Extra{NKey: msg.ShardKey{IsInt: true, Int: math.MinInt64}})},
		{msg.Error, `{"ppt_scheme": "wamp", "ppt_serializer": "cbor", "ppt_cipher": "aes256gcm", "ppt_keyid": "0x5"}`,
			extra(msg.KeyPPTScheme|msg.KeyPPTSerializer|msg.KeyPPTCipher|msg.KeyPPTKeyID, msg.Extra{
				PPTScheme: "wamp", PPTSerializer: "cbor", PPTCipher: "aes256gcm", PPTKeyID: "0x5"})},
		{msg.Yield, `{"enc_algo": "cryptobox", "enc_key": "k", "enc_serializer": "json"}`,
			extra(msg.KeyEncAlgo|msg.KeyEncKey|msg.KeyEncSerializer, msg.Extra{
				EncAlgo: "cryptobox", EncKey: "k", EncSerializer: "json"})},
		{msg.Interrupt, `{"reason": "wamp.error.timeout"}`, extra(msg.KeyReason, msg.Extra{Reason: "wamp.error.timeout"})},
		{msg.Call, `{"transaction_hash": "x"}`, extra(msg.KeyTransactionHash, msg.Extra{TransactionHash: "x"})},
		{msg.Unsubscribed, `{"subscription": 5, "reason": "r"}`,
			extra(msg.KeySubject|msg.KeyReason, msg.Extra{Reason: "r"})},
		{msg.Unregistered, `{"registration": 5}`, msg.Options{Set: msg.KeySubject}},

		// Unknown keys, and known words where they mean nothing.
		{msg.Call, `{"x_whatever": {"a": [1, {"b": null}]}, "_mine": "x", "timeout": 1, "": 0}`,
			msg.Options{Set: msg.KeyTimeout, Timeout: 1}},
		{msg.Call, `{"acknowledge": 1, "match": "foo", "caller": "x", "publisher": [], "procedure": 5, "mode": 5}`, msg.Options{}},
		{msg.Event, `{"caller": "x", "callee_authid": 5, "progress": 5, "subscription": "x", "procedure": 1}`, msg.Options{}},
		{msg.Invocation, `{"topic": 5, "publisher_authrole": 5, "registration": "x", "disclose_me": 5}`, msg.Options{}},
		{msg.Cancel, `{"enc_algo": "rot13", "exclude": "x"}`, msg.Options{}},
		{msg.Yield, `{"forward_for": [], "timeout": "x"}`, msg.Options{}},
		{msg.Call, `{"forward_for": [{}, {"session": 1, "authid": null}]}`, msg.Options{}},
	} {
		for _, f := range formats {
			m, err := parse(t, f, withOptions(t, f, c.typ, c.options))
			if err != nil {
				t.Errorf("%v: %v %s: %v", f, c.typ, c.options, err)
				continue
			}
			if diff := cmp.Diff(c.want, m.Options); diff != "" {
				t.Errorf("%v: %v %s: %s", f, c.typ, c.options, diff)
			}
		}
	}
}

// wrongValues are, for each key, values of the wrong type, in a message that
// knows the key.
var wrongValues = []struct {
	typ    msg.Type
	keys   []string
	values []string
}{
	{msg.Publish, []string{"acknowledge", "exclude_me", "disclose_me", "retain", "_retain_clear"}, []string{`1`, `0`, `"true"`, `[]`, `{}`, `1.5`}},
	{msg.Call, []string{"receive_progress", "progress", "disclose_me"}, []string{`1`, `"hello"`}},
	{msg.Register, []string{"disclose_caller", "forward_timeout", "force_reregister"}, []string{`1`, `"hello"`}},
	{msg.Subscribe, []string{"get_retained"}, []string{`1`}},
	{msg.Event, []string{"retained", "x_acknowledged_delivery"}, []string{`1`}},
	{msg.Subscribe, []string{"match"}, []string{`"foo"`, `1`, `true`, `""`, `"Exact"`}},
	{msg.Register, []string{"match"}, []string{`"foo"`}},
	{msg.Register, []string{"invoke"}, []string{`1`, `[]`, `true`}},
	{msg.Register, []string{"concurrency"}, []string{`-1`, `1.5`, `"1"`, `true`, `[1]`}},
	{msg.Cancel, []string{"mode"}, []string{`1`, `{}`, `false`}},
	{msg.Interrupt, []string{"mode", "reason"}, []string{`1`}},
	{msg.Call, []string{"runmode"}, []string{`1`}},
	{msg.Call, []string{"timeout"}, []string{`-1`, `1.5`, `"1"`, `true`, `{}`}},
	{msg.Invocation, []string{"timeout", "trustlevel"}, []string{`-1`, `1.5`, `"1"`}},
	{msg.Invocation, []string{"caller"}, []string{`0`, `-1`, `"x"`, `9007199254740993`, `1.5`, `[1]`}},
	{msg.Event, []string{"publisher"}, []string{`"hello"`}},
	{msg.Result, []string{"callee"}, []string{`"hello"`}},
	{msg.Invocation, []string{"caller_authid", "caller_authrole", "procedure"}, []string{`1`, `["x"]`}},
	{msg.Event, []string{"publisher_authid", "publisher_authrole", "topic"}, []string{`1`}},
	{msg.Result, []string{"callee_authid", "callee_authrole"}, []string{`1`}},
	{msg.Publish, []string{"exclude", "eligible"}, []string{`"hello"`, `["hello"]`, `[1, 0]`, `[-1]`, `[1.5]`, `[null]`, `[[1]]`, `{}`, `1`}},
	{msg.Publish, []string{"exclude_authid", "exclude_authrole", "eligible_authid", "eligible_authrole"}, []string{`"hello"`, `[1]`, `["a", null]`, `[["a"]]`, `{}`}},
	{msg.Publish, []string{"rkey"}, []string{`1.5`, `true`, `[]`, `9223372036854775808`}},
	{msg.Call, []string{"rkey"}, []string{`{}`}},
	{msg.Subscribe, []string{"nkey"}, []string{`1.5`}},
	{msg.Yield, []string{"ppt_scheme", "ppt_serializer", "ppt_cipher", "ppt_keyid", "enc_key", "enc_serializer"}, []string{`1`, `[]`}},
	{msg.Error, []string{"enc_algo"}, []string{`"invalid"`, `""`, `1`}},
	{msg.Publish, []string{"transaction_hash"}, []string{`123`}},
	{msg.Unsubscribed, []string{"subscription", "reason"}, []string{`{}`}},
	{msg.Unregistered, []string{"registration", "reason"}, []string{`true`}},
	{msg.Publish, []string{"forward_for"}, []string{`"hello"`, `[1]`, `{}`, `1`}},
	{msg.Yield, []string{"forward_for"}, []string{`"hello"`}},
}

func TestParseOptionsWrong(t *testing.T) {
	for _, c := range wrongValues {
		for _, key := range c.keys {
			for _, value := range c.values {
				for _, f := range formats {
					options := fmt.Sprintf(`{%q: %s}`, key, value)
					_, err := parse(t, f, withOptions(t, f, c.typ, options))
					wantError(t, fmt.Sprint(f, c.typ, options), err, c.typ.String()+": "+key+" ")
				}
			}
		}
	}
}

// TestParseOptionsTwice demands that no known key is given twice, whatever its
// values are.
func TestParseOptionsTwice(t *testing.T) {
	for _, options := range []string{
		`{"timeout":1,"timeout":1}`, `{"timeout":null,"x":1,"timeout":1}`, `{"forward_for":[],"forward_for":[]}`,
		`{"rkey":"a","rkey":"a"}`,
	} {
		_, err := parse(t, msg.JSON, []byte(`[48,1,`+options+`,"p"]`))
		wantError(t, options, err, "is given twice")
	}
	_, err := parse(t, msg.JSON, []byte(`[36,1,2,{"topic":"a","topic":"a"}]`))
	wantError(t, "topic", err, "is given twice")
	_, err = parse(t, msg.JSON, []byte(`[48,1,{"unknown":1,"unknown":2},"p"]`))
	wantError(t, "unknown", err, "")
}

// TestOptionKeys checks that every key of every message is written under the
// name under which it is read, and that the tables miss none.
func TestOptionKeys(t *testing.T) {
	var all msg.Key
	for i, keys := range typeKeys {
		typ := msg.Type(i)
		all |= keys
		for ; keys != 0; keys &= keys - 1 {
			k := keys & -keys
			name := keyName(typ, k)
			if got := optionKey(typ, []byte(name)); name == "" || got != k {
				t.Errorf("%v: key %#x is written as %q and read as %#x", typ, k, name, got)
			}
		}
	}
	all &^= keyURI
	if want := msg.KeyFields - 1; all != want {
		t.Errorf("keys in no message: %#x", want&^all)
	}
	var tested []string
	for _, c := range wrongValues {
		tested = append(tested, c.keys...)
	}
	for i, keys := range typeKeys {
		for ; keys != 0; keys &= keys - 1 {
			name := keyName(msg.Type(i), 1<<bits.TrailingZeros64(uint64(keys)))
			if !slices.Contains(tested, name) {
				t.Errorf("%s: no value of the wrong type is tested", name)
			}
		}
	}
}

func TestAppendOptions(t *testing.T) {
	uri := []byte("com.x")
	for _, c := range []struct {
		m    msg.Message
		want string
	}{
		{msg.Message{Type: msg.Goodbye, URI: uri}, `[6,{},"com.x"]`},
		{msg.Message{Type: msg.Goodbye, URI: uri, Options: msg.Options{X: &msg.Extra{
			Fields: []msg.Field{{Name: "message", Format: msg.JSON, Value: []byte(`"bye"`)}}}}},
			`[6,{"message":"bye"},"com.x"]`},
		{msg.Message{Type: msg.Hello, URI: uri, Dict: []byte(`{"roles":{}}`), Options: msg.Options{Set: msg.Progress}},
			`[1,"com.x",{"roles":{}}]`},
		// A fixed order; what is not defined for the message is left out.
		{msg.Message{Type: msg.Call, Request: 1, URI: uri, Options: msg.Options{
			Set:     msg.KeyTimeout | msg.Progress | msg.DiscloseMe | msg.KeyMatch | msg.KeyRKey | msg.Retained,
			True:    msg.DiscloseMe | msg.Retained,
			Timeout: 500, X: &msg.Extra{RKey: msg.ShardKey{Str: "a\nb"}}}},
			`[48,1,{"disclose_me":true,"progress":false,"timeout":500,"rkey":"a\nb"},"com.x"]`},
		{msg.Message{Type: msg.Invocation, Request: 1, ID: 2, URI: uri, Options: msg.Options{
			Set: msg.KeySession | msg.KeyAuthID, Session: 7, X: &msg.Extra{AuthID: "joe"}}},
			`[68,1,2,{"caller":7,"caller_authid":"joe","procedure":"com.x"}]`},
		{msg.Message{Type: msg.Invocation, Request: 1, ID: 2, URI: []byte{}}, `[68,1,2,{"procedure":""}]`},
		{msg.Message{Type: msg.Event, ID: 1, Publication: 2, URI: uri}, `[36,1,2,{"topic":"com.x"}]`},
		{msg.Message{Type: msg.Result, Request: 1, URI: uri, Options: msg.Options{Set: msg.KeySession, Session: 7}},
			`[50,1,{"callee":7}]`},
		{msg.Message{Type: msg.Unsubscribed, ID: 5, Options: msg.Options{Set: msg.KeyReason, X: &msg.Extra{Reason: "r"}}},
			`[35,0,{"reason":"r","subscription":5}]`},
		{msg.Message{Type: msg.Unregistered, ID: 5}, `[67,0,{"registration":5}]`},
		{msg.Message{Type: msg.Unregistered, Request: 1, ID: 5}, `[67,1]`},
		{msg.Message{Type: msg.Publish, Request: 1, URI: uri, Options: msg.Options{
			Set: msg.KeyExclude | msg.KeyEligible | msg.KeyEligibleAuthRole,
			X:   &msg.Extra{Exclude: []uint64{1, 1 << 53}, EligibleAuthRole: []string{"a", `"b"`}}}},
			`[16,1,{"exclude":[1,9007199254740992],"eligible":[],"eligible_authrole":["a","\"b\""]},"com.x"]`},
		{msg.Message{Type: msg.Subscribe, Request: 1, URI: uri, Options: msg.Options{
			Set: msg.KeyNKey | msg.KeyMatch, Match: msg.Prefix, X: &msg.Extra{NKey: msg.ShardKey{IsInt: true, Int: -3}}}},
			`[32,1,{"match":"prefix","nkey":-3},"com.x"]`},
		// Keys of a missing X.
		{msg.Message{Type: msg.Interrupt, Request: 1, Options: msg.Options{Set: msg.KeyMode | msg.KeyReason, Mode: msg.Kill}},
			`[69,1,{"mode":"kill"}]`},
		{msg.Message{Type: msg.EventReceived, Request: 1}, `[337,1]`},
	} {
		if diff := cmp.Diff(c.want, string(Append(nil, msg.JSON, &c.m))); diff != "" {
			t.Error(diff)
		}
		if c.m.Dict != nil {
			continue // it is in JSON
		}
		for _, f := range formats {
			data := Append(nil, f, &c.m)
			if diff := cmp.Diff(vectorValue(t, []byte(c.want)), decode(t, f, data)); diff != "" {
				t.Errorf("%v: %x: %s", f, data, diff)
			}
		}
	}
}

// TestAppendIntegers takes integers around the limits of each width.
func TestAppendIntegers(t *testing.T) {
	for shift := range 64 {
		for _, d := range []int64{-2, -1, 0, 1} {
			for _, n := range []int64{1<<shift + d, -(1 << shift) + d} {
				m := msg.Message{Type: msg.Subscribe, Request: 1, URI: []byte("t"), Options: msg.Options{
					Set: msg.KeyNKey, X: &msg.Extra{NKey: msg.ShardKey{IsInt: true, Int: n}}}}
				for _, f := range formats {
					data := Append(nil, f, &m)
					got, err := parse(t, f, data)
					if err != nil {
						t.Fatalf("%v: %d: %v", f, n, err)
					}
					if got.Options.X.NKey != m.Options.X.NKey {
						t.Errorf("%v: %d: %v", f, n, got.Options.X.NKey)
					}
					if f == msg.JSON {
						continue
					}
					if want := len(encode(t, f, []any{int64(32), int64(1), map[string]any{"nkey": n}, "t"})); len(data) > want {
						t.Errorf("%v: %d takes %d bytes instead of %d", f, n, len(data), want)
					}
				}
			}
		}
	}
}

// TestAppendLong takes strings and lists around the limits of each width.
func TestAppendLong(t *testing.T) {
	for _, n := range []int{0, 15, 16, 23, 24, 31, 32, 255, 256, 65535, 65536, 70000} {
		ids := make([]uint64, n)
		for i := range ids {
			ids[i] = uint64(i) + 1
		}
		m := msg.Message{Type: msg.Publish, Request: 1, URI: make([]byte, n), Options: msg.Options{
			Set: msg.KeyExclude, X: &msg.Extra{Exclude: ids}}}
		for i := range m.URI {
			m.URI[i] = 'a'
		}
		for _, f := range formats {
			got, err := parse(t, f, Append(nil, f, &m))
			if err != nil {
				t.Fatalf("%v: %d: %v", f, n, err)
			}
			if len(got.URI) != n || !slices.Equal(got.Options.X.Exclude, ids) {
				t.Errorf("%v: %d: got %d and %d", f, n, len(got.URI), len(got.Options.X.Exclude))
			}
		}
	}
}
