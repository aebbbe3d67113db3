package codec

import (
	"math/bits"

	"github.com/wampeter/wampeter/internal/msg"
)

// keyNames are the names of the keys by their bit. Those of identities are
// what follows the party, and others depend on the message: see keyName.
var keyNames = func() (names [64]string) {
	for k, name := range map[msg.Key]string{
		msg.Acknowledge:         "acknowledge",
		msg.ExcludeMe:           "exclude_me",
		msg.DiscloseMe:          "disclose_me",
		msg.Retain:              "retain",
		msg.RetainClear:         "_retain_clear",
		msg.GetRetained:         "get_retained",
		msg.Retained:            "retained",
		msg.ReceiveProgress:     "receive_progress",
		msg.Progress:            "progress",
		msg.DiscloseCaller:      "disclose_caller",
		msg.ForwardTimeout:      "forward_timeout",
		msg.ForceReregister:     "force_reregister",
		msg.AckDelivery:         "x_acknowledged_delivery",
		msg.KeyMatch:            "match",
		msg.KeyInvoke:           "invoke",
		msg.KeyMode:             "mode",
		msg.KeyRunMode:          "runmode",
		msg.KeyTimeout:          "timeout",
		msg.KeyConcurrency:      "concurrency",
		msg.KeyTrustLevel:       "trustlevel",
		msg.KeyExclude:          "exclude",
		msg.KeyExcludeAuthID:    "exclude_authid",
		msg.KeyExcludeAuthRole:  "exclude_authrole",
		msg.KeyEligible:         "eligible",
		msg.KeyEligibleAuthID:   "eligible_authid",
		msg.KeyEligibleAuthRole: "eligible_authrole",
		msg.KeyRKey:             "rkey",
		msg.KeyNKey:             "nkey",
		msg.KeyPPTScheme:        "ppt_scheme",
		msg.KeyPPTSerializer:    "ppt_serializer",
		msg.KeyPPTCipher:        "ppt_cipher",
		msg.KeyPPTKeyID:         "ppt_keyid",
		msg.KeyEncAlgo:          "enc_algo",
		msg.KeyEncKey:           "enc_key",
		msg.KeyEncSerializer:    "enc_serializer",
		msg.KeyReason:           "reason",
		msg.KeyTransactionHash:  "transaction_hash",
	} {
		names[bits.TrailingZeros64(uint64(k))] = name
	}
	return names
}()

// keyTexts are the names in keyNames as keys of a dictionary of each format.
var keyTexts = func() (texts [msg.Formats][64]string) {
	for _, f := range []msg.Format{msg.JSON, msg.MessagePack, msg.CBOR} {
		for i, name := range keyNames {
			if name != "" {
				b := builder{f: f, first: true}
				b.key(name)
				texts[f][i] = string(b.b)
			}
		}
	}
	return texts
}()

// keyName returns the name of key k in messages of type t.
func keyName(t msg.Type, k msg.Key) string {
	switch k {
	case msg.KeySession:
		return party(t)
	case msg.KeyAuthID:
		return party(t) + "_authid"
	case msg.KeyAuthRole:
		return party(t) + "_authrole"
	case msg.KeySubject:
		if t == msg.Unregistered {
			return "registration"
		}
		return "subscription"
	case keyURI:
		if t == msg.Event {
			return "topic"
		}
		return "procedure"
	}
	return keyNames[bits.TrailingZeros64(uint64(k))]
}

// noExtra stands in for a missing Options.X.
var noExtra msg.Extra

// options writes the dictionary of m: the raw one, or m.Options in the order
// of their bits, and after them the further fields.
func (b *builder) options(m *msg.Message) {
	if m.Dict != nil {
		b.b = append(b.b, m.Dict...)
		return
	}
	o := &m.Options
	var keys msg.Key
	if int(m.Type) < len(typeKeys) {
		keys = typeKeys[m.Type]
	}
	defined := keys
	keys &= o.Set
	if m.URI != nil {
		keys |= defined & keyURI
	}
	if m.Type == msg.Unsubscribed || m.Type == msg.Unregistered {
		keys |= msg.KeySubject
	}
	x := o.X
	if x == nil {
		x = &noExtra
		keys &^= extraKeys
	}
	b.dict(bits.OnesCount64(uint64(keys)) + len(x.Fields))
	for ; keys != 0; keys &= keys - 1 {
		k := keys & -keys
		if text := keyTexts[b.f][bits.TrailingZeros64(uint64(k))]; text != "" {
			b.entry()
			b.b = append(b.b, text...)
		} else {
			b.key(keyName(m.Type, k))
		}
		b.option(m, x, k)
	}
	for i := range x.Fields {
		field := &x.Fields[i]
		b.key(field.Name)
		b.b = appendValue(b.b, b.f, field.Format, field.Value)
	}
	b.endDict()
}

// option writes the value of key k.
func (b *builder) option(m *msg.Message, x *msg.Extra, k msg.Key) {
	o := &m.Options
	if k&booleans != 0 {
		b.bool(o.Is(k))
		return
	}
	switch k {
	case keyURI:
		b.text(m.URI)
	case msg.KeyMatch:
		b.string(o.Match.String())
	case msg.KeyInvoke:
		b.string(o.Invoke.String())
	case msg.KeyMode:
		b.string(o.Mode.String())
	case msg.KeyRunMode:
		b.string(o.RunMode.String())
	case msg.KeyTimeout:
		b.uint(o.Timeout)
	case msg.KeyConcurrency:
		b.uint(uint64(o.Concurrency))
	case msg.KeyTrustLevel:
		b.uint(o.TrustLevel)
	case msg.KeySession:
		b.uint(o.Session)
	case msg.KeySubject:
		b.uint(m.ID)
	case msg.KeyExclude:
		b.ids(x.Exclude)
	case msg.KeyEligible:
		b.ids(x.Eligible)
	case msg.KeyExcludeAuthID:
		b.strings(x.ExcludeAuthID)
	case msg.KeyExcludeAuthRole:
		b.strings(x.ExcludeAuthRole)
	case msg.KeyEligibleAuthID:
		b.strings(x.EligibleAuthID)
	case msg.KeyEligibleAuthRole:
		b.strings(x.EligibleAuthRole)
	case msg.KeyRKey:
		b.shardKey(x.RKey)
	case msg.KeyNKey:
		b.shardKey(x.NKey)
	default:
		b.string(*textOption(x, k))
	}
}

func (b *builder) string(s string) { b.text([]byte(s)) }

func (b *builder) shardKey(k msg.ShardKey) {
	if k.IsInt {
		b.int(k.Int)
	} else {
		b.string(k.Str)
	}
}

func (b *builder) ids(ids []uint64) {
	b.list(len(ids))
	for i, id := range ids {
		if i > 0 {
			b.element()
		}
		b.uint(id)
	}
	b.endList()
}

func (b *builder) strings(texts []string) {
	b.list(len(texts))
	for i, s := range texts {
		if i > 0 {
			b.element()
		}
		b.string(s)
	}
	b.endList()
}
