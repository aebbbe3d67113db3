package codec

import "github.com/wampeter/wampeter/internal/msg"

// message writes everything of m in front of its payload.
func (b *builder) message(m *msg.Message) {
	l := layoutOf(m.Type)
	revocation := m.Request == 0
	head := len(b.b)
	b.list(0)
	b.uint(uint64(m.Type))
	n := 1
	for i := range len(l) {
		c := l[i]
		if c == 'a' || c == 'x' || c == 'v' && !revocation {
			continue
		}
		n++
		b.element()
		switch c {
		case 'r':
			b.uint(m.Request)
		case 'i':
			b.uint(m.ID)
		case 'p':
			b.uint(m.Publication)
		case 'e':
			b.uint(uint64(m.ErrType))
		case 'u':
			b.text(m.URI)
		default:
			b.options(m)
		}
	}
	if p := m.Payload.Len(); p > 0 {
		n += p
		b.element()
	}
	if b.f != msg.JSON {
		b.b[head] |= byte(n) // below 16, so that it is in the head of the list
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
