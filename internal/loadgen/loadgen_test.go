package loadgen

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/wampeter/wampeter/internal/msg"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// brief makes a scenario small: it ends after some operations.
func brief(scenario, url string) Config {
	c := Config{Scenario: scenario, URL: url, Warmup: time.Millisecond, Duration: time.Minute, Count: 20, Topics: 20}
	switch scenario {
	case "callers", "fanout", "paced", "topics":
		c.Clients = 5
	case "connections":
		c.Clients, c.Topics = 25, 40
	case "idle":
		c.Clients, c.Duration = 40, time.Millisecond
	case "large":
		c.Payload = 100_000
	case "patterns":
		c.Patterns = 30
	case "progress":
		c.Results = 30
	case "firehose", "flood":
		c.Window, c.Rate = 10, 1000
	}
	return c
}

func TestScenarios(t *testing.T) {
	type router struct {
		name, network, prefix, suffix, serializer string
		handle                                    func(*testPeer, *testConn, []any, []byte) error
	}
	routers := []router{
		{name: "RawSocket/cbor", network: "tcp", prefix: "tcp://", serializer: "cbor"},
		{name: "RawSocket/json", network: "unix", prefix: "unix:", serializer: "json"},
		{name: "WebSocket/json", network: "tcp", prefix: "ws://", suffix: "/ws", serializer: "json"},
		{name: "WebSocket/msgpack", network: "tcp", prefix: "ws://", serializer: "msgpack"},
		{name: "relay", network: "tcp", prefix: "relay+tcp://", handle: relayMessage},
		{name: "relay/WebSocket", network: "tcp", prefix: "relay+ws://", handle: relayMessage},
	}
	for _, r := range routers {
		for _, s := range Scenarios() {
			if s.grows && r.handle != nil {
				continue // the relay knows neither sessions nor subscriptions
			}
			t.Run(r.name+"/"+s.Name, func(t *testing.T) {
				p := testPeer{handle: r.handle}
				c := brief(s.Name, r.prefix+startPeer(t, r.network, &p)+r.suffix)
				c.Serializer = r.serializer
				report, err := Run(t.Context(), c)
				if err != nil {
					t.Fatal(err)
				}
				if report.Operations < 20 || report.Errors != 0 || report.Lost != 0 || report.Unit != s.Unit {
					t.Errorf("got %+v", report)
				}
				timed := s.Unit == "call" || s.Name == "join" || s.Name == "paced"
				if (report.Latency != nil) != timed {
					t.Errorf("latency is %+v", report.Latency)
				}
			})
		}
	}
}

// The two ends may differ in transport and serializer. A router that decodes
// nothing could not tell; ours does, and passes on what it decoded.
func TestTwoSerializers(t *testing.T) {
	p := testPeer{}
	address := startPeer(t, "tcp", &p)
	c := brief("pipeline", "tcp://"+address)
	c.Serializer, c.PeerURL, c.PeerSerializer = "cbor", "ws://"+address, "json"
	report, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if report.Operations == 0 || report.Errors != 0 {
		t.Errorf("got %+v", report)
	}
}

func TestErrorsAreCounted(t *testing.T) {
	c := brief("pipeline", "tcp://"+startPeer(t, "tcp", &testPeer{refuse: "com.example.refused"}))
	c.Serializer, c.Duration = "json", 500*time.Millisecond
	report, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if report.Operations != 0 || report.Errors == 0 || !strings.Contains(report.FirstError, "com.example.refused") {
		t.Errorf("got %+v", report)
	}
}

func TestRunFails(t *testing.T) {
	challenge := func(_ *testPeer, c *testConn, _ []any, _ []byte) error {
		return c.send(int(msg.Challenge), "ticket", map[string]any{})
	}
	noise := func(_ *testPeer, c *testConn, _ []any, _ []byte) error { return c.write([]byte("noise")) }
	silence := func(*testPeer, *testConn, []any, []byte) error { return nil }
	tests := []struct {
		name   string
		peer   *testPeer
		change func(*Config)
		want   string
	}{
		{"realm", &testPeer{}, func(c *Config) { c.Realm = "other" }, "wamp.error.no_such_realm"},
		{"authentication", &testPeer{handle: challenge}, nil, "authentication"},
		{"noise", &testPeer{handle: noise}, nil, errScan.Error()},
		{"silence", &testPeer{handle: silence}, func(c *Config) { c.Timeout = 10 * time.Millisecond }, "setting up took more than"},
		{"closed while joining", &testPeer{closeOn: msg.Hello}, nil, "EOF"},
		{"closed while calling", &testPeer{closeOn: msg.Call}, nil, "caller 0: EOF"},
		{"two publishers at a rate", &testPeer{}, func(c *Config) { c.Scenario, c.Publishers = "paced", 2 }, "single publisher"},
		{"few topics", &testPeer{}, func(c *Config) { c.Scenario, c.Topics = "topics", 2 }, "too few"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := brief("call", "tcp://"+startPeer(t, "tcp", test.peer))
			c.Count = 0
			if test.change != nil {
				test.change(&c)
			}
			_, err := Run(t.Context(), c)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestContextEndsTheRun(t *testing.T) {
	for _, s := range Scenarios() {
		t.Run(s.Name, func(t *testing.T) {
			why := errors.New("enough")
			ctx, cancel := context.WithCancelCause(t.Context())
			p := testPeer{}
			p.handle = func(p *testPeer, c *testConn, m []any, _ []byte) error {
				switch msg.Type(m[0].(uint64)) {
				case msg.Call, msg.Publish:
					cancel(why)
				case msg.Hello:
					if s.Unit == "session" {
						cancel(why)
					}
				}
				return p.route(c, m)
			}
			c := brief(s.Name, "tcp://"+startPeer(t, "tcp", &p))
			c.Duration, c.Count = time.Hour, 0
			if _, err := Run(ctx, c); !errors.Is(err, why) {
				t.Errorf("error %v, want %v", err, why)
			}
		})
	}
}

func TestInvalidConfig(t *testing.T) {
	valid := Config{Scenario: "call", URL: "tcp://127.0.0.1:1"}
	tests := []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"no scenario", func(c *Config) { c.Scenario = "" }, "want one of call, callers"},
		{"no URL", func(c *Config) { c.URL = "" }, "no URL"},
		{"scheme", func(c *Config) { c.URL = "http://localhost" }, `scheme "http"`},
		{"no port", func(c *Config) { c.URL = "tcp://localhost" }, "no address"},
		{"no path", func(c *Config) { c.URL = "unix:" }, "no address"},
		{"serializer", func(c *Config) { c.Serializer = "xml" }, `serializer "xml"`},
		{"peer's serializer", func(c *Config) { c.PeerSerializer = "xml" }, `serializer "xml"`},
		{"clients", func(c *Config) { c.Clients = -1 }, "clients is -1"},
		{"window", func(c *Config) { c.Window = maxClients + 1 }, "window is"},
		{"payload", func(c *Config) { c.Payload = maxMessage }, "payload is"},
		{"rate of calls", func(c *Config) { c.Rate = 1 }, "no rate"},
		{"negative rate", func(c *Config) { c.Scenario, c.Rate = "paced", -1 }, "rate is -1"},
		{"negative time", func(c *Config) { c.Duration = -1 }, "negative"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := valid
			test.change(&c)
			if _, err := Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestTarget(t *testing.T) {
	tests := []struct {
		url, network, address string
		tls, websocket, relay bool
	}{
		{"ws://example.org/ws", "tcp", "example.org:80", false, true, false},
		{"wss://[::1]:8443", "tcp", "[::1]:8443", true, true, false},
		{"wss://example.org", "tcp", "example.org:443", true, true, false},
		{"rs://127.0.0.1:1", "tcp", "127.0.0.1:1", false, false, false},
		{"tls://example.org:1", "tcp", "example.org:1", true, false, false},
		{"rss://example.org:1", "tcp", "example.org:1", true, false, false},
		{"unix:/run/w", "unix", "/run/w", false, false, false},
		{"unix:///run/w", "unix", "/run/w", false, false, false},
		{"unix:w", "unix", "w", false, false, false},
		{"relay+ws://127.0.0.1:1", "tcp", "127.0.0.1:1", false, true, true},
	}
	for _, test := range tests {
		got, err := parseTarget(test.url, "json", false)
		if err != nil {
			t.Errorf("%s: %v", test.url, err)
			continue
		}
		if got.network != test.network || got.address != test.address || (got.tls != nil) != test.tls ||
			(got.websocket != nil) != test.websocket || got.relay != test.relay {
			t.Errorf("%s: got %+v", test.url, got)
		}
	}
}

// Deliveries that never arrive count as lost after a while, and publishing
// goes on.
func TestFlowCountsWhatIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		quiet := make(chan struct{})
		f := &flow{limit: 10, receivers: 5, wake: make(chan struct{}, 1), quiet: quiet}
		for range 2 {
			f.acquire(5)
		}
		f.release(3)
		if !f.acquire(5) {
			t.Fatal("told to publish no more")
		}
		if got := f.lost.Load(); got != 7 {
			t.Errorf("%d lost, want the 7 that were outstanding", got)
		}
		f.drain(t.Context())
		if got := f.lost.Load(); got != 12 {
			t.Errorf("%d lost after draining, want 12", got)
		}
		close(quiet)
		if f.acquire(5) {
			t.Error("told to publish more")
		}
	})
}

func TestUsageOfAProcess(t *testing.T) {
	c := brief("call", "tcp://"+startPeer(t, "tcp", &testPeer{}))
	c.PID = os.Getpid()
	report, err := Run(t.Context(), c)
	if runtime.GOOS != "linux" {
		if err == nil || !strings.Contains(err.Error(), runtime.GOOS) {
			t.Errorf("error %v, want one that names the system", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if u := report.Router; u == nil || u.CPUMicros <= 0 || u.PSS <= 0 || u.RSS < u.PSS || report.GeneratorMicros <= 0 {
		t.Errorf("got %+v of %+v", u, report)
	}
	c.PID = 1 << 30
	if _, err := Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), "process 1073741824") {
		t.Errorf("error %v, want one that names the process", err)
	}
}

func TestReportForms(t *testing.T) {
	r := Report{
		Scenario: "idle", Unit: "session", URL: "tcp://127.0.0.1:1", Serializer: "cbor", Clients: 10,
		Operations: 10, Seconds: 2, PerSecond: 5, Errors: 1, FirstError: "refused", Lost: 3, GeneratorMicros: 1.5,
		Router:  &RouterUsage{CPUMicros: 30, CPUShare: 0.5, RSS: 3 << 20, PSS: 2 << 20, PSSBefore: 1 << 20, BytesPerSession: 6144},
		Latency: &Latency{Mean: 1, P50: 2, P90: 3, P99: 4, P999: 5, Max: 6},
	}
	var text strings.Builder
	if err := r.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	want := `scenario       idle: 10 clients, window 0, payload 0, cbor
router         tcp://127.0.0.1:1
sessions       10 in 2.00 s, 5/s
errors         1, the first: refused
lost           3 deliveries
latency        mean 1 µs, 50% 2, 90% 3, 99% 4, 99.9% 5, max 6
router CPU     30.00 µs per session, 50 % of a core
router memory  PSS 2.0 MiB, RSS 3.0 MiB
per session    6.0 KiB
generator CPU  1.50 µs per session
`
	if text.String() != want {
		t.Errorf("got\n%s\nwant\n%s", text.String(), want)
	}
	var js strings.Builder
	if err := r.WriteJSON(&js); err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal([]byte(js.String()), &back); err != nil {
		t.Fatal(err)
	}
	if *back.Router != *r.Router || *back.Latency != *r.Latency || back.Operations != r.Operations {
		t.Errorf("JSON came back as %+v", back)
	}
}
