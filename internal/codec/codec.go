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

// Transcode appends value, which is one complete valid value in format from,
// in format to (specification, section "Serializers"; what is lost on the way
// is a table in docs/serializers.md).
func Transcode(dst []byte, to, from msg.Format, value []byte) []byte { panic("not yet") }

// TranscodePayload returns p in format to, in memory of its own (p itself when
// it is in that format already).
func TranscodePayload(p msg.Payload, to msg.Format) msg.Payload { panic("not yet") }

// Marshal appends v as one value in format f. Struct fields are named by their
// json (or cbor) tags; []byte is binary, in JSON U+0000 and base64.
func Marshal(dst []byte, f msg.Format, v any) ([]byte, error) { panic("not yet") }

// Unmarshal reads the one value in data into what v points to. Into an any go
// nil, bool, int64 (uint64 beyond its range), float64, string, []byte, []any,
// map[string]any. Numbers never pass through float64 on the way to an integer;
// an integer that the target cannot hold is an error.
func Unmarshal(f msg.Format, data []byte, v any) error { panic("not yet") }

// Elements appends the elements of list, one complete valid list in format f,
// to dst, each as its bytes. Entries does the same for a dictionary.
func Elements(dst [][]byte, f msg.Format, list []byte) [][]byte { panic("not yet") }

// Entries calls yield for each entry of dict, one complete valid dictionary in
// format f.
func Entries(f msg.Format, dict []byte, yield func(key string, value []byte) bool) { panic("not yet") }

// AppendList appends a list of values that are serialized already, and
// AppendDict a dictionary.
func AppendList(dst []byte, f msg.Format, elements [][]byte) []byte { panic("not yet") }

// AppendDict appends a dictionary of entries whose values are serialized in
// format f already.
func AppendDict(dst []byte, f msg.Format, keys []string, values [][]byte) []byte { panic("not yet") }
