package transport

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lines is an Input of lines, each a message, of which it counts the bytes.
type lines struct {
	lines []string
	idle  int
	slept []bool
	line  func(string) // called for each line, when it is not nil
	count int
	every chan int // gets count when there is no more input, when it is not nil
}

func (l *lines) Parse(b []byte) (int, error) {
	used := 0
	for {
		n := bytes.IndexByte(b[used:], '\n')
		if n < 0 {
			return used, nil
		}
		if l.every != nil {
			l.count++
		} else {
			l.lines = append(l.lines, string(b[used:used+n]))
		}
		if used += n + 1; l.line != nil {
			l.line(l.lines[len(l.lines)-1])
		}
	}
}
func (l *lines) Room() ([]byte, error)        { return nil, nil }
func (l *lines) Filled(int) error             { return nil }
func (l *lines) Partial() bool                { return false }
func (l *lines) Handler() Handler             { return l }
func (l *lines) Message([]byte, *Block) error { return nil }
func (l *lines) Control([]byte)               {}
func (l *lines) Alive()                       {}
func (l *lines) Idle(slept bool) {
	l.idle++
	l.slept = append(l.slept, slept)
	if l.every != nil && l.count > 0 {
		l.every <- l.count
		l.count = 0
	}
}

// connect returns the two ends of a connection over network "tcp" or "unix".
func connect(t testing.TB, network string) (a, b net.Conn) {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if b, err = net.Dial(network, ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if a, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// encrypt turns the two ends into a server and a client of TLS.
func encrypt(t testing.TB, a, b net.Conn) (server *TLSConn, client *tls.Conn) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cfg := ServerTLSConfig(&tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: []string{"h2"}})
	client = tls.Client(b, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := client.Handshake(); err != nil {
			t.Error(err)
		}
	})
	server, err = ServerTLS(context.Background(), a, nil, cfg)
	wg.Wait()
	if err != nil || t.Failed() {
		t.Fatal(err)
	}
	if p := client.ConnectionState().NegotiatedProtocol; p != "http/1.1" {
		t.Fatalf("application protocol %q", p)
	}
	return server, client
}

// ends are the kinds of connections that a Socket treats in its own way: each
// returns the Conn for a Socket and the peer.
var ends = map[string]func(t testing.TB) (net.Conn, net.Conn){
	"tcp":  func(t testing.TB) (net.Conn, net.Conn) { return connect(t, "tcp") },
	"unix": func(t testing.TB) (net.Conn, net.Conn) { return connect(t, "unix") },
	"tls": func(t testing.TB) (net.Conn, net.Conn) {
		a, b := connect(t, "tcp")
		return encrypt(t, a, b)
	},
	"portable": func(t testing.TB) (net.Conn, net.Conn) {
		a, b := connect(t, "tcp")
		return noDescriptor{a}, b
	},
	"portable tls": func(t testing.TB) (net.Conn, net.Conn) {
		a, b := connect(t, "tcp")
		return encrypt(t, noDescriptor{a}, b)
	},
}

// noDescriptor hides that a connection has a file descriptor.
type noDescriptor struct{ net.Conn }

func (c noDescriptor) CloseWrite() error { return c.Conn.(*net.TCPConn).CloseWrite() }

func forEnds(t *testing.T, f func(t *testing.T, s *Socket, peer net.Conn, name string)) {
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			nc, peer := end(t)
			s := &Socket{}
			s.Init(nc, nil, Limits{WriteTimeout: 5 * time.Second})
			f(t, s, peer, name)
		})
	}
}

// TestServeDataWithEnd sends data and the end of the stream at once: the read
// that is short is not the last one.
func TestServeDataWithEnd(t *testing.T) {
	forEnds(t, func(t *testing.T, s *Socket, peer net.Conn, _ string) {
		if _, err := io.WriteString(peer, "one\ntwo\n"); err != nil {
			t.Fatal(err)
		}
		peer.Close()
		in := &lines{}
		if err := s.Serve(in); err != io.EOF {
			t.Errorf("Serve: %v", err)
		}
		if strings.Join(in.lines, " ") != "one two" || in.idle == 0 {
			t.Errorf("read %q, idle %d times", in.lines, in.idle)
		}
	})
}

// TestSlept tells turns that the reader had to wait for from those whose input was
// there.
func TestSlept(t *testing.T) {
	for _, name := range []string{"tcp", "unix", "tls"} {
		t.Run(name, func(t *testing.T) {
			nc, peer := ends[name](t)
			s := &Socket{}
			s.Init(nc, nil, Limits{})
			write := func(line string) {
				if _, err := io.WriteString(peer, line); err != nil {
					t.Error(err)
				}
			}
			write("there\n")
			in := &lines{}
			in.line = func(string) {
				if len(in.slept) > 2 && in.slept[len(in.slept)-1] {
					peer.Close()
					return
				}
				go write("later\n") // most likely when the reader waits; else once more
			}
			if err := s.Serve(in); err != io.EOF {
				t.Errorf("Serve: %v", err)
			}
			if in.slept[0] || in.slept[1] {
				t.Errorf("input that was there: slept %v", in.slept[:2])
			}
		})
	}
}

func TestServeFirst(t *testing.T) {
	forEnds(t, func(t *testing.T, _ *Socket, _ net.Conn, name string) {
		nc, peer := ends[name](t)
		s := &Socket{}
		s.Init(nc, []byte("early\nhal"), Limits{})
		if _, err := io.WriteString(peer, "ves\n"); err != nil {
			t.Fatal(err)
		}
		peer.Close()
		in := &lines{}
		if err := s.Serve(in); err != io.EOF || strings.Join(in.lines, " ") != "early halves" {
			t.Errorf("Serve: %v, read %q", err, in.lines)
		}
	})
}

// TestServeMany sends more than buffers hold, in lines that end anywhere.
func TestServeMany(t *testing.T) {
	forEnds(t, func(t *testing.T, s *Socket, peer net.Conn, _ string) {
		var all strings.Builder
		for i := range 3000 {
			all.WriteString(strings.Repeat("x", i%997))
			all.WriteByte('\n')
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			io.WriteString(peer, all.String())
			peer.Close()
		})
		in := &lines{}
		if err := s.Serve(in); err != io.EOF {
			t.Errorf("Serve: %v", err)
		}
		wg.Wait()
		if got := strings.Join(in.lines, "\n") + "\n"; got != all.String() {
			t.Errorf("read %d bytes, want %d", len(got), all.Len())
		}
	})
}

// TestSlowReader writes to a peer that does not read: TryWrite returns, Write
// waits, and nothing is lost.
func TestSlowReader(t *testing.T) {
	forEnds(t, func(t *testing.T, s *Socket, peer net.Conn, name string) {
		chunk := make([]byte, 100_000)
		for i := range chunk {
			chunk[i] = byte(i * 7)
		}
		bufs := [][]byte{chunk[:10], chunk[10:70_000], chunk[70_000:]}
		written := 0
		var rest [][]byte
		for rest == nil {
			n, err := s.TryWrite(bufs)
			written += len(chunk)
			if err == ErrWouldBlock {
				rest = skip(append([][]byte(nil), bufs...), n)
				if rest == nil {
					rest = [][]byte{}
				}
			} else if err != nil || n != len(chunk) {
				t.Fatal(n, err)
			}
			if strings.HasPrefix(name, "portable") && (n != 0 || err != ErrWouldBlock) {
				t.Fatalf("%d, %v: without readiness nothing can be tried", n, err)
			}
		}
		if s.tls != nil {
			if n := len(*s.tls.wire.pending); n > 2*tlsAhead {
				t.Errorf("%d bytes of ciphertext wait", n)
			}
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := s.Write(rest); err != nil {
				t.Error(err)
			}
			if err := s.Write([][]byte{[]byte("end")}); err != nil {
				t.Error(err)
			}
			if err := s.CloseWrite(); err != nil {
				t.Error(err)
			}
		})
		var got int
		buf := make([]byte, 64<<10)
		for {
			n, err := peer.Read(buf)
			for i := range n {
				if got < written && buf[i] != chunk[got%len(chunk)] || got >= written && buf[i] != "end"[got-written] {
					t.Fatalf("byte %d is wrong", got)
				}
				got++
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if got != written+3 {
			t.Errorf("%d bytes arrived, want %d", got, written+3)
		}
		wg.Wait()
		if s.tls != nil && (s.tls.wire.pending != nil || s.tls.wire.out != nil) {
			t.Error("an idle connection holds ciphertext")
		}
	})
}

func TestWriteTimeout(t *testing.T) {
	forEnds(t, func(t *testing.T, s *Socket, peer net.Conn, _ string) {
		s.timeout = 10 * time.Millisecond
		err := s.Write([][]byte{make([]byte, 32<<20)})
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Write: %v", err)
		}
	})
}

// TestCloseWhileWaiting checks that both directions stop waiting.
func TestCloseWhileWaiting(t *testing.T) {
	forEnds(t, func(t *testing.T, s *Socket, _ net.Conn, _ string) {
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := s.Serve(&lines{}); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Serve: %v", err)
			}
		})
		wg.Go(func() {
			if err := s.Write([][]byte{make([]byte, 32<<20)}); err == nil {
				t.Error("Write: no error")
			}
		})
		runtime.Gosched()
		s.Close()
		wg.Wait()
	})
}

// TestCloseFromHandler closes a connection from within its own reader.
func TestCloseFromHandler(t *testing.T) {
	forEnds(t, func(t *testing.T, s *Socket, peer net.Conn, _ string) {
		if _, err := io.WriteString(peer, "close\n"); err != nil {
			t.Fatal(err)
		}
		in := &lines{line: func(string) { s.Close() }}
		if err := s.Serve(in); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
}

// TestWriteWhileServing writes from the reader and keeps reading.
func TestWriteWhileServing(t *testing.T) {
	forEnds(t, func(t *testing.T, s *Socket, peer net.Conn, _ string) {
		in := &lines{line: func(line string) {
			b := [][]byte{[]byte(line + "\n")}
			if n, err := s.TryWrite(b); err == ErrWouldBlock {
				s.Write(skip(b, n))
			}
		}}
		var wg sync.WaitGroup
		wg.Go(func() { s.Serve(in) })
		buf := make([]byte, 100)
		for range 100 {
			if _, err := io.WriteString(peer, "ping\n"); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(peer, buf[:5]); err != nil {
				t.Fatal(err)
			}
		}
		peer.Close()
		wg.Wait()
	})
}

func TestSocketAllocations(t *testing.T) {
	for _, name := range []string{"tcp", "unix", "tls"} {
		nc, peer := ends[name](t)
		s := &Socket{}
		s.Init(nc, nil, Limits{})
		in := &lines{every: make(chan int)}
		var wg sync.WaitGroup
		wg.Go(func() { s.Serve(in) })
		out := [][]byte{bytes.Repeat([]byte("message\n"), 100)}
		answer := make([]byte, len(out[0]))
		n := testing.AllocsPerRun(200, func() {
			if _, err := peer.Write(out[0]); err != nil {
				t.Fatal(err)
			}
			for got := 0; got < 100; {
				got += <-in.every
			}
			if _, err := s.TryWrite(out); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(peer, answer); err != nil {
				t.Fatal(err)
			}
		})
		// The buffers are pooled, and the race detector makes pools forget.
		if n > 8 {
			t.Errorf("%s: %v allocations for 100 messages read and written", name, n)
		}
		peer.Close()
		wg.Wait()
	}
}

// TestIdleHoldsNoBuffer checks what a connection keeps while it waits.
func TestIdleHoldsNoBuffer(t *testing.T) {
	nc, peer := connect(t, "tcp")
	budget := NewBudget(1 << 20)
	s := &Socket{}
	s.Init(nc, nil, Limits{Budget: budget})
	in := &lines{every: make(chan int)}
	done := make(chan error, 1)
	go func() { done <- s.Serve(in) }()
	for _, tt := range []struct {
		send    string
		carried int64
	}{{"whole\n", 0}, {"whole\npart", 4}, {"ial\n", 0}} {
		if _, err := io.WriteString(peer, tt.send); err != nil {
			t.Fatal(err)
		}
		<-in.every
		if n := budget.Used(); n != tt.carried {
			t.Errorf("%q: %d bytes kept, want %d", tt.send, n, tt.carried)
		}
	}
	peer.Close()
	if err := <-done; err != io.EOF {
		t.Errorf("Serve: %v", err)
	}
}
