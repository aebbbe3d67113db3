package relay

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// A client speaks the relay's framing from the other end.
type client struct {
	net.Conn
	websocket bool
}

func (c *client) frame(m []byte) []byte {
	if !c.websocket {
		return append(binary.BigEndian.AppendUint32(nil, uint32(len(m))), m...)
	}
	b := []byte{0x82}
	switch size := len(m); {
	case size < 126:
		b = append(b, 0x80|byte(size))
	case size < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(size))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(size))
	}
	b = append(b, 1, 2, 3, 4)
	for i, octet := range m {
		b = append(b, octet^byte(1+i%4))
	}
	return b
}

func (c *client) receive(t *testing.T) []byte {
	t.Helper()
	var b [8]byte
	read := func(n int) uint64 {
		if _, err := io.ReadFull(c, b[8-n:]); err != nil {
			t.Fatal(err)
		}
		clear(b[:8-n])
		return binary.BigEndian.Uint64(b[:])
	}
	var size uint64
	if !c.websocket {
		size = read(4)
	} else {
		switch size = read(2) & 0xff; size {
		case 126:
			size = read(2)
		case 127:
			size = read(8)
		}
	}
	m := make([]byte, size)
	if _, err := io.ReadFull(c, m); err != nil {
		t.Fatal(err)
	}
	return m
}

func (c *client) claim(t *testing.T, number uint32) {
	t.Helper()
	m := message(0, number, "claim")
	if _, err := c.Write(c.frame(m)); err != nil {
		t.Fatal(err)
	}
	if got := c.receive(t); !bytes.Equal(got, m) {
		t.Fatalf("answered by %q, want %q", got, m)
	}
}

func message(destination, id uint32, text string) []byte {
	return append(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, destination), id), text...)
}

func dial(t *testing.T, address string, websocket bool) *client {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if !websocket {
		if _, err := c.Write([]byte{0x7f, 0xf3, 0, 0}); err != nil {
			t.Fatal(err)
		}
		var answer [4]byte
		if _, err := io.ReadFull(c, answer[:]); err != nil || answer[0] != 0x7f {
			t.Fatalf("answered by % x, %v", answer, err)
		}
		return &client{c, false}
	}
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	answer, err := http.ReadResponse(bufio.NewReaderSize(c, 16), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	// The example of RFC 6455, section 1.3.
	if got := answer.Header.Get("Sec-WebSocket-Accept"); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Fatalf("accepted with %q", got)
	}
	return &client{c, true}
}

func TestForward(t *testing.T) {
	for _, flush := range []Flush{Direct, Writer} {
		for _, websocket := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/websocket=%v", flush, websocket), func(t *testing.T) {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				served := make(chan error)
				go func() { served <- Serve(l, flush) }()
				t.Cleanup(func() {
					l.Close()
					if err := <-served; !errors.Is(err, net.ErrClosed) {
						t.Error(err)
					}
				})

				a, b, from := dial(t, l.Addr().String(), websocket), dial(t, l.Addr().String(), websocket), dial(t, l.Addr().String(), websocket)
				a.claim(t, 7)
				b.claim(t, 7)
				b.claim(t, 8)
				// Everything at once, in pieces that cut frames anywhere, and more
				// of it than a socket takes while nobody reads.
				large := bytes.Repeat([]byte("0123456789"), 200_000)
				messages := [][]byte{
					message(7, 1, "to both"), message(9, 2, "to nobody"), message(8, 3, ""),
					message(7, 4, string(large[:300])), message(7, 5, string(large)), message(7, 6, "the last"),
				}
				var all []byte
				for _, m := range messages {
					all = append(all, from.frame(m)...)
				}
				go func() {
					for size := 1; len(all) > 0; size += 97 {
						n, err := from.Write(all[:min(size, len(all))])
						if err != nil {
							return
						}
						all = all[n:]
					}
				}()
				for _, i := range []int{0, 3, 4, 5} {
					if got := a.receive(t); !bytes.Equal(got, messages[i]) {
						t.Fatalf("received %d octets, want message %d of %d", len(got), i, len(messages[i]))
					}
				}
				for _, i := range []int{0, 2, 3, 4, 5} {
					if got := b.receive(t); !bytes.Equal(got, messages[i]) {
						t.Fatalf("received %d octets, want message %d of %d", len(got), i, len(messages[i]))
					}
				}
			})
		}
	}
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x02ab"), false)
	f.Add([]byte("\x82\x82\x01\x02\x03\x04ab"), true)
	f.Add([]byte("\x82\xfe\x00\x02\x01\x02\x03\x04ab"), true)
	f.Fuzz(func(t *testing.T, b []byte, websocket bool) {
		c := &conn{websocket: websocket}
		m, size, err := c.frame(b)
		if err == nil && m != nil && (size > len(b) || len(m) >= size) {
			t.Errorf("a message of %d octets in a frame of %d out of %d", len(m), size, len(b))
		}
	})
}
