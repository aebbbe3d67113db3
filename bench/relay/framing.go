package relay

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// maxFrame is where a frame is taken for nonsense.
const maxFrame = 64 << 20

var errHandshake = errors.New("neither RawSocket nor WebSocket")

// handshake answers a RawSocket or a WebSocket client. Clients send nothing
// more before they have the answer.
func (c *conn) handshake() error {
	var first [4]byte
	if _, err := io.ReadFull(c, first[:]); err != nil {
		return err
	}
	if first[0] == 0x7f {
		_, err := c.Write(first[:])
		return err
	}
	if string(first[:]) != "GET " {
		return errHandshake
	}
	c.websocket = true
	req, err := http.ReadRequest(bufio.NewReaderSize(io.MultiReader(bytes.NewReader(first[:]), c), 1024))
	if err != nil {
		return err
	}
	sum := sha1.Sum([]byte(req.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	_, err = fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Protocol: %s\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		req.Header.Get("Sec-WebSocket-Protocol"), base64.StdEncoding.EncodeToString(sum[:]))
	return err
}

var errFrame = errors.New("unmasked or oversized frame")

// head reads the header of the frame at the beginning of b: its length, 0 when
// it is incomplete, and that of the message.
func (c *conn) head(b []byte) (head, size int, err error) {
	if !c.websocket {
		if len(b) < 4 {
			return 0, 0, nil
		}
		return 4, int(binary.BigEndian.Uint32(b) & 0xffffff), nil
	}
	if len(b) < 14 && (len(b) < 2 || len(b) < 6+extended(b[1])) {
		return 0, 0, nil
	}
	length := uint64(b[1] & 0x7f)
	switch extended(b[1]) {
	case 2:
		length = uint64(binary.BigEndian.Uint16(b[2:]))
	case 8:
		length = binary.BigEndian.Uint64(b[2:])
	}
	if b[1]&0x80 == 0 || length > maxFrame {
		return 0, 0, errFrame
	}
	return 6 + extended(b[1]), int(length), nil
}

// extended is the number of octets of length that follow the second octet of
// a WebSocket frame.
func extended(second byte) int {
	switch second & 0x7f {
	case 126:
		return 2
	case 127:
		return 8
	}
	return 0
}

// frame returns the message of the frame at the beginning of b, nil when it is
// incomplete, and the frame's size. A masked message is unmasked in place.
func (c *conn) frame(b []byte) (message []byte, size int, err error) {
	head, size, err := c.head(b)
	if err != nil || head == 0 || len(b) < head+size {
		return nil, 0, err
	}
	message = b[head : head+size]
	if c.websocket {
		unmask(message, binary.LittleEndian.Uint32(b[head-4:]))
	}
	return message, head + size, nil
}

// frameSize is the size of the frame that begins with b, or that of b where
// more can't be told.
func (c *conn) frameSize(b []byte) int {
	head, size, _ := c.head(b)
	return max(head+size, len(b))
}

// unmask combines b with the key, whose lowest octet comes first.
func unmask(b []byte, key uint32) {
	wide := uint64(key)<<32 | uint64(key)
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= byte(wide >> (8 * i))
	}
}

// appendHead appends the header of a frame for the client.
func (c *conn) appendHead(dst []byte, size int) []byte {
	if !c.websocket {
		return binary.BigEndian.AppendUint32(dst, uint32(size))
	}
	const finalBinary = 0x82
	switch {
	case size < 126:
		return append(dst, finalBinary, byte(size))
	case size < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, finalBinary, 126), uint16(size))
	}
	return binary.BigEndian.AppendUint64(append(dst, finalBinary, 127), uint64(size))
}
