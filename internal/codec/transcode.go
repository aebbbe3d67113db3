package codec

import (
	"strconv"

	"github.com/wampeter/wampeter/internal/msg"
)

// Transcode appends value, which is one complete valid value in format from,
// in format to (specification, section "Serializers"; what is lost on the way
// is a table in docs/serializers.md). It goes from bytes to bytes in one pass
// and allocates only to grow dst (and to read a number longer than any that a
// float needs). What is not a valid value becomes null.
func Transcode(dst []byte, to, from msg.Format, value []byte) []byte {
	if to == from {
		return append(dst, value...)
	}
	t := transcoder{
		cursor: cursor{reader: reader{f: from, data: value}},
		out:    builder{f: to, b: dst},
		twins:  to != msg.JSON && from != msg.JSON,
	}
	t.value(MaxDepth)
	if t.err != nil {
		t.out.b = t.out.b[:len(dst)]
		t.out.null()
	}
	return t.out.b
}

// TranscodePayload returns p in format to, in memory of its own (p itself when
// it is in that format already). Args that p lacks beside Kwargs become the
// empty list, as on the wire.
func TranscodePayload(p msg.Payload, to msg.Format) msg.Payload {
	if p.Format == to || p.Len() == 0 {
		p.Format = to
		return p
	}
	tail := make([]byte, 0, p.Size()+p.Size()/8+16)
	if p.Args == nil {
		tail = appendEmptyList(tail, to)
	} else {
		tail = Transcode(tail, to, p.Format, p.Args)
	}
	args, kwargs := len(tail), 0
	if p.Kwargs != nil {
		if to == msg.JSON {
			tail = append(tail, ',')
		}
		kwargs = len(tail)
		tail = Transcode(tail, to, p.Format, p.Kwargs)
	}
	out := msg.Payload{Format: to, Tail: tail, Args: tail[:args:args]}
	if p.Kwargs != nil {
		out.Kwargs = tail[kwargs:]
	}
	return out
}

// transcoder writes the values that its cursor reads, in another format.
type transcoder struct {
	cursor
	out   builder
	twins bool // from MessagePack to CBOR or back

	// What typed values need beyond the routing of bytes.
	fromGo  bool // text may come from Go strings: refuse what is not UTF-8
	sawHuge bool // set when an integer beyond int64 went by
	lenient
}

// value copies the next value, whose containers may be nested depth levels.
func (t *transcoder) value(depth int) {
	if t.twins && t.shortText() {
		return
	}
	t.next()
	switch t.kind {
	case kindNull:
		t.out.null()
	case kindBool:
		t.out.bool(t.num != 0)
	case kindUint:
		if t.num > 1<<63-1 {
			t.sawHuge = true
		}
		t.out.uint(t.num)
	case kindInt:
		t.out.int(int64(t.num))
	case kindNumber:
		f := t.float()
		if t.wholeInts && isWhole(f) {
			t.out.int(int64(f))
			return
		}
		t.out.float(f)
	case kindString, kindBytes:
		t.content()
	case kindList:
		t.list(depth - 1)
	case kindDict:
		t.dict(depth - 1)
	}
}

// shortText copies a short text between MessagePack and CBOR, whose heads
// differ by a constant then: most of a payload are keys and words. It returns
// false when something else comes.
func (t *transcoder) shortText() bool {
	if t.err != nil || t.pos >= len(t.data) {
		return false
	}
	head := byte(mpFixStr)
	if t.f == msg.CBOR {
		head = cborText << 5
	}
	const limit = 24 // both write a shorter length in the head's one byte
	n := int(t.data[t.pos] - head)
	end := t.pos + 1 + n
	if n >= limit || end > len(t.data) {
		return false
	}
	start := len(t.out.b)
	t.out.b = append(t.out.b, t.data[t.pos:end]...)
	t.out.b[start] ^= mpFixStr ^ cborText<<5
	t.pos = end
	return true
}

// content copies text or bytes.
func (t *transcoder) content() {
	if t.fromGo && t.kind == kindString && !t.checkUTF8() {
		return
	}
	if t.form == formPlain {
		if t.kind == kindBytes {
			t.out.bytes(t.text)
		} else {
			t.out.plainText(t.text)
		}
		return
	}
	k, start := t.kind, len(t.out.b)
	if t.isMarked() {
		if b, ok := t.appendMarked(t.out.b); ok {
			t.out.b = b
			t.out.settle(start, kindBytes)
			return
		}
	}
	t.out.b = t.appendText(t.out.b)
	t.out.settle(start, k)
}

func (t *transcoder) list(depth int) {
	if depth < 0 {
		t.failDeep()
		return
	}
	f := t.open()
	counted := f.left
	start, n := t.out.begin(kindList, counted), 0
	for ; t.more(&f); n++ {
		if n > 0 {
			t.out.separate(',')
		}
		t.value(depth)
	}
	t.out.end(start, kindList, counted, n)
}

func (t *transcoder) dict(depth int) {
	if depth < 0 {
		t.failDeep()
		return
	}
	f := t.open()
	counted := f.left
	start, n := t.out.begin(kindDict, counted), 0
	for ; t.more(&f); n++ {
		if n > 0 {
			t.out.separate(',')
		}
		t.key()
		t.out.separate(':')
		t.value(depth)
	}
	t.out.end(start, kindDict, counted, n)
}

func (t *transcoder) failDeep() {
	if t.fromGo {
		t.fail(errValueDepth)
		return
	}
	t.fail(errTooDeep(t.f, t.pos))
}

// key copies a key, which becomes text if it is none.
func (t *transcoder) key() {
	if t.twins && t.shortText() {
		return
	}
	t.nextKey()
	if t.kind == kindString {
		if t.fromGo && !t.checkUTF8() {
			return
		}
		if t.form == formPlain {
			if t.intKeys {
				if n, ok := decimal(t.text); ok {
					t.out.int(n)
					return
				}
			}
			t.out.text(t.text)
			return
		}
	}
	start := len(t.out.b)
	t.out.b = t.appendKey(t.out.b)
	t.out.settle(start, kindString)
}

// decimal reads a key that is an integer as appendKey writes it.
func decimal(s []byte) (n int64, ok bool) {
	if len(s) == 0 || len(s) > len("-9223372036854775808") || !isDigit(s[len(s)-1]) {
		return 0, false
	}
	n, err := strconv.ParseInt(string(s), 10, 64)
	return n, err == nil && strconv.FormatInt(n, 10) == string(s)
}
