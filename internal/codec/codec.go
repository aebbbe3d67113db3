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
// no string. Whether a URI is well formed is not checked, nor whether the
// message may come from the peer that sent it. After an error m holds nothing
// of use.
//
// Parsing is lenient where real peers need it and nobody is harmed: null in
// place of args, kwargs or an option is taken as its absence, unknown options
// are ignored, and UNSUBSCRIBE and UNREGISTER may end in a dictionary.
//
// A message without options that need memory of their own (Options.X) and
// without escapes in its strings is parsed without allocating.
func Parse(f msg.Format, data []byte, m *msg.Message) error {
	r := reader{f: f, data: data}
	r.message(m)
	return r.err
}

// Parser parses one message after the other. It remembers the last options that
// it has met, since most messages of a client have the same ones, and of the last
// progressive result all but its payload. It is used by one goroutine; the zero
// Parser is ready to use.
type Parser struct {
	size    int // of dict; 0: nothing is remembered
	dict    [maxRemembered]byte
	f       msg.Format
	t       msg.Type
	options msg.Options

	stream stream
}

// maxRemembered is the size of the largest options that are remembered, in bytes.
const maxRemembered = 64

// Parse is the function Parse.
func (p *Parser) Parse(f msg.Format, data []byte, m *msg.Message) error {
	r := reader{f: f, data: data, last: p}
	r.message(m)
	return r.err
}

// Append appends message m in format f. A payload in another format is
// transcoded. What m holds is trusted to be valid.
//
// The options are written from m.Options, in a fixed order, unless m.Dict is
// set: whoever forwards a parsed message with other options clears Dict. Keys
// that are not defined for the message's type are left out, so that options
// can be taken over from one message to the next.
func Append(dst []byte, f msg.Format, m *msg.Message) []byte {
	dst = AppendHead(dst, f, m)
	dst = appendPayload(dst, f, &m.Payload)
	return AppendFoot(dst, f, m)
}

// AppendHead appends message m in format f up to where its payload begins, and
// AppendFoot what follows it: between the two belongs m.Payload.Tail, which has
// to be in format f. They serve payloads that are too large to copy.
func AppendHead(dst []byte, f msg.Format, m *msg.Message) []byte {
	b := builder{f: f, b: dst}
	b.message(m)
	return b.b
}

// AppendFoot appends what ends a message begun by AppendHead.
func AppendFoot(dst []byte, f msg.Format, _ *msg.Message) []byte {
	if f == msg.JSON {
		return append(dst, ']')
	}
	return dst
}
