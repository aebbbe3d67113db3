package wamp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/wampeter/wampeter/internal/codec"
	"github.com/wampeter/wampeter/internal/msg"
)

// What a router can try that does not have the keys. The scripted router here
// is the other end as well: it seals as a real one would, and then changes
// something.

const welcomePassthru = `[2, 77, {"roles": {"broker": {"features": {"payload_passthru_mode": true}},
	"dealer": {"features": {"payload_passthru_mode": true, "call_canceling": true}}}}]`

// joinPassthru is join with a router that announces payload passthru mode. It
// returns the HELLO too.
func (sc *script) joinPassthru(d *Dialer) (*Session, string) {
	sc.t.Helper()
	dialed := async(sc.t, func() (*Session, error) { return d.Dial(sc.t.Context()) })
	sc.accept()
	hello := sc.read()
	sc.send(welcomePassthru)
	s, err := dialed()
	if err != nil {
		sc.t.Fatal(err)
	}
	sc.t.Cleanup(func() { sc.hangUp(s) })
	return s, hello
}

func presetRing(t *testing.T, secret byte, patterns ...string) *KeyRing {
	t.Helper()
	k, err := PresetKey(XSalsa20Poly1305, "k", bytes.Repeat([]byte{secret}, 32))
	if err != nil {
		t.Fatal(err)
	}
	ring := new(KeyRing)
	for _, p := range patterns {
		if err := ring.Set(p, k); err != nil {
			t.Fatal(err)
		}
	}
	return ring
}

// far is an end with a key ring that has no connection of its own.
func far(ring *KeyRing) *Session {
	s := &Session{format: msg.JSON, ring: ring}
	s.roles.Set = msg.Dealer | msg.Broker
	for i := range s.roles.Features {
		s.roles.Features[i] = msg.PayloadPassthru
	}
	return s
}

// seals returns m with payload p as the far end sends it.
func (s *Session) seals(t *testing.T, m msg.Message, sl *seal, p Payload) msg.Message {
	t.Helper()
	if _, err := s.encodePayload(nil, &m, &p, sl); err != nil {
		t.Fatal(err)
	}
	return m
}

// invoked opens the CALL in text as the callee does.
func (s *Session) invoked(t *testing.T, text, procedure string) *seal {
	t.Helper()
	var m msg.Message
	if err := codec.Parse(msg.JSON, []byte(text), &m); err != nil {
		t.Fatal(err)
	}
	p := Payload{raw: &m.Payload, ppt: pptOf(&m.Options)}
	sl, err := s.openFirst(&msg.Message{Type: msg.Invocation}, procedure, &p)
	if err != nil {
		t.Fatal(err)
	}
	return sl
}

func text(m msg.Message) string { return string(codec.Append(nil, msg.JSON, &m)) }

func TestRouterCannotForgeAnswers(t *testing.T) {
	ring := presetRing(t, 1, "com.secret", "com.other")
	result := func(m msg.Message) msg.Message { // what a dealer makes of YIELD
		m.Type = msg.Result
		return m
	}
	yield := msg.Message{Type: msg.Yield}
	for name, tc := range map[string]struct {
		answer func(callee *Session, sl *seal, call msg.Message) msg.Message
		want   error // nil: 7
		uri    URI   // of the error; default wamp.error.invalid_payload
	}{
		"honest": {answer: func(callee *Session, sl *seal, _ msg.Message) msg.Message {
			return result(callee.seals(t, yield, sl, Payload{args: Args{7}}))
		}},
		"honest error": {
			answer: func(callee *Session, sl *seal, call msg.Message) msg.Message {
				return callee.seals(t, msg.Message{Type: msg.Error, ErrType: msg.Call, URI: []byte("com.error")}, sl, Payload{args: Args{"x"}})
			},
			want: URI("com.error"), uri: "com.error",
		},
		"in clear": {
			answer: func(*Session, *seal, msg.Message) msg.Message {
				return msg.Message{Type: msg.Result, Payload: msg.Payload{Format: msg.JSON, Args: []byte("[7]")}}
			},
			want: ErrNotSealed,
		},
		"without a cipher": {
			answer: func(callee *Session, sl *seal, _ msg.Message) msg.Message {
				m := result(callee.seals(t, yield, sl, Payload{args: Args{7}}))
				m.Options.Set &^= msg.KeyPPTCipher
				m.Options.X.PPTCipher = ""
				return m
			},
			want: ErrNotSealed,
		},
		"another key's name": {
			answer: func(callee *Session, sl *seal, _ msg.Message) msg.Message {
				m := result(callee.seals(t, yield, sl, Payload{args: Args{7}}))
				m.Options.X.PPTKeyID = "other"
				return m
			},
			want: ErrNoKey,
		},
		"another key": {
			answer: func(callee *Session, sl *seal, _ msg.Message) msg.Message {
				wrong := presetRing(t, 2, "com.secret")
				return result(far(wrong).seals(t, yield, &seal{lane: wrong.keys("com.secret")[0].key.Default(), uri: sl.uri, call: sl.call}, Payload{args: Args{7}}))
			},
			want: ErrTampered,
		},
		"the call itself, reflected": {
			answer: func(_ *Session, _ *seal, call msg.Message) msg.Message {
				call.Type, call.URI = msg.Result, nil
				return call
			},
			want: ErrTampered,
		},
		"the answer to another call": {
			answer: func(callee *Session, sl *seal, _ msg.Message) msg.Message {
				other := *sl
				other.call = bytes.Repeat([]byte{9}, len(sl.call))
				return result(callee.seals(t, yield, &other, Payload{args: Args{7}}))
			},
			want: ErrTampered,
		},
		"the answer of another procedure": {
			answer: func(callee *Session, sl *seal, _ msg.Message) msg.Message {
				other := *sl
				other.uri = "com.other"
				return result(callee.seals(t, yield, &other, Payload{args: Args{7}}))
			},
			want: ErrTampered,
		},
		"progress as the end": {
			answer: func(callee *Session, sl *seal, _ msg.Message) msg.Message {
				m := yield
				m.Options.SetBool(msg.Progress, true)
				m = result(callee.seals(t, m, sl, Payload{args: Args{7}}))
				m.Options.SetBool(msg.Progress, false)
				return m
			},
			want: ErrTampered,
		},
		"a changed byte": {
			answer: func(callee *Session, sl *seal, _ msg.Message) msg.Message {
				m := result(callee.seals(t, yield, sl, Payload{args: Args{7}}))
				at := len(m.Payload.Args) / 2
				m.Payload.Args[at] = map[bool]byte{true: 'B', false: 'A'}[m.Payload.Args[at] == 'A']
				return m
			},
			want: ErrTampered,
		},
		"an error by another name": {
			answer: func(callee *Session, sl *seal, _ msg.Message) msg.Message {
				m := callee.seals(t, msg.Message{Type: msg.Error, ErrType: msg.Call, URI: []byte("com.error")}, sl, Payload{args: Args{"x"}})
				m.URI = []byte("com.other")
				return m
			},
			want: ErrTampered, uri: "com.other",
		},
		"two arguments": {
			answer: func(callee *Session, sl *seal, _ msg.Message) msg.Message {
				m := result(callee.seals(t, yield, sl, Payload{args: Args{7}}))
				m.Payload.Args = []byte(strings.Replace(string(m.Payload.Args), "[", "[1,", 1))
				return m
			},
			want: ErrInvalidPayload,
		},
		"another serializer": {
			answer: func(callee *Session, sl *seal, _ msg.Message) msg.Message {
				m := result(callee.seals(t, yield, sl, Payload{args: Args{7}}))
				m.Options.X.PPTSerializer = "flatbuffers"
				return m
			},
			want: ErrInvalidPayload,
		},
	} {
		t.Run(name, func(t *testing.T) {
			sc := newScript(t)
			s, _ := sc.joinPassthru(&Dialer{URLs: []string{sc.url()}, Serializers: []Serializer{JSON}, KeyRing: ring})
			wait := async(t, func() (int, error) { return Call[int](t.Context(), s, "com.secret", Args{1}) })
			call := sc.read()
			callee := far(ring)
			sl := callee.invoked(t, call, "com.secret")
			var m msg.Message
			if err := codec.Parse(msg.JSON, []byte(call), &m); err != nil {
				t.Fatal(err)
			}
			m.Dict = nil
			answer := tc.answer(callee, sl, m)
			answer.Request = 1
			sc.send(text(answer))
			n, err := wait()
			if tc.want == nil {
				if n != 7 || err != nil {
					t.Errorf("%d %v", n, err)
				}
				return
			}
			uri := tc.uri
			if uri == "" {
				uri = ErrInvalidPayload
			}
			wantError(t, err, tc.want, uri)
		})
	}
}

// A changed progressive result ends the call.
func TestRouterCannotForgeProgress(t *testing.T) {
	ring := presetRing(t, 1, "com.secret")
	sc := newScript(t)
	s, _ := sc.joinPassthru(&Dialer{URLs: []string{sc.url()}, Serializers: []Serializer{JSON}, KeyRing: ring})
	wait := async(t, func() (int, error) {
		return Call[int](t.Context(), s, "com.secret", OnProgress(func(int) { t.Error("progress that is forged") }))
	})
	sc.read()
	sc.send(`[50, 1, {"progress": true}, [1]]`)
	sc.expect(`[49, 1, {"mode": "killnowait"}]`)
	_, err := wait()
	wantError(t, err, ErrNotSealed, ErrInvalidPayload)
}

// Events and invocations that were not sealed for their URI, or not at all, do
// not reach a handler.
func TestRouterCannotForgeEventsAndInvocations(t *testing.T) {
	ring := presetRing(t, 1, "com.a", "com.b")
	reported := make(chan error, 1)
	sc := newScript(t)
	s, hello := sc.joinPassthru(&Dialer{
		URLs: []string{sc.url()}, Serializers: []Serializer{JSON}, KeyRing: ring,
		OnError: func(_ context.Context, err *HandlerError) { reported <- err },
	})
	if n := strings.Count(hello, `"payload_passthru_mode":true`); n != 4 {
		t.Errorf("%d roles announce payload passthru mode: %s", n, hello)
	}
	subscribed := async(t, func() (*Subscription, error) {
		return s.Subscribe(t.Context(), "com.a", Event(func(context.Context, int) error {
			t.Error("a forged event")
			return nil
		}))
	})
	sc.expect(`[32, 1, {}, "com.a"]`)
	sc.send(`[33, 1, 5]`)
	must[*Subscription](t)(subscribed())
	registered := async(t, func() (*Registration, error) {
		return s.Register(t.Context(), "com.a", Func1(func(context.Context, int) (int, error) {
			t.Error("a forged invocation")
			return 0, nil
		}))
	})
	sc.expect(`[64, 2, {}, "com.a"]`)
	sc.send(`[65, 2, 6]`)
	must[*Registration](t)(registered())

	publisher := far(ring)
	other := &seal{lane: ring.keys("com.b")[0].key.Default(), uri: "com.b"}
	moved := publisher.seals(t, msg.Message{Type: msg.Publish}, other, Payload{args: Args{1}})
	clear := msg.Message{Payload: msg.Payload{Format: msg.JSON, Args: []byte("[1]")}}
	for i, tc := range []struct {
		m    msg.Message
		want error
	}{{moved, ErrTampered}, {clear, ErrNotSealed}} {
		event := tc.m
		event.Type, event.ID, event.Publication = msg.Event, 5, uint64(i+1)
		sc.send(text(event))
		wantError(t, <-reported, tc.want)

		invocation := tc.m // an event's payload is no invocation's either
		invocation.Type, invocation.ID, invocation.Request = msg.Invocation, 6, uint64(i+1)
		sc.send(text(invocation))
		wantError(t, <-reported, tc.want)
		var answer []any
		if err := json.Unmarshal([]byte(sc.read()), &answer); err != nil || answer[0] != 8.0 || answer[4] != string(ErrInvalidPayload) {
			t.Errorf("%v %v", err, answer)
		}
	}
}

// Where the router does not know payload passthru mode, what the ring has a key
// for is not sent at all.
func TestSealFailsClosed(t *testing.T) {
	sc := newScript(t)
	d := sc.dialer()
	d.KeyRing = presetRing(t, 1, "com.secret.{all...}")
	s := sc.join(d)
	_, err := Call[int](t.Context(), s, "com.secret.p", Args{"hush"})
	wantError(t, err, ErrFeatureNotSupported)
	_, err = s.Publish(t.Context(), "com.secret.t", Args{"hush"})
	wantError(t, err, ErrFeatureNotSupported)
	_, _, err = s.DescribePublish("com.secret.t", Args{"hush"})
	wantError(t, err, ErrFeatureNotSupported)
	// The next message is what is not secret.
	must[uint64](t)(s.Publish(t.Context(), "com.open", Args{1}))
	sc.expect(`[16, 1, {}, "com.open", [1]]`)
}

// What is published for a client, as testaments are, is sealed by it.
func TestDescribePublishSeals(t *testing.T) {
	ring := presetRing(t, 1, "com.secret")
	p, options, err := far(ring).DescribePublish("com.secret", Args{"hush"}, Retain())
	if err != nil || options["ppt_scheme"] != "wamp" || options["ppt_keyid"] != "k" || options["retain"] != true {
		t.Fatal(err, options)
	}
	p.ppt = &PPT{"wamp", "cbor", "xsalsa20poly1305", "k"}
	if _, err := far(ring).openFirst(&msg.Message{Type: msg.Event}, "com.secret", &p); err != nil {
		t.Fatal(err)
	}
	var got string
	if err := p.Arg(0, &got); err != nil || got != "hush" {
		t.Error(got, err)
	}
}

// A client without keys does not take bytes for arguments.
func TestPassthruUnwanted(t *testing.T) {
	reported := make(chan error, 1)
	sc := newScript(t)
	s := sc.join(&Dialer{URLs: []string{sc.url()}, Serializers: []Serializer{JSON}, OnError: func(_ context.Context, err *HandlerError) { reported <- err }})
	subscribed := async(t, func() (*Subscription, error) {
		return s.Subscribe(t.Context(), "com.a", Event(func(context.Context, []byte) error {
			t.Error("an event in an unknown scheme")
			return nil
		}))
	})
	sc.read()
	sc.send(`[33, 1, 5]`)
	must[*Subscription](t)(subscribed())
	sc.send(`[36, 5, 1, {"ppt_scheme": "x_test"}, ["\u0000AQI="]]`)
	wantError(t, <-reported, ErrFeatureNotSupported)
	sc.send(`[36, 5, 1, {"ppt_scheme": "wamp", "ppt_serializer": "cbor", "ppt_cipher": "aes256gcm", "ppt_keyid": "k"}, ["\u0000AQI="]]`)
	wantError(t, <-reported, ErrNoKey)
}

// A peer that knows no more than the specification seals {args, kwargs} alone.
func TestSealedByOthers(t *testing.T) {
	ring := presetRing(t, 1, "com.secret")
	lane := ring.keys("com.secret")[0].key.Default()
	for clear, want := range map[string]error{
		`{"args":[1],"kwargs":{"a":2}}`:  nil,
		`{"args":null,"kwargs":null}`:    nil,
		`{"args":[1],"uri":"com.other"}`: ErrTampered,
		`{"args":5}`:                     ErrInvalidPayload,
		`{"kwargs":[]}`:                  ErrInvalidPayload,
		`[1]`:                            ErrInvalidPayload,
	} {
		box := lane.Seal(nil, codec.Transcode(nil, msg.CBOR, msg.JSON, []byte(clear)))
		args, err := codec.Marshal(nil, msg.CBOR, []any{box})
		if err != nil {
			t.Fatal(err)
		}
		p := Payload{raw: &msg.Payload{Format: msg.CBOR, Args: args}, ppt: &PPT{"wamp", "cbor", "xsalsa20poly1305", "k"}}
		_, err = far(ring).openFirst(&msg.Message{Type: msg.Invocation}, "com.secret", &p)
		if (err == nil) != (want == nil) || want != nil && !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", clear, err, want)
		}
	}
}

func TestKeyRingPatterns(t *testing.T) {
	ring := new(KeyRing)
	if ring.keys("com.app") != nil || (*KeyRing)(nil).keys("com.app") != nil {
		t.Error("an empty ring has a key")
	}
	for pattern, id := range map[string]string{
		"com.app.exact": "exact", "com.app.{id}.vitals": "wildcard", "com.app.ward.{all...}": "long", "com.{all...}": "short",
	} {
		k, err := PresetKey(AES256GCM, id, make([]byte, 32))
		if err != nil || k.ID() != id {
			t.Fatal(err)
		}
		if err := ring.Set(pattern, k); err != nil {
			t.Fatal(err)
		}
	}
	anyKey, _ := PresetKey(AES256GCM, "prefix as text", make([]byte, 32))
	if err := ring.SetMatch(Prefix, "org.ex", anyKey); err != nil {
		t.Fatal(err)
	}
	find := func(uri string) string {
		if keys := ring.keys(uri); keys != nil {
			return keys[0].ID()
		}
		return ""
	}
	for uri, want := range map[string]string{
		"com.app.exact": "exact", "com.app.7.vitals": "short", "com.app.ward.vitals": "long", "com.x": "short",
		"net.app.7.vitals": "", "org.example": "prefix as text", "wamp.session.get": "",
	} {
		if got := find(uri); got != want {
			t.Errorf("%s has key %q, want %q", uri, got, want)
		}
	}
	if err := errors.Join(ring.Remove("com.{all...}"), ring.RemoveMatch(Prefix, "org.ex"), ring.Remove("com.none")); err != nil {
		t.Error(err)
	}
	if find("com.app.7.vitals") != "wildcard" || find("com.x") != "" || find("org.example") != "" {
		t.Error("removed keys are still there")
	}
	for _, bad := range []string{"", "com.a b", "com.{x", "wamp.session.get", strings.Repeat(".", 100)} {
		if err := ring.Set(bad, anyKey); err == nil {
			t.Errorf("pattern %q is taken", bad)
		}
	}
	if ring.Set("com.x") == nil || ring.Set("com.x", SealKey{}) == nil || (SealKey{}).ID() != "" {
		t.Error("no key is taken for one")
	}
	if _, err := PresetKey("rot13", "", make([]byte, 32)); err == nil {
		t.Error("an unknown cipher")
	}
	if _, err := AgreedKey(AES256GCM, nil); err == nil {
		t.Error("no private key")
	}
}

// The list of the answers of all callees is the router's own, the answers in it
// are not.
func TestRouterCannotForgeReplies(t *testing.T) {
	ring := presetRing(t, 1, "com.secret")
	sc := newScript(t)
	s, _ := sc.joinPassthru(&Dialer{URLs: []string{sc.url()}, Serializers: []Serializer{JSON}, KeyRing: ring})
	wait := async(t, func() (errs []error, _ error) {
		for _, err := range CallAll[int](t.Context(), s, "com.secret") {
			errs = append(errs, err)
		}
		return errs, nil
	})
	sc.read()
	sc.send(`[50, 1, {}, [{"callee": 7, "args": [5]}, {"callee": 8, "error": "com.error", "args": ["the router's own"]}]]`)
	errs, _ := wait()
	if len(errs) != 2 {
		t.Fatal(errs)
	}
	wantError(t, errs[0], ErrNotSealed, ErrInvalidPayload)
	wantError(t, errs[1], URI("com.error"))
}

// Neither can it leave out, repeat, move or replace a part of a call, or end it
// early.
func TestRouterCannotForgeParts(t *testing.T) {
	ring := presetRing(t, 1, "com.secret")
	// What a caller sends: two calls of three parts each.
	caller := far(ring)
	parts := func() (all []msg.Message) {
		sl := &seal{lane: ring.keys("com.secret")[0].key.Default(), uri: "com.secret"}
		for i := range 3 {
			m := msg.Message{Type: msg.Call}
			if i < 2 {
				m.Options.SetBool(msg.Progress, true)
			}
			m = caller.seals(t, m, sl, Payload{args: Args{i}})
			sl.part++
			all = append(all, m)
		}
		return all
	}
	own, other := parts(), parts()
	last := func(m msg.Message) msg.Message { m.Options.SetBool(msg.Progress, false); return m }
	more := func(m msg.Message) msg.Message { m.Options.SetBool(msg.Progress, true); return m }
	clear := msg.Message{Payload: msg.Payload{Format: msg.JSON}}
	for name, tc := range map[string]struct {
		parts []msg.Message
		want  error
	}{
		"honest":               {own, nil},
		"left out":             {[]msg.Message{own[0], own[2]}, ErrTampered},
		"repeated":             {[]msg.Message{own[0], own[1], own[1], own[2]}, ErrTampered},
		"the first repeated":   {[]msg.Message{own[0], own[0], own[1], own[2]}, ErrTampered},
		"of another call":      {[]msg.Message{own[0], other[1], own[2]}, ErrTampered},
		"ended by the first":   {[]msg.Message{last(own[0])}, ErrTampered},
		"ended by another":     {[]msg.Message{own[0], last(own[1])}, ErrTampered},
		"ended in clear":       {[]msg.Message{own[0], clear}, ErrInvalidPayload},
		"more after the last":  {[]msg.Message{own[0], own[1], more(own[2]), clear}, ErrTampered},
		"begun by another one": {[]msg.Message{own[1], own[2]}, ErrTampered},
	} {
		t.Run(name, func(t *testing.T) {
			sc := newScript(t)
			d := sc.dialer()
			d.KeyRing = ring
			reported := make(chan error, 1)
			d.OnError = func(_ context.Context, err *HandlerError) { reported <- err }
			s, _ := sc.joinPassthru(d)
			sc.register(s, `[64, 1, {}, "com.secret"]`, `[65, 1, 11]`, "com.secret", HandlerFunc(
				func(_ context.Context, inv *Invocation) (Result, error) {
					for _, err := range inv.Parts() {
						if err != nil {
							return Result{}, err
						}
					}
					return Return(Args{"all"}), nil
				}))
			var frames []string
			for _, m := range tc.parts {
				m.Type, m.Request, m.ID, m.URI = msg.Invocation, 1, 11, nil
				frames = append(frames, text(m))
			}
			sc.sendTogether(frames...)
			answer := sc.read()
			if ok := strings.HasPrefix(answer, "[70,1,"); ok != (tc.want == nil) {
				t.Error(answer)
			}
			if tc.want != nil {
				wantError(t, <-reported, ErrInvalidPayload, tc.want)
				wantText(t, errors.New(answer), `"wamp.error.invalid_payload"`)
			}
		})
	}
}
