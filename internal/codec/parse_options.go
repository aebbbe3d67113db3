package codec

import (
	"bytes"
	"math"

	"github.com/wampeter/wampeter/internal/msg"
)

// Keys of options and details that are no part of msg.Options.
const (
	keyURI        msg.Key = 1 << 62 // "topic" in EVENT, "procedure" in INVOCATION: Message.URI
	keyForwardFor msg.Key = 1 << 63 // validated and else ignored
)

// booleans are the keys whose value is in Options.True.
const booleans = msg.KeyMatch - 1

// Groups of keys that occur together.
const (
	identityKeys  = msg.KeySession | msg.KeyAuthID | msg.KeyAuthRole
	encryptedKeys = msg.KeyEncAlgo | msg.KeyEncKey | msg.KeyEncSerializer
	payloadKeys   = msg.KeyPPTScheme | msg.KeyPPTSerializer | msg.KeyPPTCipher | msg.KeyPPTKeyID | encryptedKeys
	receiverKeys  = msg.KeyExclude | msg.KeyExcludeAuthID | msg.KeyExcludeAuthRole |
		msg.KeyEligible | msg.KeyEligibleAuthID | msg.KeyEligibleAuthRole

	// extraKeys are those whose value is in Options.X.
	extraKeys = msg.KeyAuthID | msg.KeyAuthRole | receiverKeys | msg.KeyRKey | msg.KeyNKey | payloadKeys |
		msg.KeyReason | msg.KeyTransactionHash
)

// typeKeys are the keys defined for each message. Others are ignored in it,
// and not written into it.
var typeKeys = [...]msg.Key{
	msg.Error: payloadKeys,
	msg.Publish: msg.Acknowledge | msg.ExcludeMe | msg.DiscloseMe | msg.Retain | msg.RetainClear |
		receiverKeys | msg.KeyRKey | msg.KeyTransactionHash | payloadKeys,
	msg.Subscribe:    msg.KeyMatch | msg.GetRetained | msg.KeyNKey,
	msg.Unsubscribed: msg.KeySubject | msg.KeyReason,
	msg.Event: msg.Retained | msg.AckDelivery | identityKeys | keyURI | msg.KeyTrustLevel |
		msg.KeyTransactionHash | payloadKeys,
	msg.Call: msg.ReceiveProgress | msg.Progress | msg.DiscloseMe | msg.KeyTimeout | msg.KeyRKey |
		msg.KeyRunMode | msg.KeyTransactionHash | payloadKeys,
	msg.Cancel: msg.KeyMode,
	msg.Result: msg.Progress | identityKeys | payloadKeys,
	msg.Register: msg.KeyMatch | msg.KeyInvoke | msg.DiscloseCaller | msg.ForwardTimeout | msg.KeyConcurrency |
		msg.ForceReregister | msg.KeyNKey,
	msg.Unregistered: msg.KeySubject | msg.KeyReason,
	msg.Invocation: msg.ReceiveProgress | msg.Progress | msg.KeyTimeout | identityKeys | keyURI | msg.KeyTrustLevel |
		msg.KeyTransactionHash | payloadKeys,
	msg.Interrupt: msg.KeyMode | msg.KeyReason,
	msg.Yield:     msg.Progress | payloadKeys,
}

// optionKey returns the key called name in messages of type t, or 0.
func optionKey(t msg.Type, name []byte) msg.Key {
	var k msg.Key
	switch string(name) {
	case "acknowledge":
		k = msg.Acknowledge
	case "exclude_me":
		k = msg.ExcludeMe
	case "disclose_me":
		k = msg.DiscloseMe
	case "retain":
		k = msg.Retain
	case "_retain_clear":
		k = msg.RetainClear
	case "get_retained":
		k = msg.GetRetained
	case "retained":
		k = msg.Retained
	case "receive_progress":
		k = msg.ReceiveProgress
	case "progress":
		k = msg.Progress
	case "disclose_caller":
		k = msg.DiscloseCaller
	case "forward_timeout":
		k = msg.ForwardTimeout
	case "force_reregister":
		k = msg.ForceReregister
	case "x_acknowledged_delivery":
		k = msg.AckDelivery
	case "match":
		k = msg.KeyMatch
	case "invoke":
		k = msg.KeyInvoke
	case "mode":
		k = msg.KeyMode
	case "runmode":
		k = msg.KeyRunMode
	case "timeout":
		k = msg.KeyTimeout
	case "concurrency":
		k = msg.KeyConcurrency
	case "trustlevel":
		k = msg.KeyTrustLevel
	case "caller", "publisher", "callee":
		k = ofParty(t, string(name), msg.KeySession)
	case "caller_authid", "publisher_authid", "callee_authid":
		k = ofParty(t, string(name[:len(name)-len("_authid")]), msg.KeyAuthID)
	case "caller_authrole", "publisher_authrole", "callee_authrole":
		k = ofParty(t, string(name[:len(name)-len("_authrole")]), msg.KeyAuthRole)
	case "exclude":
		k = msg.KeyExclude
	case "exclude_authid":
		k = msg.KeyExcludeAuthID
	case "exclude_authrole":
		k = msg.KeyExcludeAuthRole
	case "eligible":
		k = msg.KeyEligible
	case "eligible_authid":
		k = msg.KeyEligibleAuthID
	case "eligible_authrole":
		k = msg.KeyEligibleAuthRole
	case "rkey":
		k = msg.KeyRKey
	case "nkey":
		k = msg.KeyNKey
	case "ppt_scheme":
		k = msg.KeyPPTScheme
	case "ppt_serializer":
		k = msg.KeyPPTSerializer
	case "ppt_cipher":
		k = msg.KeyPPTCipher
	case "ppt_keyid":
		k = msg.KeyPPTKeyID
	case "enc_algo":
		k = msg.KeyEncAlgo
	case "enc_key":
		k = msg.KeyEncKey
	case "enc_serializer":
		k = msg.KeyEncSerializer
	case "reason":
		k = msg.KeyReason
	case "transaction_hash":
		k = msg.KeyTransactionHash
	case "subscription":
		if t == msg.Unsubscribed {
			k = msg.KeySubject
		}
	case "registration":
		if t == msg.Unregistered {
			k = msg.KeySubject
		}
	case "topic":
		if t == msg.Event {
			k = keyURI
		}
	case "procedure":
		if t == msg.Invocation {
			k = keyURI
		}
	case "forward_for":
		return keyForwardFor // in every message that has options
	}
	return k & typeKeys[t]
}

// party is the prefix of the identity keys in messages of type t.
func party(t msg.Type) string {
	switch t {
	case msg.Event:
		return "publisher"
	case msg.Invocation:
		return "caller"
	}
	return "callee"
}

func ofParty(t msg.Type, name string, k msg.Key) msg.Key {
	if name != party(t) {
		return 0
	}
	return k
}

// options reads the dictionary that value has found into m.Options.
func (r *reader) options(m *msg.Message) {
	f := r.open()
	var seen msg.Key
	for r.more(&f) {
		name := r.key()
		if r.err != nil {
			return
		}
		k := optionKey(m.Type, name)
		if k == 0 {
			r.skip(MaxDepth - 1)
			continue
		}
		if seen&k != 0 {
			r.fail(violation("%v: %s is given twice", m.Type, name))
			return
		}
		seen |= k
		var v value
		r.value(&v)
		if r.err != nil {
			return
		}
		if v.kind != kindNull {
			r.option(m, k, name, &v)
		}
	}
}

// recall reads the dictionary that value has found into m.Options if it is the
// last one once more. A dictionary tells by itself where it ends, so that one that
// begins with the bytes of another is that one.
func (p *Parser) recall(r *reader, m *msg.Message) bool {
	if p.size == 0 || p.t != m.Type || p.f != r.f || !bytes.HasPrefix(r.data[r.pos:], p.dict[:p.size]) {
		return false
	}
	m.Options = p.options
	r.pos += p.size
	return true
}

// remember notes the options of m, read from start to where r stands, unless they
// hold more than msg.Options does by itself.
func (p *Parser) remember(r *reader, m *msg.Message, start int) {
	if n := r.pos - start; r.err == nil && n <= maxRemembered && m.Options.Set != 0 && m.Options.X == nil && m.URI == nil {
		p.size = copy(p.dict[:], r.data[start:r.pos])
		p.f, p.t, p.options = r.f, m.Type, m.Options
	}
}

// option reads the value v of the key k, called name, into m.
func (r *reader) option(m *msg.Message, k msg.Key, name []byte, v *value) {
	o := &m.Options
	if k&booleans != 0 {
		if v.kind != kindBool {
			r.wrong(m.Type, name, "true or false")
			return
		}
		o.SetBool(k, v.num != 0)
		return
	}
	switch k {
	case keyURI:
		m.URI = r.text(m.Type, name, v)
		return
	case keyForwardFor:
		r.forwardFor(m.Type, name, v)
		return
	case msg.KeyMatch:
		var ok bool
		if o.Match, ok = msg.ParseMatch(string(r.text(m.Type, name, v))); !ok {
			r.wrong(m.Type, name, "exact, prefix or wildcard")
		}
	case msg.KeyInvoke:
		o.Invoke, _ = msg.ParseInvoke(string(r.text(m.Type, name, v)))
	case msg.KeyMode:
		o.Mode, _ = msg.ParseCancelMode(string(r.text(m.Type, name, v)))
	case msg.KeyRunMode:
		o.RunMode, _ = msg.ParseRunMode(string(r.text(m.Type, name, v)))
	case msg.KeyTimeout:
		o.Timeout = r.count(m.Type, name, v)
	case msg.KeyConcurrency:
		// More than fit are as many as one likes.
		o.Concurrency = uint32(min(r.count(m.Type, name, v), math.MaxUint32))
	case msg.KeyTrustLevel:
		o.TrustLevel = r.count(m.Type, name, v)
	case msg.KeySession:
		o.Session = r.idOption(m.Type, name, v)
	case msg.KeySubject:
		m.ID = r.idOption(m.Type, name, v)
	default:
		r.extra(m, k, name, v)
	}
	o.Set |= k
}

// extra reads the value of one of the keys in Options.X.
func (r *reader) extra(m *msg.Message, k msg.Key, name []byte, v *value) {
	t, x := m.Type, m.Options.Extra()
	switch k {
	case msg.KeyExclude:
		x.Exclude = r.ids(t, name, v)
	case msg.KeyEligible:
		x.Eligible = r.ids(t, name, v)
	case msg.KeyExcludeAuthID:
		x.ExcludeAuthID = r.texts(t, name, v)
	case msg.KeyExcludeAuthRole:
		x.ExcludeAuthRole = r.texts(t, name, v)
	case msg.KeyEligibleAuthID:
		x.EligibleAuthID = r.texts(t, name, v)
	case msg.KeyEligibleAuthRole:
		x.EligibleAuthRole = r.texts(t, name, v)
	case msg.KeyRKey:
		x.RKey = r.shardKey(t, name, v)
	case msg.KeyNKey:
		x.NKey = r.shardKey(t, name, v)
	default:
		s := string(r.text(t, name, v))
		*textOption(x, k) = s
		if k == msg.KeyEncAlgo && s != "cryptobox" && s != "mqtt" && s != "xbr" {
			r.wrong(t, name, "cryptobox, mqtt or xbr")
		}
	}
}

// textOption returns where in x the text of key k is.
func textOption(x *msg.Extra, k msg.Key) *string {
	switch k {
	case msg.KeyAuthID:
		return &x.AuthID
	case msg.KeyAuthRole:
		return &x.AuthRole
	case msg.KeyPPTScheme:
		return &x.PPTScheme
	case msg.KeyPPTSerializer:
		return &x.PPTSerializer
	case msg.KeyPPTCipher:
		return &x.PPTCipher
	case msg.KeyPPTKeyID:
		return &x.PPTKeyID
	case msg.KeyEncAlgo:
		return &x.EncAlgo
	case msg.KeyEncKey:
		return &x.EncKey
	case msg.KeyEncSerializer:
		return &x.EncSerializer
	case msg.KeyReason:
		return &x.Reason
	}
	return &x.TransactionHash
}

// wrong fails over the value of a key.
func (r *reader) wrong(t msg.Type, name []byte, want string) {
	r.fail(violation("%v: %s is not %s", t, name, want))
}

func (r *reader) text(t msg.Type, name []byte, v *value) []byte {
	if v.kind != kindString {
		r.wrong(t, name, "a string")
		return nil
	}
	return v.text
}

func (r *reader) count(t msg.Type, name []byte, v *value) uint64 {
	if v.kind != kindUint {
		r.wrong(t, name, "an integer of at least 0")
		return 0
	}
	return v.num
}

func (r *reader) idOption(t msg.Type, name []byte, v *value) uint64 {
	if !v.isID() {
		r.wrong(t, name, "an integer from 1 to 2^53")
		return 0
	}
	return v.num
}

func (r *reader) shardKey(t msg.Type, name []byte, v *value) msg.ShardKey {
	switch {
	case v.kind == kindString:
		return msg.ShardKey{Str: string(v.text)}
	case v.kind == kindInt, v.kind == kindUint && v.num <= math.MaxInt64:
		return msg.ShardKey{IsInt: true, Int: int64(v.num)}
	}
	r.wrong(t, name, "a string or an integer of 64 bits")
	return msg.ShardKey{}
}

// The lists are never nil: an empty one has a meaning of its own.

func (r *reader) ids(t msg.Type, name []byte, v *value) []uint64 {
	ids := []uint64{}
	r.each(t, name, v, func(v *value) bool {
		ids = append(ids, v.num)
		return v.isID()
	}, "a list of session IDs")
	return ids
}

func (r *reader) texts(t msg.Type, name []byte, v *value) []string {
	texts := []string{}
	r.each(t, name, v, func(v *value) bool {
		texts = append(texts, string(v.text))
		return v.kind == kindString
	}, "a list of strings")
	return texts
}

// forwardFor checks the list of routers that a message came through: Autobahn
// and Crossbar write a dictionary for each.
func (r *reader) forwardFor(t msg.Type, name []byte, v *value) {
	r.each(t, name, v, func(v *value) bool {
		if v.kind != kindDict {
			return false
		}
		r.dict()
		return true
	}, "a list of dictionaries")
}

// maxOptionList is the largest number of elements of a list among the options.
// In memory they take up to 16 times of what they take in a message.
const maxOptionList = 1 << 18

// each reads the list that v has found. It fails, saying that it is not what
// was wanted, once take returns false for an element.
func (r *reader) each(t msg.Type, name []byte, v *value, take func(*value) bool, want string) {
	if v.kind != kindList {
		r.wrong(t, name, want)
		return
	}
	f := r.open()
	var element value // not v: what take is given moves to the heap
	for n := 0; r.more(&f); n++ {
		if n == maxOptionList {
			r.fail(violation("%v: %s has more than %d elements", t, name, maxOptionList))
			return
		}
		r.value(&element)
		if r.err == nil && !take(&element) {
			r.wrong(t, name, want)
		}
	}
}
