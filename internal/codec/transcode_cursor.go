package codec

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/wampeter/wampeter/internal/msg"
)

// cursor reads a payload that was scanned before, value by value and with
// their content, where reader only looks for what matters to an envelope. It
// does not check text for UTF-8 again; nothing it meets makes it panic, read
// beyond its data, or go on without end.
type cursor struct {
	reader
	kind  kind
	form  form
	start int    // where the value begins
	num   uint64 // of a bool, an integer (two's complement), a number (bits of the float64)
	text  []byte // of kindString and kindBytes, in the form that form tells
}

// form is how the content of a string lies in the message.
type form uint8

const (
	formPlain   form = iota // as it is
	formEscaped             // JSON, with escapes
	formChunked             // CBOR of indefinite length: strings up to a break
	formTime                // MessagePack timestamp, to be written out
)

// next reads the next value. At a list or dictionary it stops before the head,
// for open to go on.
func (c *cursor) next() {
	c.kind, c.form = kindNull, formPlain
	if c.err != nil {
		return
	}
	switch c.f {
	case msg.JSON:
		c.nextJSON()
	case msg.MessagePack:
		c.nextMsgpack()
	case msg.CBOR:
		c.nextCBOR()
	default:
		c.fail(violation("unknown serializer %v", c.f))
	}
}

// nextKey reads the key of a dictionary's entry, and what separates it from
// its value. In JSON it has to be a string.
func (c *cursor) nextKey() {
	c.next()
	if c.kind == kindList || c.kind == kindDict {
		c.skip(MaxDepth)
	}
	if c.f != msg.JSON || c.err != nil {
		return
	}
	c.pos = jsonSpace(c.data, c.pos)
	if c.kind != kindString || c.pos >= len(c.data) || c.data[c.pos] != ':' {
		c.fail(errJSON(c.data, c.pos))
		return
	}
	c.pos++
}

func (c *cursor) float() float64 { return math.Float64frombits(c.num) }

func (c *cursor) setFloat(f float64) { c.kind, c.num = kindNumber, math.Float64bits(f) }

// checkUTF8 fails when text, which is to be plain, is not UTF-8.
func (c *cursor) checkUTF8() bool {
	if utf8.Valid(c.text) {
		return true
	}
	c.fail(errNotUTF8(string(c.text)))
	return false
}

func (c *cursor) nextJSON() {
	data := c.data
	pos := jsonSpace(data, c.pos)
	c.pos, c.start = pos, pos
	if pos >= len(data) {
		c.fail(errTruncated(msg.JSON))
		return
	}
	switch data[pos] {
	case '"':
		end, escaped, err := jsonString(data, pos)
		if err != nil {
			c.fail(err)
			return
		}
		c.kind, c.text, c.pos = kindString, data[pos+1:end-1], end
		if escaped {
			c.form = formEscaped
		}
	case '[':
		c.kind = kindList
	case '{':
		c.kind = kindDict
	case 'n':
		c.pos, c.err = jsonLiteral(data, pos, "null")
	case 't':
		c.kind, c.num = kindBool, 1
		c.pos, c.err = jsonLiteral(data, pos, "true")
	case 'f':
		c.kind, c.num = kindBool, 0
		c.pos, c.err = jsonLiteral(data, pos, "false")
	default:
		end, integer, err := jsonNumber(data, pos)
		if err != nil {
			c.fail(err)
			return
		}
		c.pos = end
		c.number(data[pos:end], integer)
	}
}

// number takes the value of a valid number. An integer beyond 64 bits is read
// as a float, as most readers of JSON do.
func (c *cursor) number(s []byte, integer bool) {
	if integer {
		if c.kind, c.num = jsonInteger(s); c.kind != kindNumber {
			return
		}
	} else if f, ok := shortFloat(s); ok {
		c.setFloat(f)
		return
	}
	// Out of range, ParseFloat returns an infinity, which is the value.
	f, _ := strconv.ParseFloat(string(s), 64)
	c.setFloat(f)
}

// shortFloat reads a number of few digits and no exponent: one division of two
// integers that floats hold exactly is rounded correctly.
func shortFloat(s []byte) (f float64, ok bool) {
	if len(s) > len(powersOfTen) {
		return 0, false
	}
	var n uint64
	point := len(s) - 1
	for i, b := range s {
		switch {
		case isDigit(b):
			n = n*10 + uint64(b-'0')
		case b == '.':
			point = i
		case b != '-':
			return 0, false
		}
	}
	f = float64(n) / powersOfTen[len(s)-1-point]
	if s[0] == '-' {
		f = -f
	}
	return f, true
}

var powersOfTen = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

func (c *cursor) nextMsgpack() {
	data, pos := c.data, c.pos
	c.start = pos
	if pos >= len(data) {
		c.fail(errTruncated(msg.MessagePack))
		return
	}
	b := data[pos]
	switch { // what most of a payload consists of
	case b <= 0x7f:
		c.kind, c.num = kindUint, uint64(b)
		c.pos = pos + 1
		return
	case b&0xe0 == mpFixStr:
		end := pos + 1 + int(b&0x1f)
		if end > len(data) {
			c.fail(errTruncated(msg.MessagePack))
			return
		}
		c.kind, c.text = kindString, data[pos+1:end]
		c.pos = end
		return
	}
	if size := int(msgpackSize[b]); size != 0 {
		if size > len(data)-pos {
			c.fail(errTruncated(msg.MessagePack))
			return
		}
		c.pos = pos + size
		s := data[pos:c.pos]
		switch b {
		case mpFloat32:
			c.setFloat(float64(math.Float32frombits(binary.BigEndian.Uint32(s[1:]))))
		case mpFloat64:
			c.kind, c.num = kindNumber, binary.BigEndian.Uint64(s[1:])
		case mpFixExt1, mpFixExt2, mpFixExt4, mpFixExt8, mpFixExt16:
			c.extension(s[1:])
		default:
			c.kind, c.num = msgpackScalar(s)
		}
		return
	}
	start, n, err := msgpackHead(data, pos)
	if err != nil {
		c.fail(err)
		return
	}
	switch {
	case b&0xf0 == mpFixMap, b == mpMap16, b == mpMap32:
		c.kind, c.body, c.length = kindDict, start, n
		return
	case b&0xf0 == mpFixArray, b == mpArray16, b == mpArray32:
		c.kind, c.body, c.length = kindList, start, n
		return
	}
	c.pos = start + n
	content := data[start:c.pos]
	switch b {
	case mpBin8, mpBin16, mpBin32:
		c.kind, c.text = kindBytes, content
	case mpExt8, mpExt16, mpExt32:
		c.extension(content)
	default:
		c.kind, c.text = kindString, content
	}
}

// mpTimestamp is the type of the one extension that MessagePack defines.
const mpTimestamp = 0xff

// extension takes the value of an extension, given with its type before its
// data: null for JavaScript's undefined as wampy.js writes it, text for a
// timestamp, else the bytes.
func (c *cursor) extension(s []byte) {
	c.kind, c.text = kindBytes, s[1:]
	switch {
	case s[0] == 0 && len(s) == 2:
		c.kind = kindNull
	case s[0] == mpTimestamp:
		if _, ok := timestamp(c.text); ok {
			c.kind, c.form = kindString, formTime
		}
	}
}

// timestamp reads the data of a timestamp extension. It refuses what is none,
// and years that RFC 3339 cannot write.
func timestamp(s []byte) (t time.Time, ok bool) {
	var seconds, nanoseconds int64
	switch len(s) {
	case 4:
		seconds = int64(binary.BigEndian.Uint32(s))
	case 8:
		n := binary.BigEndian.Uint64(s)
		seconds, nanoseconds = int64(n&(1<<34-1)), int64(n>>34)
	case 12:
		seconds, nanoseconds = int64(binary.BigEndian.Uint64(s[4:])), int64(binary.BigEndian.Uint32(s))
	default:
		return t, false
	}
	const first, last = -62167219200, 253402300799 // of the years 0 and 9999
	t = time.Unix(seconds, nanoseconds).UTC()
	return t, nanoseconds < 1e9 && first <= seconds && seconds <= last
}

func (c *cursor) nextCBOR() {
	data := c.data
	c.start = c.pos
	for {
		pos := c.pos
		if pos >= len(data) {
			c.fail(errTruncated(msg.CBOR))
			return
		}
		switch b := data[pos]; { // what most of a payload consists of
		case b < 24:
			c.kind, c.num = kindUint, uint64(b)
			c.pos = pos + 1
			return
		case cborText<<5 <= b && b < cborText<<5+24:
			end := pos + 1 + int(b&0x1f)
			if end > len(data) {
				c.fail(errTruncated(msg.CBOR))
				return
			}
			c.kind, c.text = kindString, data[pos+1:end]
			c.pos = end
			return
		}
		start, arg, err := cborHead(data, pos)
		if err != nil {
			c.fail(err)
			return
		}
		switch data[pos] >> 5 {
		case cborUint:
			c.kind, c.num = kindUint, arg
			c.pos = start
		case cborNegative:
			c.kind, c.num = kindInt, ^arg
			if arg > math.MaxInt64 {
				c.setFloat(-1 - float64(arg))
			}
			c.pos = start
		case cborBytes, cborText:
			c.cborContent(pos, start, arg)
		case cborArray:
			c.kind, c.body, c.length = kindList, start, int(arg)
		case cborMap:
			c.kind, c.body, c.length = kindDict, start, int(arg)
		case cborTag:
			c.pos = start
			if (arg == cborBignum || arg == cborBignum+1) && start < len(data) && data[start]>>5 == cborBytes {
				c.bignum(arg != cborBignum)
				return
			}
			continue // a tag's value is its content
		default:
			c.pos = start
			c.cborSimple(data[pos], arg)
		}
		return
	}
}

// cborContent takes the content of the string at pos, whose head was read.
func (c *cursor) cborContent(pos, start int, arg uint64) {
	form, end := formPlain, start+int(arg)
	if int(arg) == cborIndefinite {
		form = formChunked
		if c.pos, c.err = skipCBORString(c.data, pos, start, arg); c.err != nil {
			return
		}
		end = c.pos - 1 // without the break
	} else {
		c.pos = end
	}
	c.kind, c.form, c.text = kindString, form, c.data[start:end]
	if c.data[pos]>>5 == cborBytes {
		c.kind = kindBytes
	}
}

// cborSimple takes the value of major type 7 with the given first byte. What
// is neither a bool nor a float is null: undefined, and the simple values
// that nobody has given a meaning.
func (c *cursor) cborSimple(first byte, arg uint64) {
	switch first {
	case cborFalse, cborTrue:
		c.kind, c.num = kindBool, uint64(first-cborFalse)
	case cborFloat16:
		c.setFloat(float16(uint16(arg)))
	case cborFloat32:
		c.setFloat(float64(math.Float32frombits(uint32(arg))))
	case cborFloat64:
		c.kind, c.num = kindNumber, arg
	default:
		c.kind = kindNull
	}
}

// float16 widens a half precision float (RFC 8949, appendix D).
func float16(h uint16) float64 {
	exponent, fraction := int(h>>10&0x1f), float64(h&0x3ff)
	var f float64
	switch {
	case exponent == 0:
		f = math.Ldexp(fraction, -24)
	case exponent < 31:
		f = math.Ldexp(fraction+1024, exponent-25)
	case fraction == 0:
		f = math.Inf(1)
	default:
		f = math.NaN()
	}
	if h>>15 != 0 {
		f = -f
	}
	return f
}

// cborBignum is the tag of an unsigned bignum; the one after it is negative.
const cborBignum = 2

// bignum reads the bytes of a bignum: an integer where 64 bits hold it, else
// the nearest float.
func (c *cursor) bignum(negative bool) {
	c.nextCBOR()
	if c.err != nil || c.form != formPlain {
		return
	}
	digits := bytes.TrimLeft(c.text, "\x00")
	var n uint64
	for _, b := range digits[:min(8, len(digits))] {
		n = n<<8 | uint64(b)
	}
	if len(digits) <= 8 {
		switch {
		case !negative:
			c.kind, c.num = kindUint, n
		case n <= math.MaxInt64:
			c.kind, c.num = kindInt, ^n
		default:
			c.setFloat(-1 - float64(n))
		}
		return
	}
	// The first eight bytes hold at least 57 bits, and whether anything follows
	// them is all else that decides how 53 are rounded. Beyond the range of
	// floats Ldexp gives an infinity.
	rest := digits[8:]
	if len(bytes.TrimLeft(rest, "\x00")) > 0 {
		n |= 1
	}
	f := math.Ldexp(float64(n), 8*len(rest))
	if negative {
		f = -f
	}
	c.setFloat(f)
}
