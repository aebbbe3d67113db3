package session

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wampeter/wampeter/internal/codec"
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
	"github.com/wampeter/wampeter/internal/transport/rawsocket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 10 * time.Second

// recorder is the Handler of the tests.
type recorder struct {
	message func(m *msg.Message) error
	mu      sync.Mutex
	lost    []uint64
}

func (r *recorder) Message(m *msg.Message, _ *transport.Block) error {
	if r.message == nil {
		return nil
	}
	return r.message(m)
}

func (r *recorder) Broken(error) {}

func (r *recorder) Idle(bool) {}

func (r *recorder) Undeliverable(m *msg.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lost = append(r.lost, m.Request)
}

// other is the far end of a Peer under test: RawSocket by hand.
type other struct {
	t  *testing.T
	nc net.Conn
}

// start runs a Peer on one end of a TCP connection and returns it with the
// other end, which takes messages of 2^(9+length) bytes.
func start(t *testing.T, format msg.Format, length byte, h Handler, cfg Config) (*Peer, *other, <-chan error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	o := &other{t, nc}
	if _, err := nc.Write([]byte{0x7f, length<<4 | byte(format), 0, 0}); err != nil {
		t.Fatal(err)
	}
	accepted, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := rawsocket.Accept(ctx, accepted, nil, &rawsocket.Options{Ping: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(nc, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	cfg = cfg.WithDefaults()
	p := New(conn, h, &cfg)
	ended := make(chan error, 1)
	var wg sync.WaitGroup
	wg.Go(func() { ended <- p.Run() })
	t.Cleanup(func() {
		p.Close(errors.New("test is over"))
		_ = nc.Close()
		wg.Wait()
	})
	return p, o, ended
}

func (o *other) read() (kind byte, body []byte, err error) {
	_ = o.nc.SetDeadline(time.Now().Add(patience))
	var head [4]byte
	if _, err := io.ReadFull(o.nc, head[:]); err != nil {
		return 0, nil, err
	}
	body = make([]byte, binary.BigEndian.Uint32(head[:])&0xffffff)
	_, err = io.ReadFull(o.nc, body)
	return head[0], body, err
}

func (o *other) write(body string) {
	o.t.Helper()
	_ = o.nc.SetDeadline(time.Now().Add(patience))
	if _, err := o.nc.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)); err != nil {
		o.t.Fatal(err)
	}
}

func (o *other) message() *msg.Message {
	o.t.Helper()
	_, body, err := o.read()
	if err != nil {
		o.t.Fatal(err)
	}
	m := new(msg.Message)
	if err := codec.Parse(msg.JSON, body, m); err != nil {
		o.t.Fatalf("%v in %.200s", err, body)
	}
	return m
}

// event returns an EVENT with a payload of size bytes of text in format f.
func event(t *testing.T, id uint64, f msg.Format, size int) *msg.Message {
	t.Helper()
	args, err := codec.Marshal(nil, f, []any{strings.Repeat(fmt.Sprint(id%10), size)})
	if err != nil {
		t.Fatal(err)
	}
	return &msg.Message{Type: msg.Event, ID: 1, Publication: id,
		Payload: msg.Payload{Format: f, Args: args, Tail: args}}
}

// inBlock moves m's payload into a block, as if it had been read.
func inBlock(m *msg.Message) *transport.Block {
	block, b := transport.NewBlock(len(m.Payload.Tail))
	copy(b, m.Payload.Tail)
	m.Payload.Args, m.Payload.Tail = b, b
	return block
}

// Small messages are copied, large ones queued by reference, those in another
// serializer transcoded when they are written: all arrive whole and in order.
func TestOrderOfAllKinds(t *testing.T) {
	p, o, _ := start(t, msg.JSON, 15, &recorder{}, Config{})
	const n = 300
	go func() {
		var x Multi
		for i := range uint64(n) {
			m := event(t, i+1, msg.JSON+msg.Format(i%3), []int{10, 5000, 40_000, 120, 100_000}[i%5])
			block := inBlock(m)
			var err error
			if i%2 == 0 {
				err = p.Send(m, block)
			} else {
				x.Reset(m, block)
				err = p.SendMulti(&x)
			}
			block.Release()
			if err != nil {
				t.Errorf("message %d: %v", i+1, err)
			}
			if i%7 == 0 {
				p.Flush()
			}
		}
		p.Flush()
	}()
	for i := range uint64(n) {
		m := o.message()
		if m.Publication != i+1 {
			t.Fatalf("got publication %d, want %d", m.Publication, i+1)
		}
		var args []string
		if err := json.Unmarshal(m.Payload.Args, &args); err != nil {
			t.Fatal(err)
		}
		size := []int{10, 5000, 40_000, 120, 100_000}[i%5]
		if len(args) != 1 || args[0] != strings.Repeat(fmt.Sprint((i+1)%10), size) {
			t.Fatalf("publication %d has another payload", i+1)
		}
	}
}

func TestManySenders(t *testing.T) {
	p, o, _ := start(t, msg.JSON, 15, &recorder{}, Config{MaxQueue: 64 << 20})
	const senders, each = 8, 500
	var wg sync.WaitGroup
	for s := range uint64(senders) {
		wg.Go(func() {
			for i := range uint64(each) {
				if err := p.Send(event(t, s*1_000_000+i+1, msg.JSON, 100), nil); err != nil {
					t.Error(err)
				}
				p.Flush()
			}
		})
	}
	next := map[uint64]uint64{}
	for range senders * each {
		m := o.message()
		s := (m.Publication - 1) / 1_000_000
		if i := (m.Publication - 1) % 1_000_000; i != next[s] {
			t.Fatalf("sender %d: message %d came instead of %d", s, i, next[s])
		}
		next[s]++
	}
	wg.Wait()
}

// A peer that does not read gets its queue and no more.
func TestOverflow(t *testing.T) {
	budget := transport.NewBudget(100 << 20)
	p, o, ended := start(t, msg.JSON, 15, &recorder{}, Config{MaxQueue: 1 << 20, Budget: budget})
	m := event(t, 1, msg.JSON, 10_000)
	var err error
	sent := 0
	for ; err == nil && sent < 1<<16; sent++ {
		var x Multi
		x.Reset(m, nil)
		err = p.SendMulti(&x)
		p.Flush()
	}
	if err != ErrOverflow {
		t.Fatalf("after %d messages: %v", sent, err)
	}
	if q := p.Queued(); q < 1<<20 || q > 1<<20+20_000 {
		t.Errorf("%d bytes wait", q)
	}
	if used := budget.Used(); used != int64(p.Queued()) {
		t.Errorf("budget knows of %d bytes, %d wait", used, p.Queued())
	}
	// Answers have some room left.
	if err := p.Send(m, nil); err != nil {
		t.Errorf("an answer found no room: %v", err)
	}
	p.Close(ErrOverflow)
	if err := <-ended; err != ErrOverflow {
		t.Errorf("Run returned %v", err)
	}
	if budget.Used() != 0 {
		t.Errorf("budget keeps %d bytes", budget.Used())
	}
	_ = o.nc.Close()
}

// The ABORT that says what was wrong is read, although much that nobody will
// handle was sent behind the broken message.
func TestFarewellIsRead(t *testing.T) {
	handled := 0
	_, o, ended := start(t, msg.JSON, 15, &recorder{message: func(*msg.Message) error { handled++; return nil }}, Config{})
	o.write(`[1,"broken`)
	for range 2000 {
		o.write(`[32,1,{},"` + strings.Repeat("x", 1000) + `"]`)
	}
	m := o.message()
	if m.Type != msg.Abort || string(m.URI) != msg.ErrProtocolViolation || !bytes.Contains(m.Dict, []byte("message")) {
		t.Fatalf("got %v %s %s", m.Type, m.URI, m.Dict)
	}
	if _, _, err := o.read(); err != io.EOF {
		t.Fatalf("after the ABORT: %v", err)
	}
	_ = o.nc.Close()
	var v *msg.Violation
	if err := <-ended; !errors.As(err, &v) {
		t.Errorf("Run returned %v", err)
	}
	if handled > 0 {
		t.Errorf("%d messages were handled", handled)
	}
}

// Broken frames get an ABORT too.
func TestBrokenFrame(t *testing.T) {
	_, o, ended := start(t, msg.JSON, 15, &recorder{}, Config{})
	if _, err := o.nc.Write([]byte{0xf7, 1, 2, 3, 4, 5, 6}); err != nil {
		t.Fatal(err)
	}
	if m := o.message(); m.Type != msg.Abort {
		t.Fatalf("got %v", m.Type)
	}
	_ = o.nc.Close()
	var e *transport.Error
	if err := <-ended; !errors.As(err, &e) {
		t.Errorf("Run returned %v", err)
	}
}

// End waits for the peer to close, but not for ever.
func TestGrace(t *testing.T) {
	p, o, ended := start(t, msg.JSON, 15, &recorder{}, Config{Grace: 20 * time.Millisecond})
	why := errors.New("why")
	p.End(&msg.Message{Type: msg.Goodbye, URI: []byte("wamp.close.normal"), Dict: []byte("{}")}, why)
	p.End(nil, errors.New("not why"))
	if m := o.message(); m.Type != msg.Goodbye {
		t.Fatalf("got %v", m.Type)
	}
	if err := p.Send(event(t, 1, msg.JSON, 1), nil); err != ErrClosed {
		t.Errorf("Send after End: %v", err)
	}
	if err := <-ended; err != why {
		t.Errorf("Run returned %v", err)
	}
}

func TestKeepAlive(t *testing.T) {
	cfg := Config{KeepAlive: 10 * time.Millisecond, PongWait: 10 * time.Millisecond}
	_, o, ended := start(t, msg.JSON, 15, &recorder{}, cfg)
	kind, body, err := o.read()
	if err != nil || kind != 1 {
		t.Fatalf("frame of type %d: %v", kind, err)
	}
	_ = body // not answered
	if err := <-ended; err != ErrKeepAlive {
		t.Errorf("Run returned %v", err)
	}
}

// A payload that outgrows the peer's limit only when it is transcoded is
// reported, and what stands around it arrives.
func TestUndeliverable(t *testing.T) {
	h := &recorder{}
	p, o, _ := start(t, msg.JSON, 4, h, Config{}) // 8 KiB
	bin, err := codec.Marshal(nil, msg.CBOR, []any{make([]byte, 7000)})
	if err != nil {
		t.Fatal(err)
	}
	for i, payload := range []msg.Payload{{}, {Format: msg.CBOR, Args: bin, Tail: bin}, {}} {
		m := &msg.Message{Type: msg.Result, Request: uint64(i + 1), Payload: payload}
		if err := p.Send(m, nil); err != nil {
			t.Fatal(err)
		}
	}
	big := event(t, 1, msg.JSON, 9000)
	if err := p.Send(big, nil); err != ErrTooBig {
		t.Errorf("too big at once: %v", err)
	}
	p.Flush()
	for _, want := range []uint64{1, 3} {
		if m := o.message(); m.Request != want {
			t.Fatalf("got result %d, want %d", m.Request, want)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.lost) != 1 || h.lost[0] != 2 {
		t.Errorf("reported: %v", h.lost)
	}
}
