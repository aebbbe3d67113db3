package loadgen

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
)

// An inflater reads compressed WebSocket messages, each for itself (RFC 7692,
// section 7.2.2, without context takeover).
type inflater struct {
	in  io.Reader
	out bytes.Buffer
}

// deflateEnd is what the wire leaves out at the end of a message, and an empty
// last block.
const deflateEnd = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"

// inflate returns what stands behind a compressed message, valid until it is
// called again.
func (l *link) inflate(message []byte) ([]byte, error) {
	if l.inflater == nil {
		l.inflater = &inflater{in: flate.NewReader(nil)}
	}
	i := l.inflater
	source := io.MultiReader(bytes.NewReader(message), bytes.NewReader([]byte(deflateEnd)))
	if err := i.in.(flate.Resetter).Reset(source, nil); err != nil {
		return nil, err
	}
	i.out.Reset()
	if _, err := io.Copy(&i.out, io.LimitReader(i.in, maxMessage+1)); err != nil {
		return nil, fmt.Errorf("compressed message: %w", err)
	}
	if i.out.Len() > maxMessage {
		return nil, errTooLong
	}
	return i.out.Bytes(), nil
}
