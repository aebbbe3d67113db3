package rawsocket

import (
	"encoding/binary"

	"github.com/wampeter/wampeter/internal/transport"
)

// The types of frames.
const (
	typeMessage = 0
	typePing    = 1
	typePong    = 2
)

// headerSize is the length of a frame's header: type and 24 bits of length.
const headerSize = 4

// maxFrame is the longest payload, 2^24 octets. Its length takes the 25th bit,
// 0x08 of the first octet, which nothing else may use.
const maxFrame = 1 << 24

// parseHeader reads the header of a frame, of which limit octets are allowed.
// ok is false when b is too short.
func parseHeader(b []byte, limit int) (typ byte, size int, ok bool, err error) {
	if len(b) == 0 {
		return 0, 0, false, nil
	}
	if b[0]&0xf0 != 0 {
		return 0, 0, false, &transport.Error{Code: 1002, Text: "rawsocket frame with reserved bits set"}
	}
	if typ = b[0] & 7; typ > typePong {
		return 0, 0, false, &transport.Error{Code: 1002, Text: "rawsocket frame of a reserved type"}
	}
	if len(b) < headerSize {
		return 0, 0, false, nil
	}
	h := binary.BigEndian.Uint32(b)
	size = int(h & 0xffffff)
	if h>>27&1 == 1 {
		if size != 0 {
			return 0, 0, false, &transport.Error{Code: 1002, Text: "rawsocket frame with a length beyond 2^24"}
		}
		size = maxFrame
	}
	if typ != typeMessage {
		limit = min(limit, maxControl)
	}
	if size > limit {
		return 0, 0, false, &transport.Error{Code: 1009, Text: tooBig(typ, size, limit)}
	}
	return typ, size, true, nil
}

// appendHeader appends the header of a frame.
func appendHeader(dst []byte, typ byte, size int) []byte {
	return binary.BigEndian.AppendUint32(dst, uint32(typ)<<24|uint32(size)&0xffffff|uint32(size>>24)<<27)
}
