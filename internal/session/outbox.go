package session

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/wampeter/wampeter/internal/codec"
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
)

// Sizes that decide how a message waits.
const (
	// Payloads from here on, in memory of their own, are queued by reference.
	minReference = 16 << 10
	// Payloads from here on are transcoded when they are written, not under
	// the lock of whoever sends.
	minDeferred = 2 << 10
	// Room for answers beyond the limit that events have to keep.
	reserve = 4
)

// outbox is the output of a Peer that waits: frames in buf, and at some places
// of it frames, or parts of frames, that stand in memory of their own.
//
// Whoever finds output and writing false becomes the writer. It takes all that
// waits, writes it without holding mu, and looks again. What the connection
// does not take at once goes to a goroutine that lives until the outbox is
// empty.
type outbox struct {
	mu      sync.Mutex
	builder codec.Builder
	buf     *[]byte
	inserts []insert
	size    int  // bytes that wait, inserts included
	writing bool // somebody writes
	behind  bool // a goroutine does, since the connection took not everything
	closing bool // the farewell is in the outbox: nothing is appended any more
	closed  bool
	charged int         // bytes of size that the process-wide budget knows of
	ended   atomic.Bool // closing or closed, for the reader
	reason  error
	grace   *time.Timer
	idle    chan struct{} // closed when writing ends
	room    chan struct{} // closed when there may be room; nil when nobody waits for it
	done    chan struct{} // closed when ended is set; nil when nobody waits for it
	writers sync.WaitGroup
}

// insert is something to write when the first at bytes of the buffer are out.
type insert struct {
	at       int
	bytes    []byte
	block    *transport.Block // that bytes are in, if any; held
	deferred *deferred
}

// release lets go of blocks that were written, or never will be.
func release(inserts []insert) {
	for i := range inserts {
		inserts[i].block.Release()
	}
}

// Send appends m to the outbox; nothing is written before Flush. It never
// waits. The message is encoded, or copied, before Send returns; but when m's
// payload is in a block, a large one is not copied: the block is held until it
// is written.
//
// ErrTooBig: the peer takes no message of that size. ErrOverflow: the outbox is
// full. ErrClosed: the session is ending.
func (p *Peer) Send(m *msg.Message, block *transport.Block) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.admit(p.cfg.MaxQueue + p.cfg.MaxQueue/reserve); err != nil {
		return err
	}
	return p.push(m, block)
}

// admit reports whether the outbox takes another message when up to limit
// bytes may wait. The message itself may exceed the limit, so that one of the
// largest size fits any limit.
func (p *Peer) admit(limit int) error {
	if p.closing || p.closed {
		return ErrClosed
	}
	if p.size > limit {
		return ErrOverflow
	}
	return nil
}

func (p *Peer) push(m *msg.Message, block *transport.Block) error {
	size := m.Payload.Size()
	if size >= minDeferred && (m.Payload.Format != p.format || p.framing.Deflate) {
		return p.pushDeferred(newDeferred(m, block, p.format, p.framing))
	}
	if block != nil && size >= minReference && !p.framing.Mask && m.Payload.Tail != nil {
		return p.pushReference(p.buffer(0), m, block)
	}
	buf := p.buffer(size)
	before := len(*buf)
	b, mark := p.framing.Begin(*buf, size+64)
	start := len(b)
	b = p.builder.Append(b, p.format, m)
	if p.maxSend > 0 && len(b)-start > p.maxSend {
		*buf = b[:before]
		return ErrTooBig
	}
	*buf = p.framing.End(b, mark)
	return p.charge(len(*buf) - before)
}

// pushReference frames m around its payload, which is in the block and is not
// copied.
func (p *Peer) pushReference(buf *[]byte, m *msg.Message, block *transport.Block) error {
	head := codec.AppendHead(nil, p.format, m)
	foot := codec.AppendFoot(nil, p.format, m)
	n := len(head) + len(m.Payload.Tail) + len(foot)
	if p.maxSend > 0 && n > p.maxSend {
		return ErrTooBig
	}
	*buf = append(p.framing.AppendHeader(*buf, n), head...)
	block.Hold()
	p.inserts = append(p.inserts, insert{at: len(*buf), bytes: m.Payload.Tail, block: block})
	*buf = append(append(*buf, foot...), p.framing.Trailer()...)
	return p.charge(n)
}

func (p *Peer) pushDeferred(d *deferred) error {
	buf := p.buffer(0)
	p.inserts = append(p.inserts, insert{at: len(*buf), deferred: d})
	return p.charge(d.m.Payload.Size())
}

// pushFrame appends a frame that is complete: by reference when it is large
// and may be kept.
func (p *Peer) pushFrame(frame []byte, keep bool) error {
	if keep && len(frame) >= minReference {
		buf := p.buffer(0)
		p.inserts = append(p.inserts, insert{at: len(*buf), bytes: frame})
	} else {
		buf := p.buffer(len(frame))
		*buf = append(*buf, frame...)
	}
	return p.charge(len(frame))
}

// buffer returns the buffer, with room for a message of about size bytes.
func (p *Peer) buffer(size int) *[]byte {
	need := size + envelope
	switch {
	case p.buf == nil:
		p.buf = getBuffer(need)
	case cap(*p.buf)-len(*p.buf) < need:
		grown := getBuffer(len(*p.buf) + need)
		*grown = append(*grown, *p.buf...)
		putBuffer(p.buf)
		p.buf = grown
	}
	return p.buf
}

// charge counts n bytes more. The process-wide budget is asked only for peers
// that have fallen behind: what is about to be written inline does not wait.
func (p *Peer) charge(n int) error {
	p.size += n
	if p.behind {
		p.settle()
	}
	return nil
}

// settle brings the budget up to date with size.
func (p *Peer) settle() {
	if d := p.size - p.charged; d < 0 {
		p.cfg.Budget.Give(-d)
		p.charged = p.size
	} else if p.cfg.Budget.Take(d) {
		p.charged = p.size
	} else if !p.closed {
		// The process is out of memory for output; this peer is one of those
		// that cause it.
		p.closeLocked(ErrOverflow)
	}
}

// sendControl appends a frame of the transport's own: a PONG, an echoed close
// frame. It is dropped when the peer does not read.
func (p *Peer) sendControl(frame []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(frame) > 0 && p.admit(p.cfg.MaxQueue) == nil {
		_ = p.pushFrame(frame, false)
	}
}

// Queued returns the number of bytes that wait for a peer that does not take
// them at once; 0 when nothing is behind.
func (p *Peer) Queued() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.behind {
		return 0
	}
	return p.size
}

// batch is what a writer has taken out of the outbox.
type batch struct {
	buf     *[]byte
	inserts []insert
	size    int
	few     [4][]byte
}

var batches = sync.Pool{New: func() any { return new(batch) }}

// take moves all that waits into b. p.mu is held.
func (p *Peer) take(b *batch) {
	b.buf, b.inserts, b.size = p.buf, p.inserts, p.size
	p.buf, p.inserts = nil, nil
}

// bytes returns what to write, deferred frames made now. Messages that turn
// out undeliverable are appended to lost.
func (b *batch) bytes(p *Peer, lost []*msg.Message) ([][]byte, []*msg.Message) {
	out := b.few[:0]
	var buf []byte
	if b.buf != nil {
		buf = *b.buf
	}
	at := 0
	for i := range b.inserts {
		in := &b.inserts[i]
		if in.at > at {
			out = append(out, buf[at:in.at])
			at = in.at
		}
		frame := in.bytes
		if in.deferred != nil {
			if frame = in.deferred.frame(p.maxSend); frame == nil {
				lost = append(lost, &in.deferred.m)
				continue
			}
		}
		out = append(out, frame)
	}
	if len(buf) > at {
		out = append(out, buf[at:])
	}
	return out, lost
}

// Flush writes what the outbox holds, without waiting: what the connection
// does not take is left to a goroutine. It returns how many bytes wait for a
// peer that has fallen behind, 0 when it has not; and whether there was nothing
// to write, since others have flushed what the caller sent.
func (p *Peer) Flush() (behind int, empty bool) {
	p.mu.Lock()
	if p.writing || p.size == 0 || p.closed {
		if p.behind {
			behind = p.size
		}
		empty = p.size == 0
		p.mu.Unlock()
		return behind, empty
	}
	p.writing = true
	b := batches.Get().(*batch)
	var lost []*msg.Message
	p.take(b)
	p.mu.Unlock()

	var bufs [][]byte
	if len(b.inserts) == 0 {
		b.few[0] = *b.buf
		bufs = b.few[:1]
	} else {
		bufs, lost = b.bytes(p, nil)
	}
	n, err := p.conn.TryWrite(bufs)
	if err == nil {
		putBuffer(b.buf)
		release(b.inserts)
		p.mu.Lock()
		p.size -= b.size
		if p.size > 0 && !p.closed {
			// Others appended meanwhile and rely on this writer, which has
			// work of its own to go back to.
			p.goWrite(nil, nil)
		} else {
			p.stopWriting()
		}
		p.mu.Unlock()
	} else {
		p.mu.Lock()
		if err == transport.ErrWouldBlock && !p.closed {
			// The batch is the goroutine's from now on.
			p.goWrite(b, rest(bufs, n))
			behind = p.size
			b = nil
		} else {
			p.size -= b.size
			release(b.inserts)
			p.closeLocked(err)
			p.stopWriting()
		}
		p.mu.Unlock()
	}
	if b != nil {
		*b = batch{}
		batches.Put(b)
	}
	for _, m := range lost {
		p.h.Undeliverable(m)
	}
	return behind, false
}

// rest returns what remains of bufs after n bytes, in memory of its own.
func rest(bufs [][]byte, n int) [][]byte {
	for len(bufs) > 0 && n >= len(bufs[0]) {
		n -= len(bufs[0])
		bufs = bufs[1:]
	}
	out := append([][]byte(nil), bufs...)
	if n > 0 {
		out[0] = out[0][n:]
	}
	return out
}

// goWrite leaves writing to a goroutine, which first writes bufs, what is left of
// b, if there is one. p.mu is held.
func (p *Peer) goWrite(b *batch, bufs [][]byte) {
	p.behind = true
	p.settle()
	if p.closed {
		if b != nil {
			release(b.inserts)
		}
		p.stopWriting()
		return
	}
	p.writers.Add(1)
	go p.write(b, bufs)
}

func (p *Peer) write(b *batch, bufs [][]byte) {
	defer p.writers.Done()
	if b == nil {
		b = batches.Get().(*batch)
	}
	var err error
	if b.buf != nil {
		err = p.conn.Write(bufs)
	}
	var lost []*msg.Message
	for {
		if b.buf != nil {
			putBuffer(b.buf)
		}
		release(b.inserts)
		size := b.size
		*b = batch{}
		p.mu.Lock()
		p.size -= size
		p.wake()
		if err != nil {
			p.closeLocked(err)
		}
		if p.size == 0 || p.closed {
			p.stopWriting()
			p.mu.Unlock()
			break
		}
		p.settle()
		p.take(b)
		// take counts everything as waiting, which by now is this batch alone.
		p.mu.Unlock()
		bufs, lost = b.bytes(p, lost)
		err = p.conn.Write(bufs)
	}
	batches.Put(b)
	for _, m := range lost {
		p.h.Undeliverable(m)
	}
}

// End sends m (GOODBYE, ABORT; nil for none) as the last message and the
// transport's own farewell, and closes the connection when the peer has read
// them and closed too, at the latest after the grace time. err is why; Run
// returns it. Only the first End or Close counts.
func (p *Peer) End(m *msg.Message, err error) {
	p.mu.Lock()
	if p.closing || p.closed {
		p.mu.Unlock()
		return
	}
	if m != nil {
		_ = p.push(m, nil)
	}
	if frame := p.conn.AppendClose(nil, err); len(frame) > 0 {
		_ = p.pushFrame(frame, false)
	}
	p.closing = true
	p.reason = err
	p.wake()
	p.setEnded()
	p.grace = time.AfterFunc(p.cfg.Grace, func() { p.Close(ErrGrace) })
	if p.size == 0 {
		_ = p.conn.CloseWrite()
	}
	p.mu.Unlock()
	p.Flush()
}

// stopWriting ends the work of a writer, inline or goroutine. When the farewell
// is out it tells the peer that nothing more comes. p.mu is held.
func (p *Peer) stopWriting() {
	p.writing, p.behind = false, false
	p.cfg.Budget.Give(p.charged)
	p.charged = 0
	p.wake()
	if p.closed {
		p.drop()
	} else if p.closing {
		_ = p.conn.CloseWrite()
	}
	if p.idle != nil {
		close(p.idle)
		p.idle = nil
	}
}

// Done returns a channel that is closed when the session is ending: no further
// message is sent, or handled.
func (p *Peer) Done() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done == nil {
		p.done = make(chan struct{})
		if p.ended.Load() {
			close(p.done)
		}
	}
	return p.done
}

// setEnded notes that the session is ending. p.mu is held.
func (p *Peer) setEnded() {
	if !p.ended.Swap(true) && p.done != nil {
		close(p.done)
	}
}

// Close ends the connection at once. err is why, unless End or Close gave a
// reason before.
func (p *Peer) Close(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closeLocked(err)
}

func (p *Peer) closeLocked(err error) {
	if p.closed {
		return
	}
	p.closed = true
	p.setEnded()
	if !p.closing {
		p.reason = err
	}
	if p.grace != nil {
		p.grace.Stop()
	}
	_ = p.conn.Close()
	if !p.writing {
		p.drop()
	}
}

// drop forgets what waits, which nobody will write any more.
func (p *Peer) drop() {
	if p.buf != nil {
		putBuffer(p.buf)
	}
	release(p.inserts)
	p.buf, p.inserts, p.size = nil, nil, 0
	p.cfg.Budget.Give(p.charged)
	p.charged = 0
}

// finish is called when reading has ended with err: the peer has closed, or the
// connection is broken. Output that is being written (a farewell that the peer
// may yet read) has the grace time to get out.
func (p *Peer) finish(err error) {
	p.mu.Lock()
	if !p.closing && !p.closed {
		p.closing = true
		p.reason = err
		p.setEnded()
		if p.writing {
			p.grace = time.AfterFunc(p.cfg.Grace, func() { p.Close(ErrGrace) })
		}
	}
	if p.writing && !p.closed {
		idle := make(chan struct{})
		p.idle = idle
		p.mu.Unlock()
		<-idle // at the latest when the grace time closes the connection
		p.mu.Lock()
	}
	p.closeLocked(err)
	p.wake()
	p.mu.Unlock()
	p.writers.Wait()
}
