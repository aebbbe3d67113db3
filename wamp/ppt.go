package wamp

import (
	"fmt"

	"github.com/wampeter/wampeter/internal/msg"
)

// PPT marks a payload that routers pass on without looking at it
// (specification, advanced profile, "Payload Passthru Mode"). As an option of a
// call, a publication or a result it says in which scheme the payload is, which
// has to be one positional argument of type []byte:
//
//	s.Publish(ctx, topic, wamp.PPT{Scheme: "mqtt"}, wamp.Args{packet})
//
// The application makes the payload of what it likes, and gets it as it came.
// Sessions need [Dialer.Passthru] for that. The scheme "wamp" is made by a
// [KeyRing] by itself.
type PPT struct {
	Scheme     string // "mqtt", or a name of the application's own, "x_…"; required
	Serializer string // how the bytes were serialized: "native", "json", "msgpack", "cbor" or another; "" tells nothing
	Cipher     string // how the bytes were encrypted; "" not at all
	KeyID      string // which key the receiver needs; "" tells nothing
}

func (t PPT) applyCall(c *callConfig)       { c.payload.ppt = &t }
func (t PPT) applyPublish(c *publishConfig) { c.payload.ppt = &t }
func (t PPT) applyPayload(p *Payload)       { p.ppt = &t }

// PPT tells in which scheme a payload came that was passed on in payload
// passthru mode, as far as it was not opened by a [KeyRing]; else false.
func (p Payload) PPT() (PPT, bool) {
	if p.ppt == nil {
		return PPT{}, false
	}
	return *p.ppt, true
}

// PPT tells the same of the error's payload.
func (e *Error) PPT() (PPT, bool) { return e.raw.PPT() }

// pptOf returns what o says of the payload, nil for one that is not in payload
// passthru mode: "the existence and non-empty value" of the scheme decides.
func pptOf(o *msg.Options) *PPT {
	if !o.Has(msg.KeyPPTScheme) || o.X.PPTScheme == "" {
		return nil
	}
	return &PPT{o.X.PPTScheme, o.X.PPTSerializer, o.X.PPTCipher, o.X.PPTKeyID}
}

// option says the same in o.
func (t *PPT) option(o *msg.Options) {
	x := o.Extra()
	for _, option := range [...]struct {
		key   msg.Key
		value string
		to    *string
	}{
		{msg.KeyPPTScheme, t.Scheme, &x.PPTScheme},
		{msg.KeyPPTSerializer, t.Serializer, &x.PPTSerializer},
		{msg.KeyPPTCipher, t.Cipher, &x.PPTCipher},
		{msg.KeyPPTKeyID, t.KeyID, &x.PPTKeyID},
	} {
		if option.value != "" {
			o.Set |= option.key
			*option.to = option.value
		}
	}
}

// incoming is a payload that came with a message, and the scheme that it still
// is in.
type incoming struct {
	msg.Payload
	ppt *PPT
}

func (in *incoming) received() Payload { return Payload{raw: &in.Payload, ppt: in.ppt} }

// encodePayload makes p the payload of m, a message that has its type and its
// options, and appends it to dst. It is sealed by sl unless that is nil.
func (s *Session) encodePayload(dst []byte, m *msg.Message, p *Payload, sl *seal) ([]byte, error) {
	if sl == nil && p.ppt == nil {
		var err error
		if dst, m.Payload, err = p.encode(dst, s.format); err != nil {
			return dst, &Error{URI: ErrInvalidPayload, cause: err}
		}
		return dst, nil
	}
	router := msg.Dealer
	if m.Type == msg.Publish {
		router = msg.Broker
	}
	switch {
	case !s.roles.Has(router, msg.PayloadPassthru):
		return dst, Errorf(ErrFeatureNotSupported, "the router does not announce payload_passthru_mode")
	case sl == nil:
		return s.encodePassthru(dst, m, p)
	case p.ppt != nil:
		return dst, Errorf(ErrInvalidPayload, "a payload in scheme %q for a URI that the key ring has a key for", p.ppt.Scheme)
	}
	return s.encodeSealed(dst, m, p, sl)
}

// encodePassthru is encodePayload for a payload that the application has put
// into a scheme.
func (s *Session) encodePassthru(dst []byte, m *msg.Message, p *Payload) ([]byte, error) {
	switch {
	case !s.passthru:
		return dst, Errorf(ErrFeatureNotSupported, "payload passthru mode needs Dialer.Passthru")
	case p.ppt.Scheme == "":
		return dst, Errorf(ErrInvalidPayload, "payload passthru mode needs a scheme")
	}
	var err error
	if dst, m.Payload, err = p.encode(dst, s.format); err == nil {
		err = p.checkPassthru()
	}
	if err != nil {
		return dst, &Error{URI: ErrInvalidPayload, cause: err}
	}
	p.ppt.option(&m.Options)
	return dst, nil
}

// checkPassthru checks the form of a payload in passthru mode. What was
// received goes on as it came.
func (p *Payload) checkPassthru() error {
	if p.raw != nil {
		return nil
	}
	if len(p.args) == 1 && len(p.kwargs) == 0 {
		if _, ok := p.args[0].([]byte); ok {
			return nil
		}
	}
	return fmt.Errorf("in scheme %q: it has to be one []byte", p.ppt.Scheme)
}
