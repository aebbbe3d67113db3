package codec

import (
	"encoding/binary"

	"github.com/wampeter/wampeter/internal/msg"
)

// msgpackSize is the size of the values whose first byte tells it, extensions
// of fixed size included; 0 for the others.
var msgpackSize = func() (size [256]uint8) {
	for c := range size {
		if c <= 0x7f || c >= 0xe0 { // the small integers
			size[c] = 1
		}
	}
	for c, n := range map[byte]uint8{
		mpNil: 1, mpFalse: 1, mpTrue: 1,
		mpFloat32: 5, mpFloat64: 9,
		mpUint8: 2, mpUint16: 3, mpUint32: 5, mpUint64: 9,
		mpInt8: 2, mpInt16: 3, mpInt32: 5, mpInt64: 9,
		mpFixExt1: 3, mpFixExt2: 4, mpFixExt4: 6, mpFixExt8: 10, mpFixExt16: 18,
	} {
		size[c] = n
	}
	return size
}()

// First bytes of MessagePack values. The three fixed forms carry a length in
// their low bits.
const (
	mpFixMap   = 0x80 // to 0x8f
	mpFixArray = 0x90 // to 0x9f
	mpFixStr   = 0xa0 // to 0xbf
	mpNil      = 0xc0
	mpFalse    = 0xc2
	mpTrue     = 0xc3
	mpBin8     = 0xc4
	mpBin16    = 0xc5
	mpBin32    = 0xc6
	mpExt8     = 0xc7
	mpExt16    = 0xc8
	mpExt32    = 0xc9
	mpFloat32  = 0xca
	mpFloat64  = 0xcb
	mpUint8    = 0xcc
	mpUint16   = 0xcd
	mpUint32   = 0xce
	mpUint64   = 0xcf
	mpInt8     = 0xd0
	mpInt16    = 0xd1
	mpInt32    = 0xd2
	mpInt64    = 0xd3
	mpFixExt1  = 0xd4
	mpFixExt2  = 0xd5
	mpFixExt4  = 0xd6
	mpFixExt8  = 0xd7
	mpFixExt16 = 0xd8
	mpStr8     = 0xd9
	mpStr16    = 0xda
	mpStr32    = 0xdb
	mpArray16  = 0xdc
	mpArray32  = 0xdd
	mpMap16    = 0xde
	mpMap32    = 0xdf
)

// skipMsgpack is the scanner for MessagePack.
func skipMsgpack(data []byte, pos, depth int) (int, error) {
	return skipMsgpackValues(data, pos, 1, depth)
}

// skipMsgpackValues scans n values in a row.
func skipMsgpackValues(data []byte, pos, n, depth int) (int, error) {
	for ; n > 0; n-- {
		if pos >= len(data) {
			return pos, errTruncated(msg.MessagePack)
		}
		c := data[pos]
		if size := int(msgpackSize[c]); size != 0 {
			if size > len(data)-pos {
				return pos, errTruncated(msg.MessagePack)
			}
			pos += size
			continue
		}
		if c&0xe0 == mpFixStr { // the one that most texts are
			start := pos + 1
			end := start + int(c&0x1f)
			if end > len(data) {
				return pos, errTruncated(msg.MessagePack)
			}
			if !validText(data[start:end]) {
				return pos, errUTF8(msg.MessagePack, pos)
			}
			pos = end
			continue
		}
		start, length, err := msgpackHead(data, pos)
		if err != nil {
			return pos, err
		}
		switch c {
		case mpStr8, mpStr16, mpStr32:
			if !validText(data[start : start+length]) {
				return pos, errUTF8(msg.MessagePack, pos)
			}
			pos = start + length
			continue
		case mpBin8, mpBin16, mpBin32, mpExt8, mpExt16, mpExt32:
			pos = start + length
			continue
		}
		if depth <= 0 {
			return pos, errTooDeep(msg.MessagePack, pos)
		}
		if c&0xf0 == mpFixMap || c >= mpMap16 {
			length *= 2
		}
		pos, err = skipMsgpackValues(data, start, length, depth-1)
		if err != nil {
			return pos, err
		}
	}
	return pos, nil
}

// msgpackHead reads the head of the value at pos, which is not one of fixed
// size: where its content starts, and its length in bytes, elements or
// entries. The length, an extension's with its type, was checked against the
// bytes that are there; each element needs at least one.
func msgpackHead(data []byte, pos int) (start, length int, err error) {
	var n, per uint64 = 0, 1 // per: the least number of bytes for each
	c := data[pos]
	start = pos + 1
	width := 0
	switch c {
	case mpBin8, mpStr8, mpExt8:
		width = 1
	case mpBin16, mpStr16, mpExt16, mpArray16, mpMap16:
		width = 2
	case mpBin32, mpStr32, mpExt32, mpArray32, mpMap32:
		width = 4
	default:
		switch {
		case c&0xe0 == mpFixStr:
			n = uint64(c & 0x1f)
		case c&0xf0 == mpFixArray:
			n = uint64(c & 0x0f)
		case c&0xf0 == mpFixMap:
			n, per = uint64(c&0x0f), 2
		default:
			return pos, 0, violation("msgpack: invalid byte %#02x at offset %d", c, pos)
		}
	}
	if width > len(data)-start {
		return pos, 0, errTruncated(msg.MessagePack)
	}
	switch width {
	case 1:
		n = uint64(data[start])
	case 2:
		n = uint64(binary.BigEndian.Uint16(data[start:]))
	case 4:
		n = uint64(binary.BigEndian.Uint32(data[start:]))
	}
	start += width
	switch c {
	case mpExt8, mpExt16, mpExt32:
		n++
	case mpMap16, mpMap32:
		per = 2
	}
	if n*per > uint64(len(data)-start) {
		return pos, 0, errTruncated(msg.MessagePack)
	}
	return start, int(n), nil
}
