package longpoll

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
)

// What the two ends send each other arrives whole and in order, in all
// protocols, small and large, from many senders.
func TestBothEnds(t *testing.T) {
	for _, p := range transport.Subprotocols(nil, true) {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			budget := transport.NewBudget(64 << 20)
			_, u, _ := start(t, Options{Limits: always(transport.Limits{Budget: budget}), OnConn: func(c transport.Conn) {
				_ = c.Serve(&recorder{message: func(data []byte) error { return c.Write([][]byte{frame(string(data))}) }})
			}})
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			c, err := Dial(ctx, &ClientOptions{URL: u, Subprotocols: []transport.Subprotocol{p}, Limits: transport.Limits{Budget: budget}})
			if err != nil {
				t.Fatal(err)
			}
			if c.Format() != p.Format || c.Info().Subprotocol != p.String() {
				t.Errorf("format %v, protocol %s", c.Format(), c.Info().Subprotocol)
			}
			var want []string
			got := make(chan string, 100)
			done := serve(c, &recorder{message: func(data []byte) error { got <- string(data); return nil }})
			for i, n := range []int{1, 10, 5000, capacity - 4, capacity, 3*capacity + 1, 2} {
				want = append(want, sized('a'+byte(i), n))
			}
			if n, err := c.TryWrite([][]byte{frame(want...)}); n != 0 || err != transport.ErrWouldBlock {
				t.Fatalf("TryWrite: %d, %v", n, err)
			}
			f := frame(want...)
			if err := c.Write([][]byte{f[:2], f[2:100], nil, f[100:]}); err != nil {
				t.Fatal(err)
			}
			for i := range want {
				if m := await(t, got); m != want[i] {
					t.Fatalf("message %d has %d bytes, not %d", i, len(m), len(want[i]))
				}
			}
			if err := c.CloseWrite(); err != nil {
				t.Error(err)
			}
			if err := await(t, done); err != io.EOF {
				t.Errorf("Serve: %v", err)
			}
			c.Close()
			if n := budget.Used(); n != 0 {
				t.Errorf("%d bytes are still counted", n)
			}
		})
	}
}

// Batches are not mixed when several are sent at the same time.
func TestConcurrentSends(t *testing.T) {
	_, u, conns := start(t, Options{})
	p := transport.Subprotocol{Format: msg.JSON, Batched: true}
	base := open(t, u, p.String())
	c := await(t, conns)
	var r recorder
	done := serve(c, &r)
	const senders, each = 8, 20
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for range each {
				m := sized('a'+byte(s), 10)
				if a, err := tryPost(base+"/send", batch(p, m, m, m)); err != nil || a.status != http.StatusAccepted {
					t.Errorf("send: %d, %v", a.status, err)
				}
			}
		})
	}
	wg.Wait()
	post(t, base+"/close", "")
	if err := await(t, done); err != io.EOF {
		t.Errorf("Serve: %v", err)
	}
	all := r.all()
	if len(all) != senders*each*3 {
		t.Fatalf("%d messages", len(all))
	}
	for i := 0; i < len(all); i += 3 {
		if all[i] != all[i+1] || all[i] != all[i+2] {
			t.Fatalf("a batch was torn: %q", all[i:i+3])
		}
	}
}

// Section "HTTP Longpoll Transport": one message for each receive, or all that
// wait.
func TestReceive(t *testing.T) {
	for _, p := range transport.Subprotocols(nil, true) {
		_, u, conns := start(t, Options{})
		base := open(t, u, p.String())
		c := await(t, conns)
		if _, err := c.TryWrite([][]byte{frame("[1]", "[2]", "[3]")}); err != nil {
			t.Fatal(err)
		}
		want := []string{"[1]", "[2]", "[3]"}
		if p.Batched {
			want = []string{batch(p, want...)}
		}
		for _, w := range want {
			a := post(t, base+"/receive?x=2", "")
			if a.status != http.StatusOK || a.body != w || a.header.Get("Content-Type") != contentType(p.Format) || a.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %d %q %v, want %q", p, a.status, a.body, a.header, w)
			}
		}
		held := receive(t, base)
		waiting(t, c, 1)
		if _, err := c.TryWrite([][]byte{frame("[4]")}); err != nil {
			t.Fatal(err)
		}
		last := "[4]"
		if p.Batched {
			last = batch(p, last)
		}
		if a := await(t, held); a.body != last {
			t.Errorf("%s: held: %d %q", p, a.status, a.body)
		}
	}
}

func TestSecondReceive(t *testing.T) {
	_, u, conns := start(t, Options{})
	base := open(t, u, "wamp.2.json")
	c := await(t, conns)
	first := receive(t, base)
	waiting(t, c, 1)
	second := receive(t, base)
	if a := await(t, first); a.status != http.StatusOK || a.body != "" {
		t.Errorf("first: %d %q", a.status, a.body)
	}
	waiting(t, c, 1)
	if _, err := c.TryWrite([][]byte{frame("[1]")}); err != nil {
		t.Fatal(err)
	}
	if a := await(t, second); a.body != "[1]" {
		t.Errorf("second: %d %q", a.status, a.body)
	}
}

// A send that breaks the rules is refused and ends the connection; what there
// is to say about it can be received.
func TestSendRefused(t *testing.T) {
	text, bin := transport.Subprotocol{Format: msg.JSON, Batched: true}, transport.Subprotocol{Format: msg.CBOR, Batched: true}
	plain := transport.Subprotocol{Format: msg.JSON}
	for _, tt := range []struct {
		name         string
		p            transport.Subprotocol
		body         string
		status, code int
	}{
		{"empty", plain, "", 400, 1002},
		{"empty batch", text, "", 400, 1002},
		{"no separator", text, "[1]\x1e[2]", 400, 1002},
		{"cut", bin, "\x00\x00\x00\x05abc", 400, 1002},
		{"huge prefix", bin, "\xff\xff\xff\xffabc", 400, 1002},
		{"too large", plain, sized('x', 1001), 413, 1009},
		{"too large in a batch", text, batch(text, "[1]", sized('x', 1001)), 413, 1009},
		{"batch beyond all", bin, batch(bin, sized('x', capacity+2000)), 413, 1009},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, u, conns := start(t, Options{Limits: always(transport.Limits{MaxMessage: 1000})})
			base := open(t, u, tt.p.String())
			c := await(t, conns)
			var r recorder
			done := serve(c, &r)
			good := "[0]"
			if tt.p.Batched {
				good = batch(tt.p, good)
			}
			if a := post(t, base+"/send", good); a.status != http.StatusAccepted {
				t.Fatalf("send: %d %s", a.status, a.body)
			}
			if a := post(t, base+"/send", tt.body); a.status != tt.status {
				t.Errorf("send: %d %s", a.status, a.body)
			}
			if err := await(t, done); closeCode(err) != tt.code {
				t.Errorf("Serve: %v", err)
			}
			if diff := cmp.Diff([]string{"[0]"}, r.all()); diff != "" {
				t.Error(diff)
			}
			drained := make(chan struct{})
			go func() { c.Drain(); close(drained) }()
			if a := post(t, base+"/send", good); a.status != http.StatusAccepted {
				t.Errorf("send after the end: %d %s", a.status, a.body)
			}
			if err := c.Write([][]byte{frame("[3]")}); err != nil {
				t.Error(err)
			}
			_ = c.CloseWrite()
			if a := post(t, base+"/receive", ""); !strings.Contains(a.body, "[3]") {
				t.Errorf("farewell: %d %q", a.status, a.body)
			}
			if a := post(t, base+"/receive", ""); a.status != http.StatusGone {
				t.Errorf("after the farewell: %d", a.status)
			}
			await(t, drained)
			c.Close()
			if a := post(t, base+"/receive", ""); a.status != http.StatusNotFound {
				t.Errorf("after the end: %d", a.status)
			}
		})
	}
}

// What was written before Close is still received.
func TestFarewellAfterClose(t *testing.T) {
	s, u, conns := start(t, Options{})
	base := open(t, u, "wamp.2.json")
	c := await(t, conns)
	if err := c.Write([][]byte{frame("[3]", "[6]")}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.TryWrite([][]byte{{0, 0}}); err != nil { // never becomes a message
		t.Fatal(err)
	}
	_ = c.CloseWrite()
	if _, err := c.TryWrite([][]byte{frame("late")}); err != net.ErrClosed {
		t.Errorf("TryWrite after CloseWrite: %v", err)
	}
	c.Close()
	c.Close()
	for _, want := range []answer{{status: 200, body: "[3]"}, {status: 200, body: "[6]"}, {status: 410}, {status: 404}} {
		a := post(t, base+"/receive", "")
		if a.status != want.status || want.body != "" && a.body != want.body {
			t.Errorf("receive: %d %q, want %d %q", a.status, a.body, want.status, want.body)
		}
	}
	if n := count(s); n != 0 {
		t.Errorf("%d connections are left", n)
	}

	// Close by both ends: nobody comes for the rest.
	base = open(t, u, "wamp.2.json")
	c = await(t, conns)
	c.Close()
	post(t, base+"/close", "")
	if n := count(s); n != 0 {
		t.Errorf("%d connections are left", n)
	}
}

// A close by the client ends the held receive with an empty answer.
func TestCloseByClient(t *testing.T) {
	for _, noContent := range []bool{false, true} {
		_, u, conns := start(t, Options{NoContent: noContent})
		base := open(t, u, "wamp.2.json")
		c := await(t, conns)
		done := serve(c, &recorder{})
		held := receive(t, base)
		waiting(t, c, 1)
		status := http.StatusAccepted
		if noContent {
			status = http.StatusNoContent
		}
		if a := post(t, base+"/send", "[1]"); a.status != status {
			t.Errorf("send: %d", a.status)
		}
		if a := post(t, base+"/close", ""); a.status != status || a.body != "" {
			t.Errorf("close: %d %q", a.status, a.body)
		}
		if err := await(t, done); err != io.EOF {
			t.Errorf("Serve: %v", err)
		}
		c.Close()
		if a := await(t, held); a.status != http.StatusOK || a.body != "" {
			t.Errorf("held: %d %q", a.status, a.body)
		}
		for _, verb := range []string{"receive", "send", "close"} {
			if a := post(t, base+"/"+verb, "[1]"); a.status != http.StatusNotFound {
				t.Errorf("%s after close: %d", verb, a.status)
			}
		}
	}
}

// direct serves a request without a network, within a bubble of fake time.
func direct(ctx context.Context, s *Server, path, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodPost, path, strings.NewReader(body)))
	return w
}

func TestTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		ended := make(chan error, 1)
		var c transport.Conn
		s := NewServer(Options{OnConn: func(tc transport.Conn) { c = tc; ended <- tc.Serve(&recorder{}) }})
		defer s.Close()
		w := direct(t.Context(), s, "/open", `{"protocols": ["wamp.2.json"]}`)
		if w.Code != http.StatusOK {
			t.Fatalf("open: %d %s", w.Code, w.Body)
		}
		synctest.Wait()
		receive := "/" + c.(*conn).id + "/receive"

		// Held for 10 s, answered empty.
		if w := direct(t.Context(), s, receive, ""); w.Code != http.StatusOK || w.Body.Len() != 0 || time.Since(began) != DefaultHold {
			t.Errorf("receive: %d %q after %v", w.Code, w.Body, time.Since(began))
		}
		// Just in time for the next one, whose client goes away.
		time.Sleep(DefaultExpiry - time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		direct(ctx, s, receive, "")
		// Sends do not keep a connection.
		time.Sleep(DefaultExpiry - time.Second)
		direct(t.Context(), s, "/"+c.(*conn).id+"/send", "[1]")
		left := time.Now()
		err := <-ended
		if err == nil || !strings.Contains(err.Error(), "no receive") || time.Since(left) != time.Second {
			t.Errorf("Serve: %v after %v", err, time.Since(left))
		}
		if _, err := c.TryWrite([][]byte{frame("[1]")}); err == nil {
			t.Error("TryWrite to a lost client succeeds")
		}
		synctest.Wait()
		if w := direct(t.Context(), s, receive, ""); w.Code != http.StatusNotFound {
			t.Errorf("receive: %d", w.Code)
		}
	})
}

// Write to a client that is gone ends when the connection expires, and
// what nobody fetches is forgotten.
func TestExpiryOfOutput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conns := make(chan transport.Conn, 1)
		release := make(chan struct{})
		s := NewServer(Options{OnConn: func(c transport.Conn) { conns <- c; <-release }})
		defer s.Close()
		defer close(release)
		direct(t.Context(), s, "/open", `{"protocols": ["wamp.2.json"]}`)
		c := <-conns
		if err := c.Write([][]byte{frame(sized('a', 2*capacity))}); err == nil {
			t.Error("Write ends without an error")
		}
		c.Close()

		direct(t.Context(), s, "/open", `{"protocols": ["wamp.2.json"]}`)
		c = <-conns
		if err := c.Write([][]byte{frame("[1]")}); err != nil {
			t.Error(err)
		}
		c.Close()
		time.Sleep(DefaultExpiry - time.Second)
		if n := count(s); n != 1 {
			t.Errorf("%d connections before the expiry", n)
		}
		time.Sleep(2 * time.Second)
		if n := count(s); n != 0 {
			t.Errorf("%d connections after the expiry", n)
		}

		// With nothing left to receive, it is not kept as long.
		direct(t.Context(), s, "/open", `{"protocols": ["wamp.2.json"]}`)
		c = <-conns
		c.Close()
		time.Sleep(transport.DefaultWriteTimeout + time.Second)
		if n := count(s); n != 0 {
			t.Errorf("%d connections are kept for nothing", n)
		}
	})
}

// A client that does not receive costs a bounded amount of memory.
func TestSlowReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := openDirect(t, &recorder{})
		defer s.Close()
		small := frame(sized('a', 996))
		n, err := 0, error(nil)
		for ; err == nil; n++ {
			_, err = c.TryWrite([][]byte{small})
		}
		if err != transport.ErrWouldBlock || n != capacity/1000+1 {
			t.Fatalf("TryWrite %d: %v", n, err)
		}
		wrote := make(chan error, 1)
		large := frame(sized('b', 3*capacity))
		go func() { wrote <- c.Write([][]byte{small[capacity%1000:], large}) }()
		for i := range n {
			if w := direct(t.Context(), s, "/"+c.id+"/receive", ""); w.Body.String() != sized('a', 996) {
				t.Fatalf("message %d: %d bytes", i, w.Body.Len())
			}
		}
		synctest.Wait()
		select {
		case err := <-wrote:
			t.Fatalf("Write has not waited for the large message to be received: %v", err)
		default:
		}
		if w := direct(t.Context(), s, "/"+c.id+"/receive", ""); w.Body.String() != sized('b', 3*capacity) {
			t.Fatalf("large message: %d bytes", w.Body.Len())
		}
		if err := <-wrote; err != nil {
			t.Fatal(err)
		}
	})
}

// A handler that does not return makes senders wait.
func TestSlowHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		blocked := make(chan struct{})
		s, c := openDirect(t, &recorder{message: func([]byte) error { <-blocked; return nil }})
		defer s.Close()
		for _, m := range []string{"[1]", sized('x', capacity)} {
			if w := direct(t.Context(), s, "/"+c.id+"/send", m); w.Code != http.StatusAccepted {
				t.Fatalf("send: %d", w.Code)
			}
			synctest.Wait()
		}
		answers := make(chan int, 3)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { answers <- direct(t.Context(), s, "/"+c.id+"/send", "[3]").Code }()
		synctest.Wait()
		for range 2 { // these wait for their turn, and give up
			go func() { answers <- direct(ctx, s, "/"+c.id+"/send", "[4]").Code }()
		}
		synctest.Wait()
		cancel()
		synctest.Wait()
		if len(answers) != 2 || c.queued != capacity || len(c.bodies) != 1 {
			t.Errorf("%d answers; %d bytes wait, in %d bodies", len(answers), c.queued, len(c.bodies))
		}
		close(blocked)
		synctest.Wait()
		if len(answers) != 3 {
			t.Error("send still waits")
		}
	})
}

// openDirect opens a connection without a network.
func openDirect(t *testing.T, h transport.Handler) (*Server, *conn) {
	t.Helper()
	conns := make(chan transport.Conn, 1)
	s := NewServer(Options{OnConn: func(c transport.Conn) { conns <- c; _ = c.Serve(h) }})
	if w := direct(t.Context(), s, "/open", `{"protocols": ["wamp.2.json"]}`); w.Code != http.StatusOK {
		t.Fatalf("open: %d %s", w.Code, w.Body)
	}
	return s, (<-conns).(*conn)
}
