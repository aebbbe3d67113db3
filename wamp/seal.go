package wamp

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/wampeter/wampeter/internal/codec"
	"github.com/wampeter/wampeter/internal/e2ee"
	"github.com/wampeter/wampeter/internal/msg"
)

// schemeWAMP is the scheme of end-to-end encryption, and sealFormat how its
// payloads are serialized before they are encrypted.
const (
	schemeWAMP = "wamp"
	sealFormat = msg.CBOR
)

// seal is how the messages of one call, or one event, are encrypted. The one
// who calls or publishes chooses it by the key ring, the other end finds it by
// the key id, and answers go back on the same lane.
type seal struct {
	lane *e2ee.Lane
	uri  string // procedure or topic
	call []byte // nonce of the first CALL, which its answers and further parts name
	part uint64 // of a call in parts: how many are sealed, or opened
	all  bool   // the router answers, with a list of sealed answers
}

// sealed is what is encrypted. Args and kwargs are the specification's. The
// others say what the payload was meant for, so that a router cannot use it for
// something else; peers that do not know them leave them out.
type sealed struct {
	Args     codec.Raw `json:"args"`
	Kwargs   codec.Raw `json:"kwargs"`
	URI      string    `json:"uri"`
	Message  string    `json:"message"`  // type of the message that was sent
	Progress bool      `json:"progress"` // of CALL and YIELD
	Error    string    `json:"error"`    // URI in ERROR
	Call     []byte    `json:"call"`     // of YIELD, ERROR and the further CALLs of a call in parts
	Part     uint64    `json:"part"`     // number of the CALL among those
}

// sealFor returns how a call or a publication is to be encrypted; nil for not
// at all.
func (s *Session) sealFor(r *request) *seal {
	keys := s.ring.keys(r.uri)
	if keys == nil {
		return nil
	}
	return &seal{lane: keys[0].key.Default(), uri: r.uri, all: r.cfg.options.RunMode == msg.RunAll}
}

// encodeSealed is encodePayload for a payload that is encrypted.
func (s *Session) encodeSealed(dst []byte, m *msg.Message, p *Payload, sl *seal) ([]byte, error) {
	clear, err := sl.envelope(m, p)
	if err != nil {
		return dst, &Error{URI: ErrInvalidPayload, cause: err}
	}
	box := sl.lane.Seal(nil, clear)
	if m.Type == msg.Call && sl.part == 0 {
		sl.call = bytes.Clone(sl.lane.Nonce(box))
	}
	start := len(dst)
	if dst, err = codec.Marshal(dst, s.format, []any{box}); err != nil {
		return dst, &Error{URI: ErrInvalidPayload, cause: err}
	}
	m.Payload = split(s.format, dst, start, len(dst))
	ppt := PPT{schemeWAMP, sealFormat.String(), sl.lane.Cipher(), sl.lane.KeyID()}
	ppt.option(&m.Options)
	return dst, nil
}

// envelope returns what is to be encrypted for m with payload p.
func (sl *seal) envelope(m *msg.Message, p *Payload) ([]byte, error) {
	_, raw, err := p.encode(nil, sealFormat)
	if err != nil {
		return nil, err
	}
	raw = codec.TranscodePayload(raw, sealFormat)
	var keys []string
	var values [][]byte
	add := func(key string, value any) {
		// Text that is not UTF-8 is the only thing that fails: such a URI the
		// router would refuse.
		data, bad := codec.Marshal(nil, sealFormat, value)
		if bad != nil {
			err = bad
		}
		keys, values = append(keys, key), append(values, data)
	}
	if raw.Args == nil {
		raw.Args = codec.AppendList(nil, sealFormat, nil)
	}
	keys, values = append(keys, "args"), append(values, raw.Args)
	if raw.Kwargs != nil {
		keys, values = append(keys, "kwargs"), append(values, raw.Kwargs)
	}
	add("uri", sl.uri)
	add("message", m.Type.String())
	if m.Options.Is(msg.Progress) {
		add("progress", true)
	}
	if m.Type == msg.Error {
		add("error", string(m.URI))
	}
	if m.Type == msg.Call && sl.part > 0 {
		add("part", sl.part)
	}
	if m.Type == msg.Yield || m.Type == msg.Error || m.Type == msg.Call && sl.part > 0 {
		add("call", sl.call)
	}
	return codec.AppendDict(nil, sealFormat, keys, values), err
}

// open returns the clear payload of m, a message that came, whose box was
// sealed on the lane.
func (sl *seal) open(m *msg.Message, box []byte) (msg.Payload, error) {
	clear, err := sl.lane.Open(nil, box)
	if err != nil {
		return msg.Payload{}, err
	}
	var in sealed
	if err := codec.Unmarshal(sealFormat, clear, &in); err != nil {
		return msg.Payload{}, fmt.Errorf("what it holds is broken: %w", err)
	}
	if !sl.meant(m, &in) {
		return msg.Payload{}, ErrTampered
	}
	p := msg.Payload{Format: sealFormat, Args: part(in.Args), Kwargs: part(in.Kwargs)}
	if p.Args != nil && !isList(&p) || p.Kwargs != nil && p.Kwargs[0]>>5 != cborMap {
		return msg.Payload{}, errors.New("what it holds is not args and kwargs")
	}
	return p, nil
}

// cborMap is the major type of CBOR's dictionaries.
const cborMap = 5

// part returns a part of a payload, nil when it is absent or null.
func part(r codec.Raw) []byte {
	if len(r.Bytes) == 0 || r.Bytes[0] == 0xf6 || r.Bytes[0] == 0xf7 {
		return nil
	}
	return r.Bytes
}

// sentAs is the message that became one that came.
var sentAs = map[msg.Type]msg.Type{
	msg.Invocation: msg.Call, msg.Event: msg.Publish, msg.Result: msg.Yield, msg.Error: msg.Error,
}

// meant reports whether m is what its payload was sealed for.
func (sl *seal) meant(m *msg.Message, in *sealed) bool {
	sent := sentAs[m.Type]
	switch {
	case in.Message == "":
		return in.URI == "" || in.URI == sl.uri // the sender tells no more
	case in.Message != sent.String() || in.URI != sl.uri:
		return false
	case in.Progress != m.Options.Is(msg.Progress):
		return false
	case sent == msg.Error && in.Error != string(m.URI):
		return false
	case sent == msg.Call && in.Part != sl.part:
		return false
	}
	return sent == msg.Call && in.Part == 0 || sent == msg.Publish || bytes.Equal(in.Call, sl.call)
}

// box returns the one binary argument of a payload of the scheme "wamp".
func (in *incoming) box() ([]byte, error) {
	if in.ppt == nil || in.ppt.Scheme != schemeWAMP || in.ppt.Cipher == "" {
		return nil, ErrNotSealed
	}
	if in.ppt.Serializer != sealFormat.String() {
		return nil, fmt.Errorf("what it holds is serialized by %.20q, which is not known here", in.ppt.Serializer)
	}
	var few [2][]byte
	list, err := elements(few[:0], &in.Payload)
	if err != nil || len(list) != 1 {
		return nil, errors.New("it is not one binary argument")
	}
	var box []byte
	if err := codec.Unmarshal(in.Format, list[0], &box); err != nil {
		return nil, fmt.Errorf("it is not one binary argument: %w", err)
	}
	return box, nil
}

// unopened is the error for a payload that is refused.
func unopened(err error) *Error {
	return &Error{URI: ErrInvalidPayload, Args: Args{"the payload is refused: " + err.Error()}, cause: err}
}

// unwanted is the error for a payload in passthru mode where there is no key
// for it; nil when the application takes such payloads.
func (s *Session) unwanted(ppt *PPT) error {
	switch {
	case ppt == nil || s.passthru:
		return nil
	case ppt.Scheme == schemeWAMP:
		return unopened(ErrNoKey)
	}
	return Errorf(ErrFeatureNotSupported, "payload passthru mode with the unknown scheme %.40q", ppt.Scheme)
}

// openFirst opens the payload of m, an INVOCATION, the first of its call, or an
// EVENT. It returns how its answers are to be encrypted.
func (s *Session) openFirst(m *msg.Message, uri string, p *Payload) (*seal, error) {
	keys := s.ring.keys(uri)
	if keys == nil {
		return nil, s.unwanted(p.ppt)
	}
	in := incoming{*p.raw, p.ppt}
	box, err := in.box()
	if err != nil {
		return nil, unopened(err)
	}
	err = ErrNoKey
	for _, k := range keys {
		lane, missing := k.key.Find(in.ppt.Cipher, in.ppt.KeyID, box)
		if missing != nil {
			continue
		}
		sl := &seal{lane: lane, uri: uri}
		var clear msg.Payload
		if clear, err = sl.open(m, box); err == nil {
			sl.call = bytes.Clone(lane.Nonce(box))
			sl.part++
			*p = received(&clear)
			return sl, nil
		}
	}
	return nil, unopened(err)
}

// invocationOf returns an INVOCATION, as far as it counts for what was sealed:
// the last one of a call, or one of its parts.
func invocationOf(last bool) *msg.Message {
	m := &msg.Message{Type: msg.Invocation}
	if !last {
		m.Options.SetBool(msg.Progress, true)
	}
	return m
}

// openPart returns the payload of a further part of a call's arguments.
func (s *Session) openPart(inv *Invocation, in *incoming, last bool) (Payload, error) {
	sl := inv.seal
	if sl == nil {
		return in.received(), nil
	}
	clear, err := sl.openBox(invocationOf(last), in)
	if err != nil {
		s.report(&inv.ctx, &HandlerError{URI: inv.Procedure, Err: err})
		return Payload{}, err
	}
	sl.part++
	return received(&clear), nil
}

// openBox returns what is sealed in the payload of m, which belongs to a call
// that is sealed by sl.
func (sl *seal) openBox(m *msg.Message, in *incoming) (msg.Payload, error) {
	box, err := in.box()
	if err == nil && !sl.lane.Takes(in.ppt.Cipher, in.ppt.KeyID, box) {
		err = ErrNoKey
	}
	var clear msg.Payload
	if err == nil {
		clear, err = sl.open(m, box)
	}
	if err != nil {
		return clear, unopened(err)
	}
	return clear, nil
}

// openAnswer returns the payload of m, a RESULT or ERROR for a call whose seal
// was sl, nil for none. When it was sealed, opened is true and the payload is in
// memory of its own.
func (s *Session) openAnswer(sl *seal, m *msg.Message) (in incoming, opened bool, err error) {
	in = incoming{m.Payload, pptOf(&m.Options)}
	if sl == nil {
		return in, false, s.unwanted(in.ppt)
	}
	if in.ppt == nil && (m.Type == msg.Error || sl.all && !m.Options.Is(msg.Progress)) {
		return in, false, nil // the router's own
	}
	clear, err := sl.openBox(m, &in)
	if err != nil {
		return in, false, err
	}
	return incoming{Payload: clear}, true, nil
}
