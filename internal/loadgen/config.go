package loadgen

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"time"
)

// Config says what to run against which router. The zero value of each number
// means the scenario's own default, see [Scenario].
type Config struct {
	// URL is the router: ws://host:port/path, wss://…, tcp://host:port,
	// tls://host:port or unix:/path, the last three being RawSocket.
	URL string
	// PeerURL is where callees and subscribers connect: the same as URL when
	// empty.
	PeerURL string
	// Realm is the realm to join, "realm1" when empty.
	Realm string
	// Serializer is "cbor" (the default), "msgpack" or "json".
	Serializer string
	// PeerSerializer is that of callees and subscribers: the same when empty.
	PeerSerializer string
	// Prefix begins the URI of every procedure and topic, "wampeter.bench" when
	// empty. Two generators that load one realm need different prefixes.
	Prefix string
	// Insecure accepts any certificate of the router.
	Insecure bool

	// Scenario is the name of one of [Scenarios].
	Scenario string
	// Clients is the number of callers, of subscribers, of clients that join
	// and leave, or of idle sessions.
	Clients int
	// Window is how many calls a caller keeps open, or how many publications
	// may be on their way.
	Window int
	// Publishers is the number of publishing sessions.
	Publishers int
	// Topics is the number of topics; they are dealt out to the subscribers.
	Topics int
	// Payload is the length in octets of the one text argument that calls,
	// results and events carry. NoPayload means none at all.
	Payload int
	// Kind is what a payload consists of: "text" (the default), one string;
	// "binary", one string of bytes, which JSON has not; or "records", a list of
	// small dictionaries of about Payload octets.
	Kind string
	// Rate is the number of publications, or of the paced calls, a second, 0
	// meaning as many as the router takes.
	Rate float64
	// Patterns is how many subscriptions with patterns, half of them prefixes
	// and half with wildcards, are there that no topic of the run matches.
	Patterns int
	// Results is how many progressive results a call has.
	Results int
	// Compress offers permessage-deflate on WebSocket connections.
	Compress bool

	// Warmup passes before measuring starts, 500 ms by default.
	Warmup time.Duration
	// Duration is how long is measured, 5 s by default.
	Duration time.Duration
	// Count ends the measurement early, after that many operations.
	Count int64
	// Timeout bounds setting up: connecting, joining, registering and
	// subscribing. One minute by default.
	Timeout time.Duration

	// PID is the router's process. Its CPU time and memory, and those of its
	// descendants, become part of the report. 0 leaves that out.
	PID int
}

// NoPayload is a Config.Payload that leaves the arguments out.
const NoPayload = -1

// A Scenario is a kind of load.
type Scenario struct {
	// Name selects the scenario in Config.Scenario.
	Name string
	// Summary is one line that says what happens.
	Summary string
	// Unit is what is counted: "call", "event" (delivered to a subscriber), or
	// "session".
	Unit string
	// Defaults holds the numbers that a Config leaves at 0.
	Defaults Config

	prepare func(*run, context.Context) error
	hold    bool // opens sessions and holds them, instead of preparing workers
	grows   bool // measures at one size of the router after the other
}

// Scenarios lists what [Run] can do, the names being the values of
// Config.Scenario.
func Scenarios() []Scenario {
	return []Scenario{
		{
			Name: "call", Unit: "call",
			Summary:  "one caller, one call at a time",
			Defaults: Config{Clients: 1, Window: 1, Payload: 32},
			prepare:  (*run).prepareCalls,
		},
		{
			Name: "callers", Unit: "call",
			Summary:  "64 callers, one call each at a time",
			Defaults: Config{Clients: 64, Window: 1, Payload: 32},
			prepare:  (*run).prepareCalls,
		},
		{
			Name: "pipeline", Unit: "call",
			Summary:  "8 callers that keep 32 calls open each",
			Defaults: Config{Clients: 8, Window: 32, Payload: 32},
			prepare:  (*run).prepareCalls,
		},
		{
			Name: "large", Unit: "call",
			Summary:  "one caller, one call at a time, 1 MiB of text each way",
			Defaults: Config{Clients: 1, Window: 1, Payload: 1 << 20},
			prepare:  (*run).prepareCalls,
		},
		{
			Name: "fanout", Unit: "event",
			Summary:  "one publisher, 50 subscribers of one topic, 64 publications on their way",
			Defaults: Config{Clients: 50, Publishers: 1, Topics: 1, Window: 64, Payload: 32},
			prepare:  (*run).prepareFanout,
		},
		{
			Name: "paced", Unit: "event",
			Summary:  "one publisher at 200 events a second, 50 subscribers of one topic",
			Defaults: Config{Clients: 50, Publishers: 1, Topics: 1, Window: 1, Payload: 32, Rate: 200},
			prepare:  (*run).prepareFanout,
		},
		{
			Name: "topics", Unit: "event",
			Summary:  "1,000 topics, 4 publishers, 50 subscribers, each topic having one of them",
			Defaults: Config{Clients: 50, Publishers: 4, Topics: 1000, Window: 128, Payload: 32},
			prepare:  (*run).prepareTopics,
		},
		{
			Name: "patterns", Unit: "event",
			Summary:  "one publisher, one subscriber, and 10,000 subscriptions to patterns of others",
			Defaults: Config{Clients: 1, Publishers: 1, Topics: 1, Window: 64, Payload: 32, Patterns: 10_000},
			prepare:  (*run).prepareFanout,
		},
		{
			Name: "progress", Unit: "result",
			Summary:  "one call at a time, with 10,000 progressive results each",
			Defaults: Config{Clients: 1, Window: 1, Payload: 32, Results: 10_000},
			prepare:  (*run).prepareProgress,
		},
		{
			Name: "firehose", Unit: "call",
			Summary:  "100 calls a second, beside a caller that keeps 1,000 calls open",
			Defaults: Config{Clients: 1, Window: 1000, Payload: 32, Rate: 100},
			prepare:  (*run).prepareFirehose,
		},
		{
			Name: "flood", Unit: "call",
			Summary:  "100 calls a second, beside a publisher that keeps 5,000 events on their way to one subscriber",
			Defaults: Config{Clients: 1, Publishers: 1, Window: 5000, Payload: 32, Rate: 100},
			prepare:  (*run).prepareFlood,
		},
		{
			Name: "join", Unit: "session",
			Summary:  "4 clients that connect, join, leave and disconnect over and over",
			Defaults: Config{Clients: 4},
			prepare:  (*run).prepareJoins,
		},
		{
			Name: "idle", Unit: "session",
			Summary:  "opens 10,000 sessions that do nothing, and measures the memory they take",
			Defaults: Config{Clients: 10_000},
			hold:     true,
		},
		{
			Name: "connections", Unit: "session",
			Summary:  "from 10 sessions to 10,000, and to 100,000 subscriptions and registrations: what operations cost at each size",
			Defaults: Config{Clients: 10_000, Topics: 100_000, Payload: 32},
			grows:    true,
		},
	}
}

// maxClients bounds what a slip of the finger can start.
const maxClients = 1 << 20

// complete returns the scenario and the configuration with defaults filled in.
func (c Config) complete() (Scenario, Config, error) {
	var s Scenario
	var names []string
	for _, each := range Scenarios() {
		names = append(names, each.Name)
		if each.Name == c.Scenario {
			s = each
		}
	}
	if s.Name == "" {
		return s, c, fmt.Errorf("unknown scenario %q, want one of %s", c.Scenario, strings.Join(names, ", "))
	}
	if c.URL == "" {
		return s, c, fmt.Errorf("no URL of a router")
	}
	c.Realm = orDefault(c.Realm, "realm1")
	c.Serializer = orDefault(c.Serializer, "cbor")
	c.Prefix = orDefault(c.Prefix, "wampeter.bench")
	d := s.Defaults
	for _, n := range []struct {
		name  string
		value *int
		unset int
	}{
		{"clients", &c.Clients, d.Clients}, {"window", &c.Window, d.Window},
		{"publishers", &c.Publishers, d.Publishers}, {"topics", &c.Topics, d.Topics},
		{"patterns", &c.Patterns, d.Patterns}, {"results", &c.Results, d.Results},
	} {
		if *n.value == 0 {
			*n.value = n.unset
		}
		if *n.value < 0 || *n.value > maxClients {
			return s, c, fmt.Errorf("%s is %d, want 1 to %d", n.name, *n.value, maxClients)
		}
	}
	if c.Payload == 0 {
		c.Payload = d.Payload
	}
	if c.Payload < NoPayload || c.Payload > maxMessage/2 {
		return s, c, fmt.Errorf("payload is %d octets, want at most %d", c.Payload, maxMessage/2)
	}
	if c.Rate == 0 {
		c.Rate = d.Rate
	}
	if c.Rate < 0 {
		return s, c, fmt.Errorf("rate is %g, want a positive number", c.Rate)
	}
	if c.Rate > 0 && s.Unit != "event" && d.Rate == 0 {
		return s, c, fmt.Errorf("scenario %s has no rate", s.Name)
	}
	switch c.Kind = orDefault(c.Kind, "text"); {
	case c.Kind != "text" && c.Kind != "binary" && c.Kind != "records":
		return s, c, fmt.Errorf("payload of kind %q, want text, binary or records", c.Kind)
	case c.Kind == "binary" && (c.Serializer == "json" || c.PeerSerializer == "json"):
		return s, c, fmt.Errorf("JSON has no binary payloads")
	}
	if c.Warmup == 0 {
		c.Warmup = 500 * time.Millisecond
	}
	if c.Duration == 0 {
		c.Duration = 5 * time.Second
	}
	if c.Timeout == 0 {
		c.Timeout = time.Minute
	}
	if c.Warmup < 0 || c.Duration < 0 || c.Timeout < 0 || c.Count < 0 {
		return s, c, fmt.Errorf("a time or count is negative")
	}
	return s, c, nil
}

// AddFlags defines one flag per field, without the scenario's name, which is
// the command's argument.
func (c *Config) AddFlags(f *flag.FlagSet) {
	f.StringVar(&c.URL, "url", "ws://127.0.0.1:8080/ws", "router: ws, wss, tcp, tls or unix `URL`")
	f.StringVar(&c.PeerURL, "peer-url", "", "`URL` for callees and subscribers (default the same)")
	f.StringVar(&c.Realm, "realm", "realm1", "realm to join")
	f.StringVar(&c.Serializer, "serializer", "cbor", "cbor, msgpack or json")
	f.StringVar(&c.PeerSerializer, "peer-serializer", "", "serializer of callees and subscribers (default the same)")
	f.StringVar(&c.Prefix, "prefix", "wampeter.bench", "first components of every URI used")
	f.BoolVar(&c.Insecure, "insecure", false, "accept any certificate")
	f.IntVar(&c.Clients, "clients", 0, "callers, subscribers or sessions (0: as the scenario says)")
	f.IntVar(&c.Window, "window", 0, "open calls per caller, or publications on their way (0: as the scenario says)")
	f.IntVar(&c.Publishers, "publishers", 0, "publishing sessions (0: as the scenario says)")
	f.IntVar(&c.Topics, "topics", 0, "topics (0: as the scenario says)")
	f.IntVar(&c.Payload, "payload", 0, "octets of text in each message (0: as the scenario says, -1: none)")
	f.StringVar(&c.Kind, "kind", "text", "`what` payloads are: text, binary or records")
	f.Float64Var(&c.Rate, "rate", 0, "publications or paced calls a second (0: as the scenario says)")
	f.IntVar(&c.Patterns, "patterns", 0, "subscriptions to patterns that nothing matches (0: as the scenario says)")
	f.IntVar(&c.Results, "results", 0, "progressive results of a call (0: as the scenario says)")
	f.BoolVar(&c.Compress, "compress", false, "offer permessage-deflate on WebSocket")
	f.DurationVar(&c.Warmup, "warmup", 500*time.Millisecond, "time before measuring starts")
	f.DurationVar(&c.Duration, "duration", 5*time.Second, "time to measure")
	f.Int64Var(&c.Count, "count", 0, "operations after which to stop early (0: no limit)")
	f.DurationVar(&c.Timeout, "timeout", time.Minute, "time limit for setting up")
	f.IntVar(&c.PID, "pid", 0, "router's process: adds its CPU time and memory to the report (Linux)")
}
