package websocket

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"sync"

	"github.com/klauspost/compress/flate"

	"github.com/wampeter/wampeter/internal/transport"
)

// minCompress is the size in bytes from which messages are compressed.
const minCompress = 1 << 10

// flushed is how a flushed DEFLATE stream ends, which the wire leaves out (RFC
// 7692, section 7.2.1).
var flushed = []byte{0x00, 0x00, 0xff, 0xff}

// streamEnd is what the wire leaves out, and an empty last block, after which a
// reader knows that there is nothing more.
const streamEnd = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"

var compressors = sync.Pool{New: func() any {
	w, _ := flate.NewWriter(nil, flate.BestSpeed) // fails for unknown levels only
	return w
}}

// AppendCompressed appends a frame that holds message, compressed if it is long
// enough to gain from that. Without context takeover the frame is the same for
// all receivers whose framing is the same.
func AppendCompressed(dst []byte, f transport.Framing, message []byte) []byte {
	if len(message) < minCompress {
		return appendPlain(dst, f, message)
	}
	start := len(dst)
	dst, mark := f.BeginCompressed(dst, len(message)/2)
	body := len(dst)
	out := bytes.NewBuffer(dst)
	w := compressors.Get().(*flate.Writer)
	w.Reset(out)
	// Writing to memory does not fail.
	if f.Batched && !f.Text {
		_, _ = w.Write(binary.BigEndian.AppendUint32(nil, uint32(len(message))))
	}
	_, _ = w.Write(message)
	_, _ = w.Write(f.Trailer())
	_ = w.Flush()
	compressors.Put(w)
	dst = bytes.TrimSuffix(out.Bytes(), flushed)
	if len(dst)-body >= len(message) {
		return appendPlain(dst[:start], f, message)
	}
	return f.EndCompressed(dst, mark)
}

func appendPlain(dst []byte, f transport.Framing, message []byte) []byte {
	dst, mark := f.Begin(dst, len(message))
	return f.End(append(dst, message...), mark)
}

// decompressor reads one compressed message. It is pooled.
type decompressor struct {
	flate.Resetter
	io.Reader

	data []byte
	end  strings.Reader
	in   source
	out  []byte // memory for small messages

	charged int // bytes of other memory that the budget knows of
}

// source is what flate reads: the message, and what the wire leaves out.
type source struct{ d *decompressor }

func (s source) Read(p []byte) (int, error) {
	if d := s.d; len(d.data) > 0 {
		n := copy(p, d.data)
		d.data = d.data[n:]
		return n, nil
	}
	return s.d.end.Read(p)
}

func (s source) ReadByte() (byte, error) {
	if d := s.d; len(d.data) > 0 {
		b := d.data[0]
		d.data = d.data[1:]
		return b, nil
	}
	return s.d.end.ReadByte()
}

var decompressors = sync.Pool{New: func() any {
	d := &decompressor{}
	d.in = source{d}
	r := flate.NewReader(d.in)
	d.Resetter, d.Reader = r.(flate.Resetter), r
	return d
}}

// deliverCompressed inflates a message, into pooled memory as long as it is
// small, and hands it over. No more than the limit is ever inflated, and what
// is larger counts as a message that is being received.
func (c *input) deliverCompressed(payload []byte) error {
	limit := c.limit
	if c.protocol.Batched {
		limit += limit/64 + 64
	}
	d := decompressors.Get().(*decompressor)
	out, block, err := d.inflate(payload, limit, c.budget)
	if err == nil {
		err = c.deliverPlain(out, block)
	}
	block.Release()
	c.budget.Give(d.charged)
	d.data, d.charged = nil, 0
	decompressors.Put(d)
	return err
}

// inflate returns the message behind payload, at most limit bytes. What does
// not fit into d's own memory is in a block, for the caller to release even
// after an error, and in d.charged bytes of the budget.
func (d *decompressor) inflate(payload []byte, limit int, budget *transport.Budget) (out []byte, block *transport.Block, err error) {
	d.data = payload
	d.end.Reset(streamEnd)
	if err := d.Resetter.Reset(d.in, nil); err != nil {
		return nil, nil, err
	}
	if d.out == nil {
		d.out = make([]byte, transport.SmallMessage)
	}
	out = d.out[:0]
	for {
		if len(out) == cap(out) {
			size := min(2*cap(out), limit+1)
			if !budget.Take(size - d.charged) {
				return nil, block, transport.ErrNoMemory
			}
			d.charged = size
			grown, memory := transport.NewBlock(size)
			out = memory[:copy(memory, out)]
			block.Release()
			block = grown
		}
		n, err := d.Reader.Read(out[len(out):cap(out)])
		out = out[:len(out)+n]
		switch {
		case len(out) > limit:
			return nil, block, tooBig(limit)
		case err == io.EOF:
			return out, block, nil
		case err != nil:
			return nil, block, &transport.Error{Code: 1007, Text: "websocket: broken compressed message: " + err.Error()}
		}
	}
}
