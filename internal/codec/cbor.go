package codec

import (
	"encoding/binary"

	"github.com/wampeter/wampeter/internal/msg"
)

// The major types of CBOR (RFC 8949, section 3.1).
const (
	cborUint = iota
	cborNegative
	cborBytes
	cborText
	cborArray
	cborMap
	cborTag
	cborSimple
)

// Values of major type 7 that need no further bytes, as they are written.
const (
	cborFalse     = 0xf4
	cborTrue      = 0xf5
	cborNull      = 0xf6
	cborUndefined = 0xf7
	cborFloat16   = 0xf9
	cborFloat32   = 0xfa
	cborFloat64   = 0xfb
	cborBreak     = 0xff
)

// cborSize is the size of the values whose first byte tells it; 0 for the
// others, the long form of simple values with its gap among them.
var cborSize = func() (size [256]uint8) {
	for _, major := range []int{cborUint, cborNegative, cborSimple} {
		first := major << 5
		for c := first; c < first+24; c++ {
			size[c] = 1
		}
		for i, n := range []uint8{2, 3, 5, 9} {
			size[first+24+i] = n
		}
	}
	size[cborSimple<<5|24] = 0
	return size
}()

// cborShortText and the 23 bytes above it begin the texts whose length is in
// their first byte, the one above those the texts whose length is in the second.
const cborShortText = cborText << 5

// cborIndefinite stands in place of a length: content up to a break.
const cborIndefinite = -1

// skipCBOR is the scanner for CBOR. Tags and unassigned simple values pass.
func skipCBOR(data []byte, pos, depth int) (int, error) {
	return skipCBORValues(data, pos, 1, depth)
}

// skipCBORValues scans n values in a row, or those up to a break and with it.
func skipCBORValues(data []byte, pos, n, depth int) (int, error) {
	for ; n != 0; n-- {
		if pos >= len(data) {
			return pos, errTruncated(msg.CBOR)
		}
		if n < 0 {
			if data[pos] == cborBreak {
				return pos + 1, nil
			}
			n = 0 // stays below zero for ever
		}
		c := data[pos]
		if size := int(cborSize[c]); size != 0 {
			if size > len(data)-pos {
				return pos, errTruncated(msg.CBOR)
			}
			pos += size
			continue
		}
		if length := int(c) - cborShortText; uint(length) <= 24 { // as most texts are
			start := pos + 1
			if length == 24 {
				if start == len(data) {
					return pos, errTruncated(msg.CBOR)
				}
				length = int(data[start])
				start++
			}
			end := start + length
			if end > len(data) {
				return pos, errTruncated(msg.CBOR)
			}
			if !validText(data[start:end]) {
				return pos, errUTF8(msg.CBOR, pos)
			}
			pos = end
			continue
		}
		start, arg, err := cborHead(data, pos)
		if err != nil {
			return pos, err
		}
		major := c >> 5
		switch major {
		case cborSimple:
			pos = start
			continue
		case cborBytes, cborText:
			pos, err = skipCBORString(data, pos, start, arg)
			if err != nil {
				return pos, err
			}
			continue
		}
		if depth <= 0 {
			return pos, errTooDeep(msg.CBOR, pos)
		}
		count := 1 // a tag's content
		switch {
		case major == cborArray:
			count = int(arg)
		case major == cborMap && int(arg) == cborIndefinite:
			pos, err = skipCBOREntries(data, start, depth-1)
			if err != nil {
				return pos, err
			}
			continue
		case major == cborMap:
			count = 2 * int(arg)
		}
		pos, err = skipCBORValues(data, start, count, depth-1)
		if err != nil {
			return pos, err
		}
	}
	return pos, nil
}

// skipCBOREntries scans the entries of a map of indefinite length.
func skipCBOREntries(data []byte, pos, depth int) (int, error) {
	for {
		if pos >= len(data) {
			return pos, errTruncated(msg.CBOR)
		}
		if data[pos] == cborBreak {
			return pos + 1, nil
		}
		var err error
		if pos, err = skipCBORValues(data, pos, 2, depth); err != nil {
			return pos, err
		}
	}
}

// skipCBORString scans the text or byte string at pos, whose head was read.
// One of indefinite length consists of strings of the same type, each of
// definite length and valid for itself.
func skipCBORString(data []byte, pos, start int, arg uint64) (int, error) {
	major := data[pos] >> 5
	if int(arg) != cborIndefinite {
		end := start + int(arg)
		if major == cborText && !validText(data[start:end]) {
			return pos, errUTF8(msg.CBOR, pos)
		}
		return end, nil
	}
	for pos = start; ; {
		if pos >= len(data) {
			return pos, errTruncated(msg.CBOR)
		}
		c := data[pos]
		if c == cborBreak {
			return pos + 1, nil
		}
		start, arg, err := cborHead(data, pos)
		if err != nil {
			return pos, err
		}
		if c>>5 != major || int(arg) == cborIndefinite {
			return pos, errCBOR(data, pos)
		}
		if pos, err = skipCBORString(data, pos, start, arg); err != nil {
			return pos, err
		}
	}
}

// cborHead reads the head of the value at pos: where its content starts, and
// its argument. The argument of strings and containers is their length, which
// was checked against the bytes that are there, or cborIndefinite.
func cborHead(data []byte, pos int) (start int, arg uint64, err error) {
	c := data[pos]
	start = pos + 1
	info := c & 0x1f
	if info < 24 {
		arg = uint64(info)
	} else {
		if info > 27 {
			if major := c >> 5; info == 31 && cborBytes <= major && major <= cborMap {
				indefinite := cborIndefinite
				return start, uint64(indefinite), nil
			}
			return pos, 0, errCBOR(data, pos)
		}
		width := 1 << (info - 24)
		if width > len(data)-start {
			return pos, 0, errTruncated(msg.CBOR)
		}
		switch info {
		case 24:
			arg = uint64(data[start])
			if c>>5 == cborSimple && arg < 32 {
				return pos, 0, errCBOR(data, pos)
			}
		case 25:
			arg = uint64(binary.BigEndian.Uint16(data[start:]))
		case 26:
			arg = uint64(binary.BigEndian.Uint32(data[start:]))
		case 27:
			arg = binary.BigEndian.Uint64(data[start:])
		}
		start += width
	}
	left := uint64(len(data) - start)
	switch c >> 5 {
	case cborMap:
		left /= 2
		fallthrough
	case cborBytes, cborText, cborArray:
		if arg > left {
			return pos, 0, errTruncated(msg.CBOR)
		}
	}
	return start, arg, nil
}

func errCBOR(data []byte, pos int) error {
	return violation("cbor: invalid byte %#02x at offset %d", data[pos], pos)
}
