package pipe

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type recorder struct {
	messages [][]byte
	owned    []bool
	idle     int
	err      error
}

func (r *recorder) Message(data []byte, block *transport.Block) error {
	r.messages = append(r.messages, bytes.Clone(data))
	r.owned = append(r.owned, block != nil)
	return r.err
}
func (r *recorder) Idle(bool)      { r.idle++ }
func (r *recorder) Control([]byte) {}
func (r *recorder) Alive()         {}

func frame(payload []byte) []byte {
	f := transport.Framing{Kind: transport.Prefixed}
	b, m := f.Begin(nil, len(payload))
	return f.End(append(b, payload...), m)
}

func TestServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := transport.NewBudget(64 << 20)
		a, b := New(msg.CBOR, transport.Limits{Budget: budget})
		var rec recorder
		done := make(chan error, 1)
		go func() { done <- b.Serve(&rec) }()
		sizes := []int{0, 1, 5000, transport.SmallMessage, transport.SmallMessage + 1, 1 << 20, 3}
		for i, n := range sizes {
			if err := a.Write([][]byte{frame(bytes.Repeat([]byte{byte(i)}, n))}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		a.CloseWrite()
		if err := <-done; err != io.EOF {
			t.Fatalf("Serve: %v", err)
		}
		for i, n := range sizes {
			if !bytes.Equal(rec.messages[i], bytes.Repeat([]byte{byte(i)}, n)) || rec.owned[i] != (n > transport.SmallMessage) {
				t.Errorf("message %d: %d bytes, owned %v", i, len(rec.messages[i]), rec.owned[i])
			}
		}
		if rec.idle == 0 || budget.Used() != 0 {
			t.Errorf("idle %d times, %d bytes taken", rec.idle, budget.Used())
		}
	})
}

func TestTryWriteWouldBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := New(msg.JSON, transport.Limits{})
		big := frame(make([]byte, 2*capacity))
		n, err := a.TryWrite([][]byte{big[:10], big[10:]})
		if n != capacity || err != transport.ErrWouldBlock {
			t.Fatalf("TryWrite: %d, %v", n, err)
		}
		wrote := make(chan error, 1)
		go func() { wrote <- a.Write([][]byte{big[n:]}) }()
		synctest.Wait()
		select {
		case err := <-wrote:
			t.Fatalf("Write has not waited: %v", err)
		default:
		}
		var rec recorder
		done := make(chan error, 1)
		go func() { done <- b.Serve(&rec) }()
		if err := <-wrote; err != nil {
			t.Fatal(err)
		}
		a.Close()
		if err := <-done; err != io.EOF || len(rec.messages) != 1 || len(rec.messages[0]) != 2*capacity {
			t.Errorf("Serve: %v, %d messages", err, len(rec.messages))
		}
	})
}

func TestWriteTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := New(msg.JSON, transport.Limits{})
		defer b.Close()
		if err := a.Write([][]byte{make([]byte, capacity+1)}); err == nil {
			t.Error("no error, and nobody reads")
		}
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := New(msg.JSON, transport.Limits{})
		adone, bdone := make(chan error, 1), make(chan error, 1)
		var rec recorder
		if _, err := a.TryWrite([][]byte{frame([]byte("last words"))}); err != nil {
			t.Fatal(err)
		}
		go func() { adone <- a.Serve(&recorder{}) }()
		synctest.Wait()
		a.Close()
		if err := <-adone; err != net.ErrClosed {
			t.Errorf("Serve of the end that closed: %v", err)
		}
		go func() { bdone <- b.Serve(&rec) }()
		if err := <-bdone; err != io.EOF || len(rec.messages) != 1 {
			t.Errorf("Serve: %v, %q", err, rec.messages)
		}
		if _, err := b.TryWrite([][]byte{{1}}); err != io.ErrClosedPipe {
			t.Errorf("TryWrite: %v", err)
		}
		if err := b.Write([][]byte{{1}}); err != io.ErrClosedPipe {
			t.Errorf("Write: %v", err)
		}
	})
}

func TestServeErrors(t *testing.T) {
	stop := errors.New("stop")
	for _, tt := range []struct {
		name string
		in   []byte
		h    recorder
		want func(error) bool
	}{
		{"too long", []byte{0xff, 0, 0, 0}, recorder{}, func(err error) bool {
			var broken *transport.Error
			return errors.As(err, &broken) && broken.Code == 1009
		}},
		{"cut", []byte{0, 0, 0, 9, 'x'}, recorder{}, func(err error) bool { return err == io.ErrUnexpectedEOF }},
		{"cut large", []byte{0, 9, 0, 0, 'x'}, recorder{}, func(err error) bool { return err == io.ErrUnexpectedEOF }},
		{"handler", frame(nil), recorder{err: stop}, func(err error) bool { return err == stop }},
	} {
		a, b := New(msg.JSON, transport.Limits{})
		if _, err := a.TryWrite([][]byte{tt.in}); err != nil {
			t.Fatal(err)
		}
		a.Close()
		if err := b.Serve(&tt.h); !tt.want(err) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := New(msg.JSON, transport.Limits{})
		go func() {
			a.Write([][]byte{make([]byte, 3*capacity)})
			a.Close()
		}()
		b.Drain()
		b.Close()
	})
}

func TestAllocations(t *testing.T) {
	a, b := New(msg.JSON, transport.Limits{})
	defer a.Close()
	done := make(chan struct{})
	h := counter{n: make(chan int, 1)}
	go func() { b.Serve(h); close(done) }()
	bufs := [][]byte{bytes.Repeat(frame([]byte("hello")), 100)}
	if n := testing.AllocsPerRun(100, func() {
		if _, err := a.TryWrite(bufs); err != nil {
			t.Fatal(err)
		}
		for i := 0; i < 100; {
			i += <-h.n
		}
	}); n > 2 { // per batch of 100 messages
		t.Errorf("%v allocations for 100 messages", n)
	}
	a.Close()
	<-done
}

type counter struct{ n chan int }

func (c counter) Message([]byte, *transport.Block) error { c.n <- 1; return nil }
func (counter) Idle(bool)                                {}
func (counter) Control([]byte)                           {}
func (counter) Alive()                                   {}
