package auth

import (
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
)

// Channel binding types: what ties an authentication to the TLS connection that
// it happens on, so that it is worth nothing on another one.
const (
	BindingUnique   = "tls-unique"   // RFC 5929; up to TLS 1.2
	BindingExporter = "tls-exporter" // RFC 9266; the one for TLS 1.3
)

// Binding is the channel binding of a connection. The zero value: none.
type Binding struct {
	Type string
	Data []byte
}

// ErrNoTLS says that a connection without TLS cannot be bound to.
var ErrNoTLS = errors.New("channel binding needs TLS")

// ChannelBinding returns the binding of a TLS connection, state being nil when
// it is none. An empty kind has no data.
func ChannelBinding(kind string, state *tls.ConnectionState) (Binding, error) {
	b := Binding{Type: kind}
	if kind == "" {
		return b, nil
	}
	if kind != BindingUnique && kind != BindingExporter {
		return b, fmt.Errorf("channel binding %q: there are %s and %s", kind, BindingUnique, BindingExporter)
	}
	if state == nil {
		return b, ErrNoTLS
	}
	if kind == BindingUnique {
		// With TLS 1.3 it is not defined, and of resumed sessions it is not safe.
		if b.Data = state.TLSUnique; len(b.Data) == 0 {
			return b, errors.New("this TLS connection has no tls-unique (with TLS 1.3 none has): use " + BindingExporter)
		}
		return b, nil
	}
	data, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", []byte{}, 32)
	if err != nil {
		return b, fmt.Errorf("%s: %w", kind, err)
	}
	b.Data = data
	return b, nil
}

// channelID returns the 32 bytes that cryptosign combines a challenge with; nil
// for none. Of tls-unique, which is shorter, Autobahn takes the SHA-256.
func (b Binding) channelID() []byte {
	switch b.Type {
	case "":
		return nil
	case BindingUnique:
		sum := sha256.Sum256(b.Data)
		return sum[:]
	}
	return b.Data
}
