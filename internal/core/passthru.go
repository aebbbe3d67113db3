package core

import "github.com/wampeter/wampeter/internal/msg"

// passthruKeys are options that go with the payload wherever it goes, and that
// the router does not look into: those of payload passthru mode, their older
// form in Autobahn, and a hash of Autobahn's for transactions.
const passthruKeys = msg.KeyPPTScheme | msg.KeyPPTSerializer | msg.KeyPPTCipher | msg.KeyPPTKeyID |
	msg.KeyEncAlgo | msg.KeyEncKey | msg.KeyEncSerializer | msg.KeyTransactionHash

// passthru notes in to which options of from go with the payload, and returns
// them; nil when there are none.
func passthru(from, to *msg.Options) *msg.Extra {
	keys := from.Set & passthruKeys
	if keys == 0 {
		return nil
	}
	to.Set |= keys
	x := from.X
	return &msg.Extra{
		PPTScheme:       x.PPTScheme,
		PPTSerializer:   x.PPTSerializer,
		PPTCipher:       x.PPTCipher,
		PPTKeyID:        x.PPTKeyID,
		EncAlgo:         x.EncAlgo,
		EncKey:          x.EncKey,
		EncSerializer:   x.EncSerializer,
		TransactionHash: x.TransactionHash,
	}
}

// addPassthru adds the options of payload passthru mode to a dictionary.
func addPassthru(dict map[string]any, o *msg.Options) {
	if o.Set&passthruKeys == 0 {
		return
	}
	for _, option := range [...]struct {
		key   msg.Key
		name  string
		value string
	}{
		{msg.KeyPPTScheme, "ppt_scheme", o.X.PPTScheme},
		{msg.KeyPPTSerializer, "ppt_serializer", o.X.PPTSerializer},
		{msg.KeyPPTCipher, "ppt_cipher", o.X.PPTCipher},
		{msg.KeyPPTKeyID, "ppt_keyid", o.X.PPTKeyID},
		{msg.KeyEncAlgo, "enc_algo", o.X.EncAlgo},
		{msg.KeyEncKey, "enc_key", o.X.EncKey},
		{msg.KeyEncSerializer, "enc_serializer", o.X.EncSerializer},
	} {
		if o.Has(option.key) {
			dict[option.name] = option.value
		}
	}
}
