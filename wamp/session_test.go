package wamp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestJoin(t *testing.T) {
	sc := newScript(t)
	d := sc.dialer()
	d.Realm, d.AuthID, d.AuthExtra = "com.realm", "joe", map[string]any{"a": 1}
	d.Auth = []Authenticator{Ticket("secret"), Anonymous()}
	d.HelloDetails = map[string]any{"agent": "test", "x_more": true}
	dialed := async(t, func() (*Session, error) { return d.Dial(t.Context()) })
	sc.accept()
	hello := parsed(t, sc.read()).([]any)
	details := hello[2].(map[string]any)
	announced := details["roles"].(map[string]any)
	delete(details, "roles")
	want := parsed(t, `[1, "com.realm", {"agent": "test", "x_more": true, "authid": "joe", "authextra": {"a": 1}, "authmethods": ["ticket", "anonymous"]}]`)
	if diff := cmp.Diff(want, any(hello)); diff != "" {
		t.Error(diff)
	}
	if len(announced) != 4 {
		t.Error(announced)
	}
	sc.send(`[4, "ticket", {}]`)
	sc.expect(`[5, "secret", {}]`)
	sc.send(`[2, 9007199254740992, {"authid": "Joe", "authrole": "admin", "authmethod": "ticket", "realm": "other", "authextra": {"b": 2},
		"roles": {"dealer": {"features": {"call_cancelling": true, "unknown": {}, "call_timeout": false}, "x": 1}, "fancy": 1}}]`)
	s, err := dialed()
	if err != nil {
		t.Fatal(err)
	}
	defer sc.hangUp(s)
	if s.ID() != 1<<53 || s.Realm() != "other" || s.AuthID() != "Joe" || s.AuthRole() != "admin" || s.AuthMethod() != "ticket" ||
		s.Serializer() != JSON || s.URL() != sc.url() {
		t.Error(s.ID(), s.Realm(), s.AuthID(), s.AuthRole(), s.AuthMethod(), s.Serializer(), s.URL())
	}
	if diff := cmp.Diff(map[string]any{"b": int64(2)}, s.Details()["authextra"]); diff != "" {
		t.Error(diff)
	}
	for _, tt := range []struct {
		role, feature string
		want          bool
	}{
		{"dealer", "call_canceling", true}, {"dealer", "call_timeout", false}, {"dealer", "nonsense", false},
		{"broker", "call_canceling", false}, {"nonsense", "call_canceling", false},
	} {
		if got := s.HasFeature(tt.role, tt.feature); got != tt.want {
			t.Errorf("%s %s: %v", tt.role, tt.feature, got)
		}
	}
	if s.Err() != nil {
		t.Error(s.Err())
	}
}

func TestJoinRefused(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer string
		then   string
		check  func(error)
	}{
		{"abort", `[3, {"message": "no such thing"}, "wamp.error.no_such_realm"]`, "", func(err error) {
			wantError(t, err, ErrNoSuchRealm)
			wantText(t, err, "rs://127.0.0.1", "no_such_realm: no such thing")
			var e *Error
			if !errors.As(err, &e) || e.Origin != OriginRemote {
				t.Errorf("%#v", e)
			}
		}},
		{"unknown method", `[4, "wampcra", {}]`, `[3, {"message": "the router asks for wampcra"}, "wamp.error.no_matching_auth_method"]`,
			func(err error) { wantError(t, err, ErrNoMatchingAuthMethod) }},
		{"wrong message", `[50, 1, {}]`, `[3, {"message": "RESULT before WELCOME"}, "wamp.error.protocol_violation"]`,
			func(err error) { wantError(t, err, ErrClosed, ErrProtocolViolation) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sc := newScript(t)
			dialed := async(t, func() (*Session, error) { return sc.dialer().Dial(t.Context()) })
			sc.accept()
			_ = sc.read()
			sc.send(tt.answer)
			if tt.then != "" {
				sc.expect(tt.then)
			}
			sc.expectEnd()
			_ = sc.conn.Close()
			_, err := dialed()
			tt.check(err)
		})
	}
}

// S002-26, S002-27: a session that OnWelcome refuses ends with ABORT.
func TestWelcomeRefused(t *testing.T) {
	sc := newScript(t)
	d := sc.dialer()
	d.OnWelcome = func(context.Context, *Session) error { return errors.New("not my router") }
	dialed := async(t, func() (*Session, error) { return d.Dial(t.Context()) })
	sc.accept()
	sc.read()
	sc.send(welcome)
	sc.expect(`[3, {"message": "not my router"}, "wamp.error.cannot_authenticate"]`)
	_ = sc.conn.Close()
	_, err := dialed()
	wantText(t, err, "not my router")
}

// S002-18: a message that is larger than MaxMessage ends the session, and says
// so; NetDial opens the connection.
func TestMaxMessage(t *testing.T) {
	sc := newScript(t)
	d := sc.dialer()
	d.MaxMessage = 512
	var dialed []string
	d.NetDial = func(ctx context.Context, network, address string) (net.Conn, error) {
		dialed = append(dialed, network+" "+address)
		return (&net.Dialer{}).DialContext(ctx, network, sc.ln.Addr().String())
	}
	d.URLs = []string{"rs://router.example:8081"}
	s := sc.join(d)
	if !slices.Equal(dialed, []string{"tcp router.example:8081"}) {
		t.Error(dialed)
	}
	sub := sc.subscribe(s, `[32, 1, {}, "com.x"]`, `[33, 1, 21]`, "com.x", Event(func(context.Context, string) error { return nil }))
	sc.send(`[36, 21, 1, {}, ["` + strings.Repeat("x", 1000) + `"]]`)
	<-sub.Done()
	wantError(t, s.Err(), ErrClosed)
	wantText(t, s.Err(), "512")
	_ = sc.conn.Close()
	<-s.Done()
}

func TestJoinTimeout(t *testing.T) {
	sc := newScript(t)
	d := sc.dialer()
	d.Timeout = 50 * time.Millisecond
	dialed := async(t, func() (*Session, error) { return d.Dial(t.Context()) })
	sc.accept()
	_, err := dialed()
	wantError(t, err, context.DeadlineExceeded)
	wantText(t, err, "WELCOME")

	ctx, cancel := context.WithCancelCause(t.Context())
	d.Timeout = -1
	dialed = async(t, func() (*Session, error) { return d.Dial(ctx) })
	sc.accept()
	cancel(errors.New("changed my mind"))
	_, err = dialed()
	wantText(t, err, "changed my mind")
}

// URLs are tried in order, and each failure is named.
func TestDialOrder(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	dead := "rs://" + closed.Addr().String()

	sc := newScript(t)
	d := sc.dialer()
	d.URLs = []string{dead, sc.url()}
	if s := sc.join(d); s.URL() != sc.url() {
		t.Error(s.URL())
	}

	d.URLs = []string{dead, "tcp://" + closed.Addr().String(), "unix:/nonexistent/socket"}
	_, err = d.Dial(t.Context())
	var failed *DialError
	if !errors.As(err, &failed) || len(failed.Errs) != 3 {
		t.Fatal(err)
	}
	wantText(t, err, "dial "+dead, "; dial tcp://", "; dial unix:/nonexistent/socket")
}

// S002-15, S002-25: mistakes of a Dialer, such as TLS without a URL that needs it.
func TestDialMistakes(t *testing.T) {
	for _, tt := range []struct {
		d    Dialer
		text string
	}{
		{Dialer{URLs: []string{"ftp://x"}}, `scheme "ftp"`},
		{Dialer{URLs: []string{"rs://host"}}, "port"},
		{Dialer{URLs: []string{"unix:"}}, "unix:/path"},
		{Dialer{URLs: []string{"unix://host/path"}}, "unix:/path"},
		{Dialer{URLs: []string{"://"}}, "scheme"},
		{Dialer{Serializers: []Serializer{"xml"}}, `"xml"`},
		{Dialer{TLS: &tls.Config{}}, "TLS is configured"},
		{Dialer{Realm: "realm 1"}, `"realm 1" is no URI`},
	} {
		_, err := tt.d.Dial(t.Context())
		wantText(t, err, "dial", tt.text)
	}
}

// S002-13: the URLs that there are.
func TestTargets(t *testing.T) {
	for _, tt := range []struct {
		url  string
		want string
	}{
		{"ws://h", "ws tcp h:80"},
		{"wss://h/ws", "ws tls tcp h:443"},
		{"ws://[::1]:8080/ws", "ws tcp [::1]:8080"},
		{"tcp://h:1", "rs tcp h:1"},
		{"rs://h:1", "rs tcp h:1"},
		{"tls://h:1", "rs tls tcp h:1"},
		{"rss://h:1", "rs tls tcp h:1"},
		{"unix:/run/w", "rs unix /run/w"},
		{"rs+unix:/run/w", "rs unix /run/w"},
		{"unix:///run/w", "rs unix /run/w"},
		{"unix:w.sock", "rs unix w.sock"},
		{"ws+unix:/run/w", "ws unix /run/w /ws"},
		{"ws+unix:/run/w?path=/x", "ws unix /run/w /x"},
	} {
		target, err := parseTarget(tt.url)
		if err != nil {
			t.Error(err)
			continue
		}
		got := "rs"
		if target.webSocket {
			got = "ws"
		}
		if target.tls {
			got += " tls"
		}
		got = strings.TrimSpace(fmt.Sprintf("%s %s %s %s", got, target.network, target.address, target.path))
		if got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.url, got, tt.want)
		}
	}
}

// S003-1, S003-10: Close says why, and everything that waits ends with it.
func TestClose(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	pending := Go[int](t.Context(), s, "com.x")
	sc.expect(`[48, 1, {}, "com.x"]`)
	wait := async(t, func() (int, error) { return 0, s.CloseWith(t.Context(), "com.my.reason", "bye", KW{"x_more": 1}) })
	sc.expect(`[6, {"message": "bye", "x_more": 1}, "com.my.reason"]`)
	_, err := pending.Result()
	wantError(t, err, ErrClosed, URI("com.my.reason"))
	sc.send(`[50, 1, {}, [1]]`) // too late
	sc.send(`[6, {}, "wamp.close.goodbye_and_out"]`)
	sc.expectEnd()
	_ = sc.conn.Close()
	if _, err := wait(); err != nil {
		t.Error(err)
	}
	<-s.Done()
	wantError(t, s.Err(), ErrClosed, URI("com.my.reason"))
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	_, err = Call[int](t.Context(), s, "com.x")
	wantError(t, err, ErrClosed)
	_, err = s.Publish(t.Context(), "com.x")
	wantError(t, err, ErrClosed)
	_, err = s.Register(t.Context(), "com.x", Func0(func(context.Context) (int, error) { return 0, nil }))
	wantError(t, err, ErrClosed)
	_, err = s.Subscribe(t.Context(), "com.x", Event(func(context.Context, int) error { return nil }))
	wantError(t, err, ErrClosed)
	_, err = CallStream[int, int](t.Context(), s, "com.x").Result()
	wantError(t, err, ErrClosed)
	_, err = Go[int](t.Context(), s, "com.x").Result()
	wantError(t, err, ErrClosed)
}

// A router that never answers GOODBYE does not keep Close from returning.
func TestCloseWithoutAnswer(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	ctx, cancel := context.WithCancel(t.Context())
	wait := async(t, func() (int, error) { return 0, s.Close(ctx) })
	sc.expect(`[6, {}, "wamp.close.normal"]`)
	cancel()
	_, err := wait()
	wantError(t, err, context.Canceled)
	<-s.Done()
}

// Close waits for handlers, whose context ends; a handler may close too.
func TestCloseAndHandlers(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	finished := false
	started := make(chan struct{})
	sc.register(s, `[64, 1, {}, "com.wait"]`, `[65, 1, 11]`, "com.wait", Func0(func(ctx context.Context) (int, error) {
		close(started)
		<-ctx.Done()
		if !errors.Is(context.Cause(ctx), ErrClosed) {
			t.Error(context.Cause(ctx))
		}
		finished = true
		return 0, ctx.Err()
	}))
	sc.register(s, `[64, 2, {}, "com.close"]`, `[65, 2, 12]`, "com.close", Func0(func(ctx context.Context) (int, error) {
		return 0, s.Close(context.WithoutCancel(ctx))
	}))
	sc.send(`[68, 1, 11, {}]`)
	<-started
	sc.send(`[68, 2, 12, {}]`)
	sc.expect(`[6, {}, "wamp.close.normal"]`)
	wait := async(t, func() (int, error) { return 0, s.Close(t.Context()) })
	sc.send(`[6, {}, "wamp.close.goodbye_and_out"]`)
	sc.expectEnd()
	_ = sc.conn.Close()
	if _, err := wait(); err != nil || !finished {
		t.Error(err, finished)
	}
}

// S002-28, S003-22: the ways in which a router ends a session can be told apart, and each fails
// what waits.
func TestEnd(t *testing.T) {
	for _, tt := range []struct {
		name    string
		act     func(sc *script)
		then    string
		reasons []error
		text    string
	}{
		{"goodbye", func(sc *script) { sc.send(`[6, {"message": "maintenance"}, "wamp.close.system_shutdown"]`) },
			`[6, {}, "wamp.close.goodbye_and_out"]`, []error{CloseSystemShutdown}, "maintenance"},
		{"abort", func(sc *script) { sc.send(`[3, {"message": "you lie"}, "wamp.error.protocol_violation"]`) },
			"", []error{ErrProtocolViolation}, "you lie"},
		{"lost", func(sc *script) { _ = sc.conn.Close() }, "", []error{CloseTransportLost}, "the router closed the connection"},
		{"not a message", func(sc *script) { sc.send(`{}`) }, "abort", []error{ErrProtocolViolation}, ""},
		{"broken payload", func(sc *script) { sc.send(`[50, 1, {}, [nul]]`) }, "abort", []error{ErrProtocolViolation}, ""},
		{"second welcome", func(sc *script) { sc.send(welcome) }, "abort", []error{ErrProtocolViolation}, "unexpected WELCOME"},
		{"client's message", func(sc *script) { sc.send(`[48, 1, {}, "com.x"]`) }, "abort", []error{ErrProtocolViolation}, "unexpected CALL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sc := newScript(t)
			s := sc.join(sc.dialer())
			sub := sc.subscribe(s, `[32, 1, {}, "com.x"]`, `[33, 1, 21]`, "com.x", Event(func(context.Context, int) error { return nil }))
			wait := async(t, func() (int, error) { return Call[int](t.Context(), s, "com.x") })
			sc.expect(`[48, 2, {}, "com.x"]`)
			tt.act(sc)
			_, err := wait()
			wantError(t, err, append(tt.reasons, ErrClosed)...)
			switch tt.then {
			case "":
			case "abort":
				if m := sc.read(); !strings.Contains(m, "wamp.error.protocol_violation") {
					t.Error(m)
				}
			default:
				sc.expect(tt.then)
			}
			_ = sc.conn.Close()
			<-s.Done()
			<-sub.Done()
			wantError(t, s.Err(), append(tt.reasons, ErrClosed)...)
			wantText(t, s.Err(), tt.text)
		})
	}
}

// A session ends while many goroutines use it: each operation ends, and so do
// all goroutines.
func TestEndUnderLoad(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	ended := make(chan error, 100)
	for i := range cap(ended) {
		go func() {
			for {
				var err error
				switch i % 4 {
				case 0:
					_, err = Call[int](t.Context(), s, "com.x")
				case 1:
					_, err = s.Publish(t.Context(), "com.x", Args{strings.Repeat("x", 1000)})
				case 2:
					_, err = s.Subscribe(t.Context(), "com.x", Event(func(context.Context, int) error { return nil }))
				case 3:
					_, err = CallStream[int, int](t.Context(), s, "com.x").Result()
				}
				if err != nil {
					ended <- err
					return
				}
			}
		}()
	}
	for range 100 {
		_ = sc.read()
	}
	_ = sc.conn.Close()
	for range cap(ended) {
		wantError(t, <-ended, ErrClosed, CloseTransportLost)
	}
}

// A publisher that is faster than its router slows down instead of failing or
// filling memory.
func TestSlowRouter(t *testing.T) {
	sc := newScript(t)
	d := sc.dialer()
	d.MaxQueue = 64 << 10
	s := sc.join(d)
	const n = 200
	text := strings.Repeat("x", 100<<10)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	sent := async(t, func() (int, error) {
		for i := range n {
			if _, err := s.Publish(ctx, "com.x", Args{text}); err != nil {
				return i, err
			}
		}
		return n, nil
	})
	for range n {
		_ = sc.read()
	}
	if i, err := sent(); err != nil {
		t.Error(i, err)
	}

	// While the router does not read, ctx ends the wait.
	sent = async(t, func() (int, error) {
		for {
			if _, err := s.Publish(ctx, "com.x", Args{text}); err != nil {
				return 0, err
			}
		}
	})
	_ = sc.read()
	cancel()
	_, err := sent()
	wantError(t, err, context.Canceled)
}
