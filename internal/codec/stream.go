package codec

import (
	"bytes"

	"github.com/wampeter/wampeter/internal/msg"
)

// stream is how the last progressive result began.
type stream struct {
	size    int // of data; 0: there was none
	f       msg.Format
	t       msg.Type
	request uint64
	options msg.Options
	dict    int // where in data the options start
	data    [maxRemembered]byte
}

// begin notes how a progressive result begins, up to the end of its options, which
// start at dict, if a Parser has room for that: the next ones of its stream most
// likely begin so, too.
func (p *Parser) begin(r *reader, m *msg.Message, dict int) {
	if layoutOf(m.Type) != "roa" || r.err != nil || r.pos > maxRemembered || m.Options.X != nil {
		return
	}
	s := &p.stream
	s.size = copy(s.data[:], r.data[:r.pos])
	s.f, s.t, s.request, s.options, s.dict = r.f, m.Type, m.Request, m.Options, dict
}

// next reads a message that begins as the last progressive result did. It reports
// whether m is such a message. Options tell by themselves where they end.
func (r *reader) next(m *msg.Message) bool {
	s := &r.last.stream
	if s.f != r.f || !bytes.HasPrefix(r.data, s.data[:s.size]) {
		return false
	}
	var v value
	r.value(&v)
	envelope := r.open()
	envelope.first = false
	if envelope.left > 0 {
		envelope.left -= 3 // the type, the request and the options
	}
	m.Type, m.Request, m.Options = s.t, s.request, s.options
	m.Dict = r.data[s.dict:s.size:s.size]
	r.pos = s.size
	if r.more(&envelope) && !r.payload(m, &envelope) && r.more(&envelope) {
		r.fail(violation("%v has too many elements", m.Type))
	}
	r.end()
	return true
}

// Builder builds the messages of a session, one after the other and all in one
// format. It remembers how the last progressive result began. It is used by one
// goroutine at a time; the zero Builder is ready to use.
type Builder struct {
	request  uint64
	elements uint8 // of the payload
	size     uint8 // of data; 0: nothing is remembered
	data     [maxStreamHead]byte
}

// maxStreamHead is the size of the longest head of a progressive result without
// other options: in JSON, with a request of 16 digits.
const maxStreamHead = len(`[50,9007199254740992,{"progress":true},`)

// Append is the function Append.
func (b *Builder) Append(dst []byte, f msg.Format, m *msg.Message) []byte {
	if m.Type != msg.Result || m.Options.Set != msg.Progress || m.Options.True != msg.Progress || m.Dict != nil {
		return Append(dst, f, m)
	}
	if n := uint8(m.Payload.Len()); b.size > 0 && b.request == m.Request && b.elements == n {
		dst = append(dst, b.data[:b.size]...)
	} else {
		start := len(dst)
		dst = AppendHead(dst, f, m)
		b.request, b.elements, b.size = m.Request, n, 0
		if len(dst)-start <= maxStreamHead {
			b.size = uint8(copy(b.data[:], dst[start:]))
		}
	}
	dst = appendPayload(dst, f, &m.Payload)
	return AppendFoot(dst, f, m)
}
