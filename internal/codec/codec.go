// Package codec reads and writes the envelopes of WAMP messages in JSON,
// MessagePack and CBOR. The application payload stays as the bytes that came:
// it is scanned for validity, spliced where the serializer is the same, and
// transcoded from bytes to bytes where it is another one. Typed Go values are
// read and written by Marshal and Unmarshal, which are the clients' business.
package codec

import "github.com/wampeter/wampeter/internal/msg"

// MaxDepth is how deep lists and dictionaries may be nested in a message, the
// message's own array not counted.
const MaxDepth = 128

// Parse reads one message of format f into m, replacing all of it. Byte slices
// in m refer to data. The whole of data is validated, payload included.
//
// Errors are *msg.Violation: broken encoding, wrong shape of the message, a
// known option of the wrong type, an ID out of range, a realm or URI that is
// no string. Whether a URI is well formed is not checked.
func Parse(f msg.Format, data []byte, m *msg.Message) error { panic("not yet") }

// Append appends message m in format f. A payload in another format is
// transcoded. What m holds is trusted to be valid.
func Append(dst []byte, f msg.Format, m *msg.Message) []byte { panic("not yet") }

// AppendHead appends message m in format f up to where its payload begins, and
// AppendFoot what follows it: between the two belongs m.Payload.Tail, which has
// to be in format f. They serve payloads that are too large to copy.
func AppendHead(dst []byte, f msg.Format, m *msg.Message) []byte { panic("not yet") }

// AppendFoot appends what ends a message begun by AppendHead.
func AppendFoot(dst []byte, f msg.Format, m *msg.Message) []byte { panic("not yet") }
