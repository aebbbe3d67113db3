package rawsocket

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/wampeter/wampeter/internal/transport"
)

func TestServe(t *testing.T) {
	limits := transport.Limits{Budget: transport.NewBudget(32 << 20)}
	c, client := accept(t, limits)
	rec := &recorder{}
	done := serve(t, c, rec)
	sizes := []int{0, 1, 100, transport.SmallMessage, transport.SmallMessage + 1, 100_000, 1 << 20, 7}
	go func() {
		var b []byte
		for i, n := range sizes {
			b = append(b, frame(bytes.Repeat([]byte{byte(i)}, n))...)
		}
		client.Write(b)
		client.(*net.TCPConn).CloseWrite() // data and FIN together
	}()
	if err := await(t, done); err != io.EOF {
		t.Fatalf("Serve: %v, want EOF", err)
	}
	if len(rec.messages) != len(sizes) {
		t.Fatalf("%d messages, want %d", len(rec.messages), len(sizes))
	}
	for i, n := range sizes {
		if !bytes.Equal(rec.messages[i], bytes.Repeat([]byte{byte(i)}, n)) {
			t.Errorf("message %d has %d bytes, want %d times %d", i, len(rec.messages[i]), n, i)
		}
		if rec.owned[i] != (n > transport.SmallMessage) {
			t.Errorf("message of %d bytes: owned %v", n, rec.owned[i])
		}
	}
	if n := limits.Budget.Used(); n != 0 {
		t.Errorf("%d bytes of the budget are still taken", n)
	}
}

// TestServeLargest sends 2^24 octets, whose length needs the 25th bit.
func TestServeLargest(t *testing.T) {
	c, client := accept(t, transport.Limits{MaxMessage: 16 << 20})
	rec := &recorder{}
	done := serve(t, c, rec)
	b := frame(make([]byte, 1<<24))
	if !bytes.Equal(b[:4], []byte{8, 0, 0, 0}) {
		t.Fatalf("header % x", b[:4])
	}
	if _, err := client.Write(b); err != nil {
		t.Fatal(err)
	}
	client.Close()
	if err := await(t, done); err != io.EOF || len(rec.messages) != 1 || len(rec.messages[0]) != 1<<24 {
		t.Fatalf("Serve: %v, %d messages", err, len(rec.messages))
	}
}

func TestServeByteByByte(t *testing.T) {
	c, client := accept(t, transport.Limits{})
	rec := &recorder{got: make(chan struct{}, 2)}
	done := serve(t, c, rec)
	for _, b := range append(frame([]byte("hello")), frame([]byte("world"))...) {
		if _, err := client.Write([]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	<-rec.got
	<-rec.got
	client.Close()
	if err := await(t, done); err != io.EOF {
		t.Fatalf("Serve: %v", err)
	}
	if string(rec.messages[0]) != "hello" || string(rec.messages[1]) != "world" {
		t.Errorf("messages %q", rec.messages)
	}
}

func TestPing(t *testing.T) {
	c, client := accept(t, transport.Limits{})
	rec := &recorder{}
	done := serve(t, c, rec)
	in := []byte{1, 0, 0, 3, 'a', 'b', 'c'}
	in = append(in, 2, 0, 0, 1, 'x') // an unsolicited PONG
	in = append(in, 1, 0, 0, 0)
	if _, err := client.Write(in); err != nil {
		t.Fatal(err)
	}
	client.Close()
	if err := await(t, done); err != io.EOF {
		t.Fatalf("Serve: %v", err)
	}
	want := [][]byte{{2, 0, 0, 3, 'a', 'b', 'c'}, {2, 0, 0, 0}}
	if len(rec.controls) != 2 || !bytes.Equal(rec.controls[0], want[0]) || !bytes.Equal(rec.controls[1], want[1]) {
		t.Errorf("answered % x, want % x", rec.controls, want)
	}
	if rec.alive == 0 {
		t.Error("not alive")
	}
	if got := c.AppendPing(nil); len(got) != 0 {
		t.Errorf("PING % x", got)
	}
	c.ping = true
	if got := c.AppendPing(nil); !bytes.Equal(got, []byte{1, 0, 0, 0}) {
		t.Errorf("PING % x", got)
	}
}

func TestServeHostile(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   []byte
		code int // of a transport.Error; 0: err
		err  error
	}{
		{"reserved type 3", []byte{3, 0, 0, 0}, 1002, nil},
		{"reserved type 7", []byte{7}, 1002, nil},
		{"reserved bit", []byte{0x10, 0, 0, 0}, 1002, nil},
		{"high bit", []byte{0x80, 0, 0, 0}, 1002, nil},
		{"2^24 + 1", []byte{8, 0, 0, 1}, 1002, nil},
		{"2^24", []byte{8, 0, 0, 0}, 1009, nil},
		{"too long", []byte{0, 1, 0, 1}, 1009, nil},
		{"long PING", []byte{1, 0, 0x80, 1}, 1009, nil},
		{"long PONG", []byte{2, 0xff, 0xff, 0xff}, 1009, nil},
		{"cut in header", []byte{0, 0}, 0, io.ErrUnexpectedEOF},
		{"cut in small message", []byte{0, 0, 0, 9, 'x'}, 0, io.ErrUnexpectedEOF},
		{"cut in large message", []byte{0, 0, 0xff, 0xff, 'x'}, 0, io.ErrUnexpectedEOF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			budget := transport.NewBudget(1 << 20)
			c, client := accept(t, transport.Limits{MaxMessage: 64 << 10, Budget: budget})
			rec := &recorder{}
			done := serve(t, c, rec)
			if _, err := client.Write(append(frame([]byte("first")), tt.in...)); err != nil {
				t.Fatal(err)
			}
			client.(*net.TCPConn).CloseWrite()
			err := await(t, done)
			var broken *transport.Error
			if tt.code != 0 && (!errors.As(err, &broken) || broken.Code != tt.code) || tt.err != nil && err != tt.err {
				t.Errorf("Serve: %v, want code %d, %v", err, tt.code, tt.err)
			}
			if len(rec.messages) != 1 || rec.idle == 0 {
				t.Errorf("%d messages, %d times idle", len(rec.messages), rec.idle)
			}
			if budget.Used() != 0 {
				t.Errorf("%d bytes of the budget are still taken", budget.Used())
			}
		})
	}
}

func TestBudget(t *testing.T) {
	c, client := accept(t, transport.Limits{Budget: transport.NewBudget(100_000)})
	done := serve(t, c, &recorder{})
	go client.Write(frame(make([]byte, 200_000)))
	if err := await(t, done); err != transport.ErrNoMemory {
		t.Errorf("Serve: %v", err)
	}
}

func TestHandlerError(t *testing.T) {
	stop := errors.New("stop")
	c, client := accept(t, transport.Limits{})
	rec := &recorder{err: stop}
	done := serve(t, c, rec)
	if _, err := client.Write(append(frame(nil), frame(nil)...)); err != nil {
		t.Fatal(err)
	}
	if err := await(t, done); err != stop || len(rec.messages) != 1 {
		t.Errorf("Serve: %v after %d messages", err, len(rec.messages))
	}
}

func TestClose(t *testing.T) {
	c, _ := accept(t, transport.Limits{})
	done := serve(t, c, &recorder{})
	c.Close()
	if err := await(t, done); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve: %v", err)
	}
}

// TestDrain checks that what follows a breach is read until the peer closes, so
// that the farewell is not lost in a reset.
func TestDrain(t *testing.T) {
	c, client := accept(t, transport.Limits{})
	done := serve(t, c, &recorder{})
	if _, err := client.Write([]byte{7, 0, 0, 0}); err != nil {
		t.Fatal(err)
	}
	if err := await(t, done); err == nil {
		t.Fatal("no error")
	}
	if err := c.Write([][]byte{[]byte("farewell")}); err != nil {
		t.Fatal(err)
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	drained := make(chan struct{})
	go func() { c.Drain(); c.Close(); close(drained) }()
	if _, err := client.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(client); string(b) != "farewell" || err != nil {
		t.Errorf("read %q, %v", b, err)
	}
	client.Close()
	<-drained
}
