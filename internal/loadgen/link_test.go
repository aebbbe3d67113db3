package loadgen

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/gobwas/ws"
	"github.com/google/go-cmp/cmp"
)

// scripted is a connection that reads from a script, some octets at a time,
// and records what is written.
type scripted struct {
	net.Conn
	script  io.Reader
	step    int
	written bytes.Buffer
}

func (c *scripted) Read(b []byte) (int, error)  { return c.script.Read(b[:min(len(b), c.step)]) }
func (c *scripted) Write(b []byte) (int, error) { return c.written.Write(b) }

// receiveAll returns the messages up to the first error.
func receiveAll(l *link) (all []string, err error) {
	for {
		b, err := l.receive()
		if err != nil {
			return all, err
		}
		all = append(all, string(b))
	}
}

func serverFrame(t *testing.T, f ws.Frame) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := ws.WriteFrame(&b, f); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func clientFrame(r io.Reader) (f ws.Frame, err error) {
	if f.Header, err = ws.ReadHeader(r); err == nil {
		f.Payload = make([]byte, f.Header.Length)
		_, err = io.ReadFull(r, f.Payload)
	}
	return f, err
}

func TestReceive(t *testing.T) {
	long := strings.Repeat("x", 3000)
	longer := strings.Repeat("y", 70_000)
	raw := "\x00\x00\x00\x02ab" + "\x01\x00\x00\x01p" + "\x00\x00\x0b\xb8" + long + "\x02\x00\x00\x00" + "\x00\x00\x00\x00" + "\x00\x01\x11\x70" + longer
	var web []byte
	for _, f := range []ws.Frame{
		ws.NewTextFrame([]byte("ab")), ws.NewPingFrame([]byte("p")), ws.NewBinaryFrame([]byte(long)),
		ws.NewPongFrame(nil), ws.NewTextFrame(nil),
		ws.NewFrame(ws.OpText, false, []byte(longer[:10])), ws.NewPingFrame(nil),
		ws.NewFrame(ws.OpContinuation, false, []byte(longer[10:20])), ws.NewFrame(ws.OpContinuation, true, []byte(longer[20:])),
	} {
		web = append(web, serverFrame(t, f)...)
	}
	want := []string{"ab", long, "", longer}
	for _, step := range []int{1, 7, 1000, 1 << 20} {
		for name, test := range map[string]struct {
			framing framing
			script  string
		}{"RawSocket": {rawFraming{}, raw}, "WebSocket": {wsFraming{opcode: 1}, string(web)}} {
			c := &scripted{script: strings.NewReader(test.script), step: step}
			l := &link{Conn: c, framing: test.framing, in: make([]byte, idleBuffer)}
			got, err := receiveAll(l)
			if !errors.Is(err, io.EOF) {
				t.Errorf("%s: ended with %v", name, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, %d octets at a time (-want +got):\n%s", name, step, diff)
			}
			if name == "RawSocket" {
				if got := c.written.String(); got != "\x02\x00\x00\x01p" {
					t.Errorf("ping answered by %q", got)
				}
				continue
			}
			pong, err := clientFrame(&c.written)
			if err != nil || pong.Header.OpCode != ws.OpPong || string(ws.UnmaskFrame(pong).Payload) != "p" {
				t.Errorf("ping answered by %+v, %v", pong, err)
			}
		}
	}
}

func TestReceiveRefuses(t *testing.T) {
	masked := ws.MaskFrame(ws.NewTextFrame([]byte("x")))
	compressed := ws.NewTextFrame([]byte("x"))
	compressed.Header.Rsv = ws.Rsv(true, false, false)
	for name, test := range map[string]struct {
		framing framing
		in      string
		want    string
	}{
		"RawSocket type": {rawFraming{}, "\x03\x00\x00\x00", "unknown type 3"},
		"masked":         {wsFraming{}, string(serverFrame(t, masked)), "masked"},
		"compressed":     {wsFraming{}, string(serverFrame(t, compressed)), "compressed"},
		"too long":       {wsFraming{}, "\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", "too long"},
		"closed":         {wsFraming{}, string(serverFrame(t, ws.NewCloseFrame(nil))), errClosed.Error()},
	} {
		l := &link{Conn: &scripted{script: strings.NewReader(test.in), step: 64}, framing: test.framing, in: make([]byte, idleBuffer)}
		if _, err := receiveAll(l); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, test.want)
		}
	}
}

// What a client sends is masked, and with another key each time.
func TestWebSocketIsMasked(t *testing.T) {
	for _, size := range []int{0, 1, 9, 125, 126, 65_535, 65_536} {
		m := bytes.Repeat([]byte("z"), size)
		l := &link{framing: wsFraming{opcode: 2}}
		l.appendMessage(m)
		f, err := clientFrame(bytes.NewReader(l.out))
		if err != nil || !f.Header.Masked || f.Header.Mask == [4]byte{} || f.Header.OpCode != ws.OpBinary || !f.Header.Fin {
			t.Fatalf("%d octets: %+v, %v", size, f.Header, err)
		}
		if got := ws.UnmaskFrame(f).Payload; !bytes.Equal(got, m) {
			t.Errorf("%d octets came out as %d others", size, len(got))
		}
	}
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x02ab"), false)
	f.Add([]byte("\x81\x02ab\x01\x01a\x80\x01b\x89\x00"), true)
	f.Add([]byte("\x82\x7e\x00\x02ab"), true)
	f.Fuzz(func(t *testing.T, b []byte, web bool) {
		l := &link{framing: rawFraming{}, in: make([]byte, idleBuffer)}
		if web {
			l.framing = wsFraming{opcode: 1}
		}
		l.Conn = &scripted{script: bytes.NewReader(b), step: 16}
		all, err := receiveAll(l)
		if err == nil {
			t.Error("no end")
		}
		if n := len(strings.Join(all, "")); n > len(b) {
			t.Errorf("%d octets of messages out of %d", n, len(b))
		}
	})
}

// A pipelined call costs the generator four of these and its part of the
// system calls.
func BenchmarkAppendAndScan(b *testing.B) {
	for _, name := range serializers {
		b.Run(name, func(b *testing.B) {
			w, _ := wireByName(name)
			s := &session{wire: w}
			call := wamp{}.call(s, "com.example.echo", (&run{Config: Config{Payload: 32}}).args())
			l := &link{framing: rawFraming{}}
			b.ReportAllocs()
			for id := uint64(1); b.Loop(); id++ {
				l.out = l.out[:0]
				l.append(w, call, id)
				if m, err := w.scan(l.out[4:]); err != nil || m.a != id {
					b.Fatalf("scanned %+v, %v", m, err)
				}
			}
		})
	}
}
