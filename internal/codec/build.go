package codec

import "github.com/wampeter/wampeter/internal/msg"

// message writes everything of m in front of its payload.
func (b *builder) message(m *msg.Message) {
	l := layoutOf(m.Type)
	revocation := m.Request == 0
	elements := 1 + m.Payload.Len()
	for i := range len(l) {
		if c := l[i]; c != 'a' && c != 'x' && (c != 'v' || revocation) {
			elements++
		}
	}
	b.list(elements)
	b.uint(uint64(m.Type))
	for i := range len(l) {
		switch l[i] {
		case 'r':
			b.element()
			b.uint(m.Request)
		case 'i':
			b.element()
			b.uint(m.ID)
		case 'p':
			b.element()
			b.uint(m.Publication)
		case 'e':
			b.element()
			b.uint(uint64(m.ErrType))
		case 'u':
			b.element()
			b.text(m.URI)
		case 'd', 'o':
			b.element()
			b.options(m)
		case 'v':
			if revocation {
				b.element()
				b.options(m)
			}
		}
	}
	if m.Payload.Len() > 0 {
		b.element()
	}
}

// appendPayload appends p in format f.
func appendPayload(dst []byte, f msg.Format, p *msg.Payload) []byte {
	if p.Len() == 0 {
		return dst
	}
	if p.Format == f && p.Tail != nil {
		return append(dst, p.Tail...)
	}
	if p.Args == nil {
		dst = appendEmptyList(dst, f)
	} else {
		dst = appendValue(dst, f, p.Format, p.Args)
	}
	if p.Kwargs == nil {
		return dst
	}
	if f == msg.JSON {
		dst = append(dst, ',')
	}
	return appendValue(dst, f, p.Format, p.Kwargs)
}

// appendValue appends value, which is in format from, in format to.
func appendValue(dst []byte, to, from msg.Format, value []byte) []byte {
	if to == from {
		return append(dst, value...)
	}
	return Transcode(dst, to, from, value)
}
