package codec

import (
	"encoding/binary"
	"math"

	"github.com/wampeter/wampeter/internal/msg"
)

// kind is what a scanned value is to an envelope.
type kind uint8

const (
	kindOther  kind = iota // of no use in an envelope: a tag, an extension, a simple value
	kindNull               // null, undefined, extension 0: absent
	kindBool               // num is 0 or 1
	kindUint               // num
	kindInt                // negative; num in two's complement, when it fits
	kindNumber             // a float, or an integer beyond 64 bits
	kindString             // text
	kindBytes              // a byte string
	kindList
	kindDict
)

// value is one value that a reader stands at or has just read.
type value struct {
	kind  kind
	start int
	num   uint64
	text  []byte // of kindString: a view of the message, or a copy if it had to be put together
}

// isID reports whether v is an ID, an integer from 1 to 2^53.
func (v *value) isID() bool { return v.kind == kindUint && v.num-1 < msg.MaxID }

// reader reads a message front to back, in any format. The first error stays
// in err, and then every method returns at once what ends its caller's loop.
type reader struct {
	f    msg.Format
	data []byte
	pos  int
	err  error
	last *Parser // what it remembers; of messages only

	// Of the list or dictionary that was found last, in MessagePack and CBOR:
	// where its content begins, and the number of its elements or entries.
	body, length int
}

// frame is a list or dictionary that is being read.
type frame struct {
	left  int  // elements or entries to come; below 0: as many as there are before the end mark
	close byte // the end mark
	first bool // JSON: no comma yet
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// value reads the next value into v. Of a list or dictionary it only tells the
// kind: open or skip goes on from there.
func (r *reader) value(v *value) {
	if r.err != nil {
		v.kind = kindOther
		return
	}
	switch r.f {
	case msg.JSON:
		r.jsonValue(v)
	case msg.MessagePack:
		r.msgpackValue(v)
	case msg.CBOR:
		r.cborValue(v)
	}
}

// skip passes over the next value, which may be nested depth levels deep.
func (r *reader) skip(depth int) {
	if r.err == nil {
		r.pos, r.err = skip(r.f, r.data, r.pos, depth)
	}
}

// open enters the list or dictionary that value has found.
func (r *reader) open() frame {
	if r.err != nil {
		return frame{}
	}
	switch r.f {
	case msg.JSON:
		r.pos++
		// ']' and '}' both follow their opening character by two.
		return frame{left: -1, close: r.data[r.pos-1] + 2, first: true}
	default:
		r.pos = r.body
		return frame{left: r.length, close: cborBreak}
	}
}

// more reports whether another element or entry follows, and passes over what
// separates it or what ends the container.
func (r *reader) more(f *frame) bool {
	if f.left <= 0 || r.err != nil {
		return r.moreUncounted(f)
	}
	f.left--
	return true
}

// moreUncounted is more for what has an end mark, or has ended.
func (r *reader) moreUncounted(f *frame) bool {
	if f.left == 0 || r.err != nil {
		return false
	}
	if r.f == msg.JSON {
		r.pos = jsonSpace(r.data, r.pos)
	}
	if r.pos >= len(r.data) {
		r.fail(errTruncated(r.f))
		return false
	}
	c := r.data[r.pos]
	switch {
	case c == f.close:
		r.pos++
		return false
	case r.f != msg.JSON:
		return true
	case f.first:
		f.first = false
		return true
	case c == ',':
		r.pos++
		return true
	}
	r.fail(errJSON(r.data, r.pos))
	return false
}

// key reads the key of a dictionary's entry, which has to be text.
func (r *reader) key() []byte {
	var v value
	r.value(&v)
	if r.err != nil {
		return nil
	}
	if v.kind != kindString {
		r.fail(violation("%v: key at offset %d is no string", r.f, v.start))
		return nil
	}
	if r.f == msg.JSON {
		r.pos = jsonSpace(r.data, r.pos)
		if r.pos >= len(r.data) || r.data[r.pos] != ':' {
			r.fail(errJSON(r.data, r.pos))
			return nil
		}
		r.pos++
	}
	return v.text
}

// list passes over the list that value has found.
func (r *reader) list() {
	if r.err != nil {
		return
	}
	switch r.f {
	case msg.MessagePack:
		r.pos, r.err = skipMsgpackValues(r.data, r.body, r.length, MaxDepth-1)
	case msg.CBOR:
		r.pos, r.err = skipCBORValues(r.data, r.body, r.length, MaxDepth-1)
	default:
		r.skip(MaxDepth)
	}
}

// dict passes over the dictionary that value has found. Unlike skip it demands
// keys that are strings.
func (r *reader) dict() {
	f := r.open()
	for r.more(&f) {
		r.key()
		r.skip(MaxDepth - 1)
	}
}

// end checks that nothing follows the message.
func (r *reader) end() {
	if r.err != nil {
		return
	}
	if r.f == msg.JSON {
		r.pos = jsonSpace(r.data, r.pos)
	}
	if r.pos != len(r.data) {
		r.fail(violation("%v: %d bytes follow the message", r.f, len(r.data)-r.pos))
	}
}

func (r *reader) jsonValue(v *value) {
	data := r.data
	pos := jsonSpace(data, r.pos)
	r.pos = pos
	v.start = pos
	if pos >= len(data) {
		r.fail(errTruncated(msg.JSON))
		return
	}
	switch c := data[pos]; c {
	case '"':
		end, escaped, err := jsonString(data, pos)
		if err != nil {
			r.fail(err)
			return
		}
		v.kind, v.text, r.pos = kindString, jsonText(data[pos:end], escaped), end
	case '[':
		v.kind = kindList
	case '{':
		v.kind = kindDict
	case 'n':
		v.kind = kindNull
		r.pos, r.err = jsonLiteral(data, pos, "null")
	case 't':
		v.kind, v.num = kindBool, 1
		r.pos, r.err = jsonLiteral(data, pos, "true")
	case 'f':
		v.kind, v.num = kindBool, 0
		r.pos, r.err = jsonLiteral(data, pos, "false")
	default:
		end, integer, err := jsonNumber(data, pos)
		if err != nil {
			r.fail(err)
			return
		}
		r.pos = end
		v.kind = kindNumber
		if integer {
			v.kind, v.num = jsonInteger(data[pos:end])
		}
	}
}

// jsonInteger returns the value of an integer literal.
func jsonInteger(s []byte) (kind, uint64) {
	negative := s[0] == '-'
	if negative {
		s = s[1:]
	}
	var n uint64
	for _, c := range s {
		d := uint64(c - '0')
		if n > (math.MaxUint64-d)/10 {
			return kindNumber, 0
		}
		n = n*10 + d
	}
	switch {
	case !negative || n == 0:
		return kindUint, n
	case n > 1<<63:
		return kindNumber, 0
	}
	return kindInt, -n
}

func (r *reader) msgpackValue(v *value) {
	data, pos := r.data, r.pos
	v.start = pos
	if pos >= len(data) {
		r.fail(errTruncated(msg.MessagePack))
		return
	}
	c := data[pos]
	if c <= 0x7f {
		v.kind, v.num = kindUint, uint64(c)
		r.pos++
		return
	}
	if size := int(msgpackSize[c]); size != 0 {
		if size > len(data)-pos {
			r.fail(errTruncated(msg.MessagePack))
			return
		}
		r.pos = pos + size
		v.kind, v.num = msgpackScalar(data[pos:r.pos])
		return
	}
	switch c & 0xf0 {
	case mpFixMap:
		v.kind = kindDict
		r.body, r.length = pos+1, int(c&0x0f)
		return
	case mpFixArray:
		v.kind = kindList
		r.body, r.length = pos+1, int(c&0x0f)
		return
	}
	start, n, err := msgpackHead(data, pos)
	if err != nil {
		r.fail(err)
		return
	}
	switch c {
	case mpMap16, mpMap32:
		v.kind = kindDict
		r.body, r.length = start, n
		return
	case mpArray16, mpArray32:
		v.kind = kindList
		r.body, r.length = start, n
		return
	case mpBin8, mpBin16, mpBin32:
		v.kind = kindBytes
	case mpExt8, mpExt16, mpExt32:
		v.kind = msgpackExtension(data[start])
	default:
		v.kind, v.text = kindString, data[start:start+n]
		if !validText(v.text) {
			r.fail(errUTF8(msg.MessagePack, pos))
		}
	}
	r.pos = start + n
}

// msgpackScalar returns the value of s, whose size its first byte tells.
func msgpackScalar(s []byte) (kind, uint64) {
	switch c := s[0]; c {
	case mpUint8:
		return kindUint, uint64(s[1])
	case mpUint16:
		return kindUint, uint64(binary.BigEndian.Uint16(s[1:]))
	case mpUint32:
		return kindUint, uint64(binary.BigEndian.Uint32(s[1:]))
	case mpUint64:
		return kindUint, binary.BigEndian.Uint64(s[1:])
	case mpInt8:
		return signed(int64(int8(s[1])))
	case mpInt16:
		return signed(int64(int16(binary.BigEndian.Uint16(s[1:]))))
	case mpInt32:
		return signed(int64(int32(binary.BigEndian.Uint32(s[1:]))))
	case mpInt64:
		return signed(int64(binary.BigEndian.Uint64(s[1:])))
	case mpNil:
		return kindNull, 0
	case mpFalse:
		return kindBool, 0
	case mpTrue:
		return kindBool, 1
	case mpFloat64:
		return wholeFloat(s[1:])
	case mpFloat32:
		return kindNumber, 0
	case mpFixExt1, mpFixExt2, mpFixExt4, mpFixExt8, mpFixExt16:
		return msgpackExtension(s[1]), 0
	default:
		return signed(int64(int8(c)))
	}
}

// wholeFloat returns a float of eight bytes as the integer that it stands for:
// the encoders of wampy.js write every number from 2^32 on as a float, in CBOR
// IDs as well.
func wholeFloat(s []byte) (kind, uint64) {
	f := math.Float64frombits(binary.BigEndian.Uint64(s))
	if f < 1<<32 || f > msg.MaxID || f != math.Trunc(f) {
		return kindNumber, 0
	}
	return kindUint, uint64(f)
}

// msgpackExtension tells what an extension means: wampy.js writes JavaScript's
// undefined as type 0.
func msgpackExtension(extension byte) kind {
	if extension == 0 {
		return kindNull
	}
	return kindOther
}

func signed(i int64) (kind, uint64) {
	if i < 0 {
		return kindInt, uint64(i)
	}
	return kindUint, uint64(i)
}

func (r *reader) cborValue(v *value) {
	data, pos := r.data, r.pos
	v.start = pos
	if pos >= len(data) {
		r.fail(errTruncated(msg.CBOR))
		return
	}
	c := data[pos]
	if n := int(c & 0x1f); n < 24 { // as most heads are
		switch c >> 5 {
		case cborUint:
			v.kind, v.num = kindUint, uint64(n)
			r.pos = pos + 1
			return
		case cborText:
			end := pos + 1 + n
			if end > len(data) {
				r.fail(errTruncated(msg.CBOR))
				return
			}
			v.kind, v.text = kindString, data[pos+1:end]
			if !validText(v.text) {
				r.fail(errUTF8(msg.CBOR, pos))
				return
			}
			r.pos = end
			return
		case cborArray:
			if n < len(data)-pos {
				v.kind = kindList
				r.body, r.length = pos+1, n
				return
			}
		case cborMap:
			if 2*n < len(data)-pos {
				v.kind = kindDict
				r.body, r.length = pos+1, n
				return
			}
		}
	}
	start, arg, err := cborHead(data, pos)
	if err != nil {
		r.fail(err)
		return
	}
	switch c >> 5 {
	case cborUint:
		v.kind, v.num = kindUint, arg
		r.pos = start
	case cborNegative:
		v.kind, v.num = kindInt, ^arg
		if arg > math.MaxInt64 {
			v.kind = kindNumber
		}
		r.pos = start
	case cborArray:
		v.kind = kindList
		r.body, r.length = start, int(arg)
	case cborMap:
		v.kind = kindDict
		r.body, r.length = start, int(arg)
	case cborText:
		if r.pos, r.err = skipCBORString(data, pos, start, arg); r.err != nil {
			return
		}
		v.kind, v.text = kindString, data[start:r.pos]
		if int(arg) == cborIndefinite {
			v.text = cborJoin(v.text)
		}
	case cborBytes:
		v.kind = kindBytes
		r.pos, r.err = skipCBORString(data, pos, start, arg)
	case cborTag:
		v.kind = kindOther
		r.pos, r.err = skipCBOR(data, pos, MaxDepth-1)
	default:
		r.pos = start
		switch c {
		case cborNull, cborUndefined:
			v.kind = kindNull
		case cborFalse, cborTrue:
			v.kind, v.num = kindBool, uint64(c-cborFalse)
		case cborFloat64:
			v.kind, v.num = wholeFloat(data[pos+1:])
		case cborFloat16, cborFloat32:
			v.kind = kindNumber
		default:
			v.kind = kindOther
		}
	}
}

// cborJoin returns the content of a valid string of indefinite length, given
// from behind its head to its end.
func cborJoin(chunks []byte) []byte {
	text := make([]byte, 0, len(chunks))
	for pos := 0; chunks[pos] != cborBreak; {
		start, n, _ := cborHead(chunks, pos)
		pos = start + int(n)
		text = append(text, chunks[start:pos]...)
	}
	return text
}
